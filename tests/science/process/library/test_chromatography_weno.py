"""The upwind scheme: exact where its polynomials are, sharp and without ripples at steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography import Column, Grid, Section, run
from goldenbatch.science.process.library.chromatography._weno import faces

COEFFICIENT = st.floats(-3.0, 3.0)


def faced(averages, inlet, order):
    return np.array(faces(ca.DM(averages), ca.DM(inlet), order, 1e-10)).ravel()


def averages_of(polynomial, n):
    edges = np.arange(n + 1.0)
    return np.diff(np.polyval(np.polyint(polynomial), edges))


@given(a=COEFFICIENT, b=COEFFICIENT)
def test_straight_lines_are_met_by_third_order(a, b):
    line = [a, b]
    found = faced(averages_of(line, 9), np.polyval(line, -0.5), 3)
    assert found[:-1] == pytest.approx(np.polyval(line, np.arange(1.0, 9.0)), abs=1e-9)


@given(a=COEFFICIENT, b=COEFFICIENT, c=COEFFICIENT)
def test_parabolas_are_met_by_fifth_order_inside(a, b, c):
    parabola = [a, b, c]
    found = faced(averages_of(parabola, 12), c, 5)
    assert found[2:-2] == pytest.approx(np.polyval(parabola, np.arange(3.0, 11.0)), abs=1e-8)


def test_the_narrow_scheme_serves_where_the_wide_one_does_not_fit():
    averages = np.array([1.0, 2.0, 4.0, 3.0])
    assert faced(averages, 0.0, 5) == pytest.approx(faced(averages, 0.0, 3))
    assert faced(averages, 0.0, 1) == pytest.approx(averages)


def test_each_order_is_sharper_than_the_one_before_and_none_ripples():
    column = Column(("tracer",), 0.1, 1e-3, (1e-8,), 0.4)
    times = np.linspace(0.0, 200.0, 801)
    exact = 100.0
    width = {}
    for order in (1, 3, 5):
        made = run(
            column, [Section.steady(0.0, 200.0, (1.0,))], grid=Grid(40, order=order), times_s=times
        )
        c = made["tracer"]
        assert c.min() > -5e-3 and c.max() < 1.005
        assert np.trapezoid(1.0 - c, made.time_s) == pytest.approx(exact, rel=2e-3)
        width[order] = np.interp(0.9, c, made.time_s) - np.interp(0.1, c, made.time_s)
    assert width[5] < width[3] < 0.7 * width[1]
