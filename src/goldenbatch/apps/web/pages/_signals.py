"""Signals of the plant as trends: their history from the node, their limits, phases, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.plant import Plant, Tag
from goldenbatch.core.results import LimitKind
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.trend import Drawn
from goldenbatch.ui.web.trend_data import (
    N_POINTS,
    Band,
    Level,
    Samples,
    Signal,
    Span,
    gap_of,
    samples_of,
)
from goldenbatch.ui.web.words import _

MINUTE: Final = 60_000_000
TONES: Final[Mapping[str, Any]] = {"critical": "bad", "major": "bad", "minor": "warn"}
_KINDS: Final[Mapping[LimitKind, Any]] = {
    LimitKind.ALERT: "alert", LimitKind.ACTION: "action", LimitKind.RELEASE: "specification",
    LimitKind.SHELF_LIFE: "specification", LimitKind.IN_PROCESS: "specification",
}  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """Tags of a predicted value with its interval, as the twin writes them."""

    label: str
    lower: str
    upper: str


@dataclass(frozen=True)
class Chart:
    """One chart: tags of one signal, measured and predicted.

    Attributes:
        title: The signal.
        tags: Tag to its label; the first is the measured one.
        spans: Phases and findings behind it.
    """

    title: str
    tags: Mapping[str, str]
    intervals: Sequence[Interval] = ()
    spans: Sequence[Span] = field(default_factory=tuple)


def tag_of(plant: Plant, name: str) -> Tag | None:
    """What the plant says of a tag; None: an analyst's own."""
    return plant.tag(name) if plant.has_tag(name) else None


def levels_of(plant: Plant, names: Sequence[str]) -> list[Level]:
    """Limits of tags and what their equipment was qualified for, in the unit of the tag."""
    found: list[Level] = []
    for name in names:
        tag = tag_of(plant, name)
        for limit in tag.limits if tag else ():
            if limit.unit == tag.unit and not limit.allowed:  # type: ignore[union-attr]
                found.append(
                    Level(_KINDS[limit.kind], limit.kind.value.replace("_", " "),
                          _number(limit.lower), _number(limit.upper), limit.unit, name)
                )  # fmt: skip
    return found


def _number(text: str) -> float | None:
    return float(text) if text else None


def drawn_of(
    asked: Asked, chart: Chart, window: tuple[int, int], n_points: int = N_POINTS,
    known: Mapping[str, Samples] | None = None,
) -> Drawn:  # fmt: skip
    """A chart over a window, from the node or from what is known of it already."""
    plant = asked.site.plant
    samples = known or samples_by_tag(asked, all_tags([chart]), window, n_points)
    signals = []
    for name, label in chart.tags.items():
        tag = tag_of(plant, name)
        unit = tag.unit if tag else _unit_of(plant, chart)
        style: Any = "line" if tag else "dashed"
        signals.append(Signal(name, label, samples[name], unit, gap_of(tag), style))
    bands = [
        Band(one.label, samples[one.lower], samples[one.upper], _unit_of(plant, chart), "chart-4")
        for one in chart.intervals
    ]
    return Drawn(signals, window, levels_of(plant, list(chart.tags)), bands, chart.spans)


def all_tags(charts: Sequence[Chart]) -> list[str]:
    """All tags of charts, those of intervals too."""
    ends = [t for chart in charts for one in chart.intervals for t in (one.lower, one.upper)]
    return [*(name for chart in charts for name in chart.tags), *ends]


def _unit_of(plant: Plant, chart: Chart) -> str:
    known = [tag.unit for name in chart.tags if (tag := tag_of(plant, name))]
    return known[0] if known else "1"


def samples_by_tag(
    asked: Asked, names: Sequence[str], window: tuple[int, int], n_points: int = N_POINTS
) -> dict[str, Samples]:
    """Readings of tags over a window; tags that never had one have none here."""
    if not names:
        return {}
    found = {name: Samples() for name in names}
    wanted = list(dict.fromkeys(names))
    try:
        series = asked.site.historian.downsample(wanted, window, n_points)
    except GoldenbatchError:
        known = asked.site.historian.tags()
        wanted = [name for name in wanted if known.get(name) == "number"]
        if not wanted:
            return found
        series = asked.site.historian.downsample(wanted, window, n_points)
    if series.kind != "number":
        return found
    plant = asked.site.plant
    for name in wanted:
        found[name] = samples_of(series, name, gap_of(tag_of(plant, name)), n_points)
    return found


def spans_of(
    asked: Asked, place: str, window: tuple[int, int]
) -> tuple[list[Span], list[dict[str, Any]]]:
    """Phases at a place and open or recent findings of it, as spans; and the phases."""
    start, end = window
    rows = asked.site.ledger.select("phase", {"place": place}, ("-started_at",), 200)
    phases = [
        row for row in rows
        if row["started_at"] is not None and row["started_at"] < end
        and (row["ended_at"] is None or row["ended_at"] > start)
    ]  # fmt: skip
    spans = [
        Span(int(row["started_at"]), row["ended_at"], f"{row['phase']} ({row['batch']})")
        for row in reversed(phases)
    ]
    for row in asked.site.ledger.select("finding", {"place": place}, ("-started_at",), 50):
        begun, over = row["started_at"], row["ended_at"]
        if begun is not None and begun < end and (over is None or over > start):
            tone = TONES.get(str(row["severity"]), "")
            spans.append(Span(int(begun), over, str(row["title"]), tone or "warn"))
    return spans, phases


def newest_time(asked: Asked, names: Sequence[str]) -> int | None:
    """Time of the newest reading of tags; None: there is none."""
    known = asked.site.historian.tags()
    wanted = [name for name in names if known.get(name) == "number"]
    times = asked.site.historian.latest(wanted).times() if wanted else ()
    return int(max(times)) if len(times) else None


def title_of(tag: Tag | None, name: str) -> str:
    """What a signal is called on pages."""
    return (tag.description if tag and tag.description else name.rpartition("/")[2]) or _("signal")
