"""No model may be used: said once for all units, and closed when one serves."""

from __future__ import annotations

from goldenbatch.capabilities.monitoring._common import window_evidence
from goldenbatch.capabilities.monitoring.process.fleet_state import FleetState
from goldenbatch.capabilities.monitoring.process.judging import Bench
from goldenbatch.core.analyst import State
from goldenbatch.core.findings import Finding, Subject


def tell_unserved(bench: Bench, state: State, fleet: FleetState, why: str) -> None:
    """Open a finding where readings come and no model may judge them; close it when one may."""
    running = state["unserved"]
    finding = Finding.model_validate(running) if running is not None else None
    if finding is not None and not why:
        bench.book.close(finding.model_copy(update={"end": bench.view.tick.at}))
        state["unserved"] = None
    if finding is not None or not why or not len(fleet.readings.times):
        return
    newest = fleet.readings.times.argmax()
    unit, tag = divmod(int(fleet.readings.channels[newest]), len(bench.settings.tags))
    at = int(fleet.readings.times[newest])
    name = bench.settings.tags_of(fleet.names[unit])[tag]
    series = bench.view.read([name], (at, at + 1))
    if not len(series):
        return
    found = Finding(
        subject=Subject(tag=name, key="unserved"),
        title=f"No model may judge what {bench.name} watches"[:120],
        statement=f"Readings of {len(fleet.names)} units come and nothing judges them: {why}",
        severity=bench.settings.severity,
        start=at,
        evidence=(
            window_evidence(series, name, bench.view.tick.historian_seq, "the newest reading"),
        ),
        in_domain=False,
        analyst=bench.name,
        analyst_version=bench.version,
        suggested_action="Do what the intended use says for want of a model.",
    )
    state["unserved"] = found.model_dump(mode="json")
    bench.book.put(found, bench.view.tick)
