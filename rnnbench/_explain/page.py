"""The introduction as one offline HTML page: the committed numbers as JSON, a template, a style and a script."""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup

from rnnbench._explain.content import CELLS, TASKS, measured, read_asset, texts
from rnnbench._explain.trace import trace


def build_page(language: str = "en", cell: str = "rnn", task: str = "beijing") -> str:
    """Return the page in a language. It needs no other file; ``cell`` and ``task`` are selected when it opens."""
    text = texts(language)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(read_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}  # unsorted
    traces = {name: {one: _numbers(one, name, language) for one in CELLS} for name in TASKS}
    return environment.get_template("page.html").render(
        language=language,
        cell=cell,
        task=task,
        cells=list(CELLS),
        tasks=TASKS,
        text=text,
        say=text["page"],
        command=traces[task][cell]["command"],
        distances=len(measured()["gradients"][cell]),
        style=Markup(read_asset("page.css")),
        script=Markup(read_asset("page.js")),
        data={
            "traces": traces,
            "cells": CELLS,
            "names": text["names"],
            "quantities": text["quantities"],
            "see": text["see"],
            "say": text["page"],
            **measured(),
        },
    )


def _numbers(cell: str, task: str, language: str) -> dict[str, Any]:
    """Return a trace as JSON, with two decimals."""
    read = trace(cell, task, language)
    return {
        "command": read.command,
        "cue": read.cue,
        "memory": read.memory,
        "words": read.words,
        "names": read.names,
        "values": {
            name: [[[round(x, 2) for x in units] for units in steps] for steps in values.tolist()]
            for name, values in read.values.items()
        },
        "telling": [read.telling_unit(k) for k in range(len(read.words))],
        "lines": [[read.arithmetic(step, k) for step in range(len(words))] for k, words in enumerate(read.words)],
        "probabilities": [[round(x, 4) for x in answers] for answers in read.probabilities.tolist()],
    }
