"""Estimates against closed forms and textbook figures; failures and unknowns are reported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.process.fitting.models import batch, decay, michaelis, split_decay, two_step

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import ModelBuilder, ModelRef, Noise, Pid, Prior, Recipe, Settings
from goldenbatch.science.process.fitting import (
    Batch,
    Loss,
    Measured,
    Problem,
    Search,
    fit,
    measured,
)


def decayed(k: float, start: float = 1.0):
    return {"y": lambda t: start * np.exp(-k * t)}


def test_the_standard_error_of_a_decay_is_the_formula() -> None:
    t = np.array([0.5, 1.0, 2.0, 4.0])
    found = fit(Problem(decay(), (batch(t, decayed(0.5)),), fitted=("k",)))
    assert found["k"].value == pytest.approx(0.5, rel=1e-5)
    information = float((t**2 * np.exp(-2 * 0.5 * t)).sum()) / 0.01**2
    assert found["k"].se == pytest.approx(information**-0.5, rel=1e-4)
    # The inner scale is log k: its information is k^2 times that of k.
    assert found.information[0, 0] == pytest.approx(0.25 * information, rel=1e-4)
    assert found.status == "converged"
    assert found.rmse("y") < 1e-6


MISRA_1A = (
    (77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1,
     760.0),
    (10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47,
     81.78),
    (500.0, 1e-4), (2.3894212918e02, 5.5015643181e-04), (2.7070075241, 7.2668688436e-06),
    1.2455138894e-01,
)  # fmt: skip
BOX_BOD = (
    (1.0, 2.0, 3.0, 5.0, 7.0, 10.0), (109.0, 149.0, 149.0, 191.0, 213.0, 224.0),
    (1.0, 1.0), (2.1380940889e02, 5.4723748542e-01), (1.2354515176e01, 1.0455993237e-01),
    1.1680088766e03,
)  # fmt: skip


@pytest.mark.parametrize("certified", [MISRA_1A, BOX_BOD], ids=["Misra1a", "BoxBOD"])
def test_reference_problems_give_the_certified_values(certified) -> None:
    """NIST StRD: y = b1 (1 - exp(-b2 x)) solves y' = b2 (b1 - y); BoxBOD from its hard start."""
    x, y, start, values, errors, rss = certified
    m = ModelBuilder("nist", version="1", title="Saturation", time_unit="s")
    state = m.state("y", "1", scale=10.0)
    b1 = m.parameter("b1", "1", value=start[0], lower=0.1, upper=1e4)
    b2 = m.parameter("b2", "1/s", value=start[1], lower=1e-7, upper=10.0)
    m.derivative(state, b2 * (b1 - state))
    m.output("volume", state, "1")
    data = {"volume": Measured(np.array(x), np.array(y))}
    problem = Problem(m.build(), (Batch("a", Recipe(x[-1], x[-1]), data),), fitted=("b1", "b2"))
    found = fit(problem, Search(tolerance=1e-12))
    for label, value, error in zip(("b1", "b2"), values, errors, strict=True):
        assert found[label].value == pytest.approx(value, rel=1e-5)
        assert found[label].se == pytest.approx(error, rel=1e-3)
    of = found.residuals[0]
    assert ((of.measured - of.predicted) ** 2).sum() == pytest.approx(rss, rel=1e-4)


def test_batches_share_what_is_shared_and_keep_what_is_theirs() -> None:
    t = np.linspace(0.5, 6.0, 9)
    batches = tuple(
        batch(t, decayed(0.5, start), name=name, unknown_initial={"c": None}, initial={"c": guess})
        for name, start, guess in (("a", 1.0, 2.0), ("b", 3.0, 2.0))
    )
    found = fit(Problem(decay(), batches, fitted=("k",)))
    assert found.values == pytest.approx({"k": 0.5, "x0.c@a": 1.0, "x0.c@b": 3.0}, rel=1e-5)
    assert found.initial("b") == pytest.approx({"c": 3.0}, rel=1e-5)
    other = (
        batch(t, decayed(0.5), name="a"),
        batch(t, decayed(1.5), name="b"),
    )
    found = fit(Problem(decay(), other, per_batch=("k",)))
    assert found.values == pytest.approx({"k@a": 0.5, "k@b": 1.5}, rel=1e-5)
    assert found.parameters("b") == pytest.approx({"k": 1.5}, rel=1e-5)


def test_missing_values_are_left_out_and_counted() -> None:
    t = np.array([3.0, 1.0, 2.0, 2.0])
    values = np.exp(-0.5 * t)
    values[1] = np.nan
    one = Batch("a", Recipe(5.0, 1.0), {"y": Measured(t, values)})
    found = fit(Problem(decay(), (one,), fitted=("k",)))
    assert (found.n_data, found.n_missing) == (3, 1)
    assert found["k"].value == pytest.approx(0.5, rel=1e-5)
    empty = Batch("a", Recipe(5.0, 1.0), {"y": Measured(t, np.full(4, np.nan))})
    with pytest.raises(DataError, match="no batch has a measured value"):
        fit(Problem(decay(), (empty,), fitted=("k",)))


@pytest.mark.parametrize("kind", ["huber", "soft_l1", "student"])
def test_a_robust_loss_is_not_led_astray_by_gross_errors(kind) -> None:
    t = np.linspace(0.25, 5.0, 20)
    one = batch(t, decayed(0.5), noise=0.01, seed=3)
    spoilt = one.data["y"].values.copy()
    spoilt[[2, 9]] += 0.6
    one = Batch("a", one.recipe, {"y": Measured(t, spoilt)})
    squares = fit(Problem(decay(), (one,), fitted=("k",)))
    robust = fit(Problem(decay(), (one,), fitted=("k",), loss=Loss(kind)))
    assert abs(squares["k"].value - 0.5) > 0.05
    assert abs(robust["k"].value - 0.5) < 0.02


def test_a_prior_and_data_meet_in_proportion_to_what_they_know() -> None:
    t = np.array([1.0])
    prior = Prior.normal(0.1)
    m = ModelBuilder("line", version="1", title="Ramp", time_unit="h")
    y = m.state("y", "1", initial=0.0)
    m.derivative(y, m.parameter("k", "1/h", value=1.0, lower=-9.0, upper=9.0))
    m.output("y", y, "1", noise=Noise(0.1))
    one = batch(t, {"y": lambda t: 2.0 * t})
    found = fit(Problem(m.build(), (one,), fitted=("k",), priors={"k": prior}))
    assert found["k"].value == pytest.approx(1.5, abs=1e-6)
    assert found["k"].se == pytest.approx(0.1 / 2**0.5, rel=1e-6)
    assert found.objective == pytest.approx(50.0, rel=1e-6)
    elsewhere = Problem(m.build(), (one,), ("k",), parameters={"k": 5.0}, priors={"k": prior})
    assert fit(elsewhere)["k"].value == pytest.approx(1.5, abs=1e-5)


def test_relative_errors_are_those_of_the_prediction() -> None:
    t = np.linspace(0.2, 4.0, 60)
    values = np.exp(-0.5 * t) * (1 + 0.2 * np.random.default_rng(5).standard_normal(t.size))
    one = Batch("a", Recipe(4.0, 1.0), {"y": Measured(t, values)})
    found = fit(Problem(decay(0.0, 0.2), (one,), fitted=("k",)))
    # Weighed at the measured value, low readings would pull: k comes out near 0.53.
    assert abs(found["k"].value - 0.5) < 4 * found["k"].se
    assert found["k"].se == pytest.approx(0.2 / np.sqrt((t**2).sum()), rel=0.01)


def test_unknown_errors_are_estimated() -> None:
    one = batch(np.linspace(0.1, 4.0, 60), decayed(0.5), noise=0.03, seed=2)
    found = fit(Problem(decay(0.0), (one,), fitted=("k",)))
    assert found.sd[0] == pytest.approx(0.03, rel=0.25)
    assert found.reduced_chi2 == pytest.approx(1.0, rel=0.02)


def test_every_start_is_reported_and_the_best_is_taken() -> None:
    one = batch(np.linspace(0.2, 6.0, 6), {"y": lambda t: np.exp(-0.5 * t)}, noise=0.01, seed=1)
    problem = Problem(michaelis(), (one,), fitted=("Vm", "K"))
    found = fit(problem, Search(n_starts=4, seed=4))
    assert len(found.starts) == 4
    objectives = [start.objective for start in found.starts]
    assert objectives == sorted(objectives)
    assert all(start.reason for start in found.starts)
    again = fit(problem, Search(n_starts=4, seed=4))
    assert again.values == found.values


def blow_up():
    m = ModelBuilder("blow-up", version="1", title="Finite escape time", time_unit="h")
    c = m.state("c", "1", initial=1.0)
    m.derivative(c, m.parameter("k", "1/h", value=0.2, lower=0.01, upper=100.0) * c**2)
    m.output("y", c, "1", noise=Noise(0.01))
    return m.build()


def test_a_start_that_cannot_be_run_is_a_failed_start() -> None:
    one = batch([1.0, 2.0], {"y": lambda t: 1 / (1 - 0.3 * t)})
    problem = Problem(blow_up(), (one,), fitted=("k",))
    quick = Settings(rtol=1e-7, atol=1e-9, max_steps=400, ladder=(("cvodes", 1.0),))
    found = fit(problem, Search(n_starts=3, seed=0, solver=quick))
    assert found["k"].value == pytest.approx(0.3, rel=1e-4)
    failed = [start for start in found.starts if start.status == "failed"]
    assert failed
    assert all(start.reason and start.objective == np.inf for start in failed)
    hopeless = Problem(blow_up(), (one,), fitted=("k",), parameters={"k": 50.0})
    with pytest.raises(DataError, match="every start of the fit failed"):
        fit(hopeless, Search(solver=quick))


def test_what_the_data_do_not_hold_has_no_standard_error() -> None:
    one = batch(np.array([1.0, 2.0, 3.0]), decayed(0.5))
    found = fit(Problem(split_decay(), (one,), fitted=("a", "b", "idle")))
    assert [found[name].se for name in ("a", "b", "idle")] == [np.inf] * 3
    assert found["a"].value + found["b"].value == pytest.approx(0.5, rel=1e-5)


def test_an_estimate_at_its_bound_says_so() -> None:
    one = batch(np.array([1.0, 2.0]), decayed(0.5))
    found = fit(Problem(decay(), (one,), fitted=("k",), bounds={"k": (0.8, 3.0)}))
    assert found["k"].is_at_bound
    assert found["k"].value == pytest.approx(0.8)
    assert np.isnan(found["k"].se)


@settings(max_examples=8, deadline=None)
@given(k1=st.floats(0.4, 3.0), k2=st.floats(0.05, 1.0), seed=st.integers(0, 99))
def test_known_parameters_are_found_again(k1: float, k2: float, seed: int) -> None:
    if abs(k1 - k2) < 0.05:
        k2 /= 2
    t = np.linspace(0.4, 6.0, 6)
    a = {"yA": lambda t: np.exp(-k1 * t),
         "yB": lambda t: k1 / (k2 - k1) * (np.exp(-k1 * t) - np.exp(-k2 * t))}  # fmt: skip
    one = batch(t, a, noise=0.01, seed=seed)
    found = fit(Problem(two_step(), (one,), fitted=("k1", "k2")))
    for name, true in (("k1", k1), ("k2", k2)):
        assert abs(found[name].value - true) < 5.0 * found[name].se


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99))
def test_estimates_do_not_depend_on_the_unit_of_mass(seed: int) -> None:
    t = np.linspace(0.4, 6.0, 5)
    both = []
    for factor in (1.0, 1000.0):
        data = batch(
            t, {"yA": lambda t, f=factor: f * np.exp(-t), "yB": lambda t, f=factor: f * t / 9},
            noise=0.01 * factor, seed=seed,
        )  # fmt: skip
        both.append(fit(Problem(two_step(factor), (data,), fitted=("k1", "k2"))))
    for name in ("k1", "k2"):
        assert both[0][name].value == pytest.approx(both[1][name].value, rel=1e-5)
        assert both[0][name].se == pytest.approx(both[1][name].se, rel=1e-4)
    assert both[0].objective == pytest.approx(both[1].objective, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batches": ()}, "batches are called"),
        ({"fitted": ()}, "nothing is to be fitted"),
        ({"per_batch": ("k",)}, "asked for twice"),
        ({"fitted": ("kk",)}, "no 'kk'"),
        ({"bounds": {"k": (2.0, 3.0)}}, "outside its bounds"),
        ({"noise": {"y": None}, "loss": Loss("huber")}, "robust loss needs"),
        ({"logarithmic": ("c",), "batches": (batch([1.0], decayed(1.0), initial={"c": 0.0},
                                                   unknown_initial={"c": None}),)}, "logarithm"),
    ],
)  # fmt: skip
def test_an_impossible_problem_is_refused(change: dict, words: str) -> None:
    given = {"batches": (batch([1.0], decayed(1.0)),), "fitted": ("k",), **change}
    with pytest.raises((DataError, DesignError), match=words):
        fit(Problem(decay(), **given))


def test_a_batch_with_strange_data_or_a_controller_is_refused() -> None:
    with pytest.raises(DataError, match="'z', no output of decay"):
        Problem(decay(), (batch([1.0], {"z": np.exp}),), fitted=("k",))
    pid = Pid("TC", "y", "F", 1.0, gain=1.0, integral_time=1.0, high=1.0, interval=0.1)
    one = Batch("a", Recipe(1.0, 1.0, controllers=(pid,)), {})
    with pytest.raises(DesignError, match="controllers"):
        Problem(decay(), (one,), fitted=("k",))
    with pytest.raises(DataError, match="before the run"):
        Measured(np.array([-1.0]), np.array([1.0]))
    with pytest.raises(DataError, match="times for"):
        Measured(np.array([1.0, 2.0]), np.array([1.0]))
    with pytest.raises(DesignError, match="degrees of freedom"):
        Loss("student", freedom=0.0)


def test_texts_with_units_are_data_too() -> None:
    found = measured(decay(), "y", [1.0, 2.0, 3.0], ["500 mg/L", None, 0.2])
    assert found.values[[0, 2]].tolist() == [0.5, 0.2]
    assert np.isnan(found.values[1])
    with pytest.raises(DataError, match="no output 'x'"):
        measured(decay(), "x", [], [])


def test_starts_can_be_run_elsewhere() -> None:
    ref = ModelRef.of("tests.science.process.fitting.models:decay")
    one = batch(np.array([1.0, 2.0]), decayed(0.5))
    sent = []

    def elsewhere(function, tasks):
        sent.extend(tasks)
        return [function(task) for task in tasks]

    problem = Problem(ref, (one,), fitted=("k",))
    assert fit(problem, Search(n_starts=3), executor=elsewhere)["k"].value == pytest.approx(0.5)
    assert len(sent) == 3
    assert problem.digest == Problem(decay(), (one,), fitted=("k",)).digest
