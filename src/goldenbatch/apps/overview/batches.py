"""Lists of batches: filtered, sorted and paged by the database, with what stands open in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.apps.signed import with_standing
from goldenbatch.core.findings import Severity
from goldenbatch.core.records import Between, Containing

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.records import Row

SORTS: Final = ("batch", "product", "place", "started_at", "ended_at", "outcome")
STATES: Final[Mapping[str, dict[str, Any]]] = {
    "": {},
    "running": {"outcome": "", "ended_at": None},
    "ended": {"outcome": ["completed", "aborted"]},
    "completed": {"outcome": "completed"},
    "aborted": {"outcome": "aborted"},
}
RANK: Final = {one.value: place for place, one in enumerate(Severity)}


@dataclass(frozen=True)
class Wanted:
    """Which batches are wanted, and how.

    Attributes:
        state: A key of `STATES`.
        text: In the name of the batch.
        since, until: Begun in this window; None: open.
        has_open: Only those with a finding that waits for a decision.
        sort: A column of `SORTS`, descending with a leading `-`.
        page: From 0.
    """

    product: str = ""
    place: str = ""
    state: str = ""
    text: str = ""
    since: int | None = None
    until: int | None = None
    has_open: bool = False
    sort: str = "-started_at"
    page: int = 0
    size: int = 50


def list_page(looker: Looker, wanted: Wanted) -> dict[str, Any]:
    """One page of batches, and how many there are in all."""
    where = _where(looker, wanted)
    n = looker.count("batch", where)
    first = wanted.page * wanted.size
    rows = looker.rows("batch", where, (wanted.sort, "-batch"), first + wanted.size)[first:]
    shown = with_standing(looker.site, "batch/", "batch", rows)
    return {
        "n_batches": n,
        "page": wanted.page,
        "n_pages": max(1, -(-n // wanted.size)),
        "batches": with_phases(looker, with_findings(looker, shown)),
        "products": _products(looker),
    }


def _where(looker: Looker, wanted: Wanted) -> dict[str, Any]:
    where: dict[str, Any] = dict(STATES[wanted.state])
    if wanted.product:
        where["product"] = wanted.product
    if wanted.place:
        where["place"] = places_below(looker, wanted.place)
    if wanted.since is not None or wanted.until is not None:
        where["started_at"] = Between(wanted.since, wanted.until)
    if wanted.has_open:
        uids = [row["uid"] for row in looker.rows("finding", {"verdict": ""})]
        names = {row["batch"] for row in looker.rows_of("finding_batch", "uid", uids)}
        where["batch"] = sorted(names)
        if wanted.text:
            where["batch"] = [one for one in where["batch"] if wanted.text in one]
    elif wanted.text:
        where["batch"] = Containing(wanted.text)
    return where


def places_below(looker: Looker, place: str) -> list[str]:
    """Paths of a place and of all below it, as the plant has them."""
    from goldenbatch.core.errors import GoldenbatchError

    try:
        paths = [one.path for one in looker.site.plant.places]
    except GoldenbatchError:
        paths = []
    return [place, *(one for one in paths if one.startswith(f"{place}/"))]


def _products(looker: Looker) -> list[str]:
    """Products of the plant, for the filter."""
    from goldenbatch.core.errors import GoldenbatchError

    try:
        return sorted(one.code for one in looker.site.plant.products)
    except GoldenbatchError:
        return []


def with_findings(looker: Looker, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of batches with `n_open` findings that wait, and `worst`, their worst severity."""
    touching = looker.rows_of("finding_batch", "batch", [str(row["batch"]) for row in rows])
    rows_found = looker.rows_of("finding", "uid", [row["uid"] for row in touching])
    open_ = {row["uid"]: row for row in rows_found if not row["verdict"]}
    found = defaultdict(list)
    for row in touching:
        if row["uid"] in open_:
            found[row["batch"]].append(open_[row["uid"]]["severity"])
    return [
        {
            **row,
            "n_open": len(found[row["batch"]]),
            "worst": max(found[row["batch"]], key=RANK.__getitem__, default=""),
        }
        for row in rows
    ]


def with_phases(looker: Looker, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of batches with `phase`, the names of what runs in them now, and `is_running`."""
    names = [str(row["batch"]) for row in rows if row["ended_at"] is None]
    found: dict[str, list[str]] = defaultdict(list)
    begun = set()
    for one in looker.rows_of("phase", "batch", names):
        begun.add(one["batch"])
        if one["ended_at"] is None:
            found[one["batch"]].append(one["phase"])
    return [
        {
            **row,
            "phase": ", ".join(found[row["batch"]]),
            "is_running": not row["outcome"]
            and row["ended_at"] is None
            and (row["started_at"] is not None or row["batch"] in begun),
        }
        for row in rows
    ]
