"""Readings as they come out of messages, and the frames that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.core.acquisition import Gap
from goldenbatch.core.series import Frame, ReadingKind, frame_table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Rows:
    """Readings of one kind, in the order in which they came; four lists of one length."""

    times: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)

    def add(self, time: int, tag: str, value: Any, quality: int) -> None:
        """One reading more."""
        self.times.append(time)
        self.tags.append(tag)
        self.values.append(value)
        self.qualities.append(quality)

    def extend(self, times: list[int], tags: list[str], values: list[float]) -> None:
        """Good readings more."""
        self.times += times
        self.tags += tags
        self.values += values
        self.qualities += [0] * len(times)

    def table(self, kind: ReadingKind) -> pa.Table:
        """The readings as a frame's table."""
        import numpy as np
        import pyarrow as pa

        values: Any = self.values
        if kind == "number":  # a missing one becomes not-a-number, then nothing
            has_none = None in self.values
            mask = np.array([one is None for one in self.values]) if has_none else None
            values = pa.array(np.array(self.values, dtype=float), pa.float64(), mask=mask)
        return frame_table(kind, self.times, self.tags, values, self.qualities)


Tables = dict[ReadingKind, Rows]


@dataclass
class Outcome:
    """What messages have brought since it was taken last.

    Attributes:
        live: Readings as they happen.
        history: Readings that a source had stored while nobody listened.
        gaps: Windows in which readings are missing.
        commands: Topics and payloads to publish.
        states: The same, to be kept by the broker.
        problems: What is wrong, in words, for the health.
    """

    live: Tables = field(default_factory=dict)
    history: Tables = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    commands: list[tuple[str, bytes]] = field(default_factory=list)
    states: list[tuple[str, bytes]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, *, kind: ReadingKind, row: tuple[int, str, Any, int], is_history: bool) -> None:
        """One reading more."""
        tables = self.history if is_history else self.live
        tables.setdefault(kind, Rows()).add(*row)


def frames(source: str, key: str, tables: Tables, received_at: int) -> Sequence[Frame]:
    """One frame a kind of readings."""
    return [
        Frame(source, f"{key}/{kind}{f'/{n}' if n else ''}", kind, layer.table(kind), received_at)
        for kind, rows in tables.items()
        for n, layer in enumerate(_layers(rows))
    ]


def _layers(rows: Rows) -> list[Rows]:
    """Readings of which no two are of one tag at one time, which no frame may hold.

    What was said twice is taken once; another value is a frame of its own, the later the newer.
    """
    if not rows.times:
        return []
    if len(set(zip(rows.tags, rows.times, strict=True))) == len(rows.times):
        return [rows]
    layers: list[Rows] = []
    said: dict[tuple[str, int], list[tuple[Any, int]]] = {}
    for at, tag, value, quality in zip(
        rows.times, rows.tags, rows.values, rows.qualities, strict=True
    ):
        before = said.setdefault((tag, at), [])
        if before and before[-1] == (value, quality):
            continue
        before.append((value, quality))
        if len(before) > len(layers):
            layers.append(Rows())
        layers[len(before) - 1].add(at, tag, value, quality)
    return layers
