"""The command line. These rooms alone print and exit; everything heavy is imported inside the commands, so --help is quick."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rnnbench._errors import StorageError, UserError, blame, machine_fault, mistake, out_of_memory
from rnnbench._version import __version__


class StoppedError(Exception):
    """Ctrl-C, in a form that Typer does not turn into a silent exit."""


class Commands(TyperGroup):
    """The commands; Ctrl-C in one of them reaches :func:`main`."""

    def invoke(self, ctx: Any) -> object:  # a Context of the click that Typer ships, under no public name
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            if told := blame(error):
                raise UserError(told) from error
            raise StoppedError from None


app = typer.Typer(
    name="rnnbench",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="How far back can a recurrent network remember, and why not further?",
    epilog="Example: rnnbench run --cell lstm --task copy --gap 200",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnnbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """How far back can a recurrent network remember, and why not further?"""


# Each room hangs its commands on the app above, in the order of --help.
from rnnbench._cli.commands import run  # noqa: E402, F401, I001
from rnnbench._cli.commands import lists  # noqa: E402, F401
from rnnbench._cli.commands import check  # noqa: E402, F401
from rnnbench._cli.commands import sweep  # noqa: E402, F401
from rnnbench._cli.commands import tune  # noqa: E402, F401
from rnnbench._cli.commands import status  # noqa: E402, F401
from rnnbench._cli.commands import plot  # noqa: E402, F401
from rnnbench._cli.commands import table  # noqa: E402, F401
from rnnbench._cli.commands import report  # noqa: E402, F401
from rnnbench._cli.commands import verify  # noqa: E402, F401
from rnnbench._cli.commands import gradients  # noqa: E402, F401
from rnnbench._cli.commands import sensitivity  # noqa: E402, F401
from rnnbench._cli.commands import gates  # noqa: E402, F401
from rnnbench._cli.commands import construct  # noqa: E402, F401
from rnnbench._cli.commands import guess  # noqa: E402, F401
from rnnbench._cli.commands import published  # noqa: E402, F401


def main(argv: list[str] | None = None) -> None:
    """Entry point: every mistake of the user becomes one line on stderr and exit code 2."""
    try:
        code = app(args=argv, prog_name="rnnbench", standalone_mode=False)
    except UserError as error:
        _fail(str(error), 2)
    except StorageError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, StoppedError):
        _fail("stopped: what was recorded stays, and the same command resumes there", 130)
    except (Exception, SystemExit) as error:
        if hasattr(error, "format_message"):  # Typer's own usage errors; it ships their classes under no public name
            if type(error).__name__ == "NoArgsIsHelpError":
                sys.exit(2)  # it has printed the help already
            context = getattr(error, "ctx", None)
            where = f" (see `{context.command_path} --help`)" if context else ""
            _fail(_usage(error) + where, 2)
        if type(error).__name__ == "Abort":
            _fail("stopped", 130)
        if told := blame(error):
            _fail(told, 2)
        if out_of_memory(error):
            _fail("out of memory: make --gap, --hidden-size or --batch-size smaller", 2)
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        if fault := machine_fault(error):
            _fail(str(fault), 1)
        raise
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: Any) -> str:
    """What Typer says of a wrong word; of a value, in the words that we use where it stands in a file."""
    cause, parameter = error.__cause__, getattr(error, "param", None)
    if parameter and hasattr(cause, "errors") and cause.errors()[0]["type"] != "value_error":
        return mistake(cause, lambda _: parameter.opts[0])
    return " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")


def _fail(message: str, code: int) -> None:
    typer.echo(f"rnnbench: {message if len(message) < 800 else message[:800] + ' ...'}", err=True)
    sys.exit(code)
