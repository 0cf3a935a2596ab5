"""Transfer between instruments: maps by hand, one frozen plan, and an alarm without it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.spectra.made import AXIS, samples, second_instrument

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.latent.steps import Step, StepKind
from goldenbatch.science.spectra import (
    CalibrateSettings,
    ChoiceSettings,
    Treatment,
    calibrate,
    kennard_stone,
    transfer_plan,
)
from goldenbatch.science.spectra.maps import (
    TransferKind,
    TransferMethod,
    direct_standardisation,
    fit_map,
    piecewise_direct_standardisation,
    spectral_space_transformation,
)

METHODS = (
    TransferMethod(TransferKind.OFFSET),
    TransferMethod(TransferKind.DIRECT, 3),
    TransferMethod(TransferKind.PIECEWISE, 2, 2),
    TransferMethod(TransferKind.SPECTRAL_SPACE, 3),
)


@pytest.fixture(scope="module")
def calibrated():
    content, spectra = samples(60, 21)
    choice = ChoiceSettings((Treatment(order=("savitzky-golay",), window=7),), 5, 5, 1)
    found = calibrate(spectra, AXIS, content, CalibrateSettings(choice))
    plan = found.sensor.plan
    chosen = kennard_stone(plan.score(spectra).scores, 10)
    return plan, spectra[chosen], second_instrument(spectra[chosen])


def test_direct_standardisation_is_the_formula_of_wang_1991():
    second, master = (np.random.default_rng(s).standard_normal((6, 9)) for s in (0, 1))
    F = np.linalg.pinv(second - second.mean(0)) @ (master - master.mean(0))
    new = np.random.default_rng(2).standard_normal((4, 9))
    by_hand = master.mean(0) + (new - second.mean(0)) @ F
    assert direct_standardisation(second, master, 5).apply(new) == pytest.approx(by_hand)


def test_piecewise_standardisation_is_one_regression_a_window():
    second, master = (np.random.default_rng(s).standard_normal((8, 7)) for s in (3, 4))
    new = np.random.default_rng(5).standard_normal((3, 7))
    found = piecewise_direct_standardisation(second, master, 1, 3).apply(new)
    for j in range(7):
        window = slice(max(0, j - 1), j + 2)
        S = second[:, window] - second[:, window].mean(0)
        b = np.linalg.lstsq(S, master[:, j] - master[:, j].mean(), rcond=None)[0]
        by_hand = master[:, j].mean() + (new[:, window] - second[:, window].mean(0)) @ b
        assert found[:, j] == pytest.approx(by_hand)


def test_the_space_transformation_is_the_formula_of_du_2011():
    second, master = (np.random.default_rng(s).standard_normal((6, 9)) for s in (6, 7))
    _, _, V = np.linalg.svd(np.hstack([master, second]), full_matrices=False)
    P1, P2 = V[:4, :9].T, V[:4, 9:].T
    new = np.random.default_rng(8).standard_normal((3, 9))
    by_hand = new + new @ np.linalg.pinv(P2.T) @ (P1 - P2).T
    step = spectral_space_transformation(second, master, 4)
    assert step.apply(new) == pytest.approx(by_hand)


@settings(max_examples=20, deadline=None)
@given(method=st.sampled_from(METHODS), n=st.integers(1, 40), seed=st.integers(0, 999))
def test_a_step_gives_a_row_the_same_bits_alone_and_in_a_block(method, n, seed):
    generator = np.random.default_rng(seed)
    second, master = generator.standard_normal((2, 6, 30))
    step = fit_map(method, second, master)
    assert step is not None
    rows = generator.standard_normal((n, 30))
    block = step.apply(rows)
    assert all(np.array_equal(step.apply(rows[i : i + 1])[0], block[i]) for i in range(n))


def test_a_transferred_sensor_is_one_plan_that_finds_the_way_back(calibrated):
    plan, master, second = calibrated
    found = transfer_plan(plan, master, second)
    content, spectra = samples(80, 22)
    other = second_instrument(spectra)
    again = ScoringPlan.from_bytes(found.plan.to_bytes(), found.plan.digest)
    rmse = [
        np.sqrt(np.mean((one.score(rows).values[:, 0] - content) ** 2))
        for one, rows in ((plan, spectra), (again, other), (plan, other))
    ]
    assert rmse[1] < 1.2 * rmse[0]
    assert rmse[2] > 2 * rmse[0]
    assert found.untreated > 10 * found.error
    assert plan.score(other).in_domain.mean() < 0.2
    assert again.score(other).in_domain.mean() > 0.9
    assert found.plan.facts.columns == plan.facts.columns
    block = found.plan.score(other)
    alone = [again.score(one) for one in other]
    assert [one.spe[0] for one in alone] == block.spe.tolist()
    assert [one.values[0, 0] for one in alone] == block.values[:, 0].tolist()
    assert found.plan.targets.variance[0] == pytest.approx(
        plan.targets.variance[0] + found.error**2
    )


def test_slope_and_bias_correct_the_value_and_keep_the_alarm(calibrated):
    plan, master, second = calibrated
    found = transfer_plan(plan, master, second, [TransferMethod(TransferKind.SLOPE_BIAS)])
    read, was = (one.score(second).values[:, 0] for one in (found.plan, plan))
    wanted = plan.score(master).values[:, 0]
    slope, bias = np.polyfit(was, wanted, 1)
    assert read == pytest.approx(bias + slope * was)
    assert found.plan.steps == () or len(found.plan.steps) == len(plan.steps)
    assert found.plan.score(second).in_domain.mean() == plan.score(second).in_domain.mean()


def test_standards_are_chosen_far_apart():
    rows = np.concatenate([np.zeros((5, 2)), [[10.0, 0.0], [0.0, 10.0], [10.0, 10.0]]])
    chosen = kennard_stone(rows + 0.01 * np.arange(8)[:, None], 4)
    assert {5, 6, 7} < set(chosen.tolist())
    with pytest.raises(DesignError, match="9 standards cannot be chosen among 8"):
        kennard_stone(rows, 9)


def test_what_is_no_transfer_is_refused(calibrated):
    plan, master, second = calibrated
    with pytest.raises(DataError, match="at least 4"):
        transfer_plan(plan, master[:3], second[:3])
    with pytest.raises(DataError, match="59 channels"):
        transfer_plan(plan, master, second[:, :-1])
    with pytest.raises(DesignError, match="rank of 1"):
        TransferMethod(TransferKind.DIRECT)
    with pytest.raises(DataError, match="the step was made for 9"):
        Step(StepKind.LOW_RANK, np.zeros((2, 9))).apply(np.zeros((1, 8)))
