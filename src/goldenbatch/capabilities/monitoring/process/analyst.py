"""Continuous tags of one or many units live: a frozen model, one finding an event.

Readings become rows on a grid (`sampling`), rows of windows in which the model is valid are
judged unit by unit (`judging`), and data that stop coming are told apart (`lost`). The state is
JSON with arrays as text, so that a restart at any row changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._in_use import ModelInUse
from goldenbatch.capabilities.monitoring.process.evidence import add_windows
from goldenbatch.capabilities.monitoring.process.fleet_state import FleetState
from goldenbatch.capabilities.monitoring.process.gates import Gates
from goldenbatch.capabilities.monitoring.process.judging import (
    Bench,
    Judge,
    close_event,
    part,
    span_mask,
    span_of,
    stands_alone,
)
from goldenbatch.capabilities.monitoring.process.lost import tell_lost, tell_silence
from goldenbatch.capabilities.monitoring.process.sampling import (
    NEVER,
    Grid,
    Rows,
    no_readings,
    readings_of,
)
from goldenbatch.capabilities.monitoring.process.settings import ProcessSettings
from goldenbatch.capabilities.monitoring.process.unserved import tell_unserved
from goldenbatch.core.analyst import Assessment, Derived, OpenFindings, State, TickView
from goldenbatch.core.findings import Finding
from goldenbatch.core.gating import KINDS as GATE_KINDS
from goldenbatch.core.gating import Span, covers, without
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.dynamic_state import DynamicScores
from goldenbatch.science.latent.fleet_model import FleetModel

if TYPE_CHECKING:
    from goldenbatch.core.series import Integers

CODE_VERSION: Final = "1"
AHEAD_US: Final = 86_400_000_000
"""Readings further ahead of the tick are of a clock that is wrong, and are left alone."""
LIVE_US: Final = 60_000_000
MOST_AT_ONCE: Final = 100
"""Grid intervals whose readings are fetched together as evidence."""
PAST_US: Final = 7 * 86_400_000_000
"""Windows that ended so long before a unit's last row are not gone through again."""
_MODELS: Final = (ModelFitted.kind, ModelDrafted.kind)
_ADVICE: Final = "See `goldenbatch model list` and have a model made active."


def process_monitor(name: str, settings: Mapping[str, Any]) -> ProcessMonitor:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return ProcessMonitor(name, read_settings(ProcessSettings, name, settings))


def grid_of(settings: ProcessSettings) -> Grid:
    """How rows are made."""
    return Grid(
        len(settings.tags), settings.interval_us, settings.wait_us, settings.max_age_us,
        settings.sampling,
    )  # fmt: skip


class ProcessMonitor:
    """Analyst: judges rows of continuous tags by the frozen model in use."""

    def __init__(self, name: str, settings: ProcessSettings) -> None:
        self.name, self.settings = name, settings
        self.version = f"process-{CODE_VERSION}+{settings.digest()}"
        self._model: FleetModel | None = None

    def start(self) -> State:
        """No model, nothing seen."""
        return {
            "use": None, "model": "", "kind": None, "unserved": None, "silence": None,
            "gates": None, "fleet": {}, "open": {}, "heard_at": 0,
        }  # fmt: skip

    def model(self, view: TickView, digest: str) -> FleetModel | None:
        """The model under a digest; read once."""
        if not digest:
            return None
        if self._model is None or self._model.digest != digest:
            self._model = FleetModel.from_bytes(view.artefact(digest), digest)
        return self._model

    def assess(self, state: State, view: TickView) -> Assessment:
        """Judge the rows that became due."""
        return _Work(self, state, view).assessment()


class _Work:
    """One assessment on a copy of the state."""

    def __init__(self, analyst: ProcessMonitor, state: State, view: TickView) -> None:
        self.analyst, self.settings, self.view = analyst, analyst.settings, view
        self.state = dict(state)
        self.book = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.derived: list[Derived] = []
        self.grid = grid_of(self.settings)
        names = self.settings.units_of(place.path for place in view.plant.places)
        self._leave(names)
        self.fleet = FleetState.read(state["fleet"], names, self.grid.n_tags)
        self.in_use = ModelInUse(analyst.name, self.state, view, _ADVICE)
        for event in view.new_events(_MODELS):
            self.in_use.take(event)
        self.artefact = self.in_use.artefact()
        self.model = analyst.model(view, self.artefact)
        if self.model is not None and self.model.columns != self.settings.tags:
            self.model = None
            self.in_use.why_not = "the model in use has other tags: fit it again."
        self.bench = Bench(analyst.name, analyst.version, self.settings, view, self.book,
                           self.derived, self.artefact)  # fmt: skip

    def assessment(self) -> Assessment:
        opened = self._take_context()
        fresh = self._take_readings()
        rows = self._rows(opened)
        if self.model is not None:
            self._judge(rows)
        self._end_windows()
        reach = MOST_AT_ONCE * self.settings.interval_us
        add_windows(self.bench.asked, self.view, self.book, self.fleet.units, reach)
        tell_unserved(self.bench, self.state, self.fleet, self.in_use.why_not)
        self._watch_silence(is_heard=fresh)
        state = {**self.state, "fleet": self.fleet.to_json(), "open": self.book.entries}
        return Assessment(state, tuple(self.book.transitions), tuple(self.derived))

    def _leave(self, names: Sequence[str]) -> None:
        """Close what is open on units that are no longer watched."""
        known: Mapping[str, Any] = self.state["fleet"].get("units") or {}
        for name in sorted(set(known) - set(names)):
            for kept in (known[name].get("event"), known[name].get("lost")):
                if kept is not None:
                    finding = Finding.model_validate(kept)
                    words = f"{finding.statement} The unit is no longer watched."
                    ended = {"end": self.view.tick.at, "statement": words}
                    self.book.close(finding.model_copy(update=ended))

    # ---- what came --------------------------------------------------------------------------

    def _take_context(self) -> dict[int, list[Span]]:
        """Windows in which rows count; those of each unit that opened in the past."""
        if self.settings.is_always:
            return {}
        names, kept = self.fleet.names, self.state["gates"]
        is_begun = kept is not None and kept["names"] == names
        events = self.view.new_events(GATE_KINDS) if is_begun else self.view.events(GATE_KINDS)
        if is_begun and not events:
            return {}
        silent = tuple(one.value for one in self.settings.silent)
        gates = Gates(names, self.settings.phases, silent, kept["gates"] if is_begun else None)
        gates.take(events)
        self.state["gates"] = {"names": names, "gates": gates.to_json()}
        windows, opened = gates.windows(), {}
        settle = round(self.settings.settle_s * 1e6)
        for i, (name, unit) in enumerate(zip(names, self.fleet.units, strict=True)):
            oldest = unit.done - PAST_US
            spans = [(start + settle, end) for start, end in windows[name]
                     if start + settle < end and end > oldest]  # fmt: skip
            seen = [(NEVER, unit.done + 1)]
            fresh = without(spans, unit.spans) if unit.done != NEVER else []
            past = without(fresh, without(fresh, seen))
            if past:
                opened[i] = past
            unit.spans = spans
            self._take_back(i)
        return opened

    def _take_back(self, i: int) -> None:
        """Close a finding whose beginning, by what is known now, counts no more."""
        unit = self.fleet.units[i]
        if unit.event is None or covers(unit.spans, Finding.model_validate(unit.event).start):
            return
        words = "By what is known now the model is not valid there: no such phase ran."
        close_event(self.book, unit, self.view.tick.at, words)
        unit.forget_rows()

    def _take_readings(self) -> bool:
        """Add what came; whether anything did."""
        n_tags = self.grid.n_tags
        channels = {
            tag: i * n_tags + j
            for i, name in enumerate(self.fleet.names)
            for j, tag in enumerate(self.settings.tags_of(name))
        }
        came = readings_of(self.view.new_readings(list(channels)), channels)
        came = came.where(came.times <= self.view.tick.at + AHEAD_US)
        self.fleet.readings = self.fleet.readings.and_later(came).in_order()
        if not len(came.times):
            return False
        owner = came.channels // n_tags
        newest, heard = self.fleet.column("newest"), np.full(len(self.fleet.units), 1 << 62)
        np.maximum.at(newest, owner, came.times)
        np.minimum.at(heard, owner, came.times)
        for i in np.unique(owner).tolist():
            unit = self.fleet.units[i]
            unit.newest = int(newest[i])
            unit.heard = int(heard[i]) if unit.heard == NEVER else unit.heard
        return True

    # ---- rows -------------------------------------------------------------------------------

    def _rows(self, opened: Mapping[int, list[Span]]) -> list[tuple[Integers, Any]]:
        """Grid times and rows of each unit that are due and count, windows gone back to first."""
        readings, done = self.fleet.readings, self.fleet.column("done")
        due = self.grid.due(readings, done, self.fleet.column("newest"))
        made = self.grid.rows(readings, *due)
        ends = np.searchsorted(made.units, np.arange(len(self.fleet.units) + 1))
        found = []
        for i, unit in enumerate(self.fleet.units):
            own = slice(ends[i], ends[i + 1])
            times, values = made.times[own], made.values[own]
            if len(times):
                unit.done = int(times[-1])
            if not self.settings.is_always and len(times):
                is_in = np.array([covers(unit.spans, at) for at in times.tolist()], dtype=np.bool_)
                times, values = times[is_in], values[is_in]
            if i in opened:
                before = self._before(i, opened[i], int(done[i]))
                times = np.concatenate([before.times, times])
                values = np.concatenate([before.values, values])
            found.append((times, values))
        self.fleet.readings = self.grid.kept(readings, self.fleet.column("done"))
        return found

    def _before(self, i: int, spans: Sequence[Span], done: int) -> Rows:
        """Rows of windows that opened in the past, up to the unit's last row."""
        tags = self.settings.tags_of(self.fleet.names[i])
        channels = {tag: j for j, tag in enumerate(tags)}
        reach = max(self.grid.max_age, self.grid.interval)
        times, readings = np.zeros(0, np.int64), no_readings()
        for start, end in spans:
            window = (start - reach, min(end, done) + 1)
            found = readings_of(self.view.read(tags, window), channels).in_order()
            readings = readings.and_later(found).in_order()
            none = np.array([start - 1], dtype=np.int64)
            upto = np.array([min(end - 1, done) + self.grid.wait], dtype=np.int64)
            times = np.concatenate([times, self.grid.due(found, none, upto)[1]])
        return self.grid.rows(readings, np.zeros(len(times), np.int64), times)

    def _judge(self, rows: Sequence[tuple[Integers, Any]]) -> None:
        model = self.model
        plans = [None if model is None else model.plan_of(name) for name in self.fleet.names]
        known = _together(plans, [values for _, values in rows])
        for i, (times, values) in enumerate(rows):
            place, unit, plan = self.fleet.names[i], self.fleet.units[i], plans[i]
            if plan is None or not len(times):
                continue
            judge = Judge(self.bench, place, unit, plan)
            for span in unit.spans if not self.settings.is_always else [None]:
                is_in = span_mask(times, span)
                if is_in.any():
                    judge.take(times[is_in], values[is_in], span, part(known.get(i), is_in))

    def _end_windows(self) -> None:
        """Close findings whose window is over: what comes next is another run."""
        if self.settings.is_always:
            return
        late = self.view.tick.at - self.settings.lost_us - self.settings.wait_us
        for unit in self.fleet.units:
            if unit.event is None:
                continue
            span = span_of(unit.spans, Finding.model_validate(unit.event).start)
            if span is not None and span[1] <= max(unit.done + self.settings.interval_us, late):
                close_event(self.book, unit, span[1], "The window of the model ended.")

    # ---- silence ----------------------------------------------------------------------------

    def _watch_silence(self, *, is_heard: bool) -> None:
        """Tell of lost data; ask to be woken where nothing at all may come any more."""
        at, newest = self.view.tick.at, self.fleet.column("newest")
        if is_heard:
            self.state["heard_at"] = at
        since, lost = int(self.state["heard_at"]), self.settings.lost_us
        is_silent = bool(since) and at - since > lost
        if self.model is not None and (newest != NEVER).any():
            tell_lost(self.bench, self.fleet)
            tell_silence(self.bench, self.state, self.fleet, is_silent=is_silent)
        self.state.pop("wake_at", None)
        is_live = bool(since) and since - int(newest.max(initial=NEVER)) < max(LIVE_US, 10 * lost)
        if is_live and not is_silent:
            self.state["wake_at"] = since + lost + 1


def _together(plans: Sequence[DynamicPlan | None], rows: Sequence[Any]) -> dict[int, DynamicScores]:
    """Scores of the rows of all units that share a plan, in one pass a plan.

    Only of plans to which a row stands alone: the others follow each unit by itself.
    """
    groups: dict[str, list[int]] = {}
    for i, plan in enumerate(plans):
        if plan is not None and len(rows[i]) and stands_alone(plan):
            groups.setdefault(plan.digest, []).append(i)
    found: dict[int, DynamicScores] = {}
    for places in groups.values():
        plan = plans[places[0]]
        if plan is None:
            continue
        scores, _ = plan.score(np.concatenate([rows[i] for i in places]))
        ends = np.cumsum([len(rows[i]) for i in places]).tolist()
        for i, end in zip(places, ends, strict=True):
            own = part(scores, slice(end - len(rows[i]), end))
            if own is not None:
                found[i] = own
    return found
