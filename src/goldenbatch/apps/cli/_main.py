"""Entry of the command line: run a command, turn what goes wrong into a line and a code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from goldenbatch.apps.cli._failure import EXIT_INTERRUPTED, EXIT_USAGE, failed
from goldenbatch.apps.cli._lazy import LazyGroup
from goldenbatch.apps.cli._session import begin_session, current_session
from goldenbatch.apps.cli._tree import tree

HELP = """Making medicines under GMP: evidence, findings, signed decisions, on one provable trail.

A home is a directory: plant, ledger, historian, registry. While a node serves it, these
commands are the node's clients; else they take the home's lock themselves.
"""


class _Root(LazyGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(entries=tree, **settings)


application = typer.Typer(
    cls=_Root, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False
)


def _version(is_asked: bool) -> None:
    if is_asked:
        from goldenbatch import __version__

        typer.echo(f"goldenbatch {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    home: Annotated[
        Path | None,
        typer.Option(help="Directory of the home (default: GOLDENBATCH_HOME, or here)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    current_session().configure(home=home, is_json=json)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; see docs/reference/exit-codes.md."""
    session = begin_session()
    if "--json" in arguments:
        session.output.is_json = True
    try:
        code = get_command(application)(
            args=list(arguments), prog_name="goldenbatch", standalone_mode=False
        )
        return code if isinstance(code, int) and code else session.exit_code
    except KeyboardInterrupt:
        session.output.note("Interrupted.")
        return EXIT_INTERRUPTED
    except typer.Abort:
        session.output.note("Aborted.")
        return EXIT_INTERRUPTED
    except Exception as error:
        if _is_usage(error):
            return _usage(error)
        return failed(error, session)


def _is_usage(error: Exception) -> bool:
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _usage(error: Any) -> int:
    """A mistake in the command line itself: what is wrong, and how it is called."""
    output = current_session().output
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if not message:  # no arguments at all: the help was asked for
        typer.echo(context.get_help() if context else "", err=True)
        return EXIT_USAGE
    path = context.command_path if context else "goldenbatch"
    output.failure("UsageError", message, f"See `{path} --help`.")
    return EXIT_USAGE


def main() -> None:
    """The program `goldenbatch`."""
    sys.exit(run(sys.argv[1:]))
