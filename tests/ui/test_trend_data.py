"""What is drawn of readings: every gap, extreme and change of quality is still there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.series import Quality, Series, frame_table, series_schema
from goldenbatch.stores.historian._shape import decimate
from goldenbatch.ui.web.trend_data import Samples, samples_of

S = 1_000_000


def series(times, values, qualities) -> Series:
    import pyarrow as pa

    frame = frame_table("number", times, ["a"] * len(times), values, qualities)
    n = len(times)
    extra = [frame.column("time"), pa.array(np.zeros(n, np.int64))]
    table = pa.Table.from_arrays([*frame.columns, *extra], schema=series_schema("number"))
    return Series("number", table)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(300, 700), st.integers(100, 250))
def test_decimated_readings_keep_extremes_bad_readings_and_wide_gaps(seed, at, width):
    rng = np.random.default_rng(seed)
    times = [one * S for one in range(2000) if not at <= one < at + width]
    values = rng.normal(size=len(times)).tolist()
    qualities = [0] * len(times)
    bad = int(rng.integers(len(times)))
    qualities[bad] = int(Quality.BAD)
    whole = series(times, values, qualities)
    coded = whole.table.set_column(1, "tag", [np.zeros(len(times), np.int64)])
    kept = decimate(coded, "number", (0, 2000 * S), 400)
    chosen = np.isin(whole.times(), kept.column("time").cast("int64").to_numpy())
    found = samples_of(Series("number", whole.table.filter(chosen)), "a", 5 * S, 400)
    assert min(found.values) == min(values)
    assert max(found.values) == max(values)
    assert int(Quality.BAD) in found.qualities
    assert [found.times[one] for one in found.breaks] == [(at + width) * S]


def test_what_travels_is_small_and_whole():
    sent = Samples((10, 12, 15), (1.0, float("nan"), 1 / 3), (0, 0x40000000, 0x80000000), (2,))
    assert sent.encoded() == {"t": [10, 2, 3], "v": [1.0, None, 0.333333333], "q": "012", "b": [2]}


def test_readings_without_a_known_cadence_break_at_ten_usual_distances():
    found = samples_of(series([0, S, 2 * S, 30 * S], [1.0] * 4, [0] * 4), "a", -1)
    assert found.breaks == [3]
