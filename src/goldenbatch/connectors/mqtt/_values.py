"""Values of Sparkplug metrics as readings: a kind, and a value of it.

References:
    Eclipse Sparkplug 3.0, 6.4.16 (data types), 6.4.14 (quality).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from goldenbatch.connectors.mqtt._proto import DataType
from goldenbatch.core.series import Quality, ReadingKind

BAD_NO_COMMUNICATION = 0x80310000
"""OPC UA Part 6, A.2: the value is stale because its source cannot be reached."""
_QUALITIES = {0: int(Quality.BAD), 192: int(Quality.GOOD), 500: 0x40900000}
"""Sparkplug quality to status code: bad, good, stale (Uncertain_LastUsableValue)."""
_SIGNED = {
    DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64,
}  # fmt: skip
_UNSIGNED = {
    DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64,
}  # fmt: skip
_ARRAYS = {
    DataType.INT8_ARRAY: "i1", DataType.INT16_ARRAY: "i2", DataType.INT32_ARRAY: "i4",
    DataType.INT64_ARRAY: "i8", DataType.UINT8_ARRAY: "u1", DataType.UINT16_ARRAY: "u2",
    DataType.UINT32_ARRAY: "u4", DataType.UINT64_ARRAY: "u8", DataType.FLOAT_ARRAY: "f4",
    DataType.DOUBLE_ARRAY: "f8", DataType.DATE_TIME_ARRAY: "i8",
}  # fmt: skip
_TEXTS = {DataType.STRING, DataType.TEXT, DataType.UUID, DataType.DATE_TIME,
          DataType.STRING_ARRAY, DataType.DATA_SET, DataType.PROPERTY_SET}  # fmt: skip
_FLOATS = {DataType.FLOAT: "float_value", DataType.DOUBLE: "double_value"}
_NUMBERS = ("int_value", "long_value", "float_value", "double_value", "boolean_value")
# Encoders differ in the field of a number (UInt32 in long_value): any of them is taken.
_FIELDS: dict[str, tuple[str, ...]] = {
    "number": _NUMBERS,
    "text": ("string_value", "long_value", "dataset_value", "bytes_value"),
    "array": ("bytes_value",),
    "reference": ("bytes_value",),
}
UNIT_NAMES = ("engUnit", "engineeringUnit", "Units", "units")
"""Properties in which encoders say the unit of a metric; the first is the specification's."""
FloatOrder = Literal["little", "big"]


def kind_of(datatype: int) -> ReadingKind | None:
    """Kind of reading that a metric of a type gives; None: a template, or none that is known.

    >>> kind_of(DataType.DOUBLE), kind_of(DataType.BOOLEAN), kind_of(DataType.FILE)
    ('number', 'number', 'reference')
    """
    if datatype in _ARRAYS or datatype == DataType.BOOLEAN_ARRAY:
        return "array"
    if datatype in _TEXTS:
        return "text"
    if datatype in (DataType.BYTES, DataType.FILE):
        return "reference"
    is_number = datatype in _FLOATS or datatype in _SIGNED or datatype in _UNSIGNED
    return "number" if is_number or datatype == DataType.BOOLEAN else None


def plain_field(datatype: int) -> str:
    """Field in which a number of a type stands as it is; empty: it must be converted."""
    if datatype in _FLOATS:
        return _FLOATS[DataType(datatype)]
    if datatype == DataType.BOOLEAN:
        return "boolean_value"
    is_short = datatype in (DataType.UINT8, DataType.UINT16, DataType.UINT32)
    return "int_value" if is_short else ""


def value_of(metric: Any, datatype: int, float_order: FloatOrder = "little") -> Any:
    """The value of a metric; bytes for a reference, None for nothing.

    Raises:
        ValueError: The bytes are not those of an array of the type.
    """
    field = metric.WhichOneof("value")
    if metric.is_null or field is None:
        return None
    kind = kind_of(datatype)
    if field not in _FIELDS[kind or "text"]:
        raise ValueError(f"type {datatype} stands in {field}")
    if kind == "number":
        if datatype in _SIGNED:
            return _signed(metric, _SIGNED[DataType(datatype)])
        return float(getattr(metric, field))
    if kind == "reference":
        return bytes(metric.bytes_value)
    if kind == "array" or datatype == DataType.STRING_ARRAY:
        return _array(bytes(metric.bytes_value), DataType(datatype), float_order)
    return _text(metric, datatype)


def _text(metric: Any, datatype: int) -> str:
    if datatype == DataType.DATE_TIME and metric.HasField("long_value"):
        return _time_text(metric.long_value)
    if datatype == DataType.DATA_SET:
        return _data_set(metric.dataset_value)
    if datatype == DataType.DATE_TIME or not metric.HasField("string_value"):
        raise ValueError(f"type {datatype} stands in {metric.WhichOneof('value')}")
    return str(metric.string_value)


def _signed(metric: Any, bits: int) -> float:
    """Two's complement; encoders differ in whether small ones are cut to their width."""
    field = metric.WhichOneof("value")
    if field not in ("int_value", "long_value"):
        return float(getattr(metric, field))
    raw = getattr(metric, field)
    raw &= (1 << bits) - 1
    return float(raw - (1 << bits) if raw >> (bits - 1) else raw)


def _time_text(milliseconds: int) -> str:
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise ValueError(f"{milliseconds} is no time") from error
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _array(data: bytes, datatype: DataType, float_order: FloatOrder) -> Any:
    if datatype is DataType.STRING_ARRAY:
        parts = data.split(b"\0")[:-1] if data.endswith(b"\0") else data.split(b"\0")
        return json.dumps([one.decode("utf-8") for one in parts], ensure_ascii=False)
    if datatype is DataType.BOOLEAN_ARRAY:
        return _bits(data)
    code = _ARRAYS[datatype]
    order = ">" if code[0] == "f" and float_order == "big" else "<"
    kind = np.dtype(f"{order}{code}")
    if len(data) % kind.itemsize:
        raise ValueError(f"{len(data)} bytes are no array of {datatype.name}")
    return np.frombuffer(data, kind).astype(float).tolist()


def _bits(data: bytes) -> list[float]:
    if len(data) < 4:
        raise ValueError("an array of booleans has no length")
    (count,) = struct.unpack_from("<I", data)
    if count > 8 * (len(data) - 4):
        raise ValueError(f"an array of {count} booleans has {len(data) - 4} bytes")
    bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=4))[:count]
    found: list[float] = bits.astype(float).tolist()
    return found


def _data_set(found: Any) -> str:
    """A table as JSON: columns, and rows of values."""
    rows = [[_element(one) for one in row.elements] for row in found.rows]
    return json.dumps({"columns": list(found.columns), "rows": rows}, ensure_ascii=False)


def _element(value: Any) -> Any:
    name = value.WhichOneof("value")
    return None if name is None else getattr(value, name)


def quality_of(metric: Any) -> int:
    """Status code of a metric: of its property `Quality`, else good."""
    if not metric.HasField("properties"):
        return int(Quality.GOOD)
    found = metric.properties
    for key, value in zip(found.keys, found.values, strict=False):
        if key == "Quality":
            return _QUALITIES.get(value.int_value, int(Quality.BAD))
    return int(Quality.GOOD)


def property_of(metric: Any, *names: str) -> str:
    """First of some text properties of a metric, such as its unit; empty without one."""
    if metric.HasField("properties"):
        found = dict(zip(metric.properties.keys, metric.properties.values, strict=False))
        for name in names:
            if name in found and found[name].string_value:
                return str(found[name].string_value)
    return ""


def members(metric: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The metrics inside a template, all the way down, with their whole names."""
    for one in metric.template_value.metrics:
        inner = f"{name}/{one.name}"
        if one.datatype == DataType.TEMPLATE:
            yield from members(one, inner)
        else:
            yield inner, one
