"""``rnnbench demo``: three small networks and a picture, in one minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo, line_width, print_wrapped

DemoFlag = Annotated[Path, typer.Option("--out", help="Study folder for the runs, the picture and the page.")]


@app.command(epilog="Example: rnnbench demo")
def demo(
    out: DemoFlag = Path("results/demo"),
    jobs: flags.JobsFlag = None,
    quiet: flags.QuietFlag = False,
    language: flags.LanguageFlag = flags.Language.en,
) -> None:
    """Train RNN, LSTM and GRU for a minute, and plot where they forget.

    Each network reads one word, then 5, 20 or 50 other words, and must recall the first one. The result is a picture and an HTML
    page. An interrupted demo resumes with the same command, and a finished one only draws again.
    """
    from rnnbench import plots
    from rnnbench._cli.terminal.demo import DEMO, DemoScreen, demo_sentence, demo_texts
    from rnnbench._cli.terminal.output import save_figure, write_file
    from rnnbench._cli.terminal.sweep_progress import run_workers
    from rnnbench._report.page import build_page
    from rnnbench._study import StudyFolder
    from rnnbench._sweep.launch import start_workers

    study = StudyFolder.create(out)
    workers = start_workers(DEMO, study, jobs, None, retry_failed=True)
    screen = DemoScreen(workers.run_queue, quiet, language)
    run_workers(workers, quiet, summary=False, screen=screen)
    if not workers.run_queue.all_succeeded:
        echo(screen.summary(stopped=False))
        raise typer.Exit(3)
    if not screen.live:
        echo(screen.chart(line_width() or 80).plain)
    print_wrapped(demo_sentence(screen))
    runs = study.runs()
    runs = runs[runs["run_id"].isin(workers.run_queue.run_ids)].assign(study=str(out))
    with plots.style("paper", language):
        save_figure(out, "accuracy_by_gap", plots.plot_accuracy(runs))
    write_file(out, "demo.html", build_page([out], runs, study.logs()).encode())
    texts = demo_texts(language)
    echo(f"{texts['next']}rnnbench show recall --gap 5{' --language zh' if language == 'zh' else ''}    # {texts['show']}")
    echo(f"      rnnbench run --cell lstm --task copy --gap 200    # {texts['run']}")
