"""What the room charts brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.charts"

OFFERS: Offers = {
    "analysts": (
        Offer(
            "charts",
            f"{_ROOM}.analyst:control_charts",
            "Individuals, EWMA, CUSUM and forecast charts of attributes, a chart a product",
        ),
    ),
    "trials": (
        Offer("charts", f"{_ROOM}.trial:ControlChartTrial", "False alarms of charts, later rows"),
    ),
    "commands": (
        Offer("design", f"{_ROOM}.commands:design_command", "A chart by the run length wanted"),
        Offer("limits", f"{_ROOM}.commands:limits_command", "Limits with their false-alarm rates"),
    ),
}
