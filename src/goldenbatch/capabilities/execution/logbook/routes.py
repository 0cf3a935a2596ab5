"""Endpoints of the logbook, below `/execution`; what is done goes through `/acts`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from goldenbatch.capabilities.execution.logbook import reading
from goldenbatch.core.errors import DeniedError
from goldenbatch.core.records import DataClass
from goldenbatch.core.site import Site

Area = Annotated[str, Query(min_length=1, max_length=150, pattern=r"^[^\x00-\x1f\x7f]+$")]
Number = Annotated[int, Query(ge=0, le=2**31, description="Number of the shift; 0: the newest.")]


def router(get_site: Callable[[], Site]) -> APIRouter:
    """Router of the logbook, for the site of whoever calls."""
    made = APIRouter(prefix="/logbook", tags=["logbook"])

    @made.get("")
    def logbooks() -> dict[str, Any]:
        """Each area with its newest shift, and how it stands."""
        return reading.logbooks(_allowed(get_site()))

    @made.get("/shift")
    def shift(area: Area, shift: Number = 0) -> dict[str, Any]:
        """A shift of an area whole, what is open now, what changed since its handover."""
        return reading.logbook(_allowed(get_site()), area, shift)

    return made


def _allowed(site: Site) -> Site:
    """The site of a caller who may read logbooks: half a logbook would read like a whole one.

    Raises:
        DeniedError: They may not.
    """
    classes = getattr(site, "classes", frozenset(DataClass))
    if not {DataClass.OPERATIONAL, DataClass.CONFIDENTIAL} <= set(classes):
        raise DeniedError(
            "the shift logbook is for those who may read operational and confidential data.",
            hint="Ask an administrator for a role that reads them.",
        )
    return site
