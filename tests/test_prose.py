"""Tests of the prose: docstrings of functions begin with a verb, and no text uses a phrase that has a plainer form."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = sorted(path for folder in ("rnnbench", "tasks", "tests", "docs") for path in (ROOT / folder).rglob("*.py"))
PAGES = [path for path in ROOT.rglob("*.md") if not {".venv", ".git", "build"} & set(path.relative_to(ROOT).parts)]
FIXED_WORDING = {  # claims and findings are never reworded; this file lists the phrases
    ROOT / "rnnbench" / "_claims" / "baselines.py",
    ROOT / "rnnbench" / "_claims" / "findings.py",
    Path(__file__),
}
OPENINGS = {  # some pass D401
    "As", "By", "From", "How", "Of", "So", "That", "Those", "What", "When", "Where", "Whether", "Which", "Who", "Why"
}  # fmt: skip
PLAINER = {
    r"(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|one\b|such\b)\w": "is not a, has no",
    r"\w alone\b(?! \w+ed\b)": "only",
    r"\btold\b": "message, reported",
    r"\bof (its|their|your|his|our|one's|the user's) own\b|\bof ours\b|\bstrangers?\b": "custom, its own X, unknown",
    r"\b(make|made|makes|making)( it| them)? again\b|\banew\b": "reproduce, again",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bso many\b|\bsome (six|ten)\b": "a number",
    r"\bow(es?|ed)\b": "must return",
    r"\bwith (all|every|no) seeds?\b": "all seeds, no seed",
    r"\bat fault\b|\bto blame\b": "broken",
    r"\bgoes on\b|\bat work\b": "continues, running",
    r"\bthat the (cell|run|study|sweep|task|user) has\b": "the run's X",
}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page, or of the comments and strings of a Python file, with their numbers."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from enumerate(source.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if tokenize.tok_name[token.type] in {"COMMENT", "STRING", "FSTRING_MIDDLE"}:
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def test_no_text_uses_a_phrase_that_has_a_plainer_form() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()!r}: write {advice!r}"
        for path in [*PYTHON, *PAGES]
        if path not in FIXED_WORDING
        for number, line in texts(path)
        for pattern, advice in PLAINER.items()
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


def test_function_docstrings_begin_with_a_verb() -> None:
    functions = [
        (path, node)
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node)
    ]
    assert len(functions) > 300
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}: {ast.get_docstring(node)}"
        for path, node in functions
        if (ast.get_docstring(node) or "").split()[0] in OPENINGS
    ]
    assert not found, "\n".join(found)
