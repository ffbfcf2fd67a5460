"""The cell templates in the READMEs run and keep the contract."""

import re
from pathlib import Path

import pytest

from rnnbench import cells
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer
from rnnbench.testing import check_cell

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "rnnbench" / "cells" / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    block
    for text in (PAGE, (ROOT / "README.md").read_text(encoding="utf-8"))
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if "CELL = " in block
]


def test_there_is_a_template_of_each_base_class() -> None:
    assert {re.search(r"\nclass \w+\((\w+)\)", block)[1] for block in BLOCKS} == {"Cell", "SequenceModel"}


@pytest.mark.parametrize("k", range(len(BLOCKS)))
def test_the_templates_run_and_keep_the_contract(k: int, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(re.sub(r'name = "\w+"', 'name = "my-own"', BLOCKS[k]), encoding="utf-8")  # the name may be taken
    check_cell(str(path))
    for init in (None, *registry.CELLS.find(str(path)).cls.initializers):
        recipe = {"gap": 1, "hidden_size": 8, "max_steps": 4, "eval_every": 2, "init": init}
        run = resolve(RunRequest(task="beijing", cell=str(path), **recipe))
        assert [row.step for row in Trainer(run).rows()] == [2, 4]


def test_a_bad_option_raises_the_templates_message(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(BLOCKS[0], encoding="utf-8")
    with pytest.raises(UserError, match=r"^option rate must lie above 0"):
        registry.make_cell(str(path), 3, 4, {"rate": "2"})


def test_the_members_on_the_page_exist() -> None:
    for word in re.findall(r"^\| ([^|]*) \|", PAGE.split("| member")[1].split("## ")[0], re.MULTILINE):
        for name in re.findall(r"`(\w+)", word):
            assert hasattr(cells.Cell, name) or name == "initial_h" or name in cells.Layer.__annotations__


def test_the_entry_point_group_on_the_page_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    group = re.search(r'entry-points\."(.*?)"', PAGE)[1]
    offered = EntryPoint("mine", "rnnbench.cells.rnn:RNN", group)
    monkeypatch.setattr(registry, "entry_points", lambda group: [offered] if group == offered.group else [])
    own = registry.Registry("cell", registry.CELLS.about, registry.CELLS.base, registry.CELLS._load)
    assert "rnn" in own.named()
    assert "the name 'rnn' is taken" in own.broken["mine"]
