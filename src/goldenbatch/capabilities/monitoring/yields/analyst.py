"""The analyst of yields: one finding when yield or right first time shifts, with candidates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring.charts.book import BookSettings, ChartPage, add
from goldenbatch.capabilities.monitoring.yields.aggregates import Window
from goldenbatch.capabilities.monitoring.yields.candidates import candidates_of
from goldenbatch.capabilities.monitoring.yields.facts import KINDS, Book, book_of
from goldenbatch.capabilities.monitoring.yields.right_first_time import right_first_time
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import plant_limits
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.findings import Evidence, Finding, Measure, Subject
from goldenbatch.core.records import Event
from goldenbatch.core.results import ResultStatus
from goldenbatch.core.series import Series
from goldenbatch.science.statistics import ChartSettings
from goldenbatch.science.statistics.forecast import ForecastSettings

CODE_VERSION = "1"
N_RECENT = 40
"""Batches of a product that are remembered: no more can be said to have shifted together."""


def yield_analyst(name: str, settings: Mapping[str, Any]) -> YieldAnalyst:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return YieldAnalyst(name, read_settings(YieldSettings, name, settings))


@dataclass(frozen=True)
class Seen:
    """A batch whose target became known."""

    batch: str
    product: str
    value: float
    at: int
    evidence: Evidence
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shift:
    """What a chart says of one batch: nothing, or an alarm in words.

    Attributes:
        n_back: Newest batches of the product that the shift is made of, this one among them.
    """

    is_alarm: bool
    words: str
    measures: tuple[Measure, ...] = ()
    n_back: int = 1


class YieldAnalyst:
    """Analyst: charts the target of each product; a shift is one finding until it is over.

    A batch counts when its target is known first. Yields are charted by an EWMA of forecast
    scores, which holds after a short and autocorrelated reference period and learns the new level
    after a change; right first time by the exact predictive chance of so few in the newest
    batches. When a shift opens, the newest batches are studied forward in time, and the finding
    says which candidates there are and what speaks against them.
    """

    def __init__(self, name: str, settings: YieldSettings) -> None:
        self.name = name
        self.settings = settings
        self.version = f"yields-{CODE_VERSION}+{settings.digest()}"
        self.kinds = (*KINDS, *settings.right_first_time.deviations)
        # The ledger folded up to a leaf: made anew wherever it does not fit the state.
        self._folded: tuple[str, Book] = ("", Book())

    def start(self) -> State:
        """Nothing known, nothing open."""
        return {"leaf": "", "judged": [], "charts": {}, "recent": {}, "events": {}, "open": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Chart the batches whose target became known."""
        new = list(view.new_events(self.kinds))
        if not new:
            return Assessment(state)
        book = self._book(state["leaf"], new, view)
        work = _Work(self, state, view, book)
        for seen in work.known():
            work.take(seen)
        self._folded = (new[-1].leaf, book)
        return work.assessment(new[-1].leaf)

    def _book(self, leaf: str, new: Sequence[Event], view: TickView) -> Book:
        folded, book = self._folded
        if not leaf or folded != leaf:
            return book_of(view.events(self.kinds))
        self._folded = ("", Book())
        for event in new:
            book.take(event)
        return book


class _Work:
    """One assessment: copies of what it changes."""

    def __init__(self, analyst: YieldAnalyst, state: State, view: TickView, book: Book) -> None:
        self.analyst, self.settings = analyst, analyst.settings
        self.view, self.book = view, book
        self.limits = plant_limits(view.plant, analyst.settings)
        self.judged: dict[str, None] = dict.fromkeys(state["judged"])
        self.charts: dict[str, Any] = dict(state["charts"])
        self.recent: dict[str, list[str]] = {k: list(v) for k, v in state["recent"].items()}
        self.events: dict[str, Any] = dict(state["events"])
        self.open = OpenFindings(analyst.name, analyst.version, dict(state["open"]))

    def assessment(self, leaf: str) -> Assessment:
        state = {
            "leaf": leaf,
            "judged": list(self.judged),
            "charts": self.charts,
            "recent": self.recent,
            "events": self.events,
            "open": self.open.entries,
        }
        return Assessment(state, tuple(self.open.transitions))

    def known(self) -> list[Seen]:
        """Batches that were not judged yet and whose target is known, in their order."""
        waiting = [batch for batch in self.book.batches if batch not in self.judged]
        find = self._right if self.settings.is_share else self._yield
        found = [one for batch in waiting if (one := find(batch)) is not None]
        return sorted(found, key=lambda one: (one.at, one.batch))

    def _yield(self, batch: str) -> Seen | None:
        own = [
            one
            for one in self.book.results.get(batch, {}).values()
            if one.result.attribute == self.settings.target
            and one.result.number is not None
            and one.result.status is not ResultStatus.INVALIDATED
        ]
        if not own:
            return None
        newest = max(own, key=lambda one: one.seq)
        evidence = Evidence(
            kind="record", digest=newest.leaf, stream=newest.stream, version=newest.version,
            note=f"result of batch {batch}",
        )  # fmt: skip
        value = newest.result.number
        product, at = self._head(batch, newest.at)
        return Seen(batch, product, math.nan if value is None else value, at, evidence)

    def _right(self, batch: str) -> Seen | None:
        rule = self.settings.right_first_time.rule(self.analyst.name)
        judged = right_first_time(self.book.facts(batch, self.limits, rule))
        if judged.value is None:
            return None
        leaf, version = self.book.leaves[batch][-1]
        evidence = Evidence(
            kind="record", digest=leaf, stream=f"batch/{batch}", version=version,
            note=f"batch {batch}",
        )  # fmt: skip
        product, at = self._head(batch, self.view.tick.at)
        return Seen(batch, product, float(judged.value), at, evidence, judged.reasons)

    def _head(self, batch: str, otherwise: int) -> tuple[str, int]:
        state = self.book.batches[batch]
        start, end = state.window
        at = next((one for one in (end, start) if one is not None), otherwise)
        return state.entries.get("product", ""), at

    def take(self, seen: Seen) -> None:
        """Chart a batch; open, go on with or close its product's finding."""
        self.judged[seen.batch] = None
        if not math.isfinite(seen.value):
            return
        self.recent[seen.product] = [*self.recent.get(seen.product, ()), seen.batch][-N_RECENT:]
        shift = self._share(seen) if self.settings.is_share else self._chart(seen)
        running = self.events.get(seen.product)
        if shift is None or not (shift.is_alarm or running):
            return
        if not shift.is_alarm:
            self._close(seen, Finding.model_validate(self.events.pop(seen.product)))
            return
        finding = (
            self._opened(seen, shift)
            if running is None
            else _joined(Finding.model_validate(running), seen, shift)
        )
        self.events[seen.product] = finding.model_dump(mode="json")
        self.open.put(finding, self.view.tick)

    def _close(self, seen: Seen, last: Finding) -> None:
        words = f"{last.statement} With batch {seen.batch} the chart is quiet again"
        words += "." if self.settings.is_share else ": it has learnt the new level."
        self.open.close(last.model_copy(update={"end": seen.at, "statement": words}))

    def _chart(self, seen: Seen) -> Shift | None:
        forecast = ForecastSettings(
            weight=self.settings.weight,
            in_control_arl=self.settings.in_control_arl,
            is_recentred=True,
        )
        book = BookSettings(ChartSettings(), self.settings.n_reference, forecast=forecast)
        plain = self.charts.get(seen.product)
        page = ChartPage.from_json(plain) if plain else ChartPage()
        n_side = page.forecast_state.n_side if page.forecast_state else 0
        page, judged = add(page, book, seen.batch, seen.value)
        self.charts[seen.product] = page.to_json()
        if judged is None:
            return None
        point = judged.point
        words = (
            f"{self.settings.target} {seen.value:.5g}, expected {judged.expected:.5g}; EWMA of "
            f"forecast scores {point.statistic:.4g} (limits {point.lower:.4g} to "
            f"{point.upper:.4g}); {page.false_alarms()}"
        )
        measures = (
            Measure(name=self.settings.target, value=seen.value),
            Measure(name="expected", value=judged.expected),
            Measure(name="EWMA of forecast scores", value=point.statistic, lower_limit=point.lower,
                    upper_limit=point.upper),
        )  # fmt: skip
        # One odd batch is the matter of monitoring.charts: here only a level that moved counts.
        return Shift("forecast-shift" in point.alarms, words, measures, n_side + 1)

    def _share(self, seen: Seen) -> Shift | None:
        """Beta-binomial: the chance of so few in the window, given the reference alone."""
        from scipy.stats import betabinom

        page = self.charts.get(seen.product, {"reference": [], "window": []})
        reference, window = list(page["reference"]), list(page["window"])
        if len(reference) < self.settings.n_reference:
            self.charts[seen.product] = {"reference": [*reference, seen.value], "window": []}
            return None
        window = [*window, seen.value][-self.settings.n_window :]
        self.charts[seen.product] = {"reference": reference, "window": window}
        n_wrong = len(window) - int(sum(window))
        known = len(reference) - sum(reference)
        chance = float(
            betabinom.sf(n_wrong - 1, len(window), known + 0.5, len(reference) - known + 0.5)
        )
        words = (
            f"{n_wrong} of the newest {len(window)} batches were not right first time, "
            f"{int(known)} of the {len(reference)} of the reference; chance {chance:.2g}"
        )
        if seen.why:
            words += f"; batch {seen.batch}: {', '.join(seen.why[:3])}"
        return Shift(
            chance < self.settings.alpha,
            words,
            (
                Measure(name="not right first time", value=n_wrong / len(window)),
                Measure(name="chance", value=chance, lower_limit=self.settings.alpha),
            ),
            len(window),
        )

    def _opened(self, seen: Seen, shift: Shift) -> Finding:
        shifted = self.recent[seen.product][-shift.n_back :]
        found = candidates_of(
            self.book, self.settings, self.view.plant, self._read, shifted, self.analyst.name
        )
        what = "Right first time" if self.settings.is_share else self.settings.target
        rests = f" It rests on rows with the digest {found.digest}." if found.digest else ""
        return Finding(
            subject=Subject(
                batch=seen.batch, attribute=self.settings.target, key=f"yield chart {seen.product}"
            ),
            batches=tuple(shifted[:-1]),
            title=f"{what} of product {seen.product} shifted"[:120],
            statement=(
                f"Batch {seen.batch}: {shift.words}. It shifted with {len(shifted) - 1} batches "
                f"before it. {found.words}{rests}"
            ),
            severity=self.settings.severity,
            start=seen.at,
            evidence=(seen.evidence,),
            contributions=found.parts,
            measures=shift.measures,
            analyst=self.analyst.name,
            analyst_version=self.analyst.version,
            suggested_action=(
                "Look at the candidates in their order; try one on purpose, under change control, "
                "before it is called a cause."
            ),
        )

    def _read(self, tag: str, window: Window) -> Series | None:
        try:
            return self.view.read([tag], window)
        except NotFoundError:
            return None


def _joined(running: Finding, seen: Seen, shift: Shift) -> Finding:
    """The running event with one more batch: its subject, start and candidates stay."""
    batches: Iterable[str] = dict.fromkeys((*running.batches, seen.batch))
    first = running.statement.partition(" Then batch ")[0]
    return running.model_copy(
        update={
            "batches": tuple(name for name in batches if name != running.subject.batch),
            "statement": f"{first} Then batch {seen.batch}: {shift.words}.",
            "evidence": (*running.evidence, seen.evidence),
            "measures": shift.measures,
        }
    )
