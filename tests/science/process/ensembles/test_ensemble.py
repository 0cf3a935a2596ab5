"""Ensembles: every member is a row, and every engine gives the same row."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import (
    Happening,
    Linear,
    ModelRef,
    Pid,
    Prior,
    Recipe,
    Settings,
    simulate,
)
from goldenbatch.science.process.declarations import Parameter
from goldenbatch.science.process.ensembles.ensemble import run_ensemble
from goldenbatch.science.process.ensembles.factors import Factor
from goldenbatch.science.process.ensembles.figures import Criterion, Figure
from goldenbatch.science.process.ensembles.members import Members, quantile
from goldenbatch.science.process.ensembles.study import Study
from goldenbatch.science.process.posterior import Posterior, prior

from . import _models

RECIPE = Recipe(
    duration=4.0,
    interval=1.0,
    inputs={"feed": Linear((0.0, 4.0), (0.0, 1.0))},
    events=(Happening("bolus", 1.5, {"amount": "500 mg/L"}),),
)
FINAL = Figure.final("c")


def _exact(k: np.ndarray, c0: np.ndarray) -> np.ndarray:
    """Final concentration of RECIPE: decay, bolus and a ramp of the feed of 1/4 a hour."""
    ramp = 0.25 * (4.0 / k - 1.0 / k**2 + np.exp(-4.0 * k) / k**2)
    return c0 * np.exp(-4.0 * k) + 0.5 * np.exp(-2.5 * k) + ramp


@pytest.mark.parametrize("engine", ["casadi", "simulate"])
def test_every_engine_gives_the_exact_solution(engine: str) -> None:
    model = _models.decay()
    members = Members.of(model, prior(model, 20, seed=1))
    study = Study(model, RECIPE, figures=(FINAL, Figure.maximum("twice")), engine=engine)
    found = run_ensemble(study, members)
    k, c0 = members.parameters.T
    assert found["final c"] == pytest.approx(_exact(k, c0), abs=2e-5)
    one = simulate(model, RECIPE, parameters={"k": k[3], "c_start": c0[3]})
    assert found["maximum twice"][3] == pytest.approx(one["twice"].max(), abs=2e-5)
    assert found.provenance.posterior == prior(model, 20, seed=1).digest
    assert found.provenance.recipe_digest == RECIPE.digest


def test_a_stopped_run_counts_as_infeasible_unless_its_end_is_accepted() -> None:
    model = _models.decay()
    recipe = Recipe(4.0, 1.0, inputs={"feed": 2.0})
    members = Members.spread(model, 8, seed=2, initial={"c": 4.9})
    criteria = (Criterion(Figure.minimum("c"), lower="1 mg/L"),)
    hot = Study(model, recipe, criteria=criteria)
    members = members.with_levels(
        model, (Factor.parameter("k", 0, 1),), np.linspace(0.1, 0.9, 8)[:, None]
    )
    found = run_ensemble(hot, members)
    # c' = 2 - k c > 0 up to c = 5 where k < 0.4.
    stops = np.linspace(0.1, 0.9, 8) < 0.4
    assert ((found.status == 1) == stops).all()
    assert found.counted_reasons() == {"ended by 'full'": int(stops.sum())}
    assert found.feasible().n_stopped == stops.sum()
    assert found.feasible().n_feasible == 8 - stops.sum()
    accepted = run_ensemble(
        Study(model, recipe, criteria=criteria, accepted_stops=("full",)), members
    )
    assert accepted.feasible().n_feasible == 8


def test_failures_are_counted_by_reason_and_never_feasible() -> None:
    model = _models.decay(fails=True)
    draws = np.array([[0.5, 2.0, 0.0], [0.5, 2.0, 9.0], [-0.5, 2.0, 0.0], [0.5, 9.0, 0.0]])
    posterior = Posterior(
        model.name, model.digest, ("k", "c_start", "grow"), draws, "by hand", "data"
    )
    study = Study(
        model, Recipe(2.0, 1.0), criteria=(Criterion(FINAL, upper=100.0),),
        columns=("c",), settings=Settings(max_steps=400),
    )  # fmt: skip
    found = run_ensemble(study, Members.of(model, posterior))
    assert found.status.tolist() == [0, 2, 2, 2]
    reasons = [*found.counted_reasons()]
    assert reasons[0].startswith("solver gave up")
    assert "impossible parameter 'k'" in reasons
    assert any(one.startswith("refused") and "'full'" in one for one in reasons)
    assert found.is_retried.tolist() == [False, True, False, False]
    share = found.feasible()
    assert (share.n_feasible, share.n, share.n_failed) == (1, 4, 3)
    assert np.isnan(found["final c"][1:]).all()
    assert np.isfinite(found.band("c", [0.5])).all()
    assert found.to_arrow().column("status").to_pylist()[2] == "failed"


def test_factors_change_the_recipe_member_by_member() -> None:
    model = _models.decay()
    factors = (
        Factor.event_argument(0, "amount", 0.0, 1.0, name="bolus"),
        Factor.duration(2.0, 4.0),
        Factor.scale("feed", 0.5, 2.0),
        Factor.start("c", 0.0, 3.0),
    )
    levels = np.array([[0.0, 2.0, 1.0, 1.0], [1.0, 4.0, 2.0, 2.0], [0.5, 3.3, 0.5, 0.0]])
    study = Study(model, RECIPE, (FINAL, Figure.end_time()), factors=factors)
    found = run_ensemble(study, Members.nominal(model).take(np.zeros(3, int)), levels)
    assert found["end_time"] == pytest.approx(levels[:, 1])
    for row, (amount, duration, scale, start) in zip(found["final c"], levels, strict=True):
        recipe = Recipe(
            duration, 1.0, inputs={"feed": Linear((0.0, 4.0), (0.0, scale))},
            events=(Happening("bolus", 1.5, {"amount": amount}),),
        )  # fmt: skip
        assert row == pytest.approx(
            simulate(model, recipe, initial={"c": start}).final("c"), abs=1e-7
        )
    assert found.units["bolus"] == "g/L"


def test_chunks_in_threads_and_in_other_processes_give_the_same_rows() -> None:
    ref = ModelRef.of(f"{_models.__name__}:decay")
    model = ref.load()
    members = Members.spread(model, 12, seed=4, method="latin hypercube")
    study = Study(ref, RECIPE, figures=(FINAL,), columns=("c",))
    whole = run_ensemble(study, members)
    with ThreadPoolExecutor(2) as pool:
        threads = run_ensemble(study, members, executor=pool.map, chunk=5)
    packed = run_ensemble(
        study, members, executor=lambda f, tasks: [f(pickle.loads(pickle.dumps(t))) for t in tasks]
    )
    for other in (threads, packed):
        assert np.array_equal(whole["final c"], other["final c"])
        assert np.array_equal(whole.columns["c"], other.columns["c"])
        assert whole.provenance == other.provenance


def test_extrapolation_is_marked_member_by_member() -> None:
    model = _models.decay()
    levels = np.array([[2.0], [2.3]])
    study = Study(model, Recipe(1.0, 1.0), (FINAL,), factors=(Factor.start("c", 0.0, 3.0),))
    found = run_ensemble(study, Members.nominal(model).take(np.zeros(2, int)), levels)
    assert found.is_extrapolated.tolist() == [False, True]
    assert found.extrapolated_share == 0.5


def test_a_controller_runs_one_by_one_and_its_set_point_is_a_factor() -> None:
    model = _models.decay()
    pid = Pid("CC", "twice", "feed", 2.0, gain=1.0, integral_time=0.5, interval=0.1)
    study = Study(
        model, Recipe(8.0, 0.1, controllers=(pid,)), (FINAL,),
        factors=(Factor.set_point("CC", 1.0, 4.0),),
    )  # fmt: skip
    found = run_ensemble(
        study, Members.nominal(model).take(np.zeros(2, int)), np.array([[2.0], [3.0]])
    )
    assert found["final c"] == pytest.approx([1.0, 1.5], abs=0.02)
    with pytest.raises(DesignError, match="no controllers"):
        run_ensemble(Study(model, study.recipe, (FINAL,), engine="casadi"), Members.nominal(model))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"factors": (Factor.input("heat", 0.0, 1.0),)}, "'heat'"),
        ({"factors": (Factor.hold(0, 0.0, 1.0),)}, "no Hold"),
        ({"factors": (Factor.duration(1, 2), Factor.duration(1, 3))}, "two factors"),
        ({"criteria": (Criterion(FINAL),)}, "at least one"),
        ({"criteria": (Criterion(FINAL, lower="1 K"),)}, "1 K"),
        ({"figures": (Figure.final("nothing"),)}, "no column 'nothing'"),
        ({"accepted_stops": ("empty",)}, "no event 'empty'"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused(change: dict, words: str) -> None:
    model = _models.decay()
    with pytest.raises((DesignError, DataError)) as caught:
        run_ensemble(Study(model, RECIPE, **change), Members.nominal(model))
    assert words in str(caught.value)


def test_members_of_another_model_are_refused() -> None:
    with pytest.raises(DataError, match="Draw them"):
        run_ensemble(
            Study(_models.decay(), RECIPE, (FINAL,)), Members.nominal(_models.decay(fails=True))
        )


def test_linear_times_of_figures_are_exact_on_straight_lines() -> None:
    t, y = np.array([0.0, 2.0, 4.0]), np.array([[0.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert Figure.time_above("y", 3.0).of(t, y) == pytest.approx([1.0, 0.0])
    assert Figure("time_below", "y", 1.0).of(t, y) == pytest.approx([1.0, 4.0])
    assert Figure("first_above", "y", 1.0).of(t, y) == pytest.approx([0.5, np.nan], nan_ok=True)
    assert Figure("first_below", "y", 1.0).of(t, y) == pytest.approx([0.0, 0.0])
    assert Figure("integral", "y").of(t, y) == pytest.approx([8.0, 0.0])
    assert Figure("mean", "y").of(t, y) == pytest.approx([2.0, 0.0])
    assert Figure("time_of_maximum", "y").of(t, y)[0] == 2.0
    assert Figure.at("y", 5.0).of(t, y) == pytest.approx([np.nan] * 2, nan_ok=True)


def test_algebraic_equations_are_carried_along() -> None:
    model = _models.buffered()
    recipe = Recipe(1.0, 0.25, events=(Happening("acid", 0.5, {"amount": 0.1}),))
    members = Members.spread(model, 4, seed=1)
    study = Study(model, recipe, (Figure.final("a"), Figure.final("z"), Figure.final("z out")))
    fast = run_ensemble(study, members)
    slow = run_ensemble(Study(model, recipe, study.figures, engine="simulate"), members)
    for name, values in slow.values.items():
        assert fast[name] == pytest.approx(values, rel=1e-5)
    assert not fast.is_retried.any()
    with pytest.raises(DesignError, match="no algebraic"):
        run_ensemble(Study(model, recipe, study.figures, engine="kernel"), members)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.floats(-10.0, 10.0), min_size=2, max_size=12),
    limit=st.floats(-12.0, 12.0),
)
def test_times_above_and_below_make_the_whole(rows: list[float], limit: float) -> None:
    t, y = np.arange(float(len(rows))), np.array([rows])
    above = Figure.time_above("y", limit).of(t, y)[0]
    below = Figure("time_below", "y", limit).of(t, y)[0]
    level = np.sum((y[0, 1:] == limit) & (y[0, :-1] == limit))
    assert above + below == pytest.approx(t[-1] - level)
    assert (above > 0.0) == (y.max() > limit) or np.nextafter(limit, 99.0) >= y.max() - 1e-9


@settings(max_examples=30, deadline=None)
@given(
    low=st.floats(0.05, 0.9), width=st.floats(0.05, 5.0), u=st.floats(1e-6, 1.0 - 1e-6),
    kind=st.sampled_from(["normal", "lognormal", "uniform"]),
)  # fmt: skip
def test_quantiles_of_priors_keep_their_bounds_and_rise(low, width, u, kind) -> None:
    prior_of = Prior(kind, 0.3)
    one = Parameter("k", "1", (low + 0.3 * width,), lower=low, upper=low + width, prior=prior_of)
    values = quantile(one, 0, np.array([u * 0.5, u]))
    assert low * (1 - 1e-12) <= values[0] <= values[1] <= (low + width) * (1 + 1e-12)


def test_a_jump_that_ends_the_run_ends_it_in_every_engine() -> None:
    model = _models.decay()
    recipe = Recipe(4.0, 1.0, events=(Happening("bolus", 2.0, {"amount": 4.5}),))
    study = Study(model, recipe, (Figure.end_time(),), criteria=(Criterion(FINAL, upper=5.0),))
    members = Members.spread(model, 4, seed=1)
    fast = run_ensemble(study, members)
    slow = run_ensemble(Study(**{**study.__dict__, "engine": "simulate"}), members)
    assert fast.status.tolist() == slow.status.tolist()
    assert fast.is_feasible.tolist() == slow.is_feasible.tolist()
    assert fast["end_time"] == pytest.approx(slow["end_time"])
