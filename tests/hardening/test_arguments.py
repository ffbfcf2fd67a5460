"""Wrong arguments of every public function: one sentence, UserError, before anything is trained or measured."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnbench as api
from rnnbench import insight, testing
from rnnbench._config import RunRequest, SweepRequest

WRONG: dict[str, Any] = {
    "object": object(), "class": int, "text": "no such", "long text": "x" * 5000, "empty text": "", "NUL": "\0", "bytes": b"x",
    "NaN": math.nan, "inf": math.inf, "-1": -1, "-1.5": -1.5, "1.5": 1.5, "huge": 10**30, "digits": 10**5000, "true": True,
    "empty list": [], "nested list": [[1]], "dict": {1: 1}, "endless": range(10**12), "array": np.zeros((2, 2)),
}  # fmt: skip
RIGHT: dict[str, set[str]] = {  # the values that a keyword accepts
    "force retry_failed fail_fast progress nesterov search_span float64": {"true"},
    "weight_decay lr horizon_per_gap scale noise perturb": {"1.5", "huge"},
    "clip_norm recurrent_clip": {"1.5", "huge", "inf"},
    "horizon": {"huge"},
    "train_gaps": {"empty text"},  # the default
    "out file study table": {"text", "long text"},  # paths, which are refused when they are used
    "dask": {"text", "long text", "empty text", "NUL"},
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
        return text if "\n" not in text and "Input should" not in text and len(text) < 1000 else f"not one sentence: {text}"
    except Exception as error:
        return f"not a UserError: {error!r:.200}"
    return ""


def test_every_public_function_is_tried() -> None:
    public = {getattr(module, name) for module in (api, insight, testing) for name in module.__all__}
    functions = {one for one in public if inspect.isfunction(one) and inspect.signature(one).parameters}
    assert functions - CALLS.keys() == {api.render}  # and the figures, in tests/plots/test_bad_frames.py


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_a_wrong_argument_is_one_sentence_that_names_it(function: Callable[..., object]) -> None:
    values, more = CALLS[function]
    required = {name for name, one in inspect.signature(function).parameters.items() if one.default is one.empty}
    required -= {"recipe", "fields"}
    full = dict.fromkeys(required, "x") | values
    found = {f"no {name}": (name, refusal(function, {k: v for k, v in full.items() if k != name})) for name in required}
    found["unknown keyword"] = "colour", refusal(function, full | {"colour": 1})
    for keyword in keywords(function, more):
        right = {label for names, labels in RIGHT.items() if keyword in names.split() for label in labels}
        for label, wrong in WRONG.items():
            if label not in right and not (keyword == "progress" and callable(wrong)):
                found[f"{keyword} {label}"] = keyword, refusal(function, full | {keyword: wrong})
    silent = [call for call, (_, text) in found.items() if not text or text.startswith("not ")]
    assert not silent, [f"{call}: {found[call][1]}" for call in silent]
    names = "no such", "xxx", repr("\0")
    named = {call: any(word in text.lower() for word in (keyword, *names)) for call, (keyword, text) in found.items()}
    nameless = [f"{call}: {found[call][1]}" for call, known in named.items() if not known]
    assert not nameless


def test_numbers_of_numpy_are_numbers() -> None:
    words = api.example("beijing", np.int64(3), seed=np.int32(0))
    assert [word.text for word in words] == [word.text for word in api.example("beijing", 3)]
    frame = insight.measure_sensitivity(cell="rnn", gap=np.array([2, 3]), seed=np.int64(0), hidden_size=np.int64(2))
    assert frame["gap"].tolist() == [2, 3]
