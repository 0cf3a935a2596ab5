"""Endpoints of retention: schedules, holds, what is due and why, deletions by two people."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Limit, Scalar, Text, plain
from goldenbatch.apps.node.state import Caller, LocalCaller, State
from goldenbatch.apps.retention import LocalRetention
from goldenbatch.core.holds import ID_PATTERN
from goldenbatch.core.records import DataClass

router = APIRouter(prefix="/retention", tags=["retention"], responses=RESPONSES)
Act = Annotated[str, Path(pattern=r"^[a-z-]{1,40}$")]
Deletion = Annotated[str, Path(pattern=ID_PATTERN)]
Ref = Annotated[Text, Query(description="A stream, stream@n, a file's digest, or hand-over/n.")]


class RetentionAct(Form):
    """An act on retention with its values; login and password prove whose it is."""

    login: Text
    password: Text
    values: dict[Text, Scalar | list[Text]] = Field(default_factory=dict)


@router.post("/acts/{act}")
def act(act: Act, form: RetentionAct, state: State, _: Caller) -> dict[str, Any]:
    """Adopt a schedule, place a hold, propose or refuse a deletion or an erasure."""
    with state.gate:
        answer = _at(state).act(act, form.login, form.password, form.values)
    return _plain(answer)


@router.post("/deletions/{deletion}/completion")
def finish(deletion: Deletion, state: State, _: Caller) -> dict[str, Any]:
    """Carry out a deletion that two people have signed, or finish one that was cut short."""
    with state.gate:
        answer = _at(state).finish(deletion)
    return _plain(answer)


@router.get("")
def show(state: State, caller: Caller) -> dict[str, Any]:
    """Schedules of retention, and the rules of the one in force."""
    caller.require_class(DataClass.OPERATIONAL)
    return _plain(_at(state).show())


@router.get("/due")
def due(state: State, caller: Caller, limit: Limit = 100) -> dict[str, Any]:
    """What may be deleted, oldest duty first."""
    caller.require_class(DataClass.CONFIDENTIAL)
    return _plain(_at(state).due(limit))


@router.get("/explanation")
def explain(ref: Ref, state: State, caller: Caller) -> dict[str, Any]:
    """Whether something may be deleted, and why (not)."""
    caller.require_class(DataClass.CONFIDENTIAL)
    return _plain(_at(state).explain(ref))


@router.get("/holds")
def holds(state: State, caller: Caller) -> dict[str, Any]:
    """Holds, newest first, those that were lifted too."""
    caller.require_class(DataClass.OPERATIONAL)
    return _plain(_at(state).holds())


@router.get("/deletions")
def deletions(state: State, caller: Caller) -> dict[str, Any]:
    """Deletions, newest first, each as it stands."""
    caller.require_class(DataClass.OPERATIONAL)
    return _plain(_at(state).deletions())


@router.get("/deletions/{deletion}")
def deletion(deletion: Deletion, state: State, caller: Caller) -> dict[str, Any]:
    """A deletion with its things, and what it lacks."""
    caller.require_class(DataClass.OPERATIONAL)
    return _plain(_at(state).deletion(deletion))


@router.get("/tiering")
def tiering(state: State, caller: Caller) -> dict[str, Any]:
    """The policy of tiering in force, those that were put forward, and what the tiers hold."""
    caller.require_class(DataClass.OPERATIONAL)
    return _plain(_at(state).tiering())


@router.get("/tiering/plan")
def tiering_plan(state: State, caller: Caller) -> dict[str, Any]:
    """Each day of readings: where it lies, whether it goes to a tier, and why (not)."""
    caller.require_class(DataClass.CONFIDENTIAL)
    return _plain(_at(state).tiering_plan())


@router.post("/tiering/run")
def move(state: State, _: LocalCaller) -> dict[str, Any]:
    """Move what goes now to its tier; the home's own command line only."""
    return _plain(_at(state).move())


def _at(state: State) -> LocalRetention:
    return LocalRetention(state.desk.site)


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = plain(answer)
    return found
