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
    "pages": (
        Offer("charts", f"{_ROOM}._pages:CHARTS", "Control charts at work"),
        Offer("chart", f"{_ROOM}._pages:CHART", "One control chart with its points"),
        Offer("design", f"{_ROOM}._design_pages:DESIGN", "A chart by the run length wanted"),
    ),
    "widgets": (
        Offer("charts-batch", f"{_ROOM}._pages:BATCH", "Charts that a batch stands on"),
        Offer("charts-finding", f"{_ROOM}._pages:FINDING", "The chart that a finding is of"),
    ),
    "routes": (
        Offer("charts", f"{_ROOM}.routes:routes", "Charts at work with their points, and designs"),
    ),
}
