"""The charts of an analyst with all their points, folded from the ledger by the analyst itself.

What is shown is what judges: the points come out of the same fold. It is kept and goes on from
where it was, so that a page costs what is new.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.monitoring.charts.analyst import ControlCharts
from goldenbatch.capabilities.monitoring.charts.book import Judged
from goldenbatch.capabilities.monitoring.charts.settings import ControlChartSettings
from goldenbatch.core.analyst import State, Tick
from goldenbatch.core.results import ResultCorrected
from goldenbatch.science.statistics.multivariate import MultivariatePoint

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring._adopted import AtWork
    from goldenbatch.capabilities.monitoring.charts.charted import Charted
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Site

MOST_KEPT: Final = 16
"""Folds that are kept at a time, the oldest asked for leaves first."""


@dataclass(frozen=True)
class Point:
    """A point of a chart.

    Attributes:
        record: `stream@version` of the report that it is from.
        at: When it was recorded, microseconds UTC.
        values: By attribute; of a subgroup their mean.
        is_reference: In the reference period: it made the limits and was not judged.
        expected: Centre, or forecast.
        lower: Limit of what is drawn: of the value, or of the statistic where that is drawn.
        statistic: Of the chart: EWMA, sum, T2; None where the value itself is judged.
        statistic_lower: Its limits.
        alarms: Names of the rules that alarm.
        contributions: Of each attribute, of a joint chart.
        corrected: What it was corrected to after it was charted; empty: it was not.
    """

    batch: str
    batches: tuple[str, ...]
    sample: str
    record: str
    seq: int
    at: int
    values: Mapping[str, float]
    is_reference: bool
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    statistic: float | None = None
    statistic_lower: float | None = None
    statistic_upper: float | None = None
    alarms: tuple[str, ...] = ()
    contributions: Mapping[str, float] = field(default_factory=dict)
    corrected: str = ""


@dataclass
class History:
    """Charts as they stand, with their points.

    Attributes:
        state: Of the analyst.
        points: By chart.
        seq: Number of the last event that was taken.
        n_withheld: Events that the person may not read: their points are missing.
    """

    analyst: ControlCharts
    state: State
    points: dict[str, list[Point]] = field(default_factory=dict)
    seq: int = 0
    n_withheld: int = 0
    gate: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, site: Site) -> None:
        """Take what is new."""
        with self.gate:
            head = site.ledger.head()
            if head <= self.seq:
                return
            view: Any = _NewEvents(self, site, head)
            self.state = self.analyst.assess(self.state, view, self._put).state
            self.seq = head

    def taken(self, event: Event) -> Event | None:
        """An event that the analyst may see; a correction marks the point that it is of."""
        body = event.decode()
        if body is None:
            self.n_withheld += 1
            return None
        if isinstance(body, ResultCorrected):
            self._correct(body)
        return event

    def _put(self, charted: Charted) -> None:
        self.points.setdefault(charted.key, []).append(_point(charted))

    def _correct(self, body: ResultCorrected) -> None:
        attribute = body.new.attribute
        for points in self.points.values():
            for place, one in enumerate(points):
                if one.sample == body.sample and attribute in one.values:
                    changed: dict[str, Any] = {"corrected": body.new.text}
                    if one.is_reference and body.new.number is not None:
                        changed["values"] = {**one.values, attribute: float(body.new.value)}
                    points[place] = Point(**{**one.__dict__, **changed})


class _NewEvents:
    """A view of the events since the last look, enough for an analyst that reads only these."""

    def __init__(self, history: History, site: Site, head: int) -> None:
        self._history, self._site, self._head = history, site, head
        self.tick = Tick(1, 0, head, 0)

    def new_events(self, kinds: Sequence[str]) -> Iterator[Event]:
        history = self._history
        for event in self._site.ledger.events(history.seq, self._head, kinds):
            taken = history.taken(event)
            if taken is not None:
                yield taken


_KEPT: OrderedDict[tuple[Any, ...], History] = OrderedDict()
_GATE = threading.Lock()


def history_of(site: Site, one: AtWork) -> History:
    """The charts of an adopted analyst, as the caller may see them, up to now."""
    classes = getattr(site, "classes", None)
    seen = None if classes is None else tuple(sorted(str(each) for each in classes))
    key = (site.home.uid, one.name, one.record, one.version, seen)
    with _GATE:
        history = _KEPT.pop(key, None)
        if history is None:
            settings = ControlChartSettings.model_validate(one.settings)
            analyst = ControlCharts(one.name, settings)
            history = History(analyst, analyst.start())
        _KEPT[key] = history
        while len(_KEPT) > MOST_KEPT:
            _KEPT.popitem(last=False)
    history.go_on(site)
    return history


def _point(charted: Charted) -> Point:
    event, judged = charted.event, charted.judged
    facts: dict[str, Any] = {
        "batch": charted.batches[-1], "batches": charted.batches, "sample": charted.sample,
        "record": f"{event.stream}@{event.envelope.version}", "seq": event.seq,
        "at": event.envelope.recorded_at, "values": dict(charted.values),
        "is_reference": judged is None,
    }  # fmt: skip
    if judged is None:
        return Point(**facts)
    if isinstance(judged, Judged):
        own = judged.point
        return Point(
            **facts, expected=judged.expected, lower=judged.lower, upper=judged.upper,
            statistic=own.statistic, statistic_lower=own.lower, statistic_upper=own.upper,
            alarms=own.alarms,
        )  # fmt: skip
    if isinstance(judged, MultivariatePoint):
        parts = dict(zip(charted.values, judged.contributions, strict=False))
        return Point(
            **facts, statistic=judged.statistic, statistic_lower=0.0,
            statistic_upper=judged.limit, alarms=("T2",) if judged.is_alarm else (),
            contributions=parts,
        )  # fmt: skip
    own = judged.point
    return Point(
        **facts, lower=own.lower, upper=own.upper, statistic=own.statistic,
        statistic_lower=own.lower, statistic_upper=own.upper, alarms=judged.alarms,
    )  # fmt: skip
