"""What the room alarms brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offer, Offers

_ROOM = "goldenbatch.capabilities.monitoring.alarms"
_LIFE = "goldenbatch.core.finding_alarms"

OFFERS: Offers = {
    "pages": (Offer("alarms", f"{_ROOM}._pages:ALARMS", "Alarms that wait, figures, database"),),
    "tiles": (Offer("alarms", f"{_ROOM}._pages:TILE", "Alarms of the last hour"),),
    "routes": (Offer("alarms", f"{_ROOM}.routes:routes", "Alarms, master database, performance"),),
    "commands": (
        Offer("alarms", f"{_ROOM}.commands:alarms_command", "Alarms that wait for somebody"),
        Offer(
            "alarm-performance",
            f"{_ROOM}.commands:performance_command",
            "Rates, floods, chattering and standing alarms of each operator position",
        ),
    ),
    "acts": (
        Offer(
            "alarm-rationalise", f"{_ROOM}.acts:put_forward", "Put a master alarm database forward"
        ),
        Offer("alarm-acknowledge", f"{_ROOM}.acts:acknowledge", "Take note of an alarm"),
        Offer("alarm-reset", f"{_ROOM}.acts:reset", "Reset a latching alarm whose cause is gone"),
        Offer("alarm-shelve", f"{_ROOM}.acts:shelve", "Put an alarm aside for a while"),
        Offer("alarm-unshelve", f"{_ROOM}.acts:unshelve", "Show a shelved alarm again"),
        Offer("alarm-take-out", f"{_ROOM}.acts:take_out", "Take an alarm out of service"),
        Offer("alarm-put-back", f"{_ROOM}.acts:put_back", "Put an alarm back into service"),
    ),
    "record_types": (
        Offer(
            "alarms",
            "goldenbatch.core.alarm_master:AlarmsPutForward",
            "A master alarm database was put forward",
        ),
        Offer("occurrence", f"{_LIFE}:OccurrenceAcknowledged", "Somebody took note of an alarm"),
    ),
}
