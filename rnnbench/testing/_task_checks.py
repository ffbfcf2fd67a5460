"""The checks of a task, measured on the tensors that it samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import torch
from torch import Generator, Tensor

from rnnbench._config import Options
from rnnbench._plugins import registry
from rnnbench._spec.arguments import checked
from rnnbench._spec.request import TaskLike, class_of
from rnnbench.task import Batch, Task
from rnnbench.testing._baselines import linear_accuracy, mean_is_optimal, memoryless_baseline, random_features
from rnnbench.testing._findings import BrokenContractError, Check, ContractFinding, run_checks
from rnnbench.testing._fixtures import TaskFixture, accepts_gap, check_files, check_identity, isolated, namesake, refusal_of

CHANCE_ANSWERS = 20_000
"""Minimum number of answers used to measure chance, in each of the halves for training and testing."""
COUNTED_SEQUENCES = 500
"""Sequences whose scored steps are counted."""
SPLIT_SEQUENCES = 2000
"""Sequences of each split that are compared."""
LEAK_SEQUENCES = 3000
"""Sequences in which a leak is searched."""
LEAK_STEPS = 12
"""Maximum number of scored steps at which a leak is searched."""
OWN_GAPS = "; a task that draws its own gaps should use the gap that it is given, and train with --train-gaps 1..{gap}"
LEAK_SKILL = 0.05
"""Largest skill that a predictor of only the last ``gap`` inputs may have."""


@checked
def check_task(task: TaskLike, options: Options | None = None) -> None:
    """Check a task against its contract.

    Args:
        task: its class, its name, the path of its file, or an instance, whose options are used.
        options: its options, as for ``--option``.

    Raises:
        BrokenContractError: the task violates the contract; one line per finding.
        UserError: the task or an option does not exist.
    """
    found = [finding for finding in task_findings(task, options) if finding.fails]
    if found:
        raise BrokenContractError(task, found)


@checked
def task_findings(task: TaskLike, options: Options | None = None) -> list[ContractFinding]:
    """Return all findings about a task; arguments as in :func:`check_task`."""
    cls, given = class_of(registry.TASKS, task, options)
    fixture = TaskFixture(cls, given)
    with isolated():
        return list(run_checks(CHECKS, fixture, (lambda: fixture.task) if given else None))


def check_task_name(fixture: TaskFixture) -> Iterator[str]:
    """Check that the name is free, and that there are a question and a reference."""
    other = namesake(fixture.cls, registry.TASKS.named())
    if other is not None:
        yield f"the name {fixture.cls.name!r} is taken by {other}: choose another"
    for field in ("question", "reference"):
        if not isinstance(getattr(fixture.cls, field, None), str):
            yield f"{field} is missing: write a text in one line"


def check_sizes_and_gaps(fixture: TaskFixture) -> Iterator[str]:
    """Check input and output size, the training budget and the gaps."""
    task = fixture.task
    for name in ("input_size", "output_size"):
        if not (isinstance(getattr(task, name), int) and getattr(task, name) >= 1):
            yield f"{name} is {getattr(task, name)!r}: it must be a whole number of at least 1"
    if not (isinstance(task.default_max_steps, int) and task.default_max_steps >= 1):
        yield f"default_max_steps is {task.default_max_steps!r}: it must be a number of optimiser steps"
    refused = [reason for gap in task.default_gaps if (reason := refusal_of(task, gap))]
    if not task.default_gaps or (refused and not fixture.options):
        yield f"default_gaps are {task.default_gaps}: {refused[0] if refused else 'give at least one gap'}"
    if task.min_gap > 0 and accepts_gap(task, task.min_gap - 1):
        yield f"check_gap accepts gap {task.min_gap - 1}, below min_gap: raise ValueError"


def check_batch_shapes(fixture: TaskFixture) -> Iterator[str]:
    """Check shapes and dtypes of batches, and the number of scored steps."""
    task, D = fixture.task, fixture.task.input_size
    for gap in fixture.gaps:
        for B, split in product((1, 5, 64), fixture.splits):
            batch = fixture.batch(gap, B, split=split)
            T = task.length(gap)
            if batch.inputs.shape[:2] != (T, B) or batch.inputs.shape[2:] not in ((), (D,)):
                yield f"inputs are {tuple(batch.inputs.shape)} at gap {gap}: (T, B) or (T, B, D), T = length(gap) = {T}, D = {D}"
            if batch.targets.shape[:2] != (T, B) or batch.targets.dim() > 3:
                yield f"targets are {tuple(batch.targets.shape)} at gap {gap}: (T, B), or (T, B, K) for vectors, (T, B) = {(T, B)}"
            if batch.scored.shape != (T, B):
                yield f"scored are {tuple(batch.scored.shape)} at gap {gap} instead of (T, B) = {(T, B)}"
            dtypes = (batch.inputs.dtype, batch.targets.dtype, batch.scored.dtype)
            expected = (torch.float32 if batch.inputs.dim() == 3 else torch.int64, dtypes[1], torch.bool)
            if dtypes != expected or dtypes[1] not in (torch.int64, torch.float32):
                yield f"dtypes are {dtypes}: int64 tokens or (T, B, D) float32, int64 or float32 targets, bool scored"
        yield from count_messages(fixture.batch(gap, COUNTED_SEQUENCES).scored.sum(dim=0), task.scored_answers(gap), gap)


def count_messages(counts: Tensor, stated: float, gap: int) -> Iterator[str]:
    """Yield a message if the numbers of scored steps of sequences (B) do not agree with what the task states.

    Where sequences differ, the stated number is their mean, and may be rounded to a whole number.
    """
    mean = float(counts.double().mean())
    if int(counts.min()) < 1:
        yield f"a sequence has no scored step at gap {gap}: score at least one step of every sequence"
    elif bool((counts == counts[0]).all()):
        if mean != stated:
            yield f"a sequence has {int(counts[0])} scored steps, but scored_answers({gap}) is {stated:g}"
    elif abs(mean - stated) >= max(1.0, 0.1 * mean):
        yield f"a sequence has {mean:.1f} scored steps on average, but scored_answers({gap}) is {stated:g}: return the mean"


def check_ranges(fixture: TaskFixture) -> Iterator[str]:
    """Check that tokens and classes lie in range, and that values are finite."""
    task = fixture.task
    for gap, split in product(fixture.gaps, fixture.splits):
        batch = fixture.batch(gap, 2000, split=split)
        for name, tensor, size in (("token", batch.inputs, "input_size"), ("answer", batch.answers, "output_size")):
            if tensor.is_floating_point():
                if not bool(tensor.isfinite().all()):
                    yield f"an {name} is not finite at gap {gap}"
                continue
            low, high = int(tensor.min()), int(tensor.max())
            limit = getattr(task, size)
            if (name == "token" or type(task).loss is Task.loss) and not 0 <= low <= high < limit:
                yield f"{name}s run from {low} to {high} at gap {gap}, but {size} is {limit}: they must lie in [0, {size})"


def check_sampling(fixture: TaskFixture) -> Iterator[str]:
    """Check that all randomness comes from the generator."""
    gap = fixture.gaps[-1]
    if not equal_batches(fixture.batch(gap, 64), fixture.batch(gap, 64)):
        yield "the same seed gives different sequences: draw only from the generator"
    before, generator = torch.get_rng_state(), Generator().manual_seed(0)
    first, second = fixture.task.draw(gap, 64, generator, "eval"), fixture.task.draw(gap, 64, generator, "eval")
    if not torch.equal(before, torch.get_rng_state()):
        yield "sampling advances torch's global generator: draw only from the generator"
    elif equal_batches(first, second):
        yield "two draws from one generator are equal: draw from the generator, and set no seed"
    elif equal_batches(first, fixture.batch(gap, 64, seed=1)):
        yield "two seeds give the same sequences: draw from the generator"


def equal_batches(a: Batch, b: Batch) -> bool:
    """Return True if inputs and scored answers are equal."""
    return torch.equal(a.inputs, b.inputs) and torch.equal(a.answers, b.answers)


def check_scoring(fixture: TaskFixture) -> Iterator[str]:
    """Check the return values of ``loss``, ``correct`` and ``chance``."""
    task = fixture.task
    for gap in fixture.gaps:
        batch = fixture.batch(gap, 7)
        outputs = torch.randn(len(batch.answers), task.output_size, generator=Generator().manual_seed(0)).requires_grad_()
        for method in ("loss", "correct"):
            if batch.targets.dim() == 3 and getattr(type(task), method) is getattr(Task, method):
                yield f"answers are vectors (N, {batch.targets.shape[2]}): override {method}, which expects a class per answer"
        loss, correct = task.loss(outputs, batch), task.correct(outputs, batch)
        if loss.shape != () or not bool(loss.isfinite()) or not loss.requires_grad:
            yield "loss must be one finite number with a gradient: the mean over the N scored positions"
        if correct.shape != batch.answers.shape[:1] or correct.dtype != torch.bool:
            yield f"correct is {correct.dtype} {tuple(correct.shape)} instead of bool (N,) = ({len(batch.answers)},)"
        chance = task.chance(gap)
        if not (0 <= chance.accuracy < 1 and math.isfinite(chance.loss)):
            yield f"chance is {chance} at gap {gap}: it must be an accuracy in [0, 1) and a finite loss"


def check_splits(fixture: TaskFixture) -> Iterator[str]:
    """Check that no held-out sequence is also one of training, if the task takes a split."""
    if fixture.task._takes_split and (shared := shared_sequences(fixture)):
        yield f"{shared:,} of {SPLIT_SEQUENCES:,} held-out sequences are also in training: put each sequence into one split only"


def check_repeats(fixture: TaskFixture) -> Iterator[str]:
    """Ask whether sequences come from a data set: most held-out ones also occur in training, and the task takes no split."""
    if fixture.is_plugin and not fixture.task._takes_split and 2 * (shared := shared_sequences(fixture)) > SPLIT_SEQUENCES:
        sentence = f"{shared:,} of {SPLIT_SEQUENCES:,} held-out sequences also occur in training"
        yield f"{sentence}: if they come from a data set, let sample take split and keep some for evaluation"


def shared_sequences(fixture: TaskFixture) -> int:
    """Return how many of :data:`SPLIT_SEQUENCES` held-out sequences have the inputs of one of as many training sequences."""
    gap, found = fixture.gaps[-1], []
    for seed, split in enumerate(("train", "eval"), start=3):
        inputs = fixture.batch(gap, SPLIT_SEQUENCES, seed, split).inputs.transpose(0, 1).contiguous()  # (B, T) or (B, T, D)
        found.append([sequence.numpy().tobytes() for sequence in inputs])
    return sum(map(set(found[0]).__contains__, found[1]))


def check_words(fixture: TaskFixture) -> Iterator[str]:
    """Check that ``words`` returns one word per step, with answers at the scored steps."""
    task, gap = fixture.task, fixture.gaps[-1]
    batch = fixture.batch(gap, 5)
    for language in task.languages:
        for b in range(5):
            words = task.words(batch, b, language)
            if len(words) != task.length(gap):
                yield f"words returns {len(words)} words for {task.length(gap)} time steps: return one per step"
            if [word.answer is not None for word in words] != batch.scored[:, b].tolist():
                yield "words and scored disagree about the steps with an answer: answers belong to the scored steps"


def check_leak(fixture: TaskFixture) -> Iterator[str]:
    """Check that the last ``gap`` inputs do not give the answer away."""
    task = fixture.task
    short = [gap for gap in fixture.gaps if 0 < gap < 10]
    for gap in dict.fromkeys((*short[:1], *short[-1:])):
        batch = fixture.batch(gap, LEAK_SEQUENCES, seed=1)
        chance = task.chance(gap).accuracy
        steps = batch.scored.any(dim=1).nonzero().flatten().tolist()
        for t in steps[:: -(-len(steps) // LEAK_STEPS)]:
            at_t = batch._replace(scored=batch.scored & (torch.arange(len(batch.scored)) == t).unsqueeze(1))
            inputs = batch.inputs[max(0, t - gap + 1) : t + 1][:, batch.scored[t]]  # (steps, n[, D])
            accuracy, noise = linear_accuracy(task, random_features(task, inputs), at_t)
            if accuracy > chance + LEAK_SKILL * (1 - chance) + noise:
                message = f"the last {gap} inputs give {100 * accuracy:.0f} % of the answers at step {t}, gap {gap}: they must not"
                times_differ = not bool((batch.scored == batch.scored[:, :1]).all())
                yield message + (OWN_GAPS.format(gap=gap) if times_differ else "")


def check_chance(fixture: TaskFixture) -> Iterator[str]:
    """Check ``chance`` against a simulation of the best predictor that sees only the current input."""
    task, gap = fixture.task, fixture.gaps[min(2, len(fixture.gaps) - 1)]
    stated = task.chance(gap)
    sequences = max(1000, int(2 * CHANCE_ANSWERS / task.scored_answers(gap)))
    simulated, sigma = memoryless_baseline(task, fixture.batch(gap, sequences, seed=2))
    predictor = f"at gap {gap}, but the best predictor from only the current input"
    if abs(simulated.accuracy - stated.accuracy) > 4 * sigma:
        accuracies = f"chance is {100 * stated.accuracy:.1f} % {predictor} reaches {100 * simulated.accuracy:.1f} %"
        yield f"{accuracies}: correct chance, or keep the answer out of the current input"
    elif simulated.loss < 0.95 * stated.loss or (
        simulated.loss > 1.05 * stated.loss and mean_is_optimal(task, fixture.batch(gap, 50))
    ):
        yield f"chance has loss {stated.loss:.3f} {predictor} has {simulated.loss:.3f}: correct it"


CHECKS: tuple[Check[TaskFixture], ...] = (
    Check("name", check_task_name, "doubtful", stops=False, several=True),
    Check("description", check_sizes_and_gaps, several=True),
    Check("shapes", check_batch_shapes),
    Check("range", check_ranges),
    Check("determinism", check_sampling),
    Check("splits", check_splits),
    Check("scoring", check_scoring),
    Check("chance", check_chance),
    Check("leak", check_leak),
    Check("words", check_words, "doubtful"),
    Check("files", check_files, "doubtful", stops=False, several=True),
    Check("repeats", check_repeats, "note", stops=False),
    Check("identity", check_identity, "note", stops=False),
)
