"""What a trend draws, as plain data: signals, limits, bands and spans, and how they travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from goldenbatch.core.plant import Tag
    from goldenbatch.core.series import Series

N_POINTS = 4000
"""Asked for where the width is not known yet: four readings a bucket, a bucket a pixel."""

POINTS_A_BUCKET = 4
MISSED = 5
"""So many usual distances without a reading are a gap."""

UNKNOWN = 10
"""The same where the usual distance is only known from the readings."""


@dataclass(frozen=True)
class Samples:
    """Readings of one signal in the order of time.

    Attributes:
        times: Microseconds UTC.
        values: None where missing.
        qualities: OPC UA status codes.
        breaks: Places before which readings are missing: no line goes there.
    """

    times: Sequence[int] = ()
    values: Sequence[float | None] = ()
    qualities: Sequence[int] = ()
    breaks: Sequence[int] = ()

    def encoded(self) -> dict[str, Any]:
        """Small JSON: times as differences, nine digits a value, a digit for each quality.

        >>> Samples((5, 7), (1.0, None), (0, 0x80000000)).encoded()
        {'t': [5, 2], 'v': [1.0, None], 'q': '02', 'b': []}
        """
        times = [int(one) for one in self.times]
        return {
            "t": [one - before for before, one in zip([0, *times], times, strict=False)],
            "v": [_short(one) for one in self.values],
            "q": "".join(str(int(one) >> 30 & 3) for one in self.qualities),
            "b": [int(one) for one in self.breaks],
        }


@dataclass(frozen=True)
class Signal:
    """A line.

    Attributes:
        tag: What live readings are told under.
        label: For people.
        unit: UCUM code; lines of one unit share a scale.
        gap: Microseconds without a reading from which on nothing is bridged; 0: irregular.
        style: `dashed` is for what was computed, `points` for single results.
        colour: Name of a colour variable without `--gb-`; empty: the next of the series.
    """

    tag: str
    label: str
    samples: Samples = field(default_factory=Samples)
    unit: str = "1"
    gap: int = 0
    style: Literal["line", "dashed", "step", "points"] = "line"
    colour: str = ""


@dataclass(frozen=True)
class Level:
    """A limit.

    Attributes:
        kind: `alert`, `action`, `specification`, `target` or `qualified`.
        tag: Signal that it is of; empty: all of its unit.
    """

    kind: Literal["alert", "action", "specification", "target", "qualified"]
    label: str
    lower: float | None = None
    upper: float | None = None
    unit: str = "1"
    tag: str = ""


@dataclass(frozen=True)
class Band:
    """An area between two lines, such as the interval of a prediction or limits that move."""

    label: str
    lower: Samples
    upper: Samples
    unit: str = "1"
    colour: str = ""


@dataclass(frozen=True)
class Span:
    """A time that matters.

    Attributes:
        end: None: it goes on.
        tone: Empty for phases; `warn`, `bad`, `good` for findings.
    """

    start: int
    end: int | None
    label: str
    tone: Literal["", "good", "warn", "bad"] = ""


def samples_of(series: Series, tag: str, gap: int = 0, n_points: int = N_POINTS) -> Samples:
    """Readings of a tag as the historian gave them, with the breaks between them.

    Readings in different buckets of a decimated window are neighbours in truth, so that a
    distance between them is a gap; within a bucket (a pixel) nothing can be told.

    Args:
        series: Of `read` or `downsample`; numbers.
        tag: Which.
        gap: See `Signal`; -1: ten usual distances, from the readings themselves.
        n_points: What `downsample` was asked for.
    """
    import numpy as np

    one = series.of(tag)
    times = one.times()
    values = one.table.column("value").to_pylist()
    breaks: list[int] = []
    if len(times) > 1 and gap:
        apart = np.diff(times)
        n_buckets = max(1, n_points // POINTS_A_BUCKET)
        width = max(1, -(-(int(times[-1]) + 1 - int(times[0])) // n_buckets))
        bucket = (times - times[0]) // width
        is_near = np.diff(bucket) > 0 if len(times) > n_buckets else np.ones(len(apart), dtype=bool)
        limit = (
            gap
            if gap > 0
            else UNKNOWN * float(np.median(apart[is_near] if is_near.any() else apart))
        )
        breaks = [int(at) + 1 for at in np.flatnonzero((apart > limit) & is_near)]
    return Samples(times.tolist(), values, one.qualities().tolist(), breaks)


def gap_of(tag: Tag | None) -> int:
    """Microseconds without a reading that are a gap of a tag; -1: by its readings."""
    if tag is None:
        return -1
    return int(MISSED * tag.cadence_s * 1_000_000) if tag.cadence_s else 0


def encoded(
    signals: Sequence[Signal], window: tuple[int, int],
    levels: Sequence[Level] = (), bands: Sequence[Band] = (), spans: Sequence[Span] = (),
) -> dict[str, Any]:  # fmt: skip
    """What is sent of a window."""
    return {
        "window": [int(one) for one in window],
        "signals": [
            {
                "tag": one.tag, "label": one.label, "unit": one.unit, "gap": max(one.gap, 0),
                "style": one.style, "colour": one.colour, "data": one.samples.encoded(),
            }
            for one in signals
        ],
        "levels": [vars_of(one) for one in levels],
        "bands": [
            {
                "label": one.label, "unit": one.unit, "colour": one.colour,
                "lower": one.lower.encoded(), "upper": one.upper.encoded(),
            }
            for one in bands
        ],
        "spans": [vars_of(one) for one in spans],
    }  # fmt: skip


def vars_of(one: Level | Span) -> Mapping[str, Any]:
    """Fields by name."""
    return dict(vars(one))


def _short(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return float(f"{number:.9g}") if number - number == 0 else None
