"""Draws, predictions of another batch, their intervals and scores."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, decay, michaelis, split_decay, twins

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Noise, Prior, Recipe
from goldenbatch.science.process.fitting import (
    Asked,
    Batch,
    Chains,
    Measured,
    Problem,
    baselines,
    domain_of,
    draw,
    fit,
    predict,
    sample,
    score,
)
from goldenbatch.science.process.fitting.prediction import without_values
from goldenbatch.science.process.fitting.sampler import effective_size

T = np.array([0.2, 0.5, 1.2, 2.5, 4.0, 6.0])
FALL = {"y": lambda t: np.exp(-0.5 * t)}


def fitted(model, names, noise=0.01, **more):
    problem = Problem(model, (batch(T, FALL, noise=noise, seed=3),), fitted=names, **more)
    return problem, fit(problem)


def test_the_chain_and_the_normal_approximation_agree_where_it_is_normal() -> None:
    problem, found = fitted(decay(), ("k",))
    chains = sample(problem, found, Chains(n_chains=2, n_steps=300, n_warm=100, seed=1))
    assert chains.has_converged
    assert 0.1 < chains.acceptance < 0.7
    assert 50 < chains.effective["k"] <= 600
    draws = chains.posterior.draws[:, 0]
    assert draws.mean() == pytest.approx(found["k"].value, abs=0.4 * found["k"].se)
    assert draws.std() == pytest.approx(found["k"].se, rel=0.25)
    laplace = found.posterior(2000, seed=1).draws[:, 0]
    assert laplace.std() == pytest.approx(found["k"].se, rel=0.1)
    assert chains.posterior.source == problem.digest
    wide = found.posterior(2000, seed=1, inflation=9.0).draws[:, 0]
    assert wide.std() == pytest.approx(3 * found["k"].se, rel=0.1)


def test_chains_that_are_stuck_are_worth_little() -> None:
    slow = np.cumsum(np.random.default_rng(1).standard_normal((3, 400)), axis=1)
    assert effective_size(slow) < 60
    with pytest.raises(DesignError, match="at least two chains"):
        Chains(n_chains=1)


def test_intervals_cover_what_they_say() -> None:
    """Over many fitted and held-out batches the 80 % interval holds about 80 %."""
    inside = []
    for seed in range(12):
        problem = Problem(decay(), (batch(T, FALL, noise=0.01, seed=seed),), fitted=("k",))
        posterior = fit(problem).posterior(60, seed=seed)
        other = batch(T, FALL, noise=0.01, seed=100 + seed, name="other")
        got = predict(decay(), without_values(other), posterior, Asked(level=0.8, seed=seed))
        inside.append(score(got["y"], other.data["y"]).coverage)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.1)


def test_what_is_not_identified_widens_the_prediction_that_depends_on_it() -> None:
    """At S << K only Vm/K is known: a batch at high S is predicted with a wide interval."""
    problem, found = fitted(michaelis(), ("Vm", "K"))
    blind = {"y": Measured(T, np.full(T.size, np.nan))}
    same, rich = (Batch("r", Recipe(6.0, 6.0), blind, initial={"S": s}) for s in (1.0, 20.0))
    short = Chains(n_chains=2, n_steps=400, n_warm=200, seed=2)
    trusted = draw(problem, found, 60, chains=short)
    assert trusted.method.startswith("adaptive importance")
    widths = {}
    for name, posterior in (("trusted", trusted), ("normal", found.posterior(60, seed=2))):
        for start, one in ((1, same), (20, rich)):
            got = predict(michaelis(), one, posterior)["y"]
            widths[name, start] = float((got.model_upper - got.model_lower).max())
    assert widths["trusted", 1] < 0.1
    assert widths["trusted", 20] > 3.0
    rough = draw(problem, found, 60, chains=short, most_unknowns=1)
    assert rough.method.startswith("laplace, only")
    # The normal approximation leaves the curved ridge: it does not even know the fitted batch.
    assert widths["normal", 1] > 3 * widths["trusted", 1]


def test_where_the_normal_approximation_holds_no_chain_is_run() -> None:
    problem, found = fitted(decay(), ("k",))
    posterior = draw(problem, found, 300, chains=Chains(seed=4))
    assert posterior.method.startswith("laplace, 100%")
    assert posterior.draws.std() == pytest.approx(found["k"].se, rel=0.2)


def test_an_unknown_start_widens_the_interval() -> None:
    _, found = fitted(decay(), ("k",))
    posterior = found.posterior(200, seed=1)
    data = {"y": Measured(np.array([0.0, 1.0]), np.full(2, np.nan))}
    sure = predict(decay(), Batch("s", Recipe(1.0, 1.0), data), posterior)["y"]
    unsure = predict(
        decay(),
        Batch("u", Recipe(1.0, 1.0), data, unknown_initial={"c": Prior.normal(0.2)}),
        posterior,
    )["y"]
    assert sure.model_upper[0] - sure.model_lower[0] == pytest.approx(0.0, abs=1e-9)
    assert unsure.model_upper[0] - unsure.model_lower[0] == pytest.approx(2 * 1.96 * 0.2, rel=0.2)


def test_a_fixed_parameter_goes_with_the_posterior() -> None:
    problem, found = fitted(split_decay(), ("a",), parameters={"b": 0.4})
    posterior = found.posterior(50, seed=0)
    assert posterior.names == ("a", "b")
    assert set(posterior.draws[:, 1]) == {0.4}
    got = predict(split_decay(), problem.batches[0], posterior)["y"]
    assert got.median == pytest.approx(np.exp(-0.5 * T), abs=0.02)


def test_scores_are_those_of_the_textbook() -> None:
    _, found = fitted(decay(), ("k",))
    other = batch(T, FALL, name="o")
    got = predict(decay(), other, found.posterior(100, seed=0), Asked(noise={"y": Noise(0.02)}))
    of = score(got["y"], other.data["y"])
    assert of.n == T.size
    assert of.mae <= of.rmse
    assert of.width == pytest.approx(2 * 1.96 * 0.02, rel=0.15)
    # A normal forecast of sd s at its own mean scores s (sqrt(2) - 1) / sqrt(pi).
    assert of.crps == pytest.approx(0.02 * (2**0.5 - 1) / np.pi**0.5, rel=0.25)
    rivals = baselines(Problem(decay(), (batch(T, FALL),), fitted=("k",)), other)
    assert rivals["declared parameters"]["y"] > 0.1 > of.rmse
    assert rivals["first value"]["y"] > rivals["mean of the others"]["y"] > of.rmse


def test_a_posterior_of_another_model_and_other_times_are_refused() -> None:
    _, found = fitted(decay(), ("k",))
    posterior = found.posterior(20, seed=0)
    with pytest.raises(DataError, match="the posterior is of"):
        predict(split_decay(), batch(T, FALL), posterior)
    with pytest.raises(DataError, match="no times"):
        predict(decay(), Batch("e", Recipe(1.0, 1.0), {}), posterior)
    got = predict(decay(), batch(T, FALL), posterior)["y"]
    with pytest.raises(DataError, match="different times"):
        score(got, Measured(T + 1, T))
    with pytest.raises(DesignError, match="level"):
        Asked(level=1.0)


def test_vectors_are_fitted_and_predicted_element_by_element() -> None:
    falls = {"y0": lambda t: np.exp(-0.3 * t), "y1": lambda t: 1.5 * np.exp(-0.8 * t)}
    one = batch(T, falls, noise=0.01, unknown_initial={"c": None}, initial={"c": [1.0, 1.2]})
    problem = Problem(twins(), (one,), fitted=("k",))
    found = fit(problem)
    assert found["k[1]"].value == pytest.approx(0.8, abs=0.05)
    assert found["x0.c[1]@one"].value == pytest.approx(1.5, abs=0.05)
    domain = domain_of(problem, found)
    assert domain["y1"] == pytest.approx((1.5 * np.exp(-4.8), 1.5), abs=0.03)
    other = batch(T, falls, name="other", initial={"c": [1.0, 3.0]})
    got = predict(twins(), other, found.posterior(30, seed=1), Asked(domain=domain))["y1"]
    assert got.median == pytest.approx(3.0 * np.exp(-0.8 * T), abs=0.1)
    assert [note.name for note in got.notes if note.kind == "extrapolation"] == ["y1"]
