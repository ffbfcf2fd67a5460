"""The contract of a task, check by check, measured from the tensors that it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property

import torch
from torch import Generator

from rnnbench._config import Option
from rnnbench._errors import place
from rnnbench._plugins import registry
from rnnbench._spec.request import TaskLike, class_of
from rnnbench.task import Batch, Task
from rnnbench.testing._baselines import features, mean_is_best, memoryless, predicted
from rnnbench.testing._findings import BrokenContractError, Check, Finding, go_through
from rnnbench.testing._fixtures import by_itself, owner

ANSWERS = 20_000
"""Answers that chance is measured on, at least; half of them teach the predictor, half test it."""
LEAK_SEQUENCES = 3000
"""Sequences that a leak is looked for in."""
LEAK_STEPS = 12
"""Scored steps of a sequence at which it is looked for, at most."""
LEAKED = 0.05
"""Skill of a predictor that sees the last ``gap`` inputs alone, above which they give the answer away."""


class Question:
    """A task that is looked at.

    Args:
        kind: its class.
        options: its options.
    """

    def __init__(self, kind: type[Task], options: Mapping[str, Option]) -> None:
        self.kind, self.options = kind, options

    @cached_property
    def task(self) -> Task:
        return registry.make_task(self.kind, self.options)

    @cached_property
    def gaps(self) -> list[int]:
        """A few small gaps that the task takes with these options."""
        return [gap for gap in dict.fromkeys((self.task.min_gap, self.task.min_gap + 1, 6, 13)) if takes(self.task, gap)]

    def batch(self, gap: int, sequences: int, seed: int = 0) -> Batch:
        return self.task.sample(gap, sequences, Generator().manual_seed(seed))


def takes(task: Task, gap: int) -> bool:
    """Whether the task can pose its question at this gap."""
    try:
        task.check_gap(gap)
    except ValueError:
        return False
    return True


def check_task(task: TaskLike, options: Mapping[str, Option] | None = None) -> None:
    """Hold a task to its contract.

    Args:
        task: its class, its name, the path of its file, or an instance, whose options are taken.
        options: its options, as ``--option`` takes them.

    Raises:
        BrokenContractError: it does not keep the contract; one line per finding.
        UserError: there is no such task, or it has no such option.
    """
    found = [finding for finding in task_findings(task, options) if finding.fails]
    if found:
        raise BrokenContractError(task, found)


def task_findings(task: TaskLike, options: Mapping[str, Option] | None = None) -> list[Finding]:
    """What the checks find; arguments as in :func:`check_task`."""
    kind, given = class_of(registry.TASKS, task, options)
    question = Question(kind, given)
    with by_itself():
        return list(go_through(CHECKS, question, (lambda: question.task) if given else None))


def named(question: Question) -> Iterator[str]:
    other = owner(question.kind, registry.TASKS.named())
    if other is not None:
        yield f"the name {question.kind.name!r} is taken by {place(other)}: choose another"
    for field in ("question", "reference"):
        if not isinstance(getattr(question.kind, field, None), str):
            yield f"there is no {field}: a text in one line"


def described(question: Question) -> Iterator[str]:
    task = question.task
    for name in ("input_size", "output_size"):
        if not (isinstance(getattr(task, name), int) and getattr(task, name) >= 1):
            yield f"{name} is {getattr(task, name)!r}: a whole number of at least 1"
    if not (isinstance(task.default_max_steps, int) and task.default_max_steps >= 1):
        yield f"default_max_steps is {task.default_max_steps!r}: a number of optimiser steps"
    bad = [gap for gap in task.default_gaps if not takes(task, gap)]
    if not task.default_gaps or (bad and not question.options):
        yield f"default_gaps are {task.default_gaps}: gaps of at least min_gap = {task.min_gap}, so that a figure has an axis"
    if task.min_gap > 0 and takes(task, task.min_gap - 1):
        yield f"check_gap takes gap {task.min_gap - 1}, below min_gap: raise ValueError"


def shaped(question: Question) -> Iterator[str]:
    task, D = question.task, question.task.input_size
    for gap in question.gaps:
        for B in (1, 5, 64):
            batch = question.batch(gap, B)
            T = task.length(gap)
            if batch.inputs.shape[:2] != (T, B) or batch.inputs.shape[2:] not in ((), (D,)):
                yield f"inputs are {tuple(batch.inputs.shape)} at gap {gap}: (T, B) or (T, B, D), T = length(gap) = {T}, D = {D}"
                return
            for name, tensor in (("targets", batch.targets), ("scored", batch.scored)):
                if tensor.shape != (T, B):
                    yield f"{name} are {tuple(tensor.shape)} at gap {gap} instead of (T, B) = {(T, B)}"
                    return
            kinds = (batch.inputs.dtype, batch.targets.dtype, batch.scored.dtype)
            right = (torch.float32 if batch.inputs.dim() == 3 else torch.int64, kinds[1], torch.bool)
            if kinds != right or kinds[1] not in (torch.int64, torch.float32):
                yield f"dtypes are {kinds}: int64 tokens or (T, B, D) float32, int64 or float32 targets, bool scored"
                return
            counts = batch.scored.sum(dim=0)  # (B)
            if not bool((counts == task.scored_answers(gap)).all()):
                yield f"a sequence has {int(counts[0])} scored steps, and scored_answers({gap}) is {task.scored_answers(gap)}"
                return
            if int(counts[0]) < 1:
                yield f"no step is scored at gap {gap}: an answer must be due somewhere"
                return


def in_range(question: Question) -> Iterator[str]:
    task = question.task
    for gap in question.gaps:
        batch = question.batch(gap, 2000)
        for name, tensor, size in (("token", batch.inputs, "input_size"), ("answer", batch.answers, "output_size")):
            if tensor.is_floating_point():
                if not bool(tensor.isfinite().all()):
                    yield f"an {name} is not finite at gap {gap}"
                    return
                continue
            low, high = int(tensor.min()), int(tensor.max())
            limit = getattr(task, size)
            if (name == "token" or type(task).loss is Task.loss) and not 0 <= low <= high < limit:
                yield f"{name}s run from {low} to {high} at gap {gap}, and {size} is {limit}: they must lie in [0, {size})"
                return


def repeatable(question: Question) -> Iterator[str]:
    gap = question.gaps[-1]
    if not same(question.batch(gap, 64), question.batch(gap, 64)):
        yield "the same seed gives other sequences: draw from the generator alone"
        return
    before, generator = torch.get_rng_state(), Generator().manual_seed(0)
    first, second = question.task.sample(gap, 64, generator), question.task.sample(gap, 64, generator)
    if not torch.equal(before, torch.get_rng_state()):
        yield "sampling moves torch's own random stream: draw from the generator alone"
    elif same(first, second):
        yield "two draws from one generator are the same: draw from the generator, with no seed of your own"
    elif same(first, question.batch(gap, 64, seed=1)):
        yield "two seeds give the same sequences: draw from the generator"


def same(a: Batch, b: Batch) -> bool:
    """Whether inputs and due answers are equal."""
    return torch.equal(a.inputs, b.inputs) and torch.equal(a.answers, b.answers)


def scoring(question: Question) -> Iterator[str]:
    task = question.task
    for gap in question.gaps:
        batch = question.batch(gap, 7)
        outputs = torch.randn(len(batch.answers), task.output_size, generator=Generator().manual_seed(0)).requires_grad_()
        loss, right = task.loss(outputs, batch), task.correct(outputs, batch)
        if loss.shape != () or not bool(loss.isfinite()) or not loss.requires_grad:
            yield "loss must be one finite number that a gradient comes back from: the mean over the N scored positions"
            return
        if right.shape != batch.answers.shape or right.dtype != torch.bool:
            yield f"correct is {right.dtype} {tuple(right.shape)} instead of bool (N,) = ({len(batch.answers)},)"
            return
        chance = task.chance(gap)
        if not (0 <= chance.accuracy < 1 and math.isfinite(chance.loss)):
            yield f"chance is {chance} at gap {gap}: an accuracy in [0, 1) and a finite loss"
            return


def readable(question: Question) -> Iterator[str]:
    task, gap = question.task, question.gaps[-1]
    batch = question.batch(gap, 5)
    for language in task.languages:
        for b in range(5):
            words = task.words(batch, b, language)
            if len(words) != task.length(gap):
                yield f"words has {len(words)} words of {task.length(gap)} time steps: one per step"
                return
            if [word.answer is not None for word in words] != batch.scored[:, b].tolist():
                yield "words has an answer at a step that is not scored, or none at one that is: answers belong to the scored steps"
                return


def far(question: Question) -> Iterator[str]:
    """The last ``gap`` inputs do not give the answer away."""
    task = question.task
    short = [gap for gap in question.gaps if 0 < gap < 10]
    for gap in dict.fromkeys((*short[:1], *short[-1:])):
        batch = question.batch(gap, LEAK_SEQUENCES, seed=1)
        chance = task.chance(gap).accuracy
        steps = batch.scored.any(dim=1).nonzero().flatten().tolist()
        for t in steps[:: -(-len(steps) // LEAK_STEPS)]:
            here = batch._replace(scored=batch.scored & (torch.arange(len(batch.scored)) == t).unsqueeze(1))
            near = batch.inputs[max(0, t - gap + 1) : t + 1][:, batch.scored[t]]  # (steps, n[, D])
            found, noise = predicted(task, features(task, near), here)
            if found > chance + LEAKED * (1 - chance) + noise:
                yield f"the last {gap} inputs give {100 * found:.0f} % of the answers at step {t}, gap {gap}: they must not"
                return


def chance(question: Question) -> Iterator[str]:
    """The best predictor that sees the current input alone, found by simulation, reaches what ``chance`` says."""
    task, gap = question.task, question.gaps[min(2, len(question.gaps) - 1)]
    told = task.chance(gap)
    found, sigma = memoryless(task, question.batch(gap, max(1000, 2 * ANSWERS // task.scored_answers(gap)), seed=2))
    best = f"at gap {gap}, and the best predictor that sees the current input alone"
    if abs(found.accuracy - told.accuracy) > 4 * sigma:
        yield f"chance says {100 * told.accuracy:.1f} % {best} gets {100 * found.accuracy:.1f} %: say so, or do not show it"
    elif found.loss < 0.95 * told.loss or (found.loss > 1.05 * told.loss and mean_is_best(task, question.batch(gap, 50))):
        yield f"chance says loss {told.loss:.3f} {best} has {found.loss:.3f}: say so"


CHECKS = (
    Check("name", named, "doubtful", stops=False),
    Check("description", described),
    Check("shapes", shaped),
    Check("range", in_range),
    Check("determinism", repeatable),
    Check("scoring", scoring),
    Check("chance", chance),
    Check("leak", far),
    Check("words", readable, "doubtful"),
)
