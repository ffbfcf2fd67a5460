"""The script that writes docs/api.md from the docstrings of the public names: ``python docs/make_api.py``."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

PAGE = Path(__file__).parent / "api.md"
MODULES = ("rnnbench", "rnnbench.cells", "rnnbench.task", "rnnbench.testing", "rnnbench.plots", "rnnbench.insight")
HEAD = """# Every public name

`python docs/make_api.py` writes this page from the docstrings. Names that are not listed here are internal.
"""


def markdown(text: str) -> str:
    """Return text with the roles and double backticks of reStructuredText replaced by Markdown's backticks."""
    text = re.sub(r":\w+:`~?(?:rnnbench\.)?([^`]+)`", r"`\1`", text)
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("::\n", ":\n")


def call(name: str, value: object) -> str:
    """Return the call of a function or a class with its defaults; without types, which the docstring explains."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in found.parameters.values()]
    text = str(found.replace(parameters=parameters, return_annotation=found.empty))
    return name + re.sub(r"<built-in function (\w+)>", r"\1", text)


def members(cls: type) -> list[str]:
    """Return one line for each public method and property that a class defines, or that its docstring names as ``name()``."""
    named = {name: inspect.getattr_static(cls, name) for name in re.findall(r"``(\w+)\(\)``", cls.__doc__ or "")}
    found = {name: getattr(raw, "__func__", raw) for name, raw in (named | vars(cls)).items() if not name.startswith("_")}
    lines = {
        f"{name}()" if isinstance(value, FunctionType) else name: inspect.getdoc(value).partition("\n\n")[0].split()
        for name, value in found.items()
        if isinstance(value, FunctionType | property) and inspect.getdoc(value)
    }
    return [f"- `.{name}`: {markdown(' '.join(words))}" for name, words in lines.items()]


def section(module: str, name: str, value: object) -> str:
    """Return the section of one public name."""
    parts = [f"### `{module}.{name}`"]
    if isinstance(value, dict):
        parts.append(f"A dictionary with the keys {', '.join(f'`{key}`' for key in value)}.")
    elif not (inspect.isclass(value) or inspect.isroutine(value)):
        parts.append(f"The value `{value}`.")
    else:
        summary, _, rest = (inspect.getdoc(value) or "").partition("\n\n")
        parts += [f"    {call(name, value)}", markdown(" ".join(summary.split()))]
        if rest.strip():
            parts.append(f"```text\n{markdown(rest).strip()}\n```")
        if inspect.isclass(value) and members(value):
            parts.append("\n".join(members(value)))
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """Return the text of docs/api.md."""
    parts, seen = [HEAD], []
    for module in map(import_module, MODULES):
        parts.append(f"## {module.__name__}\n\n{markdown((inspect.getdoc(module) or '').partition(chr(10) * 2)[0])}\n")
        for name in sorted(module.__all__, key=str.lower):
            value = getattr(module, name)
            if isinstance(value, ModuleType):  # `rnnbench.cells` is a module and a function
                value = getattr(value, "__wrapped__", None)
            if value is not None and not any(value is other for other in seen):
                parts.append(section(module.__name__, name, value))
                seen.append(value)
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
