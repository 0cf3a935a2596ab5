"""Advice on set-points: only what is adjustable, only where batches have been, only if it holds.

Advice is a proposal for people. It names the step, the gain that the past lets expect, with an
interval, and everything that it rests on; nothing is written to equipment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.drivers.causes import Causes
from goldenbatch.science.drivers.correction import RidgeCorrection
from goldenbatch.science.drivers.forward import Walk, weights_of
from goldenbatch.science.drivers.rows import Rows
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.intervals import Interval

Point = Mapping[str, float]
Allowed = Callable[[Point], bool]
"""Whether a design space holds a point of adjustable variables."""


@dataclass(frozen=True)
class Adjustable:
    """A variable that people may set.

    Attributes:
        column: Its name.
        lower, upper: Proven acceptable range, in the unit of the column.
    """

    column: str
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            message = f"{self.column}: the proven range {self.lower} to {self.upper} is empty"
            raise DesignError(message)


@dataclass(frozen=True)
class AdviceSettings:
    """How advice is looked for.

    Attributes:
        n_recent: Batches of the product whose median is the present setting.
        inner_share: Share of the product's own settings that the advice stays within.
        n_steps: Steps that are tried from the present setting to each end.
        n_resamples: Of the lots.
        confidence: Of the interval of the gain, two-sided.
        higher_is_better: Whether y should rise.
        seed: Of the resampling.
    """

    n_recent: int = 10
    inner_share: float = 0.9
    n_steps: int = 20
    n_resamples: int = 300
    confidence: float = 0.95
    higher_is_better: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Advice:
    """What is proposed for one variable of one product, or why nothing is.

    Attributes:
        column: The variable.
        present: Median of the newest batches.
        proposed: Setting; equal to `present` where there is no advice.
        gain: Expected change of y, as far as predictions held forward in time.
        interval: Of the gain; None where none was computed.
        why_not: Why there is no advice; empty: there is.
    """

    column: str
    present: float
    proposed: float
    gain: float
    interval: Interval | None
    why_not: str = ""

    @property
    def is_advice(self) -> bool:
        """Whether something is proposed."""
        return not self.why_not


def advise(
    rows: Rows,
    walked: Walk,
    causes: Causes,
    adjustables: Sequence[Adjustable],
    product: int,
    settings: AdviceSettings | None = None,
    *,
    is_allowed: Allowed | None = None,
    slopes: Floats | None = None,
) -> tuple[Advice, ...]:
    """Propose settings of adjustable variables for one product, one at a time.

    The step goes as far as the proven range, the settings that the product has seen, the nearest
    batches and the design space let it. Its gain is the change of the fitted line, times the
    share of such changes that held forward in time; both are resampled by lots.

    Args:
        rows: All batches.
        walked: Forward predictions.
        causes: Of `rank_causes`: only a named one is advised on.
        adjustables: Variables that people may set.
        product: Number of the product.
        settings: How.
        is_allowed: Of the design space; None: the ranges alone.
        slopes: Of `draw_slopes` for the same variables, where they serve several products.

    Raises:
        DataError: A variable is no column, or the product has fewer than 8 batches.

    References:
        ICH Q8(R2) (design space, proven acceptable range).
        Davison and Hinkley (1997), Bootstrap Methods and their Application, 3.8.

    >>> generator = np.random.default_rng(0)
    >>> X = generator.normal(size=(160, 3))
    >>> y = generator.normal(size=160) + 2 * X[:, 1]
    >>> rows = Rows.of(X, y, list("abc"), product=np.zeros(160),
    ...                lot=np.arange(160) // 3, block=np.arange(160) // 6)
    >>> from goldenbatch.science.drivers import run_study
    >>> found = run_study(rows, rows.block < 10)
    >>> (one,) = advise(rows, found.walked, found.causes, [Adjustable("b", -1.0, 1.0)], 0)
    >>> one.proposed, one.gain > 1.0, one.interval.lower > 0.0
    (1.0, True, True)
    """
    chosen = settings or AdviceSettings()
    own = (rows.product == product) & ~np.isnan(rows.y)
    places = _places(rows, adjustables)
    if int(own.sum()) < 8:
        message = f"the product has {int(own.sum())} batches with a result; 8 are needed"
        raise DataError(message)
    space = _Space(rows, own, places, chosen, is_allowed)
    drawn = draw_slopes(rows, walked, adjustables, chosen) if slopes is None else slopes
    return tuple(
        _one(space, drawn[:, k], one, k, causes, chosen) for k, one in enumerate(adjustables)
    )


class _Space:
    """Where batches of a product have been."""

    def __init__(
        self,
        rows: Rows,
        own: Bools,
        places: Sequence[int],
        settings: AdviceSettings,
        is_allowed: Allowed | None,
    ) -> None:
        self.names = [rows.columns[k] for k in places]
        seen = rows.X[own][:, list(places)]
        seen = seen[np.argsort(rows.block[own], kind="stable")]
        self.seen = seen[~np.isnan(seen).any(axis=1)]
        self.is_allowed = is_allowed
        if len(self.seen) < 8:
            message = (
                f"{len(self.seen)} batches of the product have all of {', '.join(self.names)}; "
                "8 are needed"
            )
            raise DataError(message)
        self.present = np.median(self.seen[-settings.n_recent :], axis=0)
        tail = 0.5 * (1.0 - settings.inner_share)
        self.inner = np.quantile(self.seen, [tail, 1.0 - tail], axis=0)
        # Whitened, so that two variables that always went together may not part.
        spread = np.where(self.seen.std(axis=0) > 0, self.seen.std(axis=0), 1.0)
        scaled = (self.seen - self.seen.mean(axis=0)) / spread
        covariance = np.einsum("ni,nj->ij", scaled, scaled) / len(scaled)
        factor = np.linalg.cholesky(covariance + 1e-4 * np.eye(len(spread)))
        self.white = np.linalg.inv(factor).T / spread[:, None]
        apart = [self._distance(one, skip=1) for one in self.seen]
        self.limit = float(np.quantile(apart, 0.95))

    def _distance(self, point: Floats, skip: int = 0) -> float:
        """To the third nearest batch; 1 is skipped where the point is a batch itself."""
        apart = np.einsum("ni,ij->nj", self.seen - point, self.white)
        every = np.sort(np.sqrt((apart**2).sum(axis=1)))
        return float(every[min(2 + skip, len(every) - 1)])

    def why_outside(self, point: Floats) -> str:
        """Why a point is not where batches have been; empty: it is."""
        if self._distance(point) > self.limit:
            return "no batches of the product lie near such a setting"
        names = dict(zip(self.names, (float(one) for one in point), strict=True))
        if self.is_allowed is not None and not self.is_allowed(names):
            return "the design space does not hold such a setting"
        return ""


def _one(
    space: _Space,
    slopes: Floats,
    adjustable: Adjustable,
    k: int,
    causes: Causes,
    settings: AdviceSettings,
) -> Advice:
    present = float(space.present[k])
    named = [one for one in causes.named if one.lead == adjustable.column]

    def nothing(why: str, interval: Interval | None = None) -> Advice:
        return Advice(adjustable.column, present, present, 0.0, interval, why)

    if not named:
        return nothing("it is no named cause: see the ranking for what speaks against it")
    if not adjustable.lower <= present <= adjustable.upper:
        return nothing("the present setting lies outside the proven range: look into that first")
    direction = np.sign(np.median(slopes)) * (1.0 if settings.higher_is_better else -1.0)
    proposed, why = _furthest(space, adjustable, k, direction, settings)
    if proposed == present:
        return nothing(why)
    tail = 0.5 * (1.0 - settings.confidence)
    gains = slopes * (proposed - present)
    low, high = (float(one) for one in np.quantile(gains, [tail, 1.0 - tail]))
    interval = Interval(low, high, settings.confidence)
    if interval.covers(0.0):
        return nothing("the interval of the expected gain holds 0", interval)
    return Advice(adjustable.column, present, proposed, float(np.median(gains)), interval)


def _furthest(
    space: _Space, adjustable: Adjustable, k: int, direction: float, settings: AdviceSettings
) -> tuple[float, str]:
    """The furthest step that every bound holds, and why it goes no further."""
    present = float(space.present[k])
    if direction > 0:
        end = min(adjustable.upper, float(space.inner[1, k]))
    else:
        end = max(adjustable.lower, float(space.inner[0, k]))
    if (end - present) * direction <= 0:
        return present, "it already stands at the end of what is proven and has been seen"
    why = ""
    for share in np.linspace(1.0, 0.0, settings.n_steps + 1)[:-1]:
        point = space.present.copy()
        point[k] = present + share * (end - present)
        why = space.why_outside(point)
        if not why:
            return float(point[k]), ""
    return present, why


def _places(rows: Rows, adjustables: Sequence[Adjustable]) -> list[int]:
    missing = [one.column for one in adjustables if one.column not in rows.columns]
    if missing:
        message = f"adjustable {missing[0]!r} is no column of the batches"
        raise DataError(message)
    return [rows.columns.index(one.column) for one in adjustables]


def draw_slopes(
    rows: Rows,
    walked: Walk,
    adjustables: Sequence[Adjustable],
    settings: AdviceSettings | None = None,
) -> Floats:
    """Slopes of resampled lots, times the share that held forward; (n_resamples, n_adjustables).

    The share is that by which the corrections of the walk held on later batches of the same
    resample, between nothing and all.

    Args:
        rows: All batches.
        walked: Forward predictions.
        adjustables: Variables that people may set.
        settings: How many resamples.

    Raises:
        DataError: A variable is no column.
    """
    settings = settings or AdviceSettings()
    places = _places(rows, adjustables)
    found = walked.found
    usable = np.flatnonzero(~np.isnan(found.y_difference) & (found.n_known > 0))
    lots = np.unique(rows.lot[usable])
    newest = walked.fitted[max(walked.fitted)].correction if walked.fitted else None
    ridge = newest if isinstance(newest, RidgeCorrection) else RidgeCorrection()
    generator = np.random.default_rng(settings.seed)
    weights = weights_of(found)
    slopes = np.zeros((settings.n_resamples, len(places)))
    for i in range(settings.n_resamples):
        times = generator.multinomial(len(lots), np.full(len(lots), 1.0 / len(lots)))
        n = times[np.searchsorted(lots, rows.lot[usable])].astype(float)
        model = clone(ridge).fit(
            found.X_difference[usable], found.y_difference[usable],
            sample_weight=weights[usable] * n,
        )  # fmt: skip
        slopes[i] = model.coef_[places] * _held(walked, usable, n)
    return slopes


def _held(walked: Walk, usable: Integers, n: Floats) -> float:
    """Share of the forward corrections that held, in one resample."""
    is_scored = walked.is_scored[usable]
    guess = walked.correction[usable][is_scored]
    truth = walked.found.y_difference[usable][is_scored]
    squares = float((n[is_scored] * guess) @ guess)
    if squares <= 0:
        return 0.0
    return min(1.0, max(0.0, float((n[is_scored] * guess) @ truth) / squares))
