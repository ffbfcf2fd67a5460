"""The options of a task or a cell: the parameters of its ``__init__``, with their types and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

from rnnbench._config import Option, Options
from rnnbench._errors import PluginError, UserError, class_location, did_you_mean, shorten_repr

SIZES = 2
"""The number of a cell's first arguments that are not options: input size and hidden size."""

LONGEST_NAME = 60
LONGEST_OPTION = 1000
"""Characters of an option as text; a table holds it in one cell."""


def check_name(what: str, name: str) -> None:
    """Raise UserError unless a name can be a part of labels, lists on the command line and tables.

    Any script will do. A space, a slash, a comma or an @ separates names.
    """
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()) or set(name) & set(" /\\,@"):
        rule = f"use 1 to {LONGEST_NAME} printable characters other than a space, / \\ , and @"
        raise UserError(f"{what} {shorten_repr(name)} cannot be a name: {rule}")


def parameters_of(cls: type, sizes: int) -> dict[str, inspect.Parameter]:
    """Return the parameters of ``__init__`` without the first ``sizes``, which are not options."""
    parameters = dict(inspect.signature(cls).parameters)
    in_order = [name for name, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for name in in_order[:sizes]:
        del parameters[name]
    return {name: p for name, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def typed_options(owner: str, cls: type, sizes: int, given: Mapping[str, Option]) -> Options:
    """Return all options of a class by name: the given ones converted to their declared types, the defaults of the others.

    An option declared as ``float | None = None`` is left out unless it is given, so that a new one changes no run_id.
    """
    parameters = parameters_of(cls, sizes)
    hints = get_type_hints(cls.__init__)  # type: ignore[misc]  # mypy warns that a subclass may differ
    for key in given:
        if key not in parameters:
            known = did_you_mean(key, parameters, "its options are") if parameters else ": it has none"
            raise UserError(f"{owner} has no option {key!r}{known}")
    values: Options = {}
    for key, parameter in parameters.items():
        hint = hints.get(key, inspect.Parameter.empty)
        optional = parameter.default is None and get_origin(hint) in (Union, UnionType)
        if optional:
            hint = next(one for one in get_args(hint) if one is not NoneType)
        if hint not in (bool, int, float, str) and get_origin(hint) is not Literal:
            types = "bool, int, float, str or Literal"
            raise PluginError(f"{class_location(cls)}: option {key} needs a type, {types}, as in {key}: float = 0.1")
        if key in given:
            values[key] = _typed(owner, key, given[key], hint)
        elif optional:
            continue
        elif parameter.default is inspect.Parameter.empty:
            raise UserError(f"{owner} needs the option {key}: give it a value, or a default in its class")
        else:
            values[key] = parameter.default
            _option_text(owner, key, values[key])
    return values


def _option_text(owner: str, key: str, value: Option) -> str:
    """Return an option as text; raise UserError for one that a table could not hold, or a terminal could not show."""
    try:
        text = str(value)
    except ValueError:  # a number of thousands of digits
        text = "\0"
    if len(text) > LONGEST_OPTION or not text.isprintable():
        limit = f"{LONGEST_OPTION:,} printable characters"
        raise UserError(f"option {key} of {owner} must have at most {limit}, which {shorten_repr(value)} has not")
    return text


def _typed(owner: str, key: str, value: Option, hint: object) -> Option:
    text = _option_text(owner, key, value)
    if get_origin(hint) is Literal:
        for choice in get_args(hint):
            if str(choice) == text:
                return choice  # type: ignore[no-any-return]  # one of the Literal's values
        raise UserError(f"option {key} of {owner} must be one of {', '.join(map(str, get_args(hint)))}, not {text[:40]!r}")
    try:
        if hint is bool:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if hint is int:
            return int(text)
        if hint is float:
            return float(text)
    except (KeyError, ValueError):
        expected = "true or false" if hint is bool else "a whole number" if hint is int else "a number"
        raise UserError(f"option {key} of {owner} must be {expected}, not {text[:40]!r}") from None
    return text
