"""Languages of figures: their titles, axes, legends and notes in English or Chinese, and the fonts that Chinese requires."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from matplotlib.font_manager import findSystemFonts, fontManager, get_font_names

from rnnbench._errors import UserError

LANGUAGES = ("en", "zh")

CHINESE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei"),
    *("SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans CJK JP", "Noto Sans CJK TC", "Arial Unicode MS"),
    *("Droid Sans Fallback", "Noto Serif CJK SC", "Noto Serif CJK JP", "Songti SC", "SimSun", "AR PL UMing CN"),
)
"""Fonts with Chinese characters, the most suitable first. Collections go by the name of their first font, such as JP."""
FONT_FILES = (
    "cjk",
    "sourcehan",
    "notosanssc",
    "pingfang",
    "hiragino",
    "heiti",
    "msyh",
    "simhei",
    "wqy",
    "droidsansfallback",
    "uming",
)
"""Parts of the names of their files."""

_phrases: ContextVar[Mapping[str, str]] = ContextVar("phrases", default=MappingProxyType({}))


@contextmanager
def language(name: str) -> Iterator[None]:
    """Write figures inside the block in a language.

    Args:
        name: ``en`` or ``zh``.

    Raises:
        UserError: the language does not exist, or no font with Chinese characters is installed.
    """
    if name not in LANGUAGES:
        raise UserError(f"unknown language {name!r}: choose one of {', '.join(LANGUAGES)}")
    if name == "zh" and not chinese_fonts():
        raise UserError("no font with Chinese characters is installed: install one, such as Noto Sans CJK, or use --language en")
    token = _phrases.set({} if name == "en" else _translations(name))
    try:
        yield
    finally:
        _phrases.reset(token)


def phrase(text: str, **values: object) -> str:
    """Return an English text of a figure in the current language, with values in place of the names in braces."""
    found = _phrases.get().get(text, text)
    return found.format(**values) if values else found


@functools.cache
def _translations(name: str) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads(files("rnnbench.plots").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    return found


def has_chinese(text: str) -> bool:
    """Return True if a text has characters of East Asian scripts, which matplotlib's own font lacks."""
    return any(ord(character) >= 0x2E80 for character in text)


@functools.cache
def chinese_fonts() -> list[str]:
    """Return the installed fonts with Chinese characters; also finds those that are newer than matplotlib's list of fonts."""
    if not set(CHINESE_FONTS) & set(get_font_names()):
        for file in findSystemFonts():
            if any(part in Path(file).name.lower() for part in FONT_FILES):
                fontManager.addfont(file)
    return sorted(set(CHINESE_FONTS) & set(get_font_names()), key=CHINESE_FONTS.index)
