"""Conversion of rows of every older schema to the current one. Numbers are never changed.

Schema 2 (from 1): a run's identity leaves out device, engine and threads, options carry their defaults, and plug-ins are identified
by the digest of their source, so run_ids differ. ``train_s`` and ``state_size`` are new, and empty in older rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from rnnbench._config import Run, RunFields


def migrate(class_name: str, cells: dict[str, str]) -> dict[str, str]:
    """Return the cells of a row of an older schema in the current layout; raises ValueError if the row is invalid."""
    while step := STEPS.get((class_name, int(cells["schema"])), STEPS.get(("", int(cells["schema"])))):
        cells = step(dict(cells))
    return cells


def _same(cells: dict[str, str]) -> dict[str, str]:
    return cells | {"schema": "2"}


def _run(cells: dict[str, str]) -> dict[str, str]:
    """Convert a row of runs.csv: in schema 1 ``cell_option {}`` stood for the defaults, of which cells had at most one."""
    options = json.loads(cells["cell_option"] or "{}")
    if "bias" not in options and cells["cell"] in BIASED:
        options["bias"] = True
    cells["cell_option"] = json.dumps(options, sort_keys=True)
    cells["schema"] = "2"
    known = {name: text for name, text in cells.items() if name in RunFields.model_fields and text != ""}
    values = {name: json.loads(text) if name in ("option", "cell_option") else text for name, text in known.items()}
    run = Run.model_validate(values | {"horizon": values.get("horizon")}, strict=False)
    return cells | {"run_id": run.run_id}


BIASED = ("rnn", "lstm", "gru", "gru-torch")
"""The cells of schema 1 that had the option ``bias``."""

STEPS: dict[tuple[str, int], Callable[[dict[str, str]], dict[str, str]]] = {("RunRecord", 1): _run, ("", 1): _same}
"""By class of row and schema, the step to the next schema; the class "" stands for all others."""
