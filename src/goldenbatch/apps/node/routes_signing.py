"""Endpoints of the signing ceremony: prepare, complete, enrol, and log in at a provider."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from goldenbatch.apps.ceremony import LocalCeremony
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Json, Number, Text, plain
from goldenbatch.apps.node.routes_ledger import shown
from goldenbatch.apps.node.state import Caller, Principal, State
from goldenbatch.apps.node.throttle import address_of
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.findings import Verdict
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import DataClass
from goldenbatch.runtime._ceremony_series import ALONE, Session

open_router = APIRouter(tags=["people"], responses=RESPONSES)
router = APIRouter(tags=["people"], responses=RESPONSES)


class Preparation(Form):
    """What is to be signed: a record, a decision, a review of the trail, a policy, an act.

    An empty login means the caller's; `policy` is the digest of a proposal, or `first`; with
    `deletion` its approval is signed, with `hold` its end, with `settings` (`signing`) the table of
    `home.toml`; `act` with its `values` is an act that a capability offers.
    """

    login: Text = ""
    stream: Text = ""
    meaning: Meaning | Literal[""] = ""
    reason: Text = ""
    version: Number = 0
    finding: Text = ""
    verdict: Verdict | Literal[""] = ""
    comment: Text = ""
    action: Text = ""
    trail: Text = ""
    opened: Number = 0
    is_satisfactory: bool = True
    policy: Text = ""
    deletion: Text = ""
    hold: Text = ""
    settings: Literal["", "signing"] = ""
    act: Text = ""
    values: dict[Text, Json] = Field(default_factory=dict)
    kind: CredentialKind | Literal[""] = ""
    provider: Text = ""
    redirect_uri: Text = ""


class Completion(Form):
    """A prepared statement and the proof over its hash, by kind of credential."""

    id: Text
    kind: CredentialKind = CredentialKind.PASSWORD
    login: Text = ""
    password: Text = ""
    code: Text = ""
    state: Text = ""
    response: dict[str, Any] = Field(default_factory=dict)


class Offer(Form):
    """Whose credential of which kind; `by` and password name another one than the caller."""

    login: Text
    kind: CredentialKind
    reason: Annotated[Text, Field(min_length=1)]
    by: Text = ""
    password: Text = ""


class Beginning(Form):
    """Who enrols with which one-time token; of OpenID accounts, at which provider."""

    login: Text
    token: Text
    provider: Text = ""
    redirect_uri: Text = ""


class Enrolment(Form):
    """What the person chose: `label`, and by kind `password`, `code`, `response` or `state`."""

    login: Text
    token: Text
    enrolment: Text
    answer: dict[str, Any]


class Act(Form):
    """Whose credential and why; `by` and password name another one than the caller."""

    login: Text
    credential: Text
    reason: Text = ""
    by: Text = ""
    password: Text = ""


class ProviderLogin(Form):
    """At which provider to log in, and where it sends the browser back to."""

    provider: Text = ""
    redirect_uri: Text


class ProviderAnswer(Form):
    """What the browser brought back from the provider."""

    id: Text
    code: Text
    state: Text


@router.post("/signatures/prepare")
def prepare(form: Preparation, state: State, caller: Caller) -> dict[str, Any]:
    """Prepare a signature: the statement with its record, and what its proof needs."""
    if form.settings:
        caller.require_class(DataClass.PERSONAL)
    with state.gate:
        ceremony, session = _at(state), _session(caller)
        answer: dict[str, Any] = plain(ceremony.prepare(form.model_dump(mode="json"), session))
    # Whoever is to sign, the answer goes to the caller, who may not read every record.
    seq = int(answer["record"]["seq"])
    (record,) = caller.site.ledger.events(seq - 1, seq)
    return {**answer, "record": plain(shown(record, caller))}


@router.post("/signatures/complete")
def complete(form: Completion, state: State, caller: Caller) -> dict[str, Any]:
    """Sign a prepared statement by a proof over its hash; it can be tried once."""
    with state.gate:
        ceremony, session = _at(state), _session(caller)
        answer: dict[str, Any] = plain(ceremony.complete(form.model_dump(mode="json"), session))
    return answer


@router.get("/settings/signing")
def signing_settings(state: State, caller: Caller) -> dict[str, Any]:
    """The signing settings in force, who signed them, and what `home.toml` would change."""
    caller.require_class(DataClass.PERSONAL)
    answer: dict[str, Any] = plain(state.desk.site.signing_rules.as_json())
    return answer


@router.get("/credentials")
def credentials(login: Text, state: State, caller: Caller) -> dict[str, Any]:
    """The credentials of a person: kind, class and status, no secret."""
    own = state.desk.site.ledger.select("user", {"uid": caller.actor.uid, "login": login}, limit=1)
    if not own:
        caller.require_class(DataClass.PERSONAL)
    answer: dict[str, Any] = plain(_at(state).credentials(login))
    return answer


@router.post("/credentials/offer")
def offer(form: Offer, state: State, caller: Caller) -> dict[str, Any]:
    """Make a one-time token with which a person chooses a credential of their own."""
    with state.gate:
        ceremony, session = _at(state), _session(caller)
        answer: dict[str, Any] = plain(ceremony.offer(form.model_dump(mode="json"), session))
    return answer


@router.post("/credentials/{act}")
def act(
    act: Annotated[Literal["confirm", "revoke", "request", "approve"], Path()],
    form: Act, state: State, caller: Caller,
) -> dict[str, Any]:  # fmt: skip
    """Confirm or revoke a credential; request or approve that it be replaced."""
    with state.gate:
        ceremony, session = _at(state), _session(caller)
        answer: dict[str, Any] = plain(ceremony.act(act, form.model_dump(mode="json"), session))
    return answer


@open_router.post("/enrolment/begin")
def begin(form: Beginning, request: Request, state: State) -> dict[str, Any]:
    """Begin to enrol a credential with a one-time token; too many tries: 429."""
    with state.throttle.trying(address_of(request), form.login), state.gate:
        answer: dict[str, Any] = plain(_at(state).begin(form.model_dump(mode="json")))
    return answer


@open_router.post("/enrolment/finish")
def finish(form: Enrolment, request: Request, state: State) -> dict[str, Any]:
    """Enrol the credential that the person chose; too many tries: 429."""
    with state.throttle.trying(address_of(request), form.login), state.gate:
        answer: dict[str, Any] = plain(_at(state).finish(form.model_dump(mode="json")))
    return answer


@open_router.post("/login/oidc/begin")
def begin_login(form: ProviderLogin, request: Request, state: State) -> dict[str, Any]:
    """Begin to log in at an OpenID provider: the address to send the browser to."""
    with state.throttle.trying(address_of(request), is_refunded=False):
        name, url = state.desk.site.proofs.begin_login(form.provider, form.redirect_uri)
    return {"id": name, "url": url}


@open_router.post("/login/oidc/finish")
def finish_login(form: ProviderAnswer, request: Request, state: State) -> dict[str, Any]:
    """A session token for the person whom the provider vouched for."""
    with state.throttle.trying(address_of(request)), state.gate:
        answer = {"code": form.code, "state": form.state}
        user = state.desk.site.proofs.finish_login(form.id, answer)
    token, actor = state.admit(user.uid, user.roles)
    return {"token": token, "uid": actor.uid, "roles": sorted(actor.roles)}


def _at(state: State) -> LocalCeremony:
    return state.desk.ceremony


def _session(caller: Principal) -> Session:
    """The controlled session of a call; the command line's calls stand each alone."""
    return ALONE if caller.is_local else Session(caller.session, caller.actor.uid)
