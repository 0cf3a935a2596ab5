"""The parts that a scoring plan is made of, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from goldenbatch.science._arrays import Bools, Floats, Integers

ARITHMETIC = 2
"""How plans that are made now are reckoned; see `PlanFacts`."""


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
        arithmetic: 1, or 2 for plans made since scoring sums in columns and solves for missing
            values without LAPACK; the bits of an older plan stay as they were.
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
    arithmetic: int = 1

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
