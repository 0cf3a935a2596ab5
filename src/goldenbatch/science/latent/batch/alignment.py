"""How far a running batch is: its maturity from 0 to 1, by clock, indicator, landmarks or DTW.

All are causal and step by step: what they say of a sample depends on the samples up to it, so
that a live batch and a finished one are seen alike. What they remember is plain JSON.

References:
    Nomikos and MacGregor (1995), Technometrics 37:41, doi:10.1080/00401706.1995.10485888
    (indicator variable).
    Kassidas, MacGregor and Taylor (1998), AIChE J. 44:864, doi:10.1002/aic.690440412 (DTW).
    Ramsay and Silverman (2005), Functional Data Analysis, chapter 7, doi:10.1007/b98888
    (landmarks).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.batch.runs import Stretch
from goldenbatch.science.latent.batch.warping import OpenEnd, kassidas_weights

AlignmentKind = Literal["clock", "indicator", "landmarks", "warping"]
Memory = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Landmark:
    """A point that every batch passes: a variable crosses a level for the first time.

    Attributes:
        column: place of the variable.
        level: in its unit.
        is_rising: crosses upwards.
    """

    column: int
    level: float
    is_rising: bool = True


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a phase is aligned.

    Attributes:
        kind: clock: time since the phase began; indicator: a variable that only rises or only
            falls, such as what was fed; landmarks: straight between points that every batch
            passes; warping: open-end DTW to a golden batch of median length.
        columns: places of the indicator (one) or of the variables that are warped by (empty: all).
        landmarks: in the order in which batches pass them.
        reach: maturity 1 is what at least this share of the golden batches reached.
        band: of warping, as a share of the reference.
    """

    kind: AlignmentKind = "clock"
    columns: tuple[int, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    reach: float = 0.25
    band: float = 0.25

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            DesignError: an unknown kind, or not the columns or landmarks that it needs.
        """
        if self.kind not in _FITS:
            message = f"alignment {self.kind!r} is unknown; choose from {sorted(_FITS)}"
            raise DesignError(message)
        if self.kind == "indicator" and len(self.columns) != 1:
            message = f"an indicator is one column, {len(self.columns)} are given"
            raise DesignError(message)
        if self.kind == "landmarks" and not self.landmarks:
            message = "alignment by landmarks names none; give at least one"
            raise DesignError(message)
        if not (0 < self.reach <= 1 and 0 < self.band <= 1):
            message = f"reach {self.reach} and band {self.band} are shares above 0, up to 1"
            raise DesignError(message)


@dataclass(frozen=True, eq=False)
class Aligner:
    """A frozen alignment of one phase.

    Attributes:
        kind: as of `Alignment`.
        columns: places of the variables that it looks at.
        arrays: its numbers by name.
    """

    kind: AlignmentKind
    columns: tuple[int, ...]
    arrays: Mapping[str, Floats]

    def start(self) -> Memory:
        """What it remembers before the first sample."""
        return {}

    def run(self, memory: Memory, elapsed: Floats, rows: Floats) -> tuple[Memory, Floats]:
        """Maturity of further samples.

        Args:
            memory: after the samples before.
            elapsed: time since the phase began, shape (n,).
            rows: shape (n, p).

        Returns:
            The next memory, and maturities, shape (n,), never falling; above 1: further than
            the golden batches went.
        """
        return _RUNS[self.kind](self, dict(memory), elapsed, rows)


def fit_aligner(settings: Alignment, golden: Sequence[Stretch]) -> Aligner:
    """Freeze an alignment from the golden batches of a phase.

    Raises:
        DataError: a golden batch does not do what the alignment needs; it is named by its place.

    >>> made = [Stretch("a", np.arange(n) * 1.0, np.zeros((n, 1)), n) for n in (5, 6, 7)]
    >>> fit_aligner(Alignment(reach=0.5), made).run({}, np.array([0.0, 2.5]), np.zeros((2, 1)))[1]
    array([0. , 0.5])
    """
    if not golden:
        message = "no golden batch has this phase; name phases that they have"
        raise DataError(message)
    return _FITS[settings.kind](settings, golden)


def _reached(values: Sequence[float], share: float) -> float:
    """What at least a share of the values reach."""
    ordered = sorted(values, reverse=True)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


# ---- clock --------------------------------------------------------------------------------------


def _fit_clock(settings: Alignment, golden: Sequence[Stretch]) -> Aligner:
    span = _reached([float(one.elapsed[-1]) for one in golden], settings.reach)
    if not span > 0:
        message = "the golden batches have one sample each in this phase; it has no course"
        raise DataError(message)
    return Aligner("clock", (), {"span": np.array([span])})


def _run_clock(
    aligner: Aligner, memory: Memory, elapsed: Floats, rows: Floats
) -> tuple[Memory, Floats]:
    del rows
    return memory, np.asarray(elapsed / aligner.arrays["span"][0])


# ---- indicator variable -------------------------------------------------------------------------


def _fit_indicator(settings: Alignment, golden: Sequence[Stretch]) -> Aligner:
    (column,) = settings.columns
    courses = [one.values[~np.isnan(one.values[:, column]), column] for one in golden]
    if any(len(one) < 2 for one in courses):
        message = f"column {column} has fewer than 2 values in a golden batch: no indicator"
        raise DataError(message)
    moved = float(np.median([one[-1] - one[0] for one in courses]))
    sign = 1.0 if moved >= 0 else -1.0
    low = float(np.median([sign * one[0] for one in courses]))
    high = _reached([float((sign * one).max()) for one in courses], settings.reach)
    if not high > low:
        message = f"column {column} neither rises nor falls over this phase: no indicator"
        raise DataError(message)
    return Aligner("indicator", (column,), {"sign": np.array([sign]),
                                            "range": np.array([low, high])})  # fmt: skip


def _run_indicator(
    aligner: Aligner, memory: Memory, elapsed: Floats, rows: Floats
) -> tuple[Memory, Floats]:
    del elapsed
    low, high = aligner.arrays["range"]
    found = (aligner.arrays["sign"][0] * rows[:, aligner.columns[0]] - low) / (high - low)
    # What is missing or falls back holds the maturity that was reached.
    joined = np.concatenate([[float(memory.get("far", 0.0))], np.where(np.isnan(found), 0, found)])
    far = np.maximum.accumulate(joined)
    return {"far": float(far[-1])}, np.asarray(far[1:])


# ---- landmarks ----------------------------------------------------------------------------------


def _fit_landmarks(settings: Alignment, golden: Sequence[Stretch]) -> Aligner:
    spans = []
    for place, one in enumerate(golden):
        times = [0.0]
        for number, mark in enumerate(settings.landmarks):
            after = (one.elapsed >= times[-1]) & _is_past(one.values[:, mark.column], mark)
            if not after.any():
                message = (
                    f"golden batch {place} never passes landmark {number} (column {mark.column}, "
                    f"level {mark.level:g}); leave it out or choose another landmark"
                )
                raise DataError(message)
            times.append(float(one.elapsed[after.argmax()]))
        spans.append(np.diff([*times, max(float(one.elapsed[-1]), times[-1])]))
    median = np.maximum(np.median(np.array(spans), axis=0), 1e-12)
    marks = np.concatenate([[0.0], np.cumsum(median) / median.sum()])
    arrays = {
        "levels": np.array([mark.level for mark in settings.landmarks]),
        "signs": np.array([1.0 if mark.is_rising else -1.0 for mark in settings.landmarks]),
        "spans": median,
        "marks": marks,
    }
    return Aligner("landmarks", tuple(mark.column for mark in settings.landmarks), arrays)


def _is_past(values: Floats, mark: Landmark) -> Any:
    sign = 1.0 if mark.is_rising else -1.0
    return sign * values >= sign * mark.level


def _run_landmarks(
    aligner: Aligner, memory: Memory, elapsed: Floats, rows: Floats
) -> tuple[Memory, Floats]:
    passed, since = int(memory.get("passed", 0)), float(memory.get("since", 0.0))
    levels, signs = aligner.arrays["levels"], aligner.arrays["signs"]
    spans, marks = aligner.arrays["spans"], aligner.arrays["marks"]
    found = np.empty(len(elapsed))
    for i, at in enumerate(elapsed.tolist()):
        while passed < len(levels):
            value = signs[passed] * rows[i, aligner.columns[passed]]
            if not value >= signs[passed] * levels[passed]:
                break
            passed, since = passed + 1, at
        share = (at - since) / spans[passed]
        # Before the next landmark is seen, the batch waits just below it.
        is_last = passed == len(levels)
        share = share if is_last else min(share, 1.0)
        found[i] = marks[passed] + share * (marks[passed + 1] - marks[passed])
    return {"passed": passed, "since": since}, found


# ---- open-end warping ---------------------------------------------------------------------------


def _fit_warping(settings: Alignment, golden: Sequence[Stretch]) -> Aligner:
    columns = settings.columns or tuple(range(golden[0].values.shape[1]))
    courses = [_held(one.values[:, list(columns)]) for one in golden]
    order = sorted(range(len(golden)), key=lambda i: (float(golden[i].elapsed[-1]), i))
    middle = order[len(order) // 2]
    every = np.concatenate(courses)
    sd = every.std(axis=0)
    scale = np.where(sd > 1e-12 * np.maximum(np.abs(every).max(axis=0), 1e-300), sd, 1.0)
    scaled = [one / scale for one in courses]
    reference = scaled[middle]
    span = float(golden[middle].elapsed[-1])
    if len(reference) < 3 or not span > 0:
        message = "the golden batches have fewer than 3 samples in this phase: no DTW"
        raise DataError(message)
    weights = kassidas_weights(scaled, reference) if len(scaled) > 1 else np.ones(len(columns))
    # A variable that never moves within the batches would take all the weight and say nothing.
    is_moving = np.array([one.std(axis=0) for one in scaled]).mean(axis=0) > 1e-9
    weights = np.where(is_moving, weights, 0.0)
    arrays = {
        "reference": reference,
        "weights": weights,
        "scale": scale,
        "band": np.array([settings.band]),
        "pace": np.array([(len(reference) - 1) / span]),
    }
    return Aligner("warping", tuple(columns), arrays)


def _held(rows: Floats) -> Floats:
    """Rows with gaps filled by the value before, at the start by the value after."""
    filled = rows.copy()
    for j in range(filled.shape[1]):
        known = np.flatnonzero(~np.isnan(filled[:, j]))
        if len(known) == 0:
            message = f"column {j} of a golden batch has no value: it cannot be warped by"
            raise DataError(message)
        last = known[
            np.maximum(np.searchsorted(known, np.arange(len(filled)), side="right") - 1, 0)
        ]
        filled[:, j] = filled[last, j]
    return filled


def _run_warping(
    aligner: Aligner, memory: Memory, elapsed: Floats, rows: Floats
) -> tuple[Memory, Floats]:
    arrays = aligner.arrays
    way = OpenEnd(
        arrays["reference"], arrays["weights"], float(arrays["band"][0]), float(arrays["pace"][0])
    )
    scaled = rows[:, list(aligner.columns)] / arrays["scale"]
    kept = memory.get("column")
    column = None if kept is None else np.array([np.inf if v is None else v for v in kept])
    far, end = float(memory.get("far", 0.0)), float(len(way.reference) - 1)
    found = np.empty(len(elapsed))
    for i in range(len(elapsed)):
        column, point = way.step(column, scaled[i], float(elapsed[i]))
        # Past the band the batch runs longer than any course to the reference allows.
        at = point / end if point is not None else 1.0 + 1e-6
        far = max(far, at)
        found[i] = far
    plain = None if column is None else [v if math.isfinite(v) else None for v in column.tolist()]
    return {"column": plain, "far": far}, found


_Fit = Callable[[Alignment, Sequence[Stretch]], Aligner]
_Run = Callable[[Aligner, Memory, Floats, Floats], tuple[Memory, Floats]]
_FITS: dict[str, _Fit] = {
    "clock": _fit_clock,
    "indicator": _fit_indicator,
    "landmarks": _fit_landmarks,
    "warping": _fit_warping,
}
_RUNS: dict[str, _Run] = {
    "clock": _run_clock,
    "indicator": _run_indicator,
    "landmarks": _run_landmarks,
    "warping": _run_warping,
}
