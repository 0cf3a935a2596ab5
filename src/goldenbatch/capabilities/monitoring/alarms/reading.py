"""Reads the alarms of a home out of its ledger."""

from __future__ import annotations

from goldenbatch.core._alarm_hiding import NEVER
from goldenbatch.core.alarm_master import ALARMS_STREAM
from goldenbatch.core.finding_alarms import AlarmBook, Occurrence, add_masters, read_alarms
from goldenbatch.core.site import Site


def alarms_of(site: Site) -> AlarmBook:
    """All rationalised alarms that were ever raised, and what people did about them."""
    book = AlarmBook()
    add_masters(book, site.ledger.stream(ALARMS_STREAM))
    return read_alarms(book, site.ledger.events(kinds=AlarmBook.KINDS))


def unacknowledged(site: Site, batch: str) -> list[Occurrence]:
    """GMP alarms that touch a batch and that nobody has acknowledged: each stops its release.

    A shelved one, a suppressed one and one out of service is among them: hiding is no answer.
    """
    if not site.ledger.version(ALARMS_STREAM):
        return []  # nothing is rationalised: no finding need be read
    # Not by the present time: a clock that was set back must hide no alarm.
    found = alarms_of(site).waiting(NEVER, batch)
    return [one for one in found if one.alarm.is_gmp and one.acknowledged_at is None]
