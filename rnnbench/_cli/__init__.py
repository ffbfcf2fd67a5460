"""The command line. Only this room prints and exits.

Commands import torch, pandas and matplotlib inside their functions; this keeps --help fast.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rnnbench._cli.terminal.encoding import accept_every_character, lacking_line
from rnnbench._cli.terminal.formatting import echo
from rnnbench._config import flag
from rnnbench._errors import (
    FieldError,
    IncompleteWarning,
    StorageError,
    UserError,
    out_of_memory,
    plugin_error_line,
    storage_error_of,
    system_error_line,
    validation_message,
)
from rnnbench._version import __version__

GROUPS = {
    "train": {
        "demo": "train RNN, LSTM and GRU for a minute, with a picture",
        "run": "train one network on one task",
        "sweep": "train many: cells, tasks, gaps, seeds",
        "tune": "choose a learning rate per cell and task",
        "atlas": "enter a cell into a versioned protocol",
        "status": "count the runs of a study: done, failed, to do",
    },
    "look": {
        "table": "results as a table, by cell and gap",
        "plot": "results as figures",
        "report": "results as one HTML page",
        "tasks": "list the tasks with their chance levels",
        "cells": "list the cells with their sizes",
        "show": "print an example of a task",
    },
    "explain": {
        "explain": "RNN, LSTM and GRU, equation by equation",
        "gates": "gates and state of a trained network, word by word",
        "gradients": "how the gradient fades through the gap",
        "sensitivity": "how strongly the output depends on the weights",
        "remembrance": "which inputs a trained network remembers",
        "construct": "hand-picked weights that never forget",
        "guess": "solve a task by guessing all weights",
    },
    "check": {
        "check": "test the contract of a cell or a task",
        "verify": "claims of the literature, checked against runs",
        "published": "published results next to our runs",
    },
}
"""The commands in the order of `rnnbench --help`, in four groups, each with one line."""


class StoppedError(Exception):
    """Ctrl-C as an exception that Typer does not turn into a silent exit."""


class InterruptibleGroup(TyperGroup):
    """The group of commands; Ctrl-C in one of them reaches :func:`main`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of their groups."""
        return [name for commands in GROUPS.values() for name in commands]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help: one line per command, so that all of them fit a terminal of 80 x 24."""
        name = ctx.command_path
        lines = [f"Example: {name} run --cell lstm --task copy --gap 200 (flags: COMMAND --help)"]
        for group, commands in GROUPS.items():
            headings = [group] + [""] * len(commands)
            lines += [f"{heading:8} {one:12} {text}" for heading, (one, text) in zip(headings, commands.items(), strict=False)]
        formatter.write("\n".join(lines))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command whose help shows no type for a switch."""
        command = super().get_command(ctx, cmd_name)
        for parameter in command.get_params(ctx) if command else ():
            if getattr(parameter, "is_bool_flag", False):
                parameter.metavar = ""
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command and its arguments; raise UserError for an option that would take the next option as its value."""
        name, command, rest = super().resolve_command(ctx, args)
        options: list[Any] = [one for one in command.params if one.param_type_name == "option"] if command else []
        known = {text for one in options for text in (*one.opts, *one.secondary_opts)}
        switches = {text for one in options if one.is_flag for text in (*one.opts, *one.secondary_opts)}
        words = rest[: rest.index("--")] if "--" in rest else rest
        for word, value in itertools.pairwise(words):
            if word in known - switches and value.partition("=")[0] in known:
                raise UserError(f"{word} needs a value, and {value} is another option (see `{ctx.command_path} {name} --help`)")
        return name, command, rest

    def invoke(self, ctx: Any) -> object:  # Typer does not export the type of a context
        """Run a command; raise StoppedError at Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            if message := plugin_error_line(error):
                raise UserError(message) from error
            raise StoppedError from None


app = typer.Typer(
    name="rnnbench",
    cls=InterruptibleGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="How far back can a recurrent network remember, and why not further?",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        echo(f"rnnbench {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Handle the options of `rnnbench` itself: --version and --help."""


# Each module adds its commands to the app.
from rnnbench._cli.commands import atlas, demo, run, sweep, tune, status  # noqa: E402, F401, I001
from rnnbench._cli.commands import lists, plot, table, report  # noqa: E402, F401
from rnnbench._cli.commands import explain, gradients, sensitivity, gates, remembrance, construct, guess  # noqa: E402, F401
from rnnbench._cli.commands import check, verify, published  # noqa: E402, F401


PACKAGE = Path(__file__).parents[1]


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each warning of the package inside the block once, as one line on stderr."""
    shown: set[str] = set()
    with warnings.catch_warnings():
        other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            own = category is UserWarning and Path(str(place[0])).is_relative_to(PACKAGE)
            if not (own or issubclass(category, IncompleteWarning)):
                other(message, category, *place, **more)
            elif str(message) not in shown:
                shown.add(str(message))
                echo(f"rnnbench: {message}", err=True)

        warnings.filterwarnings("always", category=IncompleteWarning)
        warnings.showwarning = show
        yield


@_warnings_as_lines()
def main(argv: list[str] | None = None) -> None:
    """Run the command line; report an error of the user as one line on stderr and exit code 2."""
    accept_every_character()
    os.environ.pop("MPLBACKEND", None)  # a notebook's backend, perhaps not installed here; commands only save files
    try:
        _refuse_empty(sys.argv[1:] if argv is None else argv)
        code = app(args=argv, prog_name="rnnbench", standalone_mode=False)
    except UserError as error:
        _fail(error.message(flag) if isinstance(error, FieldError) else str(error), 2)
    except StorageError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, StoppedError):
        _fail("stopped: recorded results are kept, and the same command resumes", 130)
    except (Exception, SystemExit) as error:
        if hasattr(error, "format_message"):  # Typer's usage errors, whose classes it does not export
            if type(error).__name__ == "NoArgsIsHelpError":
                sys.exit(2)  # the help is printed already
            context = getattr(error, "ctx", None)
            help_command = f" (see `{context.command_path} --help`)" if context else ""
            _fail(_usage_message(error) + help_command, 2)
        if type(error).__name__ == "Abort":
            _fail("stopped", 130)
        if message := plugin_error_line(error):
            _fail(message, 2)
        if out_of_memory(error):
            _fail("out of memory: make --gap, --hidden-size or --batch-size smaller", 2)
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        if fault := storage_error_of(error):
            _fail(str(fault), 1)
        if isinstance(error, OSError):
            _fail(system_error_line(error), 2)
        raise
    if line := lacking_line():
        echo(f"rnnbench: {line}", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_empty(argv: list[str]) -> None:
    """Raise UserError for an empty argument, such as that of an unset shell variable: as a path it would be the current folder."""
    for before, word in zip(["", *argv], argv, strict=False):
        name = before if not word else word.removesuffix("=")
        if not word or (word.startswith("--") and word.endswith("=")):
            raise UserError(f"{name if name.startswith('-') else 'an argument'} is empty: give it a value, or leave it out")


def _usage_message(error: Any) -> str:
    """Return the message of Typer's usage error; for a wrong value the same message as for a sweep file."""
    cause, parameter = error.__cause__, getattr(error, "param", None)
    if parameter and hasattr(cause, "errors") and cause.errors()[0]["type"] != "value_error":
        return validation_message(cause, lambda _: parameter.opts[0])
    return " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")


def _fail(message: str, code: int) -> None:
    message = message.replace("\r", "\\r").replace("\n", "\\n")  # of a name; the message is one line
    echo(f"rnnbench: {message if len(message) < 800 else message[:800] + ' ...'}", err=True)
    sys.exit(code)
