"""The next experiment: textbook optima, and gains that a second batch then really brings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, decay, michaelis, split_decay

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import ModelBuilder, Noise, Prior, Recipe
from goldenbatch.science.process.fitting import (
    Aim,
    Batch,
    Candidate,
    Problem,
    choose_times,
    fit,
    optimise_experiment,
    rank_experiments,
)

FALL = {"y": lambda t: np.exp(-0.5 * t)}


def fitted(model=None, names=("k",), **more):
    one = batch([0.5, 1.0], FALL, noise=0.001, seed=1, **more)
    problem = Problem(model or decay(), (one,), fitted=names)
    return problem, fit(problem)


def run(times, name="next", **more) -> Candidate:
    last = max(*times, 1.0)
    return Candidate.sampled(Batch(name, Recipe(last, last), **more), {"y": times})


def test_the_best_time_for_a_decay_is_its_time_constant() -> None:
    problem, found = fitted()
    factors, gain = optimise_experiment(problem, found, lambda f: run([f[0]]), [(0.1, 8.0)])
    assert factors[0] == pytest.approx(1.0 / found["k"].value, rel=0.01)
    assert gain.volume < 1.0
    grid, _ = choose_times(problem, found, run([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0]), 1)
    assert grid.batch.data["y"].times.tolist() == [2.0]


def test_with_an_unknown_start_one_sample_goes_to_the_beginning() -> None:
    """Box & Lucas 1959: y = A exp(-k t) is best sampled at 0 and, after it, at 1/k."""
    problem, found = fitted()
    wide = replace(problem, bounds={"x0.c": (0.0, 20.0)})
    free = run(list(np.arange(0.0, 8.01, 0.5)), unknown_initial={"c": None})
    kept, _ = choose_times(wide, found, free, 2)
    assert kept.batch.data["y"].times.tolist() == [0.0, 2.0]
    known = run(list(np.arange(0.0, 8.01, 0.5)), unknown_initial={"c": Prior.normal(1e-4)})
    kept, _ = choose_times(wide, found, known, 1)
    assert kept.batch.data["y"].times.tolist() == [2.0]


def test_the_expected_error_is_the_one_that_the_batch_then_brings() -> None:
    problem, found = fitted()
    times = [1.0, 2.0, 3.0]
    (gain,) = rank_experiments(problem, found, [run(times)])
    more = batch(times, {"y": lambda t: np.exp(-found["k"].value * t)}, name="next")
    after = fit(replace(problem, batches=(*problem.batches, more)))
    relative = found["k"].se / found["k"].value
    assert gain.before["k"] == pytest.approx(relative, rel=1e-3)
    assert gain.after["k"] == pytest.approx(after["k"].se / after["k"].value, rel=1e-3)
    assert gain.volume == pytest.approx(gain.ratios["k"], rel=1e-6)


def test_a_richer_start_tells_the_constants_of_an_enzyme_apart() -> None:
    problem, found = fitted(michaelis(), ("Vm", "K"))
    starts = (0.2, 1.0, 20.0)
    candidates = [
        run([1.0, 3.0, 6.0, 9.0], name=f"S={start:g}", initial={"S": start}) for start in starts
    ]
    for criterion in ("D", "A", "E"):
        gains = rank_experiments(problem, found, candidates, Aim(criterion))
        assert gains[0].candidate == "S=20"
        assert gains[0].value <= gains[1].value <= gains[2].value < 0.0
    of_one = rank_experiments(problem, found, candidates, Aim(of=("K",)))
    assert list(of_one[0].ratios) == ["K"]
    posterior = found.posterior(50, seed=1)
    robust = rank_experiments(problem, found, candidates, Aim(posterior=posterior, n_points=4))
    assert robust[0].candidate == "S=20"
    assert robust[0].worst >= robust[0].value


def test_no_run_tells_apart_what_cannot_be() -> None:
    problem, found = fitted(split_decay(), ("a", "b"))
    (gain,) = rank_experiments(problem, found, [run([0.5, 1.0, 2.0, 4.0])], Aim(of=("a",)))
    assert gain.ratios["a"] == pytest.approx(1.0, abs=0.01)


def test_a_run_that_would_overflow_is_no_candidate() -> None:
    m = ModelBuilder("vessel", version="1", title="Feed and decay", time_unit="h")
    V = m.state("V", "L", initial=1.0, lower=0.0)
    c = m.state("c", "g/L", initial=1.0, lower=0.0)
    F = m.input("F", "L/h", lower=0.0, valid=(0.0, 0.5))
    k = m.parameter("k", "1/h", value=0.5, lower=0.01, upper=5.0)
    m.derivative(V, F)
    m.derivative(c, -k * c - F / V * c)
    m.output("y", c, "g/L", noise=Noise(0.01))
    m.stop("overflow", V - m.constant("full", 4.0, "L"))
    problem = Problem(m.build(), (batch([1.0], FALL),), fitted=("k",))
    candidates = [
        Candidate.sampled(Batch(f"F={feed:g}", Recipe(4.0, 1.0, {"F": feed})), {"y": [1.0, 4.0]})
        for feed in (0.9, 0.0, 0.6)
    ]
    gains = rank_experiments(problem, fit(problem), candidates)
    assert [gain.candidate for gain in gains] == ["F=0", "F=0.6", "F=0.9"]
    assert [gain.is_extrapolated for gain in gains] == [False, True, True]
    assert "overflow at 3.33" in gains[2].reason
    assert np.isinf(gains[2].value)
    with pytest.raises(DataError, match="no candidate can be run: overflow"):
        rank_experiments(problem, fit(problem), candidates[:1])


def test_what_cannot_be_designed_is_refused() -> None:
    problem, found = fitted()
    with pytest.raises(DesignError, match="no candidate"):
        rank_experiments(problem, found, [])
    with pytest.raises(DesignError, match="'q' was not fitted"):
        rank_experiments(problem, found, [run([1.0])], Aim(of=("q",)))
    with pytest.raises(DesignError, match="3 samples of 2"):
        choose_times(problem, found, run([1.0, 2.0]), 3)
    with pytest.raises(DataError, match="no point"):
        optimise_experiment(
            problem,
            found,
            lambda f: Candidate.sampled(Batch("n", Recipe(1.0, 1.0)), {"y": [5.0]}),
            [(0, 1)],
        )
