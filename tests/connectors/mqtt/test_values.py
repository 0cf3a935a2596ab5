"""Values of metrics: the examples of the specification, and what comes back."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.connectors.mqtt._names import tag_name
from goldenbatch.connectors.mqtt._proto import DataType, messages
from goldenbatch.connectors.mqtt._values import kind_of, value_of

Metric = messages()["Metric"]
# Sparkplug 3.0, 6.4.16: the bytes of its examples. Of float arrays it says "little endian", and
# shows big endian bytes: both are read, by a setting. Its byte EF for -23 is that of -17.
EXAMPLES = [
    (DataType.INT8_ARRAY, "E97B", [-23, 123]),
    (DataType.INT16_ARRAY, "D08A3075", [-30000, 30000]),
    (DataType.INT32_ARRAY, "FFFFFFFFFAAFCB12", [-1, 315338746]),
    (DataType.INT64_ARRAY, "CE0672AC189CBAC4C4BA9C18AC7206CE",
     [-4270929666821191986, -3601064768563266876]),
    (DataType.UINT8_ARRAY, "17FA", [23, 250]),
    (DataType.UINT16_ARRAY, "1E0088CC", [30, 52360]),
    (DataType.UINT32_ARRAY, "3400000049FB55C4", [52, 3293969225]),
    (DataType.UINT64_ARRAY, "3400000000000000D99E02D1B27637E4", [52, 16444743074749521625]),
    (DataType.BOOLEAN_ARRAY, "0C00000034D0", [0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1]),
    (DataType.DATE_TIME_ARRAY, "C7D0907524010000B8BAB89781010000", [1256102875335, 1656107875000]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "expected"), EXAMPLES, ids=lambda one: str(one)[:20])
def test_arrays_are_those_of_the_specification(kind, data, expected):
    metric = Metric(bytes_value=bytes.fromhex(data))
    assert kind_of(kind) == "array"
    assert value_of(metric, kind) == [float(one) for one in expected]


def test_float_arrays_in_both_orders():
    big = bytes.fromhex("3F9D70A442B2AE98")
    assert value_of(Metric(bytes_value=big), DataType.FLOAT_ARRAY, "big") == pytest.approx(
        [1.23, 89.341], rel=1e-7
    )
    little = struct.pack("<2d", 12.354213, 1022.9123213)
    found = value_of(Metric(bytes_value=little), DataType.DOUBLE_ARRAY)
    assert found == [12.354213, 1022.9123213]


def test_texts():
    metric = Metric(bytes_value=b"ABC\0hello\0")
    assert json.loads(value_of(metric, DataType.STRING_ARRAY)) == ["ABC", "hello"]
    assert value_of(Metric(string_value="ü"), DataType.TEXT) == "ü"
    at = value_of(Metric(long_value=1256102875335), DataType.DATE_TIME)
    assert at == "2009-10-21T05:27:55.335Z"


def test_a_data_set_is_a_table():
    metric = Metric()
    found = metric.dataset_value
    found.columns.extend(["a", "b"])
    row = found.rows.add()
    row.elements.add(int_value=1)
    row.elements.add(string_value="x")
    assert json.loads(value_of(metric, DataType.DATA_SET)) == {
        "columns": ["a", "b"], "rows": [[1, "x"]],
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([8, 16, 32, 64]), st.booleans(), st.data())
def test_signed_numbers_in_twos_complement(bits, is_cut, data):
    number = data.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    kind = {8: DataType.INT8, 16: DataType.INT16, 32: DataType.INT32, 64: DataType.INT64}[bits]
    width = bits if is_cut or bits == 64 else 32  # encoders differ
    raw = number & ((1 << width) - 1)
    metric = Metric(long_value=raw) if bits == 64 else Metric(int_value=raw)
    assert value_of(metric, kind) == float(number)


def test_a_number_is_found_in_whatever_field_an_encoder_puts_it():
    assert value_of(Metric(long_value=4_000_000_000), DataType.UINT32) == 4e9
    assert value_of(Metric(int_value=5), DataType.UINT64) == 5.0
    assert value_of(Metric(float_value=0.5), DataType.DOUBLE) == 0.5
    assert value_of(Metric(double_value=-2.0), DataType.INT32) == -2.0
    for kind, metric in (
        (DataType.DOUBLE, Metric(string_value="1")),
        (DataType.STRING, Metric(long_value=1)),
        (DataType.BYTES, Metric(string_value="1")),
        (DataType.DATE_TIME, Metric(string_value="1")),
    ):
        with pytest.raises(ValueError, match="stands in"):
            value_of(metric, kind)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (DataType.INT16_ARRAY, b"\x01"),
        (DataType.BOOLEAN_ARRAY, b"\x01"),
        (DataType.BOOLEAN_ARRAY, b"\xff\xff\xff\xff\x00"),
    ],
)
def test_bytes_that_are_no_array(kind, data):
    with pytest.raises(ValueError, match=r"array|length"):
        value_of(Metric(bytes_value=data), kind)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=4))
def test_a_tag_is_always_one_that_the_historian_takes(parts):
    found = tag_name("site", *parts)
    assert found.startswith("site")
    assert "//" not in found and not found.endswith("/")
    assert all(one.isascii() and (one.isalnum() or one in "_.-/") for one in found)
