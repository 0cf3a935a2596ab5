"""Endpoints of the work: batches, findings, decisions, signatures, analysts, upkeep."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from goldenbatch.apps.desk import NewUser, PlantFiles
from goldenbatch.apps.listing import batch_detail, list_batches, list_findings
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Limit, Number, Text, plain
from goldenbatch.apps.node.state import Caller, LocalCaller, State
from goldenbatch.apps.signed import signature_rows, unsigned_since, with_standing
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.findings import Severity, Verdict
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import STREAM_PATTERN
from goldenbatch.runtime import _wire as wire

router = APIRouter(responses=RESPONSES)
Uid = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Flag = Annotated[bool | None, Query()]
Stream = Annotated[Text, Query(pattern=STREAM_PATTERN)]


class Decision(Form):
    """What a person says of a finding; login and password sign it."""

    login: Text
    password: Text
    verdict: Verdict
    comment: Annotated[Text, Field(min_length=1)]
    action: Text = ""


class Signature(Form):
    """A signature on one version of a record; version 0 is the newest."""

    login: Text
    password: Text
    stream: Annotated[Text, Field(pattern=STREAM_PATTERN)]
    meaning: Meaning
    reason: Text = ""
    version: Number = 0


class Adoption(Form):
    """An analyst with its settings."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    analyst: Text
    settings: dict[str, Any] = Field(default_factory=dict)


class Replay(Form):
    """What is replayed, and with which knowledge; an empty batch means all."""

    mode: Literal["as-seen", "as-known"] = "as-seen"
    batch: Text = ""


class UserForm(Form):
    """A person who gets an account, and its roles; no password: a one-time token for it."""

    login: Text
    printed_name: Annotated[Text, Field(min_length=1)]
    password: Text = ""
    roles: tuple[Text, ...] = ()
    reason: Annotated[Text, Field(min_length=1)] = "account made"


class Role(Form):
    """A role that is given, and why."""

    role: Text
    reason: Annotated[Text, Field(min_length=1)]


class UserChange(Form):
    """A change of an account, and why; `role` for `revoke`."""

    change: Literal["revoke", "disable", "enable", "unlock"]
    reason: Annotated[Text, Field(min_length=1)]
    role: Text = ""


class NewPassword(Form):
    """The old password, and the one that the person chooses."""

    old: Text
    new: Text


class Retirement(Form):
    """Why an analyst is taken from its work."""

    reason: Annotated[Text, Field(min_length=1)]


class PlantForm(Form):
    """Files of a plant: its `plant.toml`, and bulk tables by file name."""

    text: Text
    tables: dict[Text, Text] = Field(default_factory=dict)


class PlantAdoption(PlantForm):
    """A plant, and from when it is in force (ISO 8601; empty: now)."""

    effective_from: Text = ""


@router.get("/batches", tags=["batches"])
def batches(caller: Caller, product: Text = "", limit: Limit = 1000) -> dict[str, Any]:
    """Batches, newest first, with the number of findings that wait for a decision."""
    rows = list_batches(caller.site, product)
    return {"n_batches": len(rows), "batches": plain(rows[:limit])}


@router.get("/batch", tags=["batches"])
def batch(name: Text, caller: Caller) -> dict[str, Any]:
    """A batch: phases, lots, samples, results and findings."""
    answer: dict[str, Any] = plain(batch_detail(caller.site, name))
    return answer


@router.get("/windows", tags=["batches"])
def windows(batch: Text, caller: Caller, phase: Text = "") -> dict[str, Any]:
    """Windows of a batch, or of each run of a phase in it."""
    return {"windows": [list(one) for one in caller.site.windows(batch, phase)]}


@router.get("/results", tags=["batches"])
def results(
    caller: Caller, batch: Text = "", attribute: Text = "", limit: Limit = 1000
) -> dict[str, Any]:
    """Results of tests, by batch and attribute."""
    where = {name: one for name, one in (("batch", batch), ("attribute", attribute)) if one}
    rows = caller.site.ledger.select("result", where, limit=limit)
    return {"results": plain(list(rows))}


@router.get("/findings", tags=["findings"])
def findings(
    caller: Caller, batch: Text = "", severity: Severity | None = None,
    analyst: Text = "", is_open: Flag = None, limit: Limit = 1000,
) -> dict[str, Any]:  # fmt: skip
    """Findings that touch a batch, newest first; `is_open` picks those without a decision."""
    wanted = {"severity": severity.value if severity else "", "analyst": analyst}
    rows = list_findings(caller.site, batch, is_open=is_open, **wanted)
    return {"n_findings": len(rows), "findings": plain(rows[:limit])}


@router.get("/findings/{uid}", tags=["findings"])
def finding(uid: Uid, caller: Caller) -> dict[str, Any]:
    """A finding, the events of its life, and how the signatures on it stand."""
    rows = caller.site.ledger.select("finding", {"uid": uid}, limit=1)
    if not rows:
        raise NotFoundError(f"there is no finding {uid}.", hint="See GET /api/v1/findings.")
    events = caller.site.ledger.stream(f"finding/{uid}")
    signed = signature_rows(caller.site, f"finding/{uid}")
    (row,) = with_standing(caller.site, "finding/", "uid", rows)
    told = [wire.event_to_json(one) for one in events]
    return {"finding": plain(row), "events": told, "signatures": plain(signed)}


@router.get("/signatures", tags=["people"])
def signatures(stream: Stream, caller: Caller) -> dict[str, Any]:
    """Signatures on a record as they stand, each with the version since which it is unsigned."""
    rows = signature_rows(caller.site, stream)
    since = unsigned_since(caller.site, [stream]).get(stream)
    return {"stream": stream, "unsigned_since": since, "signatures": plain(rows)}


@router.post("/findings/{uid}/decision", tags=["findings"])
def decide(uid: Uid, form: Decision, state: State, _: Caller) -> dict[str, Any]:
    """Decide on the newest version of a finding, signed by login and password."""
    decision = {"verdict": form.verdict.value, "comment": form.comment, "action": form.action}
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.decide(form.login, form.password, uid, decision))
    return answer


@router.post("/signatures", tags=["people"])
def sign(form: Signature, state: State, _: Caller) -> dict[str, Any]:
    """Sign one version of a record."""
    signature = form.model_dump(mode="json", exclude={"login", "password"})
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.sign(form.login, form.password, signature))
    return answer


@router.post("/analysts", tags=["work"])
def adopt(form: Adoption, state: State, _: LocalCaller) -> dict[str, Any]:
    """Put an analyst to work from the next tick on."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.adopt(form.name, form.analyst, form.settings))
    return answer


@router.post("/tick", tags=["work"])
def tick(state: State, _: LocalCaller) -> dict[str, Any]:
    """Wake the analysts once."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.wake())
    return answer


@router.post("/replay", tags=["work"])
def replay(form: Replay, state: State, _: LocalCaller) -> dict[str, Any]:
    """Replay history and compare it with what was found live; nothing is written."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.replay(form.mode, form.batch))
    return answer


@router.post("/users", tags=["people"])
def add_user(form: UserForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Give a person an account."""
    with state.gate:
        answer: dict[str, Any] = plain(
            state.desk.add_user(NewUser(**form.model_dump(exclude={"password"})), form.password)
        )
    return answer


@router.post("/users/{login}/roles", tags=["people"])
def grant(login: Text, form: Role, state: State, _: LocalCaller) -> dict[str, Any]:
    """Give a person a role."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.grant(login, form.role, form.reason))
    return answer


@router.post("/users/{login}/changes", tags=["people"])
def change_user(login: Text, form: UserChange, state: State, _: LocalCaller) -> dict[str, Any]:
    """Revoke a role, or disable, enable or unlock an account."""
    with state.gate:
        answer: dict[str, Any] = plain(
            state.desk.change_user(login, form.change, form.reason, form.role)
        )
    return answer


@router.post("/users/{login}/password", tags=["people"])
def set_password(login: Text, form: NewPassword, state: State, _: Caller) -> dict[str, Any]:
    """Let a person choose another password; the old one proves who they are."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.set_password(login, form.old, form.new))
    return answer


@router.post("/analysts/{name}/retirement", tags=["work"])
def retire(name: Text, form: Retirement, state: State, _: LocalCaller) -> dict[str, Any]:
    """Take an analyst from its work from the next tick on."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.retire(name, form.reason))
    return answer


@router.post("/plant/preview", tags=["home"])
def preview_plant(form: PlantForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """What adopting a plant would change."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.preview_plant(PlantFiles(form.text, form.tables)))
    return answer


@router.post("/plant", tags=["home"])
def adopt_plant(form: PlantAdoption, state: State, _: LocalCaller) -> dict[str, Any]:
    """Put a plant into force."""
    with state.gate:
        files = PlantFiles(form.text, form.tables)
        answer: dict[str, Any] = plain(state.desk.adopt_plant(files, form.effective_from))
    return answer


@router.post("/verify", tags=["proof"])
def verify(state: State, _: LocalCaller, projections: bool = True) -> dict[str, Any]:
    """Check everything that is stored; without projections only what all else rests on."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.verify(has_projections=projections))
    return answer


@router.post("/checkpoint", tags=["proof"])
def checkpoint(state: State, _: LocalCaller) -> dict[str, Any]:
    """Sign the head of the ledger's tree."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.checkpoint())
    return answer


@router.post("/flush", tags=["proof"])
def flush(state: State, _: LocalCaller) -> dict[str, Any]:
    """Hand the frame log over to the Delta table."""
    with state.gate:
        answer: dict[str, Any] = plain(state.desk.flush())
    return answer
