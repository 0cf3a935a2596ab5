"""The evaluation against figures reckoned by hand, and rows that cannot be used."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import (
    ForwardRows,
    Reported,
    Specification,
    binomial_p_value,
    evaluate_forward,
)


def rows(limit=-math.inf, n=40, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.array(["a", "b"] * (n // 2))
    level = np.where(codes == "a", 10.0, 20.0)
    cause = rng.normal(size=n)
    y = level + cause + 0.3 * rng.normal(size=n)
    return ForwardRows(
        attribute="assay",
        unit="%",
        reported=Reported.of(y, limit),
        predicted=level + cause,
        baselines={"mean": level + 0.0, "other": level + 5.0},
        lower=level + cause - 0.5,
        upper=level + cause + 0.5,
        codes=codes.tolist(),
        lots=[str(k // 4) for k in range(n)],
        periods=[str(k // 8) for k in range(n)],
        in_domain=np.arange(n) > 3,
        held_out=level + 0.8 * cause,
    )


def test_figures_are_those_of_their_definitions():
    made = rows()
    y, guess = made.reported.values, made.predicted
    found = evaluate_forward(made)
    own, base = (
        np.sqrt(np.mean((guess - y) ** 2)),
        np.sqrt(np.mean((made.baselines["mean"] - y) ** 2)),
    )
    assert (found.rmse, found.best_baseline) == (pytest.approx(own), "mean")
    assert found.baselines["mean"] == pytest.approx(base)
    assert found.ratio == pytest.approx(own / base)
    centred = sum(float(np.sum((y[k::2] - y[k::2].mean()) ** 2)) for k in (0, 1))
    assert found.within_code_r2 == pytest.approx(1 - np.sum((guess - y) ** 2) / centred)
    assert found.r2 == pytest.approx(1 - np.sum((guess - y) ** 2) / np.sum((y - y.mean()) ** 2))
    held = int(np.sum(np.abs(guess - y) <= 0.5))
    assert found.coverage == held / 40
    assert found.coverage_p_value == pytest.approx(binomial_p_value(held, 40, 0.9))
    assert found.mean_width == pytest.approx(1.0)
    assert found.domain_share == 0.9
    assert (found.n_lots, found.n_periods, found.n_codes) == (10, 5, 2)
    assert found.ratio_held_out.ratio > found.ratio
    low, high = found.ratio_interval
    assert low == min(found.ratio_by_lots.lower, found.ratio_by_periods.lower)
    assert high == max(found.ratio_by_lots.upper, found.ratio_by_periods.upper)


def test_the_censored_share_is_told_and_measured_rows_stand_alone():
    made = rows(limit=10.0)
    found = evaluate_forward(made)
    measured = ~made.reported.is_censored
    y, guess = made.reported.values, made.predicted
    assert 0 < found.uncensored_share == measured.mean() < 1
    assert found.rmse_uncensored == pytest.approx(
        np.sqrt(np.mean((np.maximum(guess, 10.0) - y)[measured] ** 2))
    )
    assert found.limit == 10.0


def test_results_outside_the_specification_that_would_pass_are_counted():
    made = rows()
    y = made.reported.values
    limits = Specification(upper=float(np.sort(y)[-3]))
    found = evaluate_forward(made, specification=limits)
    outside = y > limits.upper
    assert found.n_outside == int(outside.sum()) == 2
    assert found.n_outside_missed == int((outside & (made.upper <= limits.upper)).sum())
    assert found.width_in_room == pytest.approx(0.5 / (limits.upper - y.mean()))


def test_rows_without_result_or_prediction_are_left_out():
    made = rows()
    values, guess = made.reported.values.copy(), made.predicted.copy()
    values[0], guess[1] = np.nan, np.nan
    found = evaluate_forward(replace(made, reported=Reported.of(values), predicted=guess))
    assert found.n == 38
    json.dumps(found.to_json(), allow_nan=False)


def test_without_intervals_nothing_is_said_of_them():
    nothing = np.full(40, np.nan)
    found = evaluate_forward(replace(rows(), lower=nothing, upper=nothing))
    assert found.n_intervals == 0 and found.coverage is None and found.coverage_p_value is None


def test_refusals():
    with pytest.raises(DataError, match="baseline"):
        evaluate_forward(replace(rows(), baselines={}))
    with pytest.raises(DataError, match="0 rows"):
        evaluate_forward(replace(rows(), predicted=np.full(40, np.nan)))
