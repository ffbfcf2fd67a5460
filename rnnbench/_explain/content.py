"""The committed text and numbers of the introduction."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

TASKS = ("beijing", "recall")
"""The tasks whose sentences are read."""
CELLS = {"rnn": ("h",), "lstm": ("f", "i", "g", "C", "o", "h"), "gru": ("r", "z", "n", "h")}
"""The cells in the order of the introduction, each with its quantities in the order in which they are explained."""
LANGUAGES = ("en", "zh")


def read_asset(name: str) -> str:
    """Return the text of a file of this room."""
    return files("rnnbench._explain").joinpath(name).read_text(encoding="utf-8")


@cache
def texts(language: str) -> dict[str, Any]:
    """Return all texts in a language: ``section`` (a list), ``names``, ``quantities``, ``text`` and ``page``."""
    return tomllib.loads(read_asset(f"{language}.toml"))


@cache
def networks() -> dict[str, Any]:
    """Return the sentence of each task, and the trained networks that read it, by cell."""
    found: dict[str, Any] = json.loads(read_asset("networks.json"))
    return found


@cache
def measured() -> dict[str, Any]:
    """Return ``accuracy`` by task, gap and cell, and ``gradients`` by cell, relative to the last step."""
    found: dict[str, Any] = json.loads(read_asset("measured.json"))
    return found
