"""What the room process brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.process"

OFFERS: Offers = {
    "trials": (
        Offer(
            "process_faults",
            f"{_ROOM}.trial:ProcessFaultTrial",
            "Faults found and false alarms of a model of continuous tags",
        ),
    ),
}
