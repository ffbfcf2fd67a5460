"""The contract checks on every built-in task, and the examples in the docstrings."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from rnnbench._plugins import registry
from rnnbench.testing import check_task

WITH_DATA = {"digits"}
TASKS = [
    pytest.param(name, marks=pytest.mark.skipif(name in WITH_DATA and not find_spec("sklearn"), reason="needs the extra data"))
    for name in registry.TASKS.named()
]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_the_contract(name: str) -> None:
    check_task(name)


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=15, deadline=None)
@given(gap=st.integers(0, 200), batch_size=st.integers(1, 7), seed=st.integers(0, 2**31))
def test_every_gap_gives_a_batch_or_an_error(name: str, gap: int, batch_size: int, seed: int) -> None:
    task = registry.make_task(name)
    if gap < task.min_gap:
        with pytest.raises(ValueError, match=f"the smallest is {task.min_gap}"):
            task.check_gap(gap)
        return
    task.check_gap(gap)
    batch = task.sample(gap, batch_size, Generator().manual_seed(seed))
    assert batch.inputs.shape[:2] == batch.targets.shape == batch.scored.shape == (task.length(gap), batch_size)
    assert (batch.scored.sum(dim=0) == task.scored_answers(gap)).all()
    if not batch.inputs.is_floating_point():
        assert 0 <= int(batch.inputs.min()) <= int(batch.inputs.max()) < task.input_size


@pytest.mark.parametrize("name", TASKS)
def test_the_worked_example_matches_rnnbench_show(name: str, capsys: pytest.CaptureFixture) -> None:
    from rnnbench._cli import main

    doc = sys.modules[registry.TASKS.find(name).cls.__module__].__doc__ or ""
    command = re.search(r"``rnnbench (show [^`]*)``", doc)
    assert command, "the docstring shows no `rnnbench show ...` example"
    with pytest.raises(SystemExit) as stop:
        main(command[1].split())
    assert stop.value.code == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    example = [line.split() for line in doc.splitlines() if line.startswith(("    input", "    due"))]
    assert shown[:2] == example


def test_the_template_in_the_readme_keeps_the_contract(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "tasks" / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "echo.py"
    path.write_text(readme.split("```python\n")[1].split("```")[0], encoding="utf-8")
    check_task(str(path))
    task = registry.make_task(str(path))
    words = task.words(task.sample(2, 1, Generator().manual_seed(0)), 0)
    assert words[-1].answer == words[0].text
