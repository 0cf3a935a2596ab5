"""Endpoints of administration by people: accounts and analysts, each act by who is logged in.

The home's own command line has its endpoints elsewhere; here the policy decides on a person.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Json, Text, plain
from goldenbatch.apps.node.state import Caller, Principal, State
from goldenbatch.core import authority
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import DataClass

router = APIRouter(prefix="/admin", tags=["people"], responses=RESPONSES)
Reason = Annotated[Text, Field(min_length=3, max_length=500)]


class NewAccount(Form):
    """An account for a person, who chooses the password with the token that is answered."""

    login: Annotated[Text, Field(min_length=1, max_length=100)]
    printed_name: Annotated[Text, Field(min_length=1, max_length=200)]
    reason: Reason


class AccountChange(Form):
    """What is done to an account, and why; `role` is the one that is revoked."""

    change: Literal["revoke", "disable", "enable", "unlock"]
    reason: Reason
    role: Text = ""


class AnalystForm(Form):
    """An analyst that is put to work with its settings."""

    name: Text
    analyst: Text
    settings: dict[Text, Json] = Field(default_factory=dict)


class RetirementForm(Form):
    """Why an analyst is taken from its work."""

    reason: Reason


def _login(state: State, caller: Principal) -> str:
    """Login of the person who calls.

    Raises:
        BadInputError: It is the home's own command line, which is nobody.
    """
    if caller.is_local:
        raise BadInputError(
            "administration by people needs a person.",
            hint="Log in; the command line of the home has endpoints of its own.",
        )
    return state.desk.site.people.require_open(caller.actor.uid).login


@router.get("/people")
def people(state: State, caller: Caller) -> dict[str, Any]:
    """Accounts with their roles, credentials, locks, and what became overdue."""
    from goldenbatch.runtime.people import is_locked

    caller.require_class(DataClass.PERSONAL)
    site = state.desk.site
    lines: list[dict[str, Any]] = []
    proposals: list[dict[str, Any]] = []
    for one in site.rights.access_lines():
        row = one.model_dump(mode="json")
        row["is_locked"] = is_locked(site.ledger.stream(f"user/{one.uid}"))
        row["credentials"] = [
            dict(cred) for cred in site.ledger.select("credential", {"uid": one.uid})
        ]
        stand = site.people.authority.standing(one.uid)
        proposals += [
            {"login": one.login, "role": role, "by": made[0], "ref": made[1]}
            for role, made in stand.proposals.items()
        ]
        lines.append(row)
    names = {one["uid"]: one["login"] for one in lines}
    proposals = [{**one, "by_login": names.get(one["by"], one["by"])} for one in proposals]
    roles = {name: role.title for name, role in site.people.policy().roles.items()}
    answer: dict[str, Any] = plain({"people": lines, "roles": roles, "proposals": proposals})
    return answer


@router.post("/people")
def add(form: NewAccount, state: State, caller: Caller) -> dict[str, Any]:
    """Add an account; answers the one-time token with which its person chooses a password."""
    site, by = state.desk.site, _login(state, caller)
    with state.gate:
        uid = site.people.add(form.login, form.printed_name, by=by)
        token = site.credentials.offer(form.login, "password", form.reason, by=by)
    return {"uid": uid, "login": form.login, "kind": "password", "token": token}


@router.post("/people/{login}/changes")
def change(login: Text, form: AccountChange, state: State, caller: Caller) -> dict[str, Any]:
    """Take a role away, or disable, enable or unlock an account."""
    site, by = state.desk.site, _login(state, caller)
    with state.gate:
        if form.change == "revoke":
            site.people.revoke(login, form.role, form.reason, by=by)
        elif form.change == "disable":
            site.people.disable(login, form.reason, by=by)
        elif form.change == "enable":
            site.people.enable(login, form.reason, by=by)
        else:
            site.people.unlock(login, form.reason, by=by)
        user = site.people.find(login)
    return {"login": login, "is_active": user.is_active, "roles": sorted(user.roles)}


@router.get("/analysts")
def analysts(state: State, caller: Caller) -> dict[str, Any]:
    """Analysts at work with their settings, and what capabilities offer."""
    caller.require_class(DataClass.CONFIDENTIAL)
    site = state.desk.site
    at_work = [
        {"name": name, "analyst": one.body.analyst, "version": one.body.version,
         "settings": dict(one.body.settings)}
        for name, one in sorted(site.adopted().items())
    ]  # fmt: skip
    offered = [{"name": name, "help": one.help} for name, one in site.offers("analysts")]
    answer: dict[str, Any] = plain({"at_work": at_work, "offered": offered})
    return answer


@router.post("/analysts")
def adopt(form: AnalystForm, state: State, caller: Caller) -> dict[str, Any]:
    """Put an analyst to work from the next tick on."""
    with state.gate:
        uid = _may_adopt(state, caller, form.name)
        event = state.desk.site.adopt(form.name, form.analyst, form.settings, by=uid)
    return {"name": form.name, "analyst": form.analyst, "is_new": event is not None}


@router.post("/analysts/{name}/retirement")
def retire(name: Text, form: RetirementForm, state: State, caller: Caller) -> dict[str, Any]:
    """Take an analyst from its work from the next tick on."""
    with state.gate:
        uid = _may_adopt(state, caller, name)
        state.desk.site.retire(name, form.reason, by=uid)
    return {"name": name, "at_work": sorted(state.desk.site.adopted())}


def _may_adopt(state: State, caller: Principal, name: str) -> str:
    """Uid of the person who calls, whom the policy lets put analysts to work.

    Raises:
        DeniedError: It does not.
    """
    from goldenbatch.runtime.adoption import STREAM_PREFIX

    people = state.desk.site.people
    user = people.find(_login(state, caller))
    authority.require(people.decide_may(user, "adopt", f"{STREAM_PREFIX}{name}"))
    return user.uid
