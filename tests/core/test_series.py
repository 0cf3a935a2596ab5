import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import (
    KINDS,
    Frame,
    Quality,
    Series,
    frame_schema,
    series_schema,
    value_type,
)

VALUES = {
    "number": [1.5, None, 3.0],
    "text": ["a", None, "ž"],
    "array": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    "reference": ["0" * 64, "1" * 64, None],
}


def series(kind: str, values: list[object], tags: list[str] | None = None) -> Series:
    n = len(values)
    columns = {
        "time": pa.array(range(n), pa.timestamp("us", tz="UTC")),
        "tag": tags or ["a"] * n,
        "value": pa.array(values, value_type(kind)),  # type: ignore[arg-type]
        "quality": pa.array([int(Quality.GOOD)] * n, pa.int64()),
        "received_at": pa.array([9] * n, pa.timestamp("us", tz="UTC")),
        "seq": pa.array(range(1, n + 1), pa.int64()),
    }
    return Series(kind, pa.table(columns, schema=series_schema(kind)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_own_table(kind: str) -> None:
    one = series(kind, VALUES[kind])
    assert len(one) == 3
    assert one.times().tolist() == [0, 1, 2]
    assert one.seqs().tolist() == [1, 2, 3]
    assert one.qualities().tolist() == [0, 0, 0]
    assert [row["value"] for row in one.rows()] == VALUES[kind]
    assert len(one.values()) == 3


def test_a_missing_number_is_nan_and_arrays_are_a_block() -> None:
    numbers = series("number", VALUES["number"]).values()
    assert np.isnan(numbers).tolist() == [False, True, False]
    assert series("array", VALUES["array"]).values().shape == (3, 2)


def test_arrays_of_several_lengths_are_refused() -> None:
    with pytest.raises(BadInputError, match="several lengths"):
        series("array", [[1.0], [1.0, 2.0]]).values()


def test_one_tag_of_many() -> None:
    both = series("number", [1.0, 2.0, 3.0], ["b", "a", "b"])
    assert both.tags == ("a", "b")
    assert both.of("b").values().tolist() == [1.0, 3.0]
    assert len(both.of("c")) == 0


@given(st.lists(st.integers(-(2**62), 2**62), max_size=20))
def test_times_are_exact_microseconds(times: list[int]) -> None:
    n = len(times)
    table = pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", tz="UTC")),
            "tag": pa.array(["a"] * n, pa.string()),
            "value": pa.array([0.0] * n, pa.float64()),
            "quality": pa.array([0] * n, pa.int64()),
            "received_at": pa.array([0] * n, pa.timestamp("us", tz="UTC")),
            "seq": pa.array([1] * n, pa.int64()),
        },
        schema=series_schema("number"),
    )
    assert Series("number", table).times().tolist() == times


def test_a_frame_of_another_form_is_refused() -> None:
    good = series("number", [1.0]).table.select(frame_schema("number").names)
    assert Frame("card", "k", "number", good.cast(frame_schema("number")), 0).readings is not None
    coded = good.cast(frame_schema("number", is_coded=True))
    assert Frame("card", "k", "number", coded, 0).readings.equals(coded)
    with pytest.raises(BadInputError, match=r"frame card/k: columns .* 'text'"):
        Frame("card", "k", "text", good, 0)


def test_quality_codes_are_the_severity_bits_of_opc_ua() -> None:
    assert [int(code) for code in Quality] == [0, 0x40000000, 0x80000000]
    assert all(int(code) < 2**63 for code in Quality)
