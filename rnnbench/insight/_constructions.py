"""Weights picked by hand that solve a task at any gap: in theory a recurrent network need not forget.

Every construction is a set of explicit weights loaded into the same cell that is trained, and its readout. What makes them hold is
what keeps gradient descent from finding them: a unit that a disturbance cannot flip is saturated, and a saturated unit passes no
gradient back (Bengio, Simard & Frasconi 1994, section IV). The integrators of the adding problem pass it on, and gather noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._errors import UserError, did_you_mean
from rnnbench._plugins.registry import CELLS, TASKS, make_cell, make_task
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import Model, stream
from rnnbench._training.trainer import Trainer
from rnnbench.insight._gradients import last_answers
from rnnbench.insight._load import walk
from rnnbench.task import Batch, Task

GAIN = 20.0
"""L: how far the latches' pre-activations are driven into saturation."""


@dataclass(frozen=True)
class Construction:
    """One hand-picked solution.

    Attributes:
        cell, task: names.
        units: width of the cell.
        idea: how it works, in one line.
        fill: writes the weights of an all-zero model, given the task.
    """

    cell: str
    task: str
    units: int
    idea: str
    fill: Callable[[Model, Task], None]

    @property
    def name(self) -> str:
        return f"{self.cell}-{self.task}"

    def build(self, dtype: torch.dtype = torch.float32) -> tuple[Model, Task]:
        """The network with its weights, and the task with its default options."""
        task = make_task(TASKS.find(self.task))
        model = Model(make_cell(CELLS.find(self.cell), task.input_size, self.units), task.output_size)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
            self.fill(model, task)
        return model.to(dtype), task


def construction(name: str) -> Construction:
    """The construction called ``name``; raises UserError."""
    if name not in CONSTRUCTIONS:
        raise UserError(f"unknown construction {name!r}{did_you_mean(name, CONSTRUCTIONS)}")
    return CONSTRUCTIONS[name]


@torch.no_grad()
def accuracy(model: Model, task: Task, gap: int, sequences: int = 256, noise: float = 0.0, seed: int = 0) -> float:
    """Share of right answers on fresh sequences.

    Args:
        model: the network.
        task: its task.
        gap: time steps.
        sequences: how many, all at once.
        noise: standard deviation of Gaussian noise added to every number of the state after every step.
        seed: of the sequences and the noise.
    """
    generator = stream(seed, "insight")
    batch = task.sample(gap, sequences, generator)
    cell = recurrent(model)
    state = cell.start(sequences)  # (B, H) each
    outputs = []
    for x, due in zip(cell.vectors(batch.inputs), batch.scored, strict=True):  # (B, D), (B)
        state, _ = cell.step(x, state)
        if noise:
            state = tuple(part + noise * torch.randn(part.shape, generator=generator).to(part) for part in state)
        if bool(due.any()):
            outputs.append(model.readout(state[0][due]))  # (n, output_size)
    return float(task.correct(torch.cat(outputs), batch).double().mean())


def gradient_through_gap(model: Model, task: Task, gap: int, seed: int = 0) -> float:
    """Norm of d (output of the last answer) / d (state after the first input): what is left of the gradient behind the gap.

    The output is the right class's logit, or the number; unlike the loss, it does not flatten once the answer is right. Mean over
    8 sequences.
    """
    batch: Batch = last_answers(task.sample(gap, 8, stream(seed, "insight")))
    cell = recurrent(model)
    passed = walk(cell, cell.vectors(batch.inputs))
    outputs = model.readout(passed.states[-1][0])  # (8, output_size)
    answers = batch.answers  # (8)
    right = outputs.squeeze(1) if answers.is_floating_point() else outputs.gather(1, answers.unsqueeze(1))  # (8) or (8, 1)
    grads = torch.autograd.grad(right.sum(), list(passed.states[1]), allow_unused=True)
    parts = [grad for grad in grads if grad is not None]
    return float(torch.cat(parts, dim=1).norm(dim=1).mean())


def perturb(model: Model, amount: float, seed: int) -> None:
    """Add Gaussian noise to every weight in place; standard deviation ``amount`` times the root mean square of its tensor.

    A tensor of zeros gets ``amount`` times 1, so that no weight is spared.
    """
    generator = stream(seed, "perturb")
    with torch.no_grad():
        for parameter in model.parameters():
            scale = float(parameter.square().mean().sqrt()) or 1.0
            parameter.add_(amount * scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))


def train_from(name: str, gap: int, amount: float, seed: int, lr: float, max_steps: int) -> Iterator[tuple[int, float, str]]:
    """Train from a construction that was perturbed by ``amount``, with the common recipe at the construction's width.

    Yields:
        Step, accuracy on held-out sequences and status, every 50 steps; at step 0 the perturbed construction itself.

    Raises:
        UserError: there is no construction ``name``.
    """
    found = construction(name)
    recipe = {"task": found.task, "cell": found.cell, "hidden_size": found.units, "init": "uniform", "eval_every": 50}
    trainer = Trainer(resolve(RunRequest.model_validate(recipe | {"gap": gap, "seed": seed, "lr": lr, "max_steps": max_steps})))
    model, _ = found.build()
    perturb(model, amount, seed)
    trainer.model.load_state_dict(model.state_dict())
    yield 0, trainer.measure()[0], trainer.status
    for row in trainer.rows():
        yield row.step, row.accuracy, row.status


def copy_rnn(model: Model, task: Task) -> None:
    """3 bits x 10 slots x {p, q} + two flags: a shift register of tanh units that stands still while it reads blanks.

    Slot s holds a bit as sigma_s = p_s + q_s, 0 for 1 and -2 for 0. While symbols come in, and again once the cue has been
    seen, the register moves by one slot per step; between, every slot copies itself. Everything starts at -1.
    """
    cell = recurrent(model)
    bits, slots, L = 3, 10, GAIN
    W, U, b = weights(model)

    def p(k: int, s: int) -> int:
        """Index of the first of the two units that hold bit k in slot s."""
        return k * 2 * slots + s

    def q(k: int, s: int) -> int:
        return p(k, s) + slots

    flag1, flag2 = bits * 2 * slots, bits * 2 * slots + 1
    blank, cue = 8, 9
    moving = torch.full((10,), L)  # delta_x: +1 for symbols, -1 for blank and cue
    moving[blank] = moving[cue] = -L
    for k in range(bits):
        for s in range(slots):
            if s:  # p' = tanh L(sigma_{s-1} + 1 + flag2 + delta)
                W[p(k, s), p(k, s - 1)] = W[p(k, s), q(k, s - 1)] = L
                W[p(k, s), flag2] = L
                U[p(k, s)] = moving
                b[p(k, s)] = L
            else:  # the bit of the symbol that comes in, and -1 without one
                U[p(k, 0)] = torch.tensor([L if token < 8 and (token >> k) & 1 else -L for token in range(10)])
            W[q(k, s), p(k, s)] = W[q(k, s), q(k, s)] = L  # q' = tanh L(sigma_s - 1 - flag2 - delta)
            W[q(k, s), flag2] = -L
            U[q(k, s)] = -moving
            b[q(k, s)] = -L
    W[flag1, flag1] = L  # flag1' = tanh L(flag1 + 4 [cue])
    U[flag1, cue] = 4 * L
    W[flag2, flag1] = L  # flag2' = tanh(L flag1): one step later
    cell.initial_state[0].fill_(-1.0)
    for token in range(8):  # logit: 3 sum_k s_k (sigma_last + 1), s_k the sign of the token's bit
        for k in range(bits):
            sign = 3.0 if (token >> k) & 1 else -3.0
            model.readout.weight[token, p(k, slots - 1)] = model.readout.weight[token, q(k, slots - 1)] = sign
            model.readout.bias[token] += sign


def adding_rnn(model: Model, task: Task) -> None:
    """p' = tanh(kappa v + L(m - 1)), q' = tanh(L(m - 1)), s' = tanh(s + (eps/kappa)(p - q)); read out s + what is under way."""
    kappa, eps, L = 0.05, 1e-3, 12.0
    W, U, b = weights(model)
    U[0, 0], U[0, 1], b[0] = kappa, L, -L
    U[1, 1], b[1] = L, -L
    W[2] = torch.tensor([eps / kappa, -eps / kappa, 1.0])
    model.readout.weight[0] = torch.tensor([1 / kappa, -1 / kappa, 1 / eps])


def adding_lstm(model: Model, task: Task) -> None:
    """One cell: f = sigmoid(20), i = sigmoid(20(2m - 1)), g = tanh(.02 v), o open; read out C / .02."""
    scale = 0.02
    _, U, b = weights(model)
    U[0, 1], b[0] = 2 * GAIN, -GAIN  # input gate: open at a mark
    b[1] = GAIN  # forget gate: keep
    U[2, 0] = scale  # candidate
    b[3] = GAIN  # output gate: open
    model.readout.weight[0, 0] = 1 / scale


def rnn_latch(model: Model, task: Task) -> None:
    """One tanh unit a cue, w = 3: the cue's input, above h* = 1.30, sets it; nothing else reaches it. All start at -1."""
    cell = recurrent(model)
    W, U, _ = weights(model)
    for unit, token in enumerate(cues(task)):
        W[unit, unit] = 3.0
        U[unit, token] = 2 * GAIN
    cell.initial_state[0].fill_(-1.0)
    read_latches(model, task)


def lstm_latch(model: Model, task: Task) -> None:
    """One cell a cue: f = sigmoid(L) keeps, the input gate is opened by the cue alone, g = 1."""
    H = model.cell.hidden_size
    _, U, b = weights(model)
    for unit, token in enumerate(cues(task)):
        U[unit, token] = 2 * GAIN
    b[:H], b[H : 2 * H], b[2 * H :] = -GAIN, GAIN, GAIN
    read_latches(model, task)


def gru_latch(model: Model, task: Task) -> None:
    """One unit a cue: the update gate is opened by any cue, the candidate is +1 at the unit's own cue and -1 at another's."""
    H = model.cell.hidden_size
    _, U, b = weights(model)
    b[H : 2 * H] = -GAIN
    b[2 * H :] = -GAIN
    for unit, own in enumerate(cues(task)):
        U[2 * H + unit, own] = 2 * GAIN
        for token in cues(task):
            U[H + unit, token] = 2 * GAIN
    read_latches(model, task)


def weights(model: Model) -> tuple[Tensor, Tensor, Tensor]:
    """weight_hh (rows*H, H), weight_ih (rows*H, D) and the (first) bias (rows*H) of the model's cell."""
    found = dict(model.cell.named_parameters())
    return found["weight_hh"], found["weight_ih"], found["bias" if "bias" in found else "bias_ih"]


def recurrent(model: Model) -> Cell:
    """The model's cell, which every construction is a set of weights of."""
    assert isinstance(model.cell, Cell)
    return model.cell


def cues(task: Task) -> range:
    """The tokens that decide the answer: the first ``output_size`` ones of both sentence tasks."""
    return range(task.output_size)


def read_latches(model: Model, task: Task) -> None:
    """Each class reads its own unit."""
    for unit in range(task.output_size):
        model.readout.weight[unit, unit] = 10.0


_ALL = (
    Construction("rnn", "copy", 62, "a shift register of saturated units, moved by the symbols and the cue", copy_rnn),
    Construction("rnn", "adding", 3, "a leakless sum in the linear middle of one tanh unit", adding_rnn),
    Construction("lstm", "adding", 1, "a forget gate that keeps and an input gate that opens at the marks", adding_lstm),
    *(Construction("rnn", task, n, "one self-sustaining unit a cue", rnn_latch) for task, n in (("beijing", 2), ("recall", 10))),
    *(Construction("lstm", task, n, "one cell a cue, written once", lstm_latch) for task, n in (("beijing", 2), ("recall", 10))),
    *(
        Construction("gru", task, n, "one unit a cue, replaced by cues alone", gru_latch)
        for task, n in (("beijing", 2), ("recall", 10))
    ),
)
CONSTRUCTIONS = {found.name: found for found in _ALL}
