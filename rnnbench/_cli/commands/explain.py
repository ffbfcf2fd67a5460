"""``rnnbench explain``: an introduction to RNN, LSTM and GRU, as text or as a page."""

from __future__ import annotations

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
) -> None:
    """Explain RNN, LSTM and GRU equation by equation, then one sentence word by word in a trained network."""
    from rnnbench import _explain
    from rnnbench._errors import UserError, did_you_mean

    for word, value, known in (
        ("cell", cell, _explain.CELLS),
        ("--task", task, _explain.TASKS),
        ("--language", language, _explain.LANGUAGES),
    ):
        if value is not None and value not in known:
            raise UserError(f"explain has no {word} {value!r}{did_you_mean(value, known)}")
    echo(_explain.explain([cell] if cell else list(_explain.CELLS), language, task, min(line_width() or 80, 80)))
