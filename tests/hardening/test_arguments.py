"""Wrong arguments of every public function: one sentence, UserError, before anything is trained or measured."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rnnbench as api
from rnnbench import cells, insight, task, testing
from rnnbench._config import RunRequest, SweepRequest

WRONG: dict[str, Any] = {
    "object": object(), "class": int, "text": "no such", "long text": "x" * 5000, "empty text": "", "NUL": "\0", "bytes": b"x",
    "NaN": math.nan, "inf": math.inf, "-1": -1, "-1.5": -1.5, "1.5": 1.5, "huge": 10**30, "digits": 10**5000, "true": True,
    "empty list": [], "nested list": [[1]], "dict": {1: 1}, "endless": range(10**12), "array": np.zeros((2, 2)),
}  # fmt: skip
RIGHT: dict[str, set[str]] = {  # the values that a keyword accepts, of every function or of one
    "one_run force retry_failed fail_fast progress nesterov search_span float64": {"true"},
    "weight_decay lr horizon_per_gap scale noise perturb": {"1.5", "huge"},
    "clip_norm recurrent_clip": {"1.5", "huge", "inf"},
    "horizon": {"huge"},
    "train_gaps protocol": {"empty text"},  # the default
    "out file study table folder": {"text", "long text"},  # paths, which are refused when they are used
    "dask": {"text", "long text", "empty text", "NUL"},
    "value smallest largest": {"NaN", "inf", "-1", "-1.5", "1.5"},  # at_least raises ValueError, as its help states
    "at_least.name order_free.name": {"text", "long text", "empty text", "NUL"},
    "low steps": {"-1"},
    "shape": {"empty list"},
    "cues": {"empty list", "endless"},
    "names": {"text", "long text", "NUL"},
    "gates keep": {"class"},
    "answers": {"text", "long text", "empty text", "NUL", "empty list"},
    "batch_first": {"true"},
    "uninitialized": {"empty list"},
}
SMALL = {"cell": "rnn", "task": "beijing", "gap": 1, "hidden_size": 2, "progress": False}
CALLS: dict[Callable[..., object], tuple[dict[str, Any], tuple[str, ...]]] = {  # the right values, and keywords of its request
    api.run: (SMALL, tuple(RunRequest.model_fields)),
    api.sweep: (SMALL, tuple(name for name in SweepRequest.model_fields if name not in ("tuned", "tune"))),
    api.tune: (SMALL, tuple(name for name in SweepRequest.model_fields if name not in ("tuned", "tune", "search_span"))),
    api.example: ({"task": "beijing", "gap": 1}, ()),
    **dict.fromkeys((api.load_runs, api.load_logs, api.load_extrapolation), ({}, ())),
    **dict.fromkeys((testing.check_cell, testing.cell_findings), ({"cell": "rnn"}, ())),
    **dict.fromkeys((testing.check_task, testing.task_findings), ({"task": "beijing"}, ())),
    insight.measure_gradients: ({"cell": "rnn", "gap": 1}, ("task", "gap", "hidden_size", "init", "seed", "option")),
    insight.measure_sensitivity: ({"cell": "rnn", "gap": 1}, ("task", "hidden_size", "init", "option", "recipe")),
    insight.measure_guesses: ({"task": "beijing", "gap": 1}, ()),
    **dict.fromkeys((insight.measure_constructions, insight.train_constructions), ({"name": "rnn-beijing"}, ())),
    **dict.fromkeys((insight.measure_gates, insight.measure_positions, insight.measure_remembrance), ({"run": "x"}, ())),
    task.uniform_chance: ({"classes": 2}, ()),
    task.at_least: ({"name": "x", "value": 1, "smallest": 0}, ()),
    task.random_tokens: ({"low": 0, "high": 2, "shape": (1,), "generator": torch.Generator()}, ()),
    task.scored_at: ({"steps": 0, "length": 1, "batch_size": 1}, ()),
    task.token_words: ({"batch": task.Batch(*torch.zeros(3, 1, 1, dtype=torch.int64)), "b": 0, "names": "a"}, ()),
    task.split_rows: ({"count": 2, "split": "eval"}, ()),
    task.csv_sequences: ({"path": "x"}, ()),
    task.order_free: ({"drawn": 3, "classes": 2}, ()),
    cells.wrap: ({"module": torch.nn.GRUCell}, ()),
    api.Study: ({"folder": "x"}, ()),
    insight.measure_extrapolation: ({"run": "x", "gap": 1}, ()),
}


class StartedError(Exception):
    """A call with wrong arguments that would have trained."""


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def started(*args: object, **kwargs: object) -> None:
        raise StartedError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rnnbench._api.Runner", started)
    monkeypatch.setattr("rnnbench._sweep.launch.Local", started)


def keywords(function: Callable[..., object], more: tuple[str, ...]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return list(dict.fromkeys([*(one.name for one in parameters if one.kind is not one.VAR_KEYWORD), *more]))


def refusal(function: Callable[..., object], values: dict[str, Any]) -> str:
    """Return the sentence that refuses a call; empty if it is accepted, and another exception as text."""
    try:
        function(**values)
    except api.UserError as error:
        text = str(error)
        if "pydantic" in "".join(traceback.format_exception(error)):
            return "pydantic's error above"
        return text if "\n" not in text and "Input should" not in text and len(text) < 1000 else f"not one sentence: {text}"
    except Exception as error:
        return f"not a UserError: {error!r:.200}"
    return ""


def test_every_public_function_is_tried() -> None:
    public = {getattr(module, name) for module in (api, cells, insight, task, testing) for name in module.__all__}
    functions = {one for one in public if inspect.isfunction(one) and inspect.signature(one).parameters}
    assert functions - CALLS.keys() == {api.render, cells.selective_scan}  # and the figures, in tests/plots/test_bad_frames.py


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_a_wrong_argument_is_one_sentence_that_names_it(function: Callable[..., object]) -> None:
    values, more = CALLS[function]
    required = {name for name, one in inspect.signature(function).parameters.items() if one.default is one.empty}
    required -= {"recipe", "fields", "options"}
    full = dict.fromkeys(required, "x") | values
    found = {}
    if inspect.isfunction(function):  # a class raises Python's TypeError
        found = {f"no {name}": (name, refusal(function, {k: v for k, v in full.items() if k != name})) for name in required}
        found["unknown keyword"] = "colour", refusal(function, full | {"colour": 1})
    for keyword in keywords(function, more):
        names = {keyword, f"{function.__name__}.{keyword}"}
        right = {label for accepting, labels in RIGHT.items() if names & {*accepting.split()} for label in labels}
        for label, wrong in WRONG.items():
            if label not in right and not (keyword == "progress" and callable(wrong)):
                found[f"{keyword} {label}"] = keyword, refusal(function, full | {keyword: wrong})
    silent = [call for call, (_, text) in found.items() if not text or text.startswith("not ")]
    assert not silent, [f"{call}: {found[call][1]}" for call in silent]
    values_shown = "no such", "xxx", repr("\0"), repr("")
    named = {call: any(word in text.lower() for word in (keyword, *values_shown)) for call, (keyword, text) in found.items()}
    nameless = [f"{call}: {found[call][1]}" for call, known in named.items() if not known]
    assert not nameless


def test_numbers_of_numpy_are_numbers() -> None:
    words = api.example("beijing", np.int64(3), seed=np.int32(0))
    assert [word.text for word in words] == [word.text for word in api.example("beijing", 3)]
    frame = insight.measure_sensitivity(cell="rnn", gap=np.array([2, 3]), seed=np.int64(0), hidden_size=np.int64(2))
    assert frame["gap"].tolist() == [2, 3]
