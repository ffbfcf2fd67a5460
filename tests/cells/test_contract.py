"""Every cell that there is, held to the contract by the checks that a stranger's cell is held to; no cell is named here."""

import inspect
from pathlib import Path

import pytest

from rnnbench._plugins import registry
from rnnbench.testing import check_cell

PLUGIN_FILES = sorted((Path(__file__).parents[1] / "plugins").glob("*.py"))
CELLS = [(name, {}) for name in registry.CELLS.named()] + [
    (name, {option: str(not parameter.default)})  # every switch, turned
    for name, kind in ((name, entry.cls) for name, entry in registry.CELLS.named().items())
    for option, parameter in inspect.signature(kind).parameters.items()
    if isinstance(parameter.default, bool)
]


@pytest.mark.parametrize(("name", "options"), CELLS, ids=str)
def test_every_cell_keeps_the_contract(name: str, options: dict[str, str]) -> None:
    check_cell(name, options)


@pytest.mark.parametrize("hidden_size", [3, 7])  # one unit cannot rotate, nor be normalised
@pytest.mark.parametrize("name", registry.CELLS.named())
def test_at_any_width(name: str, hidden_size: int) -> None:
    check_cell(name, hidden_size=hidden_size)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.stem)
def test_cells_written_by_others(path: Path) -> None:
    check_cell(str(path))
