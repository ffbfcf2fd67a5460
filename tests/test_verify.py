"""Claims and findings: each can be confirmed or refuted, better recipes count, pilot seeds do not, findings precede their runs."""

import ast
import csv
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._claims import CLAIMS, FINDINGS, decide
from rnnbench._claims.claim import (
    Claim,
    Evidence,
    Finding,
    changed_verdicts,
    each_group,
    record_verdicts,
    recorded_decisions,
    seed_sweep,
)
from rnnbench._claims.evidence import best_recipes, exact_runs
from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._study import Row, RunRecord, StudyFolder, Table

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
CHANCE = {"copy": 0.125, "adding": 0.078, "beijing": 0.5, "recall": 0.1}
BASE = next(record for record in StudyFolder.open(REFERENCE).records() if record.status == "solved")


def outcome(run: Run, solved: bool, accuracy: float | None = None) -> RunRecord:
    """Return a made-up row: solved, or at chance."""
    chance = CHANCE[run.task]
    values = BASE.model_dump(by_alias=True) | run.model_dump() | {"run_id": run.run_id, "chance_accuracy": chance, "answers": 1024}
    right = accuracy if accuracy is not None else 1.0 if solved else chance
    values |= {"accuracy": right, "skill": (right - chance) / (1 - chance), "step": run.max_steps}
    return RunRecord.model_validate(
        values | {"status": "solved" if solved else "unsolved", "steps_to_solve": 200 if solved else None}
    )


def fill(study: StudyFolder, runs: list[Run], solved: bool) -> StudyFolder:
    study.finished_table.write([*study.records(), *(outcome(run, solved) for run in runs)])
    return study


def decision(study: StudyFolder, claim: Claim) -> str:
    (verdict,) = decide(study, [claim])
    return verdict.decision


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return StudyFolder.create(tmp_path / "study")


DECIDED = [finding for finding in FINDINGS if finding.runs_added]
RULED = [claim for claim in (*CLAIMS, *FINDINGS) if not claim.table]


WORLDS = {
    "all": lambda run: True,
    "none": lambda run: False,
    "short": lambda run: run.gap < 200,
    "lstm": lambda run: run.cell == "lstm",
    "gru": lambda run: run.cell == "gru",
    "start": lambda run: run.init in ("chrono", "orthogonal"),
    "wide": lambda run: run.hidden_size == 128,
}
"""Who solves what, in made-up studies."""


@pytest.mark.parametrize("claim", RULED, ids=lambda claim: claim.name)
def test_each_can_hold_or_be_refuted(claim: Claim, study: StudyFolder) -> None:
    runs, decisions = claim.runs(), set()
    assert runs
    for name, solves in WORLDS.items():
        seeing = 0.9 if name == "all" else None  # a network without memory that sees the answer
        records = [outcome(run, False, seeing) if run.cell == "memoryless" else outcome(run, solves(run)) for run in runs]
        if isinstance(claim, Finding):
            shown, missing = exact_runs(runs, {record.run_id: record for record in records})
        else:
            shown, missing = best_recipes(runs, records)
        assert missing == []
        ruling = claim.rule(Evidence(shown, study))
        assert ruling.numbers
        decisions.add(ruling.decision)
    assert {"holds", "refuted"} <= decisions <= {"holds", "partly", "refuted"}


def test_all_are_undecided_without_runs(study: StudyFolder) -> None:
    verdicts = decide(study, (*CLAIMS, *FINDINGS))
    assert {verdict.decision for verdict in verdicts} == {"undecided"}
    assert all(verdict.missing or verdict.claim.table for verdict in verdicts)


def test_names_are_unique_and_every_claim_has_a_source() -> None:
    names = [claim.name for claim in (*CLAIMS, *FINDINGS)]
    assert len(set(names)) == len(names)
    assert all(claim.source and claim.statement.endswith(".") for claim in (*CLAIMS, *FINDINGS))


def test_the_committed_runs_decide_most_claims_as_recorded() -> None:
    reference = StudyFolder.open(REFERENCE)
    verdicts = decide(reference, CLAIMS)
    before = recorded_decisions(reference)
    assert {claim.name for claim in (*CLAIMS, *DECIDED)} == set(before)
    assert changed_verdicts(verdicts, before) == []
    words = [verdict.decision for verdict in verdicts]
    assert words.count("undecided") < len(words) / 3
    assert {"holds", "partly", "not under our recipe"} <= set(words)


FAILS = Claim(
    name="fails",
    statement="It fails.",
    source="a test",
    needs=(seed_sweep(cell=["rnn"], task=["recall"], gap=[50], lr=[0.02, 0.005]),),
    rule=each_group(lambda group: group.hardly_solved),
)


def changed_to(runs: list[Run], **values: object) -> list[Run]:
    return [run.model_copy(update=values) for run in runs]


def test_a_claim_of_failure_is_tested_against_the_best_known_recipe(study: StudyFolder) -> None:
    runs = FAILS.runs()
    assert decision(fill(study, runs, solved=False), FAILS) == "holds"
    better = changed_to([run for run in runs if run.lr == 0.02], lr=0.0007, schedule="cosine", max_steps=30000)
    assert decision(fill(study, better[:4], solved=True), FAILS) == "holds"  # too few seeds
    assert decision(fill(study, better[4:], solved=True), FAILS) == "not under our recipe"
    (verdict,) = decide(study, [FAILS])
    assert "lr 0.0007" in verdict.numbers
    assert "best of 3 recipes" in verdict.numbers


@pytest.mark.parametrize(
    "values", [{"max_steps": 100}, {"init": "orthogonal"}, {"hidden_size": 64}, {"gap": 49}, {"train_sequences": 10}]
)
def test_runs_of_a_different_question_or_a_smaller_budget_decide_nothing(study: StudyFolder, values: dict) -> None:
    assert decision(fill(study, changed_to(FAILS.runs(), **values), solved=False), FAILS) == "undecided"


def test_pilot_seeds_decide_nothing_and_runs_of_any_engine_count(study: StudyFolder) -> None:
    pilots = [run.model_copy(update={"seed": 1000 + run.seed}) for run in FAILS.runs()]
    assert decision(fill(study, pilots, solved=True), FAILS) == "undecided"
    assert decision(fill(study, changed_to(FAILS.runs(), engine="torch", threads=2), solved=False), FAILS) == "holds"


def test_a_claim_that_holds_for_some_questions_holds_partly(study: StudyFolder) -> None:
    two = replace(FAILS, needs=(seed_sweep(cell=["rnn"], task=["recall"], gap=[50, 100]),))
    for run in two.runs():
        study.record(outcome(run, run.gap == 50))
    assert decision(study, two) == "partly"


def test_only_its_own_runs_decide_a_finding(study: StudyFolder) -> None:
    finding = next(finding for finding in FINDINGS if finding.name == "rnn-adds-at-10")
    assert {run.seed for run in finding.runs()} == {5, 6, 7, 8, 9}
    assert {run.schedule for run in finding.runs()} == {"linear"}
    others = changed_to(finding.runs(), lr=0.003)
    assert decision(fill(study, others, solved=True), finding) == "undecided"
    assert decision(fill(study, finding.runs(), solved=True), finding) == "holds"


@pytest.mark.skipif(not (REFERENCE / "logs").exists(), reason="a source distribution has no logs of runs")
def test_a_fall_after_95_percent_weakens_a_finding(study: StudyFolder) -> None:
    finding = next(finding for finding in FINDINGS if finding.name == "lstm-copies-200")
    fill(study, finding.runs(), solved=True)
    assert decision(study, finding) == "holds"
    run = finding.runs()[0]
    cells = next(iter(StudyFolder.open(REFERENCE).all_logs())).model_dump(by_alias=True) | {
        "run_id": run.run_id,
        "status": "running",
    }
    rows = [
        Row.model_validate(cells | {"step": 250 * k, "accuracy": accuracy}) for k, accuracy in enumerate([0.2, 0.96, 0.89, 1.0])
    ]
    Table(study.log_file(run.run_id), Row).write(rows)
    assert decision(study, finding) == "partly"


def test_the_guessing_claim_is_decided_by_a_table(study: StudyFolder) -> None:
    claim = next(claim for claim in CLAIMS if claim.table)
    assert decision(study, claim) == "undecided"
    search = {"task": "beijing", "cell": "rnn", "gap": 200, "hidden_size": 3, "scale": 100.0, "max_guesses": 99, "option": "{}"}
    search |= {"guesses": 9, "sequences": 64, "accuracy": 1.0, "chance_accuracy": 0.5}
    rows = [search | {"seed": k, "solved": k < 4} for k in range(5)]
    (study.folder / "why").mkdir()
    pd.DataFrame(rows).to_csv(study.folder / "why" / claim.table, index=False)
    assert decision(study, claim) == "holds"
    pd.DataFrame([row | {"solved": False} for row in rows]).to_csv(study.folder / "why" / claim.table, index=False)
    assert decision(study, claim) == "not under our recipe"


def test_verdicts_are_recorded_and_a_change_is_reported(study: StudyFolder) -> None:
    before = decide(study, [FAILS])
    record_verdicts(study, before)
    assert recorded_decisions(study) == {"fails": "undecided"}
    after = decide(fill(study, FAILS.runs(), solved=False), [FAILS])
    assert [verdict.claim.name for verdict in changed_verdicts(after, recorded_decisions(study))] == ["fails"]
    record_verdicts(study, after)
    rows = list(csv.DictReader((study.folder / "verdicts.csv").read_text().splitlines()))
    assert [(row["name"], row["verdict"]) for row in rows] == [("fails", "holds")]
    (study.folder / "verdicts.csv").write_text((study.folder / "verdicts.csv").read_text().replace("holds", "refuted"))
    assert recorded_decisions(study) == {"fails": "not under our recipe"}  # as 0.1.0 recorded it
    record_verdicts(study, after)
    whole = (study.folder / "verdicts.csv").read_text()
    damaged = {"nonsense\n1\n": "line 1", whole.replace("holds", "holds,more"): "line 2", whole + "short,row\n": "line 3"}
    for text, line in damaged.items():
        (study.folder / "verdicts.csv").write_text(text)
        for read in (recorded_decisions, lambda study: record_verdicts(study, after)):
            with pytest.raises(UserError, match=rf"verdicts\.csv, {line}: "):
                read(study)


def test_the_exit_code_reports_changed_and_missing_verdicts(study: StudyFolder, rnnbench) -> None:
    claim = next(claim for claim in CLAIMS if claim.name == "lstm-adds")
    argv = ("verify", str(study.folder), "--check", "--claim", claim.name)
    assert rnnbench(*argv).code == 3  # undecided
    assert rnnbench(*argv, "--record").code == 0
    assert rnnbench(*argv).code == 0  # known to be undecided
    fill(study, claim.runs(), solved=True)
    changed = rnnbench(*argv)
    assert changed.code == 3
    assert "1 claims of the literature: 1 holds" in changed.out
    assert "(lstm-adds)" in changed.out
    assert ["lr 0.02" in rnnbench(*argv, *more).out for more in ((), ("--details",))] == [False, True]
    assert "recorded: undecided" in changed.out
    assert rnnbench(*argv, "--record").code == 0
    rnnbench("verify", str(study.folder), "--claim", "lstm-add").refused("did you mean 'lstm-adds'")


def git(*words: str) -> str:
    """Return what git prints in this checkout."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("finding", DECIDED, ids=lambda finding: finding.name)
def test_each_finding_was_committed_before_its_runs(finding: Finding) -> None:
    if not (ROOT / ".git").exists() or git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("not a full git checkout")
    assert finding.written is not None
    assert finding.runs_added is not None
    git("merge-base", "--is-ancestor", finding.written.id, finding.runs_added.id)  # raises if not
    for commit in (finding.written, finding.runs_added):
        assert git("show", "--no-patch", "--format=%cs", commit.id) == commit.day
    files = git("ls-tree", "-r", "--name-only", finding.written.id).splitlines()
    (file,) = [name for name in files if name.endswith("claims/findings.py")]
    source = ast.walk(ast.parse(git("show", f"{finding.written.id}:{file}")))
    assert finding.statement in {node.value for node in source if isinstance(node, ast.Constant)}
    run_ids = {run.run_id for run in finding.runs()}
    for commit, expected in ((f"{finding.runs_added.id}^", False), (finding.runs_added.id, True)):
        table = git("show", f"{commit}:results/reference/runs.csv")
        assert any(row["run_id"] in run_ids for row in csv.DictReader(table.splitlines())) is expected


def test_a_finding_without_commits_is_not_registered() -> None:
    finding = replace(FINDINGS[0], written=None, runs_added=None)
    assert "not registered yet" in finding.registration
    assert "not committed" in replace(finding, written=FINDINGS[0].written).registration
