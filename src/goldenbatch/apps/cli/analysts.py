"""Analysts at work: `adopt` and `run`."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, NotFoundError


def adopt(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name that the analyst gets in this home.")],
    file: Annotated[
        str, typer.Argument(metavar="ANALYST-TOML", help="Its settings, or a name in analysts/.")
    ],
) -> None:
    """Put an analyst to work from the next tick on.

    The file says `analyst = "capability.name"` and holds its settings in `[settings]`.
    """
    path = next(
        (one for one in (Path(file), session.home / "analysts" / f"{file}.toml") if one.is_file()),
        None,
    )
    if path is None:
        raise NotFoundError(
            f"{file} does not exist.", hint="Name a TOML file, or one in analysts/."
        )
    analyst, settings = read_analyst(path)
    with session.open_site() as desk:
        session.show(desk.adopt(name, analyst, settings))


def retire(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of an analyst at work.")],
    reason: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Take an analyst from its work from the next tick on; its findings stay."""
    with session.open_site() as desk:
        session.show(desk.retire(name, reason))


def fit(
    session: Session,
    name: Annotated[str, typer.Argument(help="Name of an analyst at work.")],
) -> None:
    """Fit the models of an analyst from this home's data, freeze and record them."""
    from goldenbatch.runtime.fitting import fit_models

    with session.open_site() as desk:
        with session.output.progress(f"Fitting {name}"):
            models = fit_models(desk.site, name)
        keep = ("name", "method", "digest", "measures")
        rows = [{key: one.as_json()[key] for key in keep} for one in models]
        answer = {"n_models": len(rows), "models": rows}

        def render(_: Any) -> None:
            for one in rows:
                session.output.line(f"{one['name']}: {one['method']}, {one['digest'][:12]}")
                session.output.fields(one["measures"])
            session.output.line(f"{len(rows)} models were fitted, frozen and recorded.")

        session.show(answer, render)


def read_analyst(path: Path) -> tuple[str, dict[str, Any]]:
    """Full name and settings of an analyst file.

    Raises:
        BadInputError: It is no TOML, or does not say which analyst.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"this is no TOML: {error}.", file=str(path)) from error
    analyst, settings = data.pop("analyst", ""), data.pop("settings", {})
    if not isinstance(analyst, str) or not analyst or not isinstance(settings, dict) or data:
        odd = ", ".join(data) or "analyst"
        raise BadInputError(
            "an analyst file has the key `analyst` and the table `[settings]`, nothing else.",
            hint='Such as analyst = "monitoring.charts".',
            file=str(path),
            key=odd,
        )
    return analyst, settings


def run_(
    session: Session,
    is_watching: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    every_s: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between ticks.")] = 5,
    replay: Annotated[str, typer.Option(metavar="BATCH", help="Replay a batch, or `all`.")] = "",
    as_seen: Annotated[
        bool, typer.Option("--as-seen", help="With what was known at each tick (the default).")
    ] = False,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="With late and corrected readings.")
    ] = False,
) -> None:
    """Wake the analysts once, watch, or replay history and compare it with what was found."""
    if as_seen and as_known:
        raise BadInputError(
            "a replay is either as seen or as known now.", hint="Give --as-seen or --as-known."
        )
    if (as_seen or as_known) and not replay:
        raise BadInputError("what is to be replayed?", hint="Give --replay BATCH or --replay all.")
    with session.open_site() as desk:
        if replay:
            mode = "as-known" if as_known else "as-seen"
            answer = desk.replay(mode, "" if replay == "all" else replay)
            session.show(answer)
            if not answer.get("is_equal", True) and not as_known:
                session.exit_code = 7
        elif is_watching:
            _watch(session, desk, every_s)
        else:
            session.show(desk.wake(), lambda answer: _render(session, answer))


def _watch(session: Session, desk: Any, every_s: float) -> None:
    """Wake until Ctrl-C; each tick that found something is told as it happens."""
    n_ticks = n_transitions = 0
    try:
        session.output.note(f"Waking analysts every {every_s:g} s; Ctrl-C ends it.")
        while True:
            answer = desk.wake()
            n_ticks += 1
            n_transitions += len(answer["transitions"])
            for one in answer["transitions"]:
                session.output.note(f"{one['step']} {one['uid'][:8]} {one['title']}")
            time.sleep(every_s)
    except KeyboardInterrupt:
        session.show({"n_ticks": n_ticks, "n_transitions": n_transitions})


def _render(session: Session, answer: dict[str, Any]) -> None:
    columns = ("step", "uid", "severity", "batch", "title")
    session.output.table(answer["transitions"], columns, empty="Nothing new was found.")
