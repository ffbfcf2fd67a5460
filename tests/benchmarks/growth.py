"""Growth of a training step's time and memory with the gap and the width.

    python tests/benchmarks/growth.py

Each line comes from a new process, which runs ``rnnbench``'s training step on copy (batch 32, engine auto). The time is the median
over half a second and at least three steps, after a warm-up of the same length. The memory is the peak of the process beyond its
peak at gap 10. Memory grows linearly in the gap; the constant is printed in bytes per time step.
"""

from __future__ import annotations

import json
import subprocess
import sys

from common import machine, progress

STEP = """
import json, resource, statistics, sys, time
from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer
cell, gap, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
trainer = Trainer(resolve(RunRequest(task="copy", cell=cell, gap=gap, hidden_size=width)))
trainer.train_step()  # compilation is not counted
for _ in range(2):
    times = []
    while sum(times) < 0.5 or len(times) < 3:
        start = time.perf_counter()
        trainer.train_step()
        times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([statistics.median(times), peak, trainer.run.engine]))
"""


def measure(cell: str, gap: int, width: int) -> tuple[float, int, str]:
    """Return the seconds per step, the peak bytes of the process, and the engine."""
    progress(f"{cell} gap={gap} H={width}")
    out = subprocess.run([sys.executable, "-c", STEP, cell, str(gap), str(width)], capture_output=True, text=True, check=True)
    seconds, peak, engine = json.loads(out.stdout)
    return seconds, peak, engine


def main() -> None:
    print(machine())
    print(f"{'cell':>10}{'H':>8}{'gap':>8}{'ms/step':>12}{'us/time step':>14}{'peak MiB':>10}{'bytes/time step':>17}")
    for cell in ("rnn", "lstm", "gru"):
        for width, gaps in ((128, (10, 200, 1000, 5000)), (32, (1000,)), (256, (1000,)), (512, (1000,))):
            _, base, _ = measure(cell, 10, width)
            for gap in gaps:
                seconds, peak, _ = measure(cell, gap, width)
                steps = gap + 20
                grown = f"{(peak - base) / (gap - 10):17,.0f}" if gap > 10 else f"{'-':>17}"
                print(
                    f"{cell:>10}{width:>8}{gap:>8}{1e3 * seconds:12.1f}{1e6 * seconds / steps:14.1f}{peak / 2**20:10.0f}{grown}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
