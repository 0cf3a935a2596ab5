"""The newest values of a set of tags, encoded once for all who watch the set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.apps.node.live import Listener
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import HistorianPort

MAX_FRAMES = 5_000
"""Who missed more frames reads the history instead."""
MAX_READINGS = 50_000


@dataclass(frozen=True)
class Watched:
    """A set of tags, and every how many seconds it is told of.

    Attributes:
        tags: Their names, sorted, each once.
    """

    tags: tuple[str, ...]
    every: int = 1

    @classmethod
    def of(cls, tags: Iterable[str], every: int) -> Watched:
        """The same set for the same tags, in whichever order they were asked for."""
        return cls(tuple(sorted(set(tags))), every)


@dataclass(frozen=True)
class Changed:
    """The newest reading of a tag, and the number of its frame."""

    seq: int
    text: str


class ValueFeed:
    """What those who watch a set have been told.

    Attributes:
        cursor: Number of the last frame that was told of.
        newest: The newest reading of each tag, encoded.
    """

    def __init__(self, watched: Watched, cursor: int, found: Mapping[str, Changed]) -> None:
        self.watched, self.cursor = watched, cursor
        self.listeners: list[Listener] = []
        self.newest = {tag: one.text for tag, one in found.items()}

    def snapshot(self) -> bytes:
        """The message with the newest reading of each tag."""
        return encoded(self.newest.values(), self.cursor)

    def advance(self, found: Mapping[str, Changed], head: int) -> bytes:
        """The message of what changed since the last one; empty when nothing did.

        Args:
            found: Newest readings, by tag, that came after the cursor or earlier.
            head: Frame up to which `found` is complete.
        """
        changed = {}
        for tag in self.watched.tags:
            one = found.get(tag)
            if one is not None and one.seq > self.cursor:
                changed[tag] = one.text
        self.newest.update(changed)
        self.cursor = max(head, self.cursor)
        return encoded(changed.values(), self.cursor) if changed else b""


class Newest:
    """Looks at a historian for what is newest; its methods may be called from any thread."""

    def __init__(self, historian: HistorianPort) -> None:
        self._historian = historian
        self._kinds: Mapping[str, str] = {}

    def all_of(self, tags: Sequence[str]) -> tuple[int, dict[str, Changed]]:
        """The newest frame, and the newest reading of each tag up to it."""
        head = self._historian.head()
        return head, self._between(tags, -1, head)

    def changed(self, tags: Sequence[str], after: int) -> tuple[int, dict[str, Changed]]:
        """The newest frame, and the newest reading of each tag that came after a frame."""
        head = self._historian.head()
        return head, self._between(tags, after, head) if head > after else {}

    def _between(self, tags: Sequence[str], after: int, upto: int) -> dict[str, Changed]:
        """Newest readings that came in frames `after < seq <= upto`, by tag.

        A tag whose newest reading is newer than that is left for the next look, so that no
        message is numbered lower than what is in it.
        """
        found = {}
        for of_kind in self._by_kind(tags):
            for seq, tag, text in readings(self._historian.latest(of_kind), after, upto):
                found[tag] = Changed(seq, text)
        return found

    def caught_up(self, tags: Sequence[str], span: tuple[int, int], snapshot: bytes) -> bytes:
        """The message for one who comes back: all that arrived in frames `after < seq <= upto`.

        One who missed too much, or names a frame that is yet to come, is told of the gap and
        gets the values of now.
        """
        after, upto = span
        if after == upto:
            return b""
        if 0 <= upto - after <= MAX_FRAMES:
            rows = [
                row
                for of_kind in self._by_kind(tags)
                for row in readings(self._historian.since(of_kind, after, upto))
            ]
            if len(rows) <= MAX_READINGS:
                rows.sort(key=lambda row: row[0])
                return encoded([text for _, _, text in rows], upto)
        gap = json.dumps({"after": after, "upto": upto}, separators=(",", ":"))
        return f"event: gap\ndata: {gap}\n\n".encode() + snapshot

    def _by_kind(self, tags: Sequence[str]) -> list[list[str]]:
        """The tags that have readings, those of one kind together."""
        if any(tag not in self._kinds for tag in tags):
            self._kinds = self._historian.tags()
        found: dict[str, list[str]] = {}
        for tag in tags:
            if tag in self._kinds:
                found.setdefault(self._kinds[tag], []).append(tag)
        return list(found.values())


def readings(series: Series, after: int = -1, upto: int = 2**62) -> list[tuple[int, str, str]]:
    """Frame, tag and JSON of each reading that came in frames `after < seq <= upto`."""
    table = series.table
    seqs = table.column("seq").to_numpy()
    chosen = ((seqs > after) & (seqs <= upto)).nonzero()[0]
    if len(chosen) < len(seqs):
        table = table.take(chosen)
    times = table.column("time").cast("int64").to_pylist()
    columns = [table.column(name).to_pylist() for name in ("seq", "tag", "value", "quality")]
    return [
        (seq, tag, _text(tag, time, value, quality))
        for time, seq, tag, value, quality in zip(times, *columns, strict=True)
    ]


def _text(tag: str, time: int, value: Any, quality: int) -> str:
    if isinstance(value, float) and not isfinite(value):
        value = None
    if isinstance(value, list):
        value = [one if one is not None and isfinite(one) else None for one in value]
    row = {"tag": tag, "time": time, "value": value, "quality": quality}
    return json.dumps(row, separators=(",", ":"))


def encoded(texts: Iterable[str], cursor: int) -> bytes:
    """One message with readings; its number is that of the last frame that it tells of."""
    rows = ",".join(texts)
    return (
        f'id: {cursor}\nevent: readings\ndata: {{"seq":{cursor},"readings":[{rows}]}}\n\n'
    ).encode()
