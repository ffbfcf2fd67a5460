"""Hand-picked weights that solve a task at any gap: in theory a recurrent network does not have to forget.

Every construction is a set of explicit weights for the same cell that is trained, and for its readout. The reason that the weights
are robust is the reason that gradient descent does not find them. A unit that noise cannot flip is saturated, and a saturated unit
passes no gradient back (Bengio, Simard & Frasconi 1994, section IV). The integrators of the adding problem pass the gradient on,
and accumulate noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._errors import UserError, did_you_mean, shorten_repr
from rnnbench._plugins.registry import CELLS, TASKS, make_cell, make_task
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import Model, stream
from rnnbench._training.trainer import Trainer
from rnnbench.insight._gradients import keep_last_answer
from rnnbench.insight._load import check_steps, unroll
from rnnbench.task import Batch, Task

GAIN = 20.0
"""L: pre-activation of a saturated latch."""


@dataclass(frozen=True)
class Construction:
    """One hand-picked solution.

    Attributes:
        cell: name of the cell.
        task: name of the task.
        units: width of the cell.
        idea: the idea, in one line.
        fill: function that writes the weights into an all-zero model of the task.
    """

    cell: str
    task: str
    units: int
    idea: str
    fill: Callable[[Model, Task], None]

    @property
    def name(self) -> str:
        return f"{self.cell}-{self.task}"

    @torch.no_grad()
    def build(self, dtype: torch.dtype = torch.float32) -> tuple[Model, Task]:
        """Return the network with its weights, and the task with its default options."""
        task = make_task(TASKS.find(self.task))
        model = Model(make_cell(CELLS.find(self.cell), task.input_size, self.units), task.output_size)
        for parameter in model.parameters():
            parameter.zero_()
        self.fill(model, task)
        return model.to(dtype), task


def find_construction(name: str) -> Construction:
    """Return the construction called ``name``; raise UserError if there is none."""
    if name not in CONSTRUCTIONS:
        raise UserError(f"unknown construction {shorten_repr(name)}{did_you_mean(name, CONSTRUCTIONS)}")
    return CONSTRUCTIONS[name]


@torch.no_grad()
def noisy_accuracy(model: Model, task: Task, gap: int, sequences: int = 256, noise: float = 0.0, seed: int = 0) -> float:
    """Measure the share of right answers on fresh sequences, in one batch.

    Gaussian noise of standard deviation ``noise`` is added to every number of the state after every step.
    """
    check_steps(task, gap)
    generator = stream(seed, "insight")
    batch = task.sample(gap, sequences, generator)
    cell = step_cell(model)
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
    """Compute the norm of d (output of the last answer) / d (state after the first input), the mean over 8 sequences.

    The output is the logit of the right class, or the number. Unlike the loss, it does not flatten once the answer is right.
    """
    batch: Batch = keep_last_answer(task.sample(gap, 8, stream(seed, "insight")))
    cell = step_cell(model)
    trajectory = unroll(cell, cell.vectors(batch.inputs))
    outputs = model.readout(trajectory.states[-1][0])  # (8, output_size)
    answers = batch.answers  # (8)
    right = outputs.squeeze(1) if answers.is_floating_point() else outputs.gather(1, answers.unsqueeze(1))  # (8) or (8, 1)
    grads = torch.autograd.grad(right.sum(), list(trajectory.states[1]), allow_unused=True)
    parts = [grad for grad in grads if grad is not None]
    return float(torch.cat(parts, dim=1).norm(dim=1).mean())


@torch.no_grad()
def perturb_weights(model: Model, amount: float, seed: int) -> None:
    """Add Gaussian noise to every weight in place; standard deviation ``amount`` times the root mean square of its tensor.

    For a tensor of zeros the standard deviation is ``amount``, so that every weight changes.
    """
    generator = stream(seed, "perturb")
    for parameter in model.parameters():
        scale = float(parameter.square().mean().sqrt()) or 1.0
        parameter.add_(amount * scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))


def train_from(name: str, gap: int, amount: float, seed: int, lr: float, max_steps: int) -> Iterator[tuple[int, float, str]]:
    """Train from a construction perturbed by ``amount``, with recipe v2 at the construction's width.

    Yields:
        Step, accuracy on held-out sequences and status, every 50 steps; at step 0 for the perturbed construction itself.

    Raises:
        UserError: the construction ``name`` does not exist.
    """
    found = find_construction(name)
    fields = {
        "task": found.task,
        "cell": found.cell,
        "hidden_size": found.units,
        "init": "uniform",
        "eval_every": 50,
        "recipe": "v2",
    }
    trainer = Trainer(resolve(RunRequest.model_validate(fields | {"gap": gap, "seed": seed, "lr": lr, "max_steps": max_steps})))
    model, _ = found.build()
    perturb_weights(model, amount, seed)
    trainer.model.load_state_dict(model.state_dict())
    yield 0, trainer.measure()[0], trainer.status
    for row in trainer.rows():
        yield row.step, row.accuracy, row.status


def fill_copy_rnn(model: Model, task: Task) -> None:
    """Fill 3 bits x 10 slots x {p, q} + two flags: a shift register of tanh units that pauses while it reads blanks.

    Slot s stores a bit as sigma_s = p_s + q_s, 0 for 1 and -2 for 0. The register moves by one slot per step while it reads
    symbols, and again after the cue. In between, every slot copies itself. All units start at -1.
    """
    cell = step_cell(model)
    bits, slots, L = 3, 10, GAIN
    W, U, b = cell_weights(model)

    def p(k: int, s: int) -> int:
        """Return the index of the first of the two units that store bit k in slot s."""
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
            else:  # the bit of the current symbol, -1 without a symbol
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


def fill_adding_rnn(model: Model, task: Task) -> None:
    """Fill an integrator: the readout is s plus the value that is about to enter it.

    p' = tanh(kappa v + L(m - 1)), q' = tanh(L(m - 1)), s' = tanh(s + (eps/kappa)(p - q)).
    """
    kappa, eps, L = 0.05, 1e-3, 12.0
    W, U, b = cell_weights(model)
    U[0, 0], U[0, 1], b[0] = kappa, L, -L
    U[1, 1], b[1] = L, -L
    W[2] = torch.tensor([eps / kappa, -eps / kappa, 1.0])
    model.readout.weight[0] = torch.tensor([1 / kappa, -1 / kappa, 1 / eps])


def fill_adding_lstm(model: Model, task: Task) -> None:
    """Fill one cell: f = sigmoid(20), i = sigmoid(20(2m - 1)), g = tanh(.02 v), o open; the readout is C / .02."""
    scale = 0.02
    _, U, b = cell_weights(model)
    U[0, 1], b[0] = 2 * GAIN, -GAIN  # input gate: open at a mark
    b[1] = GAIN  # forget gate: keep
    U[2, 0] = scale  # candidate
    b[3] = GAIN  # output gate: open
    model.readout.weight[0, 0] = 1 / scale


def fill_rnn_latch(model: Model, task: Task) -> None:
    """Fill one tanh unit per cue, w = 3: only the cue's input, above h* = 1.30, sets the unit. All units start at -1.

    In every latch unit k belongs to token k: the cues are the first tokens of both sentence tasks. Class k reads unit k.
    """
    W, U, _ = cell_weights(model)
    W.fill_diagonal_(3.0)
    U.fill_diagonal_(2 * GAIN)
    step_cell(model).initial_state[0].fill_(-1.0)
    model.readout.weight.fill_diagonal_(10.0)


def fill_lstm_latch(model: Model, task: Task) -> None:
    """Fill one cell per cue: f = sigmoid(L) keeps the state, only the cue opens the input gate, g = 1."""
    H = model.cell.hidden_size
    _, U, b = cell_weights(model)
    U[:H].fill_diagonal_(2 * GAIN)
    b[:H], b[H : 2 * H], b[2 * H :] = -GAIN, GAIN, GAIN
    model.readout.weight.fill_diagonal_(10.0)


def fill_gru_latch(model: Model, task: Task) -> None:
    """Fill one unit per cue: any cue opens the update gate; the candidate is +1 at the unit's cue and -1 at other cues."""
    H = model.cell.hidden_size
    _, U, b = cell_weights(model)
    b[H:] = -GAIN
    U[2 * H :].fill_diagonal_(2 * GAIN)
    U[H : 2 * H, :H] = 2 * GAIN
    model.readout.weight.fill_diagonal_(10.0)


def cell_weights(model: Model) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight_hh (rows*H, H), weight_ih (rows*H, D) and the (first) bias (rows*H) of the model's cell."""
    found = dict(model.cell.named_parameters())
    return found["weight_hh"], found["weight_ih"], found["bias" if "bias" in found else "bias_ih"]


def step_cell(model: Model) -> Cell:
    """Return the model's cell, which every construction has (no whole-sequence model)."""
    assert isinstance(model.cell, Cell)
    return model.cell


_LATCHES = (
    ("rnn", "one self-sustaining unit per cue", fill_rnn_latch),
    ("lstm", "one cell per cue, written once", fill_lstm_latch),
    ("gru", "one unit per cue, replaced only by cues", fill_gru_latch),
)
_ALL = (
    Construction("rnn", "copy", 62, "a shift register of saturated units, moved by the symbols and the cue", fill_copy_rnn),
    Construction("rnn", "adding", 3, "a leakless sum in the linear middle of one tanh unit", fill_adding_rnn),
    Construction("lstm", "adding", 1, "a forget gate that keeps and an input gate that opens at the marks", fill_adding_lstm),
    *(Construction(cell, task, n, idea, fill) for cell, idea, fill in _LATCHES for task, n in (("beijing", 2), ("recall", 10))),
)
CONSTRUCTIONS = {found.name: found for found in _ALL}
