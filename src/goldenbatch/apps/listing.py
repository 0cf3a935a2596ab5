"""What command line and node both list: batches with their parts, capabilities."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from goldenbatch.apps.signed import SIGNATURE_COLUMNS, signature_rows, with_standing
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Row
from goldenbatch.core.site import Site

KINDS = (
    "analysts",
    "trials",
    "commands",
    "routes",
    "pages",
    "record_types",
    "projections",
    "documents",
    "facts",
    "trainers",
    "acts",
)
"""Kinds of offers of a capability."""

PARTS = {
    "phases": ("phase", ("place", "phase", "run", "started_at", "ended_at")),
    "materials": ("genealogy", ("material", "lot", "quantity")),
    "samples": ("sample", ("sample", "point", "taken_at", "taken_by")),
    "results": ("result", ("sample", "attribute", "operator", "value", "unit", "status")),
    "findings": ("finding", ("uid", "state", "severity", "attribute", "title", "verdict")),
    "signatures": ("signature", SIGNATURE_COLUMNS),
}
"""Parts of a batch: name to projection and the columns that people see."""


def list_batches(site: Site, product: str = "") -> list[dict[str, Any]]:
    """Rows of batches, newest first, each with what stands open.

    `n_open` counts findings without a decision; `unsigned_since` is the version that voided
    the record's signatures.
    """
    undecided = {row["uid"] for row in site.ledger.select("finding", {"verdict": ""})}
    touched = site.ledger.select("finding_batch")
    waiting = Counter(row["batch"] for row in touched if row["uid"] in undecided)
    rows = site.ledger.select("batch", {"product": product} if product else None)
    ordered = sorted(rows, key=lambda row: (row["started_at"] or 0, natural(row["batch"])))
    ordered = with_standing(site, "batch/", "batch", ordered)
    return [{**row, "n_open": waiting[row["batch"]]} for row in reversed(ordered)]


def list_findings(
    site: Site, batch: str = "", *, is_open: bool | None = None, **where: str
) -> list[Row]:
    """Rows of findings, newest first, with `unsigned_since` where a signature became void.

    Args:
        site: The site.
        batch: Only those that touch this batch, whichever their subject is.
        is_open: Only those without (True) or with (False) a decision.
        where: Columns that must be so; empty: any.
    """
    kept: dict[str, Any] = {name: value for name, value in where.items() if value}
    rows = site.ledger.select("finding", kept)
    if batch:
        touched = site.ledger.select("finding_batch", {"batch": batch})
        uids = {row["uid"] for row in touched}
        rows = [row for row in rows if row["uid"] in uids]
    if is_open is not None:
        rows = [row for row in rows if (row["verdict"] == "") == is_open]
    rows = sorted(rows, key=lambda row: -int(row["opened_seq"]))
    return with_standing(site, "finding/", "uid", rows)


def natural(name: str) -> list[tuple[int, str]]:
    """Key by which names with numbers in them are ordered as people do.

    >>> sorted(["B10", "B9"], key=natural)
    ['B9', 'B10']
    """
    parts = re.split(r"([0-9]+)", name)
    return [(int(one), "") if one.isdecimal() else (-1, one) for one in parts]


def batch_detail(site: Site, batch: str) -> dict[str, Any]:
    """A batch and the rows of its parts.

    Raises:
        NotFoundError: There is no such batch.
    """
    rows = site.ledger.select("batch", {"batch": batch}, limit=1)
    if not rows:
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See `goldenbatch batch list`.")
    parts = {
        name: list(site.ledger.select(projection, {"batch": batch}))
        for name, (projection, _columns) in PARTS.items()
        if name not in ("findings", "signatures")
    }
    signed = signature_rows(site, f"batch/{batch}")
    head = with_standing(site, "batch/", "batch", rows)[0]
    return {"batch": head, **parts, "findings": list_findings(site, batch), "signatures": signed}


def list_capabilities() -> dict[str, Any]:
    """Capabilities and their offers as rows, and the broken entry points."""
    from dataclasses import asdict

    from goldenbatch.runtime.discovery import discover

    found = discover()
    rows = [
        {
            "name": one.name,
            "title": one.title,
            "tier": one.tier,
            "offers": [
                {"kind": kind, "name": f"{one.name}.{offer.name}", "help": offer.help}
                for kind in KINDS
                for offer in getattr(one, kind)
            ],
        }
        for one in found.capabilities.values()
    ]
    return {"capabilities": rows, "broken": [asdict(one) for one in found.broken]}
