"""Plans of many units as one artefact: canonical bytes, a predictor of rows that stand alone."""

import numpy as np
import pytest

from goldenbatch.science.errors import PlanError
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.latent.fleet_model import ANY, FleetModel
from goldenbatch.science.predictors.loading import FLEET_MODEL, load_predictor
from goldenbatch.science.predictors.prediction import is_same_alone

TAGS = ["a", "b", "c", "d"]


def _rows(n, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)) @ rng.standard_normal((2, 4)) + rng.standard_normal((n, 4))


def _plan(seed, lags=0, columns=TAGS, **more):
    model = DynamicPCA(2, lags=lags, alarms=AlarmSettings(n_folds=3, **more))
    return model.fit(_rows(120, seed)).plan(columns)


def test_bytes_are_canonical_and_changed_ones_are_refused():
    one, other = _plan(1), _plan(2)
    model = FleetModel({"b": other, "a": one, "c": one})
    raw = model.to_bytes()
    again = FleetModel.from_bytes(raw, model.digest)
    assert again == model and again.to_bytes() == raw
    assert len(raw) < len(one.to_bytes()) * 2.5  # plans that are alike are there once
    assert again.plan_of("c") == one and again.plan_of("x") is None
    assert FleetModel({ANY: one, "b": other}).plan_of("x") == one
    for place in range(0, len(raw), max(1, len(raw) // 50)):
        broken = bytearray(raw)
        broken[place] ^= 0x41
        with pytest.raises(PlanError):
            FleetModel.from_bytes(bytes(broken), model.digest)
        try:
            assert FleetModel.from_bytes(bytes(broken)).to_bytes() == bytes(broken)
        except PlanError:
            pass
    for cut in (0, 7, 16, 40, len(raw) - 1):
        with pytest.raises(PlanError):
            FleetModel.from_bytes(raw[:cut])
    with pytest.raises(PlanError):
        FleetModel.from_bytes(raw + b"x")


def test_plans_of_other_columns_are_refused():
    with pytest.raises(PlanError, match="same columns"):
        FleetModel({"a": _plan(1), "b": _plan(2, columns=["a", "b", "c", "x"])})
    with pytest.raises(PlanError, match="needs plans"):
        FleetModel({})


def test_rows_that_stand_alone_are_judged_where_the_plan_can():
    plan, rows = _plan(1), _rows(20, 5)
    rows[3, 1] = np.nan
    predictor = load_predictor(FleetModel({ANY: plan}).to_bytes(), FLEET_MODEL)
    assert is_same_alone(predictor, rows)
    found = predictor.predict(rows)
    scores, _ = plan.score(rows)
    assert np.array_equal(found.value[:, 0], scores.severity, equal_nan=True)
    assert np.array_equal(found.in_domain, scores.is_scored & ~scores.is_alarm)
    for model in (FleetModel({"a": plan}), FleetModel({ANY: _plan(1, lags=1)})):
        other = load_predictor(model.to_bytes(), FLEET_MODEL)
        assert np.isnan(other.predict(rows).value).all() and other.facts.notes
        assert not other.predict(rows).in_domain.any()
