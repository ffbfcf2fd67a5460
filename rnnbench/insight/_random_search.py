"""Random weight guessing, a baseline. If random weights solve a task quickly, the task does not test learning.

Hochreiter & Schmidhuber 1996 ("Bridging long time lags by weight guessing and long short-term memory") drew all weights at random
until a network solved the task; Schmidhuber, Hochreiter & Bengio 2001 report 6 to 22 trials for latch problems of length 500-600.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rnnbench._spec.resolve import Resolved
from rnnbench._training.model import Model, build, check_memory, stream
from rnnbench._training.process_state import threads
from rnnbench._training.trainer import SOLVED_ACCURACY
from rnnbench.task import Batch, Task

SCREENED = 64
"""Sequences that every guess is tested on."""
PROMISING = 0.9
"""Accuracy on them from which a guess gets the full test. A network that solves the task fails this test with probability 1e-8."""
CONFIRMED = 1024
"""Fresh sequences of the full test."""


@dataclass(frozen=True)
class SearchResult:
    """The result of one repeat.

    Attributes:
        guesses: number of guesses; the last one solved the task if ``solved``.
        solved: True if a guess was right on 99 % of :data:`CONFIRMED` fresh sequences.
        sequences: number of sequences seen in all tests together.
        accuracy: accuracy of the best guess on :data:`CONFIRMED` fresh sequences.
    """

    guesses: int
    solved: bool
    sequences: int
    accuracy: float


@threads(1)  # the products are tiny: threads would slow them down
@torch.no_grad()
def random_search(resolved: Resolved, scale: float, max_guesses: int) -> SearchResult:
    """Draw all weights and biases from U[-scale, scale] until a network solves the task; the training recipe is not used.

    Raises:
        UserError: the run does not fit its task or cell, or needs more memory than is free.
    """
    run, task = resolved.run, resolved.task
    check_memory(resolved._replace(run=run.model_copy(update={"batch_size": CONFIRMED})))
    model = build(resolved).eval()
    draws, tests = stream(run.seed, "guess"), stream(run.seed, "evaluate")
    screen = task.draw(run.gap, SCREENED, stream(run.seed, "train"))  # one set for all guesses
    sequences, best, weights = 0, -1.0, {}
    for count in range(1, max_guesses + 1):
        draw_weights(model, scale, draws)
        share = share_correct(model, task, screen)
        sequences += SCREENED
        if share > best:
            best, weights = share, {name: value.clone() for name, value in model.state_dict().items()}
        if share >= PROMISING:
            confirmed = share_correct(model, task, task.draw(run.gap, CONFIRMED, tests, "eval"))
            sequences += CONFIRMED
            if confirmed >= SOLVED_ACCURACY:
                return SearchResult(count, True, sequences, confirmed)
    model.load_state_dict(weights)
    # The best guess was selected on `screen`, so its accuracy there is biased.
    return SearchResult(max_guesses, False, sequences, share_correct(model, task, task.draw(run.gap, CONFIRMED, tests, "eval")))


@torch.no_grad()
def draw_weights(model: Model, scale: float, generator: torch.Generator) -> None:
    """Fill every weight and bias from U[-scale, scale], in place."""
    for parameter in model.parameters():
        parameter.uniform_(-scale, scale, generator=generator)


def share_correct(model: Model, task: Task, batch: Batch) -> float:
    """Return the share of right answers; an output that is not finite is wrong."""
    outputs = model(batch)  # (N, output_size)
    return float((task.correct(outputs, batch) & outputs.isfinite().all(dim=1)).double().mean())
