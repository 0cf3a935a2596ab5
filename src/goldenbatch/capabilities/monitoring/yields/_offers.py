"""What the room yields brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.yields"

OFFERS: Offers = {
    "pages": (Offer("yields", f"{_ROOM}._pages:YIELDS", "Right first time, causes, costs"),),
    "tiles": (Offer("right-first-time", f"{_ROOM}._pages:TILE", "Batches right first time"),),
    "routes": (Offer("yields", f"{_ROOM}.routes:routes", "Right first time, studies, costs"),),
    "analysts": (
        Offer(
            "yields",
            f"{_ROOM}.analyst:yield_analyst",
            "Shifts of yield or right first time, with ranked candidate causes",
        ),
    ),
    "trials": (
        Offer(
            "yields",
            f"{_ROOM}.trial:YieldTrial",
            "Yield and right first time forward in time, causes with what speaks against them",
        ),
    ),
    "commands": (
        Offer(
            "yields",
            f"{_ROOM}.commands:yields_command",
            "What moves yield or right first time, and where a set-point may go",
        ),
        Offer(
            "quality-costs",
            f"{_ROOM}.commands:quality_costs_command",
            "Costs of quality from recorded events and your factors",
        ),
    ),
}
