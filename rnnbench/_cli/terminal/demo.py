"""The demo: its runs, and a chart of accuracy against gap that grows while they train."""

from __future__ import annotations

from rich.cells import cell_len
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


TEXTS = {
    "en": {
        "title": "{cells} with {units} units learn to recall one word across {gaps} others",
        "and": "{} and {}",
        "gap": "gap {}",
        "chance": "chance",
        "left": "{ended} of {total} networks trained, {time} left",
        "sentence": "accuracy at gap {gap}: {percents}; chance {chance:.0f} %. One seed each.",
        "next": "next: ",
        "show": "what a network reads, and the answer",
        "run": "ten symbols across 200 blanks",
    },
    "zh": {
        "title": "{cells}（{units} 个单元）学习隔着 {gaps} 个词回忆一个词",
        "and": "{} 或 {}",
        "gap": "间隔 {}",
        "chance": "随机",
        "left": "已训练 {ended} / {total} 个网络，还需 {time}",
        "sentence": "间隔 {gap} 处的准确率：{percents}；随机猜测水平 {chance:.0f} %。每种网络只有一个随机种子。",
        "next": "接着：",
        "show": "网络读到什么，答案是什么",
        "run": "隔着 200 个空白复述十个符号",
    },
}
"""The texts of the demo, by language."""


def demo_texts(language: str) -> dict[str, str]:
    """Return the texts of the demo in a language, ``en`` or ``zh``."""
    return TEXTS[language]


class DemoScreen(SweepScreen):
    """A display of the demo: a bar of accuracy per cell and gap, and chance below them."""

    def __init__(self, run_queue: RunQueue, quiet: bool, language: str = "en") -> None:
        super().__init__(run_queue, quiet)
        self.texts = demo_texts(language)
        records = [record for record in run_queue.study.records() if record.run_id in run_queue.run_ids]
        self.shares = {(record.cell, record.gap): record.accuracy for record in records}
        self.chance = {record.gap: record.chance_accuracy for record in records}

    def title(self) -> str:
        """Return what the demo trains."""
        gaps = self.texts["and"].format(", ".join(map(str, DEMO.gap[:-1])), DEMO.gap[-1])
        return self.texts["title"].format(cells=", ".join(DEMO.cell), units=DEMO.hidden_size[0], gaps=gaps)

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
        titles = [self.texts["gap"].format(gap) for gap in DEMO.gap]
        text = Text(" " * 7 + "".join(title + " " * (space - cell_len(title)) for title in titles).rstrip(), style="bold")
        rows = {cell: {gap: self.shares.get((cell, gap)) for gap in DEMO.gap} for cell in DEMO.cell}
        rows["chance"] = {gap: self.chance.get(gap) for gap in DEMO.gap}
        for name, shares in rows.items():
            shown = self.texts.get(name, name)
            text.append(f"\n{shown}{' ' * (7 - cell_len(shown))}", style="not bold")
            for gap, share in shares.items():
                above = share is not None and share > 1.5 * self.chance[gap]
                text.append(_bar(share, space - 7), style="green not bold" if above else "dim not bold")
                text.append(f"{'-' if share is None else f'{100 * share:.0f} %':>6} ", style="not bold")
            text.rstrip()
        return text

    def __rich__(self) -> RenderableType:
        count = {"ended": self.run_queue.ended, "total": self.run_queue.total, "time": self.time_left()}
        left = Text(self.texts["left"].format(**count), style="dim")
        return Group(Text(self.title()), self.chart(max(40, self.console.width)), left)


def _bar(share: float | None, width: int) -> str:
    """Return a horizontal bar whose length is a share from 0 to 1 of ``width`` columns."""
    eighths = round(8 * width * (share or 0.0))
    return (BAR[8] * (eighths // 8) + (BAR[eighths % 8] if eighths % 8 else "")).ljust(width)


def demo_sentence(screen: DemoScreen) -> str:
    """Return one sentence on the chart: which cells recall the word at the largest gap, and which do not."""
    gap = DEMO.gap[-1]
    percents = ", ".join(f"{cell} {100 * screen.shares[cell, gap]:.0f} %" for cell in DEMO.cell if (cell, gap) in screen.shares)
    return screen.texts["sentence"].format(gap=gap, percents=percents, chance=100 * screen.chance.get(gap, 0.0))
