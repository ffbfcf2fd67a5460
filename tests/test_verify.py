"""Claims: every one names runs that can be, and its rule can come out either way."""

from pathlib import Path

import pytest
from rnnbench.verify import Claim, Verdict, spans, verify

from rnnbench.claims import CLAIMS
from rnnbench.config import Run, RunRequest
from rnnbench.execute import record
from rnnbench.resolve import resolve
from rnnbench.study import RunRecord, Study
from rnnbench.study.schema import Outcome


def outcome(config: Run, status: str) -> RunRecord:
    """A made-up row: solved, or at chance."""
    good = status == "solved"
    chance = {"copy": 0.125, "adding": 0.078, "beijing": 0.5, "recall": 0.1}[config.task]
    values = dict.fromkeys(("train_loss", "eval_loss", "grad_norm", "chance_loss", "wall_s", "parameters"), 1)
    accuracy = 1.0 if good else chance
    values |= {"status": status, "steps_to_solve": 200 if good else None, "step": 400, "sequences": 1, "accuracy": accuracy}
    values |= {"answers": 1024, "chance_accuracy": chance, "skill": 1.0 if good else 0.0}
    return record(config, Outcome.model_validate(values))


def decide(folder: Path, claim: Claim, status: str) -> Verdict:
    study = Study(folder / status)
    quick = bool(claim.quick)
    for config in claim.runs(quick):
        blind = config.cell == "memoryless"
        study.record(outcome(config, "unsolved" if blind else status))
    return verify(study, [claim], quick)[0]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_each_claim_can_come_out_false_and_is_undecided_without_its_runs(claim: Claim, tmp_path: Path) -> None:
    assert claim.runs(quick=False)
    nothing = verify(Study(tmp_path / "empty"), [claim])[0]
    assert nothing.ruling is None
    assert len(nothing.missing) == len(claim.runs(quick=False))
    rulings = [decide(tmp_path, claim, status).ruling for status in ("solved", "unsolved")]
    assert all(ruling is not None and ruling.numbers for ruling in rulings)
    assert not all(ruling.holds for ruling in rulings if ruling)


def test_names_are_unique_and_every_claim_has_a_source() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.source and claim.statement.endswith((".", "start.")) for claim in CLAIMS)


def test_runs_count_whatever_engine_made_them(tmp_path: Path) -> None:
    claim = CLAIMS[0]
    study = Study(tmp_path)
    for config in claim.runs(quick=True):
        status = "unsolved" if config.cell == "memoryless" else "solved"
        study.record(outcome(config.model_copy(update={"engine": "torch", "threads": 2}), status))
    (verdict,) = verify(study, [claim], quick=True)
    assert verdict.ruling is not None
    assert verdict.ruling.holds


def test_a_cell_that_a_claim_leaves_out_of_a_task_has_no_span_there() -> None:
    rows = [
        outcome(resolve(RunRequest(task=task, cell=cell, gap=10, seed=seed)), "solved" if cell == "gru" else "unsolved")
        for task, cell in (("copy", "rnn"), ("adding", "rnn"), ("adding", "gru"))
        for seed in range(5)
    ]
    texts = [row.cells() for row in rows]
    assert spans(texts, "cell") == {"adding": {"gru": 10, "rnn": 0}, "copy": {"rnn": 0}}
