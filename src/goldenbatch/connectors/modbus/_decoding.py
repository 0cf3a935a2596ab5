"""Registers to values, and points to requests."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.connectors.modbus.settings import ModbusSettings, Point, Table
from goldenbatch.core.series import Quality

_FORMATS = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip
MAX_BITS = 2000
Value = tuple[float | str | None, int]
"""A value and its quality."""


@dataclass(frozen=True)
class Request:
    """Neighbouring points of one table that are asked for at once."""

    table: Table
    address: int
    count: int
    points: tuple[Point, ...]


def requests(settings: ModbusSettings) -> list[Request]:
    """The requests by which all points are read, as few as the limits allow."""
    found: list[Request] = []
    for table in ("coil", "discrete", "holding", "input"):
        mine = sorted(
            (one for one in settings.points if one.table == table), key=lambda one: one.address
        )
        limit = MAX_BITS if table in ("coil", "discrete") else settings.max_registers
        group: list[Point] = []
        end = 0
        for point in mine:
            stop = point.address + point.n_registers
            is_far = bool(group) and point.address > end + settings.max_hole
            if group and (is_far or max(stop, end) - group[0].address > limit):
                found.append(_request(group))
                group, end = [], 0
            group.append(point)
            end = max(end, stop)
        if group:
            found.append(_request(group))
    return found


def _request(points: Sequence[Point]) -> Request:
    start = points[0].address
    end = max(one.address + one.n_registers for one in points)
    return Request(points[0].table, start, end - start, tuple(points))


def decode(point: Point, words: Sequence[int]) -> Value:
    """The value of a point from its registers, or from its bit.

    >>> point = Point(tag="t", address=0, type="float32", word_order="little")
    >>> decode(point, [0x0000, 0x4148])
    (12.5, 0)
    >>> decode(Point(tag="t", address=0, type="int16", scale=0.1, bad=(-32768,)), [0x8000])
    (None, 2147483648)
    """
    if point.is_bit_table:
        return float(bool(words[0])), int(Quality.GOOD)
    if point.type == "bit":
        return float(words[0] >> (point.bit or 0) & 1), int(Quality.GOOD)
    ordered = words if point.word_order == "big" else list(reversed(words))
    data = b"".join(word.to_bytes(2, point.byte_order) for word in ordered)
    if point.type == "text":
        return _text(data[: point.length])
    raw = struct.unpack(f">{_FORMATS[point.type]}", data)[0]
    if raw in point.bad or (isinstance(raw, float) and not math.isfinite(raw)):
        return None, int(Quality.BAD)
    # A plain raw number stays as it is: scale 1 must not add the dust of a product.
    is_plain = point.scale == 1.0 and point.offset == 0.0
    value = float(raw) if is_plain else raw * point.scale + point.offset
    if not math.isfinite(value):
        return None, int(Quality.BAD)
    # A double holds integers up to 2^53 exactly; what is beyond is near, and said to be.
    is_rounded = isinstance(raw, int) and abs(raw) > 2**53
    return value, int(Quality.UNCERTAIN if is_rounded else Quality.GOOD)


def _text(data: bytes) -> Value:
    plain = data.split(b"\0")[0]
    try:
        return plain.decode("ascii").rstrip(), int(Quality.GOOD)
    except UnicodeDecodeError:
        return plain.decode("latin-1").rstrip(), int(Quality.UNCERTAIN)
