"""Rows of one unit by its frozen plan: what is logged, when a finding opens, when it closes.

The rule: `n_over` of the last `n_of` scored rows above a limit open one finding; `n_back` scored
rows one after the other, with no statistic above `close_below` of its limit, close it. A row that
cannot be scored counts for neither. Where rows are missing the window of a dynamic model begins
anew; after a silence of `lost_after_s` so do the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.monitoring._common import artefact_evidence
from goldenbatch.capabilities.monitoring.process.evidence import Asked
from goldenbatch.capabilities.monitoring.process.fleet_state import UnitState
from goldenbatch.capabilities.monitoring.process.sampling import NEVER
from goldenbatch.capabilities.monitoring.process.settings import ProcessSettings
from goldenbatch.core.analyst import Derived, OpenFindings, TickView
from goldenbatch.core.findings import Contribution, Finding, Measure, Subject
from goldenbatch.core.gating import Span
from goldenbatch.core.records import to_iso
from goldenbatch.core.series import Quality
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.dynamic_state import DynamicScores, DynamicState

if TYPE_CHECKING:
    from goldenbatch.core.series import Flags, Floats, Integers

N_CONTRIBUTIONS = 12
N_WINDOWS = 4
MOST = 1e12


@dataclass(frozen=True)
class Bench:
    """What the judging of all units shares at a tick.

    Attributes:
        name: Of the analyst.
        version: Its version.
        artefact: Digest of the model in use.
        asked: Readings that the findings of this tick are to name.
    """

    name: str
    version: str
    settings: ProcessSettings
    view: TickView
    book: OpenFindings
    derived: list[Derived]
    artefact: str
    asked: list[Asked] = field(default_factory=list)


def span_of(spans: Sequence[Span], time: int) -> Span | None:
    """The window that a time lies in."""
    return next((one for one in spans if one[0] <= time < one[1]), None)


def span_mask(times: Integers, span: Span | None) -> Flags:
    """Which times lie in a window; all where there is none."""
    if span is None:
        return np.ones(len(times), dtype=np.bool_)
    return (times >= span[0]) & (times < span[1])


def stands_alone(plan: DynamicPlan) -> bool:
    """Whether a row's scores depend on nothing but the row."""
    facts = plan.facts
    is_filled_alone = len(plan.arrays.precision) == len(facts.columns)
    return facts.lags == 0 and facts.smoothing == 1.0 and is_filled_alone


def part(scores: DynamicScores | None, rows: slice | Flags) -> DynamicScores | None:
    """Scores of some of the rows."""
    if scores is None:
        return None
    return DynamicScores(*(getattr(scores, one.name)[rows] for one in fields(DynamicScores)))


def close_event(book: OpenFindings, unit: UnitState, at: int, words: str) -> None:
    """Close the finding of a unit that is open with its last words."""
    finding = Finding.model_validate(unit.event)
    statement = (
        f"{finding.statement} {words} {unit.n_event} rows were above a limit, at most "
        f"{unit.worst:.3g} times."
    )
    book.close(finding.model_copy(update={"end": at, "statement": statement}))
    unit.event, unit.recent, unit.n_back = None, [], 0


class Judge:
    """Judges the rows of one unit.

    Args:
        bench: What is shared.
        place: The unit.
        unit: What is remembered of it; changed.
        plan: Its frozen plan.
    """

    def __init__(self, bench: Bench, place: str, unit: UnitState, plan: DynamicPlan) -> None:
        self.bench, self.settings = bench, bench.settings
        self.place, self.unit, self.plan = place, unit, plan
        prefix = f"{place}/{bench.name}_"
        self._tags = [prefix + one.lower() for one in plan.facts.statistics]
        self._severity_tag = prefix + "severity"

    def take(
        self, times: Integers, rows: Floats, span: Span | None, known: DynamicScores | None
    ) -> None:
        """Judge rows of one window in order of time.

        Args:
            times: Shape (n,).
            rows: Shape (n, n_tags).
            span: The window; None where there are none.
            known: Scores of the rows, where they were reckoned together with those of other units.
        """
        begin, step = 0, self.settings.interval_us
        if span is not None and span[0] != self.unit.span:
            self.unit.forget_rows()
            self.unit.span = span[0]
        for i in range(len(times)):
            since = int(times[i]) - (int(times[i - 1]) if i else self.unit.last)
            if since != step and (i or self.unit.last != NEVER):
                self._run(times[begin:i], rows[begin:i], part(known, slice(begin, i)))
                begin = i
                self._break(since)
        self._run(times[begin:], rows[begin:], part(known, slice(begin, None)))
        self.unit.last = int(times[-1])

    def _break(self, since: int) -> None:
        """Rows are missing between the last one and the next."""
        if since > self.settings.lost_us:
            self.unit.forget_rows()
            return
        if self.unit.stream is not None:
            none = np.full((1, len(self.plan.facts.columns)), np.nan)
            _, state = self.plan.score(none, self.unit.start_of(self.plan))
            self.unit.keep(state)

    def _run(self, times: Integers, rows: Floats, known: DynamicScores | None) -> None:
        """Rows that follow one another on the grid."""
        if not len(times):
            return
        before = self.unit.start_of(self.plan)
        if known is None:
            scores, after = self.plan.score(rows, before)
            self.unit.keep(after)
        else:
            scores, self.unit.stream = known, None
        if self.settings.is_logged:
            self._log(times, scores)
        is_quiet = self.unit.event is None and not any(flag for _, flag in self.unit.recent)
        if is_quiet and not scores.is_alarm.any():
            scored = times[scores.is_scored][-self.settings.n_of :].tolist()
            self.unit.recent = [*self.unit.recent, *([int(at), 0] for at in scored)][
                -self.settings.n_of :
            ]
            return

        def at(i: int) -> DynamicState:
            return self.plan.score(rows[i if known else 0 : i + 1], before)[1]

        for i in np.flatnonzero(scores.is_scored).tolist():
            self._count(int(times[i]), i, scores, at)

    def _log(self, times: Integers, scores: DynamicScores) -> None:
        derived, bad = self.bench.derived, int(Quality.BAD)
        columns = [*scores.raw.T, scores.severity]
        quality = np.where(scores.is_alarm, int(Quality.UNCERTAIN), int(Quality.GOOD)).tolist()
        at, is_scored = times.tolist(), scores.is_scored.tolist()
        for tag, column in zip([*self._tags, self._severity_tag], columns, strict=True):
            for time, value, good, code in zip(
                at, column.tolist(), is_scored, quality, strict=True
            ):
                derived.append(Derived(tag, time, value if good else None, code if good else bad))

    def _count(
        self, time: int, i: int, scores: DynamicScores, at: Callable[[int], DynamicState]
    ) -> None:
        unit, settings = self.unit, self.settings
        is_over, severity = bool(scores.is_alarm[i]), min(float(scores.severity[i]), MOST)
        unit.recent = [*unit.recent, [time, int(is_over)]][-settings.n_of :]
        unit.n_back = unit.n_back + 1 if severity <= settings.close_below else 0
        if unit.event is not None:
            unit.n_event += is_over
            unit.worst = max(unit.worst, severity)
            if unit.n_back >= settings.n_back:
                words = f"Back within the limits for {settings.n_back} rows."
                close_event(self.bench.book, unit, time, words)
            return
        over = [one for one, flag in unit.recent if flag]
        if is_over and len(over) >= settings.n_over:
            unit.worst, unit.n_event = severity, len(over)
            finding = self._opened(over[0], time, scores, i, at(i))
            unit.event = finding.model_dump(mode="json")
            self.bench.book.put(finding, self.bench.view.tick)
            names = [one.variable for one in finding.contributions[:N_WINDOWS]]
            self.bench.asked.append(
                Asked(
                    self.bench.book.transitions[-1].uid,
                    tuple(f"{self.place}/{name}" for name in names),
                    (over[0] - settings.interval_us, time + 1),
                )
            )

    def _opened(
        self, since: int, time: int, scores: DynamicScores, i: int, state: DynamicState
    ) -> Finding:
        plan, settings, view = self.plan, self.settings, self.bench.view
        parts = plan.contributions(state)
        top = parts.top(N_CONTRIBUTIONS)
        return Finding(
            subject=Subject(
                batch=view.batch_at(self.place, time),
                place=self.place,
                # One tick may bring several events of a unit: each is a finding of its own.
                key=f"process {to_iso(since)}",
            ),
            title=f"{self.place} left its normal range"[:120],
            statement=(
                f"{settings.n_over} of {len(self.unit.recent)} rows on a grid of "
                f"{settings.interval_s:g} s were above a limit of the {plan.facts.kind} model, "
                f"now {float(scores.severity[i]):.3g} times. {parts.statistic} rests most on "
                f"{', '.join(name for name, _ in top[:3])}.{_rate_words(plan)}"
            ),
            severity=settings.severity,
            start=since,
            evidence=(artefact_evidence(self.bench.artefact, "the frozen model"),),
            contributions=tuple(Contribution(variable=n, value=v) for n, v in top),
            measures=self._measures(scores.values[i], scores.is_over[i]),
            analyst=self.bench.name,
            analyst_version=self.bench.version,
            model_digest=self.bench.artefact,
            suggested_action=(
                "Look at the named tags and at what was changed; assess the product that ran."
            ),
        )

    def _measures(self, values: Floats, is_over: Flags) -> tuple[Measure, ...]:
        plan = self.plan
        scale = "log of " if plan.facts.is_log else ""
        measures = [
            Measure(name=scale + name, value=float(value), upper_limit=float(limit))
            for name, value, limit in zip(plan.facts.statistics, values, plan.limits, strict=True)
        ]
        found = plan.facts.false_alarms
        if found is not None:
            measures += [
                Measure(name="false alarms of the limits, share of good rows", value=found.rate),
                Measure(name="its upper 95 % bound", value=found.upper),
            ]
        return tuple(measures)


def _rate_words(plan: DynamicPlan) -> str:
    found = plan.facts.false_alarms
    if found is None:
        return " How often good rows are above these limits was never measured."
    return (
        f" Of {found.n_rows} good rows ({found.measured_on}) {found.rate:.2%} were above a limit "
        f"(95 %: {found.lower:.2%} to {found.upper:.2%})."
    )
