"""Endpoints of rights: acts on them, the report, and what a person may do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Scalar, Text, plain
from goldenbatch.apps.node.state import Caller, Principal, State
from goldenbatch.apps.rights import LocalRights
from goldenbatch.core.records import STREAM_PATTERN, DataClass

router = APIRouter(prefix="/rights", tags=["rights"], responses=RESPONSES)
Act = Annotated[str, Path(pattern=r"^[a-z-]{1,40}$")]


class RightsAct(Form):
    """An act on rights with its values; login and password prove whose it is."""

    login: Text
    password: Text
    values: dict[Text, Scalar | list[Text]] = Field(default_factory=dict)


class Question(Form):
    """Whether a person may do something to a record."""

    login: Text
    action: Text
    stream: Annotated[Text, Field(pattern=STREAM_PATTERN)]


class ListQuestion(Form):
    """To which records of a projection a person may do something."""

    login: Text
    action: Text
    projection: Annotated[Text, Field(pattern=r"^[a-z_]{1,60}$")]


def _require_own(caller: Principal, state: State, login: str) -> None:
    """What another person may do is personal; what oneself may do is not."""
    if caller.is_local or state.desk.site.people.user(caller.actor.uid).login == login:
        return
    caller.require_class(DataClass.PERSONAL)


@router.post("/acts/{act}")
def act(act: Act, form: RightsAct, state: State, _: Caller) -> dict[str, Any]:
    """Do something about rights: procedures, training, delegation, identity, roles, alerts."""
    rights = LocalRights(state.desk.site)
    with state.gate:
        answer: dict[str, Any] = plain(rights.act(act, form.login, form.password, form.values))
    return answer


@router.get("/report")
def report(state: State, caller: Caller) -> dict[str, Any]:
    """Who has what, what is overdue, who lacks which training."""
    caller.require_class(DataClass.PERSONAL)
    answer: dict[str, Any] = plain(LocalRights(state.desk.site).report())
    return answer


@router.get("/alerts")
def alerts(state: State, caller: Caller, is_open: bool = False) -> dict[str, Any]:
    """Alerts about accounts, newest first; `is_open`: only those that nobody has looked at.

    One is acknowledged by the act `alert-acknowledge` (account, alert, reason).
    """
    caller.require_class(DataClass.PERSONAL)
    answer: dict[str, Any] = plain(LocalRights(state.desk.site).alerts(is_open))
    return answer


@router.post("/questions")
def ask(form: Question, state: State, caller: Caller) -> dict[str, Any]:
    """Whether a person may do something to a record, and on what grounds."""
    _require_own(caller, state, form.login)
    answer: dict[str, Any] = plain(
        LocalRights(state.desk.site).ask(form.login, form.action, form.stream)
    )
    return answer


@router.post("/lists")
def list_for(form: ListQuestion, state: State, caller: Caller) -> dict[str, Any]:
    """Rows of records to which a person may do something."""
    _require_own(caller, state, form.login)
    rights = LocalRights(state.desk.site)
    answer: dict[str, Any] = plain(rights.list_for(form.login, form.action, form.projection))
    return answer
