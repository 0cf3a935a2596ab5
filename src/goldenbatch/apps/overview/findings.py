"""The findings inbox: what waits, what was decided, and one finding with all that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.apps.overview.batches import RANK
from goldenbatch.apps.signed import signature_rows, with_standing
from goldenbatch.core.authority import Allow
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.findings import DecisionMade, newest_finding
from goldenbatch.core.records import Containing

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.findings import Finding
    from goldenbatch.core.records import Event, Row

DAY_US: Final = 86_400_000_000
AGES: Final = (("under a day", DAY_US), ("under a week", 7 * DAY_US), ("a week or more", 2**62))
SIMILAR: Final = 10
SORTS: Final = ("severity", "age")


@dataclass(frozen=True)
class Wanted:
    """Which findings are wanted.

    Attributes:
        state: `open` (nobody has decided), `decided`, or empty for both.
        mine: Only those that the person may decide on.
        area: At this place or below.
        sort: `severity` (the worst first, then the oldest) or `age` (the newest first).
    """

    state: str = "open"
    mine: bool = False
    area: str = ""
    severity: str = ""
    analyst: str = ""
    batch: str = ""
    text: str = ""
    sort: str = "severity"
    page: int = 0
    size: int = 50


def inbox(looker: Looker, wanted: Wanted) -> dict[str, Any]:
    """One page of findings, how many there are, and what one can filter by."""
    where = _where(looker, wanted)
    if wanted.mine and looker.user is not None:
        rows = looker.may("decide", "finding", where)
    else:
        rows = looker.rows("finding", where)
    if wanted.state == "decided":
        rows = [row for row in rows if row["verdict"]]
    if wanted.area:
        rows = [row for row, at in zip(rows, places(looker, rows), strict=True)
                if is_in(at, wanted.area)]  # fmt: skip
    rows.sort(key=_age)
    if wanted.sort == "severity":
        rows.sort(key=lambda row: -RANK[row["severity"]])
    first = wanted.page * wanted.size
    shown = with_standing(looker.site, "finding/", "uid", rows[first : first + wanted.size])
    return {
        "n_findings": len(rows),
        "page": wanted.page,
        "n_pages": max(1, -(-len(rows) // wanted.size)),
        "findings": shown,
        "analysts": sorted({row["analyst"] for row in rows} | ({wanted.analyst} - {""})),
        "head": looker.home.ledger.head(),
    }


def places(looker: Looker, rows: Sequence[Row]) -> list[str]:
    """Where each finding is: its place, else that of its tag, else that of its batch."""
    lost = [row for row in rows if not row["place"] and "/" not in row["attribute"]]
    names = [row["batch"] for row in lost if row["batch"]]
    made = {row["batch"]: row["place"] for row in looker.rows_of("batch", "batch", names)}
    return [
        row["place"] or row["attribute"].rpartition("/")[0] or str(made.get(row["batch"]) or "")
        for row in rows
    ]


def is_in(path: str, place: str) -> bool:
    """Whether a path is a place or lies below it.

    >>> is_in("site/a/tank", "site/a"), is_in("site/ab", "site/a")
    (True, False)
    """
    return path == place or path.startswith(f"{place}/")


def _age(row: Row) -> int:
    return -int(row["opened_seq"])


def _where(looker: Looker, wanted: Wanted) -> dict[str, Any]:
    where: dict[str, Any] = {"verdict": ""} if wanted.state == "open" else {}
    where |= {
        name: value
        for name, value in (("severity", wanted.severity), ("analyst", wanted.analyst))
        if value
    }
    if wanted.text:
        where["title"] = Containing(wanted.text)
    if wanted.batch:
        touching = looker.rows("finding_batch", {"batch": wanted.batch})
        where["uid"] = [row["uid"] for row in touching]
    return where


def summary(looker: Looker) -> dict[str, Any]:
    """Open findings by severity and age."""
    now = looker.home.clock()
    rows = looker.rows("finding", {"verdict": ""})
    counted = Counter((row["severity"], _bucket(now - _since(row, now))) for row in rows)
    return {
        "n_open": len(rows),
        "ages": [name for name, _ in AGES],
        "severities": [
            {"severity": one, "n": sum(counted[one, name] for name, _ in AGES),
             "by_age": [counted[one, name] for name, _ in AGES]}
            for one in sorted(RANK, key=lambda name: -RANK[name])
        ],
    }  # fmt: skip


def _since(row: Row, now: int) -> int:
    started = row["started_at"]
    return now if started is None else int(started)


def _bucket(age: int) -> str:
    return next(name for name, least in AGES if age < least)


def finding_page(looker: Looker, uid: str) -> dict[str, Any]:
    """A finding, what was said of it, what it is like, and whether the person may decide on it.

    Raises:
        NotFoundError: There is none for them.
    """
    rows = looker.rows("finding", {"uid": uid}, limit=1)
    events = looker.site.ledger.stream(f"finding/{uid}") if rows else ()
    newest = newest_finding(events)
    if not rows or newest is None:
        raise NotFoundError(f"there is no finding {uid}.", hint="See the findings inbox.")
    (row,) = with_standing(looker.site, "finding/", "uid", rows)
    batches = looker.rows("finding_batch", {"uid": uid})
    return {
        "row": row,
        "finding": newest.model_dump(mode="json"),
        "version": len(events),
        "batches": [one["batch"] for one in batches],
        "history": [_told(one) for one in events],
        "decisions": decisions(looker, events, f"finding/{uid}"),
        "similar": similar(looker, row, newest),
        "model": _model(looker, newest),
        "rights": _rights(looker, uid, events),
    }


def _told(event: Event) -> dict[str, Any]:
    envelope = event.envelope
    return {"seq": event.seq, "version": envelope.version, "kind": event.kind,
            "recorded_at": envelope.recorded_at, "leaf": event.leaf}  # fmt: skip


def decisions(looker: Looker, events: Sequence[Event], stream: str) -> list[dict[str, Any]]:
    """What people decided, and how the signature with each stands."""
    # The signature that a decision is made with is the event after it.
    signed = {one["event_version"] - 1: one for one in signature_rows(looker.site, stream)}
    found = []
    for event in events:
        body = event.decode()
        if isinstance(body, DecisionMade):
            one = signed.get(event.envelope.version, {})
            found.append(
                {
                    "verdict": body.verdict.value,
                    "comment": body.comment,
                    "action": body.action,
                    "version": body.finding_version,
                    "at": event.envelope.recorded_at,
                    "by": one.get("by", ""),
                    "role": one.get("role", ""),
                    "standing": one.get("standing", "unsigned"),
                    "is_signed": one.get("is_signed", False),
                }
            )
    return found


def similar(looker: Looker, row: Mapping[str, Any], newest: Finding) -> list[dict[str, Any]]:
    """Earlier findings of the same analyst on the same attribute and title, with their decision.

    Those of the same title come first: charts name the rule in it.
    """
    where = {"analyst": row["analyst"], "attribute": row["attribute"]}
    rows = [
        one
        for one in looker.rows("finding", where, ("-opened_seq",), 10 * SIMILAR)
        if one["uid"] != row["uid"] and one["opened_seq"] < row["opened_seq"]
    ]
    rows.sort(key=lambda one: (one["title"] != newest.title, not one["verdict"]))
    found = []
    for one in rows[:SIMILAR]:
        stream = f"finding/{one['uid']}"
        said = []
        if one["verdict"]:
            said = decisions(looker, looker.site.ledger.stream(stream), stream)
        found.append({**one, "comment": said[-1]["comment"] if said else ""})
    return found


def _model(looker: Looker, newest: Finding) -> dict[str, Any] | None:
    """The version under control that made it; None: a rule, or a fit without a card."""
    if not newest.model_digest:
        return None
    rows = looker.rows("model_version", {"digest": newest.model_digest}, ("-version",), 1)
    if not rows:
        return {"digest": newest.model_digest, "use": "", "version": None, "title": ""}
    kept = ("use", "version", "title", "stage", "digest", "purpose")
    return {name: rows[0][name] for name in kept}


def _rights(looker: Looker, uid: str, events: Sequence[Event]) -> dict[str, Any]:
    """Whether the person may decide, and if not, why not."""
    asked = looker.asked
    if asked is None:
        return {"may_decide": False, "why": ["only a person who is logged in decides"]}
    said = [asked.may(one, f"finding/{uid}", events, makes=True)
            for one in ("decide", "sign:reviewed")]  # fmt: skip
    why = [reason for one in said if not isinstance(one, Allow) for reason in one.reasons]
    return {"may_decide": not why, "why": why}
