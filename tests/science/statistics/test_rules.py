"""Run rules: what each sees, and the run lengths of Champ and Woodall (1987)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.rules import (
    NELSON,
    RULES,
    joint_run_length,
    memory_of,
    rule_alarms,
    rules_named,
)

SEEN = {
    "nelson-1": [0, 0, 3.1],
    "nelson-2": [0.1] * 9,
    "nelson-3": [0, 0.1, 0.2, 0.3, 0.4, 0.5],
    "nelson-4": [0.5, -0.5] * 7,
    "nelson-5": [-2.1, 0, -2.1],
    "nelson-6": [1.1, 1.1, 0, 1.1, 1.1],
    "nelson-7": [0.5, -0.5, -0.4] * 5,
    "nelson-8": [1.1, -1.1] * 4,
    "western-electric-4": [-0.1] * 8,
}


@pytest.mark.parametrize("name", sorted(SEEN))
def test_each_rule_alarms_at_the_last_point_and_not_before(name):
    met = rule_alarms(rules_named([name]), SEEN[name])[0]
    assert met[-1]
    assert not met[:-1].any()
    nearly = [*SEEN[name][:-1], 0.0]
    assert not rule_alarms(rules_named([name]), nearly)[0, -1] or name in ("nelson-4", "nelson-7")


def test_two_of_three_needs_one_side():
    assert not rule_alarms(rules_named(["nelson-5"]), [2.1, -2.1, 2.1 - 4.2]).all()
    assert not rule_alarms(rules_named(["nelson-5"]), [2.1, 0.0, -2.1]).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-4, 4) | st.sampled_from([0.5, -0.5, 1.5]), min_size=1, max_size=40))
def test_one_window_says_what_the_block_says(z):
    for rule in RULES.values():
        memory = memory_of([rule])
        stream = [rule.is_met(z[max(0, i - memory) : i + 1]) for i in range(len(z))]
        assert rule.alarms(np.array(z)).tolist() == stream


@pytest.mark.parametrize(
    ("names", "published"),
    [
        (("western-electric-1",), 370.40),
        (("western-electric-1", "western-electric-2"), 225.44),
        (("western-electric-1", "western-electric-3"), 166.05),
        (("western-electric-1", "western-electric-4"), 152.73),
        (tuple(f"western-electric-{i}" for i in (1, 2, 3, 4)), 91.75),
    ],
)
def test_joint_run_length_is_that_of_champ_and_woodall(names, published):
    result = joint_run_length(rules_named(names), seed=1, n_runs=1500)
    tolerance = 0.01 if result.is_exact else 3.5 * result.standard_error
    assert abs(result.mean - published) < tolerance


def test_simulation_agrees_with_the_exact_chain_and_repeats():
    rules = rules_named(["nelson-1", "nelson-2"])
    exact = joint_run_length(rules)
    simulated = joint_run_length(rules, seed=2, n_runs=2000, is_simulated=True)
    assert exact.is_exact
    assert abs(simulated.mean - exact.mean) < 3.5 * simulated.standard_error
    assert simulated == joint_run_length(rules, seed=2, n_runs=2000, is_simulated=True)
    assert joint_run_length(rules_named(["nelson-2"])).mean == pytest.approx(2**9 - 1)


@pytest.mark.parametrize(("numbers", "measured"), [((1, 2, 3), 148.0), ((1, 2, 5, 6), 112.0)])
def test_usual_sets_of_nelson_rules_alarm_as_often_as_was_measured(numbers, measured):
    """The figures are simulated themselves; 5 % leaves room for that."""
    result = joint_run_length(rules_named([f"nelson-{i}" for i in numbers]), seed=4, n_runs=1200)
    assert abs(result.mean - measured) < 0.05 * measured + 3 * result.standard_error


def test_all_eight_nelson_rules_alarm_every_seventy_points():
    result = joint_run_length(NELSON, seed=3, n_runs=4000)
    assert abs(result.mean - 72.5) < 4 * result.standard_error


def test_unknown_and_doubled_rules_are_refused():
    with pytest.raises(DesignError, match="unknown"):
        rules_named(["nelson-12"])
    with pytest.raises(DesignError, match="twice"):
        rules_named(["nelson-1", "nelson-1"])
    with pytest.raises(DesignError, match="no run rule"):
        joint_run_length([])
