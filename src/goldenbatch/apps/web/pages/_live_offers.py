"""The pages of units and signals that the platform brings."""

from __future__ import annotations

from typing import Final

from goldenbatch.core.capability import Offer

_PAGES = "goldenbatch.apps.web.pages"

LIVE_PAGES: Final = (
    Offer("units", f"{_PAGES}.units:UNITS", "All units with batch, phase and worst finding"),
    Offer("unit", f"{_PAGES}.units:UNIT", "A unit live, the twin beside reality"),
    Offer("trends", f"{_PAGES}.trends:TRENDS", "Any signals over any time"),
    Offer("readings", f"{_PAGES}.trends:READINGS", "The readings behind a point"),
)
"""Units live, trends, and the readings behind them."""
