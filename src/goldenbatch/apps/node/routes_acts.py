"""Endpoints of acts: what capabilities let people do, and doing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Json, Text, plain
from goldenbatch.apps.node.routes_ledger import shown
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.core.errors import BadInputError

router = APIRouter(prefix="/acts", tags=["acts"], responses=RESPONSES)
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]*\.[a-z0-9_.-]{1,60}$")]


class ActForm(Form):
    """The values of an act; login and password prove whose it is, a code where they have one.

    Who is logged in needs neither for an act that is no signature. One that is can be prepared
    at `/signatures/prepare` (`act`, `values`) too, and signed by whatever the person has.
    """

    values: dict[Text, Json] = Field(default_factory=dict)
    login: Text = ""
    password: Text = ""
    code: Text = ""


@router.get("")
def acts(state: State, _: Caller) -> dict[str, Any]:
    """All acts that capabilities offer: full name, and what it does."""
    helps = state.desk.site.acts.helps()
    return {"acts": [{"name": name, "help": text} for name, text in helps.items()]}


@router.post("/{name}")
def act(name: Name, form: ActForm, state: State, caller: Caller) -> dict[str, Any]:
    """Carry out an act; answers what was appended, a signature last."""
    site = state.desk.site
    with state.gate:
        if form.login:
            events = site.acts.act(name, form.values, form.login, form.password, code=form.code)
        elif caller.session:
            events = site.acts.enter(name, form.values, caller.actor.uid)
        else:
            raise BadInputError("who acts is missing.", key="login", hint="Give the login.")
    # Whoever acts, the answer goes to the caller, who may not read every record.
    read = [caller.site.ledger.events(one.seq - 1, one.seq) for one in events]
    answer: dict[str, Any] = plain(
        {"events": [shown(one, caller) for some in read for one in some]}
    )
    return answer
