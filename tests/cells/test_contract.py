"""The contract checks on every built-in cell and on the plug-ins of the tests."""

import inspect
from pathlib import Path

import pytest

from rnnbench._plugins import registry
from rnnbench.testing import check_cell

PLUGIN_FILES = sorted((Path(__file__).parents[1] / "plugins").glob("*.py"))
CELLS = [(name, {}) for name in registry.CELLS.named()] + [
    (name, {option: str(not parameter.default)})  # every boolean option, switched
    for name, cls in ((name, entry.cls) for name, entry in registry.CELLS.named().items())
    for option, parameter in inspect.signature(cls).parameters.items()
    if isinstance(parameter.default, bool)
]


@pytest.mark.parametrize(("name", "options"), CELLS, ids=str)
def test_every_cell_keeps_the_contract(name: str, options: dict[str, str]) -> None:
    check_cell(name, options)


@pytest.mark.parametrize("hidden_size", [3, 7])  # one unit can be neither rotated nor normalised
@pytest.mark.parametrize("name", registry.CELLS.named())
def test_every_cell_keeps_the_contract_at_odd_widths(name: str, hidden_size: int) -> None:
    check_cell(name, hidden_size=hidden_size)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.stem)
def test_plug_in_cells_keep_the_contract(path: Path) -> None:
    check_cell(str(path))
