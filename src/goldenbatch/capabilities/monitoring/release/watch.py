"""An analyst of release tests: how often there is no valid prediction, and why.

One chart a product, market and attribute: a Bernoulli CUSUM against the registered share, one
unit a batch. One finding while the share is above it, with the reasons counted.

References:
    ICH Q8/Q9/Q10 Q&A (R4, 2010), 2.2; Reynolds and Stoumbos (1999),
    doi:10.1080/00224065.1999.11979900.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from goldenbatch.capabilities.monitoring._common import (
    AnalystSettings,
    read_settings,
    record_evidence,
)
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.findings import (
    Contribution,
    Evidence,
    Finding,
    Measure,
    Severity,
    Subject,
)
from goldenbatch.core.release_records import ReleaseOutcome, ReleaseTested

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.science.statistics.share import ShareChart

VERSION: Final = "1"
MOST_EVIDENCE: Final = 20
"""So many of the newest calls stand as evidence; all are counted."""


class ReleaseWatchSettings(AnalystSettings):
    """Settings of the watch over release tests.

    Attributes:
        products: Products that are looked at; none: all.
        arl0: Mean number of batches to a false alarm where the share is the registered one.
        detected: Share that is to be found soon, as a multiple of the registered one.
        severity: Of the finding.
    """

    products: tuple[str, ...] = ()
    arl0: float = Field(default=500.0, ge=20, le=100_000)
    detected: float = Field(default=3.0, gt=1, le=20)
    severity: Severity = Severity.MAJOR

    @model_validator(mode="after")
    def _named_once(self) -> ReleaseWatchSettings:
        if len(set(self.products)) != len(self.products):
            raise ValueError("a product stands twice")
        return self


def release_watch(name: str, settings: Mapping[str, Any]) -> ReleaseWatch:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return ReleaseWatch(name, read_settings(ReleaseWatchSettings, name, settings))


class ReleaseWatch:
    """Opens a finding while the laboratory is called more often than was registered.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: ReleaseWatchSettings) -> None:
        self.name, self._settings = name, settings
        self.version = f"{VERSION}+{settings.digest()}"

    def start(self) -> State:
        """State before the first tick: nothing was asked."""
        return {"open": {}, "charts": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Count the release tests since the last tick."""
        book = OpenFindings(self.name, self.version, dict(state["open"]))
        charts: dict[str, Any] = {key: dict(one) for key, one in state["charts"].items()}
        for event in view.new_events((ReleaseTested.kind,)):
            body = event.decode()
            if isinstance(body, ReleaseTested) and self._is_unit(body):
                self._take(view, book, charts, event, body)
        return Assessment({"open": book.entries, "charts": charts}, book.transitions)

    def _is_unit(self, body: ReleaseTested) -> bool:
        """Whether it counts: each batch once, and again where a correction calls the laboratory."""
        is_watched = not self._settings.products or body.product in self._settings.products
        is_call = body.outcome is ReleaseOutcome.NO_PREDICTION
        return is_watched and (not body.corrects or is_call)

    def _take(
        self, view: TickView, book: OpenFindings, charts: dict[str, Any], event: Event,
        body: ReleaseTested,
    ) -> None:  # fmt: skip
        from goldenbatch.science.statistics.share import share_step

        key = f"{body.product} for {body.market}: {body.attribute}"
        chart = self._chart(body.most_contingency)
        is_call = body.outcome is ReleaseOutcome.NO_PREDICTION
        kept = _counted(charts.get(key) or _NOTHING, event, body)
        kept["sum"] = share_step(chart, kept["sum"], is_event=is_call)
        charts[key] = kept
        last = Finding.model_validate(kept["finding"]) if kept["finding"] else None
        if kept["sum"] == 0:
            charts[key] = {**kept, "n": 0, "calls": {}, "evidence": [], "finding": None}
            if last is not None:
                words = f"{last.statement} Settled: the share is as registered again."
                end = event.envelope.recorded_at
                book.close(last.model_copy(update={"end": end, "statement": words}))
        elif is_call and (last is not None or kept["sum"] >= chart.threshold):
            finding = self._finding(chart, kept, event, body, last)
            book.put(finding, view.tick)
            kept["finding"] = finding.model_dump(mode="json")

    def _chart(self, allowed: float) -> ShareChart:
        from goldenbatch.science.statistics.share import share_chart

        detected = min(self._settings.detected * allowed, (1 + allowed) / 2)
        return share_chart(allowed, detected, self._settings.arl0)

    def _finding(
        self, chart: ShareChart, kept: Mapping[str, Any], event: Event, body: ReleaseTested,
        last: Finding | None,
    ) -> Finding:  # fmt: skip
        reasons = sorted(kept["calls"].items(), key=lambda pair: (-pair[1], pair[0]))
        where = f"{body.attribute} of {body.product} for {body.market}"
        # One that opens again is another finding: its key names the test that opened it.
        key = last.subject.key if last is not None else f"contingency {event.stream}"
        return Finding(
            subject=last.subject if last is not None else Subject(
                attribute=body.attribute, batch=body.batch, key=key
            ),
            title=f"Laboratory called too often: {where}"[:120],
            statement=_statement(kept, body, where, reasons),
            severity=self._settings.severity,
            start=last.start if last is not None else event.envelope.recorded_at,
            evidence=tuple(Evidence.model_validate(one) for one in kept["evidence"]),
            contributions=tuple(Contribution(variable=a, value=float(b)) for a, b in reasons),
            measures=(
                Measure(
                    name="share without valid prediction", value=kept["all_calls"] / kept["n_all"],
                    upper_limit=body.most_contingency,
                ),
                Measure(
                    name="sum of the chart", value=float(kept["sum"]),
                    upper_limit=float(chart.threshold),
                ),
            ),
            analyst=self.name,
            analyst_version=self.version,
            suggested_action="Find the cause of the commonest reason; where the model is it, "
            "suspend it and follow its change plan.",
        )  # fmt: skip


_NOTHING: Final[Mapping[str, Any]] = {
    "sum": 0, "n": 0, "calls": {}, "evidence": [], "n_all": 0, "all_calls": 0, "finding": None,
}  # fmt: skip
"""`n` and `calls` are since the sum was last zero, `n_all` and `all_calls` since the beginning."""


def _counted(kept: Mapping[str, Any], event: Event, body: ReleaseTested) -> dict[str, Any]:
    """What is remembered of a chart, with one more release test."""
    found = {**kept, "n": kept["n"] + 1, "n_all": kept["n_all"] + 1}
    if body.outcome is ReleaseOutcome.NO_PREDICTION:
        reason = str(body.no_prediction)
        found["all_calls"] += 1
        found["calls"] = {**kept["calls"], reason: kept["calls"].get(reason, 0) + 1}
        told = record_evidence(event, reason).model_dump(mode="json")
        found["evidence"] = [*kept["evidence"], told][-MOST_EVIDENCE:]
    return found


def _statement(
    kept: Mapping[str, Any], body: ReleaseTested, where: str, reasons: Sequence[tuple[str, int]]
) -> str:
    from goldenbatch.science.statistics import clopper_pearson

    n_calls, n_all, all_calls = sum(n for _, n in reasons), kept["n_all"], kept["all_calls"]
    bounds = clopper_pearson(all_calls, n_all)
    told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in reasons)
    return (
        f"Of the last {kept['n']} release tests of {where}, {n_calls} gave no valid prediction "
        f"({told}); registered is a share of {body.most_contingency:.0%}. Of all {n_all} watched: "
        f"{all_calls}, exact 95 % interval of the share {bounds.lower:.1%} to {bounds.upper:.1%}."
    )
