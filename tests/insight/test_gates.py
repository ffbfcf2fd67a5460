"""Gates and states along a sequence, compared with equations computed by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._plugins import registry
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.model import stream
from rnnbench.insight._gates import gate_values, half_life_table, mean_gates
from rnnbench.insight._load import build_initialised


def config(cell: str) -> Resolved:
    return resolve(RunRequest(task="beijing", cell=cell, gap=3, hidden_size=4))


def value(frame: pd.DataFrame, quantity: str, step: int) -> np.ndarray:
    rows = frame[frame["quantity"].str.startswith(quantity) & (frame["step"] == step)]
    return rows.sort_values("unit")["value"].to_numpy()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_gates_of_an_lstm_follow_its_equations() -> None:
    conf = config("lstm")
    model = build_initialised(conf, torch.float64)
    frame = gate_values(model, conf, example=1)
    W, U, b = (getattr(model.cell, name).detach().numpy() for name in ("weight_hh", "weight_ih", "bias"))
    tokens = registry.make_task("beijing").sample(3, 2, stream(0, "insight")).inputs[:, 1].tolist()
    h, C = np.zeros(4), np.zeros(4)
    for step, token in enumerate(tokens):
        i, f, g, o = np.split(W @ h + U[:, token] + b, 4)
        C = sigmoid(f) * C + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(C)
        for name, expected in (("forget", sigmoid(f)), ("input", sigmoid(i)), ("output", sigmoid(o)), ("state C", C)):
            np.testing.assert_allclose(value(frame, name, step), expected, rtol=1e-12)


def test_a_gate_is_shown_by_its_label_and_a_candidate_is_not() -> None:
    conf = config("gru")
    model = build_initialised(conf, torch.float64)
    with torch.no_grad():
        for parameter in model.cell.parameters():
            parameter.zero_()
        model.cell.bias[4:8] = -2.0  # z
    frame = gate_values(model, conf)
    assert list(frame["quantity"].unique()) == ["reset gate r", "update gate z (0 keeps)", "state h"]
    np.testing.assert_allclose(value(frame, "update gate z", 0), sigmoid(np.full(4, -2.0)))


def test_words_and_the_answer_are_at_their_steps() -> None:
    frame = gate_values(build_initialised(config("rnn"), torch.float64), config("rnn")).drop_duplicates("step")
    assert frame["word"].iloc[0] in ("arrive", "leave")
    assert frame["word"].iloc[-1] == "beijing"
    assert frame["answer"].tolist()[:-1] == [""] * 4
    assert frame["answer"].iloc[-1] == {"arrive": "arriving", "leave": "leaving"}[frame["word"].iloc[0]]


def test_a_state_of_a_custom_shape_is_shown_number_by_number() -> None:
    conf = config(str(Path(__file__).parents[1] / "plugins" / "memory.py"))
    frame = gate_values(build_initialised(conf, torch.float64), conf)
    assert frame.groupby("step")["unit"].max().tolist() == [15] * 5  # 4 units, 4 keys
    assert set(frame["quantity"]) == {"state M"}


def test_means_and_bands_are_over_units() -> None:
    frame = pd.DataFrame({"step": 0, "word": "a", "answer": "", "quantity": "f", "unit": range(11), "value": np.linspace(0, 1, 11)})
    row = mean_gates(frame).iloc[0]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.5, 0.1, 0.9))


def test_only_gated_cells_have_half_lives() -> None:
    model = build_initialised(config("rnn"), torch.float64)
    assert half_life_table(model, model, config("rnn")).empty
    model = build_initialised(config("gru"), torch.float64)
    assert half_life_table(model, model, config("gru")).groupby("when").size().to_dict() == {"initial": 4, "trained": 4}


def test_the_command_from_a_finished_run(rnnbench, tmp_path: Path) -> None:
    tiny = ["--hidden-size", "8", "--batch-size", "8", "--max-steps", "20", "--eval-every", "20"]
    for cell in ("lstm", "rnn", "memoryless"):
        assert rnnbench("run", "--cell", cell, "--task", "beijing", "--gap", "40", *tiny).code == 0
    result = rnnbench("gates", "beijing-lstm", "--out", "made")
    assert result.code == 0
    (curves,) = (tmp_path / "made").glob("gates_beijing-lstm*.csv")
    assert set(pd.read_csv(curves)["word"].iloc[[0, -1]]) <= {"arrive", "leave", "beijing"}
    (lives,) = (tmp_path / "made").glob("half_lives_beijing-lstm*.csv")
    assert len(pd.read_csv(lives)) == 16
    assert rnnbench("gates", "beijing-rnn", "--out", "made").out.count("no half-lives") == 1
    rnnbench("gates", "beijing-memoryless").refused("no gates or state")
    rnnbench("gates", "nosuch").refused("no run 'nosuch'")
    rnnbench("gates", "beijing").refused("give more of the run_id: beijing-lstm-chrono-gap40-seed0-")
