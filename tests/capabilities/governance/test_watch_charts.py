"""The whole watch holds the false-alarm rate that it states, by simulation, and finds changes."""

import json
import random
from typing import get_args

import numpy as np
import pytest

from goldenbatch.capabilities.governance.watch_charts import (
    ALARMS,
    INPUT,
    INVALID,
    OUTPUT,
    RESIDUAL,
    Charts,
    ChartSettings,
    residual_path,
)
from goldenbatch.capabilities.governance.watch_units import Unit
from goldenbatch.core.change_plan_parts import AlarmName
from goldenbatch.science.statistics.drift import drift_chart
from goldenbatch.science.statistics.intervals import clopper_pearson

LABELS = ("a", "b", "c")
SETTINGS = ChartSettings(arl0=40.0, n_reference=10)


def unit(rng, number, shift=0.0, n_bad=0, is_whole=True):
    """A unit with skewed inputs that depend on one another."""
    a = rng.exponential() + shift
    x = (a, 0.8 * a + rng.standard_normal(), rng.standard_t(3))
    y = 2.0 * x[0] + x[1]
    if not is_whole:
        return Unit(f"u{number}", 10, 10, (float("nan"),) * 3, float("nan"), number, number)
    return Unit(f"u{number}", 10, n_bad, x, y, number, number)


def events_of(charts, units):
    """Names of alarms that opened, one for each time."""

    def stands(alarm):
        return any(each.is_open for each in charts.readings(alarm))

    opened, was = [], {alarm: stands(alarm) for alarm in ALARMS[:3]}
    for one in units:
        charts.judge(one)
        for alarm in ALARMS[:3]:
            is_open = stands(alarm)
            if is_open and not was[alarm]:
                opened.append(alarm)
            was[alarm] = is_open
    return opened


def test_the_alarms_are_those_that_a_clause_may_name():
    assert set(get_args(AlarmName)) == set(ALARMS)


def fresh(rng, n_learnt=15, settings=SETTINGS):
    charts = Charts(settings, LABELS, None)
    for number in range(n_learnt):
        charts.learn(unit(rng, number))
    return charts


def test_false_events_of_all_charts_together_are_no_more_than_stated():
    rng, n_opened, n_units = np.random.default_rng(11), 0, 0
    for _ in range(12):
        units = [unit(rng, n, n_bad=10 * int(rng.random() < 0.05)) for n in range(80)]
        n_opened += len(events_of(fresh(rng), units))
        n_units += len(units)
    rate = clopper_pearson(n_opened, n_units)
    assert rate.lower <= 1 / SETTINGS.arl0
    assert n_opened > 0  # it can alarm at all
    # What the finding states of each chart follows from the whole.
    assert fresh(rng).arl0_each == SETTINGS.arl0 * 7


@pytest.mark.parametrize("n_each", [1, 4])
@pytest.mark.parametrize("alike", [0.0, 1.0])
def test_false_events_of_residuals_hold_however_alike_a_batch_is(n_each, alike):
    rng, arl0, n_opened, n_groups = np.random.default_rng(7), 30.0, 0, 60
    chart = drift_chart(arl0)
    for _ in range(40):
        groups, is_open = [], False
        for number in range(n_groups):
            own = rng.standard_normal()
            rest = rng.standard_normal(n_each)
            values = 2.0 * (np.sqrt(alike) * own + np.sqrt(1 - alike) * rest)
            groups.append((f"g{number}", values.tolist()))
        is_open = residual_path(groups, 2.0, chart, 5).reading.is_open
        n_opened += is_open
    # At any one time it stands open no more often than events begin, times how long they last.
    assert clopper_pearson(n_opened, 40).lower <= 6.0 / arl0


def test_results_that_come_one_by_one_open_no_more_false_events_than_stated():
    """Each of four results of a batch is a look of its own."""
    rng, arl0, n_opened, n_groups = np.random.default_rng(17), 30.0, 0, 60
    chart = drift_chart(arl0)
    for _ in range(12):
        groups, was = [], False
        for number in range(n_groups):
            own, values = rng.standard_normal(), []
            for _look in range(4):
                values.append(2.0 * (0.7 * own + 0.714 * rng.standard_normal()))
                looked = [*groups, (f"g{number}", list(values))]
                is_open = residual_path(looked, 2.0, chart, 5).reading.is_open
                n_opened, was = n_opened + (is_open and not was), is_open
            groups.append((f"g{number}", values))
    assert clopper_pearson(n_opened, 12 * n_groups).lower <= 1 / arl0


def test_a_shift_of_an_input_is_named_and_closes_when_it_has_gone():
    rng = np.random.default_rng(1)
    charts = fresh(rng, 40, ChartSettings(arl0=300.0))
    opened = events_of(charts, [unit(rng, n, shift=4.0) for n in range(12)])
    assert opened.count(INPUT) == 1
    assert OUTPUT in opened
    shifted = [unit(rng, n, shift=4.0) for n in range(3)]
    assert [name for name, _ in charts.away(shifted)][-1] == "c"  # b follows a, c does not
    assert charts.away(shifted)[0][1] > 2
    n_known = charts.n_known
    events_of(charts, shifted)
    assert charts.n_known == n_known  # what is out of order is no reference
    assert events_of(charts, [unit(rng, n) for n in range(40)]) == []
    assert not any(one.is_open for one in charts.readings(INPUT))


def test_units_without_a_valid_prediction_are_an_event_though_nothing_else_is_known_of_them():
    rng = np.random.default_rng(1)
    charts = fresh(rng)
    assert events_of(charts, [unit(rng, n, is_whole=False) for n in range(12)]) == [INVALID]
    assert charts.n_known == 15
    assert events_of(charts, [unit(rng, n) for n in range(30)]) == []
    assert not charts.readings(INVALID)[0].is_open


def test_the_charts_go_on_from_their_state_as_if_nothing_had_been():
    rng = np.random.default_rng(5)
    units = [unit(rng, n, shift=0.1 * n) for n in range(30)]
    whole, parts = fresh(np.random.default_rng(2)), fresh(np.random.default_rng(2))
    for one in units:
        whole.judge(one)
        parts.judge(one)
        parts = Charts(SETTINGS, LABELS, json.loads(json.dumps(parts.to_json())))
    assert parts.to_json() == whole.to_json()


def test_residuals_without_a_validated_error_are_ranked_among_themselves():
    rng = random.Random(3)
    groups = [(f"g{n}", [rng.gauss(0, 50)]) for n in range(30)]
    groups += [(f"s{n}", [rng.gauss(200, 50)]) for n in range(12)]
    path = residual_path(groups, None, drift_chart(100.0), 10)
    assert path.reading.is_open
    assert path.reading.name == RESIDUAL
    assert set(path.groups) >= {f"s{n}" for n in range(4)}


def test_one_wild_residual_is_no_drift():
    groups = [(f"g{n}", [0.0]) for n in range(10)] + [("wild", [1e9])]
    assert not residual_path(groups, 1.0, drift_chart(100.0), 10).reading.is_open
