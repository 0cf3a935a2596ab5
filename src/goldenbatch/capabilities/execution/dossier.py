"""The dossier of one batch: all that the platform knows of it, gathered from the site."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.core.audit import AFTER_FIRST_ENTRY, Entry, entries
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.findings import DecisionMade, Finding, newest_finding
from goldenbatch.core.people import SignatureState, signature_state
from goldenbatch.core.records import Event, Row
from goldenbatch.core.release_life import ReleaseState
from goldenbatch.core.release_records import TESTS
from goldenbatch.core.results import Limit, Result, compare
from goldenbatch.core.site import HomeInfo, Site


@dataclass(frozen=True)
class LimitCheck:
    """One limit that a result was held to."""

    kind: str
    limit: str
    outcome: str
    why: str


@dataclass(frozen=True)
class ResultLine:
    """One result of the batch, or of a lot in it, with the limits it was held to.

    Attributes:
        row: Row of the projection `result`.
        text: Value as reported, with operator and unit.
        checks: Comparison with each limit; empty where master data hold none.
    """

    row: Row
    text: str
    checks: tuple[LimitCheck, ...]

    @property
    def outcome(self) -> str:
        """Worst outcome: outside, undecidable, within, or `no limit`."""
        found = {check.outcome for check in self.checks}
        for one in ("outside", "undecidable", "within"):
            if one in found:
                return one
        return "no limit"


@dataclass(frozen=True)
class MaterialLine:
    """A lot that went into the batch, with its own results."""

    material: str
    lot: str
    quantity: str
    attributes: dict[str, str]
    results: tuple[ResultLine, ...]


@dataclass(frozen=True)
class DecisionLine:
    """What a person decided, and how the signature on it stands."""

    decision: DecisionMade
    recorded_at: int
    actor: str


@dataclass(frozen=True)
class FindingLine:
    """A finding as it now stands, with its decisions and signatures."""

    uid: str
    state: str
    n_events: int
    finding: Finding
    decisions: tuple[DecisionLine, ...]
    signatures: tuple[SignatureState, ...]


@dataclass(frozen=True)
class Dossier:
    """All parts of a batch's dossier.

    Attributes:
        batch: Row of the projection `batch`.
        events: Every event that the dossier rests on, in ledger order.
        changed: Entries that changed data after their first entry, by people or imports
            (EU GMP Annex 11 (2011) 8.2).
        gaps: What is missing or could not be decided, in words.
        release_tests: Rows of the projection `release_test`.
    """

    home: HomeInfo
    batch: Row
    attributes: dict[str, str]
    phases: tuple[Row, ...]
    materials: tuple[MaterialLine, ...]
    results: tuple[ResultLine, ...]
    findings: tuple[FindingLine, ...]
    signatures: tuple[SignatureState, ...]
    events: tuple[Event, ...]
    changed: tuple[Entry, ...] = ()
    gaps: tuple[str, ...] = field(default=())
    release_tests: tuple[Row, ...] = ()


def collect(site: Site, batch: str) -> Dossier:
    """Gather the dossier of a batch.

    Raises:
        NotFoundError: The ledger has no such batch.
    """
    rows = site.ledger.select("batch", {"batch": batch})
    if not rows:
        raise NotFoundError(
            f"there is no batch {batch!r} in this home.",
            hint="See `goldenbatch batch list`.",
        )
    head = rows[0]
    own = site.ledger.stream(f"batch/{batch}")
    results = _results(site, {"batch": batch}, str(head["product"]))
    materials = tuple(_materials(site, batch))
    findings = tuple(_findings(site, batch))
    tests = tuple(site.ledger.select("release_test", {"batch": batch}, ("market", "attribute")))
    streams = _streams(results, materials, findings)
    streams += [f"{TESTS}{row['release_test']}" for row in tests]
    events = [*own, *(event for name in streams for event in site.ledger.stream(name))]
    return Dossier(
        home=site.home,
        batch=head,
        attributes=json.loads(head["attributes"] or "{}"),
        phases=tuple(site.ledger.select("phase", {"batch": batch}, ("started_at",))),
        materials=materials,
        results=results,
        findings=findings,
        signatures=signature_state(own),
        events=tuple(sorted(events, key=lambda event: event.seq)),
        changed=tuple(_changed(events)),
        gaps=(*_gaps(head, results, findings), *_open_tests(tests)),
        release_tests=tests,
    )


def _changed(events: Sequence[Event]) -> Iterable[Entry]:
    """What an analyst makes of its finding as it goes on is no change of data."""
    for entry in entries(sorted(events, key=lambda event: event.seq)):
        is_finding = entry.event.stream.startswith("finding/")
        if entry.act in AFTER_FIRST_ENTRY and not is_finding:
            yield entry


def _results(site: Site, where: dict[str, Any], code: str) -> tuple[ResultLine, ...]:
    rows = site.ledger.select("result", where, ("sample", "attribute"))
    return tuple(_result_line(row, _limits(site, code, str(row["attribute"]))) for row in rows)


def _limits(site: Site, code: str, attribute: str) -> Sequence[Limit]:
    try:
        return site.plant.limits(code, attribute)
    except GoldenbatchError:
        return ()


def result_of(row: Row) -> Result:
    """The result that a row of the projection `result` stands for."""
    return Result(
        test=row["test"],
        attribute=row["attribute"],
        value=row["value"],
        unit=row["unit"],
        kind=row["kind"],
        operator=row["operator"],
        method=row["method"],
        method_version=row["method_version"],
        loq=row["loq"],
        status=row["status"],
        cause=row["cause"],
        performed_at=row["performed_at"],
    )


def _result_line(row: Row, limits: Iterable[Limit]) -> ResultLine:
    result = result_of(row)
    checks = []
    for limit in limits:
        verdict = compare(result, limit)
        checks.append(LimitCheck(limit.kind.value, limit.as_text(), verdict.outcome, verdict.why))
    unit = "" if result.unit in ("", "1") else f" {result.unit}"
    return ResultLine(row, f"{result.text}{unit}", tuple(checks))


def _materials(site: Site, batch: str) -> Iterable[MaterialLine]:
    for row in site.ledger.select("genealogy", {"batch": batch}, ("material", "lot")):
        if row["status"] != "consumed":
            continue
        key = {"material": row["material"], "lot": row["lot"]}
        lots = site.ledger.select("lot", key)
        attributes = json.loads(lots[0]["attributes"]) if lots else {}
        results = _results(site, key, str(row["material"]))
        yield MaterialLine(row["material"], row["lot"], row["quantity"], attributes, results)


def _findings(site: Site, batch: str) -> Iterable[FindingLine]:
    touching = [row["uid"] for row in site.ledger.select("finding_batch", {"batch": batch})]
    if not touching:
        return
    for row in site.ledger.select("finding", {"uid": touching}, ("started_at", "uid")):
        stream = site.ledger.stream(f"finding/{row['uid']}")
        decisions = []
        newest = newest_finding(stream)
        for event in stream:
            body = event.decode()
            if isinstance(body, DecisionMade):
                decisions.append(
                    DecisionLine(body, event.envelope.recorded_at, event.envelope.actor)
                )
        if newest is not None:
            yield FindingLine(
                row["uid"],
                row["state"],
                len(stream),
                newest,
                tuple(decisions),
                signature_state(stream),
            )


def _streams(
    results: Sequence[ResultLine],
    materials: Sequence[MaterialLine],
    findings: Sequence[FindingLine],
) -> list[str]:
    lines = [*results, *(line for one in materials for line in one.results)]
    names = {f"sample/{line.row['sample']}" for line in lines}
    names |= {f"lot/{one.material}/{one.lot}" for one in materials}
    names |= {f"finding/{one.uid}" for one in findings}
    return sorted(names)


def _open_tests(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        if row["state"] in (ReleaseState.CONTINGENCY, ReleaseState.INVESTIGATION):
            yield f"Release test of {row['attribute']} for {row['market']}: {row['state']}."


def _gaps(
    head: Row, results: Sequence[ResultLine], findings: Sequence[FindingLine]
) -> Iterable[str]:
    if head["started_at"] is None:
        yield "The start of the batch is not recorded."
    for line in results:
        if line.outcome == "undecidable":
            why = next(c.why for c in line.checks if c.outcome == "undecidable")
            yield f"{line.row['attribute']} ({line.row['sample']}): {why}"
    n_open = sum(1 for one in findings if not one.decisions)
    if n_open:
        yield f"{n_open} of {len(findings)} findings wait for a person's decision."
    for one in findings:
        for signature in one.signatures:
            if not signature.is_signed:
                yield f"Finding {one.uid[:8]}: a signature is {signature.label()}."
    if not any(line.checks for line in results):
        yield "Master data hold no limits for the results of this batch."
