"""What the room lifecycle brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.lifecycle"

OFFERS: Offers = {
    "pages": (Offer("lifecycle", f"{_ROOM}._pages:LIFECYCLE", "Validation of a product, figures"),),
    "routes": (Offer("lifecycle", f"{_ROOM}.routes:routes", "What a lifecycle report comes to"),),
    "commands": (
        Offer(
            "lifecycle",
            f"{_ROOM}.commands:lifecycle_command",
            "Design, qualification and continued verification of a product, as PDF",
        ),
        Offer(
            "indicators",
            f"{_ROOM}.commands:indicators_command",
            "Right first time, yield and effectiveness, each defined once",
        ),
    ),
    "acts": (
        Offer("lifecycle-keep", f"{_ROOM}.keeping:keep", "Keep a lifecycle report, to be signed"),
    ),
    "record_types": (
        Offer(
            "lifecycle",
            "goldenbatch.core.lifecycle_records:LifecycleReportKept",
            "A lifecycle report was kept",
        ),
    ),
}
