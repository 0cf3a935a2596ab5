"""Events that the runtime itself records, beside those of core."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from goldenbatch.core.people import UID_PATTERN
from goldenbatch.core.records import Body, DataClass, Micros, record_type


@record_type
class AnalystRetired(Body):
    """An analyst was taken from its work; its findings stay."""

    name: str
    reason: str = Field(min_length=1)


@record_type
class AnalystFailed(Body):
    """An analyst could not assess a tick; it is tried again at the next wake."""

    name: str
    tick: int = Field(ge=1)
    error: str = Field(min_length=1, max_length=1000)


@record_type
class TicksSkipped(Body):
    """Ticks that an analyst could not assess were given up, since it was adopted anew."""

    name: str
    first: int = Field(ge=1, description="Number of the first tick that was given up.")
    last: int = Field(ge=1, description="Number of the last one.")


@record_type
class PasswordRejected(Body):
    """A wrong password was given for an account, when signing or signing in."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)


@record_type
class AccountLocked(Body):
    """An account was locked after too many wrong passwords."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)
    n_attempts: int = Field(ge=1)
    since: Micros


@record_type
class AccountUnlocked(Body):
    """A locked account was opened again by an administrator."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)
    reason: str = Field(min_length=1)
