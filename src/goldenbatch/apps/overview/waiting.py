"""What waits for one person: only what they may do, each with the way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from goldenbatch.apps.overview.batches import RANK
from goldenbatch.core.records import DataClass

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.people import UserState

SHOWN: Final = 5
"""So many of each kind are named; the rest is counted."""
MANY_BATCHES: Final = 200
_GOOD: Final = ("reviewed", "approved", "certified", "released", "rejected")


def item(kind: str, rows: Iterable[dict[str, Any]], to: str) -> dict[str, Any] | None:
    """One kind of thing that waits; None where nothing does.

    Args:
        kind: What waits; the page has its words.
        rows: `title`, `to`, `at` and `note` of each, the most pressing first.
        to: Page of all of them.
    """
    named = list(rows)
    if not named:
        return None
    return {"kind": kind, "n": len(named), "to": to, "rows": named[:SHOWN]}


def waiting(looker: Looker) -> list[dict[str, Any]]:
    """All that waits for a person, by kind; nothing for a command line."""
    user = looker.user
    if user is None:
        return []
    kinds: Sequence[Callable[[Looker, UserState], dict[str, Any] | None]] = (
        _findings, _signatures, _handovers, _alarms, _tests, _release, _models, _training,
        _sources, _alerts,
    )  # fmt: skip
    found = [make(looker, user) for make in kinds]
    return [one for one in found if one is not None]


def line(title: str, to: str, at: int | None = None, note: str = "") -> dict[str, Any]:
    """One thing that waits."""
    return {"title": title, "to": to, "at": at, "note": note}


def _findings(looker: Looker, _: UserState) -> dict[str, Any] | None:
    rows = looker.may("decide", "finding", {"verdict": ""})
    rows.sort(key=lambda row: (-RANK[row["severity"]], int(row["opened_seq"])))
    return item(
        "findings",
        [line(row["title"], f"/findings/{row['uid']}", row["started_at"], row["severity"])
         for row in rows],
        "/findings?mine=1",
    )  # fmt: skip


def _signatures(looker: Looker, _: UserState) -> dict[str, Any] | None:
    """Ended batches whose record nobody has reviewed, or that changed since somebody did."""
    where = {"outcome": ["completed", "aborted"]}
    recent = looker.rows("batch", where, ("-ended_at",), MANY_BATCHES)
    streams = [f"batch/{row['batch']}" for row in recent]
    standing = _standing(looker, streams)
    unsigned = [row for row in recent if not standing.get(f"batch/{row['batch']}")]
    if not unsigned:
        return None
    names = [row["batch"] for row in unsigned]
    mine = {row["batch"] for row in looker.may("sign:reviewed", "batch", {"batch": names})}
    return item(
        "signatures",
        [line(row["batch"], f"/batches/{quote(row['batch'], safe='')}", row["ended_at"],
              row["product"]) for row in unsigned if row["batch"] in mine],
        "/batches?state=ended",
    )  # fmt: skip


def _standing(looker: Looker, streams: Sequence[str]) -> dict[str, bool]:
    """Which records a review or more stands on: none has changed since."""
    from goldenbatch.apps.signed import unsigned_since

    signed = {
        row["stream"]
        for row in looker.rows_of("signature", "stream", streams)
        if row["meaning"] in _GOOD
    }
    void = unsigned_since(looker.site, sorted(signed))
    return {one: one not in void for one in signed}


def _handovers(looker: Looker, user: UserState) -> dict[str, Any] | None:
    """Shifts that were signed out and that nobody has taken over; one's own one cannot take."""
    from goldenbatch.core.logbook_life import Stage, shift_state

    if not looker.is_allowed("logbook:take_over"):
        return None
    newest = {row["area"]: row for row in looker.rows("shift", None, ("shift",))}
    found = []
    for area, row in sorted(newest.items()):
        state = shift_state(looker.site.ledger.stream(f"logbook/{area}/{row['shift']}"))
        if state is None or state.stage is not Stage.SIGNED_OUT or state.signed_out is None:
            continue
        if state.signed_out.by != user.uid:
            to = f"/logbook/{quote(area)}"
            found.append(line(row["title"] or area, to, state.signed_out.at, area))
    return item("handovers", found, "/logbook")


def _alarms(looker: Looker, _: UserState) -> dict[str, Any] | None:
    if not looker.is_allowed("alarm:handle"):
        return None
    where = {"is_open": 1, "is_acknowledged": 0}
    rows = looker.rows("alarm", where, ("-severity", "-raised_at"), MANY_BATCHES)
    return item(
        "alarms",
        [line(row["name"] or row["condition"], "/monitoring/alarms", row["raised_at"],
              row["message"]) for row in rows],
        "/monitoring/alarms",
    )  # fmt: skip


def _tests(looker: Looker, _: UserState) -> dict[str, Any] | None:
    """Samples that a laboratory was asked for, and whose results are not all there."""
    orders = looker.rows("sample_order", None, ("-due_at",), 1000)
    names = [row["sample"] for row in orders]
    done: dict[str, int] = {}
    for row in looker.rows_of("result", "sample", names):
        done[row["sample"]] = done.get(row["sample"], 0) + 1
    late = [row for row in orders if done.get(row["sample"], 0) < row["n_tests"]]
    if not late or not looker.is_allowed("record"):
        return None
    late.sort(key=lambda row: row["due_at"] or 0)
    return item(
        "tests",
        [line(row["sample"], f"/samples?sample={quote(row['sample'], safe='')}", row["due_at"],
              row["batch"]) for row in late],
        "",
    )  # fmt: skip


def _release(looker: Looker, _: UserState) -> dict[str, Any] | None:
    tests = looker.rows("release_test", {"state": ["contingency", "investigation"]})
    return item(
        "release",
        [line(f"{row['batch']}: {row['attribute']}", f"/batches/{quote(row['batch'], safe='')}",
              row["tested_at"], row["state"]) for row in tests],
        "",
    )  # fmt: skip


def _models(looker: Looker, _: UserState) -> dict[str, Any] | None:
    """Versions of models that passed their gate and that the person may approve."""
    if DataClass.CONFIDENTIAL not in looker.classes and not looker.count("model_version"):
        return None
    rows = looker.may("model:approve", "model_version", {"stage": ["validated"]})
    return item(
        "models",
        [line(f"{row['use']} {row['version']}", "", row["changed_at"], row["title"])
         for row in rows],
        "",
    )  # fmt: skip


def _training(looker: Looker, user: UserState) -> dict[str, Any] | None:
    rows = looker.rows("training", {"uid": user.uid}, ("due_at",))
    due = [row for row in rows if row["completed_at"] is None]
    return item(
        "training",
        [line(f"{row['procedure']} {row['version']}", "", row["due_at"]) for row in due],
        "",
    )


def _sources(looker: Looker, _: UserState) -> dict[str, Any] | None:
    rows = looker.rows("source", {"needs_person": 1}) if looker.is_allowed("import") else []
    return item(
        "sources",
        [line(row["source"], "/site", row["stopped_at"], row["reason"]) for row in rows],
        "/site",
    )


def _alerts(looker: Looker, user: UserState) -> dict[str, Any] | None:
    if DataClass.PERSONAL not in looker.classes:
        return None
    rows = looker.may("alert:acknowledge", "security_alert", {"acknowledged_at": None})
    return item(
        "alerts",
        [line(row["what"], "", row["raised_at"]) for row in rows if row["uid"] != user.uid],
        "",
    )
