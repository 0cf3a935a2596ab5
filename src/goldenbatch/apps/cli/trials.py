"""Trials: `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session


def evaluate(
    session: Session,
    name: Annotated[str, typer.Argument(help="Full name, such as monitoring.soft_sensor.")],
    trial: Annotated[Path, typer.Option(help="Trial file (TOML).")],
    data: Annotated[Path, typer.Option(help="Folder with the files.")],
) -> None:
    """Measure a method on a labelled data set beside the naive baseline; it needs no home.

    It measures performance; it is not a validation.
    """
    from goldenbatch.runtime.trials import evaluate as run_trial

    with session.output.progress(f"Trial {name}"):
        answer = run_trial(name, trial, data)
    session.show(answer)
