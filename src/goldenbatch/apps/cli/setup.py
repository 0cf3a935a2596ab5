"""Making a home: `init`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session


def init(session: Session, directory: Annotated[str, typer.Argument(help="x")]) -> None:
    """Make a home."""
