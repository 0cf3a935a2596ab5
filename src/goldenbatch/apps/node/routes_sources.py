"""Endpoints of running sources: what each is doing, and what is missing of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form
from goldenbatch.apps.node.state import Caller, State, get_principal
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.records import DataClass

Tolerance = Annotated[float, Query(gt=1, le=1000, allow_inf_nan=False)]
router = APIRouter(tags=["sources"], dependencies=[Depends(get_principal)], responses=RESPONSES)


@router.get("/sources")
def sources(state: State, caller: Caller) -> dict[str, Any]:
    """Running sources with their state and health."""
    caller.require_class(DataClass.OPERATIONAL)
    found = [] if state.acquisition is None else state.acquisition.status()
    return {"n_sources": len(found), "sources": found}


@router.get("/sources/{name}/gaps")
def gaps(name: str, caller: Caller) -> dict[str, Any]:
    """Windows in which readings of a source are missing, and what came later."""
    caller.require_class(DataClass.OPERATIONAL)
    rows = caller.site.ledger.select("gap", {"source": name}, ("seq",))
    return {"n_gaps": len(rows), "gaps": list(rows)}


@router.get("/sources/{name}/alarms")
def alarms(name: str, caller: Caller, is_open: bool = False) -> dict[str, Any]:
    """Alarms of a source, the most severe first; `is_open`: only those that wait for somebody."""
    from goldenbatch.runtime.alarms import alarms as rows_of

    caller.require_class(DataClass.OPERATIONAL)
    rows = rows_of(caller.site.ledger, name, is_open=is_open)
    return {"n_alarms": len(rows), "alarms": list(rows)}


class AlarmForm(Form):
    """What a person does about an alarm; without a login, as the person who is logged in."""

    condition: Annotated[str, Field(min_length=1, max_length=120)]
    comment: Annotated[str, Field(min_length=1, max_length=1000)]
    act: Literal["acknowledge", "confirm"] = "acknowledge"
    login: Annotated[str, Field(max_length=200)] = ""
    password: Annotated[str, Field(max_length=1000, repr=False)] = ""


@router.post("/sources/{name}/alarms/acts")
def act_on_alarm(name: str, form: AlarmForm, state: State, caller: Caller) -> dict[str, Any]:
    """Acknowledge or confirm an alarm at its source; the server's answer goes on record."""
    from goldenbatch.runtime.alarms import AlarmAct
    from goldenbatch.runtime.alarms import act_on_alarm as act

    people = state.desk.site.people
    user = (
        people.authenticate(form.login, form.password)
        if form.login
        else people.require_open(caller.actor.uid)
    )
    # Without the gate: the source's own writes must go on while it is asked.
    wanted = AlarmAct(name, form.condition, form.comment, form.act)
    return act(state.desk.site, state.acquisition, user, wanted)


@router.get("/batches/{batch}/completeness")
def completeness(batch: str, caller: Caller, tolerance: Tolerance = 2.5) -> dict[str, Any]:
    """Whether the readings of a batch are complete, and if not, what is missing and why."""
    from goldenbatch.runtime.completeness import assess

    caller.require_class(DataClass.OPERATIONAL)
    return assess(caller.site, batch, tolerance).model_dump(mode="json")


MAX_RUN = 1_000_000


class BoundaryForm(Form):
    """What a person enters by hand about a batch."""

    what: Boundary
    at: int
    place: str = ""
    phase: str = ""
    run: Annotated[int, Field(ge=0, le=MAX_RUN)] = 0
    product: str = ""
    outcome: str = ""


@router.post("/batches/{batch}/boundaries")
def say_boundary(batch: str, form: BoundaryForm, caller: Caller, state: State) -> dict[str, Any]:
    """Enter when a batch or a phase began or ended, as the person who is logged in."""
    from goldenbatch.runtime.batch_context import say

    site = state.desk.site
    user = site.people.require_open(caller.actor.uid)
    head = {name: text for name in ("product", "outcome") if (text := getattr(form, name))}
    statement = Statement(
        "person", form.what, batch, form.at, form.place, form.phase, form.run, head=head
    )
    with state.gate:
        made = say(site, user, statement)
    return {"is_new": made is not None, "stated": None if made is None else made.as_json()}


@router.get("/batches/{batch}/context")
def context(batch: str, caller: Caller) -> dict[str, Any]:
    """What each source says of the boundaries of a batch, and what was made of it."""
    caller.require_class(DataClass.OPERATIONAL)
    rows = caller.site.ledger.select("context", {"batch": batch}, ("at", "seq"))
    return {"n_statements": len(rows), "statements": list(rows)}
