"""Claims and findings: each can come out either way, a better recipe counts, pilot seeds do not, and git says which came first."""

import csv
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._claims import CLAIMS, FINDINGS, preregistration, verify
from rnnbench._claims.claim import Claim, Evidence, Finding, Verdict, each, sweep
from rnnbench._claims.evidence import exact, gather
from rnnbench._claims.recorded import changed, record, recorded
from rnnbench._cli import main
from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._study import Row, RunRecord, Study, Table

REFERENCE = Path(__file__).parents[1] / "results" / "reference"
CHANCE = {"copy": 0.125, "adding": 0.078, "beijing": 0.5, "recall": 0.1}
BASE = next(record for record in Study.open(REFERENCE).records() if record.status == "solved")


def outcome(run: Run, solved: bool, accuracy: float | None = None) -> RunRecord:
    """A made-up row: solved, or at chance."""
    chance = CHANCE[run.task]
    values = BASE.model_dump(by_alias=True) | run.model_dump() | {"run_id": run.run_id, "chance_accuracy": chance, "answers": 1024}
    right = accuracy if accuracy is not None else 1.0 if solved else chance
    values |= {"accuracy": right, "skill": (right - chance) / (1 - chance), "step": run.max_steps}
    return RunRecord.model_validate(
        values | {"status": "solved" if solved else "unsolved", "steps_to_solve": 200 if solved else None}
    )


def fill(study: Study, runs: list[Run], solved: bool) -> Study:
    study.finished_table.write([*study.records(), *(outcome(run, solved) for run in runs)])
    return study


def word(study: Study, claim: Claim) -> str:
    (verdict,) = verify(study, [claim])
    return verdict.word


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study")


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
def test_each_can_come_out_either_way(claim: Claim, study: Study) -> None:
    runs, words = claim.runs(), set()
    assert runs
    for name, solves in WORLDS.items():
        seeing = 0.9 if name == "all" else None  # a network without memory that sees the answer
        records = [outcome(run, False, seeing) if run.cell == "memoryless" else outcome(run, solves(run)) for run in runs]
        if isinstance(claim, Finding):
            shown, missing = exact(runs, {record.run_id: record for record in records})
        else:
            shown, missing = gather(runs, records)
        assert missing == []
        ruling = claim.rule(Evidence(shown, study))
        assert ruling.numbers
        words.add(ruling.word)
    assert {"holds", "refuted"} <= words <= {"holds", "partly", "refuted"}


def test_all_are_undecided_without_runs(study: Study) -> None:
    verdicts = verify(study, (*CLAIMS, *FINDINGS))
    assert {verdict.word for verdict in verdicts} == {"undecided"}
    assert all(verdict.missing or verdict.claim.table for verdict in verdicts)


def test_names_are_unique_and_every_claim_has_a_source() -> None:
    names = [claim.name for claim in (*CLAIMS, *FINDINGS)]
    assert len(set(names)) == len(names)
    assert all(claim.source and claim.statement.endswith(".") for claim in (*CLAIMS, *FINDINGS))


def test_the_committed_runs_decide_most_claims_and_come_out_as_recorded() -> None:
    reference = Study.open(REFERENCE)
    verdicts = verify(reference, CLAIMS)
    before = recorded(reference)
    assert {claim.name for claim in (*CLAIMS, *FINDINGS)} == set(before)
    assert changed(verdicts, before) == []
    words = [verdict.word for verdict in verdicts]
    assert words.count("undecided") < len(words) / 3
    assert {"holds", "partly", "refuted"} <= set(words)


FAILS = Claim(
    name="fails",
    statement="It fails.",
    source="a test",
    needs=(sweep(cell=["rnn"], task=["recall"], gap=[50], lr=[0.02, 0.005]),),
    rule=each(lambda shown: shown.hardly_solved),
)


def changed_to(runs: list[Run], **values: object) -> list[Run]:
    return [run.model_copy(update=values) for run in runs]


def test_a_claim_of_failure_meets_the_best_recipe_that_anyone_has_found(study: Study) -> None:
    runs = FAILS.runs()
    assert word(fill(study, runs, solved=False), FAILS) == "holds"
    better = changed_to([run for run in runs if run.lr == 0.02], lr=0.0007, schedule="cosine", max_steps=30000)
    assert word(fill(study, better[:4], solved=True), FAILS) == "holds"  # too few seeds to speak of
    assert word(fill(study, better[4:], solved=True), FAILS) == "refuted"
    (verdict,) = verify(study, [FAILS])
    assert "lr 0.0007" in verdict.numbers
    assert "best of 3 recipes" in verdict.numbers


@pytest.mark.parametrize(
    "values", [{"max_steps": 100}, {"init": "orthogonal"}, {"hidden_size": 64}, {"gap": 49}, {"train_sequences": 10}]
)
def test_runs_of_another_question_or_of_a_smaller_budget_decide_nothing(study: Study, values: dict) -> None:
    assert word(fill(study, changed_to(FAILS.runs(), **values), solved=False), FAILS) == "undecided"


def test_pilot_seeds_decide_nothing(study: Study) -> None:
    pilots = [run.model_copy(update={"seed": 1000 + run.seed}) for run in FAILS.runs()]
    assert word(fill(study, pilots, solved=True), FAILS) == "undecided"


def test_runs_count_whatever_engine_made_them(study: Study) -> None:
    assert word(fill(study, changed_to(FAILS.runs(), engine="torch", threads=2), solved=False), FAILS) == "holds"


def test_some_of_several_questions_is_partly(study: Study) -> None:
    two = replace(FAILS, needs=(sweep(cell=["rnn"], task=["recall"], gap=[50, 100]),))
    for run in two.runs():
        study.record(outcome(run, run.gap == 50))
    assert word(study, two) == "partly"


def test_a_finding_counts_its_own_runs_alone(study: Study) -> None:
    finding = next(finding for finding in FINDINGS if finding.name == "rnn-adds-at-10")
    assert {run.seed for run in finding.runs()} == {5, 6, 7, 8, 9}
    assert {run.schedule for run in finding.runs()} == {"linear"}
    others = changed_to(finding.runs(), lr=0.003)
    assert word(fill(study, others, solved=True), finding) == "undecided"
    assert word(fill(study, finding.runs(), solved=True), finding) == "holds"


def test_a_fall_after_95_percent_spoils_a_finding(study: Study) -> None:
    finding = next(finding for finding in FINDINGS if finding.name == "lstm-copies-200")
    fill(study, finding.runs(), solved=True)
    assert word(study, finding) == "holds"
    run = finding.runs()[0]
    cells = next(iter(Study.open(REFERENCE).all_logs())).model_dump(by_alias=True) | {"run_id": run.run_id, "status": "running"}
    rows = [
        Row.model_validate(cells | {"step": 250 * k, "accuracy": accuracy}) for k, accuracy in enumerate([0.2, 0.96, 0.89, 1.0])
    ]
    Table(study.log_file(run.run_id), Row).write(rows)
    assert word(study, finding) == "partly"


def test_guessing_is_decided_by_its_own_table(study: Study) -> None:
    claim = next(claim for claim in CLAIMS if claim.table)
    assert word(study, claim) == "undecided"
    rows = [{"task": "beijing", "cell": "rnn", "gap": 200, "guesses": 9, "solved": k < 4} for k in range(5)]
    (study.folder / "why").mkdir()
    pd.DataFrame(rows).to_csv(study.folder / "why" / claim.table, index=False)
    assert word(study, claim) == "holds"
    pd.DataFrame([row | {"solved": False} for row in rows]).to_csv(study.folder / "why" / claim.table, index=False)
    assert word(study, claim) == "refuted"


def test_verdicts_are_recorded_and_a_change_is_noticed(study: Study) -> None:
    before = verify(study, [FAILS])
    record(study, before)
    assert recorded(study) == {"fails": "undecided"}
    after = verify(fill(study, FAILS.runs(), solved=False), [FAILS])
    assert [verdict.claim.name for verdict in changed(after, recorded(study))] == ["fails"]
    record(study, after)
    rows = list(csv.DictReader((study.folder / "verdicts.csv").read_text().splitlines()))
    assert [(row["name"], row["verdict"]) for row in rows] == [("fails", "holds")]
    whole = (study.folder / "verdicts.csv").read_text()
    for damaged in ("nonsense\n1\n", whole.replace("holds", "holds,more"), whole + "short,row\n"):
        (study.folder / "verdicts.csv").write_text(damaged)
        for look in (recorded, lambda study: record(study, after)):
            with pytest.raises(UserError, match="no table of verdicts"):
                look(study)


def exit_code(*argv: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(argv))
    code = ended.value.code
    return code if isinstance(code, int) else 0


def test_the_command_tells_a_change_and_a_gap_by_its_exit_code(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    claim = next(claim for claim in CLAIMS if claim.name == "lstm-adds")
    argv = ("verify", str(study.folder), "--check", "--claim", claim.name)
    assert exit_code(*argv) == 3  # undecided
    assert exit_code(*argv, "--record") == 0
    assert exit_code(*argv) == 0  # known to be undecided
    fill(study, claim.runs(), solved=True)
    assert exit_code(*argv) == 3
    out = capsys.readouterr().out
    assert "holds  lstm-adds" in out
    assert "recorded: undecided" in out
    assert exit_code(*argv, "--record") == 0
    assert exit_code("verify", str(study.folder), "--claim", "lstm-add") == 2
    assert "did you mean 'lstm-adds'" in capsys.readouterr().err


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("order", ["sentence first", "runs first", "rule changed after", "one commit"])
def test_a_finding_must_be_older_than_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    source, finding = tmp_path / "findings.py", FINDINGS[0]
    text = Path(preregistration.SOURCE).read_text()
    monkeypatch.setattr(preregistration, "SOURCE", source)
    git(tmp_path, "init", "-q")
    study = Study.create(tmp_path / "study")
    block = commits_text(finding, text)

    def write(content: str) -> None:
        source.write_text(content)
        git(tmp_path, "add", "findings.py")

    def run() -> None:
        fill(study, finding.runs(), solved=True)
        git(tmp_path, "add", "study/runs.csv")

    def commit() -> None:
        git(tmp_path, "commit", "-qm", "step")

    steps = {
        "sentence first": [lambda: write(text), commit, run, commit],
        "runs first": [run, commit, lambda: write(text), commit],
        "rule changed after": [lambda: write(text.replace("0.95", "0.5")), commit, run, commit, lambda: write(text), commit],
        "one commit": [lambda: write(text), run, commit],
    }
    source.write_text(text)
    assert preregistration.registration(finding, study).valid is None
    for step in steps[order]:
        step()
    assert block in source.read_text()
    found = preregistration.registration(finding, study)
    assert found.valid is (order == "sentence first")
    assert found.finding is not None
    assert found.finding.name[:9] in found.told


def commits_text(finding: Finding, source: str) -> str:
    return next(text for text in preregistration.texts_of(source, finding))


def test_without_git_a_finding_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: Study) -> None:
    monkeypatch.setattr(preregistration, "SOURCE", tmp_path / "findings.py")
    found = preregistration.registration(FINDINGS[0], study)
    assert (found.valid, found.finding) == (None, None)
    assert "not available" in found.told


def test_words_are_those_of_a_verdict() -> None:
    assert Verdict(FAILS, None, []).word == "undecided"
