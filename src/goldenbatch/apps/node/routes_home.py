"""Endpoints of the home itself: health, login, identity, plant, capabilities."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from goldenbatch import __version__
from goldenbatch.apps.listing import list_capabilities
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Text, plain
from goldenbatch.apps.node.inspected import inspects_until
from goldenbatch.apps.node.state import Caller, State, bearer
from goldenbatch.apps.node.throttle import address_of
from goldenbatch.core.records import DataClass

open_router = APIRouter(tags=["node"], responses=RESPONSES)
router = APIRouter(tags=["home"], responses=RESPONSES)


class Login(Form):
    """Login and password of a person."""

    login: Text
    password: Text


@open_router.get("/health")
def health() -> dict[str, Any]:
    """The process is alive."""
    return {"status": "alive", "version": __version__}


@open_router.get("/welcome")
def welcome(state: State) -> dict[str, Any]:
    """What a login page says before anybody is known: whose home it is, and the ways in."""
    site = state.desk.site
    home, signing = site.home, site.settings.signing
    return {
        "name": home.name,
        "site": home.site,
        "kind": home.kind.value,
        "zone": home.zone,
        "providers": [one.name for one in signing.providers],
    }


@open_router.get("/readiness")
def readiness(state: State) -> dict[str, Any]:
    """Whether the home is open and its background work succeeds."""
    return {"is_ready": state.is_ready, "problems": state.problems[-5:]}


@open_router.post("/login")
def login(form: Login, request: Request, state: State) -> dict[str, Any]:
    """A session token for a person; 15 minutes without a call end it; too many tries: 429."""
    with state.throttle.trying(address_of(request), form.login):
        token, actor = state.log_in(form.login, form.password)
    return {"token": token, "uid": actor.uid, "roles": sorted(actor.roles)}


@router.post("/logout")
def logout(request: Request, state: State, _: Caller) -> dict[str, Any]:
    """End the session of the token that is given."""
    state.log_out(bearer(request))
    return {"is_logged_in": False}


@router.get("/home")
def home(caller: Caller) -> dict[str, Any]:
    """Identity and kind of the home, and who the caller is."""
    from dataclasses import asdict

    identity = asdict(caller.site.home)
    identity["kind"] = caller.site.home.kind.value
    return {
        "home": identity,
        "actor": {"uid": caller.actor.uid, "roles": sorted(caller.actor.roles)},
        "version": __version__,
    }


@router.get("/session")
def session(state: State, caller: Caller) -> dict[str, Any]:
    """Who is logged in: login, name, roles, data classes they may read, seconds until it ends."""
    from goldenbatch.runtime.seen import SeenSite

    if not isinstance(caller.site, SeenSite):
        classes = [one.value for one in DataClass]
        return {"uid": caller.actor.uid, "login": "", "printed_name": "", "roles": [],
                "classes": classes, "is_local": True, "left_s": None,
                "inspects_until": None}  # fmt: skip
    user = state.desk.site.people.user(caller.actor.uid)
    return {
        "uid": user.uid,
        "login": user.login,
        "printed_name": user.printed_name,
        "roles": sorted(user.roles),
        "classes": sorted(one.value for one in caller.site.classes),
        "is_local": False,
        "left_s": state.left_s(caller.session),
        "inspects_until": inspects_until(state, user.uid, user.roles),
    }


@router.get("/status")
def status(state: State, caller: Caller) -> dict[str, Any]:
    """The home and how much is in it."""
    caller.require_class(DataClass.OPERATIONAL)
    answer: dict[str, Any] = plain(state.desk.status())
    return answer


@router.get("/heads")
def heads(caller: Caller) -> dict[str, int]:
    """Numbers of the newest event and the newest frame."""
    site = caller.site
    return {"ledger": site.ledger.head(), "historian": site.historian.head()}


@router.get("/plant")
def plant(caller: Caller, known: Text = "") -> dict[str, Any]:
    """The plant in its effective version; without its content where its digest is known."""
    found = caller.site.plant
    content = None if known == found.digest else found.model_dump(mode="json")
    return {"digest": found.digest, "plant": content}


@router.get("/capabilities")
def capabilities(_: Caller) -> dict[str, Any]:
    """What is installed and what it offers; what is broken, with the reason."""
    return list_capabilities()
