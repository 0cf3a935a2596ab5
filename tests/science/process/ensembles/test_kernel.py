"""The kernel: every operation as CasADi has it, the order of the method, members that fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `kernels` is not installed")

from goldenbatch.science.process import Recipe, Settings, Steps, simulate
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.ensembles import Members, Study, kernel, run_ensemble
from goldenbatch.science.process.ensembles._codegen import Emitter, intrinsic_of
from goldenbatch.science.process.ensembles._numba import numba
from goldenbatch.science.process.ensembles._tableau import ALPHA, DELTA, GAMMA, N_STAGES, A, C
from goldenbatch.science.process.ensembles.ensemble import for_many
from goldenbatch.science.process.ensembles.figures import Figure
from goldenbatch.science.process.ensembles.kernel import functions, kernel_of, refusal

from . import _models

RECIPE = Recipe(100.0, 20.0, inputs={"u": Steps((0.0, 40.0), (1.0, -1.0))})


@pytest.fixture(scope="module")
def stiff():
    return _models.stiff()


def test_the_kernel_agrees_with_tight_cvodes(stiff) -> None:
    members = Members.spread(stiff, 16, seed=1)
    study = Study(
        stiff, RECIPE, (Figure.final("a"), Figure.maximum("b")), columns=("b", "c"),
        settings=Settings(rtol=1e-8, atol=1e-8), engine="kernel",
    )  # fmt: skip
    found = run_ensemble(study, members)
    assert not found.is_retried.any()
    tight = Settings(rtol=1e-11, atol=1e-12)
    for k in (0, 7, 15):
        run = simulate(stiff, RECIPE, parameters={"k1": members.parameters[k, 0]}, settings=tight)
        assert found["final a"][k] == pytest.approx(run.final("a"), rel=1e-6)
        assert found.columns["b"][k] == pytest.approx(run["b"], rel=1e-5, abs=1e-12)
        assert found.columns["c"][k] == pytest.approx(run["c"], rel=1e-5, abs=1e-12)
    assert found.provenance.engine.startswith("kernel")


def test_a_member_that_the_kernel_gives_up_goes_through_the_ladder(stiff) -> None:
    x, status = kernel_of(stiff).solve(
        np.array([[1.0, 0.0, 0.0]]), stiff.parameter_vector()[None, :],
        np.array([[[1.0, 0.0, 0.0, 100.0]]]), np.zeros(1, np.int64), Settings(max_steps=3),
    )  # fmt: skip
    assert status[0].tolist() == [1, 0, 3]
    assert np.isnan(x[0, 1]).all()
    short = Study(
        stiff, RECIPE, (Figure.final("a"),), settings=Settings(max_steps=8), engine="kernel"
    )
    found = run_ensemble(short, Members.nominal(stiff))
    assert found.is_retried.all()
    assert found["final a"][0] == pytest.approx(simulate(stiff, RECIPE).final("a"), rel=1e-4)


def test_the_tableau_has_order_five_on_a_linear_problem() -> None:
    """Error of one step of y' = -y + t**2 falls with the sixth power of its length."""

    def one_step(h: float) -> float:
        y, stages = 1.0, np.zeros(N_STAGES)
        for s in range(N_STAGES):
            at, t = y + A[s] @ stages, ALPHA[s] * h
            right = -at + t**2 + (C[s] @ stages) / h + DELTA[s] * h * 0.0
            stages[s] = right / (1.0 / (GAMMA * h) + 1.0)
        new = at + stages[-1]
        exact = -np.exp(-h) + h**2 - 2.0 * h + 2.0
        return abs(new - exact)

    order = np.log2(one_step(0.4) / one_step(0.2))
    assert 5.6 < order < 6.6


def test_every_operation_of_casadi_comes_out_as_casadi_has_it() -> None:
    x = ca.SX.sym("x", 2)
    a, b = x[0], x[1]
    made = ca.vertcat(
        a + b, a - b, a * b, a / b, -a, ca.exp(a), ca.log(b), a**b, b**2.5, ca.sqrt(b), a**2,
        a + a, ca.sin(a), ca.cos(a), ca.tan(a), ca.asin(a / 9), ca.acos(a / 9), ca.atan(a),
        a < b, a <= b, a == b, a != b, ca.logic_not(a < b), ca.logic_and(a < b, b > 0),
        ca.logic_or(a < b, b < 0), ca.floor(a), ca.ceil(a), ca.fmod(a, b), ca.fabs(a), ca.sign(a),
        ca.copysign(a, b), ca.if_else(a < b, a, b), ca.erf(a), ca.fmin(a, b), ca.fmax(a, b), 1 / b,
        ca.sinh(a), ca.cosh(a), ca.tanh(a), ca.asinh(a), ca.acosh(1 + b), ca.atanh(a / 9),
        ca.atan2(a, b), ca.log1p(b), ca.expm1(a), ca.hypot(a, b),
    )  # fmt: skip
    tau, packed = ca.SX.sym("tau"), ca.SX.sym("packed")
    function = ca.Function("all", [tau, x, packed], [made + 0 * tau, ca.jacobian(a * tau, x)])
    evaluate = intrinsic_of(function)

    @numba.njit
    def run(tau, x, packed, out):
        evaluate(tau, x, packed, out)

    for point in ([0.7, 1.3], [-2.4, 0.9], [1.1, 1.1]):
        out = np.zeros(made.numel() + 2)
        run(0.25, np.array(point), np.empty(1), out)
        expected = np.array(function(0.25, point, 0.0)[0]).ravel()
        assert out[:-2] == pytest.approx(expected, rel=1e-13, nan_ok=True)
        assert out[-2:].tolist() == [0.25, 0.0]


def test_an_unknown_operation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="operation number 9999"):
        Emitter(None, None).operation(9999, [])


def test_the_functions_of_the_kernel_are_those_of_the_model(stiff) -> None:
    rhs, slopes = functions(stiff)
    x, packed = [0.9, 2.0, 0.1], [0.04, 3e7, 1e4, 0.5, 0.1, 3.0, 2.0]
    assert np.array(rhs(0.3, x, packed)) == pytest.approx(np.array(slopes(0.3, x, packed)[0]))
    step = 1e-6
    numeric = (np.array(rhs(0.3 + step, x, packed)) - np.array(rhs(0.3 - step, x, packed))) / (
        2 * step
    )
    assert np.array(slopes(0.3, x, packed)[2]) == pytest.approx(numeric, rel=1e-5, abs=1e-8)


def test_what_the_kernel_does_not_take_is_said_and_goes_to_casadi(stiff, monkeypatch) -> None:
    assert refusal(stiff) == ""
    assert "algebraic" in refusal(_models.buffered())
    monkeypatch.setattr(kernel, "MOST_OPERATIONS", 10)
    assert "minutes to compile" in refusal(stiff)
    study = Study(stiff, RECIPE, (Figure.final("a"),))
    assert for_many(study, 10_000).engine == "casadi"
    monkeypatch.undo()
    assert for_many(study, 10_000).engine == "kernel"
    assert for_many(study, 100).engine == "casadi"


def test_the_kernel_in_threads_gives_the_same_bits(stiff) -> None:
    members = Members.spread(stiff, 40, seed=2)
    study = Study(stiff, RECIPE, (Figure.final("a"),), engine="kernel")
    whole = run_ensemble(study, members)
    with ThreadPoolExecutor(2) as pool:
        parts = run_ensemble(study, members, executor=pool.map, chunk=9)
    assert np.array_equal(whole["final a"], parts["final a"])
