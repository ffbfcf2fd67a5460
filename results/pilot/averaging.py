"""Does it help to measure a running average of the weights instead of the weights themselves? A pilot of the recipe.

    python results/pilot/averaging.py --schedule constant --seeds 1000 1001 1002 1003 >> results/pilot/averaging.csv

The LSTM on copy at gap 200. Training is as ever; before each evaluation the weights are exchanged for their exponential
average (Adam's bias correction, decay 0.998: some 500 steps), and put back afterwards.
"""

from __future__ import annotations

import argparse
import csv
import sys

import torch

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer

DECAY = 0.998


class Averaged(Trainer):
    """A Trainer that measures the average of its weights."""

    average: list[torch.Tensor] | None = None

    def train_step(self) -> None:
        super().train_step()
        if self.average is None:
            self.average = [torch.zeros_like(parameter) for parameter in self.model.parameters()]
        with torch.no_grad():
            for mean, parameter in zip(self.average, self.model.parameters(), strict=True):
                mean.lerp_(parameter, 1 - DECAY)

    def measure(self) -> tuple[float, float]:
        assert self.average is not None
        kept = [parameter.detach().clone() for parameter in self.model.parameters()]
        with torch.no_grad():
            for parameter, mean in zip(self.model.parameters(), self.average, strict=True):
                parameter.copy_(mean / (1 - DECAY**self.step))
        measured = super().measure()
        with torch.no_grad():
            for parameter, before in zip(self.model.parameters(), kept, strict=True):
                parameter.copy_(before)
        return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedule", default="constant")
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1000, 1001, 1002, 1003])
    arguments = parser.parse_args()
    table = csv.writer(sys.stdout, lineterminator="\n")
    for seed in arguments.seeds:
        asked = RunRequest(task="copy", cell=arguments.cell, gap=200, seed=seed, schedule=arguments.schedule)
        trainer = Averaged(resolve(asked))
        for row in trainer.rows():
            table.writerow([row.cell, arguments.schedule, DECAY, seed, row.step, f"{row.accuracy:.4f}", row.status])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
