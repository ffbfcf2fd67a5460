"""The page as text: it is complete and self-contained, and text from a study is never HTML or code."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._analysis.summary import summarise
from rnnbench._errors import UserError
from rnnbench._report import build_page, charts, results, text
from rnnbench._report import page as page_module
from rnnbench._report.sections import decided_claims, insight_figures
from rnnbench.plots._style import PALETTE
from tests.plots.study import made_up
from tests.report.conftest import HOSTILE


class Tags(HTMLParser):
    """Every tag with its attributes, and all text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.text += data


@pytest.fixture(scope="session")
def static(folders: list[Path], runs: pd.DataFrame, logs: pd.DataFrame) -> str:
    return build_page(folders, runs, logs, interactive=False)


def test_the_page_has_its_sections_in_order(page: str) -> None:
    ids = [attributes["id"] for tag, attributes in Tags(page).tags if tag == "section"]
    assert ids == ["results", "tasks", "solved", "numbers", "why", "learning", "conditions"]
    assert page.count("How to read this") >= len(ids)


def test_every_task_has_a_verdict_and_an_example_in_each_language(page: str) -> None:
    text = Tags(page).text
    failures = "copy from gap 10 (0 of 3) and recall from gap 10 (0 of 3)"
    assert f"Within 100 training steps, {HOSTILE} fails on {failures}; lstm solves every gap tried." in text
    assert "0/330.0 %" in text  # an entry of the table by gap
    assert "live-in" in text
    assert "住在" in text


def test_the_overview_has_scores_in_large_print_or_spans_where_a_curve_has_no_score(page: str, runs: pd.DataFrame) -> None:
    assert "<h2>Memory score</h2>" in page
    heading, table = results.overview_table(runs)
    entries = dict(table.rows)["lstm"]
    assert heading == "Memory score"
    assert [(entry.text, entry.small) for entry in entries] == [("at ceiling", "half-gap > 20, span ≥ 20")] * 2
    heading, table = results.overview_table(runs[(runs["cell"] != HOSTILE) | (runs["gap"] != 20)])
    entries = dict(table.rows)["lstm"]
    assert heading == "Span"
    assert [(entry.text, entry.small) for entry in entries] == [("≥ 20", "score at ceiling")] * 2


def test_a_name_from_a_study_is_always_escaped(page: str, static: str) -> None:
    for each in (page, static):
        tags = Tags(each)
        assert HOSTILE in tags.text
        assert sum(tag == "script" for tag, _ in tags.tags) == each.count("<script")
        assert "<script>alert" not in each
    assert sum(tag == "script" for tag, _ in Tags(page).tags) == 3
    assert sum(tag == "script" for tag, _ in Tags(static).tags) == 1


def test_json_in_the_page_cannot_end_its_tag_and_reads_back(page: str) -> None:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert "<" not in found
    data = json.loads(found)
    assert f"{HOSTILE}" in data["labels"]
    assert set(data["specs"]) == {f"{kind}-{k}" for kind in ("accuracy", "solved", "learning") for k in (0, 1)}


def test_every_marker_has_a_different_path_in_charts_and_legend(page: str) -> None:
    outlines = [charts.marker_path(marker) for _, marker in PALETTE]
    assert len(set(outlines)) == len(PALETTE)
    for outline in outlines:
        places = [float(number) for number in re.findall(r"-?[\d.]+", outline)]
        assert max(map(abs, places)) == 1
        assert outline[0] + outline[-1] == "MZ"
    drawn = set(re.findall(r'<button[^>]*><svg.*?<path d="([^"]*)"', page))
    assert len(drawn) == 2
    assert drawn <= set(outlines)


def test_the_page_loads_no_external_resources(page: str, static: str) -> None:
    for each in (page, static):
        for tag, attributes in Tags(each).tags:
            assert tag not in ("img", "iframe", "object", "embed", "base"), tag
            for name in ("src", "href", "xlink:href", "srcset"):
                value = attributes.get(name) or ""
                assert not value or value.startswith(("#", "data:")), (tag, value)
        assert not re.search(r"@import|url\((?!['\"]?#)", each[: each.index("</style>")])


def test_learning_curves_keep_the_first_and_the_last_evaluation_of_long_runs(folders: list[Path], runs: pd.DataFrame) -> None:
    one = runs.iloc[:1]
    logs = pd.concat([one.assign(step=k, accuracy=k / 1000) for k in range(1, 1001)], ignore_index=True)
    (found,) = re.findall(r'id="data">(.*?)</script>', build_page(folders, runs, logs), re.DOTALL)
    ((*_, steps, shares),) = json.loads(found)["runs"]["learning-0"]
    assert (steps[0], steps[-1], shares[-1]) == (1, 1000, 1000)
    assert len(steps) == len(shares) <= 50


def test_a_curve_has_one_name_in_all_charts_of_a_page() -> None:
    curves = [("recall", "uniform"), ("recall", "orthogonal"), ("copy", "uniform")]
    runs = made_up([{"task": task, "init": init, "study": "a"} for task, init in curves])
    logs = runs.assign(step=250, accuracy=0.5)
    (found,) = re.findall(r'id="data">(.*?)</script>', build_page([], runs, logs), re.DOTALL)
    data = json.loads(found)
    assert {data["labels"][position] for rows in data["runs"].values() for _, position, *_ in rows} == {
        "rnn (uniform)",
        "rnn (orthogonal)",
    }


def test_conditions_name_what_differs_between_studies() -> None:
    runs = made_up([{"hidden_size": 8, "study": "a"}, {"hidden_size": 64, "study": "b"}])
    first, *rest = text.conditions(runs)
    assert first == ("hidden_size", ["8", "64"], True)
    assert not any(condition.differs for condition in rest)


def test_the_flags_of_a_run_do_not_depend_on_defaults() -> None:
    row = made_up([{"option": '{"symbols": 5, "ends": true}', "horizon": 50.0, "cell": "lstm"}]).iloc[0].to_dict()
    flags = text.recipe_flags(row | {"cell_source": "0" * 64}, ["lr", "horizon", "option", "cell_source"])
    assert flags == "--lr 0.01 --horizon 50 --option symbols=5 --option ends=true"
    assert "'a; rm b'" in text.recipe_flags(row | {"init": "a; rm b"}, ["init"])


def test_the_commands_are_valid_and_cover_all_runs(runs: pd.DataFrame) -> None:
    import shlex

    import typer.main

    from rnnbench._cli import app

    known = {flag for parameter in typer.main.get_command(app).commands["sweep"].params for flag in parameter.opts}  # type: ignore[attr-defined]
    commands = [shlex.split(command) for command in text.sweep_commands(runs)]
    assert len(commands) == 4
    for command in commands:
        assert {word for word in command if word.startswith("--")} <= known
        assert command[command.index("--gap") + 1] == "5,10,20"
        assert command[command.index("--lr") + 1] == "0.001,0.01"


def test_a_task_that_is_not_installed_has_results() -> None:
    runs = made_up([{"task": "unknown-task", "gap": 5}, {"task": "unknown-task", "gap": 10}])
    assert results.failure_sentence(summarise(runs)) == "Within 100 training steps, rnn fails on unknown-task from gap 5 (0 of 1)."
    assert text.task_text("unknown-task", runs) == ("", {})


def test_the_sentence_on_failures_is_never_stronger_than_its_numbers() -> None:
    def solved(cell: str, gap: int, seeds: int) -> list[dict]:
        return [{"cell": cell, "gap": gap, "seed": seed, "steps_to_solve": 10.0 if seed < seeds else None} for seed in range(5)]

    rows = [*solved("rnn", 5, 5), *solved("rnn", 10, 3), *solved("rnn", 20, 4), *solved("gru", 5, 4), *solved("gru", 10, 5)]
    sentence = results.failure_sentence(summarise(made_up(rows)))
    # gap 20 is solved again: not "from gap 10"; 4 of 5 seeds solve a gap
    assert sentence == "Within 100 training steps, rnn fails on copy at gap 10 (3 of 5); gru solves every gap tried."
    later = results.failure_sentence(summarise(made_up([*rows, *solved("rnn", 40, 2), *solved("rnn", 80, 0)])))
    assert "rnn fails on copy at gap 10 (3 of 5) and 2 larger gaps;" in later
    few = summarise(made_up(rows[:1])).assign(accuracy_low=float("nan"), accuracy_high=float("nan"))
    assert page_module._interval_text(few.to_dict("records")[0], "accuracy", 1) == "-"
    many = [row for k in range(9) for row in (*solved(f"c{k}", 5, 5 - k % 3), *solved(f"c{k}", 10, 0))]
    sentence = results.failure_sentence(summarise(made_up(many)))
    assert sentence.startswith("Within 100 training steps, c2 fails on 1 of 1 tasks, first on copy from gap 5 (3 of 5); c")
    assert sentence.endswith("; 6 other curves fail on at least one task.")
    assert results.failure_sentence(summarise(made_up(rows[:5]))) == "Within 100 training steps, rnn solves every gap tried."


def test_headings_of_numbers_are_text_in_print(page: str) -> None:
    headings = [attributes["data-name"] for tag, attributes in Tags(page).tags if tag == "th" and "data-name" in attributes]
    assert headings[:3] == ["task", "curve", "gap"]
    assert "content: attr(data-name)" in page[page.index("@media print") :]


@pytest.mark.skipif(
    not (Path(__file__).parents[2] / "results" / "reference" / "logs").exists(), reason="a source distribution has no logs of runs"
)
def test_claims_are_tables_and_only_a_finding_is_refuted() -> None:
    folder = Path(__file__).parents[2] / "results" / "reference"
    found = {one.claim.name: one for one in decided_claims([folder])}
    assert found["rnn-fails-at-20"].badge == "not under our recipe"
    assert found["rnn-does-not-copy-at-50"].badge == "refuted"  # a prediction, under the conditions that it names
    assert {one.badge for one in found.values()} == {"holds", "partly", "refuted", "not under our recipe"}
    one = found["lstm-copies-200"]
    assert (one.note, one.gaps) == ("1 of 5 seeds fell below 90 % after 95 %", [200])
    assert one.rows == [("lstm (chrono)", "copy", ["5 of 5, 99.7 %"])]
    assert one.recipes == ["lstm (chrono): adam linear, lr 0.02, 8,000 steps"]
    assert len(found["width-decides-beijing"].rows) == 6  # two widths at three rates, each a row
    assert all(len(row[2]) == len(one.gaps) for one in found.values() for row in one.rows)


HEAD = "name,cell,task,units,gap,noise,accuracy,chance_accuracy,gradient\n"
GOOD = "a,rnn,copy,62,5,0.0,1,0.1,1.0\n"
DAMAGED = {
    "empty": ("", "has no rows"),
    "only a header": (HEAD, "has no rows"),
    "a different table": ("a,b\n1,2\n", "line 1: the first line must name the columns, and lacks name, cell, task"),
    "a word for a number": (HEAD + "a,rnn,copy,62,5,0.0,high,0.1,1\n", "line 2: column accuracy holds 'high'"),
    "no number": (HEAD + GOOD + "a,rnn,copy,62,5,,1,0.1,1\n", "line 3: column noise holds ''"),
    "no word": (HEAD + GOOD + "a,,copy,62,5,0.0,1,0.1,1\n", "line 3: column cell holds ''"),
    "infinity": (HEAD + "a,rnn,copy,62,5,1e999,1,0.1,1\n", "line 2: column noise holds '1e999', which is not a finite number"),
    "too few cells": (HEAD + GOOD + "a,rnn\n", "line 3: 2 cells, but 9 columns"),
    "too many cells": (HEAD + GOOD + "x," + GOOD, "line 3: 10 cells, but 9 columns"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_table_is_reported_in_one_line(runs: pd.DataFrame, tmp_path: Path, damage: str) -> None:
    text, message = DAMAGED[damage]
    (tmp_path / "constructions.csv").write_text(text)
    with pytest.raises(UserError, match=r"constructions\.csv") as error:
        list(insight_figures([tmp_path], runs))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_very_large_number_is_drawn(runs: pd.DataFrame, tmp_path: Path) -> None:
    rows = f"{HEAD}{GOOD}a,rnn,copy,62,5,{10**30},1,0.1,0.5\n"
    (tmp_path / "constructions.csv").write_text(rows)
    assert len(list(insight_figures([tmp_path], runs))) == 1


def test_the_command_writes_one_file_and_prints_its_path(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = ["--hidden-size", "4", "--batch-size", "4", "--max-steps", "2", "--engine", "torch"]
    assert rnnbench("run", "--cell", "rnn", "--task", "recall", "--gap", "5", *tiny).code == 0
    result = rnnbench("report", "results", "--out", "pages/one.html", "--static")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("  pages/one.html (")
    assert "住在" in (tmp_path / "pages/one.html").read_text(encoding="utf-8")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)))
    result = rnnbench("report", "results", "--out", "pages/one.html", "--static", "--open")
    assert (result.code, opened) == (0, [(tmp_path / "pages/one.html").as_uri()])
    assert result.err == "rnnbench: no browser found: open pages/one.html by hand\n"
    monkeypatch.setattr(page_module, "altair_installed", lambda: False)
    result = rnnbench("report", "results")
    assert result.code == 0
    assert "pip install 'rnnbench[report]'" in result.err
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["one.html"]
    result = rnnbench("report", "nowhere")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not (tmp_path / "nowhere").exists()


def test_charts_draw_the_baselines_of_a_task_with_their_names(page: str) -> None:
    (found,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(found)
    for number, names in ((0, ["chance", "order-free"]), (1, ["chance"])):  # copy has one, recall has none
        last = data["specs"][f"accuracy-{number}"]["layer"][-len(names) :]  # on top of everything: a white edge and the name
        assert {part["encoding"]["text"]["field"] for layer in last for part in layer["layer"]} == {"name"}
        texts = [layer["data"]["values"] for layer in last]
        assert [text.splitlines()[1].split(",")[2] for text in texts] == names
    levels = data["baselines"]
    assert levels["learning-1"] == []
    assert {(row["gap"], row["name"]) for row in levels["learning-0"]} == {(gap, "order-free") for gap in (5, 10, 20)}
    assert "order-free 0" in Tags(page).text
