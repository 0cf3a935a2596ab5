"""Lines of vials run many times, and held against one another in pairs."""

from dataclasses import replace

import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.distributions import Distribution
from goldenbatch.science.lines.fill_line import FillLine, Station, Stop, VialLot
from goldenbatch.science.lines.fill_study import compare_fill_lines, study_fill_line

JAM = Stop("jam", Distribution("exponential", (5.0,)), Distribution("exponential", (1.0,)))
LINE = FillLine(
    "two",
    (Station("filler", 100.0, buffer=60, stops=(JAM,)), Station("capper", 105.0, stops=(JAM,))),
)
LOTS = [VialLot("1", "2R", 4000)]


def study(line, seed=1, n=8):
    return study_fill_line(line, LOTS, seed=seed, station="filler", n_replications=n)


def test_figures_have_intervals_and_replications_differ():
    found = study(LINE)
    minutes = found.figure("minutes")
    assert minutes.n == 8
    assert minutes.lower < minutes.mean < minutes.upper
    assert len(set(found.values["minutes"])) == 8
    # Up 5 of 6 minutes at the slower of two stations with a buffer between.
    assert 40 / (5 / 6) * 0.9 < minutes.mean < 40 / (5 / 6) * 1.6
    assert found.figure("oee").mean == pytest.approx(40 / minutes.mean, rel=0.02)


def test_a_wider_buffer_is_seen_in_pairs():
    wider = replace(LINE, stations=(replace(LINE.stations[0], buffer=600), LINE.stations[1]))
    gain = compare_fill_lines(study(LINE), study(wider), "minutes")
    assert gain.difference.upper < 0
    assert gain.variance_ratio < 0.5


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(BadInputError, match="share no random numbers"):
        compare_fill_lines(study(LINE, n=2), study(LINE, seed=2, n=2), "minutes")
    with pytest.raises(BadInputError, match="no figure"):
        study(LINE, n=2).figure("beauty")
    with pytest.raises(BadInputError, match="no station"):
        study_fill_line(LINE, LOTS, seed=1, station="washer")
    with pytest.raises(BadInputError, match="no interval"):
        study(LINE, n=1)
