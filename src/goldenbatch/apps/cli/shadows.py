"""Candidates beside the version that serves: `model shadow-start` and `model shadow-end`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.cli.models import VersionArgument, named


def shadow_start(  # noqa: PLR0913 (one option a part of the comparison)
    session: Session, model: VersionArgument, by: ByOption,
    maximum: Annotated[
        float, typer.Option(help="Largest error that counts, in the unit of the output.")
    ],
    *,
    measure: Annotated[str, typer.Option(help="Loss that is compared: mae or mse.")] = "mae",
    margin: Annotated[float, typer.Option(help="How much more loss is not worse; 0: none.")] = 0.0,
    confidence: Annotated[float, typer.Option(help="Of each statement, at all times.")] = 0.95,
    reason: Annotated[str, typer.Option(help="Why; a plan's demand, if there is one.")] = "",
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a trained version run beside the one that serves; nothing acts upon what it says."""
    chosen: dict[str, Any] = {
        "maximum": maximum, "measure": measure, "margin": margin, "confidence": confidence,
        "reason": reason,
    }  # fmt: skip
    _act(session, "shadow-start", model, by, chosen, from_stdin=password_stdin)


def shadow_end(
    session: Session, model: VersionArgument, by: ByOption, reason: ReasonOption,
    *, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """End the shadow of a version; what it has shown by then goes on record."""
    _act(session, "shadow-end", model, by, {"reason": reason}, from_stdin=password_stdin)


def _act(
    session: Session, act: str, model: str, by: str, values: dict[str, Any], *, from_stdin: bool
) -> None:
    with session.open_site() as desk:
        values = {**named(desk.site, model, is_exact=True), **values}
        answer = act_by(
            session, desk, f"governance.{act}", values, by, method="password",
            from_stdin=from_stdin,
        )  # fmt: skip
        session.show(answer)
