"""Spectral treatment: equal to chemotools, and refusing what makes no sense."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from goldenbatch.science.errors import DesignError, NotFittedYetError
from goldenbatch.science.latent.steps import apply_steps
from goldenbatch.science.spectra import preprocess as pp

AXIS = np.cumsum(np.random.default_rng(0).uniform(1, 2, 80))


def _spectra(n, seed):
    generator = np.random.default_rng(seed)
    peaks = np.exp(-0.02 * (AXIS - generator.uniform(20, 100, (n, 1))) ** 2)
    return peaks + generator.uniform(0, 2, (n, 1)) + 0.01 * generator.standard_normal((n, 80))


@settings(max_examples=40, deadline=None)
@given(
    order=st.lists(st.sampled_from(pp.TREATMENTS), max_size=3).map(tuple),
    window=st.sampled_from([5, 7, 15]),
    derivative=st.integers(0, 2),
    ends=st.sampled_from([None, (20.0, 100.0), (0.0, 70.5)]),
    seed=st.integers(0, 10_000),
)
def test_every_treatment_is_that_of_chemotools(order, window, derivative, ends, seed):
    lower, upper = ends or (None, None)
    treatment = pp.Treatment(lower, upper, order, window, 3, derivative)
    train, new = _spectra(12, seed), _spectra(5, seed + 1)
    theirs = pp.chemotools_pipeline(treatment, AXIS)
    theirs = theirs.fit(train).transform(new) if theirs.steps else new
    steps = pp.fit_steps(treatment, train, AXIS)
    size = np.abs(theirs).max()
    assert apply_steps(steps, new) / size == pytest.approx(theirs / size, rel=0, abs=1e-10)
    ours = pp.SpectraTreatment(treatment, AXIS).fit(train)
    assert np.array_equal(ours.transform(new), apply_steps(steps, new))


def test_functions_take_out_what_they_say():
    spectra = _spectra(4, 1)
    assert pp.snv(3 * spectra + 2) == pytest.approx(pp.snv(spectra))
    reference = spectra.mean(0)
    assert pp.msc(3 * spectra + 2, reference) == pytest.approx(pp.msc(spectra, reference))
    slope = spectra + 0.3 * np.linspace(0, 1, 80)
    assert pp.subtract_line(slope) == pytest.approx(pp.subtract_line(spectra))
    parabola = np.arange(80.0)[None, :] ** 2
    derived = pp.savitzky_golay(parabola, 7, 2, 1)[0, 3:-3]
    assert derived == pytest.approx(2 * np.arange(3.0, 77.0))


def test_a_flat_spectrum_is_missing_and_not_infinite():
    assert np.isnan(pp.snv(np.ones((1, 5)))).all()


def test_missing_channels_stay_missing_where_they_matter_only():
    spectra = _spectra(2, 3)
    spectra[0, 40] = np.nan
    assert np.isnan(pp.savitzky_golay(spectra, 7)[0]).sum() == 7
    assert np.isnan(pp.snv(spectra)[0]).all()
    assert not np.isnan(pp.snv(spectra)[1]).any()
    cut = pp.fit_steps(pp.Treatment(AXIS[0], AXIS[30], ("snv",)), _spectra(3, 4), AXIS)
    assert not np.isnan(apply_steps(cut, spectra)).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": ("magic",)},
        {"window": 4},
        {"window": 3, "degree": 3},
        {"derivative": 3},
        {"lower": 1.0},
    ],
)
def test_wrong_treatments_are_refused(wrong):
    with pytest.raises(DesignError):
        pp.Treatment(**wrong)


def test_axis_and_range_are_checked_and_the_estimator_contract_held():
    spectra = _spectra(3, 1)
    with pytest.raises(DesignError, match="does not rise"):
        pp.fit_steps(pp.Treatment(), spectra, AXIS[::-1])
    with pytest.raises(DesignError, match="widen"):
        pp.fit_steps(pp.Treatment(AXIS[0], AXIS[9]), spectra, AXIS)
    model = pp.SpectraTreatment(pp.Treatment(), AXIS)
    assert clone(model).get_params()["treatment"] == pp.Treatment()
    with pytest.raises(NotFittedYetError):
        model.transform(spectra)
    assert pp.Treatment(**pp.Treatment(1.0, 2.0).to_json()) == pp.Treatment(1.0, 2.0)
