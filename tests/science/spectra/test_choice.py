"""Choices on left-out rows: the fast path is PLS, groups stay whole, and the choice has a price."""

import numpy as np
import pytest
from tests.science.spectra.made import AXIS, samples

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.pls import PLS
from goldenbatch.science.spectra import ChoiceSettings, Treatment, choose, nested_error
from goldenbatch.science.spectra._paths import path, products
from goldenbatch.science.spectra.choice import (
    Rule,
    candidate_treatments,
    group_splits,
    repeated_folds,
)

SNV, RAW = Treatment(order=("snv",)), Treatment(order=())


def test_predictions_from_products_are_those_of_pls_for_every_number_of_components():
    content, spectra = samples(40, 0)
    kept, left = np.arange(30), np.arange(30, 40)
    fast = path(products(spectra), content, kept, left, 6)
    model = PLS(6, is_scaled=False).fit(spectra[kept], content[kept])
    for a in range(1, 7):
        slow = model.with_components(a).predict(spectra[left])
        assert fast[:, a - 1] == pytest.approx(slow, rel=1e-8)


def test_components_that_rows_cannot_carry_repeat_the_last_one():
    content, _ = samples(12, 1)
    flat = np.outer(content, np.ones(5))
    fast = path(products(flat), content, np.arange(8), np.arange(8, 12), 4)
    assert fast[:, 0] == pytest.approx(content[8:])
    assert np.array_equal(fast[:, 1], fast[:, 3])


def test_the_choice_takes_the_treatment_that_removes_what_was_added():
    content, spectra = samples(60, 2, noise=0.0005)
    generator = np.random.default_rng(3)
    scattered = spectra * generator.uniform(0.5, 2.0, (60, 1)) + generator.uniform(0, 5, (60, 1))
    found = choose(scattered, AXIS, content, ChoiceSettings((RAW, SNV), 6, 5, 2))
    assert found.rmse.shape == (2, 6)
    assert found.rmse_chosen == pytest.approx(found.rmse.min(), rel=0.2)
    again = choose(scattered, AXIS, content, ChoiceSettings((RAW, SNV), 6, 5, 2))
    assert np.array_equal(found.predicted, again.predicted)
    assert found.rule is Rule.BEST


def test_one_wrong_result_does_not_choose_the_model():
    content, spectra = samples(80, 4)
    wrong = content.copy()
    wrong[7] += 15.0
    of_good, bounded, plain = (
        choose(spectra, AXIS, one, ChoiceSettings((RAW,), 8, 8, 2, bound=bound))
        for one, bound in ((content, 3.0), (wrong, 3.0), (wrong, 0.0))
    )
    assert bounded.loss.min() < 0.5 * bounded.rmse.min()
    assert plain.loss == pytest.approx(plain.rmse)
    assert abs(bounded.n_components - of_good.n_components) <= 1


def test_groups_are_left_out_whole_and_count_alike():
    content, spectra = samples(30, 5)
    groups = ["lab"] * 8 + ["pilot"] * 22
    found = choose(spectra, AXIS, content, ChoiceSettings((RAW, SNV), 5), groups)
    assert [len(left) for _, left in found.splits] == [8, 22]
    assert all(not set(kept) & set(left) for kept, left in found.splits)
    assert found.rule is Rule.ONE_STANDARD_ERROR
    best = choose(spectra, AXIS, content, ChoiceSettings((RAW, SNV), 5, rule=Rule.BEST), groups)
    assert found.n_components <= best.n_components
    errors = best.predicted - content
    halves = 0.5 * np.mean(errors[:8] ** 2) + 0.5 * np.mean(errors[8:] ** 2)
    assert best.loss[best.place, best.n_components - 1] ** 2 <= halves + 1e-12


def test_an_error_that_was_chosen_among_noise_is_flattered_and_the_nested_one_is_not():
    generator = np.random.default_rng(6)
    noise, content = generator.standard_normal((40, 60)), generator.standard_normal(40)
    settings = ChoiceSettings(candidate_treatments(window=7), 8, 5, 1, bound=0.0)
    found, honest = (f(noise, AXIS, content, settings) for f in (choose, nested_error))
    assert honest is not None
    assert found.rmse_chosen < honest.rmse
    assert honest.rmse > 0.95 * content.std()
    assert len(honest.chosen) == 5


def test_two_groups_leave_nothing_to_choose_with_for_a_nested_error():
    content, spectra = samples(20, 7)
    groups = ["a", "b"] * 10
    assert nested_error(spectra, AXIS, content, ChoiceSettings((RAW,), 3), groups) is None
    three = ["a", "b", "c", "c"] * 5
    found = nested_error(spectra, AXIS, content, ChoiceSettings((RAW,), 3), three)
    assert found is not None
    assert np.isfinite(found.predicted).all()


def test_folds_hold_each_row_once_per_repetition():
    found = repeated_folds(11, 4, 3, 2)
    counts = np.bincount(np.concatenate([left for _, left in found]), minlength=11)
    assert counts.tolist() == [3] * 11
    assert all(len(kept) + len(left) == 11 for kept, left in found)
    assert [left.tolist() for _, left in group_splits("abca")] == [[0, 3], [1], [2]]


def test_impossible_choices_are_refused():
    content, spectra = samples(10, 8)
    with pytest.raises(DataError, match="at least 8"):
        choose(spectra[:5], AXIS, content[:5])
    with pytest.raises(DataError, match="missing"):
        choose(np.where(spectra == spectra[3, 3], np.nan, spectra), AXIS, content)
    with pytest.raises(DesignError, match="10 rows cannot be split into 1 folds"):
        choose(spectra, AXIS, content, ChoiceSettings((RAW,), n_folds=1))
    groups = ["a"] * 9 + ["b"]
    with pytest.raises(DesignError, match="carry no component"):
        choose(spectra, AXIS, content, ChoiceSettings((RAW,)), groups)
