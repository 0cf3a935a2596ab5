"""Batches that come after a model serves: with their inputs, and results that come late."""

from __future__ import annotations

import random

from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.batches import BatchCreated, BatchEnded, SampleTaken
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported

HOUR = 3_600_000_000


def take(site, batch, start, rows, *, product="P", place=case.PLACE, end=True, samples=True):
    """A batch with its rows of (temperature, pH); None leaves a reading out."""
    events = [NewEvent(f"batch/{batch}", BatchCreated(
        batch=batch, product=product, place=place, started_at=start), 0, "test")]  # fmt: skip
    for k, _ in enumerate(rows if samples else ()):
        taken = SampleTaken(sample=f"{batch}/{k}", batch=batch, taken_at=start + k * HOUR)
        events.append(NewEvent(f"sample/{batch}/{k}", taken, 0, "test"))
    site.ledger.append(events)
    for number, tag in enumerate((case.TEMP, case.PH)):
        times = [(start + k * HOUR, row[number]) for k, row in enumerate(rows)]
        known = [one for one in times if one[1] is not None]
        if known:
            write(site, tag, known, f"{batch}/{tag}")
    if end:
        ended = BatchEnded(batch=batch, ended_at=start + 20 * HOUR, outcome="completed")
        site.ledger.append([NewEvent(f"batch/{batch}", ended, 1, "test")])


def write(site, tag, rows, key):
    from dataclasses import replace

    site.historian.write(replace(case.frame(tag, rows), key=key))


def rows_of(seed, n=3, temp=0.0, ph=0.0):
    """Rows as those that the model was trained on, and shifted."""
    rng = random.Random(seed)
    return [(rng.uniform(35, 39) + temp, rng.uniform(6.5, 7.5) + ph) for _ in range(n)]


def report(site, batch, k, value, *, unit="g/L", version=1):
    """A result of the laboratory for a sample."""
    sample = f"{batch}/{k}"
    result = Result(test="assay", attribute="assay", value=f"{value:.3f}", unit=unit)
    body = ResultsReported(sample=sample, batch=batch, results=(result,))
    site.ledger.append([NewEvent(f"sample/{sample}", body, version, "test")])


def truth(row, bias=0.0, rng=None):
    """What the laboratory finds: as in `sealed_case.fill`."""
    return 20 + 2.0 * row[0] - 5 * row[1] + bias + (rng.gauss(0, 0.5) if rng else 0.0)


def run(site, first, n, *, temp=0.0, ph=0.0, bias=None, seed=0, wake=True):
    """Batches one after another, each a tick; results of each come after the next one began."""
    rng = random.Random(seed)
    late = []
    for number in range(first, first + n):
        batch, start = f"B{number:02d}", case.START + number * case.DAY
        rows = rows_of(seed * 1000 + number, temp=temp, ph=ph)
        take(site, batch, start, rows)
        if bias is not None:
            for earlier, k, row in late:
                report(site, earlier, k, truth(row, bias, rng))
            late = [(batch, k, row) for k, row in enumerate(rows)]
        if wake:
            site.wake()
    for earlier, k, row in late:
        report(site, earlier, k, truth(row, bias or 0.0, rng))
    if wake:
        site.wake()


def adopt(site, **settings):
    site.adopt("watch", "governance.watch", {"max_age_s": 0, "wait_s": 7200, **settings})


def findings(site, analyst="watch"):
    """Newest state of each finding: key to (state, finding)."""
    from goldenbatch.core.findings import newest_finding

    rows = site.ledger.select("finding", {"analyst": analyst})
    return {
        (newest_finding(site.ledger.stream(f"finding/{row['uid']}"))).subject.key: (
            row["state"], newest_finding(site.ledger.stream(f"finding/{row['uid']}")),
        )
        for row in rows
    }  # fmt: skip
