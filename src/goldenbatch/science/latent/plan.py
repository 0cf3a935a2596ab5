"""A frozen scoring plan: what a fitted latent model needs to score rows, and nothing else.

One plan serves blocks and streams. A row gets the same bits alone, in any block, and after the
plan was stored and read back. NumPy only; no BLAS; no pickle.

References:
    Westerhuis, Gurden and Smilde (2000), Chemom. Intell. Lab. Syst. 51:95,
    doi:10.1016/S0169-7439(00)00062-9 (contributions).
    Arteaga and Ferrer (2002), J. Chemom. 16:408, doi:10.1002/cem.750 (missing values, TSR).
    Faber and Kowalski (1997), J. Chemom. 11:181,
    doi:10.1002/(SICI)1099-128X(199705)11:3<181::AID-CEM459>3.0.CO;2-7 (prediction error).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix
from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent._missing import trimmed_scores, trimmed_weights
from goldenbatch.science.latent._parts import (
    ARITHMETIC,
    Contributions,
    LatentArrays,
    LimitKind,
    PlanFacts,
    PlanScores,
    TargetArrays,
)
from goldenbatch.science.latent._sums import MOST_AT_ONCE, plain_einsum
from goldenbatch.science.latent.steps import (
    Step,
    StepKind,
    apply_steps,
    column_sum,
    row_dot,
    row_squares,
)

__all__ = [
    "Contributions",
    "LatentArrays",
    "LimitKind",
    "PlanFacts",
    "PlanScores",
    "ScoringPlan",
    "TargetArrays",
]

_PART_VALUES = 1 << 16
"""Values of a block that are scored at a time, so that what is between stays in the caches."""
_MOST_KEPT = 64


@dataclass(frozen=True, eq=False)
class ScoringPlan:
    """A fitted latent model as flat arrays; equal if the digests are.

    Attributes:
        facts: names and numbers.
        arrays: the model plane.
        targets: what is predicted.
        steps: done on raw rows first.
    """

    facts: PlanFacts
    arrays: LatentArrays
    targets: TargetArrays
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and freeze the arrays.

        Raises:
            PlanError: shapes do not fit together, or a number is not finite.
        """
        object.__setattr__(self, "arrays", LatentArrays(**_frozen(self.arrays)))
        object.__setattr__(self, "targets", TargetArrays(**_frozen(self.targets)))
        steps = tuple(Step(step.kind, _frozen_array(step.numbers)) for step in self.steps)
        object.__setattr__(self, "steps", steps)
        self._check()

    @cached_property
    def model_columns(self) -> tuple[str, ...]:
        """Names of the columns after the steps."""
        names = self.facts.columns
        for step in self.steps:
            if step.kind is StepKind.CUT:
                names = names[int(step.numbers[0]) : int(step.numbers[1])]
        return names

    @cached_property
    def rebuild(self) -> Floats:
        """Loadings with components as the inner axis, shape (p, a)."""
        return np.ascontiguousarray(self.arrays.loadings.T)

    @cached_property
    def _turned(self) -> Floats:
        """Projection with components as the inner axis, shape (p, a)."""
        return np.ascontiguousarray(self.arrays.projection.T)

    @cached_property
    def spread(self) -> Floats:
        """Standard deviations of the training scores, shape (a,)."""
        return np.asarray(np.sqrt(self.arrays.score_variance))

    @cached_property
    def _kept(self) -> dict[bytes, Floats]:
        """Weights of patterns of missing columns that were met."""
        return {}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Plans are equal if their bytes are."""
        return isinstance(other, ScoringPlan) and self.digest == other.digest

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def score(self, X: ArrayLike) -> PlanScores:
        """Score rows, shape (n, n_columns), or one row, shape (n_columns,); NaN marks missing.

        Raises:
            DataError: the number of columns is another, or a value is infinite.
        """
        rows = self._rows(X)
        n_part = max(1, _PART_VALUES // rows.shape[1])
        if len(rows) <= n_part:
            return self._score(rows)
        parts = [self._score(rows[i : i + n_part]) for i in range(0, len(rows), n_part)]
        columns = ([getattr(part, f.name) for part in parts] for f in fields(PlanScores))
        return PlanScores(*(np.concatenate(column) for column in columns))

    def distances(self, rows: Floats) -> tuple[Floats, Floats, Floats]:
        """Return scores, T2 and SPE of rows after the steps, shape (n, p), with nothing missing.

        The arithmetic alone, without checks; a row with a missing value gives NaN.
        """
        centre, scale, projection, loadings, spread, is_short = self._kernel
        Z = rows - centre
        Z /= scale
        if is_short:  # the same sums without their checks, which cost more than one row does
            T = plain_einsum("ij,kj->ik", Z, projection)
            Z -= plain_einsum("ik,kj->ij", T, loadings)
            U = T / spread
            return T, plain_einsum("ij,ij->i", U, U), plain_einsum("ij,ij->i", Z, Z)
        T = row_dot(Z, projection)
        is_old = self.facts.arithmetic == 1
        Z -= row_dot(T, self.rebuild) if is_old else column_sum(T, loadings)
        return T, row_squares(T / spread), row_squares(Z)

    @cached_property
    def _kernel(self) -> tuple[Floats, Floats, Floats, Floats, Floats, bool]:
        """What every row needs, and whether no sum is longer than is summed at once."""
        own = self.arrays
        is_short = self.facts.arithmetic > 1 and len(own.centre) <= MOST_AT_ONCE
        return own.centre, own.scale, own.projection, own.loadings, self.spread, is_short

    def _score(self, rows: Floats) -> PlanScores:
        """Score rows that fit into the caches of a processor."""
        treated = apply_steps(self.steps, rows) if self.steps else rows
        T, t2, spe = self.distances(treated)
        is_scored, n_missing = spe == spe, np.zeros(len(rows), dtype=np.int64)  # noqa: PLR0124
        if not is_scored.all():
            Z, T, is_scored, n_missing = self._project(rows)
            spe = row_squares(self._residuals(Z, T))
            spe *= Z.shape[1] / np.maximum(Z.shape[1] - n_missing, 1)
            spe[~is_scored] = np.nan
            t2 = row_squares(T / self.spread)
        is_near = is_scored & (t2 <= self.facts.t2_limit) & (spe <= self.facts.spe_limit)
        if not self.facts.targets:
            none = np.empty((len(T), 0))
            return PlanScores(t2, spe, is_near, is_scored, n_missing, T, none, none, none)
        values, half = self._predict(T, t2)
        lower, upper = values - half, values + half
        return PlanScores(t2, spe, is_near, is_scored, n_missing, T, values, lower, upper)

    def contributions(self, X: ArrayLike) -> Contributions:
        """Split T2 and SPE of rows over the columns.

        References:
            Westerhuis et al. (2000), equations 8 (T2, complete decomposition) and 4 (SPE).
        """
        Z, T, _, n_missing = self._project(self._rows(X))
        residuals = self._residuals(Z, T)
        part = row_dot(T / self.arrays.score_variance, self.arrays.projection.T)
        weight = (Z.shape[1] / np.maximum(Z.shape[1] - n_missing, 1))[:, None]
        t2 = np.nan_to_num(part * Z, nan=0.0)
        spe = np.sign(residuals) * residuals * residuals * weight
        return Contributions(self.model_columns, t2, np.nan_to_num(spe, nan=0.0))

    def target_contributions(self, X: ArrayLike) -> Floats:
        """Split predictions of rows over the columns, shape (n, m, p); NaN where not scored.

        With the centre of the target they sum to the prediction; a missing column adds 0.
        """
        Z, _, is_scored, n_missing = self._project(self._rows(X))
        units = self.targets.scale[:, None] * row_dot(self.targets.loadings, self._turned)
        parts = np.nan_to_num(Z, nan=0.0)[:, None, :] * units
        for i in np.flatnonzero(is_scored & (n_missing > 0)):
            known = ~np.isnan(Z[i])
            scores = self._weights(known) * Z[i, known]
            own = self.targets.scale[:, None] * row_dot(self.targets.loadings, scores.T)
            parts[i] = 0.0
            parts[i][:, known] = own
        parts[~is_scored] = np.nan
        return parts

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; equal plans give equal bytes."""
        arrays = {f"model.{k}": v for k, v in _named(self.arrays).items()}
        arrays |= {f"target.{k}": v for k, v in _named(self.targets).items()}
        arrays |= {f"step.{i:03d}": step.numbers for i, step in enumerate(self.steps)}
        header = {f.name: getattr(self.facts, f.name) for f in fields(self.facts)}
        header |= {"columns": list(self.facts.columns), "targets": list(self.facts.targets)}
        if self.facts.arithmetic == 1:
            del header["arithmetic"]  # older plans keep their bytes
        header |= {"limits": dict(self.facts.limits), "limit_kind": self.facts.limit_kind.value}
        return pack({"facts": header, "steps": [step.kind.value for step in self.steps]}, arrays)

    @classmethod
    def from_bytes(cls, raw: bytes, digest: str | None = None) -> Self:
        """Read what `to_bytes` wrote; check it against a digest where one is given.

        Raises:
            PlanError: the bytes are damaged, or have another digest.
        """
        if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
            message = f"the scoring plan does not have the digest {digest}; do not use it"
            raise PlanError(message)
        header, arrays = unpack(raw)
        try:
            facts = dict(header["facts"])
            facts |= {"columns": tuple(facts["columns"]), "targets": tuple(facts["targets"])}
            facts["limit_kind"] = LimitKind(facts["limit_kind"])
            if facts.get("arithmetic", ARITHMETIC) == 1:
                raise ValueError("arithmetic 1 is not written")
            steps = tuple(
                Step(StepKind(kind), arrays[f"step.{i:03d}"])
                for i, kind in enumerate(header["steps"])
            )
            latent = {f.name: arrays[f"model.{f.name}"] for f in fields(LatentArrays)}
            target = {f.name: arrays[f"target.{f.name}"] for f in fields(TargetArrays)}
            return cls(PlanFacts(**facts), LatentArrays(**latent), TargetArrays(**target), steps)
        except PlanError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            message = f"the scoring plan has a wrong part: {error}; take it from the registry again"
            raise PlanError(message) from error

    def _rows(self, X: ArrayLike) -> Floats:
        """Raw rows, shape (n, n_columns)."""
        rows = matrix(X if np.ndim(X) == 2 else np.atleast_2d(np.asarray(X, np.float64)), "X")
        if rows.shape[1] != len(self.facts.columns):
            message = f"rows have {rows.shape[1]} columns; the plan has {len(self.facts.columns)}"
            raise DataError(message)
        return rows

    def _project(self, rows: Floats) -> tuple[Floats, Floats, Bools, Integers]:
        """Scaled rows with NaN where missing, scores, whether scored, and missing columns."""
        Z = np.asarray(apply_steps(self.steps, rows) - self.arrays.centre)
        Z /= self.arrays.scale
        is_missing = np.isnan(Z)
        if not is_missing.any():
            T = row_dot(Z, self.arrays.projection)
            return Z, T, np.ones(len(Z), dtype=np.bool_), np.zeros(len(Z), dtype=np.int64)
        n_missing = is_missing.sum(axis=1).astype(np.int64)
        is_scored = n_missing <= self.facts.max_missing_fraction * Z.shape[1]
        is_scored &= n_missing < Z.shape[1]
        T = np.full((len(Z), len(self.arrays.projection)), np.nan)
        is_whole = n_missing == 0
        T[is_whole] = row_dot(Z[is_whole], self.arrays.projection)
        for i in np.flatnonzero(is_scored & ~is_whole):
            known = ~is_missing[i]
            if self.facts.arithmetic == 1:
                T[i] = trimmed_scores(Z[i], known, self.arrays)
            else:
                T[i] = row_dot(Z[i : i + 1, known], self._weights(known))[0]
        return Z, T, is_scored, n_missing

    def _weights(self, known: Bools) -> Floats:
        """Scores are these times what is known, shape (a, n_known); kept, as gaps last."""
        pattern = np.packbits(known).tobytes()
        if pattern not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            is_solved = self.facts.arithmetic > 1
            self._kept[pattern] = trimmed_weights(known, self.arrays, is_solved=is_solved)
        return self._kept[pattern]

    def _residuals(self, Z: Floats, T: Floats) -> Floats:
        """What the scores leave over, not z'z - t't: that loses all digits where SPE is small."""
        if self.facts.arithmetic == 1:
            rest = row_dot(T, self.rebuild)
        else:
            rest = column_sum(T, self.arrays.loadings)
        np.subtract(Z, rest, out=rest)
        is_missing = np.isnan(Z)
        if is_missing.any():
            rest[is_missing] = 0.0
        return rest

    def _predict(self, T: Floats, t2: Floats) -> tuple[Floats, Floats]:
        targets, n_rows = self.targets, self.facts.n_rows
        values = row_dot(T, targets.loadings) * targets.scale + targets.centre
        leverage = 1.0 + 1.0 / n_rows + t2 / (n_rows - 1)
        half = targets.quantile * np.sqrt(targets.variance * leverage[:, None])
        return values, half

    def _check(self) -> None:
        arrays, targets = self.arrays, self.targets
        a, p = arrays.projection.shape if arrays.projection.ndim == 2 else (0, 0)
        m = len(self.facts.targets)
        shapes = {
            "model.loadings": (arrays.loadings.shape, (a, p)),
            "model.centre": (arrays.centre.shape, (p,)),
            "model.scale": (arrays.scale.shape, (p,)),
            "model.score_variance": (arrays.score_variance.shape, (a,)),
            "model.residual_variance": (arrays.residual_variance.shape, (p,)),
            "target.loadings": (targets.loadings.shape, (m, a)),
            **{f"target.{k}": (v.shape, (m,)) for k, v in _named(targets).items() if k[0] != "l"},
            "columns": ((len(self.model_columns),), (p,)),
        }
        wrong = [name for name, (found, wanted) in shapes.items() if found != wanted]
        every = [*_named(arrays).values(), *_named(targets).values()]
        limits = np.array([self.facts.t2_limit, self.facts.spe_limit])
        is_finite = all(np.isfinite(array).all() for array in (*every, limits))
        is_spread = a > 0 and (arrays.score_variance > 0).all() and (arrays.scale > 0).all()
        is_known = self.facts.arithmetic in range(1, ARITHMETIC + 1)
        is_known &= type(self.facts.arithmetic) is int
        if wrong or not is_finite or not is_spread or self.facts.n_rows < 2 or not is_known:
            message = f"the parts of the plan do not fit together: {wrong or 'bad numbers'}"
            raise PlanError(message)


def _named(group: LatentArrays | TargetArrays) -> dict[str, Floats]:
    return {f.name: getattr(group, f.name) for f in fields(group)}


def _frozen(group: LatentArrays | TargetArrays) -> dict[str, Floats]:
    return {name: _frozen_array(array) for name, array in _named(group).items()}


def _frozen_array(array: Floats) -> Floats:
    """A contiguous copy that cannot be changed, with -0.0 as 0.0: one number, one pattern."""
    own = np.array(array, dtype=np.float64, order="C", copy=True) + 0.0
    own.setflags(write=False)
    return own
