"""The demo: its runs, and a chart of accuracy against gap that grows while they train."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from rnnbench._cli.terminal.sweep_progress import SweepScreen
from rnnbench._config import SweepRequest
from rnnbench._sweep.run_queue import Evaluated, Event, Finished, RunQueue

DEMO = SweepRequest.model_validate(
    {
        "cell": ["rnn", "lstm", "gru"],
        "task": ["recall"],
        "gap": [5, 20, 50],
        "hidden_size": [24],
        "lr": [0.01],
        "max_steps": 400,
        "eval_every": 50,
        "eval_answers": 2000,
    }
)
"""The runs of the demo: three cells and three gaps, small enough for one minute."""

BAR = " ▏▎▍▌▋▊▉█"
"""Blocks by eighths of their width."""


class DemoScreen(SweepScreen):
    """A display of the demo: a bar of accuracy per cell and gap, and chance below them."""

    def __init__(self, run_queue: RunQueue, quiet: bool) -> None:
        super().__init__(run_queue, quiet)
        records = [record for record in run_queue.study.records() if record.run_id in run_queue.run_ids]
        self.shares = {(record.cell, record.gap): record.accuracy for record in records}
        self.chance = {record.gap: record.chance_accuracy for record in records}

    def title(self) -> str:
        """Return what the demo trains."""
        gaps = f"{', '.join(map(str, DEMO.gap[:-1]))} and {DEMO.gap[-1]}"
        return f"{', '.join(DEMO.cell)} with {DEMO.hidden_size[0]} units learn to recall one word across {gaps} others"

    def show(self, event: Event) -> None:
        """Update the chart with an event."""
        match event:
            case Evaluated(run, row) if row.status != "interrupted":
                self.shares[run.cell, run.gap] = row.accuracy
                self.chance[run.gap] = row.chance_accuracy
            case Finished(run, record):
                self.shares[run.cell, run.gap] = record.accuracy
                self.chance[run.gap] = record.chance_accuracy
        super().show(event)

    def chart(self, width: int) -> Text:
        """Return the chart in at most ``width`` columns, at least 40."""
        space = min(24, (width - 7) // len(DEMO.gap))
        text = Text(" " * 7 + "".join(f"gap {gap}".ljust(space) for gap in DEMO.gap).rstrip(), style="bold")
        rows = {cell: {gap: self.shares.get((cell, gap)) for gap in DEMO.gap} for cell in DEMO.cell}
        rows["chance"] = {gap: self.chance.get(gap) for gap in DEMO.gap}
        for name, shares in rows.items():
            text.append(f"\n{name:7}", style="not bold")
            for gap, share in shares.items():
                above = share is not None and share > 1.5 * self.chance[gap]
                text.append(_bar(share, space - 7), style="green not bold" if above else "dim not bold")
                text.append(f"{'-' if share is None else f'{100 * share:.0f} %':>6} ", style="not bold")
            text.rstrip()
        return text

    def __rich__(self) -> RenderableType:
        left = Text(f"{self.run_queue.ended} of {self.run_queue.total} networks trained, {self.time_left()} left", style="dim")
        return Group(Text(self.title()), self.chart(max(40, self.console.width)), left)


def _bar(share: float | None, width: int) -> str:
    """Return a horizontal bar whose length is a share from 0 to 1 of ``width`` columns."""
    eighths = round(8 * width * (share or 0.0))
    return (BAR[8] * (eighths // 8) + (BAR[eighths % 8] if eighths % 8 else "")).ljust(width)


def demo_sentence(screen: DemoScreen) -> str:
    """Return one sentence on the chart: which cells recall the word at the largest gap, and which do not."""
    gap = DEMO.gap[-1]
    percents = [f"{cell} {100 * screen.shares[cell, gap]:.0f} %" for cell in DEMO.cell if (cell, gap) in screen.shares]
    return f"accuracy at gap {gap}: {', '.join(percents)}; chance {100 * screen.chance.get(gap, 0.0):.0f} %. One seed each."
