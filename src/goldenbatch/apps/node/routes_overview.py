"""Endpoints of overviews: what waits, health, batches, findings, and the trail behind figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import MAX_INT, Form, Text, plain
from goldenbatch.apps.node.state import Caller, Principal, State, get_principal
from goldenbatch.apps.overview import batches as listed
from goldenbatch.apps.overview import findings as found_by
from goldenbatch.apps.overview.asking import Looker
from goldenbatch.apps.overview.dossiers import TYPES, Dossiers
from goldenbatch.core.findings import Severity
from goldenbatch.core.records import STREAM_PATTERN, DataClass
from goldenbatch.runtime.local import LocalSite

router = APIRouter(
    prefix="/overview", tags=["overview"], dependencies=[Depends(get_principal)],
    responses=RESPONSES,
)  # fmt: skip
Uid = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Stream = Annotated[Text, Query(pattern=STREAM_PATTERN)]
BatchState = Literal["", "running", "ended", "completed", "aborted"]
BatchSort = Literal[
    "batch", "product", "place", "started_at", "ended_at", "outcome",
    "-batch", "-product", "-place", "-started_at", "-ended_at", "-outcome",
]  # fmt: skip


def looker_of(state: State, caller: Principal) -> Looker:
    """Who asks, with the home that they look at."""
    site: LocalSite = state.desk.site
    user = None if caller.is_local else site.people.user(caller.actor.uid)
    return Looker(site, caller.site, user)


def _operational(state: State, caller: Caller) -> Looker:
    caller.require_class(DataClass.OPERATIONAL)
    return looker_of(state, caller)


def _any(state: State, caller: Caller) -> Looker:
    return looker_of(state, caller)


Who = Annotated[Looker, Depends(_operational)]
Anyone = Annotated[Looker, Depends(_any)]


@router.get("/waiting")
def waiting(who: Anyone) -> dict[str, Any]:
    """What waits for the person who asks, by kind; only what they may do."""
    from goldenbatch.apps.overview.waiting import waiting as all_of

    return {"waiting": plain(all_of(who))}


@router.get("/site")
def site(who: Who, state: State) -> dict[str, Any]:
    """Health, running batches, open findings by severity and age, and equipment status."""
    from goldenbatch.apps.overview.health import health
    from goldenbatch.apps.overview.running import running

    answer: dict[str, Any] = plain({
        "health": health(who, state),
        "running": running(who),
        "findings": found_by.summary(who),
        "equipment": who.rows("equipment", None, ("place",)),
        "now": who.home.clock(),
    })  # fmt: skip
    return answer


@router.get("/enterprise")
def enterprise(who: Who, state: State) -> dict[str, Any]:
    """The enterprise and its sites, as the plant model has them, with counts of each."""
    from goldenbatch.apps.overview.sites import sites

    answer: dict[str, Any] = plain(sites(who, state))
    return answer


@router.get("/indicators")
def indicators(
    who: Who, product: Text = "", place: Text = "",
    last: Annotated[int, Query(ge=1, le=1000, description="Newest ended batches.")] = 50,
) -> dict[str, Any]:  # fmt: skip
    """Right first time, yield and OEE, each with its definition and the batches behind it."""
    from goldenbatch.apps.overview.indicators import Asked
    from goldenbatch.apps.overview.indicators import indicators as all_of

    answer: dict[str, Any] = plain(all_of(who, Asked(product, place, last)))
    return answer


class BatchQuery(Form):
    """Which batches, sorted how, which page (from 0)."""

    product: Text = ""
    place: Text = ""
    state: BatchState = ""
    text: Text = ""
    since: Annotated[int, Field(ge=-(2**57), le=2**57)] | None = None
    until: Annotated[int, Field(ge=-(2**57), le=2**57)] | None = None
    has_open: bool = False
    sort: BatchSort = "-started_at"
    page: Annotated[int, Field(ge=0, le=100_000)] = 0
    size: Annotated[int, Field(ge=1, le=500)] = 50


@router.get("/batches")
def batches(who: Who, query: Annotated[BatchQuery, Query()]) -> dict[str, Any]:
    """One page of batches, filtered and sorted, with what stands open in each."""
    answer: dict[str, Any] = plain(listed.list_page(who, listed.Wanted(**query.model_dump())))
    return answer


@router.get("/batch")
def batch(name: Text, who: Who) -> dict[str, Any]:
    """All that the page of a batch shows: events, results against limits, lots, signatures."""
    from goldenbatch.apps.overview.story import batch_page

    answer: dict[str, Any] = plain(batch_page(who, name))
    return answer


@router.get("/lot")
def lot(material: Text, lot: Text, who: Who) -> dict[str, Any]:
    """A lot of material: its supplier, its results, the batches that it went into."""
    from goldenbatch.apps.overview.story import lot_page

    answer: dict[str, Any] = plain(lot_page(who, material, lot))
    return answer


@router.get("/sample")
def sample(name: Text, who: Who) -> dict[str, Any]:
    """A sample: what it is of, its results, and what ran when it was taken."""
    from goldenbatch.apps.overview.story import sample_page

    answer: dict[str, Any] = plain(sample_page(who, name))
    return answer


@router.get("/record")
def record(stream: Stream, who: Anyone) -> dict[str, Any]:
    """The newest events of a record with their digests, what each changed, and its signatures."""
    from goldenbatch.apps.overview.records import record_page

    answer: dict[str, Any] = plain(record_page(who, stream))
    return answer


@router.get("/proof")
def proof(seq: Annotated[int, Query(ge=1, le=MAX_INT)], who: Anyone) -> dict[str, Any]:
    """Whether one event is in the ledger as it was recorded, under a signed checkpoint."""
    from goldenbatch.apps.overview.records import prove

    return prove(who, seq)


class FindingQuery(Form):
    """Which findings, sorted how, which page (from 0); `mine`: those one may decide on."""

    state: Literal["", "open", "decided"] = "open"
    mine: bool = False
    area: Text = ""
    severity: Severity | Literal[""] = ""
    analyst: Text = ""
    batch: Text = ""
    text: Text = ""
    sort: Literal["severity", "age"] = "severity"
    page: Annotated[int, Field(ge=0, le=100_000)] = 0
    size: Annotated[int, Field(ge=1, le=500)] = 50


@router.get("/findings")
def findings(who: Who, query: Annotated[FindingQuery, Query()]) -> dict[str, Any]:
    """One page of findings."""
    wanted = found_by.Wanted(**query.model_dump(mode="json"))
    answer: dict[str, Any] = plain(found_by.inbox(who, wanted))
    return answer


@router.get("/findings/{uid}")
def finding(uid: Uid, who: Who) -> dict[str, Any]:
    """A finding with its decisions, similar earlier ones, and whether one may decide on it."""
    answer: dict[str, Any] = plain(found_by.finding_page(who, uid))
    return answer


@router.get("/findings/{uid}/evidence")
def evidence(uid: Uid, who: Who) -> dict[str, Any]:
    """Read the evidence of a finding again: are the digests still the same?"""
    from goldenbatch.apps.overview.evidence import recheck

    answer: dict[str, Any] = plain(recheck(who, uid))
    return answer


class DossierForm(Form):
    """Of which batch a dossier is made."""

    batch: Text


def _dossiers(request: Request) -> Dossiers:
    kept: Dossiers | None = getattr(request.app.state, "dossiers", None)
    if kept is None:
        kept = request.app.state.dossiers = Dossiers()
    return kept


Kept = Annotated[Dossiers, Depends(_dossiers)]


@router.post("/dossiers")
def make_dossier(form: DossierForm, who: Who, kept: Kept) -> dict[str, Any]:
    """Make the dossier of a batch: page, PDF and proof, to be fetched within ten minutes."""
    return kept.make(who, form.batch)


@router.get("/dossiers/{name}/{kind}", response_class=Response)
def fetch_dossier(
    name: Annotated[str, Path(max_length=60)], kind: Literal["html", "pdf", "proof"],
    who: Who, kept: Kept,
) -> Response:  # fmt: skip
    """A file of a dossier that the same person had made, as a download."""
    from urllib.parse import quote

    file, content = kept.file(who, name, kind)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file)}"}
    return Response(content, media_type=TYPES[kind], headers=headers)


@router.get("/dossiers/{name}/{kind}/content")
def dossier_content(
    name: Annotated[str, Path(max_length=60)], kind: Literal["html", "pdf", "proof"],
    who: Who, kept: Kept,
) -> dict[str, str]:  # fmt: skip
    """The same file in base64, for clients that speak JSON only."""
    from base64 import b64encode

    file, content = kept.file(who, name, kind)
    return {"name": file, "media_type": TYPES[kind], "content": b64encode(content).decode("ascii")}
