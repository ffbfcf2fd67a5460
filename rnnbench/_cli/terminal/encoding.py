"""Output in an encoding that lacks some characters, such as a redirected console of Windows."""

from __future__ import annotations

import codecs
import sys

SIMILAR = {
    "≥": ">=", "≤": "<=", "±": "+-", "×": "x", "→": "->", "−": "-", "–": "-", "—": "-", "…": "...", "·": ".", "•": "*",
    "‘": "'", "’": "'", "“": '"', "”": '"', **dict.fromkeys("▁▂▃▄▅▆▇█━╸╺", "#"),
}  # fmt: skip
"""What is written in the place of a character that the encoding lacks. Others become a question mark."""

_lacking: set[str] = set()  # encodings for which a question mark was written


def accept_every_character() -> None:
    """Make stdout and stderr write every character, or what stands for it, instead of raising UnicodeEncodeError."""
    _lacking.clear()
    codecs.register_error("rnnbench", _replace)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's streams take every character
            stream.reconfigure(errors="rnnbench")


def lacking_line() -> str:
    """Return the message about characters that were lost; empty if none was."""
    if not _lacking:
        return ""
    return f"? stands for characters that {' and '.join(sorted(_lacking))} lacks: set PYTHONIOENCODING=utf-8"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if not SIMILAR.keys() >= set(text):
        _lacking.add(sys.stdout.encoding if error.encoding == "charmap" else error.encoding)  # Python's word for all code pages
    return "".join(SIMILAR.get(char, "?") for char in text), error.end
