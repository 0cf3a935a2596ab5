"""Endpoints of inspections: access within a time of its own, and copies to take away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from goldenbatch.apps.inspection import LocalInspection
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Limit, Text, plain
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


@router.get("/visits")
def visits(state: State, caller: Caller) -> dict[str, Any]:
    """Whose access for a limited time is or was open until when, and how much they have read."""
    from goldenbatch.core.inspection import reads_stream

    site = state.desk.site
    caller.require_class(DataClass.PERSONAL)
    own = site.people.user(caller.actor.uid).login if caller.session else ""
    rows = []
    for line in site.rights.access_lines():
        windows = site.people.authority.standing(line.uid).windows
        for role, (start, end, ref) in windows.items():
            rows.append(
                {"uid": line.uid, "login": line.login, "printed_name": line.printed_name,
                 "role": role, "is_granted": role in line.roles, "start": start, "end": end,
                 "ref": ref, "n_reads": site.ledger.version(reads_stream(line.uid))}
            )  # fmt: skip
    answer: dict[str, Any] = plain({"now": site.clock(), "own": own, "visits": rows})
    return answer


@router.get("/reads")
def reads(state: State, caller: Caller, login: Text, limit: Limit = 200) -> dict[str, Any]:
    """What an inspector has asked for, newest first."""
    from goldenbatch.core.inspection import reads_stream

    caller.require_class(DataClass.PERSONAL)
    uid = state.desk.site.people.find(login).uid
    stream = reads_stream(uid)
    version = caller.site.ledger.version(stream)
    events = caller.site.ledger.stream(stream, max(0, version - limit))
    rows = [
        {**(one.body or {}), "at": one.envelope.recorded_at, "seq": one.seq}
        for one in reversed(events)
    ]
    return {"login": login, "n_reads": version, "reads": plain(rows)}
