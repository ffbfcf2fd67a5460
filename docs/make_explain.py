"""The numbers of `rnnbench explain`: `python docs/make_explain.py` trains its networks, reads the committed runs and writes both.

It writes the JSON files in ``rnnbench/_explain``, then ``docs/explain.html`` and ``docs/explain.zh.html``. With ``--pages`` it only
writes these pages. On another CPU model the weights differ in their last digits.
"""

import json
import sys
from pathlib import Path

import pandas as pd

import rnnbench
from rnnbench._explain import LANGUAGES, build_page
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_names

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "rnnbench" / "_explain"
CELLS = ("rnn", "lstm", "gru")
RECIPE = {"gap": 6, "hidden_size": 8, "lr": 0.01, "max_steps": 1500, "eval_every": 250, "recurrent_clip": 0.32}
SENTENCES = {  # the tokens of a sentence; the token that decides the answer is replaced by each of the choices
    "beijing": {"tokens": [0, 7, 8, 9, 10, 11, 12, 2], "cue": 0, "choices": [0, 1]},
    "recall": {"tokens": [10, 16, 0, 18, 19, 20, 21, 22, 23, 10, 17], "cue": 2, "choices": [0, 1, 2, 5]},
}
SWEEPS = [ROOT / "results" / "reference" / name for name in ("headline.toml", "far.toml")]
GRADIENTS = ROOT / "results" / "why" / "gradients_recall_gap200.csv"


def networks() -> dict[str, object]:
    """Train a network of every cell on every sentence task; return their weights, rounded, and their commands."""
    found = {}
    for task, sentence in SENTENCES.items():
        trained = {}
        for cell in CELLS:
            result = rnnbench.run(cell=cell, task=task, progress=False, **RECIPE)
            if result.status != "solved":
                raise SystemExit(f"{cell} has not solved {task}: change the recipe")
            weights = {name: [round(x, 5) for x in values.flatten().tolist()] for name, values in result.model.state_dict().items()}
            flags = " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in RECIPE.items())
            trained[cell] = {
                "command": f"rnnbench run --cell {cell} --task {task} {flags}",
                "run_id": result.run.run_id,
                "weights": weights,
            }
        found[task] = sentence | {"gap": RECIPE["gap"], "networks": trained}
    return found


def measured() -> dict[str, object]:
    """Return the accuracy of the committed runs by task, gap and cell, and the committed gradients by cell."""
    runs = rnnbench.load_runs(ROOT / "results" / "reference")
    shown = {run.run_id for sweep in SWEEPS for run in grid(read_names(sweep, {}), load_errors={})}
    runs = runs[runs["run_id"].isin(shown)]
    accuracy: dict[str, dict[str, dict[str, object]]] = {}
    for (task, gap, cell), rows in runs[runs["task"].isin(SENTENCES)].groupby(["task", "gap", "cell"]):
        accuracy.setdefault(str(task), {}).setdefault(str(gap), {})[str(cell)] = {
            "accuracy": round(float(rows["accuracy"].median()), 4),
            "solved": int(rows["steps_to_solve"].notna().sum()),
            "seeds": len(rows),
            "chance": round(float(rows["chance_accuracy"].iloc[0]), 4),
        }
    table = pd.read_csv(GRADIENTS).query("when == 'initial'").sort_values("distance")
    gradients = {}
    for cell in CELLS:
        sizes = table[table["cell"] == cell]["grad_state"]
        gradients[cell] = [float(f"{size / sizes.iloc[0]:.3g}") for size in sizes]
    return {"accuracy": accuracy, "gradients": gradients}


def pages() -> dict[Path, str]:
    """Return the text of each committed page."""
    return {
        ROOT / "docs" / ("explain.html" if language == "en" else f"explain.{language}.html"): build_page(language)
        for language in LANGUAGES
    }


if __name__ == "__main__":
    if "--pages" not in sys.argv:
        for name, content in (("networks", networks()), ("measured", measured())):
            (ROOM / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
