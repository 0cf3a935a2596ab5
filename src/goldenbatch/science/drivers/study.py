"""A whole study: choose on the past, predict what came later, compare with what costs nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.drivers.causes import Causes, CauseSettings, rank_causes
from goldenbatch.science.drivers.forward import Choice, ForwardSettings, Walk, choose, walk_forward
from goldenbatch.science.drivers.rows import Level, Rows, differences
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.intervals import Interval
from goldenbatch.science.statistics.performance import PredictedRows, performance


@dataclass(frozen=True)
class StudySettings:
    """How a study is made.

    Attributes:
        forward: What may be chosen from.
        causes: When a cause may be named.
        confidence: Of the interval of the ratio to the baseline, two-sided.
        is_share: y is 0 or 1: predictions are kept between them.
        seed: Of all resampling.
    """

    forward: ForwardSettings = field(default_factory=ForwardSettings)
    causes: CauseSettings = field(default_factory=CauseSettings)
    confidence: float = 0.95
    is_share: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Study:
    """What was found.

    Attributes:
        rows: The batches.
        choice: Made on the past.
        walked: Predictions of the later ones.
        rmse: Of the predictions; of y's own unit.
        baselines: Level to its root mean square error on the same rows.
        best: The baseline with the smallest.
        ratio: rmse over that of the best baseline.
        interval: Of the ratio, by bootstrap-t over lots and over blocks, the wider; None where
            there are too few for one.
        r2: Share of the variance of the later batches that is predicted.
        r2_within: The same beyond the mean of the product, as it was known.
        n_scored, n_lots, n_blocks: Later batches, their lots and blocks.
        causes: Ranked candidates; None where there are too few lots.
        note: Why there are none, if so.
    """

    rows: Rows
    choice: Choice
    walked: Walk
    rmse: float
    baselines: Mapping[Level, float]
    best: Level
    ratio: float
    interval: Interval | None
    r2: float
    r2_within: float
    n_scored: int
    n_lots: int
    n_blocks: int
    causes: Causes | None
    note: str = ""

    @property
    def is_better(self) -> bool:
        """Whether the predictions beat the best baseline beyond the interval."""
        return self.interval is not None and self.interval.upper < 1.0


def run_study(
    rows: Rows,
    is_past: Bools,
    settings: StudySettings | None = None,
    is_scored: Bools | None = None,
) -> Study:
    """Choose on the past, predict the later rows block after block, rank candidate causes.

    Args:
        rows: All batches.
        is_past: Rows that the choice may be made on, shape (n,): whole blocks, the earliest.
        settings: How.
        is_scored: Later rows that are predicted and measured, shape (n,); None: all later ones.
            The others are learnt from in their turn.

    Raises:
        DataError: A later block is not later than the past, or there is too little to choose on
            or to predict.

    >>> generator = np.random.default_rng(0)
    >>> t = np.arange(160)
    >>> X = generator.normal(size=(160, 3))
    >>> rows = Rows.of(X, 95 + 2 * X[:, 1] + generator.normal(size=160), ["a", "b", "c"],
    ...                product=t % 2, lot=t // 3, block=t // 8)
    >>> found = run_study(rows, rows.block < 10)
    >>> found.is_better, [one.lead for one in found.causes.named]
    (True, ['b'])
    """
    chosen = settings or StudySettings()
    past = np.asarray(is_past, dtype=np.bool_)
    if past.shape != (rows.n,) or not past.any() or past.all():
        message = "the past is some of the rows, and some are left to predict"
        raise DataError(message)
    if rows.block[past].max() >= rows.block[~past].min():
        message = "the past must end before the first block that is to be predicted begins"
        raise DataError(message)
    choice = choose(rows.where(past), chosen.forward)
    scored = ~past if is_scored is None else ~past & np.asarray(is_scored, dtype=np.bool_)
    walked = walk_forward(rows, scored, choice.level, chosen.forward)
    if chosen.is_share:
        walked = _kept_between(walked)
    return _measured(rows, choice, walked, chosen)


def _kept_between(walked: Walk) -> Walk:
    predicted = np.clip(walked.predicted, 0.0, 1.0)
    return Walk(
        walked.is_scored, predicted, predicted - walked.found.level, walked.found,
        walked.block, walked.fitted,
    )  # fmt: skip


def _measured(rows: Rows, choice: Choice, walked: Walk, settings: StudySettings) -> Study:
    levels = {one: differences(rows, one).level for one in Level}
    scored = walked.is_scored & ~np.isnan(walked.predicted)
    if int(scored.sum()) < 4:
        message = f"{int(scored.sum())} later batches can be predicted; 4 are needed"
        raise DataError(message)
    truth = rows.y[scored]
    error = _mean_square(truth - walked.predicted[scored])
    plain = {one: _mean_square(truth - level[scored]) for one, level in levels.items()}
    best = min(plain, key=lambda one: plain[one])
    interval = _ratio_interval(rows, walked.predicted, levels[best], scored, settings)
    is_better = interval is not None and interval.upper < 1.0
    note, causes = "", None
    try:
        causes = rank_causes(rows, walked, settings.causes, is_better=is_better, seed=settings.seed)
    except DataError as unfit:
        note = str(unfit)
    return Study(
        rows=rows,
        choice=choice,
        walked=walked,
        rmse=math.sqrt(error),
        baselines={one: math.sqrt(value) for one, value in plain.items()},
        best=best,
        ratio=math.sqrt(error / plain[best]) if plain[best] > 0 else math.nan,
        interval=interval,
        r2=_share_explained(error, float(np.var(truth))),
        r2_within=_share_explained(error, plain[Level.MEAN]),
        n_scored=int(scored.sum()),
        n_lots=len(np.unique(rows.lot[scored])),
        n_blocks=len(np.unique(rows.block[scored])),
        causes=causes,
        note=note,
    )


def _ratio_interval(
    rows: Rows, predicted: Floats, baseline: Floats, scored: Bools, settings: StudySettings
) -> Interval | None:
    """The wider of the intervals over lots and over blocks of time."""
    n = int(scored.sum())
    nan = np.full(n, math.nan)
    confidence = 0.5 * (1.0 + settings.confidence)
    ends = []
    for way in (rows.lot, rows.block):
        table = PredictedRows(
            truth=rows.y[scored],
            predicted=predicted[scored],
            lower=nan,
            upper=nan,
            is_in_domain=np.ones(n, dtype=np.bool_),
            groups=way[scored],
            baseline=baseline[scored],
            practice=nan,
        )
        found = performance("rmse_ratio_to_baseline", table, confidence, seed=settings.seed)
        if found.lower is None or found.upper is None:
            return None
        ends.append((found.lower, found.upper))
    lower, upper = min(one[0] for one in ends), max(one[1] for one in ends)
    return Interval(lower, upper, settings.confidence)


def _mean_square(errors: Floats) -> float:
    return float(np.mean(errors**2))


def _share_explained(error: float, whole: float) -> float:
    return 1.0 - error / whole if whole > 0 else math.nan
