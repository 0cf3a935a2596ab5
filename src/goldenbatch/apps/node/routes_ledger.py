"""Endpoints of what was done: events, streams, projections, proofs, artefacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import (
    MAX_INT,
    After,
    Form,
    Limit,
    Number,
    Scalar,
    Text,
    Upto,
    plain,
)
from goldenbatch.apps.node.state import Caller, LocalCaller, Principal, State
from goldenbatch.core.errors import DeniedError
from goldenbatch.core.people import PasswordSet
from goldenbatch.core.records import STREAM_PATTERN, DataClass, Event
from goldenbatch.core.site import Site
from goldenbatch.runtime import _wire as wire

router = APIRouter(responses=RESPONSES)
WITHHELD = frozenset({PasswordSet.kind})
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Projection = Annotated[str, Path(pattern=r"^[a-z_]{1,60}$")]


class EventForm(Form):
    """An event that is to be appended."""

    stream: Annotated[Text, Field(pattern=STREAM_PATTERN)]
    kind: Text
    body: dict[str, Any]
    expected_version: Number
    actor: Annotated[Text, Field(min_length=1)]
    acting_for: Text = ""
    performed_at: Annotated[int, Field(ge=-(2**57), le=2**57)] | None = None
    owner: Text = ""
    data_class: DataClass | None = None


class EventsForm(Form):
    """Events that are appended all or not at all."""

    events: Annotated[list[EventForm], Field(min_length=1, max_length=10_000)]


class SelectForm(Form):
    """Which rows of a projection: columns that equal a value, or any of a list."""

    where: dict[Text, Scalar | list[Scalar]] = Field(default_factory=dict)
    order_by: list[Text] = Field(default_factory=list)
    limit: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class ProofForm(Form):
    """Numbers of the events that are to be proved."""

    seqs: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_INT)]], Field(min_length=1, max_length=100_000)
    ]


def shown(event: Event, caller: Principal) -> dict[str, Any]:
    """An event as a caller may see it: people never get the hash of a password."""
    if caller.is_local or event.kind not in WITHHELD:
        return wire.event_to_json(event)
    return {**wire.event_to_json(event), "body": None}


def _refuse_withheld(seqs: Sequence[int], site: Site) -> None:
    head = site.ledger.head()
    for seq in {one for one in seqs if one <= head}:
        for event in site.ledger.events(seq - 1, seq):
            if event.kind in WITHHELD:
                raise DeniedError(
                    f"event {seq} holds the hash of a password.", hint="Leave it out of the proof."
                )


@router.get("/events", tags=["ledger"])
def events(
    state: State,
    caller: Caller,
    *,
    kind: Annotated[list[Text] | None, Query(description="Kinds; none: all.")] = None,
    stream_prefix: Text = "",
    after: After = 0,
    upto: Upto = None,
    limit: Limit = 1000,
) -> Response:
    """Events in the order of the ledger."""
    found: list[dict[str, Any]] = []
    if limit:
        for event in caller.site.ledger.events(after, upto, kind or (), stream_prefix):
            found.append(shown(event, caller))
            if len(found) == limit:
                break
    return JSONResponse({"events": found})


@router.post("/events", tags=["ledger"])
def append(form: EventsForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Append events, durable on return; the home's own command line only."""
    new = [wire.new_event_from_json(one.model_dump(mode="json")) for one in form.events]
    return {"events": [wire.event_to_json(one) for one in state.desk.site.ledger.append(new)]}


@router.get("/stream", tags=["ledger"])
def stream(
    name: Annotated[Text, Query(pattern=STREAM_PATTERN)],
    caller: Caller,
    after: After = 0,
    limit: Limit = 1000,
) -> Response:
    """Events of one stream and its version."""
    ledger = caller.site.ledger
    version = ledger.version(name)
    found = ledger.stream(name, after)[:limit] if limit else []
    return JSONResponse({"version": version, "events": [shown(one, caller) for one in found]})


@router.post("/projections/{projection}/select", tags=["ledger"])
def select(projection: Projection, form: SelectForm, caller: Caller) -> Response:
    """Rows of a projection."""
    rows = caller.site.ledger.select(projection, form.where, form.order_by, form.limit)
    return JSONResponse({"rows": plain(list(rows))})


@router.post("/proofs", tags=["proof"])
def proofs(form: ProofForm, caller: Caller) -> Response:
    """Self-contained proof of some events under a signed checkpoint."""
    if not caller.is_local:
        _refuse_withheld(form.seqs, caller.site)
    return JSONResponse(caller.site.ledger.proof_bundle(form.seqs))


@router.get("/artefacts", tags=["registry"])
def check(caller: Caller) -> dict[str, Any]:
    """Digests of damaged artefacts."""
    return {"damaged": list(caller.site.registry.check())}


@router.post("/artefacts", tags=["registry"])
async def put(request: Request, state: State, _: LocalCaller) -> dict[str, str]:
    """Store an artefact under its SHA-256; the home's own command line only."""
    from starlette.concurrency import run_in_threadpool

    content = await request.body()
    media_type = request.headers.get("content-type", "application/octet-stream")

    def store() -> str:
        return state.desk.site.registry.put(content, media_type)

    return {"digest": await run_in_threadpool(store)}


@router.get("/artefacts/{digest}", tags=["registry"], response_class=Response)
def get(digest: Digest, caller: Caller) -> Response:
    """Content of an artefact, as a download."""
    content = caller.site.registry.get(digest)
    headers = {"Content-Disposition": f'attachment; filename="{digest}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/artefacts/{digest}/type", tags=["registry"])
def media_type(digest: Digest, caller: Caller) -> dict[str, str]:
    """Media type of an artefact."""
    return {"media_type": caller.site.registry.media_type(digest)}
