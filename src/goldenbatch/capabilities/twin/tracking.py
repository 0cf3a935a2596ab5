"""A twin that follows the batches of a place: estimates, expected end, and what is wrong.

Readings of the historian and results of the laboratory, each at the time when its sample was
taken, go through a bank of filters (`science.process.tracking`). What they say at each step of
the grid is logged as readings of the analyst's own tags; when the evidence that reality left
the twin is strong enough, a finding names the fault, or those that it may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from goldenbatch.capabilities.twin._track_run import Desk, FollowedRun
from goldenbatch.capabilities.twin._track_runs import KINDS, Runs
from goldenbatch.capabilities.twin._track_settings import TrackSettings
from goldenbatch.capabilities.twin._track_setup import Twin, load_model, make_twin
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest

CODE_VERSION: Final = "1"
MOST_DONE: Final = 200
MODEL_MEDIA_TYPE: Final = "application/vnd.goldenbatch.model-declaration"
_FOREVER: Final = 2**62


def track(name: str, settings: Mapping[str, Any]) -> Track:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible, or does not fit the model.
    """
    return Track(name, read_settings(TrackSettings, name, settings, "the README of twin"))


class Track:
    """Analyst: follows the batches of a place with a twin."""

    def __init__(self, name: str, settings: TrackSettings) -> None:
        self.name, self.settings = name, settings
        self.model = load_model(settings)
        if not settings.model.posterior:
            make_twin(name, settings, self.model)
        digest = settings_digest(settings)
        self.version = f"twin-track-{CODE_VERSION}+{digest}.{self.model.digest[:8]}"
        self._twin: Twin | None = None

    @property
    def artefacts(self) -> tuple[tuple[bytes, str], ...]:
        """The declared model: its findings name it by its digest."""
        return ((self.model.canonical, MODEL_MEDIA_TYPE),)

    def start(self) -> State:
        """No batch seen."""
        return {"runs": None, "followed": {}, "done": [], "newest": 0, "open": {}}

    def twin(self, view: TickView) -> Twin:
        """Model and bank, made once: they depend on the settings alone."""
        if self._twin is None:
            digest = self.settings.model.posterior
            content = view.artefact(digest) if digest else None
            self._twin = make_twin(self.name, self.settings, self.model, content)
        return self._twin

    def assess(self, state: State, view: TickView) -> Assessment:
        """Follow the runs of the place up to what is known."""
        work = _Work(self, state, view)
        active = work.runs.active()
        for batch, start, end in active:
            if batch not in work.done:
                work.follow(batch, start, end)
        work.leave({batch for batch, _, _ in active})
        return work.assessment()


class _Work:
    """One assessment on copies of the state."""

    def __init__(self, analyst: Track, state: State, view: TickView) -> None:
        self.analyst, self.settings, self.view = analyst, analyst.settings, view
        self.twin = analyst.twin(view)
        chosen = analyst.settings
        self.runs = Runs(chosen.place, chosen.product, chosen.phases, state["runs"])
        is_first = state["runs"] is None
        self.runs.take(view.events(KINDS) if is_first else view.new_events(KINDS))
        self.done = list(state["done"])
        if is_first and view.tick.number > 1:
            # What had ended before this analyst came is history, not news.
            new = {str(getattr(one.decode(), "batch", "")) for one in view.new_events(KINDS)}
            self.done = [b for b, _, end in self.runs.active() if end is not None and b not in new]
        self.followed = dict(state["followed"])
        tags = [one.tag for one in (*chosen.outputs.values(), *chosen.inputs.values())]
        fresh = view.new_readings(tags).times().tolist() if tags else []
        book = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.desk = Desk(self.twin, view, book, fresh)
        self.newest = max([int(state["newest"]), *fresh])
        starts = [start for batch, start, _ in self.runs.active() if batch not in self.done]
        if is_first and tags and starts:
            # A run may have been under way for long when the analyst comes.
            there = view.read(tags, (min(starts), _FOREVER)).times()
            self.newest = max([self.newest, *there.tolist()])

    def assessment(self) -> Assessment:
        state = {
            "runs": self.runs.to_json(), "followed": self.followed,
            "done": self.done[-MOST_DONE:], "newest": self.newest, "open": self.desk.open.entries,
        }  # fmt: skip
        return Assessment(state, tuple(self.desk.open.transitions), tuple(self.desk.derived))

    def follow(self, batch: str, start: int, end: int | None) -> None:
        """Follow one run up to what is known, and to its end if it has one."""
        units = {o.name: o.unit for o in self.twin.model.outputs}
        wanted = {a: (name, units[name]) for name, a in self.settings.laboratory.items()}
        assays, unused = self.runs.results(batch, wanted)
        upto = end if end is not None else max([self.newest, *(one[0] for one in assays)])
        assays = [one for one in assays if start <= one[0] <= upto]
        run = FollowedRun(self.desk, batch, start, self.followed.get(batch))
        run.go_on(assays, unused, upto)
        self.followed[batch] = run.to_json()
        if end is not None:
            run.finish(end, "The batch ended.")
            del self.followed[batch]
            self.done.append(batch)
            self.runs.done(batch)

    def leave(self, active: set[str]) -> None:
        """Say of runs that a correction took from this place that they are no longer followed."""
        for batch in sorted(set(self.followed) - active):
            kept = self.followed.pop(batch)
            run = FollowedRun(self.desk, batch, int(kept["start"]), kept)
            run.finish(self.view.tick.at, "By what is known now the batch does not run here.")
