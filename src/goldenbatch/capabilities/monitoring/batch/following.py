"""Batches at a place, followed live against golden batches by a frozen plan.

Samples of the phases that the plan is valid in are brought to one maturity and judged; outside
of these phases, and in the equipment statuses that the settings name, the analyst is silent. One
finding says that a batch left the golden batches, another that it is outside the plan's domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from goldenbatch.capabilities.monitoring._common import read_settings, window_evidence
from goldenbatch.capabilities.monitoring._in_use import ModelInUse
from goldenbatch.capabilities.monitoring.batch._followed_batch import Desk, FollowedBatch
from goldenbatch.capabilities.monitoring.batch._run_findings import UNSERVED
from goldenbatch.capabilities.monitoring.batch._runs_here import RUN_KINDS, RunsHere
from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
from goldenbatch.core.analyst import Assessment, Derived, OpenFindings, State, TickView
from goldenbatch.core.findings import Finding, Subject
from goldenbatch.core.model_records import ModelDrafted
from goldenbatch.core.models import ModelFitted
from goldenbatch.science.latent.batch import BatchPlan

CODE_VERSION: Final = "1"
MOST_DONE: Final = 500
AHEAD_US: Final = 86_400_000_000
"""Readings further ahead of the tick are of a clock that is wrong."""
_FOREVER: Final = 2**62
_MODELS: Final = (ModelFitted.kind, ModelDrafted.kind)
_ADVICE: Final = "See `goldenbatch model list` and have a model made active."


def batch_runs(name: str, settings: Mapping[str, Any]) -> BatchRuns:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return BatchRuns(name, read_settings(BatchRunsSettings, name, settings))


class BatchRuns:
    """Analyst: follows the batches of a place."""

    def __init__(self, name: str, settings: BatchRunsSettings) -> None:
        self.name, self.settings = name, settings
        self.version = f"batch-runs-{CODE_VERSION}+{settings.digest()}"
        self._plan: BatchPlan | None = None

    def start(self) -> State:
        """No model, no batch seen."""
        return {
            "use": None, "model": "", "kind": None, "unserved": None, "runs": None,
            "followed": {}, "done": [], "newest": 0, "open": {},
        }  # fmt: skip

    def plan(self, view: TickView, digest: str) -> BatchPlan | None:
        """The plan under a digest; read once."""
        if not digest:
            return None
        if self._plan is None or self._plan.digest != digest:
            self._plan = BatchPlan.from_bytes(view.artefact(digest), digest)
        return self._plan

    def assess(self, state: State, view: TickView) -> Assessment:
        """Take the samples that became due."""
        return _Work(self, state, view).assessment()


class _Work:
    """One assessment on a copy of the state."""

    def __init__(self, analyst: BatchRuns, state: State, view: TickView) -> None:
        self.analyst, self.settings, self.view = analyst, analyst.settings, view
        self.state = {key: value for key, value in state.items() if key != "wake_at"}
        self.book = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.derived: list[Derived] = []
        self.done, self.followed = list(state["done"]), dict(state["followed"])
        self.in_use = ModelInUse(analyst.name, self.state, view, _ADVICE)
        for event in view.new_events(_MODELS):
            self.in_use.take(event)
            body = event.decode()
            if isinstance(body, ModelFitted) and body.name == analyst.name:
                # A plan has nothing to say of the batches that it was made from.
                known = {batch for part in body.training for batch in part.batches}
                self.done += sorted(known - set(self.done) - set(self.followed))
        self.plan = analyst.plan(view, self.in_use.artefact())
        if self.plan is not None and self.plan.settings.columns != self.settings.columns:
            self.plan, self.in_use.why_not = None, "the model in use has other variables: fit again"
        self.runs = RunsHere(self.settings, state["runs"])
        is_first = state["runs"] is None
        events = view.events(RUN_KINDS) if is_first else view.new_events(RUN_KINDS)
        self.runs.take(events)
        if is_first and view.tick.number > 1:
            self._leave_history()
        self.newest = self._newest(is_first=is_first)

    def _leave_history(self) -> None:
        """What had ended before this analyst came is history, not news."""
        new = {str(getattr(one.decode(), "batch", "")) for one in self.view.new_events(RUN_KINDS)}
        for batch, runs in self.runs.batches().items():
            is_over = all(one.end is not None for one in runs)
            if is_over and batch not in new and batch not in self.done:
                self.done.append(batch)

    def _newest(self, *, is_first: bool) -> int:
        """Time of the newest reading, those of clocks that are wrong left alone."""
        tags = self.settings.tag_list
        times = self.view.new_readings(tags).times()
        limit = self.view.tick.at + AHEAD_US
        if is_first:
            starts = [one[0].start for one in self.runs.batches().values()]
            if starts:
                times = self.view.read(tags, (min(starts), _FOREVER)).times()
        near = times[times <= limit]
        newest = int(near.max()) if len(near) else 0
        return max(int(self.state["newest"]), newest)

    def assessment(self) -> Assessment:
        batches = self.runs.batches()
        wake_at = 0
        if self.plan is None:
            self._pass_over(batches)
        else:
            wake_at = self._follow(self.plan, batches)
        self._leave(set(batches))
        self._tell_unserved(is_running=any(one not in self.done for one in batches))
        state = {
            **self.state, "runs": self.runs.to_json(), "followed": self.followed,
            "done": self.done[-MOST_DONE:], "newest": self.newest, "open": self.book.entries,
        }  # fmt: skip
        if wake_at:
            state["wake_at"] = wake_at
        return Assessment(state, tuple(self.book.transitions), tuple(self.derived))

    def _pass_over(self, batches: Mapping[str, Any]) -> None:
        """Batches that ended while no model could judge them are history."""
        for batch, runs in batches.items():
            is_over = self.runs.is_over(batch) and all(one.end is not None for one in runs)
            if is_over and batch not in self.done:
                self._finish(batch, "No model may judge it any more.")

    def _follow(self, plan: BatchPlan, batches: Mapping[str, Any]) -> int:
        """Follow what is not done with; when to be woken next, or 0."""
        desk = Desk(self.settings, plan, self.view, self.book, self.runs.windows(), self.newest,
                    self.derived)  # fmt: skip
        wake_at = 0
        for batch, runs in batches.items():
            if batch in self.done:
                continue
            one = FollowedBatch(desk, batch, self.followed.get(batch))
            is_done = one.follow(runs, is_over=self.runs.is_over(batch))
            self.followed[batch] = one.to_json()
            if is_done:
                one.close(max(run.end or run.start for run in runs), "The batch ended.")
                del self.followed[batch]
                self.done.append(batch)
            ends = [run.end + self.settings.wait_us for run in runs if run.end is not None]
            later = [at for at in ends if at > self.view.tick.at]
            wake_at = min([*later, wake_at or _FOREVER]) if later else wake_at
        return wake_at

    def _leave(self, known: set[str]) -> None:
        """Close what was said of batches that, by what is known now, do not run here."""
        for batch in sorted(set(self.followed) - known):
            self._finish(batch, "By what is known now the batch does not run here.", is_done=False)

    def _finish(self, batch: str, words: str, *, is_done: bool = True) -> None:
        kept = self.followed.pop(batch, None)
        for plain in (kept or {}).get("said", {}).values():
            finding = Finding.model_validate(plain)
            ended = {"end": max(self.view.tick.at, finding.start),
                     "statement": f"{finding.statement} {words}"}  # fmt: skip
            self.book.close(finding.model_copy(update=ended))
        if is_done:
            self.done.append(batch)

    def _tell_unserved(self, *, is_running: bool) -> None:
        """Open a finding where batches run and no model may judge them; close it when one may."""
        kept, why = self.state["unserved"], self.in_use.why_not
        if kept is not None and not why:
            finding = Finding.model_validate(kept)
            self.book.close(finding.model_copy(update={"end": self.view.tick.at}))
            self.state["unserved"] = None
        if kept is not None or not why or not is_running:
            return
        tag = self.settings.tag_list[0]
        series = self.view.read([tag], (self.newest - self.settings.max_age_us, self.newest + 1))
        if not len(series):
            return
        found = Finding(
            subject=Subject(place=self.settings.place, key=UNSERVED),
            title=f"No model may judge the batches at {self.settings.place}"[:120],
            statement=f"A batch runs and {self.analyst.name} judges nothing: {why}",
            severity=self.settings.domain_severity,
            start=self.newest,
            evidence=(window_evidence(series, tag, self.view.tick.historian_seq, "the newest"),),
            in_domain=False,
            analyst=self.analyst.name,
            analyst_version=self.analyst.version,
            suggested_action="Do what the intended use says for want of a model.",
        )
        self.state["unserved"] = found.model_dump(mode="json")
        self.book.put(found, self.view.tick)
