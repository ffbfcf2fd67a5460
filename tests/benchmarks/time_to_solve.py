"""Time of the README's run (LSTM on copy at gap 200) with each engine in turn, and the time of each part of a step.

    python tests/benchmarks/time_to_solve.py --seeds 0 1 2 3 4        # a few minutes per run
    python tests/benchmarks/time_to_solve.py --profile                # the share of each part of a step, 100 steps

Both engines get the same data and start from the same weights. They round differently, so the number of steps may differ.
"""

from __future__ import annotations

import argparse
import time

from common import machine, progress

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer


def solve(engine: str, seed: int) -> tuple[str, int, float, float]:
    """Return the status, the steps, the seconds, and the share of these spent on evaluation."""
    trainer = Trainer(resolve(RunRequest(task="copy", cell="lstm", gap=200, seed=seed, engine=engine)))  # type: ignore[arg-type]
    spent = 0.0
    measure = trainer.measure

    def timed() -> tuple[float, float]:
        nonlocal spent
        start = time.perf_counter()
        result = measure()
        spent += time.perf_counter() - start
        return result

    trainer.measure = timed  # type: ignore[method-assign]
    start = time.perf_counter()
    for row in trainer.rows():
        progress(f"{engine} seed {seed} step {row.step}: {row.accuracy:.3f}")
    seconds = time.perf_counter() - start
    return trainer.status, trainer.step, seconds, spent / seconds


def profile(engine: str, steps: int = 100) -> dict[str, float]:
    """Return the milliseconds of each part of a training step, in the order in which they run."""
    import torch

    trainer = Trainer(resolve(RunRequest(task="copy", cell="lstm", gap=200, seed=1000, engine=engine)))  # type: ignore[arg-type]
    trainer.train_step()
    parts = dict.fromkeys(("sample", "forward and loss", "backward", "clip", "optimiser"), 0.0)
    for _ in range(steps):
        marks = [time.perf_counter()]

        def mark(marks: list[float] = marks) -> None:
            marks.append(time.perf_counter())

        batch = trainer.sample(trainer.run.batch_size, trainer.train_stream)
        mark()
        loss = trainer.task.loss(trainer.model(batch), batch)
        trainer.optimizer.zero_grad(set_to_none=True)
        mark()
        loss.backward()
        mark()
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), trainer.run.clip_norm).item()
        mark()
        trainer.optimizer.step()
        mark()
        for name, before, after in zip(parts, marks, marks[1:], strict=False):
            parts[name] += 1e3 * (after - before) / steps
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds to run (default 0)")
    parser.add_argument("--profile", action="store_true", help="measure the parts of a step instead")
    arguments = parser.parse_args()
    print(machine())
    if arguments.profile:
        for engine in ("fast", "torch"):
            parts = profile(engine)
            total = sum(parts.values())
            shares = ", ".join(f"{name} {ms:.2f} ms ({100 * ms / total:.1f} %)" for name, ms in parts.items())
            print(f"{engine:>6}: {total:.1f} ms a step: {shares}")
        return
    seconds_in_all, steps_in_all = dict.fromkeys(("fast", "torch"), 0.0), dict.fromkeys(("fast", "torch"), 0)
    for seed in arguments.seeds:
        for engine in ("fast", "torch"):
            status, steps, seconds, share = solve(engine, seed)
            seconds_in_all[engine] += seconds
            steps_in_all[engine] += steps
            print(
                f"seed {seed} {engine:>6}: {status} after {steps:,} steps in {seconds:.0f} s "
                f"({1e3 * seconds / steps:.1f} ms a step), {100 * share:.1f} % of it evaluation",
                flush=True,
            )
    ratio = seconds_in_all["fast"] / seconds_in_all["torch"]
    a_step = ratio * steps_in_all["torch"] / steps_in_all["fast"]
    took = " and ".join(f"{engine} {steps_in_all[engine]:,} steps in {seconds_in_all[engine]:.0f} s" for engine in seconds_in_all)
    print(f"all seeds: {took}; fast / torch = {ratio:.2f} in all, {a_step:.2f} a step")


if __name__ == "__main__":
    main()
