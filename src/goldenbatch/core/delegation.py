"""Delegation: one person acts in another's place for a time; it never widens what either may.

Stream `delegation/<id>`. It is proposed by one person and approved by another, neither of whom
is the one who gets it. The delegator's role alone is lent, for actions that the policy lets be
delegated; who stands in needs the training and the independence, and is never an administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from pydantic import Field, model_validator

from goldenbatch.core.authority import StandIn
from goldenbatch.core.people import UID_PATTERN, UserState
from goldenbatch.core.records import Body, DataClass, Event, Micros, Projection, Row, record_type
from goldenbatch.core.site import Actor

PREFIX: Final = "delegation/"
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"


class _Delegation(Body):
    """Base of the events of one delegation."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    delegation: str = Field(pattern=ID_PATTERN)


@record_type
class DelegationProposed(_Delegation):
    """Somebody is to act in another's place for a time; it needs a second person's approval."""

    delegator: str = Field(pattern=UID_PATTERN, description="Whose role is lent.")
    delegate: str = Field(pattern=UID_PATTERN, description="Who is to act.")
    role: str = Field(pattern=r"^[a-z][a-z_]*$")
    actions: tuple[str, ...] = Field(default=(), description="Empty: all that may be delegated.")
    start: Micros
    end: Micros
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_possible(self) -> DelegationProposed:
        if self.delegator == self.delegate:
            raise ValueError("nobody delegates to themselves")
        if self.end <= self.start:
            raise ValueError("it ends before it starts")
        return self


@record_type
class DelegationApproved(_Delegation):
    """A second person approved a delegation."""

    reason: str = ""


@record_type
class DelegationRevoked(_Delegation):
    """A delegation is over before its time."""

    supersedes: ClassVar[tuple[str, ...]] = ("DelegationApproved", "DelegationProposed")

    reason: str = Field(min_length=1)


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if not isinstance(body, _Delegation):
        return []
    known = lookup((body.delegation,))
    actor, number = event.envelope.actor, event.envelope.version
    if isinstance(body, DelegationProposed):
        row = body.model_dump(exclude={"actions"})
        row |= {"actions": " ".join(body.actions), "proposed_by": actor, "approved_by": ""}
        return [] if known else [{**row, "is_revoked": 0, "stream_version": number}]
    if known is None:
        return []
    row = {**known, "stream_version": number}
    if isinstance(body, DelegationRevoked):
        return [{**row, "is_revoked": 1}]
    is_second = actor not in (known["proposed_by"], known["delegate"])
    return [{**row, "approved_by": actor}] if is_second else []


DELEGATIONS = Projection(
    name="delegation",
    version=1,
    columns={
        "delegation": "TEXT",
        "delegator": "TEXT",
        "delegate": "TEXT",
        "role": "TEXT",
        "actions": "TEXT",
        "start": "INTEGER",
        "end": "INTEGER",
        "reason": "TEXT",
        "proposed_by": "TEXT",
        "approved_by": "TEXT",
        "is_revoked": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("delegation",),
    kinds=frozenset({"DelegationProposed", "DelegationApproved", "DelegationRevoked"}),
    fold=_fold,
    indexes=(("delegate",),),
)
"""One row a delegation; it is in force once approved, within its time, until it is revoked."""


def stand_ins(
    rows: Iterable[Row], delegate: str, users: Mapping[str, UserState], now: int
) -> tuple[StandIn, ...]:
    """The delegations to a person that are in force.

    Args:
        rows: Rows of the projection.
        delegate: Uid of who acts.
        users: Users by uid, for the roles that delegators hold at present.
        now: Present time.
    """
    return tuple(
        StandIn(
            delegator=Actor(row["delegator"], users[row["delegator"]].roles),
            role=row["role"],
            actions=tuple(row["actions"].split()),
            ref=f"{PREFIX}{row['delegation']}@{row['stream_version']}",
        )
        for row in rows
        if row["delegate"] == delegate
        and row["approved_by"]
        and not row["is_revoked"]
        and row["start"] <= now < row["end"]
        and row["delegator"] in users
    )


PROJECTIONS = (DELEGATIONS,)
"""All projections of this module."""
