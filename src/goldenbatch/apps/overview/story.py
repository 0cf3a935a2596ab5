"""The page of a batch: what happened on one axis, results against limits, lots, signatures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.overview.batches import with_findings
from goldenbatch.apps.overview.running import expectation
from goldenbatch.apps.signed import signature_rows, with_standing
from goldenbatch.capabilities.execution.dossier import result_of
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.records import from_iso
from goldenbatch.core.results import compare

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.records import Event, Row
    from goldenbatch.core.results import Limit

MAX_MARKS = 400
_SPANS = frozenset({"PhaseStarted", "PhaseEnded", "PhaseCorrected"})


def batch_page(looker: Looker, batch: str) -> dict[str, Any]:
    """All that the page of a batch shows beside the widgets of capabilities.

    Raises:
        NotFoundError: There is none for the person.
    """
    rows = looker.rows("batch", {"batch": batch}, limit=1)
    if not rows:
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See the list of batches.")
    stream = f"batch/{batch}"
    (head,) = with_findings(looker, with_standing(looker.site, "batch/", "batch", rows))
    touching = [row["uid"] for row in looker.rows("finding_batch", {"batch": batch})]
    findings = sorted(looker.rows_of("finding", "uid", touching), key=lambda one: one["started_at"])
    phases = looker.rows("phase", {"batch": batch}, ("started_at", "place"))
    samples = looker.rows("sample", {"batch": batch}, ("taken_at", "sample"))
    signatures = signature_rows(looker.site, stream)
    starts = [one["started_at"] for one in phases if one["started_at"] is not None]
    if head["started_at"] is None and starts:
        head["started_at"] = min(starts)
    return {
        "batch": {**head, **_texts(head)},
        "now": looker.home.clock(),
        "phases": phases,
        "expected": expectation(looker, str(head["product"]), str(head["place"])),
        "findings": with_standing(looker.site, "finding/", "uid", findings),
        "samples": samples,
        "results": results(looker, {"batch": batch}, str(head["product"])),
        "events": _marks(looker.site.ledger.stream(stream)),
        "signatures": signatures,
        "lineage": lineage(looker, batch),
        "completeness": next(iter(looker.rows("completeness", {"batch": batch})), None),
    }


def _texts(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.loads(head[name] or "{}") for name in ("attributes", "pinned")}


def _marks(events: Iterable[Event]) -> list[dict[str, Any]]:
    """What happened to the batch at one moment each; phases are spans of their own."""
    found = []
    for event in events:
        body, envelope = event.body or {}, event.envelope
        if event.kind in _SPANS:
            continue
        said = next((body[one] for one in ("at", "started_at", "ended_at") if body.get(one)), None)
        at = from_iso(said) if isinstance(said, str) else said
        found.append(
            {
                "at": at or envelope.performed_at or envelope.recorded_at,
                "kind": event.kind,
                "version": envelope.version,
                "note": _note(event.kind, body),
            }
        )
    return found[-MAX_MARKS:]


def _note(kind: str, body: Mapping[str, Any]) -> str:
    names: dict[str, Sequence[str]] = {
        "MaterialConsumed": ("material", "lot", "quantity"),
        "BatchCreated": ("product", "size"),
        "BatchEnded": ("outcome",),
        "BatchCorrected": ("field", "old", "new", "reason"),
        "SignatureApplied": ("meaning", "printed_name"),
    }
    return " · ".join(str(body[name]) for name in names.get(kind, ()) if body.get(name))


def results(looker: Looker, where: Mapping[str, Any], product: str) -> list[dict[str, Any]]:
    """Results with each limit that they are held to, rounded to its digits (USP GN 7.20)."""
    rows = looker.rows("result", where, ("attribute", "sample"))
    limits = {str(row["attribute"]): _limits(looker, product, row) for row in rows}
    return [_judged(row, limits[str(row["attribute"])]) for row in rows]


def _limits(looker: Looker, product: str, row: Row) -> Sequence[Limit]:
    try:
        return looker.site.plant.limits(product, str(row["attribute"]))
    except GoldenbatchError:
        return ()


def _judged(row: Row, limits: Iterable[Limit]) -> dict[str, Any]:
    result = result_of(row)
    checks = []
    for limit in limits:
        said = compare(result, limit)
        checks.append({"kind": limit.kind.value, "limit": limit.as_text(), "outcome": said.outcome,
                       "rounded": said.rounded, "why": said.why})  # fmt: skip
    found = {one["outcome"] for one in checks}
    worst = next((one for one in ("outside", "undecidable", "within") if one in found), "no limit")
    return {**row, "text": result.text, "checks": checks, "outcome": worst}


def lineage(looker: Looker, batch: str) -> dict[str, Any]:
    """Lots that went in, and batches that this one went into; each a step to walk on."""
    inputs = [
        row
        for row in looker.rows("genealogy", {"batch": batch}, ("material", "lot"))
        if row["status"] == "consumed"
    ]
    made = {row["batch"] for row in looker.rows_of("batch", "batch", [r["lot"] for r in inputs])}
    used = looker.rows("genealogy", {"lot": batch, "status": "consumed"}, ("batch",))
    return {
        "inputs": [{**row, "is_batch": row["lot"] in made} for row in inputs],
        "outputs": [{name: row[name] for name in ("batch", "material", "quantity")}
                    for row in used],
    }  # fmt: skip


def lot_page(looker: Looker, material: str, lot: str) -> dict[str, Any]:
    """A lot of material: where it came from, its results, the batches that it went into.

    Raises:
        NotFoundError: Nothing is known of it.
    """
    where = {"material": material, "lot": lot}
    rows = looker.rows("lot", where, limit=1)
    used = [
        row for row in looker.rows("genealogy", where, ("batch",)) if row["status"] == "consumed"
    ]
    if not rows and not used:
        raise NotFoundError(f"there is no lot {lot!r} of {material!r}.", hint="Follow a link.")
    names = [row["batch"] for row in used]
    batches = {row["batch"]: row for row in looker.rows_of("batch", "batch", names)}
    head = rows[0] if rows else {"supplier": "", "registered_at": None, "attributes": "{}"}
    return {
        "material": material,
        "lot": lot,
        "supplier": head["supplier"],
        "registered_at": head["registered_at"],
        "attributes": json.loads(head["attributes"] or "{}"),
        "is_batch": bool(looker.rows("batch", {"batch": lot}, limit=1)),
        "results": results(looker, where, material),
        "used": [{**row, **{"product": batches.get(row["batch"], {}).get("product", "")}}
                 for row in used],
    }  # fmt: skip


def sample_page(looker: Looker, sample: str) -> dict[str, Any]:
    """A sample: what it is of, what was found in it, and what was measured when it was taken.

    Raises:
        NotFoundError: Nothing is known of it.
    """
    rows = looker.rows("sample", {"sample": sample}, limit=1)
    orders = looker.rows("sample_order", {"sample": sample}, limit=1)
    found = looker.rows("result", {"sample": sample}, limit=1)
    if not (rows or orders or found):
        raise NotFoundError(f"there is no sample {sample!r}.", hint="Follow a link to it.")
    head = {**(found[0] if found else {}), **(orders[0] if orders else {}),
            **(rows[0] if rows else {})}  # fmt: skip
    batch = str(head.get("batch") or "")
    of_batch = looker.rows("batch", {"batch": batch}, limit=1) if batch else []
    product = str(of_batch[0]["product"]) if of_batch else str(head.get("material") or "")
    taken = head.get("taken_at")
    kept = ("sample", "batch", "material", "lot", "point", "plan", "taken_at", "container",
            "due_at", "laboratory")  # fmt: skip
    return {
        "sample": {name: head.get(name) for name in kept},
        "product": product,
        "is_taken": bool(rows),
        "results": results(looker, {"sample": sample}, product),
        "phases": _around(looker, batch, taken),
        "stream": f"sample/{sample}",
    }


def _around(looker: Looker, batch: str, at: int | None) -> list[dict[str, Any]]:
    """Phases of the batch that ran when the sample was taken, with the tags of their place."""
    if at is None or not batch:
        return []
    try:
        plant, known = looker.site.plant, looker.site.historian.tags()
    except GoldenbatchError:
        return []
    return [
        {
            "phase": row["phase"], "place": row["place"],
            "start": row["started_at"], "end": row["ended_at"] or looker.home.clock(),
            "tags": [one.name for one in plant.tags_below(row["place"]) if one.name in known],
        }
        for row in looker.rows("phase", {"batch": batch}, ("started_at",))
        if row["started_at"] is not None
        and row["started_at"] <= at <= (row["ended_at"] or looker.home.clock())
    ]  # fmt: skip
