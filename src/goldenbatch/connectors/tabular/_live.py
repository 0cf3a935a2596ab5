"""Live feed: readings and records of files in the order of their times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from goldenbatch.connectors.tabular._appender import Appender
from goldenbatch.connectors.tabular._events import StatedRow, Take
from goldenbatch.connectors.tabular._known import Draft
from goldenbatch.connectors.tabular._plan import FilePlan
from goldenbatch.connectors.tabular._settle import Source, frames_of, table_of
from goldenbatch.core.series import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from goldenbatch.core.series import ReadingKind
    from goldenbatch.core.site import Site


class _Options(Protocol):
    @property
    def before_step(self) -> Callable[[int], None] | None: ...
    @property
    def on_step(self) -> Callable[[int], None] | None: ...
    @property
    def correct_reason(self) -> str: ...
    @property
    def take(self) -> Take | None: ...


@dataclass(frozen=True)
class _Feed:
    """Readings of one kind of one file, by time.

    Attributes:
        starts: First row of each time in the table.
    """

    source: Source
    kind: ReadingKind
    table: pa.Table
    starts: dict[int, tuple[int, int]]

    def frame(self, at: int, received_at: int) -> Frame | None:
        """The readings of one time as a frame."""
        if at not in self.starts:
            return None
        start, length = self.starts[at]
        key = f"{self.source.digest}/{self.source.table}/{self.kind}/live/{at}"
        part = self.table.slice(start, length)
        source = self.source
        return Frame(source.card, key, self.kind, part, received_at, source.digest)


def run_live(
    site: Site, card: str, plans: Sequence[FilePlan], appender: Appender, options: _Options
) -> None:
    """Write all that the plans bring, step by step in time.

    In each step: when batches and phases began or ended, what was done in them, readings.
    """
    feeds = [feed for plan in plans for feed in _feeds(card, plan)]
    dated = _dated([draft for plan in plans for draft in plan.drafts])
    _correct(site, card, plans, options)
    timeless = [draft for at, draft in dated if at is None]
    appender.append(timeless)
    by_time: dict[int, list[Draft]] = {}
    for at, draft in dated:
        if at is not None:
            by_time.setdefault(at, []).append(draft)
    stated = _stated(plans)
    steps = sorted({*by_time, *stated, *(at for feed in feeds for at in feed.starts)})
    for at in steps:
        if options.before_step:
            options.before_step(at)
        for plan, rows in stated.get(at, ()):
            if options.take is not None:
                plan.note_disagreements(options.take([one.said for one in rows]))
        appender.forget()  # others append between steps: analysts, people
        appender.append(by_time.get(at, []))
        for feed in feeds:
            frame = feed.frame(at, site.clock())
            if frame is not None:
                site.historian.write(frame)
        if options.on_step:
            options.on_step(at)


def _stated(plans: Sequence[FilePlan]) -> dict[int, list[tuple[FilePlan, list[StatedRow]]]]:
    """What files state of batches and phases, by the time at which it was so."""
    found: dict[int, list[tuple[FilePlan, list[StatedRow]]]] = {}
    for plan in plans:
        own: dict[int, list[StatedRow]] = {}
        for one in plan.stated:
            own.setdefault(one.said.at, []).append(one)
        for at, rows in own.items():
            found.setdefault(at, []).append((plan, rows))
    return found


def _dated(drafts: Sequence[Draft]) -> list[tuple[int | None, Draft]]:
    """Drafts with the time of their step; one without a time follows its stream."""
    last: dict[str, int | None] = {}
    found: list[tuple[int | None, Draft]] = []
    for draft in drafts:
        before = last.get(draft.stream)
        at = before if draft.at is None else draft.at
        if at is not None and before is not None:
            at = max(at, before)
        last[draft.stream] = at
        found.append((at, draft))
    return found


def _feeds(card: str, plan: FilePlan) -> Iterator[_Feed]:
    for kind in dict.fromkeys(one.kind for one in plan.settled.new):
        mine = [one for one in plan.settled.new if one.kind == kind]
        times = np.concatenate([one.times for one in mine])
        order = np.argsort(times, kind="stable")
        unique, starts, lengths = np.unique(times[order], return_index=True, return_counts=True)
        places = zip(starts.tolist(), lengths.tolist(), strict=True)
        yield _Feed(
            Source(card, plan.digest, plan.table),
            kind,
            table_of(mine).take(order).combine_chunks(),
            dict(zip(unique.tolist(), places, strict=True)),
        )


def _correct(site: Site, card: str, plans: Sequence[FilePlan], options: _Options) -> None:
    for plan in plans:
        source = Source(card, plan.digest, plan.table)
        corrections = plan.settled.corrections
        for frame in frames_of(corrections, source, site.clock(), options.correct_reason):
            site.historian.write(frame)
