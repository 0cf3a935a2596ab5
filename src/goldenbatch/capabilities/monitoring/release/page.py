"""The page of evidence: written whole from the record, kept, reviewed and approved by signature.

What is kept is what is signed: the files lie in the registry under the digests that the record
names. Nobody approves a page on which something is open, or of tests that they asked for.

References:
    EU GMP Annex 17 (2018), 3; 21 CFR 11.50, 211.188, 211.192.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring.release._page_sheet import (
    AttributeView,
    PageView,
    sheet_of,
)
from goldenbatch.capabilities.monitoring.release._page_signatures import signatures_sheet
from goldenbatch.capabilities.monitoring.release._reading import (
    Values,
    batch_row,
    fault_of,
    page_of,
)
from goldenbatch.capabilities.monitoring.release.figures import figure_of
from goldenbatch.capabilities.monitoring.release.standing import standing_of
from goldenbatch.core.act_values import made, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_records import line_stream
from goldenbatch.core.people import Meaning
from goldenbatch.core.release_pages import (
    ReleaseEvidenceApproved,
    ReleaseEvidenceKept,
    ReleaseEvidenceReviewed,
    page_stream,
)
from goldenbatch.ui.documents import write_whole
from goldenbatch.ui.sheets import sheet_html, sheet_pdf

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.release.standing import AttributeStanding
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.records import Event
    from goldenbatch.core.release_pages import PageState
    from goldenbatch.core.site import Actor, Site

_AT = ("batch", "market")
_TYPES = {"html": "text/html", "pdf": "application/pdf", "proof": "application/json"}
_ENDS = {"html": ".html", "pdf": ".pdf", "proof": ".proof.json"}


# ---- acts -------------------------------------------------------------------------------------


def keep(site: Site, by: Actor, values: Values) -> Intent:
    """Write the page of a batch for a market and keep it, ready to be signed."""
    only(values, _AT)
    batch, market = (text(values, name) for name in _AT)
    view, events = _view(site, batch, market)
    files = _files(site, view, events)
    digests = {kind: site.registry.put(one, _TYPES[kind]) for kind, one in files.items()}
    tests = {
        one.standing.test.stream: one.standing.test.head
        for one in view.attributes
        if one.standing.test is not None
    }
    body = made(
        ReleaseEvidenceKept, batch=batch, market=market, tests=tests, files=digests,
        written_at=view.written_at,
    )  # fmt: skip
    stream = page_stream(batch, market)
    also = {name: site.ledger.version(name) for name in {event.stream for event in events}}
    also.pop(stream, None)
    return Intent(
        stream, body, ("release:evidence",), site.ledger.version(stream), also=also, is_costly=True
    )


def review(site: Site, by: Actor, values: Values) -> Intent:
    """Review the page that is kept, signed by somebody who asked for none of its tests."""
    return _signed(site, by, values, ReleaseEvidenceReviewed, "release:review")


def approve(site: Site, by: Actor, values: Values) -> Intent:
    """Approve the page that is kept, signed by quality; it is no release of the batch."""
    return _signed(site, by, values, ReleaseEvidenceApproved, "release:approve")


def _signed(
    site: Site, by: Actor, values: Values,
    kind: type[ReleaseEvidenceReviewed] | type[ReleaseEvidenceApproved], action: str,
) -> Intent:  # fmt: skip
    only(values, (*_AT, "reason"))
    batch, market = (text(values, name) for name in _AT)
    page = kept_page(site, batch, market)
    kept = page.kept
    if kept is None:
        raise NotFoundError(f"no page of batch {batch} for {market} is kept.")
    also = {name: site.ledger.version(name) for name in kept.tests}
    stale = [name for name, version in kept.tests.items() if also[name] != version]
    if stale:
        raise ConflictError(
            f"{stale[0]} went on since the page was kept: it shows what is no more.",
            hint="Keep it anew: `goldenbatch release evidence`.",
        )
    if by.uid in page.kept_by:
        raise DeniedError(
            f"{by.uid} had the page written and does not sign it.", hint="Have another one sign."
        )
    if kind is ReleaseEvidenceApproved:
        _require_settled(site, batch, market, page)
    body = made(kind, batch=batch, market=market, page=page.at, reason=text(values, "reason"))
    meaning = Meaning(kind.signed_as)
    return Intent(page.stream, body, (action,), page.head, meaning, body.reason, also=also)


def _require_settled(site: Site, batch: str, market: str, page: PageState) -> None:
    open_ = [one for one in standing_of(site, batch, market) if not one.is_settled]
    if open_:
        told = "; ".join(
            f"{one.attribute} is {', '.join((one.state, *one.doubts))}" for one in open_
        )
        raise ConflictError(
            f"the page of batch {batch} for {market} shows what is open: {told}.",
            hint="Settle it first: the contingency test, or the investigation's conclusion.",
        )
    if not page.reviewed:
        raise ConflictError(
            f"nobody has reviewed the page of batch {batch} for {market}.",
            hint="Review it first: `goldenbatch release review`.",
        )


def kept_page(site: Site, batch: str, market: str) -> PageState:
    """The newest page that is kept.

    Raises:
        NotFoundError: None is.
    """
    page = page_of(site, batch, market)
    if page is None or page.kept is None:
        raise NotFoundError(
            f"no page of batch {batch} for {market} is kept.",
            hint="Keep one: `goldenbatch release evidence`.",
        )
    return page


# ---- files ------------------------------------------------------------------------------------


def file_name(batch: str, market: str) -> str:
    """Name of the files of a page, one of its own for each batch and market.

    >>> file_name("700", "EU"), file_name("A/1", "EU") == file_name("A_1", "EU")
    ('release-700-EU', False)
    """
    whole = f"{batch}-{market}"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", whole)[:80]
    digest = hashlib.sha256(json.dumps([batch, market]).encode()).hexdigest()[:8]
    return f"release-{plain}" if plain == whole else f"release-{plain}-{digest}"


def write_page(site: Site, batch: str, market: str, out_dir: Path) -> dict[str, str]:
    """Write the kept page into a folder, as it was signed, and the file of its signatures.

    Returns:
        Paths: `html`, `pdf`, `proof`, `signatures`, `signatures_pdf`.

    Raises:
        NotFoundError: No page is kept.
        IntegrityError: What is stored is not what was kept.
    """
    page = kept_page(site, batch, market)
    name = file_name(batch, market)
    kept = page.kept.files if page.kept is not None else {}
    out_dir.mkdir(parents=True, exist_ok=True)
    files = {
        kind: (out_dir / f"{name}{_ENDS[kind]}", site.registry.get(digest))
        for kind, digest in kept.items()
    }
    events = site.ledger.stream(page.stream)
    proof = _proof(site, [event.seq for event in events], f"{batch} {market} signatures")
    sheet = signatures_sheet(site.home, page, events, site.clock(), f"{name}-signatures.proof.json")
    files |= {
        "signatures": (out_dir / f"{name}-signatures.html", sheet_html(sheet).encode()),
        "signatures_pdf": (out_dir / f"{name}-signatures.pdf", sheet_pdf(sheet)),
        "signatures_proof": (out_dir / f"{name}-signatures.proof.json", proof[0]),
    }
    for path, data in files.values():
        write_whole(path, data)
    return {kind: str(path) for kind, (path, _) in files.items()}


def _files(site: Site, view: PageView, events: Sequence[Event]) -> dict[str, bytes]:
    content, bundle = _proof(site, [event.seq for event in events], f"{view.batch} {view.market}")
    name = f"{file_name(view.batch, view.market)}.proof.json"
    digest = hashlib.sha256(content).hexdigest()
    proof = (name, digest, len(events), str(bundle["checkpoint"]), str(bundle["public_key"]))
    sheet = sheet_of(
        PageView(
            view.home, view.batch, view.product, view.market, view.attributes, view.names,
            view.written_at, proof,
        )
    )  # fmt: skip
    return {"html": sheet_html(sheet).encode(), "pdf": sheet_pdf(sheet), "proof": content}


def _proof(site: Site, seqs: Sequence[int], what: str) -> tuple[bytes, dict[str, Any]]:
    bundle = site.ledger.proof_bundle(seqs)
    bundle["release"] = what
    text_ = json.dumps(bundle, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{text_}\n".encode(), bundle


# ---- what it shows ----------------------------------------------------------------------------


def _view(site: Site, batch: str, market: str) -> tuple[PageView, list[Event]]:
    """What the page shows, and all events that it rests on, in the order of the ledger."""
    row = batch_row(site, batch)
    standings = standing_of(site, batch, market)
    if not any(one.test is not None for one in standings):
        raise NotFoundError(
            f"nobody asked for a release test of batch {batch} for {market}.",
            hint="Ask for it: `goldenbatch release test`.",
        )
    views = [_attribute(site, one) for one in standings]
    events = {event.seq: event for one in views for some in one.asked.values() for event in some}
    events |= {event.seq: event for event in _rests_on(site, batch, standings)}
    names = {str(one["uid"]): str(one["printed_name"]) for one in site.ledger.select("user")}
    view = PageView(
        home=site.home, batch=batch, product=str(row["product"]), market=market,
        attributes=views, names=names,
        written_at=max(event.envelope.recorded_at for event in events.values()),
    )  # fmt: skip
    return view, [events[seq] for seq in sorted(events)]


def _attribute(site: Site, one: AttributeStanding) -> AttributeView:
    asked: dict[str, Sequence[Event]] = {}
    if one.registration is not None:
        asked[one.registration.stream] = site.ledger.stream(one.registration.stream)
    version = _version(site, one)
    if one.test is not None:
        asked[one.test.stream] = site.ledger.stream(one.test.stream)
        stream = one.test.tested.registration.rpartition("@")[0] if one.test.tested else ""
        if stream and stream not in asked:
            asked[stream] = site.ledger.stream(stream)
    if version is not None:
        asked[version.stream] = site.ledger.stream(version.stream)
    return AttributeView(one, version, asked, figure_of(site, one))


def _version(site: Site, one: AttributeStanding) -> VersionState | None:
    tested = one.test.tested if one.test is not None else None
    if tested is None or tested.model is None:
        return None
    return load_version(site.ledger, tested.model.use, tested.model.version, fault_of(site))


def _rests_on(site: Site, batch: str, standings: Iterable[AttributeStanding]) -> Iterable[Event]:
    """Events besides those of the tests: the batch, what serves, and cited records."""
    yield from site.ledger.stream(f"batch/{batch}")
    for one in standings:
        test = one.test
        for _, tested in test.tests if test is not None else ():
            if tested.model is not None:
                yield from site.ledger.stream(line_stream(tested.model.use))
            for each in tested.inputs:
                for evidence in each.evidence:
                    if evidence.kind == "record":
                        yield from _event(site, f"{evidence.stream}@{evidence.version}")
        for _, link in test.links if test is not None else ():
            yield from _event(site, link.record)
        if test is not None and test.concluded is not None:
            for record in test.concluded.evidence:
                yield from _event(site, record)


def _event(site: Site, place: str) -> Iterable[Event]:
    stream, _, number = place.rpartition("@")
    return site.ledger.stream(stream, int(number) - 1)[:1]
