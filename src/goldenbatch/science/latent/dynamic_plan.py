"""A frozen plan for rows in time order: PCA, dynamic PCA and CVA behind one kernel.

Each statistic (T2, SPE, Ts2, Tr2, a block's SPE, a combined index) is the sum of squares of some
linear combinations of the newest row and the rows of its lags, so that one projection serves all.
A row gets the same bits in a stream, in any block, and after the state was stored and read back:
sums have one fixed order, no BLAS (see `steps.row_dot`), averages run row by row.

Missing values: a missing value is replaced by its best linear prediction from the tags that are
there and from the (filled) row before. A row with more missing than `max_missing_fraction` is
not scored and ends the window: scoring goes on when `lags` + 1 rows are there again; averages
stand still meanwhile.

References:
    Ku, Storer and Georgakis (1995), Chemom. Intell. Lab. Syst. 30:179,
    doi:10.1016/0169-7439(95)00076-3 (dynamic PCA).
    Russell, Chiang and Braatz (2000), Chemom. Intell. Lab. Syst. 51:81,
    doi:10.1016/S0169-7439(00)00058-7 (CVA, statistics).
    Alcala and Qin (2009), Automatica 45:1593, doi:10.1016/j.automatica.2009.02.027
    (reconstruction-based contributions).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix
from goldenbatch.science.errors import DataError, DesignError, PlanError
from goldenbatch.science.latent._dynamic_fit import TINY, averaged
from goldenbatch.science.latent._filling import fill_rows
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent.alarm_limits import AlarmLimit
from goldenbatch.science.latent.dynamic_facts import DynamicArrays, DynamicFacts, check_parts
from goldenbatch.science.latent.dynamic_state import (
    DynamicContributions,
    DynamicPoint,
    DynamicScores,
    DynamicState,
)
from goldenbatch.science.latent.steps import row_dot, row_squares

_FORM = "goldenbatch/dynamic-plan/1"
_PART = 2048


@dataclass(frozen=True, eq=False)
class DynamicPlan:
    """A fitted dynamic model as flat arrays; equal if the digests are.

    Attributes:
        facts: names and numbers.
        arrays: standardisation, projection, start, filling.
    """

    facts: DynamicFacts
    arrays: DynamicArrays

    def __post_init__(self) -> None:
        """Check shapes and freeze the arrays.

        Raises:
            PlanError: shapes do not fit together, or a number is not finite.
        """
        arrays = {f.name: _frozen(getattr(self.arrays, f.name)) for f in fields(DynamicArrays)}
        object.__setattr__(self, "arrays", DynamicArrays(**arrays))
        check_parts(self.facts, self.arrays)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @cached_property
    def limits(self) -> Floats:
        """The limits in force, shape (K,)."""
        of = {one.statistic: one.value for one in self.facts.limits if self._decides(one)}
        return np.array([of[name] for name in self.facts.statistics])

    def __eq__(self, other: object) -> bool:
        """Plans are equal if their bytes are."""
        return isinstance(other, DynamicPlan) and self.digest == other.digest

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def start(self) -> DynamicState:
        """Return the state before the first row."""
        return DynamicState(self.digest, np.zeros((0, self._n_tags)), self.arrays.start)

    def step(self, state: DynamicState, row: ArrayLike) -> tuple[DynamicState, DynamicPoint]:
        """Score one row, shape (p,); NaN marks a missing value.

        Raises:
            DataError: the number of tags is another, or a value is infinite.
            PlanError: the state belongs to another plan.
        """
        scores, after = self.score(np.asarray(row, dtype=np.float64)[None, :], state)
        names = self.facts.statistics
        over = tuple(n for n, is_over in zip(names, scores.is_over[0], strict=True) if is_over)
        point = DynamicPoint(
            statistics=names,
            values=tuple(scores.values[0].tolist()),
            raw=tuple(scores.raw[0].tolist()),
            over=over,
            is_alarm=bool(over),
            severity=float(scores.severity[0]),
            is_scored=bool(scores.is_scored[0]),
            n_missing=int(scores.n_missing[0]),
        )
        return after, point

    def score(
        self, X: ArrayLike, state: DynamicState | None = None
    ) -> tuple[DynamicScores, DynamicState]:
        """Score rows that follow one another, shape (n, p), after a state (or from the start).

        Raises:
            DataError: the number of tags is another, or a value is infinite.
            PlanError: the state belongs to another plan.
        """
        before = self._own(state)
        lagged, n_missing = self._lagged(X, before)
        is_scored = ~np.isnan(lagged[self.facts.lags :, 0])
        for lag in range(1, self.facts.lags + 1):
            is_scored &= ~np.isnan(lagged[self.facts.lags - lag : len(lagged) - lag, 0])
        raw = np.full((len(is_scored), len(self.facts.statistics)), np.nan)
        places = np.flatnonzero(is_scored)
        for first in range(0, len(places), _PART):
            part = places[first : first + _PART]
            raw[part] = self._statistics(self._windows(lagged, part))
        values = np.full_like(raw, np.nan)
        smoothing, is_log = self.facts.smoothing, self.facts.is_log
        values[places] = averaged(raw[places], before.averages, smoothing, is_log=is_log)
        scores = self._judged(raw, values, is_scored, n_missing)
        averages = values[places[-1]] if len(places) else before.averages
        n_rows = before.n_rows + len(raw)
        newest = _after_last_gap(lagged[-(self.facts.lags + 1) :])
        window = newest if len(raw) else before.window
        n_scored = before.n_scored + len(places)
        return scores, DynamicState(self.digest, window, averages, n_rows, n_scored)

    def contributions(
        self, state: DynamicState, statistic: str = "", method: str = "reconstruction"
    ) -> DynamicContributions:
        """Say which tags make a statistic large at the newest row of a state.

        Args:
            state: after that row.
            statistic: its name; empty: the one farthest above its limit.
            method: reconstruction or decomposed (see `DynamicContributions`).

        Raises:
            DataError: the newest row was not scored.
            DesignError: no such statistic or method.

        References:
            Alcala and Qin (2009), equations 17 (complete decomposition) and 24, over all lags of
            a tag at once for `by_tag`.
        """
        self._own(state)
        if len(state.window) <= self.facts.lags:
            message = "the newest row was not scored: there is nothing to explain"
            raise DataError(message)
        name = statistic or self.facts.statistics[int(self._severities(state.averages).argmax())]
        if name not in self.facts.statistics or method not in ("reconstruction", "decomposed"):
            message = (
                f"contributions of {name!r} by {method!r} are unknown; statistics: "
                f"{', '.join(self.facts.statistics)}; methods: reconstruction, decomposed"
            )
            raise DesignError(message)
        k = self.facts.statistics.index(name)
        first = sum(self.facts.widths[:k])
        A = self.arrays.projection[first : first + self.facts.widths[k]]
        w = np.ascontiguousarray(state.window[::-1]).reshape(-1)
        shape = (self.facts.lags + 1, self._n_tags)
        by_lag, by_tag = _split(A, w, shape, is_decomposed=method == "decomposed")
        return DynamicContributions(name, method, self.facts.columns, by_lag, by_tag)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; equal plans give equal bytes."""
        arrays = {f.name: getattr(self.arrays, f.name) for f in fields(DynamicArrays)}
        return pack({"form": _FORM, "facts": self.facts.to_json()}, arrays)

    @classmethod
    def from_bytes(cls, raw: bytes, digest: str | None = None) -> Self:
        """Read what `to_bytes` wrote; check it against a digest where one is given.

        Raises:
            PlanError: the bytes are damaged, of another kind, or have another digest.
        """
        if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
            message = f"the dynamic plan does not have the digest {digest}; do not use it"
            raise PlanError(message)
        header, arrays = unpack(raw)
        if header.get("form") != _FORM:
            message = f"these bytes are not a dynamic plan of form {_FORM}"
            raise PlanError(message)
        try:
            facts = DynamicFacts.from_json(header["facts"])
            return cls(facts, DynamicArrays(**arrays))
        except PlanError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            message = f"the dynamic plan has a wrong part: {error}; take it from the registry again"
            raise PlanError(message) from error

    @property
    def _n_tags(self) -> int:
        return len(self.facts.columns)

    def _decides(self, limit: AlarmLimit) -> bool:
        return limit.source is self.facts.in_force

    def _own(self, state: DynamicState | None) -> DynamicState:
        if state is None:
            return self.start()
        if state.plan != self.digest:
            message = (
                f"the state belongs to plan {state.plan[:12]}, not to {self.digest[:12]}; "
                "start this plan anew"
            )
            raise PlanError(message)
        return state

    def _lagged(self, X: ArrayLike, before: DynamicState) -> tuple[Floats, Integers]:
        """Filled rows with `lags` rows of the state in front, NaN where a row is not there."""
        rows = matrix(X, "X")
        if rows.shape[1] != self._n_tags:
            message = f"rows have {rows.shape[1]} tags; the plan has {self._n_tags}"
            raise DataError(message)
        Z = (rows - self.arrays.centre) / self.arrays.scale
        n_missing = np.isnan(Z).sum(axis=1).astype(np.int64)
        most = min(self.facts.max_missing_fraction * self._n_tags, self._n_tags - 1)
        last = before.window[-1] if len(before.window) else None
        filled = fill_rows(Z, n_missing, n_missing <= most, last, self.arrays.precision)
        front = np.full((self.facts.lags, self._n_tags), np.nan)
        n_known = min(self.facts.lags, len(before.window))
        if n_known:
            front[-n_known:] = before.window[-n_known:]
        return np.concatenate([front, filled]), n_missing

    def _windows(self, lagged: Floats, places: Integers) -> Floats:
        newest = places + self.facts.lags
        return np.concatenate([lagged[newest - lag] for lag in range(self.facts.lags + 1)], axis=1)

    def _statistics(self, windows: Floats) -> Floats:
        projected = row_dot(windows, self.arrays.projection)
        ends = np.cumsum(self.facts.widths)
        columns = [
            row_squares(projected[:, end - width : end])
            for end, width in zip(ends, self.facts.widths, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _judged(
        self, raw: Floats, values: Floats, is_scored: Bools, n_missing: Integers
    ) -> DynamicScores:
        is_over = np.zeros(values.shape, dtype=np.bool_)
        is_over[is_scored] = values[is_scored] > self.limits
        severity = self._severities(values).max(axis=1)
        is_alarm = np.asarray(is_over.any(axis=1))
        return DynamicScores(values, raw, is_over, is_alarm, severity, is_scored, n_missing)

    def _severities(self, values: Floats) -> Floats:
        if self.facts.is_log:
            return np.asarray(np.exp(np.ascontiguousarray(values - self.limits)))
        return np.asarray(values / self.limits)


def _split(
    A: Floats, w: Floats, shape: tuple[int, int], *, is_decomposed: bool
) -> tuple[Floats, Floats]:
    """Contributions by lag and tag, and by tag."""
    projected = row_dot(w[None, :], A)
    back = row_dot(projected, np.ascontiguousarray(A.T))[0]
    if is_decomposed:
        parts = (w * back).reshape(shape)
        return parts, np.asarray(parts.sum(axis=0))
    squares = np.einsum("ij,ij->j", A, A)
    by_lag = np.where(squares > TINY, back * back / np.maximum(squares, TINY), 0.0)
    by_tag = np.empty(shape[1])
    for tag in range(shape[1]):
        own = np.ascontiguousarray(A[:, tag :: shape[1]])
        inside = np.linalg.pinv(own.T @ own, rcond=1e-10, hermitian=True)
        by_tag[tag] = back[tag :: shape[1]] @ inside @ back[tag :: shape[1]]
    return by_lag.reshape(shape), by_tag


def _after_last_gap(rows: Floats) -> Floats:
    """The newest rows that follow the last missing one; a copy, so that no block stays alive."""
    gaps = np.flatnonzero(np.isnan(rows[:, 0]))
    return np.array(rows[gaps[-1] + 1 :] if len(gaps) else rows)


def _frozen(array: Floats) -> Floats:
    """A contiguous copy that cannot be changed, with -0.0 as 0.0: one number, one pattern."""
    own = np.array(array, dtype=np.float64, order="C", copy=True) + 0.0
    own.setflags(write=False)
    return own
