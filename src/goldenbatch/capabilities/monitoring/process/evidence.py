"""Readings behind the findings of a tick, fetched together: a plant-wide trip opens hundreds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenbatch.capabilities.monitoring._common import window_evidence
from goldenbatch.core.findings import Evidence, Finding
from goldenbatch.core.series import Series

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.process.fleet_state import UnitState
    from goldenbatch.core.analyst import OpenFindings, TickView
    from goldenbatch.core.gating import Span

NOTE: Final = "rows above a limit"


@dataclass(frozen=True)
class Asked:
    """Readings that a finding is to name.

    Attributes:
        uid: Of the finding.
        tags: Their names.
        window: From the first row above a limit to the one that opened the finding.
    """

    uid: str
    tags: tuple[str, ...]
    window: Span


def add_windows(
    asked: Sequence[Asked],
    view: TickView,
    book: OpenFindings,
    units: Iterable[UnitState],
    reach: int,
) -> None:
    """Read what was asked for, and put it into the findings of this tick and into the states.

    Args:
        asked: By the findings that this tick opened.
        view: What may be seen.
        book: With their transitions.
        units: States that hold findings that are open.
        reach: Microseconds that one read may span.
    """
    if not asked:
        return
    found: dict[str, tuple[Evidence, ...]] = {}
    for group in _groups(asked, reach):
        found |= _read(group, view)
    book.transitions[:] = [
        replace(one, finding=_with(one.finding, found[one.uid])) if one.uid in found else one
        for one in book.transitions
    ]
    newest = {one.uid: one.finding for one in book.transitions if one.uid in found}
    by_subject = {finding.subject: finding for finding in newest.values()}
    for unit in units:
        if unit.event is not None:
            finding = by_subject.get(Finding.model_validate(unit.event).subject)
            if finding is not None:
                unit.event = finding.model_dump(mode="json")


def _with(finding: Finding, windows: tuple[Evidence, ...]) -> Finding:
    return finding.model_copy(update={"evidence": (*windows, *finding.evidence)})


def _groups(asked: Sequence[Asked], reach: int) -> Iterator[list[Asked]]:
    """Windows that lie near each other; a backfill of years is not read at once."""
    group: list[Asked] = []
    for one in sorted(asked, key=lambda it: (it.window, it.uid)):
        if group and one.window[1] - group[0].window[0] > reach:
            yield group
            group = []
        group.append(one)
    yield group


def _read(group: Sequence[Asked], view: TickView) -> dict[str, tuple[Evidence, ...]]:
    window = (min(one.window[0] for one in group), max(one.window[1] for one in group))
    tags = list(dict.fromkeys(tag for one in group for tag in one.tags))
    parts = _by_tag(view.read(tags, window))
    found = {}
    for one in group:
        near = [(tag, _within(parts[tag], one.window)) for tag in one.tags if tag in parts]
        found[one.uid] = tuple(
            window_evidence(series, tag, view.tick.historian_seq, NOTE)
            for tag, series in near
            if len(series)
        )
    return found


def _by_tag(series: Series) -> Mapping[str, Series]:
    """Readings of each tag by themselves, in their order."""
    if not len(series):
        return {}
    coded = series.table.column("tag").combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    names = coded.dictionary.to_pylist()
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return {
        name: Series(series.kind, series.table.take(order[ends[k] : ends[k + 1]]))
        for k, name in enumerate(names)
    }


def _within(series: Series, window: Span) -> Series:
    times = series.times()
    places = np.flatnonzero((times >= window[0]) & (times < window[1]))
    return Series(series.kind, series.table.take(places))
