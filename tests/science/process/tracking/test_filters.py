"""Filters against the exact Kalman filter, and their derivatives against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm
from tests.science.process.tracking import cases

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Noise
from goldenbatch.science.process.faults import Altered, Mishap, SensorDrift, Weakened
from goldenbatch.science.process.recipe import Happening
from goldenbatch.science.process.tracking import (
    Gate,
    Setup,
    Varied,
    hypothesis,
    nees,
    nis_test,
    nominal,
    predict,
    smooth,
    start_belief,
    update,
)
from goldenbatch.science.process.tracking.filters import outputs_with_slopes, predict_with_slopes

OPEN = Gate(limit=1e9)
U0 = np.array([0.5])


def linear_setup(kind: str) -> Setup:
    noise = {"a": Noise(sd=0.3), "b": Noise(sd=0.1)}
    sd = {"a": 1.0, "b": 0.5}
    return Setup(
        cases.linear(), noise=noise, initial_sd=sd, kind=kind, gate=OPEN, settings=cases.TIGHT
    )


def readings(n: int) -> list[dict[str, float]]:
    random = np.random.default_rng(5)
    found = []
    for k in range(n):
        one = {"first": 4.0 + random.normal()}
        if k % 2:
            one["second"] = 1.0 + 0.5 * random.normal()
        found.append(one)
    return found


def exact(data: list[dict[str, float]], h: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """The textbook's Kalman filter in plain NumPy."""
    A = np.array([[-0.3, 0.0], [0.3, -0.6]])
    C = {"first": np.array([1.0, 0.0]), "second": np.array([0.1, 1.0])}
    R = {"first": 0.04, "second": 0.01}
    whole = expm(np.block([[A, np.array([[0.5], [0.0]])], [np.zeros((1, 3))]]) * h)
    phi, drive = whole[:2, :2], whole[:2, 2]
    Q = 0.5 * h * np.diag([0.09, 0.01])
    m, P, found = np.array([4.0, 1.0]), np.diag([1.0, 0.25]), []
    for one in data:
        m, P = phi @ m + drive, phi @ (P + Q) @ phi.T + Q
        H = np.array([C[name] for name in one])
        S = H @ P @ H.T + np.diag([R[name] for name in one])
        K = P @ H.T @ np.linalg.inv(S)
        m = m + K @ (np.array(list(one.values())) - H @ m)
        P = P - K @ S @ K.T
        found.append((m, P))
    return found


@pytest.mark.parametrize("kind", ["ekf", "ukf"])
def test_a_linear_model_gives_the_exact_kalman_filter(kind: str) -> None:
    setup, none = linear_setup(kind), nominal()
    belief = start_belief(setup, none)
    data = readings(12)
    for k, (one, (m, P)) in enumerate(zip(data, exact(data, 0.5), strict=True), start=1):
        belief = update(setup, none, predict(setup, none, belief, 0.5 * k, U0), one, U0).belief
        np.testing.assert_allclose(belief.mean * setup.scale, m, rtol=1e-6, atol=1e-7)
        outer = np.outer(setup.scale, setup.scale)
        np.testing.assert_allclose(belief.cov * outer, P, rtol=1e-5, atol=1e-8)


def test_the_nile_of_durbin_and_koopman() -> None:
    """Time Series Analysis by State Space Methods, 2nd ed. 2012, section 2.2.5: figure 2.1."""
    noise = {"q": Noise(sd=1469.1**0.5)}
    setup = Setup(cases.level(), noise=noise, initial_sd={"q": 1e5}, gate=OPEN)
    none = nominal()
    belief, squares = start_belief(setup, none), []
    for year, flow in enumerate(cases.NILE):
        belief = predict(setup, none, belief, float(year), np.empty(0))
        step = update(setup, none, belief, {"flow": flow}, np.empty(0))
        belief = step.belief
        squares.append(step.nis)
    assert belief.mean[0] * 1000.0 == pytest.approx(798.37, abs=0.01)
    assert belief.cov[0, 0] * 1e6 == pytest.approx(4032.16, abs=0.01)
    assert nis_test(squares[1:], [1] * 99).is_consistent


def test_the_smoother_is_the_conditional_mean_of_all_readings() -> None:
    setup, none = linear_setup("ekf"), nominal()
    data, h, n = readings(6), 0.5, 6
    filtered, predicted, slopes = [start_belief(setup, none)], [], []
    for k, one in enumerate(data, start=1):
        ahead, matrix = predict_with_slopes(setup, none, filtered[-1], h * k, U0)
        predicted.append(ahead)
        slopes.append(matrix)
        filtered.append(update(setup, none, ahead, one, U0).belief)
    # By brute force: one Gaussian over the first state and all noises.
    A = np.array([[-0.3, 0.0], [0.3, -0.6]])
    whole = expm(np.block([[A, np.array([[0.5], [0.0]])], [np.zeros((1, 3))]]) * h)
    phi, drive = whole[:2, :2], whole[:2, 2]
    Q = 0.5 * h * np.diag([0.09, 0.01])
    step = phi @ Q @ phi.T + Q
    maps, means = [np.eye(2, 2 + 2 * n)], [np.array([4.0, 1.0])]
    for k in range(n):
        own = np.zeros((2, 2 + 2 * n))
        own[:, 2 + 2 * k : 4 + 2 * k] = np.eye(2)
        maps.append(phi @ maps[-1] + own)
        means.append(phi @ means[-1] + drive)
    prior = np.kron(np.eye(n + 1), step)
    prior[:2, :2] = np.diag([1.0, 0.25])
    rows, y, R = [], [], []
    C = {"first": (np.array([1.0, 0.0]), 0.04), "second": (np.array([0.1, 1.0]), 0.01)}
    for k, one in enumerate(data, start=1):
        for name, value in one.items():
            rows.append(C[name][0] @ maps[k])
            y.append(value - C[name][0] @ means[k])
            R.append(C[name][1])
    H = np.array(rows)
    gain = prior @ H.T @ np.linalg.inv(H @ prior @ H.T + np.diag(R))
    best, cov = gain @ np.array(y), prior - gain @ H @ prior
    for k, one in enumerate(smooth(filtered, predicted, slopes)):
        np.testing.assert_allclose(one.mean * setup.scale, means[k] + maps[k] @ best, rtol=1e-6)
        outer = np.outer(setup.scale, setup.scale)
        np.testing.assert_allclose(one.cov * outer, maps[k] @ cov @ maps[k].T, rtol=1e-4)
    with pytest.raises(DataError):
        smooth(filtered, predicted[1:], slopes)


def test_the_stated_covariance_is_true_over_many_runs() -> None:
    """NEES of 30 simulated runs against its chi-square interval (Bar-Shalom 2001, 5.4.2)."""
    setup, none, random = linear_setup("ekf"), nominal(), np.random.default_rng(11)
    phi = expm(np.array([[-0.3, 0.0], [0.3, -0.6]]) * 0.5)
    shock = np.sqrt(0.25 * np.array([0.09, 0.01]))
    squares, innovations, taken = [], [], []
    for _ in range(30):
        x = np.array([4.0, 1.0]) + random.standard_normal(2) * [1.0, 0.5]
        belief = start_belief(setup, none)
        for k in range(1, 6):
            x = phi @ (x + shock * random.standard_normal(2)) + shock * random.standard_normal(2)
            seen = {"first": x[0] + 0.2 * random.standard_normal()}
            seen["second"] = x[1] + 0.1 * x[0] + 0.1 * random.standard_normal()
            step = update(
                setup, none, predict(setup, none, belief, 0.5 * k, np.zeros(1)), seen, np.zeros(1)
            )
            belief = step.belief
            innovations.append(step.nis)
            taken.append(step.n_taken)
        squares.append(nees(belief.mean - x / setup.scale, belief.cov))
    assert nis_test(squares, [2] * 30, 0.99).is_consistent
    assert nis_test(innovations, taken, 0.99).is_consistent
    # A filter that believes itself four times too much is found out.
    assert not nis_test([4.0 * one for one in squares], [2] * 30, 0.99).is_consistent


def culture_setup(**more: object) -> Setup:
    varied = (Varied("mu", walk=0.001), Varied("Y"), Varied("q_O", transform="none"))
    noise = {"X": Noise(relative=0.01), "S": Noise(sd=0.01)}
    return Setup(cases.culture(), noise=noise, varied=varied, settings=cases.TIGHT, **more)


@pytest.mark.parametrize(
    "fault",
    [
        Weakened(inputs=("F",), factor=0.2),
        Altered(values={"mu": 0.5, "Y": 0.7}),
        SensorDrift(output="DO", offset=5.0),
    ],
)
def test_sensitivities_are_exact(fault: object) -> None:
    setup, wrong = culture_setup(), hypothesis(fault)
    belief = start_belief(setup, wrong)
    mean = belief.mean.copy()
    mean[-1] = 0.4
    belief = replace(belief, mean=mean)
    u = np.array([0.02])
    _, matrix = predict_with_slopes(setup, wrong, belief, 2.0, u)
    shown, slopes = outputs_with_slopes(setup, wrong, belief, u)
    for k in range(mean.size):
        up, down = mean.copy(), mean.copy()
        up[k] += 1e-5
        down[k] -= 1e-5
        ends = [predict(setup, wrong, replace(belief, mean=one), 2.0, u).mean for one in (up, down)]
        np.testing.assert_allclose(matrix[:, k], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=2e-5)
        seen = [
            outputs_with_slopes(setup, wrong, replace(belief, mean=one), u)[0] for one in (up, down)
        ]
        np.testing.assert_allclose(slopes[:, k], (seen[0] - seen[1]) / 2e-5, rtol=1e-4, atol=1e-4)
    assert shown.shape == (3,)


@pytest.mark.parametrize("kind", ["ekf", "ukf"])
def test_algebraic_equations_are_followed_through(kind: str) -> None:
    """The rate alone is measured; exact: c = 1 / (1 / c0 + k t), rate = k c**2."""
    setup = Setup(
        cases.algebraic(), varied=(Varied("k"),), initial_sd={"c": 0.2}, kind=kind,
        settings=cases.TIGHT,
    )  # fmt: skip
    none, belief, u = nominal(), start_belief(setup, nominal()), np.empty(0)
    _, matrix = predict_with_slopes(setup, none, belief, 1.0, u)
    if kind == "ekf":
        end = 1.0 / (1.0 / 2.0 + 0.3)
        assert matrix[0, 0] == pytest.approx((end / 2.0) ** 2, rel=1e-5)
        # By the logarithm of k, in units of the state's scale.
        assert matrix[0, 1] == pytest.approx(-(end**2) * 0.3 / 2.0, rel=1e-5)
        slopes = outputs_with_slopes(setup, none, belief, u)[1]
        assert slopes[0] == pytest.approx([2 * 0.3 * 2.0 * 2.0, 0.3 * 4.0], rel=1e-6)
    for k in range(1, 9):
        c = 1.0 / (1.0 / 2.2 + 0.36 * k)
        belief = predict(setup, none, belief, float(k), u)
        belief = update(setup, none, belief, {"rate seen": 0.36 * c * c}, u).belief
    assert belief.mean[0] * 2.0 == pytest.approx(c, rel=0.05)
    assert setup.moving[0].value(belief.mean[1]) == pytest.approx(0.36, rel=0.1)


@pytest.mark.parametrize("kind", ["ekf", "ukf"])
def test_parameters_are_learnt_inside_their_bounds(kind: str) -> None:
    from goldenbatch.science.process import Recipe, simulate

    run = simulate(cases.culture(), Recipe(24.0, 1.0), parameters={"mu": 0.16}, seed=2)
    setup, none = culture_setup(kind=kind), nominal()
    belief = start_belief(setup, none)
    errors = []
    for k in range(1, 25):
        belief = predict(setup, none, belief, float(k), np.zeros(1))
        seen = {name: column[k] for name, column in run.measured.items()}
        belief = update(setup, none, belief, seen, np.zeros(1)).belief
        truth = np.array([run.values[name][k] for name in ("V", "X", "S")])
        errors.append(nees(belief.mean[1:3] - truth[1:] / setup.scale[1:], belief.cov[1:3, 1:3]))
    mu = setup.moving[0].value(belief.mean[3])
    spread = np.sqrt(belief.cov[3, 3]) * setup.moving[0].slope(belief.mean[3])
    assert abs(mu - 0.16) < 4 * spread < 0.05
    assert np.median(errors) < 8.0
    assert belief.cov[2, 2] > 0.0
    for one in setup.moving:
        assert one.lower <= one.value(-1e3) <= one.value(1e3) <= one.upper


def test_a_wrong_reading_is_not_taken_in_and_a_sensor_that_stays_away_is_doubted() -> None:
    setup, none = replace(linear_setup("ekf"), gate=Gate(n_doubt=3, n_trust=2)), nominal()
    belief = start_belief(setup, none)
    doubted = []
    for k in range(1, 9):
        value = 40.0 if 2 <= k <= 5 else 4.0 * np.exp(-0.15 * k) + 0.5
        belief = predict(setup, none, belief, 0.5 * k, np.zeros(1))
        expected = outputs_with_slopes(setup, none, belief, np.zeros(1))[0]
        seen = {"first": value if 2 <= k <= 5 else expected[0], "second": expected[1]}
        step = update(setup, none, belief, seen, np.zeros(1))
        assert ("first" in step.rejected) == (2 <= k <= 7)
        belief = step.belief
        doubted.append("first" in belief.doubted())
    assert doubted == [False, False, False, True, True, True, False, False]
    assert abs(belief.mean[0]) < 5.0


def test_when_all_sensors_say_so_the_process_has_moved() -> None:
    setup, none = replace(linear_setup("ekf"), gate=Gate()), nominal()
    belief = predict(setup, none, start_belief(setup, none), 0.5, np.zeros(1))
    step = update(setup, none, belief, {"first": 14.0, "second": 9.0}, np.zeros(1))
    assert step.rejected == ()
    assert step.belief.mean[0] * 2.0 > 8.0


def test_a_step_that_no_solver_gets_through_holds_the_state_and_is_counted() -> None:
    setup, none = culture_setup(), nominal()
    belief = start_belief(setup, none)
    mean = belief.mean.copy()
    mean[3] = float("nan")
    stuck = predict(setup, none, replace(belief, mean=mean), 2.0, np.zeros(1))
    assert stuck.n_failed == 1
    assert (stuck.mean[:3] == belief.mean[:3]).all()
    assert np.diag(stuck.cov)[1] > np.diag(belief.cov)[1]


def test_missing_readings_are_left_out() -> None:
    setup, none = linear_setup("ekf"), nominal()
    belief = start_belief(setup, none)
    step = update(setup, none, belief, {"first": float("nan")}, np.zeros(1))
    assert step.n_taken == 0
    assert step.belief is belief


def test_what_makes_no_setup_is_refused() -> None:
    model = cases.culture()
    for wrong in (
        {"noise": {"Z": Noise(sd=1.0)}},
        {"outputs": ("nothing",)},
        {"varied": (Varied("nothing"),)},
        {"varied": (Varied("Y", transform="logit"),)},
    ):
        with pytest.raises(DesignError):
            Setup(model, **wrong)
    with pytest.raises(DesignError, match="sudden"):
        hypothesis(Mishap(happening=Happening("bolus", 1.0)))
