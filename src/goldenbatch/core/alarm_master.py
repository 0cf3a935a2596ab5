"""The master alarm database: which findings and alarms are rationalised, and as what.

A finding is advice. It becomes an alarm only where somebody has written down its cause, its
consequence, what the operator does and how soon, and another person has approved that. All
rationalised alarms of a home are one versioned text, signed as a whole.

References:
    ANSI/ISA-18.2-2016, 6.2.4 and 9 (rationalisation, master alarm database); IEC 62682:2022.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.findings import Finding, Severity
from goldenbatch.core.put_forward import PutForward, TextPutForward, put_forward
from goldenbatch.core.records import Event, record_type

ALARMS_STREAM: Final = "master/alarms"
RANK: Final = {one: rank for rank, one in enumerate(Severity)}
Priority = Literal["low", "medium", "high", "critical"]
_OF_FINDINGS: Final = (
    "place", "attribute", "key", "severity_at_least", "is_latching", "suppressed_in",
)  # fmt: skip
"""What an alarm of a source has no place for; whether it latches, its source decides."""
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "medium", "high", "critical")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RationalisedAlarm(_Strict):
    """One row of the master alarm database.

    Attributes:
        id: Short name, unique.
        title: What it is called at the console.
        analyst: Name of the analyst whose findings it is about; or
        source: Card of the source whose alarms it is about. One of the two is given.
        place: Pattern for the place of a finding; `*` stands for any letters.
        attribute: Pattern for its attribute or tag.
        key: Pattern for what tells findings of one analyst apart, such as a chart.
        condition: Pattern for the condition of a source's alarm.
        severity_at_least: Findings below it are no alarm.
        cause: What brings it about.
        consequence: What happens if nobody acts.
        response: What the operator does.
        respond_within_s: How soon, in seconds, for the response to help.
        priority: How urgent it is among the others.
        position: Operator position that it is shown to.
        is_gmp: Whether it must be acknowledged before a batch that it touches is released.
        is_latching: Whether it stays until somebody resets it, though the cause is gone.
        suppressed_in: States of the equipment in which it is suppressed by design.
        max_shelving_s: The longest that it may be shelved, in seconds; 0: never.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")
    title: str = Field(min_length=1, max_length=120)
    analyst: str = ""
    source: str = ""
    place: str = "*"
    attribute: str = "*"
    key: str = "*"
    condition: str = "*"
    severity_at_least: Severity = Severity.INFO
    cause: str = Field(min_length=1)
    consequence: str = Field(min_length=1)
    response: str = Field(min_length=1)
    respond_within_s: int = Field(gt=0)
    priority: Priority
    position: str = Field(min_length=1, max_length=80)
    is_gmp: bool = True
    is_latching: bool = False
    suppressed_in: tuple[EquipmentStatus, ...] = ()
    max_shelving_s: int = Field(default=28_800, ge=0, le=86_400)

    @model_validator(mode="after")
    def _is_about_one(self) -> RationalisedAlarm:
        if bool(self.analyst) == bool(self.source):
            raise ValueError("either analyst or source says what it is about")
        without_effect = _OF_FINDINGS if self.source else ("condition",)
        if named := sorted(self.model_fields_set & set(without_effect)):
            kind = "a source" if self.source else "findings"
            raise ValueError(f"{named[0]} says nothing about alarms of {kind}; leave it out")
        return self

    def is_about(self, finding: Finding) -> bool:
        """Whether a finding is this alarm."""
        subject = finding.subject
        return (
            bool(self.analyst)
            and fnmatchcase(finding.analyst, self.analyst)
            and fnmatchcase(subject.place, self.place)
            and fnmatchcase(subject.attribute or subject.tag, self.attribute)
            and fnmatchcase(subject.key, self.key)
            and RANK[finding.severity] >= RANK[self.severity_at_least]
        )

    def is_of_source(self, source: str, condition: str) -> bool:
        """Whether an alarm of a source is this one."""
        named = bool(self.source) and fnmatchcase(source, self.source)
        return named and fnmatchcase(condition, self.condition)


class AlarmMaster(_Strict):
    """All rationalised alarms of a home.

    Attributes:
        version: Of the database.
        title: What it is for.
        alarms: Its rows.
    """

    schema_: Literal["goldenbatch/alarms/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    alarms: tuple[RationalisedAlarm, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_no_twins(self) -> AlarmMaster:
        names = [one.id for one in self.alarms]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two have the id {doubled[0]!r}")
        return self

    def of_finding(self, finding: Finding) -> RationalisedAlarm | None:
        """The alarm that a finding is; of several that fit the one of the highest priority."""
        return _first([one for one in self.alarms if one.is_about(finding)])

    def of_source(self, source: str, condition: str) -> RationalisedAlarm | None:
        """The same for an alarm of a source."""
        return _first([one for one in self.alarms if one.is_of_source(source, condition)])

    def digest(self) -> str:
        """SHA-256 of the canonical text of the table; comments do not count."""
        values = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(canonical_text(values).encode("ascii")).hexdigest()


def _first(found: Sequence[RationalisedAlarm]) -> RationalisedAlarm | None:
    ranked = sorted(found, key=lambda one: (-PRIORITIES.index(one.priority), one.id))
    return ranked[0] if ranked else None


@record_type
class AlarmsPutForward(TextPutForward):
    """A master alarm database was put forward; it counts once another person approves it.

    Attributes:
        text: The database as TOML, whole.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("AlarmsPutForward",)


def load_alarms(text: str, file: str = "") -> AlarmMaster:
    """Read a master alarm database from TOML.

    Raises:
        BadInputError: It is none; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return AlarmMaster.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def masters(events: Sequence[Event]) -> tuple[PutForward[AlarmsPutForward], ...]:
    """All databases of a home in their order, and who approved each."""
    return put_forward(events, AlarmsPutForward)
