"""What the room process brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.process"

OFFERS: Offers = {
    "pages": (Offer("latent", f"{_ROOM}._pages:LATENT", "Scores, statistics, contributions"),),
    "widgets": (
        Offer("process-unit", f"{_ROOM}._pages:UNIT", "Process models of a unit"),
        Offer("process-finding", f"{_ROOM}._pages:FINDING", "Statistics around a finding"),
    ),
    "routes": (Offer("process", f"{_ROOM}.routes:routes", "Rows of units, scores, contributions"),),
    "analysts": (
        Offer(
            "process",
            f"{_ROOM}.analyst:process_monitor",
            "Continuous tags of one or many units against a frozen model",
        ),
    ),
    "fits": (
        Offer(
            "process",
            "goldenbatch.capabilities.monitoring.fitting:fit",
            "PCA, dynamic PCA or CVA from a reference window, limits from later rows",
        ),
    ),
    "trials": (
        Offer(
            "process_faults",
            f"{_ROOM}.trial:ProcessFaultTrial",
            "Faults found and false alarms of a model of continuous tags",
        ),
    ),
}
