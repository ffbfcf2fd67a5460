"""Every recorded number, recomputed in plain PyTorch: torch.nn's cell, a hand-written Adam, generators seeded by hand."""

import hashlib
import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from rnnbench._config import Run, RunRequest
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._study import Row, RunRecord, StudyFolder
from rnnbench._training.model import build
from rnnbench._training.runner import Runner
from rnnbench._version import __version__

STEPS, EVERY, SEQUENCES, BATCH, WIDTH, LR = 60, 20, 1000, 4, 16, 0.01
COPY = {"task": "copy", "option": {"symbols": 2, "alphabet": 3}, "gap": 2}
ADDING = {"task": "adding", "gap": 3}
BEIJING = {"task": "beijing", "gap": 0, "max_steps": 400}


def resolve_small(**options: object) -> Resolved:
    recipe = {"cell": "lstm", "hidden_size": WIDTH, "batch_size": BATCH, "lr": LR, "init": "uniform", "engine": "torch"}
    recipe |= {
        "max_steps": STEPS,
        "eval_every": EVERY,
        "eval_sequences": SEQUENCES,
        "schedule": "linear",
        "beta2": 0.95,
        "recurrent_clip": math.inf,
    }
    return resolve(RunRequest.model_validate(recipe | options))


def seeded(seed: int, name: str) -> torch.Generator:
    number = int.from_bytes(hashlib.sha256(f"rnnbench/{name}/{seed}".encode()).digest()[:8], "little", signed=True)
    return torch.Generator().manual_seed(number)


class Oracle:
    """The network that ``build`` returns, rebuilt with torch.nn."""

    def __init__(self, resolved: Resolved) -> None:
        self.run, self.task = resolved.run, resolved.task
        model = build(resolved)
        self.D, H = self.task.input_size, self.run.hidden_size
        self.lstm = torch.nn.LSTM(self.D, H)
        self.readout = torch.nn.Linear(H, self.task.output_size)
        weights = dict(model.cell.named_parameters())
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(weights["weight_ih"])
            self.lstm.weight_hh_l0.copy_(weights["weight_hh"])
            self.lstm.bias_ih_l0.copy_(weights["bias"])
            self.lstm.bias_hh_l0.zero_()
            self.readout.load_state_dict(model.readout.state_dict())
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.parameters = [p for p in (*self.lstm.parameters(), *self.readout.parameters()) if p.requires_grad]
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]
        self.updates = 0

    def answers(self, batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, O) outputs and (N) targets at the scored positions, sequence by sequence."""
        inputs = batch.inputs if batch.inputs.is_floating_point() else F.one_hot(batch.inputs, self.D).float()
        outputs = self.readout(self.lstm(inputs)[0])  # (T, B, O)
        T, B = batch.scored.shape
        where = [(t, b) for t in range(T) for b in range(B) if batch.scored[t, b]]
        return torch.stack([outputs[t, b] for t, b in where]), torch.stack([batch.targets[t, b] for t, b in where])

    def loss(self, batch) -> torch.Tensor:
        outputs, targets = self.answers(batch)
        if targets.is_floating_point():
            return ((outputs[:, 0] - targets) ** 2).mean()
        return -outputs.log_softmax(dim=1)[torch.arange(len(targets)), targets].mean()

    def right(self, batch) -> list[bool]:
        outputs, targets = self.answers(batch)
        if targets.is_floating_point():
            return (abs(outputs[:, 0] - targets) < 0.04).tolist()
        return [int(row.argmax()) == int(target) for row, target in zip(outputs, targets, strict=True)]

    def update(self, step: int, loss: torch.Tensor) -> float:
        grads = torch.autograd.grad(loss, self.parameters)
        norm = math.sqrt(sum(float(grad.double().square().sum()) for grad in grads))
        self.updates += 1
        rate = self.run.lr * (1 - step / self.run.max_steps)
        with torch.no_grad():
            for p, grad, (m, v) in zip(self.parameters, grads, self.moments, strict=True):
                grad = grad * min(1.0, 0.1 / norm)
                m.mul_(0.9).add_(grad, alpha=0.1)
                v.mul_(0.95).add_(grad * grad, alpha=0.05)
                p -= rate * (m / (1 - 0.9**self.updates)) / ((v / (1 - 0.95**self.updates)).sqrt() + 1e-8)
        return norm

    def rows(self) -> list[dict]:
        train, held_out = seeded(self.run.seed, "train"), seeded(self.run.seed, "evaluate")
        rows, losses, norms, solved_rows = [], [], [], []
        for step in range(self.run.max_steps):
            loss = self.loss(self.task.sample(self.run.gap, BATCH, train))
            losses.append(float(loss.detach()))
            norms.append(self.update(step, loss))
            if (step + 1) % EVERY:
                continue
            right, loss_sum, remaining = [], 0.0, SEQUENCES
            with torch.no_grad():
                while remaining:
                    batch = self.task.sample(self.run.gap, min(128, remaining), held_out)
                    correct = self.right(batch)
                    right += correct
                    loss_sum += float(self.loss(batch)) * len(correct)
                    remaining -= batch.scored.shape[1]
            accuracy = sum(right) / len(right)
            rows.append(
                {"step": step + 1, "sequences": (step + 1) * BATCH, "train_loss": sum(losses) / len(losses)}
                | {"eval_loss": loss_sum / len(right), "accuracy": accuracy, "grad_norm": sum(norms) / len(norms)}
                | {"answers": len(right)}
            )
            losses, norms = [], []
            solved_rows.append(accuracy >= 0.99)
            if solved_rows[-2:] == [True, True]:
                break
        return rows


# adding at gap 3: the last of the three values of the second half is marked in one of three sequences, and then seen
CHANCE = {
    "copy": (1 / 3, math.log(3)),
    "adding": (2 / 3 * (1 - 0.96**2) + 1 / 3 * 0.08, 2 / 3 / 6 + 1 / 3 / 12),
    "beijing": (0.5, math.log(2)),
}


@pytest.mark.parametrize("options", [COPY, ADDING, BEIJING], ids=lambda options: options["task"])
def test_every_column_of_the_log_and_of_runs_csv(tmp_path: Path, options: dict) -> None:
    resolved = resolve_small(**options)
    run, task = resolved.run, resolved.task
    study = StudyFolder.create(tmp_path)
    list(Runner(resolved, study).rows())
    expected = Oracle(resolved).rows()
    accuracy, loss = CHANCE[run.task]
    log, (record,) = study.log(run.run_id), study.records()
    solved = len(expected) * EVERY < run.max_steps
    last = "solved" if solved else "unsolved"
    for k, (row, oracle_row) in enumerate(zip(log, expected, strict=True)):
        everything = {
            "schema_": 2, "run_id": run.run_id, "task": run.task, "cell": "lstm", "init": "uniform", "seed": 0,
            "gap": options["gap"],
            "step": oracle_row["step"], "sequences": oracle_row["sequences"], "chance_accuracy": pytest.approx(accuracy, rel=1e-12),
            "train_loss": pytest.approx(oracle_row["train_loss"], rel=1e-3, abs=1e-6),
            "eval_loss": pytest.approx(oracle_row["eval_loss"], rel=1e-3, abs=1e-6),
            "accuracy": pytest.approx(oracle_row["accuracy"], abs=2 / oracle_row["answers"]),
            "skill": pytest.approx((row.accuracy - accuracy) / (1 - accuracy), rel=1e-12),
            "grad_norm": pytest.approx(oracle_row["grad_norm"], rel=1e-2, abs=1e-6),
            "status": "running" if k < len(expected) - 1 else last,
        }  # fmt: skip
        assert set(Row.model_fields) == {*everything, "wall_s", "train_s"}
        for name, value in everything.items():
            assert getattr(row, name) == value, name
        assert 0 < row.train_s < row.wall_s
        assert k == 0 or (row.wall_s > log[k - 1].wall_s and row.train_s > log[k - 1].train_s)
    outcome = {
        **{name: getattr(log[-1], name) for name in ("schema_", "run_id", "step", "sequences", "train_loss", "eval_loss")},
        "accuracy": log[-1].accuracy,
        **{name: getattr(log[-1], name) for name in ("chance_accuracy", "skill", "grad_norm", "wall_s", "train_s", "status")},
        "steps_to_solve": expected[-2]["step"] if solved else None, "answers": expected[-1]["answers"],
        "chance_loss": pytest.approx(loss, rel=1e-12), "state_size": 2 * WIDTH,
        "parameters": 4 * WIDTH * (task.input_size + WIDTH + 1) + task.output_size * (WIDTH + 1),
        "rnnbench_version": __version__, "torch_version": torch.__version__,
        "python_version": ".".join(map(str, __import__("sys").version_info[:3])),
    }  # fmt: skip
    config = {name: getattr(run, name) for name in Run.model_fields}
    assert set(RunRecord.model_fields) == {*outcome, *config, "machine", "cpu"}
    for name, value in (outcome | config).items():
        assert getattr(record, name) == value, name
    assert (run.batch_size, run.clip_norm, run.lr, run.hidden_size) == (BATCH, 0.1, LR, WIDTH)


GOLDEN = ("2.13.0+cpu", "AVX512", "AuthenticAMD 26 2")
"""The origin of the golden study: PyTorch version, CPU capability that PyTorch uses, CPU model."""


def this_machine() -> tuple[str, str, str]:
    file = Path("/proc/cpuinfo")
    about = dict(re.findall(r"^(\S[^\t:]*)\t*: (.*)$", file.read_text(), re.MULTILINE)) if file.exists() else {}
    processor = " ".join(about.get(word, "") for word in ("vendor_id", "cpu family", "model"))
    return torch.__version__, torch.backends.cpu.get_cpu_capability(), processor


def test_the_golden_study() -> None:
    """All tasks and built-in cells against logs of the first version: bit for bit on the same machine, up to rounding elsewhere."""
    import csv

    from rnnbench._training.trainer import Trainer

    is_same_machine = this_machine() == GOLDEN
    golden = list(csv.DictReader((Path(__file__).parent / "golden.csv").read_text().splitlines()))
    for task, cell in dict.fromkeys((row["task"], row["cell"]) for row in golden):
        small = {"gap": 4, "hidden_size": 12, "batch_size": 8, "eval_every": 10, "max_steps": 20, "engine": "torch"}
        request = RunRequest.model_validate({"recipe": "v2", "task": task, "cell": cell, "eval_sequences": 1000} | small)
        rows = list(Trainer(resolve(request.model_copy(update={"schedule": "constant"}))).rows())
        golden_rows = [row for row in golden if (row["task"], row["cell"]) == (task, cell)]
        for row, golden_row in zip(rows, golden_rows, strict=True):
            assert row.step == int(golden_row["step"])
            for name, rounding in (("train_loss", 1e-5), ("eval_loss", 1e-5), ("grad_norm", 1e-5), ("accuracy", 2e-3)):
                value = float(golden_row[name])
                expected = value if is_same_machine else pytest.approx(value, rel=rounding, abs=rounding)
                assert getattr(row, name) == expected, (task, cell, name)
