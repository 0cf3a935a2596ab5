"""Alerts about accounts: what those in charge must look at at once, and who has looked at it.

They stand in `security/<uid>`; those about logins that nobody has, in `security/unknown`.

References:
    21 CFR 11.300(d).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from pydantic import Field

from goldenbatch.core.records import Body, DataClass, Event, Projection, Row, record_type
from goldenbatch.core.signatures import UID_PATTERN

SECURITY: Final = "security/"
UNKNOWN: Final = "unknown"
"""Stands for whoever tries logins that nobody has; no account has this uid."""


class _OfAccount(Body):
    """Base of events about the safety of an account."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN, description="Whose account; `unknown`: nobody's.")


@record_type
class SecurityAlertRaised(_OfAccount):
    """Something happened to an account that those in charge must look at at once."""

    what: str = Field(min_length=1, description="What happened, in words.")
    role: str = Field(description="Who must look at it.")


@record_type
class SecurityAlertAcknowledged(_OfAccount):
    """Somebody in charge has looked at an alert, and says what came of it."""

    alert: int = Field(ge=1, description="Version of the alert in the same stream.")
    reason: str = Field(min_length=1, description="What was found and done.")


@record_type
class UnknownLoginTried(_OfAccount):
    """Somebody tried to get in under a login that nobody has; the login itself is not kept."""

    how: str = Field(min_length=1, description="Such as password, or enrolment token.")


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body, at = event.decode(), event.envelope.recorded_at
    number = event.envelope.version
    if isinstance(body, SecurityAlertRaised):
        row = {**body.model_dump(), "stream_version": number, "raised_at": at, "seq": event.seq}
        return [{**row, "acknowledged_at": None, "acknowledged_by": "", "reason": ""}]
    if not isinstance(body, SecurityAlertAcknowledged):
        return []
    known = lookup((body.uid, body.alert))
    # Nobody acknowledges what is about their own account, whoever recorded it.
    if known is None or known["acknowledged_by"] or event.envelope.actor == body.uid:
        return []
    by = {"acknowledged_at": at, "acknowledged_by": event.envelope.actor, "reason": body.reason}
    return [{**known, **by}]


ALERTS = Projection(
    name="security_alert",
    version=2,
    columns={
        "uid": "TEXT",
        "stream_version": "INTEGER",
        "what": "TEXT",
        "role": "TEXT",
        "raised_at": "INTEGER",
        "seq": "INTEGER",
        "acknowledged_at": "INTEGER",
        "acknowledged_by": "TEXT",
        "reason": "TEXT",
    },
    key=("uid", "stream_version"),
    kinds=frozenset({"SecurityAlertRaised", "SecurityAlertAcknowledged"}),
    fold=_fold,
    indexes=(("role", "raised_at"), ("acknowledged_by", "raised_at")),
)
"""Alerts about accounts; `acknowledged_by` is empty while nobody in charge has looked at one."""

PROJECTIONS = (ALERTS,)
"""All projections of this module."""
