"""Aggregates are those of the worked examples of OPC 10000-13, Annex A."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from goldenbatch.core.aggregates import (
    AGGREGATES,
    BAD_NO_DATA,
    CALCULATED,
    INTERPOLATED,
    MULTIPLE,
    PARTIAL,
    UNCERTAIN_SUB_NORMAL,
    AggregateSettings,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Quality
from goldenbatch.stores.historian._aggregates import aggregate
from goldenbatch.stores.historian._track import Track

DAY = 86_400_000_000
BASE = 1_700_000_000_000_000
TIMES = (2, 25, 28, 39, 42, 48, 52, 72, 77, 83, 86, 90)
ODD = "10 20 25 30 b 40 50 60 70u 70 80 90"
# Readings (seconds after 12:00:00, value; b: bad, u: uncertain) and settings, Annex A.1.
HISTORIANS = {
    1: ((10, 20, 30, 40, 50, 60, 70, 80, 90), "10 20 30 b 50 60 70u 80 90",
        AggregateSettings(treat_uncertain_as_bad=False)),
    2: (TIMES, ODD, AggregateSettings(use_sloped_extrapolation=True)),
    3: (TIMES, ODD, AggregateSettings(is_stepped=True, percent_bad=50, percent_good=50)),
    4: (TIMES, "1 0 1 1 b 1 0 0 1u 1 0 1", AggregateSettings(is_stepped=True)),
    5: (TIMES, "10 20 10 30 b 30 50 30 70u 70 80 70",
        AggregateSettings(treat_uncertain_as_bad=False)),
}  # fmt: skip
# Value, then G good, U Uncertain_DataSubNormal, u Uncertain, B bad, N Bad_NoData; then c
# calculated, i interpolated, p partial, m multiple values; and @ with the time where it is not
# the start of the interval. From AggregateExamples.csv of v1.05, and from v1.04 where marked.
GOLDEN = {
    ("Interpolative", 5): {
        1: "N N 10G 15Gi 20G 25Gi 30G 35Ui 40Ui 45Ui 50G 55Gi 60G 65Ui 70u 75Ui 80G 85Gi 90G 90Ui",
        2: "N 11.304Gi 13.478Gi 15.652Gi 17.826Gi 20G 25.909Gi 28.182Gi 31.111Ui 36.667Ui 45Gi "
        "51.5Gi 54Gi 56.5Gi 59Gi 62.727Ui 67.273Ui 76.667Gi 90G 102.5Ui",
        3: "N 10Gi 10Gi 10Gi 10Gi 20G 25Gi 25Gi 30Gi 30Ui 40Gi 50Gi 50Gi 50Gi 50Gi 60Gi 60Ui "
        "70Gi 90G 90Ui",
        5: "N 11.3043Gi 13.4783Gi 15.6522Gi 17.8261Gi 20G 13.6364Gi 22.7273Gi 30Ui 30Ui 40Gi "
        "47Gi 42Gi 37Gi 32Gi 54Ui 70Ui 76.6667Gi 70G 70Ui",
    },
    ("Average", 5): {
        1: "N N 10Gc N 20Gc N 30Gc N N N 50Gc N 60Gc N N N 80Gc N 90Gc N",
        2: "10Gc N N N N 22.5Gc N 30Gc N 40Gc 50Gc N N N 60Gc N 70Gc 80Gc 90Gc N",
        3: "10Gc N N N N 22.5Gc N 30Gc N 40Gc 50Gc N N N 60Gc N 70Gc 80Gc 90Gc N",
        5: "10Gc N N N N 15Gc N 30Gc N 30Gc 50Gc N N N 30Gc N 70Gc 80Gc 70Gc N",
    },
    ("TimeAverage", 5): {
        1: "N N 12.5Gc 17.5Gc 22.5Gc 27.5Gc 32.5Uc 37.5Uc 42.5Uc 47.5Uc 52.5Gc 57.5Gc 62.5Uc "
        "67.5Uc 72.5Uc 77.5Uc 82.5Gc 87.5Gc 90Ucp N",
        2: "10.652Ucp 12.391Gc 14.565Gc 16.739Gc 18.913Gc 23.682Gc 27.045Gc 29.384Uc 33.889Uc "
        "40Uc 49.45Gc 52.75Gc 55.25Gc 57.75Gc 60.618Uc 65Uc 70.515Uc 83.667Gc 96.25Ucp N",
        3: "10.652Ucp 12.391Gc 14.565Gc 16.739Gc 18.913Gc 23.682Gc 27.045Gc 29.384Uc 33.889Uc "
        "40Uc 49.45Gc 52.75Gc 55.25Gc 57.75Gc 60.618Uc 65Uc 70.515Uc 83.667Gc 90Ucp N",
        5: "10.6522Ucp 12.3913Gc 14.5652Gc 16.7391Gc 18.913Gc 13.7273Gc 18.1818Gc 27.0909Uc 30Uc "
        "32Uc 47.1Gc 44.5Gc 39.5Gc 34.5Gc 37.6Uc 66.8Uc 71.3333Uc 75.6667Gc 70Ucp N",
    },
    ("TimeAverage2", 5): {  # v1.04, A.5
        1: "N N 12.5Gc 17.5Gc 22.5Gc 27.5Gc 30Uc 30Uc N N 52.5Gc 57.5Gc 62.5Uc 67.5Uc 72.5Uc "
        "77.5Uc 82.5Gc 87.5Gc 90Ucp N",
        2: "10.652Ucp 12.391Gc 14.565Gc 16.739Gc 18.913Gc",
    },
    ("Minimum", 16): {
        1: "10Gcp 20Gc N 50Gc N 80Gp N",
        2: "10Gcp 20Gc 30Uc 40G 60Uc 70Gcp N",
        3: "10Gcp 20Gc 30Uc 40G 60Uc 70Gcp N",
        5: "10Gcp 10Gc 30Uc 30G 30Gc 70Gcmp N",
    },
    ("Maximum", 16): {
        1: "10Gcp 30Gc N 60Gc N 90Gcp N",
        2: "10Gcp 25Gc 30Uc 50Gc 60Uc 90Gcp N",
        3: "10Gcp 25Gc 30Uc 50Gc 60Uc 90Gcp N",
        # 30Gc in the file; 5.4.3.11 asks for U where an uncertain value (70) exceeds the maximum.
        5: "10Gcp 20Gc 30Uc 50Gc 30Uc 80Gcp N",
    },
    ("MinimumActualTime", 16): {  # v1.04, A.10
        1: "10Gp@10 20G@20 N 50G@50 N 80Gp@80 N",
        2: "10Gp@2 20G@25 30U@39 40G@48 60U@72 70Gp@83 N",
    },
    ("MaximumActualTime", 16): {  # v1.04, A.11
        1: "10Gp@10 30G@30 N 60G@60 N 90Gp@90 N",
        2: "10Gp@2 25G@28 30U@39 50G@52 60U@72 90Gp@90 N",
    },
    ("Minimum2", 16): {  # v1.04, A.13
        1: "10Ucp 16Ui 30Ui 50Uc 64Ui 80Up N",
        2: "10Ucp 16.087Gi 26.818Ui 40G 56Ui 70Ucp N",
        3: "10Gcp 10Gi 25Gi 40G 50Gi 70Gcp N",
    },
    ("Count", 16): {
        1: "1Gcp 2Gc B 2Gc 0Uc 2Gcp N",
        2: "1Gcp 2Gc 1Uc 2Gc 1Uc 3Gcp N",
        3: "1Gcp 2Gc 1Gc 2Gc 1Gc 3Gcp N",
        4: "1Gcp 2Gc 1Uc 2Gc 1Uc 3Gcp N",
        5: "1Gcp 2Gc 1Uc 2Gc 1Uc 3Gcp N",
    },
    ("Start", 16): {
        1: "10Gp@10 20G@20 B@40 50G@50 70u@70 80Gp@80 N",
        2: "10Gp@2 20G@25 30G@39 40G@48 60G@72 70Gp@83 N",
        3: "10Gp@2 20G@25 30G@39 40G@48 60G@72 70Gp@83 N",
        5: "10Gp@2 20G@25 30G@39 30G@48 30G@72 70Gp@83 N",
    },
    ("End", 16): {
        1: "10Gp@10 30G@30 B@40 60G@60 70u@70 90Gp@90 N",
        2: "10Gp@2 25G@28 B@42 50G@52 70u@77 90Gp@90 N",
        3: "10Gp@2 25G@28 B@42 50G@52 70u@77 90Gp@90 N",
        5: "10Gp@2 10G@28 B@42 50G@52 70u@77 70Gp@90 N",
    },
    ("DurationInStateZero", 16): {4: "0Ucp 3000Gc 0Uc 12000Gc 13000Uc 4000Ucp N"},  # v1.04, A.20
    ("DurationInStateNonZero", 16): {  # v1.04, A.21
        4: "14000Ucp 13000Gc 10000Uc 4000Gc 0Uc 3001Ucp N"
    },
    ("DurationGood", 16): {  # v1.04, A.29
        1: "6000Gcp 16000Gc 0Gc 14000Gc 0Gc 10001Gcp N",
        2: "14000Gcp 16000Gc 10000Gc 16000Gc 13000Gc 7001Gcp N",
        3: "14000Gcp 16000Gc 10000Gc 16000Gc 13000Gc 7001Gcp N",
    },
    # Of v1.04, as the tests of node-opcua have them; of PercentGood of historian 1 they say Bad
    # in the third interval, where nothing is good: 0 is a share as well, as in the fifth.
    ("DurationBad", 16): {
        1: "10000Gcp 0Gc 8000Gc 2000Gc 0Gc 0Gcp N",
        2: "2000Gcp 0Gc 6000Gc 0Gc 3000Gc 3000Gcp N",
        3: "2000Gcp 0Gc 6000Gc 0Gc 3000Gc 3000Gcp N",
        4: "2000Gcp 0Gc 6000Gc 0Gc 3000Gc 3000Gcp N",
    },
    ("PercentGood", 16): {
        1: "37.5Gcp 100Gc 0Gc 87.5Gc 0Gc 100Gcp N",
        2: "87.5Gcp 100Gc 62.5Gc 100Gc 81.25Gc 70.003Gcp N",
        3: "87.5Gcp 100Gc 62.5Gc 100Gc 81.25Gc 70.003Gcp N",
        4: "87.5Gcp 100Gc 62.5Gc 100Gc 81.25Gc 70.003Gcp N",
    },
    ("PercentBad", 16): {
        1: "62.5Gcp 0Gc 50Gc 12.5Gc 0Gc 0Gcp N",
        2: "12.5Gcp 0Gc 37.5Gc 0Gc 18.75Gc 29.997Gcp N",
        3: "12.5Gcp 0Gc 37.5Gc 0Gc 18.75Gc 29.997Gcp N",
        4: "12.5Gcp 0Gc 37.5Gc 0Gc 18.75Gc 29.997Gcp N",
    },
    ("StandardDeviationSample", 20): {
        1: "0Gcp 7.071Gc 0Uc 0Uc 7.071Gcp",
        2: "0Gcp 5Gc 7.071Uc 0Uc 10Gcp",
        3: "0Gcp 5Gc 7.071Uc 0Uc 10Gcp",
        5: "0Gcp 10Gc 14.142Uc 0Uc 5.7735Gcp",
    },
    ("VarianceSample", 20): {  # v1.04, A.36
        1: "0Gcp 50Gc 0Uc 0Uc 50Gcp",
        2: "0Gcp 25Gc 50Uc 0Uc 100Gcp",
    },
}
GRADES = {
    "G": 0,
    "U": UNCERTAIN_SUB_NORMAL,
    "u": int(Quality.UNCERTAIN),
    "B": int(Quality.BAD),
    "N": BAD_NO_DATA,
}
BITS = {"c": CALCULATED, "i": INTERPOLATED, "p": PARTIAL, "m": MULTIPLE}


def track(number, **changes):
    seconds, values, settings = HISTORIANS[number]
    if changes:
        settings = AggregateSettings(**{**settings.__dict__, **changes})
    rows = [(0, math.nan, BAD_NO_DATA)]
    for at, text in zip(seconds, values.split(), strict=True):
        value, mark = re.fullmatch(r"(\d*)([bu]?)", text).groups()
        quality = {"b": int(Quality.BAD), "u": int(Quality.UNCERTAIN)}.get(mark, 0)
        rows.append((at, float(value) if value else math.nan, quality))
    at, value, quality = (np.array(column) for column in zip(*rows, strict=True))
    return Track(BASE + at.astype(np.int64) * 1_000_000, value, quality.astype(np.int64), settings)


CASES = [(kind, step, n) for (kind, step), rows in GOLDEN.items() for n in rows]


@pytest.mark.parametrize(("kind", "step", "number"), CASES)
def test_worked_examples(kind, step, number):
    readings = track(number)
    for place, text in enumerate(GOLDEN[kind, step][number].split()):
        start = BASE + place * step * 1_000_000
        found = aggregate(readings, kind, start, start + step * 1_000_000)
        value, grade, bits, at = re.fullmatch(
            r"([\d.]*)([GUuBN])([cipm]*)(?:@(\d+))?", text
        ).groups()
        quality = GRADES[grade]
        for bit in bits:
            quality |= BITS[bit]
        where = f"{kind} of historian {number} at {place * step} s"
        assert hex(found.quality) == hex(quality), where
        if value:
            assert found.value == pytest.approx(float(value), abs=0.00051), where
        else:
            assert math.isnan(found.value), where
        assert found.time == (BASE + int(at) * 1_000_000 if at else start), where


def test_totals_are_means_times_seconds():
    for number in (1, 2, 5):
        readings = track(number)
        for place in range(2, 18):
            start = BASE + place * 5_000_000
            for mean, total in (("TimeAverage", "Total"), ("TimeAverage2", "Total2")):
                one = aggregate(readings, mean, start, start + 5_000_000)
                other = aggregate(readings, total, start, start + 5_000_000)
                if mean == "TimeAverage" and not math.isnan(one.value):
                    assert other.value == pytest.approx(5 * one.value)
                assert other.quality == one.quality


def test_ranges_deltas_and_shares_agree_with_their_parts():
    readings = track(2)
    for place in range(6):
        start, end = BASE + place * 16_000_000, BASE + (place + 1) * 16_000_000

        def of(kind, start=start, end=end):
            return aggregate(readings, kind, start, end).value

        assert of("Range") == pytest.approx(of("Maximum") - of("Minimum"))
        assert of("Range2") == pytest.approx(of("Maximum2") - of("Minimum2"))
        if place < 5:  # the readings end in the last one
            assert of("PercentGood") == pytest.approx(of("DurationGood") / 160)
        assert of("DurationGood") + of("DurationBad") <= 16_001
        assert of("VariancePopulation") == pytest.approx(of("StandardDeviationPopulation") ** 2)
    start = BASE + 16_000_000
    assert aggregate(readings, "Delta", start, start + 16_000_000).value == 5
    assert aggregate(readings, "StartBound", start, start + 9_000_000).value == pytest.approx(
        16.087, abs=1e-3
    )
    assert aggregate(readings, "EndBound", start, start + 9_000_000).value == 20
    assert aggregate(readings, "DeltaBounds", start, start + 9_000_000).value == pytest.approx(
        3.913, abs=1e-3
    )
    switch = track(4)
    assert aggregate(switch, "NumberOfTransitions", start, start + 16_000_000).value == 2
    assert (
        aggregate(readings, "WorstQuality", BASE + 40_000_000, BASE + 45_000_000).value
        == Quality.BAD
    )


@pytest.mark.parametrize("kind", AGGREGATES)
def test_every_aggregate_bears_nothing_and_odd_windows(kind):
    empty = Track(*(np.empty(0, dtype=d) for d in (np.int64, float, np.int64)), AggregateSettings())
    assert aggregate(empty, kind, 0, 10).quality == BAD_NO_DATA
    one = Track(np.array([BASE]), np.array([1.0]), np.array([0]), AggregateSettings())
    for start, end in ((BASE, BASE + 1), (BASE - 5, BASE + 5), (BASE + 5, BASE + 9)):
        found = aggregate(one, kind, start, end)
        assert math.isnan(found.value) == (found.quality >= int(Quality.BAD))
    for number in HISTORIANS:
        for start in range(-10, 110, 7):
            found = aggregate(track(number), kind, BASE + start * 10**6, BASE + (start + 9) * 10**6)
            assert 0 <= found.quality < 2**32


def test_readings_beside_a_window_bound_it_however_far_they_are(opened, frame):
    store = opened()
    store.write(frame("1", [("x", 0, 0.0), ("x", 10 * DAY, 10.0), ("x", 900 * DAY, 900.0)]))
    store.write(frame("2", [("x", 10 * DAY + 1, 1.0, int(Quality.BAD)), ("y", DAY, 1.0)]))
    store.flush()
    store.write(frame("3", [("s", DAY, "open")], "text"))
    store.compact(2000 * DAY)
    window = (500 * DAY, 500 * DAY + 1_000)
    found = store.aggregate(["x", "y"], [window, (-5, 0), (0, 0)], "Interpolative")
    assert found.values[0].tolist() == [pytest.approx(500), 1.0]
    assert found.quality[0].tolist() == [UNCERTAIN_SUB_NORMAL | INTERPOLATED] * 2
    assert found.quality[1].tolist() == [BAD_NO_DATA] * 2
    again = store.aggregate(["x"], [window], "Interpolative", as_of=1)
    assert again.quality[0, 0] == INTERPOLATED
    assert store.aggregate(["x"], [], "Count").values.shape == (0, 1)
    with pytest.raises(BadInputError, match="of kind 'text'"):
        store.aggregate(["s"], [window], "Count")
    with pytest.raises(BadInputError, match="no aggregate 'Median'"):
        store.aggregate(["x"], [window], "Median")
    with pytest.raises(BadInputError, match="ends before it starts"):
        store.aggregate(["x"], [(2, 1)], "Count")


def test_shares_are_shares():
    with pytest.raises(BadInputError, match="percent_bad is 101"):
        AggregateSettings(percent_bad=101)
