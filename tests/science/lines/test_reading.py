"""A declaration is read, its errors name their place, and distributions have their means."""

import copy

import numpy as np
import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines._people import week
from goldenbatch.science.lines.declaration import Shift
from goldenbatch.science.lines.distributions import KINDS, empirical, read_distribution
from goldenbatch.science.lines.reading import read_line

GIVEN = {
    "schema": "goldenbatch/line/1",
    "name": "plant",
    "time_unit": "h",
    "units": [
        {
            "name": "vessel",
            "count": 2,
            "failures": [{"name": "jam", "time_to_failure": 10, "time_to_repair": 1,
                          "crew": [{"resource": "people"}]}],
            "cleaning": {"duration": 1},
            "changeover": {"matrix": [{"from": "A", "to": "B", "duration": 2}]},
        }
    ],
    "buffers": [{"name": "tank", "capacity": 3}],
    "resources": [{"name": "people", "shifts": [{"start": 6, "end": 14, "n": 2}]},
                  {"name": "skid"}],
    "products": [
        {
            "name": "A",
            "route": [{"name": "make", "unit": "vessel", "duration": 2, "buffer": "tank",
                       "crew": [{"resource": "people", "n": 2}],
                       "hold": {"maximum": 5, "consequence": "scrap"},
                       "quality": {"laboratory": 3}}],
        }
    ],
    "plan": [{"product": "A", "n_lots": 2}],
    "changes": [{"at": 5, "resource": "skid", "n": 3}],
}  # fmt: skip


def changed(path, value):
    given = copy.deepcopy(GIVEN)
    place = given
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return given


STEP = ("products", 0, "route", 0)
UNIT = ("units", 0)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), "goldenbatch/line/9", "schema"),
        (("time_unit",), "week", "time_unit"),
        (("colour",), "red", "colour: there is no such setting"),
        (("units",), [], "units: there are none"),
        (("units",), {"name": "a"}, "units: .* is no list"),
        (("units",), [{"name": "vessel"}, {"name": "vessel"}], "twice"),
        ((*UNIT, "count"), 0, r"units\[0\].count"),
        ((*UNIT, "count"), 1.5, "no whole number"),
        ((*UNIT, "count"), True, r"units\[0\].count"),
        ((*UNIT, "speed"), 3, r"units\[0\].speed: there is no such setting"),
        ((*UNIT, "blocking"), "never", "blocking"),
        ((*UNIT, "failures", 0, "time_to_failure"), 0, "fails all the time"),
        ((*UNIT, "failures", 0, "time_to_repair"), -1, "negative"),
        ((*UNIT, "failures", 0, "crew"), [{"resource": "nobody"}], "'nobody' is not declared"),
        ((*UNIT, "cleaning", "expiry"), -1, "expiry"),
        ((*STEP, "unit"), "kettle", "'kettle' is not declared"),
        ((*STEP, "buffer"), "bath", "'bath' is not declared"),
        ((*STEP, "duration"), None, "duration or twin"),
        ((*STEP, "duration"), {"kind": "normal", "mean": 1}, "there is no distribution"),
        ((*STEP, "duration"), {"kind": "exponential"}, "is given nothing"),
        ((*STEP, "duration"), "2 h", "is no distribution"),
        ((*STEP, "crew"), [{"resource": "people", "n": 4}], "4 of 'people' are needed"),
        ((*STEP, "crew"), [{"resource": "people"}, {"resource": "people"}], "twice"),
        ((*STEP, "hold", "maximum"), None, "hold without its limit"),
        ((*STEP, "quality", "p_reject"), 1.5, "p_reject"),
        (("products", 0, "route"), [], "no steps"),
        (("plan", 0, "product"), "B", "'B' is not declared"),
        (("changes", 0, "unit"), "vessel", "what changes"),
        (("changes", 0), {"at": 1, "unit": "vessel", "n": 1}, "would lose units"),
        (("changes", 0), {"at": 1, "resource": "skid"}, "no new number"),
        (("changes", 0), {"at": 1, "resource": "people", "n": 5}, "has shifts"),
        ((*UNIT, "failures"), GIVEN["units"][0]["failures"] * 2, "failure is there twice"),
        (("plan", 0), {"product": "A", "interval": 0}, "take no time"),
        (("resources", 0, "shifts", 0, "days"), [7], "days"),
        (("resources", 0, "shifts", 0, "end"), 25, "end"),
        (("name",), None, "name: None is no text"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(path, value, message):
    with pytest.raises(BadInputError, match=message):
        read_line(changed(path, value))


def test_a_line_is_read_and_keeps_its_digest():
    line = read_line(GIVEN)
    assert line.digest == read_line(copy.deepcopy(GIVEN)).digest
    assert line.digest != read_line(changed((*STEP, "duration"), 3)).digest
    assert line.units[0].failures[0].crew[0].resource == "people"
    assert line.units[0].changeover.matrix[0][2].mean == 2


GIVEN_DISTRIBUTIONS = {
    "constant": {"value": 2.0},
    "exponential": {"mean": 3.0},
    "lognormal": {"mean": 5.0, "cv": 0.4},
    "weibull": {"scale": 2.0, "shape": 1.7},
    "gamma": {"mean": 4.0, "cv": 0.5},
    "uniform": {"lower": 1.0, "upper": 2.0},
    "triangular": {"lower": 1.0, "mode": 2.0, "upper": 6.0},
    "geometric": {"p": 0.2},
    "empirical": {"values": [1.0, 2.0, 9.0]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_mean_that_is_stated(kind):
    distribution = read_distribution({"kind": kind, **GIVEN_DISTRIBUTIONS[kind]}, "x")
    draw = distribution.sampler(np.random.default_rng(1))
    values = np.array([draw() for _ in range(4000)])
    assert values.min() >= 0
    error = values.std() / np.sqrt(len(values)) * 4
    assert abs(values.mean() - distribution.mean) <= error + 1e-12


def test_lognormal_keeps_its_coefficient_of_variation():
    draw = read_distribution({"kind": "lognormal", "mean": 5, "cv": 0.4}, "x").sampler(
        np.random.default_rng(2)
    )
    values = np.array([draw() for _ in range(8000)])
    assert values.std() / values.mean() == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "uniform", "lower": 2, "upper": 1},
        {"kind": "triangular", "lower": 1, "mode": 1, "upper": 1},
        {"kind": "geometric", "p": 1.2},
        {"kind": "weibull", "scale": 0, "shape": 1},
        {"kind": "empirical", "values": []},
        {"kind": "empirical", "values": ["a"]},
        {"kind": "exponential", "mean": float("nan")},
        {"kind": "constant", "value": 1, "unit": "h"},
    ],
)
def test_impossible_distributions_are_refused(given):
    with pytest.raises(BadInputError, match="x"):
        read_distribution(given, "x")


def test_empirical_takes_arrays():
    assert empirical(np.array([1.0, 3.0])).mean == 2.0


def test_a_night_shift_goes_round_the_end_of_the_week():
    spans = week([Shift(22.0, 6.0, days=(6,), n=1), Shift(0.0, 24.0, n=1)])
    assert [(span.end, span.n) for span in spans if span.n == 2] == [(6.0, 2), (168.0, 2)]
    assert spans[-1].end == 168.0
