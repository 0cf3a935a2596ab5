"""Batches that run: phase, elapsed time against that of earlier batches, and when they may end."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.overview.batches import with_findings

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.records import Row

EARLIER = 30
"""An expectation rests on so many earlier batches at most."""
MAX_RUNNING = 100
LEAST = 3
"""Of fewer earlier batches nothing is expected."""


def running(looker: Looker) -> list[dict[str, Any]]:
    """Batches that have begun and not ended, the oldest first."""
    rows, phases = begun(looker)
    kinds = {(str(row["product"]), str(row["place"])) for row in rows}
    expected = {one: expectation(looker, *one) for one in kinds}
    now = looker.home.clock()
    return [
        {**row, **_stand(row, phases[row["batch"]], expected[row["product"], row["place"]], now)}
        for row in with_findings(looker, rows)
    ]


def begun(looker: Looker) -> tuple[list[dict[str, Any]], Mapping[str, list[Row]]]:
    """Batches that run, with `started_at` also where only their phases tell it, and their phases.

    The oldest first; at most `MAX_RUNNING`, the newest of them.
    """
    where = {"ended_at": None, "outcome": ""}
    known = looker.rows("batch", where, ("-started_at", "-batch"), MAX_RUNNING)
    phases = defaultdict(list)
    for one in looker.rows_of("phase", "batch", [row["batch"] for row in known]):
        if one["started_at"] is not None:
            phases[one["batch"]].append(one)
    rows = []
    for row in known:
        first = min((one["started_at"] for one in phases[row["batch"]]), default=None)
        start = row["started_at"] if row["started_at"] is not None else first
        if start is not None:
            rows.append({**row, "started_at": start})
    return sorted(rows, key=lambda row: row["started_at"]), phases


def expectation(looker: Looker, product: str, place: str) -> dict[str, Any]:
    """How long earlier batches of a product took at a place, and each of their phases.

    A product is fermented, filled and dried at places of their own, each with its own time.

    Returns:
        `n`, and where there are enough `median_us`, `low_us`, `high_us` (smallest and largest)
        and `phases`: name to median time.
    """
    where = {"product": product, "place": place, "outcome": "completed"}
    rows = looker.rows("batch", where, ("-ended_at",), EARLIER)
    starts = {row["batch"]: [row["started_at"]] for row in rows if row["started_at"] is not None}
    spans = defaultdict(list)
    for one in looker.rows_of("phase", "batch", [row["batch"] for row in rows]):
        if one["started_at"] is not None:
            starts.setdefault(one["batch"], []).append(one["started_at"])
            if one["ended_at"] is not None:
                spans[one["phase"]].append(one["ended_at"] - one["started_at"])
    lengths = [
        row["ended_at"] - min(starts[row["batch"]])
        for row in rows
        if row["ended_at"] is not None and row["batch"] in starts
    ]
    if len(lengths) < LEAST:
        return {"n": len(lengths), "phases": {}}
    return {
        "n": len(lengths),
        "median_us": int(statistics.median(lengths)),
        "low_us": min(lengths),
        "high_us": max(lengths),
        "phases": {name: int(statistics.median(one)) for name, one in spans.items()},
    }


def _stand(
    row: Mapping[str, Any], phases: Sequence[Row], expected: Mapping[str, Any], now: int
) -> dict[str, Any]:
    own = [
        {
            "phase": one["phase"], "place": one["place"], "run": one["run"],
            "started_at": one["started_at"], "elapsed_us": now - one["started_at"],
            "expected_us": expected["phases"].get(one["phase"]),
        }
        for one in phases
        if one["ended_at"] is None and one["started_at"] is not None
    ]  # fmt: skip
    started = row["started_at"]
    found = {"phases": own, "elapsed_us": now - started, "n_earlier": expected["n"]}
    if "median_us" not in expected:
        return {**found, "expected_us": None, "end_at": None}
    return {
        **found,
        "expected_us": expected["median_us"],
        "end_at": started + expected["median_us"],
        "end_low_at": started + expected["low_us"],
        "end_high_at": started + expected["high_us"],
    }
