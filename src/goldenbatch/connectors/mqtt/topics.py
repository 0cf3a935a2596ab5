"""Plain MQTT: topics of JSON, texts or numbers, as of a unified namespace."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.mqtt._client import Incoming
from goldenbatch.connectors.mqtt._names import tag_name
from goldenbatch.connectors.mqtt._rows import Outcome
from goldenbatch.connectors.mqtt._session import Session
from goldenbatch.connectors.mqtt._values import BAD_NO_COMMUNICATION
from goldenbatch.connectors.mqtt.settings import MqttSettings, Topic, read_settings
from goldenbatch.core.acquisition import Gap, GapCause, SourceContext
from goldenbatch.core.series import Quality, ReadingKind

if TYPE_CHECKING:
    import aiomqtt

_TO_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
MAX_DEPTH = 16
MAX_US = 253_402_300_799_999_999
"""End of the year 9999: a later time is in another unit than the card says."""
MAX_FRESH = 200_000
"""Tags of which it is known that they have a value; further ones are not marked stale."""
DAY_US = 86_400_000_000
LAST_USABLE = 0x40900000
"""UncertainLastUsableValue (OPC UA Part 4, 7.39): what the broker kept, of an unknown time."""


def make_mqtt(context: SourceContext) -> MqttConnector:
    """The connector of a card.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
        ImportError: aiomqtt is not installed.
    """
    import aiomqtt  # noqa: F401 (said now, not at the first message)

    return MqttConnector(context)


class MqttConnector(Session):
    """Stores what is published below some topics; publishes nothing."""

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context)
        self.settings: MqttSettings = read_settings(
            MqttSettings, context.card.name, context.card.settings
        )
        self._renames = {one.name: one.tag for one in self.settings.tags}
        self._out, self._n_messages, self._n_refused = Outcome(), 0, 0
        self._fresh: dict[str, tuple[ReadingKind, int]] = {}
        self._n_untold = 0

    def will(self) -> None:
        """None: nobody waits for this client."""

    async def begin(self, client: aiomqtt.Client) -> None:
        """Subscribe."""
        for topic in self.settings.topics:
            await client.subscribe(topic.filter, qos=topic.qos)

    async def end(self, client: aiomqtt.Client) -> None:
        """Nothing is published at the end."""

    def lost(self, at: int) -> None:
        """Nothing old may look fresh: each tag that was read has no value until it comes again."""
        for tag, (kind, newest) in self._fresh.items():
            row = (max(at, newest + 1), tag, None, BAD_NO_COMMUNICATION)
            self._out.add(kind=kind, row=row, is_history=False)
        self._fresh = {}

    def take(self, message: Incoming) -> None:
        """Take a message; what cannot be read is kept with its reason."""
        if message.is_retained and not self.settings.is_retained_taken:
            return
        chosen = next((t for t in self.settings.topics if matches(t.filter, message.topic)), None)
        if chosen is None:
            return
        self._n_messages += 1
        try:
            self._read(chosen, message)
        except (ValueError, RecursionError, OverflowError) as error:
            self._n_refused += 1
            self._out.problems.append(f"{message.topic}: {error}")
            shown = message.payload[:200].decode("utf-8", "replace")
            note = f"{message.topic}: {error}: {shown}"
            window = (message.at, message.at + 1)
            self._out.gaps.append(Gap(window, GapCause.REJECTED, (), note, 1))

    def _read(self, topic: Topic, message: Incoming) -> None:
        text = message.payload.decode("utf-8")
        found: Any = text
        time = message.at
        if topic.payload == "number":
            found = float(text)
        elif topic.payload == "json":
            found = json.loads(text, parse_constant=_no_constant)
            if topic.time:
                time = to_time(_at(found, topic.time), topic.time_unit)
            if topic.values:
                found = _at(found, topic.values)
        for path, value in _leaves(found, topic, ""):
            if not topic.time or path != topic.time:
                self._add(topic, message, path, value, time)

    def _add(self, topic: Topic, message: Incoming, path: str, value: Any, time: int) -> None:
        name = message.topic
        levels = name.split("/")[topic.skip_levels :]
        prefix = topic.prefix or self.card.place
        renamed = self._renames.get(f"{name}/{path}" if path else name)
        tag = renamed or tag_name(prefix, *levels, path)
        kind, stored = _reading(value)
        quality = 0 if stored is not None else 0x80000000
        if not quality and message.is_retained and not topic.time:
            quality = LAST_USABLE  # of nobody knows when
        elif not quality and isinstance(value, int) and stored != value:
            quality = int(Quality.UNCERTAIN)  # a float does not hold all of its digits
        self._out.add(kind=kind, row=(time, tag, stored, quality), is_history=False)
        self._remember(tag, kind, time, message.at)

    def _remember(self, tag: str, kind: ReadingKind, time: int, at: int) -> None:
        """That a tag has a value, so that it can be taken back."""
        if tag not in self._fresh and len(self._fresh) >= MAX_FRESH:
            self._n_untold += 1
            return
        newest = self._fresh.get(tag, (kind, 0))[1]
        # A time that is far ahead is not believed, as a broken link would never take it back.
        self._fresh[tag] = (kind, max(newest, time) if time < at + DAY_US else newest)

    def drain(self) -> Outcome:
        """What the messages have brought."""
        found, self._out = self._out, Outcome()
        return found

    def told(self) -> dict[str, float | str]:
        """Messages, and those that could not be read."""
        return {
            "n_messages": self._n_messages,
            "n_refused": self._n_refused,
            "n_tags": len(self._fresh),
            "n_tags_not_watched": self._n_untold,
        }


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic is in a filter (MQTT 5, 4.7).

    >>> matches("site/+/temp", "site/dryer/temp"), matches("site/#", "site"), matches("a", "b")
    (True, True, False)
    """
    if topic.startswith("$") != pattern.startswith("$"):
        return False
    wanted, given = pattern.split("/"), topic.split("/")
    for number, one in enumerate(wanted):
        if one == "#":
            return True
        if number >= len(given) or one not in ("+", given[number]):
            return False
    return len(wanted) == len(given)


def to_time(value: Any, unit: str) -> int:
    """Microseconds UTC of a number in a unit, or of an ISO 8601 text with its offset.

    Raises:
        ValueError: It is none, or its offset is missing.

    >>> to_time(1700000000.5, "s"), to_time("2023-11-14T22:13:20.5Z", "ms")
    (1700000000500000, 1700000000500000)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no time")
    if isinstance(value, str):
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError(f"the time {value} has no offset from UTC")
        return round(at.timestamp() * 1e6)
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no time")
    factor = _TO_US[unit]
    is_whole = isinstance(value, int) and factor >= 1
    made = int(value) * int(factor) if is_whole else round(value * factor)
    if abs(made) > MAX_US:
        raise ValueError(f"{value!r} is no time in {unit}")
    return made


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _at(found: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise ValueError(f"it has no {path!r}")
        found = found[part]
    return found


def _leaves(found: Any, topic: Topic, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Values with their dotted paths."""
    if not isinstance(found, Mapping):
        yield path, found
        return
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
    for name, value in found.items():
        inner = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping):
            if topic.is_recursive:
                yield from _leaves(value, topic, inner, depth + 1)
        else:
            yield inner, value


def _reading(value: Any) -> tuple[ReadingKind, Any]:
    """Kind and value of what stands in JSON."""
    if value is None:
        return "number", None
    if isinstance(value, bool | int | float):
        number = float(value)
        return "number", number if math.isfinite(number) else None
    if isinstance(value, list) and value and all(_is_number(one) for one in value):
        return "array", [float(one) for one in value]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text.encode()  # half of a character can be kept by nobody
    return "text", text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
