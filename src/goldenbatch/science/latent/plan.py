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
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix
from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent.steps import Step, StepKind, apply_steps, row_dot, row_squares


class LimitKind(StrEnum):
    """Which limits of T2 and SPE decide whether a row is in the domain."""

    THEORETICAL = "theoretical"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True, eq=False)
class LatentArrays:
    """The model plane; a components, p columns after the steps.

    Attributes:
        centre, scale: shape (p,).
        projection: scores are the projection of scaled rows, shape (a, p).
        loadings: rows are rebuilt from scores with these, shape (a, p).
        score_variance: of the training scores, shape (a,).
        residual_variance: of the scaled training residuals, shape (p,).
    """

    centre: Floats
    scale: Floats
    projection: Floats
    loadings: Floats
    score_variance: Floats
    residual_variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class TargetArrays:
    """What is predicted; m targets. m is 0 for a PCA.

    Attributes:
        loadings: shape (m, a).
        centre, scale: shape (m,).
        variance: of a prediction error at the centre of the model, target units squared, (m,).
        quantile: of Student's t for the interval's coverage, shape (m,).
    """

    loadings: Floats
    centre: Floats
    scale: Floats
    variance: Floats
    quantile: Floats


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Names and numbers of a plan that are no arrays.

    Attributes:
        kind: pca or pls.
        columns: names of the columns of a raw row.
        targets: names of what is predicted.
        n_rows: of the training data.
        t2_limit, spe_limit: in force.
        limit_kind: which limits are in force.
        limits: every limit that was made, and its confidence (see `DomainLimits.to_json`).
        coverage: of the prediction interval; 0 where nothing is predicted.
        max_missing_fraction: rows with a larger share of missing columns are not scored.
        fitted_until: end (exclusive) of the training rows, index or time; None if unknown.
    """

    kind: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    n_rows: int
    t2_limit: float
    spe_limit: float
    limit_kind: LimitKind
    limits: Mapping[str, float | None]
    coverage: float = 0.0
    max_missing_fraction: float = 0.5
    fitted_until: int | None = None

    def __post_init__(self) -> None:
        """Freeze the limits too: the digest stands for them."""
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))


@dataclass(frozen=True, slots=True, eq=False)
class PlanScores:
    """Scores of n rows. What is not scored is NaN, and not in the domain.

    Attributes:
        t2, spe: distances in and from the model plane, shape (n,); never negative.
        in_domain: both within their limits, shape (n,).
        is_scored: enough columns were there, shape (n,).
        n_missing: columns missing after the steps, shape (n,).
        scores: coordinates in the model plane, shape (n, a).
        values: predictions, shape (n, m).
        lower, upper: of the prediction interval, shape (n, m); they hold in the domain only.
    """

    t2: Floats
    spe: Floats
    in_domain: Bools
    is_scored: Bools
    n_missing: Integers
    scores: Floats
    values: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """How much each column adds to T2 and SPE; 0 where the column is missing.

    Attributes:
        columns: names after the steps, p of them.
        t2: complete decomposition; a row sums to its T2, parts may be negative, shape (n, p).
        spe: squared residual with the sign of the residual, shape (n, p).
    """

    columns: tuple[str, ...]
    t2: Floats
    spe: Floats


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
    def _rebuild(self) -> Floats:
        """Loadings with components as the inner axis, shape (p, a)."""
        return np.ascontiguousarray(self.arrays.loadings.T)

    @cached_property
    def _turned(self) -> Floats:
        """Projection with components as the inner axis, shape (p, a)."""
        return np.ascontiguousarray(self.arrays.projection.T)

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
        Z, T, is_scored, n_missing = self._project(X)
        residuals = _residuals(Z, T, self._rebuild)
        weight = Z.shape[1] / np.maximum(Z.shape[1] - n_missing, 1)
        spe = row_squares(residuals) * weight
        spe[~is_scored] = np.nan
        scaled = T / np.sqrt(self.arrays.score_variance)
        t2 = row_squares(scaled)
        is_near = is_scored & (t2 <= self.facts.t2_limit) & (spe <= self.facts.spe_limit)
        values, half = self._predict(T, t2)
        lower, upper = values - half, values + half
        return PlanScores(t2, spe, is_near, is_scored, n_missing, T, values, lower, upper)

    def contributions(self, X: ArrayLike) -> Contributions:
        """Split T2 and SPE of rows over the columns.

        References:
            Westerhuis et al. (2000), equations 8 (T2, complete decomposition) and 4 (SPE).
        """
        Z, T, _, n_missing = self._project(X)
        residuals = _residuals(Z, T, self._rebuild)
        part = row_dot(T / self.arrays.score_variance, self.arrays.projection.T)
        weight = (Z.shape[1] / np.maximum(Z.shape[1] - n_missing, 1))[:, None]
        t2 = np.nan_to_num(part * Z, nan=0.0)
        spe = np.sign(residuals) * residuals * residuals * weight
        return Contributions(self.model_columns, t2, np.nan_to_num(spe, nan=0.0))

    def target_contributions(self, X: ArrayLike) -> Floats:
        """Split predictions of rows over the columns, shape (n, m, p); NaN where not scored.

        With the centre of the target they sum to the prediction; a missing column adds 0.
        """
        Z, _, is_scored, n_missing = self._project(X)
        units = self.targets.scale[:, None] * row_dot(self.targets.loadings, self._turned)
        parts = np.nan_to_num(Z, nan=0.0)[:, None, :] * units
        for i in np.flatnonzero(is_scored & (n_missing > 0)):
            known = ~np.isnan(Z[i])
            scores = _trimmed_weights(known, self.arrays) * Z[i, known]
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

    def _project(self, X: ArrayLike) -> tuple[Floats, Floats, Bools, Integers]:
        """Scaled rows with NaN where missing, scores, whether scored, and missing columns."""
        rows = matrix(np.atleast_2d(np.asarray(X, dtype=np.float64)), "X")
        if rows.shape[1] != len(self.facts.columns):
            message = f"rows have {rows.shape[1]} columns; the plan has {len(self.facts.columns)}"
            raise DataError(message)
        Z = (apply_steps(self.steps, rows) - self.arrays.centre) / self.arrays.scale
        is_missing = np.isnan(Z)
        n_missing = is_missing.sum(axis=1).astype(np.int64)
        is_scored = n_missing <= self.facts.max_missing_fraction * Z.shape[1]
        is_scored &= n_missing < Z.shape[1]
        T = np.full((len(Z), len(self.arrays.projection)), np.nan)
        is_whole = n_missing == 0
        T[is_whole] = row_dot(Z[is_whole], self.arrays.projection)
        for i in np.flatnonzero(is_scored & ~is_whole):
            T[i] = _trimmed_scores(Z[i], ~is_missing[i], self.arrays)
        return Z, T, is_scored, n_missing

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
        if wrong or not is_finite or not is_spread or self.facts.n_rows < 2:
            message = f"the parts of the plan do not fit together: {wrong or 'bad numbers'}"
            raise PlanError(message)


def _residuals(Z: Floats, T: Floats, rebuild: Floats) -> Floats:
    """What the scores leave over, not z'z - t't: that loses all digits where SPE is small."""
    rest = np.asarray(Z - row_dot(T, rebuild))
    rest[np.isnan(Z)] = 0.0
    return rest


def _trimmed_scores(z: Floats, known: Bools, arrays: LatentArrays) -> Floats:
    """Trimmed-score regression (Arteaga and Ferrer 2002).

    With t the scores, R z(known) = G t + noise, G = R(known) P(known)'. As R e = 0 for each
    training residual e, the noise is -R(missing) e(missing); its residuals count as uncorrelated.
    """
    G, covariance = _trimmed(known, arrays)
    trimmed = row_dot(z[None, known], arrays.projection[:, known])[0]
    solved = np.linalg.lstsq(covariance, trimmed, rcond=None)[0]
    return np.asarray(
        arrays.score_variance * row_dot(solved[None, :], np.ascontiguousarray(G.T))[0]
    )


def _trimmed_weights(known: Bools, arrays: LatentArrays) -> Floats:
    """The same as a matrix: scores are its product with z(known); shape (a, n_known)."""
    G, covariance = _trimmed(known, arrays)
    solved = np.linalg.lstsq(covariance, arrays.projection[:, known], rcond=None)[0]
    turned = row_dot(np.ascontiguousarray(solved.T), np.ascontiguousarray(G.T))
    return np.asarray(arrays.score_variance[:, None] * turned.T)


def _trimmed(known: Bools, arrays: LatentArrays) -> tuple[Floats, Floats]:
    """G, and the covariance of the trimmed scores."""
    R, P = arrays.projection, arrays.loadings
    G = row_dot(R[:, known], P[:, known])
    lost = R[:, ~known]
    noise = row_dot(lost * arrays.residual_variance[~known], lost)
    return G, row_dot(G * arrays.score_variance, G) + noise


def _named(group: LatentArrays | TargetArrays) -> dict[str, Floats]:
    return {f.name: getattr(group, f.name) for f in fields(group)}


def _frozen(group: LatentArrays | TargetArrays) -> dict[str, Floats]:
    return {name: _frozen_array(array) for name, array in _named(group).items()}


def _frozen_array(array: Floats) -> Floats:
    """A contiguous copy that cannot be changed, with -0.0 as 0.0: one number, one pattern."""
    own = np.array(array, dtype=np.float64, order="C", copy=True) + 0.0
    own.setflags(write=False)
    return own
