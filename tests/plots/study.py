"""Made-up runs with all columns that the figures read."""

from collections.abc import Iterable

import pandas as pd

DEFAULTS = {
    "task": "copy", "cell": "rnn", "init": "uniform", "gap": 5, "seed": 0, "lr": 0.01, "accuracy": None, "steps_to_solve": None,
    "chance_accuracy": 0.125, "hidden_size": 128, "batch_size": 32, "optimizer": "adam", "horizon": None, "clip_norm": 1.0,
    "max_steps": 100, "option": "{}", "cell_option": "{}", "eval_every": 250, "engine": "fast", "threads": 1, "step": 100,
    "wall_s": 1.0, "state_size": 128, "train_loss": 0.5, "eval_loss": 0.5, "chance_loss": 2.0,
}  # fmt: skip


def made_up(rows: Iterable[dict]) -> pd.DataFrame:
    """Return rows like those of ``Study.runs``; a row with ``steps_to_solve`` is solved."""
    filled = [DEFAULTS | row for row in rows]
    for k, row in enumerate(filled):
        solved = row["steps_to_solve"] is not None
        row.setdefault("parameters", 8 * row["hidden_size"])
        row |= {"run_id": f"run{k}", "status": "solved" if solved else "unsolved"}
        if row["accuracy"] is None:
            row["accuracy"] = 1.0 if solved else 0.2
    return pd.DataFrame(filled).astype({"steps_to_solve": float, "horizon": float})
