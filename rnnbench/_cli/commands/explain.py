"""``rnnbench explain``: an introduction to RNN, LSTM and GRU, as text or as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.formatting import echo, line_width


@app.command(epilog="Example: rnnbench explain lstm")
def explain(
    cell: Annotated[
        str | None,
        typer.Argument(metavar="rnn|lstm|gru", help="Network to explain. Default: all three, in this order.", show_default=False),
    ] = None,
    task: Annotated[str | None, typer.Option(metavar="beijing|recall", help="Sentence to read. Default: that of beijing.")] = None,
    language: Annotated[str, typer.Option(metavar="en|zh", help="Language of the text.")] = "en",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an interactive page for a browser instead.")] = None,
) -> None:
    """Explain RNN, LSTM and GRU equation by equation, then one sentence word by word in a trained network.

    The page of `--html` needs no network. It steps through sentences, moves the gap and shows how the gradient fades.
    """
    from rnnbench import _explain
    from rnnbench._cli.terminal.output import create_folder, write_file
    from rnnbench._errors import UserError, did_you_mean

    for word, value, known in (
        ("cell", cell, _explain.CELLS),
        ("--task", task, _explain.TASKS),
        ("--language", language, _explain.LANGUAGES),
    ):
        if value is not None and value not in known:
            raise UserError(f"explain has no {word} {value!r}{did_you_mean(value, known)}")
    if html is None:
        echo(_explain.explain([cell] if cell else list(_explain.CELLS), language, task, min(line_width() or 80, 80)))
        return
    create_folder(html.parent, html.name, "--html")
    page = _explain.build_page(language, cell or next(iter(_explain.CELLS)), task or _explain.TASKS[0]).encode()
    write_file(html.parent, html.name, page, announce=False, flag="--html")
    echo(f"  {html} ({len(page) / 1e6:.2f} MB); open it in a browser")
