"""The readings in the messages of edge nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from goldenbatch.connectors.mqtt import _values
from goldenbatch.connectors.mqtt._desk import Desk, named
from goldenbatch.connectors.mqtt._node import Definition, Message, Node
from goldenbatch.connectors.mqtt._proto import DataType
from goldenbatch.connectors.mqtt._rows import Rows
from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.series import Quality

MAX_MS = 253_402_300_799_999
"""End of the year 9999 in milliseconds: a later time is a unit that the device has wrong."""
DAY_US = 86_400_000_000
"""A device's own time of a death that is further from the arrival is not believed."""
EXACT = 2**53
_INTEGERS = frozenset({DataType.INT64, DataType.UINT64})


class Readings:
    """Takes the readings of messages whose births are known.

    Args:
        desk: Where they go.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.n_metrics = 0

    def take(self, node: Node, message: Message) -> None:
        """Readings of a message; a metric that no birth has named asks for a rebirth."""
        births, aliases = node.births[message.address], node.aliases
        default = int(message.payload.timestamp) or message.at // 1000
        times: list[int] = []
        tags: list[str] = []
        values: list[float] = []
        for metric in message.payload.metrics:
            name = metric.name
            made = births.get(name) if name else aliases.get(metric.alias)
            if made is None:
                self._unknown(node, message, metric, default)
                continue
            plain = made.plain
            # The way of nearly all: a number, good, of now.
            if (
                plain
                and metric.HasField(plain)
                and made.kind
                and not metric.is_historical
                and not metric.is_null
                and not metric.is_transient
                and not metric.HasField("properties")
            ):
                times.append((metric.timestamp or default) * 1000)
                tags.append(made.tag)
                values.append(getattr(metric, plain))
            else:
                if metric.HasField("properties"):
                    made = self._restated(node, message, made, metric)
                self._other(made, metric, default)
        if times:
            if max(times) > MAX_MS * 1000:
                times, tags, values = self._of_this_age(message, times, tags, values)
            if message.at - DAY_US < (newest := max(times, default=0)) < message.at + DAY_US:
                node.newest = max(node.newest, newest)
        self._desk.out.live.setdefault("number", Rows()).extend(times, tags, values)
        self.n_metrics += len(message.payload.metrics)

    def _restated(self, node: Node, message: Message, made: Definition, metric: Any) -> Definition:
        """A definition whose unit data may change: properties come when they are new (6.4.14)."""
        unit = _values.property_of(metric, *_values.UNIT_NAMES)
        if not unit or unit == made.unit:
            return made
        again = self._desk.tag_of(replace(made, unit=unit), message.at)
        node.births[message.address][made.name] = again
        for alias, known in node.aliases.items():
            if known is made:
                node.aliases[alias] = again
        return again

    def _of_this_age(
        self, message: Message, times: list[int], tags: list[str], values: list[float]
    ) -> tuple[list[int], list[str], list[float]]:
        """Readings whose time can be one; the others are refused, by name."""
        good = [at <= MAX_MS * 1000 for at in times]
        wrong = tuple(sorted({tag for tag, is_good in zip(tags, good, strict=True) if not is_good}))
        note = f"{message.address}: times beyond the year 9999 (not in milliseconds?)"
        self._desk.problem(note)
        n, window = good.count(False), (message.at, message.at + 1)
        self._desk.out.gaps.append(Gap(window, GapCause.REJECTED, named(wrong), note, n))
        rows = zip(zip(times, tags, values, strict=True), good, strict=True)
        kept = [row for row, is_good in rows if is_good]
        return [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept]

    def _other(self, made: Definition, metric: Any, default: int) -> None:
        """A metric that is no plain good number of this moment."""
        if made.kind is None or metric.is_transient:
            return
        time = (metric.timestamp or default) * 1000
        if time > MAX_MS * 1000:
            note = f"{made.tag}: a time beyond the year 9999 (not in milliseconds?)"
            self._desk.problem(note)
            return self._desk.refuse(self._desk.clock(), (made.tag,), note)
        quality = _values.quality_of(metric)
        try:
            value = _values.value_of(metric, made.datatype, self._desk.settings.float_arrays)
        except (ValueError, UnicodeDecodeError) as error:
            self._desk.problem(f"{made.tag}: {error}")
            value, quality = None, 0x80000000
        if made.datatype in _INTEGERS and value is not None and abs(value) >= EXACT:
            quality = quality or int(Quality.UNCERTAIN)  # a float does not hold all of its digits
        row = (time, made.tag, value, quality if value is not None else quality or 0x80000000)
        self._desk.out.add(kind=made.kind, row=row, is_history=bool(metric.is_historical))

    def _unknown(self, node: Node, message: Message, metric: Any, default: int) -> None:
        if metric.datatype == DataType.TEMPLATE and metric.name:
            for name, one in _values.members(metric, metric.name):
                made = node.births[message.address].get(name)
                if made is not None:
                    self._other(made, one, default)
            return
        what = metric.name or f"alias {metric.alias}"
        self._desk.problem(f"{message.address}: no birth has named {what}")
        time = min(metric.timestamp or default, MAX_MS) * 1000
        note = f"{message.address}: {what} is in no birth"
        self._desk.out.gaps.append(Gap((time, time + 1), GapCause.REJECTED, (), note, 1))
        self._desk.ask_rebirth(node)
