"""Logs of freeze-dryers as they are exported, and the faults that must be named."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.capabilities.twin._lyo_csv import LogForm, Roles, cycle_of, read_log
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.library.freeze_drying.cycle import primary_stage
from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa

CLOCK = """Run started: 6/4/2024 10:38:37 AM

Product Name: Man5
CycleTime,VacSetPT,VacCPM,VacPirani,ShelfSetPT,TShelfSurface,TP1,TP2
23:58:00,100,100,160,-10,-10.5,-27.5,999.9
23:59:00,100,101,161,-10,-10.4,-27.4,999.9
00:00:00,100,99,160,-10,-10.5,-27.3,999.9
00:01:00,100,100,160,-10,-10.5,-27.2,999.9
"""
STAMPED = """#
## Interval: 60000 milliseconds
Timestamp, A.SHELF_SP, A.VACUUM_SP, A.CHAMBER_CM
03/02/2023 23:59:00, -40, 100, 100
03/03/2023, -40, 100, 101
03/03/2023 00:01:00, -39.5, 100, 99
"""


def lines(text, old="", new=""):
    return text.replace(old, new).splitlines() if old else text.splitlines()


def test_clock_goes_on_over_midnight_and_an_open_thermocouple_is_absent():
    log = read_log(lines(CLOCK), file="a.csv")
    assert log.times_s.tolist() == [0.0, 60.0, 120.0, 180.0]
    assert log.first_line == 5
    assert np.isnan(log.columns["TP2"]).all()
    cycle = cycle_of(log, file="a.csv")
    assert list(cycle.product_K) == ["TP1"]
    assert cycle.pressure_Pa[1] == pytest.approx(0.101 * TORR_Pa)
    assert cycle.product_K["TP1"][0] == pytest.approx(245.65)


def test_full_stamps_with_comments_and_a_bare_date_at_midnight():
    log = read_log(lines(STAMPED), file="b.csv")
    assert log.times_s.tolist() == [0.0, 60.0, 120.0]
    assert log.columns["A.SHELF_SP"].tolist() == [-40.0, -40.0, -39.5]


def test_elapsed_seconds_and_hours():
    assert read_log(["Elapsed [s],T1 [C]", "0,1", "10.5,2"]).times_s.tolist() == [0.0, 10.5]
    assert read_log(["Time [hr];x", "0;1", "0.5;2"], form=LogForm(longest_gap_s=3600)).times_s[
        1
    ] == pytest.approx(1800.0)


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("00:00:00,100,99,160", "00:00:00,100,n/a,160", "a.csv:7:VacCPM", "no number"),
        ("00:00:00,100,99", "half past,100,99", "a.csv:7:CycleTime", "no time"),
        ("00:00:00,100,99", "23:59:00,100,99", "a.csv:7", "stands still"),
        ("00:00:00,100,99", "23:40:00,100,99", "a.csv:7", "runs back"),
        ("00:01:00,", "00:31:00,", "a.csv:8", "nothing was recorded for 31.0 min"),
        ("00:01:00,100,100,160,-10,-10.5,-27.2,999.9", "00:01:00,100", "a.csv:8", "2 values"),
        ("CycleTime", "Clock", "a.csv", "no line names a time column"),
    ],
)
def test_faults_name_file_and_line(old, new, place, said):
    with pytest.raises(BadInputError, match=said) as caught:
        read_log(lines(CLOCK, old, new), file="a.csv")
    assert str(caught.value).startswith(place)


def test_a_gap_may_be_taken_on_purpose():
    gapped = lines(CLOCK, "00:01:00,", "00:31:00,")
    assert read_log(gapped, form=LogForm(has_gaps=True)).times_s[-1] == 1980.0


def test_missing_columns_and_thermocouples_are_named():
    log = read_log(lines(CLOCK))
    with pytest.raises(BadInputError, match=r"no column 'VacX'.*VacPirani"):
        cycle_of(log, Roles(pressure="VacX"), file="a.csv")
    with pytest.raises(BadInputError, match="no product thermocouple"):
        cycle_of(log, Roles(products=("TP2",)))
    with pytest.raises(BadInputError, match="fewer than two"):
        read_log(lines(CLOCK)[:5])


def test_the_real_log(real_data):
    path = real_data("freeze_drying") / "2024-06-04-10_MFD_AH.csv"
    with path.open(encoding="utf-8") as file:
        cycle = cycle_of(read_log(file, file=path.name), file=path.name)
    assert list(cycle.product_K) == ["TP1", "TP2", "TP4"]
    stage = primary_stage(cycle)
    assert (stage.first, stage.last) == (521, 1789)  # the logger's own phase 4
    assert cycle.times_s[-1] / 3600 == pytest.approx(48.38, abs=0.02)
