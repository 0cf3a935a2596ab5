"""A living demonstration: a plant, its site and its pages; or the story of a real fermentation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.apps.demo.folder import DemoFolder
    from goldenbatch.apps.demo.run import Up
    from goldenbatch.apps.demo.seed import Tell

SITE_FOLDER, STORY_FOLDER = Path("demo-site"), Path("demo-home")


def demo(  # noqa: PLR0917 (options of a command have names)
    session: Session,
    directory: Annotated[
        Path | None, typer.Argument(help="Folder of the demonstration (default: demo-site).")
    ] = None,
    story: Annotated[
        bool, typer.Option("--story", help="Tell the story of a real fermentation, and end.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check that all is up, then stop and end.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Make the site new.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the site that runs.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the plant, where it is new.")] = 1,
) -> None:
    """Start a plant that is simulated by twins, the site that watches it, and its pages.

    It runs until Ctrl-C, and goes on where it stopped when it is started again.
    """
    if story:
        from goldenbatch.apps.cli.demo_story import tell_story

        tell_story(session, directory or STORY_FOLDER)
        return
    _require_extra()
    from goldenbatch.apps.demo.folder import DemoFolder

    folder = DemoFolder(directory or SITE_FOLDER)
    if stop:
        _stop(session, folder)
        return
    if reset:
        _stop(session, folder)
        folder.clear()
    _refuse_second(folder)
    _run(session, folder, seed, is_check=check)


def _require_extra() -> None:
    from importlib.util import find_spec

    lacking = [one for one in ("asyncua", "pymodbus", "casadi", "nicegui") if not find_spec(one)]
    if lacking:
        raise BadInputError(
            f"the living demonstration needs {', '.join(lacking)}.",
            hint="pip install 'goldenbatch[demo]'; `goldenbatch demo --story` needs none of them.",
        )


def _stop(session: Session, folder: DemoFolder) -> None:
    from goldenbatch.apps.demo.processes import stop_running

    if not stop_running(folder, session.output.note):
        session.output.note(f"Nothing runs in {folder.path}.")


def _refuse_second(folder: DemoFolder) -> None:
    from goldenbatch.apps.demo.processes import is_running, stop_running

    if not is_running(folder):
        stop_running(folder, lambda _: None)  # what a kill -9 of an earlier one left behind
        return
    raise BadInputError(
        f"the site in {folder.path} runs already.",
        hint=f"Stop it first: goldenbatch demo {folder.path} --stop.",
    )


def _run(session: Session, folder: DemoFolder, seed: int, *, is_check: bool) -> None:
    from goldenbatch.apps.demo.run import check, site_up, watch

    state = folder.begin(seed)
    with _told(session) as tell, site_up(folder, state, tell) as up:
        tell("", 0, 0)
        if is_check:
            found = check(up, session.output.note)
            session.show({
                "is_up": not found.problems, "page_s": round(up.seconds, 1),
                "seconds": found.seconds, "problems": found.problems,
            })  # fmt: skip
            session.exit_code = 1 if found.problems else 0
        else:
            _welcome(session, up)
            watch(up, session.output.note)
            session.output.note("Stopping ...")


@contextmanager
def _told(session: Session) -> Iterator[Tell]:
    """A line of progress that changes; on no terminal a line a step. An empty text ends it."""
    from rich.status import Status

    console = session.output.messages
    status = Status("Starting ...", console=console)
    last: list[str] = []

    def tell(what: str, n: int, of: int) -> None:
        text = f"{what} ({n} of {of})" if of else f"{what} ..."
        if not what:
            status.stop()
        elif console.is_terminal:
            status.update(text)
        elif [what] != last[-1:]:
            session.output.note(f"{what} ...")
        last.append(what)

    if console.is_terminal:
        status.start()
    try:
        yield tell
    finally:
        status.stop()


def _welcome(session: Session, up: Up) -> None:
    from goldenbatch.apps.demo.seed import PASSWORD, people

    rows: list[dict[str, Any]] = [
        {
            "login": one.login,
            "name": one.name,
            "role": ", ".join(one.roles),
            "what they do": one.does,
        }
        for one in people()
    ]
    answer = {
        "url": up.url, "tour": f"{up.url}/tour", "node": up.state.ports["node"],
        "password": PASSWORD, "seconds": round(up.seconds, 1), "people": rows,
    }  # fmt: skip

    def render(_: Any) -> None:
        output = session.output
        output.line("")
        output.line(f"Open      {up.url}   (up after {up.seconds:.0f} s)")
        output.line(f"Tour      {up.url}/tour   six steps, as rita")
        output.line(f"Password  {PASSWORD}   of each of these:")
        output.table(rows, ["login", "name", "role", "what they do"])
        output.line(f"Stop      Ctrl-C, or: goldenbatch demo {up.folder.path} --stop")

    session.show(answer, render)
