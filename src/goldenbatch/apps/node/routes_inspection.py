"""Endpoints of inspections: access within a time of its own, and copies to take away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from goldenbatch.apps.inspection import LocalInspection
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Text, plain
from goldenbatch.apps.node.state import Caller, LocalCaller, State
from goldenbatch.core.records import DataClass

router = APIRouter(prefix="/inspection", tags=["inspection"], responses=RESPONSES)
Needed = Annotated[Text, Field(min_length=1)]


class OpenForm(Form):
    """Whose access is opened until when; login and password prove who opens it."""

    login: Needed
    password: Needed
    who: Needed
    until: Needed
    reason: Needed
    name: Text = ""
    start: Text = ""
    role: Text = ""


class CloseForm(Form):
    """Whose access ends now."""

    login: Needed
    password: Needed
    who: Needed
    reason: Needed


class CopyForm(Form):
    """What is copied for whom, into a new folder on the node's machine."""

    login: Needed
    password: Needed
    folder: Needed
    recipient: Needed
    reason: Needed
    batches: list[Text] = Field(default_factory=list, max_length=1000)
    since: Text = ""
    has_readings: bool = True


def _act(state: State, act: str, form: Form) -> dict[str, Any]:
    values = form.model_dump()
    by, password = values.pop("login"), values.pop("password")
    with state.gate:
        answer: dict[str, Any] = plain(
            LocalInspection(state.desk.site).act(act, by, password, values)
        )
    return answer


@router.post("/open")
def open_(form: OpenForm, state: State, _: Caller) -> dict[str, Any]:
    """Open the home to an inspector, read-only, until a time."""
    return _act(state, "open", form)


@router.post("/close")
def close(form: CloseForm, state: State, _: Caller) -> dict[str, Any]:
    """End an inspector's access at once."""
    return _act(state, "close", form)


@router.post("/copy")
def copy(form: CopyForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Write a copy to take away; only for the home's own command line, which names the folder."""
    return _act(state, "copy", form)


@router.get("/copies")
def copies(state: State, caller: Caller) -> dict[str, Any]:
    """Copies that were taken: by whom, for whom, of what, and their digests."""
    caller.require_class(DataClass.PERSONAL)
    answer: dict[str, Any] = plain(LocalInspection(state.desk.site).copies())
    return answer
