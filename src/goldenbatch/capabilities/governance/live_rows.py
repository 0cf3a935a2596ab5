"""Rows of a model as its inputs come in: aligned, within the context of use, each once.

The first input sets the pace: each of its readings makes a row with the newest reading of each
other input at or before it. A row waits for inputs that come late, and is given with a gap when
they do not come. Outside the products, places, phases and equipment statuses of the context of
use there are no rows; a window that becomes known late is gone through then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.gating import KINDS as GATE_KINDS
from goldenbatch.core.gating import Gate, Span, covers, without
from goldenbatch.core.series import Quality, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.capabilities.governance.watched import Watched
    from goldenbatch.core.analyst import TickView
    from goldenbatch.core.records import Event

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RowSettings:
    """How rows are made.

    Attributes:
        max_age_us: How old the reading of an input may be.
        wait_us: How long a row waits for inputs that come late, by the time of the first input.
        silent: Equipment statuses in which there are no rows.
        is_always: There are rows whether a batch runs or not.
    """

    max_age_us: int
    wait_us: int
    silent: tuple[str, ...]
    is_always: bool = False


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Rows that are settled, in order of time.

    Attributes:
        times: Microseconds UTC.
        batches: Batch of each; empty: none.
        values: Shape (n_rows, n_inputs); NaN where an input is missing.
    """

    times: tuple[int, ...]
    batches: tuple[str, ...]
    values: Floats

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.times)


class LiveRows:
    """Collects rows of one model; goes on from its JSON state.

    Args:
        model: Whose rows.
        settings: How they are made.
        kept: What it remembered; None: nothing yet.

    Attributes:
        has_news: Whether the newest tick brought readings of an input, or news of what ran.
    """

    def __init__(self, model: Watched, settings: RowSettings, kept: dict[str, Any] | None) -> None:
        self.model, self._settings = model, settings
        self._is_begun = kept is not None
        kept = kept or {"gate": None, "products": {}, "waiting": [], "upto": 0, "last": 0}
        self.gate = Gate(model.place, model.phases, settings.silent).read(kept["gate"])
        self._products: dict[str, str] = dict(kept["products"])
        self._waiting: list[int] = list(kept["waiting"])
        self._upto, self._last = int(kept["upto"]), int(kept["last"])
        self.spans: list[Span] = []
        self.has_news = False

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
        return {
            "gate": self.gate.to_json(), "products": self._products, "waiting": self._waiting,
            "upto": self._upto, "last": self._last,
        }  # fmt: skip

    def take(self, view: TickView) -> RowBlock:
        """Rows that became settled at a tick."""
        self._take_context(view)
        pace = view.new_readings([self.model.tags[0]])
        new = pace.times().tolist() if len(pace) else []
        others = [tag for tag in self.model.tags[1:] if len(view.new_readings([tag]))]
        self.has_news = self.has_news or bool(new) or bool(others)
        self._last = max([self._last, *new])
        times = {*self._waiting, *(int(one) for one in new if self.is_within(view, int(one)))}
        self._upto = view.tick.historian_seq
        ordered = sorted(times)
        values = self.at(view, ordered)
        is_whole = np.asarray(np.isfinite(values).all(axis=1)).tolist()
        over = self._last - self._settings.wait_us
        is_done = [is_whole[i] or time < over for i, time in enumerate(ordered)]
        self._waiting = [time for time, done in zip(ordered, is_done, strict=True) if not done]
        kept = [time for time, done in zip(ordered, is_done, strict=True) if done]
        batches = tuple(view.batch_at(self.model.place, time) for time in kept)
        return RowBlock(tuple(kept), batches, values[np.array(is_done, dtype=np.bool_)])

    def is_within(self, view: TickView, time: int) -> bool:
        """Whether a time lies in the context of use."""
        if not covers(self.spans, time):
            return self._settings.is_always and not self._is_silent(time)
        product = self._products.get(view.batch_at(self.model.place, time), "")
        return product in self.model.products

    def windows_of(self, batch: str) -> Span | None:
        """From the start to the end of a batch, as far as they are known."""
        place, start, end = self.gate.batches.get(batch, ["", None, None])
        later = [
            one[1] for one in self.gate.batches.values()
            if one[0] == place and one[1] is not None and start is not None and one[1] > start
        ]  # fmt: skip
        last = end if end is not None else min(later, default=None)
        return (start, last) if start is not None and last is not None else None

    def is_ended(self, batch: str) -> bool:
        """Whether the end of a batch is recorded, and none of its rows is waited for."""
        end = self.gate.batches.get(batch, ["", None, None])[2]
        return end is not None and not any(one < end for one in self._waiting)

    def past(self, view: TickView, batches: Iterable[str]) -> list[tuple[str, RowBlock]]:
        """Rows of batches that are over, as the same code would have made them live."""
        found = []
        for batch in batches:
            window = self.windows_of(batch)
            pace = view.read([self.model.tags[0]], window) if window is not None else None
            times = [
                int(time) for time in (pace.times().tolist() if pace is not None else ())
                if self.is_within(view, int(time))
                and view.batch_at(self.model.place, int(time)) == batch
            ]  # fmt: skip
            if times:
                values = self.at(view, times)
                found.append((batch, RowBlock(tuple(times), (batch,) * len(times), values)))
        return found

    def at(self, view: TickView, times: Sequence[int]) -> Floats:
        """The row at each time: newest good reading of each input that is not too old."""
        n_inputs = len(self.model.inputs)
        rows = np.full((len(times), n_inputs), math.nan)
        if not times:
            return rows
        asked = np.asarray(times, dtype=np.int64)
        gap = self._settings.max_age_us
        window = (int(asked.min()) - gap, int(asked.max()) + 1)
        for column, tag in enumerate(self.model.tags):
            width = n_inputs if self.model.is_array else 1
            part = _newest(view.read([tag], window), asked, gap, width)
            rows[:, column : column + width] = part
        return rows

    # ---- inside -----------------------------------------------------------------------------

    def _is_silent(self, time: int) -> bool:
        past = [status for at, status in self.gate.statuses if at <= time]
        return bool(past) and past[-1] in self._settings.silent

    def _take_context(self, view: TickView) -> None:
        """What is known of what ran; readings of windows that opened late are waited for."""
        before = self.gate.windows() if self._is_begun else []
        events = view.new_events(GATE_KINDS) if self._is_begun else view.events(GATE_KINDS)
        self.has_news = self.gate.take(events)
        self._take_products(events)
        self.spans = self.gate.windows()
        for start, end in without(self.spans, before) if self._is_begun else ():
            late = view.read([self.model.tags[0]], (start, max(start, min(end, self._last + 1))))
            self._waiting += [
                int(time) for time, seq in zip(late.times(), late.seqs(), strict=True)
                if seq <= self._upto and self.is_within(view, int(time))
            ]  # fmt: skip

    def _take_products(self, events: Iterable[Event]) -> None:
        for event in events:
            body = event.decode()
            if isinstance(body, BatchCreated):
                self._products[body.batch] = body.product
            elif isinstance(body, BatchCorrected) and body.field == "product":
                self._products[body.batch] = body.new
        known = self.gate.batches
        self._products = {name: one for name, one in self._products.items() if name in known}


def _newest(series: Series, asked: NDArray[np.int64], gap: int, width: int) -> Floats:
    """Newest good value at or before each time, not older than the gap, shape (n, width)."""
    found = np.full((len(asked), width), math.nan)
    if not len(series) or series.kind not in ("number", "array"):
        return found
    column = series.table.column("value").to_pylist()
    rows = [one if isinstance(one, list) else [one] for one in column]
    # An array of another length is of another axis: no input of this model.
    is_good = [
        len(row) == width and None not in row and quality < Quality.BAD
        for row, quality in zip(rows, series.qualities().tolist(), strict=True)
    ]
    kept = [row for row, good in zip(rows, is_good, strict=True) if good]
    values = np.asarray(kept, dtype=np.float64).reshape(len(kept), width)
    times = series.times()[np.asarray(is_good, dtype=np.bool_)]
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    place = np.searchsorted(times, asked, side="right") - 1
    is_near = place >= 0
    is_near[is_near] = asked[is_near] - times[place[is_near]] <= gap
    found[is_near] = values[place[is_near]]
    return found
