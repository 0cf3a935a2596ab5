"""CHO fed-batch: against the same equations written out again, and what happens at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Happening, Recipe, Settings, simulate
from goldenbatch.science.process.library.mammalian import (
    KINETICS,
    daily_feeds,
    default_recipe,
    fed_batch,
)

MODEL = fed_batch()


def by_hand(t: float, y: np.ndarray, F: float) -> list[float]:
    """The equations of the paper, written independently of the declared model."""
    k = {name: value for name, _, value, _, _ in KINETICS}
    V, Xv, Xd, G, N, L, A, P, O = y  # noqa: E741
    breath = O / (k["K_O2"] + O)
    mu = k["mu_max"] * breath * (G / (1.0 + G)) * (N / (0.047 + N))
    mu *= 43.0 / (43.0 + L) * 6.51 / (6.51 + A)
    dead = 0.004 * L / (45.8 + L) * A / (6.51 + A)
    glucose = mu / 0.357 + 0.0692 * G / (0.1 + G)
    D = F / V
    return [
        F, (mu - dead - D) * Xv, dead * Xv - D * Xd,
        D * (400 - G) - glucose * Xv,
        D * (40 - N) - (mu / 0.974 + 0.0032 * N / (2.1 + N)) * Xv,
        0.7 * glucose * Xv - D * L,
        (0.67 * mu / 0.974 - 0.0063 * A / (0.651 + A)) * Xv - D * A,
        0.00151 * Xv - D * P,
        15 * (0.21 - O) - 0.3 * breath * Xv - D * O,
    ]  # fmt: skip


def test_fourteen_days_agree_with_another_solver_on_equations_written_out_again() -> None:
    run = simulate(MODEL, default_recipe(), settings=Settings(rtol=1e-9, atol=1e-11))
    state = np.array([run[one.name][0] for one in MODEL.states])
    for day, feed in enumerate(run["F"][:-1]):
        span = (24.0 * day, 24.0 * (day + 1))
        ended = solve_ivp(by_hand, span, state, "LSODA", args=(feed,), rtol=1e-9, atol=1e-11)
        state = ended.y[:, -1]
        mine = [run[one.name][day + 1] for one in MODEL.states]
        assert mine == pytest.approx(state, rel=1e-5, abs=1e-7)
    assert run.is_complete and len(run.time) == 15


def test_a_feed_that_overflows_the_vessel_ends_the_run_by_name() -> None:
    run = simulate(MODEL, daily_feeds([0.0] + [0.01] * 13))
    assert run.status == "stopped" and "overflow" in run.reason
    assert run.final("V") == pytest.approx(2.0, abs=1e-4)
    with pytest.raises(DataError, match="overflow"):
        simulate(fed_batch(working_volume_L=0.9), default_recipe())


def test_a_bolus_and_a_sample_change_what_they_should() -> None:
    events = (
        Happening("bolus", 24.0, {"volume": "20 mL", "glucose": "0.4 mol/L"}),
        Happening("sample", 36.0, {"volume": 0.1}),
    )
    run = simulate(MODEL, Recipe(48.0, 12.0, events=events))
    plain = simulate(MODEL, Recipe(48.0, 12.0))
    at = list(run.time).index(24.0)
    assert run["V"][at] == pytest.approx(1.02)
    assert run["G"][at] == pytest.approx((plain["G"][at] + 0.02 * 400.0) / 1.02, rel=1e-6)
    assert run["Xv"][at] == pytest.approx(plain["Xv"][at] / 1.02, rel=1e-6)
    assert run.final("V") == pytest.approx(0.92)


def test_oxygen_that_fails_stops_growth_and_no_state_goes_below_zero() -> None:
    starved = simulate(MODEL, daily_feeds([0.0] * 14), parameters={"kLa": 1.0})
    usual = simulate(MODEL, daily_feeds([0.0] * 14))
    assert starved["Xv"].max() < 0.8 * usual["Xv"].max()
    for name in ("G", "Gn", "O2", "A"):
        assert starved[name].min() >= -1e-6
