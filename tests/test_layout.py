"""The layout: imports never point upward, task files import torch and rnnbench.task alone, --help starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnnbench"
LEVELS = (
    # from the ground up: a module may import from its own row and the rows above it in this list
    ("rnnbench", "rnnbench.errors", "rnnbench.task", "rnnbench.stats", "rnnbench.size", "rnnbench.reached", "rnnbench.pickled"),
    ("rnnbench.cell", "rnnbench.config", "rnnbench.sources"),
    ("rnnbench.options", "rnnbench.optimizers"),
    ("rnnbench.cells", "rnnbench.engine", "rnnbench.initializers", "rnnbench.stack", "rnnbench.session"),
    ("rnnbench.catalog", "rnnbench.study"),
    ("rnnbench.resolve", "rnnbench.ask"),
    ("rnnbench.model",),
    ("rnnbench.train",),
    ("rnnbench.testing",),
    ("rnnbench.execute",),
    (
        "rnnbench.sweep",
        "rnnbench.insight",
        "rnnbench.summary",
        "rnnbench.comparison",
        "rnnbench.published",
        "rnnbench.reproductions",
        "rnnbench.plots",
        "rnnbench.tables",
    ),
    ("rnnbench.claims", "rnnbench.tune"),
    ("rnnbench.report", "rnnbench.api", "rnnbench.result"),
    ("rnnbench.cli", "rnnbench.start", "rnnbench.__main__"),
)


def imports(path: Path) -> set[str]:
    """Every module a file imports, inside functions too, but not those for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name for name in submodules if (ROOT / Path(*name.split("."))).with_suffix(".py").exists()}
            known |= {name for name in submodules if (ROOT / Path(*name.split("."))).is_dir()}
            found |= known or {node.module}
    return found


def level(module: str) -> int:
    best = max((name for row in LEVELS for name in row if f"{module}.".startswith(f"{name}.")), key=len)
    return next(k for k, row in enumerate(LEVELS) if best in row)


MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_never_point_upward(path: Path) -> None:
    name = module_name(path)
    for imported in imports(path):
        if imported.split(".")[0] == "rnnbench":
            assert level(imported) <= level(name), f"{name} imports {imported}"


@pytest.mark.parametrize("path", sorted((ROOT / "tasks").glob("*.py")), ids=lambda path: path.stem)
def test_task_files_import_torch_and_the_contract_alone(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] not in ("torch", *sys.stdlib_module_names)}
    assert ours == {"rnnbench.task"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "cells").glob("*.py")), ids=lambda path: path.stem)
def test_cell_files_import_torch_and_the_contract_alone(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] not in ("torch", *sys.stdlib_module_names)}
    assert ours in ({"rnnbench.cell"}, {"rnnbench.cells"})  # the second is the name that strangers know


@pytest.mark.parametrize(
    "path", [p for p in MODULES if "plots" in p.parts or p.stem in ("stats", "published", "reproductions")], ids=module_name
)
def test_plots_and_stats_never_import_torch(path: Path) -> None:
    assert not any(name.split(".")[0] == "torch" for name in imports(path))


@pytest.mark.parametrize("path", [p for p in MODULES if not {"cli", "__main__.py", "start.py"} & set(p.parts)], ids=module_name)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)}
    assert not calls & {"print", "exit", "sys.exit", "typer.echo"}


PRESETS = (  # what is said of single cells and tasks on purpose: claims, hand-picked weights, the published record, defaults
    "claims", "verify", "published", "constructions", "plots", "gradients", "measures", "sensitivity", "guess", "lists", "engine",
    "api", "migrations",
)  # fmt: skip


def test_no_file_but_its_own_knows_the_name_of_a_cell_or_a_task() -> None:
    from rnnbench import catalog

    names = {*catalog.CELLS.named(), *catalog.TASKS.named()}
    for path in MODULES:
        if path.parent.name == "cells" or {path.stem, path.parent.name} & set(PRESETS):
            continue
        words = {node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)}
        assert not words & names, path


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, rnnbench.cli; print(sorted({'torch', 'pandas', 'matplotlib', 'numba'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
