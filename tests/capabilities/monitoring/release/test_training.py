"""Release models for the registry: what is read back says what was fitted."""

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.release.training import train_release
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_training import TrainingRows
from goldenbatch.science.forward.choice import candidate
from goldenbatch.science.predictors import load_predictor
from goldenbatch.science.predictors.prediction import is_same_alone


def rows(n=80):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, 1.0]
    y = 4.0 + X[:, 0] + 0.2 * X[:, 1] + 0.3 * rng.normal(size=n)
    groups = tuple(str(k // 4) for k in range(n))
    return TrainingRows(("force", "speed", "water"), X, np.maximum(y, 12.0), groups, "assay", "%")


@pytest.mark.parametrize(
    "name", ["ridge", "tobit", "extra-trees", "extra-trees-transformed", "boosting", "average"]
)
def test_the_artefact_says_what_the_model_says(name):
    if name not in ("ridge", "tobit"):
        pytest.importorskip("skops")
    given = rows()
    frozen = train_release(given, {"candidate": name, "limit": 12.0, "n_trees": 10}, 3)
    predictor = load_predictor(frozen.content, frozen.media_type)
    assert predictor.facts.inputs == given.names
    model = candidate(name, limit=12.0, n_trees=10, seed=3).fit(given.inputs, given.reference)
    found = predictor.predict(given.inputs).value[:, 0]
    assert found == pytest.approx(np.asarray(model.predict(given.inputs)).reshape(-1))
    assert is_same_alone(predictor, given.inputs[:6])
    again = train_release(given, {"candidate": name, "limit": 12.0, "n_trees": 10}, 3)
    assert again.settings == frozen.settings and again.seeds == {"model": 3}


def test_a_linear_model_knows_its_interval_and_its_domain():
    given = rows()
    frozen = train_release(given, {"candidate": "ridge"}, 0)
    predictor = load_predictor(frozen.content, frozen.media_type)
    far = given.inputs[:2] + np.array([[0.0, 0.0, 0.0], [99.0, 0.0, 0.0]])
    found = predictor.predict(far)
    assert found.in_domain.tolist() == [True, False]
    assert predictor.facts.coverage == 0.9
    half = found.upper[0, 0] - found.value[0, 0]
    assert 0.3 < half < 1.2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"candidate": "oracle"}, "candidate"),
        ({"candidate": "tobit"}, "reporting limit"),
        ({"depth": 3}, "depth"),
    ],
)
def test_what_is_wrong_is_said(settings, words):
    with pytest.raises(BadInputError, match=words):
        train_release(rows(), settings, 0)


def test_too_few_rows_are_refused():
    with pytest.raises(BadInputError, match="too few"):
        train_release(rows(20), {}, 0)
