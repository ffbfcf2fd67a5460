"""Time of one training step, forward and backward, on a GPU and on one CPU core, and how far apart their results are.

    python tests/benchmarks/cuda_time.py            # about two minutes

Task recall, 32 sequences, float32. Columns: the compiled engine or scan on one CPU core; on CUDA, cuDNN or the cell's scan, and the
Python loop. A sequence model has one way. The last two columns compare the outputs with those of the CPU, and the gradients, as the
largest difference over the largest value.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from common import machine, progress
from torch import Tensor

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import Model, build
from rnnbench._training.process_state import full_precision

BATCH, RUNS, WARM_UP = 32, 5, 2
CELLS = ("rnn", "lstm", "gru-torch", "mamba", "deltanet", "transformer")


def prepare(cell: str, H: int, gap: int, device: str, engine: str) -> tuple[Callable[[], tuple[Tensor, list[Tensor]]], Model]:
    """Return a training step without the update, and its network."""
    resolved = resolve(
        RunRequest(cell=cell, task="recall", gap=gap, hidden_size=H, device=device, engine=engine, recurrent_clip=float("inf"))
    )
    network = build(resolved).to(device)
    batch = resolved.task.sample(gap, BATCH, torch.Generator().manual_seed(0)).to(torch.device(device))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def step() -> tuple[Tensor, list[Tensor]]:
        outputs = network(batch)
        return outputs, list(torch.autograd.grad(outputs.square().sum(), parameters, allow_unused=True))

    return step, network


def milliseconds(step: Callable[[], object], device: str) -> float:
    """Return the median wall-clock time of a step, after a warm-up."""
    seconds = []
    for _ in range(WARM_UP + RUNS):
        started = time.perf_counter()
        step()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 1e3 * statistics.median(seconds[WARM_UP:])


def distance(ours: list[Tensor], expected: list[Tensor]) -> float:
    """Return the largest difference over the largest value."""
    pairs = [(a.cpu(), b.cpu()) for a, b in zip(ours, expected, strict=True) if a is not None]
    return float(max((a - b).abs().max() for a, b in pairs) / max(b.abs().max() for _, b in pairs))


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(f"{torch.cuda.get_device_name()}; {machine()}")
    print("median milliseconds of a step, forward and backward; the ratios are those of the row")
    names = ("cell", "H", "gap", "CPU ms", "GPU way", "GPU ms", "loop ms", "CPU/GPU", "loop/GPU", "outputs", "gradients")
    print(("{:>12}" * len(names)).format(*names))
    with full_precision():
        for gap in (50, 200, 1000):
            for H in (64, 256):
                for cell in CELLS:
                    progress(f"{cell} H={H} gap={gap}")
                    cpu, _ = prepare(cell, H, gap, "cpu", "auto")
                    gpu, network = prepare(cell, H, gap, "cuda", "auto")
                    expected, ours = cpu(), gpu()
                    apart = distance([ours[0]], [expected[0]]), distance(ours[1], expected[1])
                    times = [milliseconds(cpu, "cpu"), milliseconds(gpu, "cuda")]
                    way, loop, ratio = network.engine, "-", "-"
                    if cell == "transformer":
                        way = "PyTorch"
                    elif gap < 1000:
                        seconds = milliseconds(prepare(cell, H, gap, "cuda", "torch")[0], "cuda")
                        loop, ratio = f"{seconds:.2f}", f"{seconds / times[1]:.1f}"
                    sizes, ours_ms = f"{cell:>12}{H:>12}{gap:>12}{times[0]:>12.2f}", f"{way:>12}{times[1]:>12.2f}{loop:>12}"
                    print(f"{sizes}{ours_ms}{times[0] / times[1]:>12.2f}{ratio:>12}{apart[0]:>12.1e}{apart[1]:>12.1e}", flush=True)


if __name__ == "__main__":
    main()
