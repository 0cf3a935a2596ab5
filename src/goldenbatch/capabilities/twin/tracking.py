"""A twin that follows the batches of a place: estimates, expected end, and what is wrong.

Readings of the historian and results of the laboratory, each at the time when its sample was
taken, go through a bank of filters (`science.process.tracking`). What they say at each step of
the grid is logged as readings of the analyst's own tags; when the evidence that reality left
the twin is strong enough, a finding names the fault, or those that it may be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from goldenbatch.capabilities.twin._track_evidence import observe
from goldenbatch.capabilities.twin._track_findings import (
    DEPARTURE,
    DOMAIN,
    END,
    LABORATORY,
    UNABLE,
    Scene,
    departure,
    end_out,
    label,
    outside,
    unable,
    unusable,
)
from goldenbatch.capabilities.twin._track_runs import KINDS, Assay, Runs, Unused
from goldenbatch.capabilities.twin._track_settings import EndSettings, TrackSettings
from goldenbatch.capabilities.twin._track_setup import Twin, load_model, make_twin
from goldenbatch.core.analyst import Assessment, Derived, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.findings import Finding
from goldenbatch.core.series import Quality
from goldenbatch.science.process.tracking import (
    Criterion,
    Draws,
    EndOfBatch,
    Observed,
    Tracker,
    diagnose,
    predict_end,
)
from goldenbatch.science.process.tracking.belief import unpack
from goldenbatch.science.process.tracking.prediction import extrapolated

CODE_VERSION: Final = "1"
MOST_DONE: Final = 200


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
        for batch, start, end in work.runs.active():
            if batch not in work.done:
                work.follow(batch, start, end)
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
        self.open = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.derived: list[Derived] = []
        tags = [one.tag for one in (*chosen.outputs.values(), *chosen.inputs.values())]
        self.fresh = view.new_readings(tags).times().tolist() if tags else []
        self.newest = max([int(state["newest"]), *self.fresh])

    def assessment(self) -> Assessment:
        state = {
            "runs": self.runs.to_json(), "followed": self.followed,
            "done": self.done[-MOST_DONE:], "newest": self.newest, "open": self.open.entries,
        }  # fmt: skip
        return Assessment(state, tuple(self.open.transitions), tuple(self.derived))

    def follow(self, batch: str, start: int, end: int | None) -> None:
        """Follow one run up to what is known, and to its end if it has one."""
        units = {o.name: o.unit for o in self.twin.model.outputs}
        wanted = {a: (name, units[name]) for name, a in self.settings.laboratory.items()}
        assays, unused = self.runs.results(batch, wanted)
        upto = end if end is not None else max([self.newest, *(one[0] for one in assays)])
        assays = [one for one in assays if start <= one[0] <= upto]
        run = _Run(self, batch, start, self.followed.get(batch))
        run.go_on(assays, unused, upto)
        self.followed[batch] = run.to_json()
        if end is not None:
            run.finish(end)
            del self.followed[batch]
            self.done.append(batch)
            self.runs.done(batch)


class _Run:
    """One run while it is followed."""

    def __init__(self, work: _Work, batch: str, start: int, kept: Mapping[str, Any] | None) -> None:
        self.work, self.twin, self.settings = work, work.twin, work.settings
        self.batch, self.begin = batch, start
        if kept is not None and kept["start"] != start:
            kept = None  # its start was corrected: all times are others
        self.kept: dict[str, Any] = dict(kept) if kept is not None else {
            "start": start, "tracker": None, "used": [], "time": -1.0, "said": {}, "clear": 0,
            "label": "", "leading": 0, "predicted": -1.0, "too_late": [], "unused": [],
        }  # fmt: skip
        self.kept["said"] = dict(self.kept["said"])
        self.tracker: Tracker | None = None
        self.assays: list[Assay] = []
        self.in_domain = True

    def to_json(self) -> dict[str, Any]:
        if self.tracker is not None:
            self.kept |= {"tracker": self.tracker.to_json(), "time": self.tracker.time}
        return self.kept

    # ---- following --------------------------------------------------------------------------

    def go_on(self, assays: list[Assay], unused: list[Unused], upto: int) -> None:
        """Filter to the last grid time that is known, again from where something changed."""
        self.assays = assays
        before = float(self.kept["time"])
        changes = self._changes(assays, before)
        target = (upto - self.begin) / self.twin.unit_us
        is_due = target >= 0 and before < math.floor(target / self.settings.cadence + 1e-9) * (
            self.settings.cadence
        )
        self._unusable(unused, assays)
        if not is_due and not changes:
            return
        self.tracker = self.twin.tracker(self.kept["tracker"])
        changed = self._reachable(changes)
        if not is_due and changed is None:
            return
        self._filter(target, changed, before, upto)

    def _filter(self, target: float, changed: float | None, before: float, upto: int) -> None:
        if self.tracker is None:
            raise ValueError("nothing is followed yet")
        since = self.tracker.restart_at(changed)
        span = (self.begin + round(max(since or 0.0, 0.0) * self.twin.unit_us), upto)
        observed = observe(self.twin, self.work.view, self.begin, span, self.assays)
        if changed is not None:
            self.tracker.advance(observed, before, changed)
            if before >= 0.0:
                self._judge(observed, before, is_new=False)
        step = max(0, round(before / self.settings.cadence) + 1) if before >= 0 else 0
        while step * self.settings.cadence <= target + 1e-9 * self.settings.cadence:
            at = step * self.settings.cadence
            self.tracker.advance(observed, at)
            self._judge(observed, at, is_new=True)
            step += 1

    def _changes(self, assays: list[Assay], before: float) -> list[float]:
        """Times, up to the one filtered to, of evidence that is new or different."""
        now = {(at, name, value) for at, name, value, _ in assays}
        used = {(at, name, value) for at, name, value in self.kept["used"]}
        self.kept["used"] = [list(one) for one in sorted(now)]
        times = [at for at, _, _ in now ^ used] + [t for t in self.work.fresh if t >= self.begin]
        found = [(at - self.begin) / self.twin.unit_us for at in times]
        return sorted({t for t in found if t <= before + 1e-6 * self.settings.cadence})

    def _reachable(self, changes: list[float]) -> float | None:
        """The oldest change within the window; older ones are told and passed over."""
        if self.tracker is None or not changes:
            return None
        late = [t for t in changes if self.tracker.restart_at(t) is None]
        inside = [t for t in changes if t not in late]
        if late:
            unit = self.twin.model.time_unit
            words = [f"evidence of {t:.4g} {unit} came later than the window" for t in late]
            self.kept["too_late"] = [*self.kept["too_late"], *words][-20:]
            self._unusable([], self.assays)
        return inside[0] if inside else None

    # ---- judging ----------------------------------------------------------------------------

    def _judge(self, observed: Observed, at: float, *, is_new: bool) -> None:
        tracker, chosen = self.tracker, self.settings
        if tracker is None or not tracker.records:
            return
        said = diagnose(self.twin.bank, tracker.records, limit=chosen.limit, sure=chosen.sure)
        leading = said.leading if said.is_alarm else int(self.kept["leading"])
        belief, guess = tracker.beliefs[leading], self.twin.bank[leading]
        here = unpack(self.twin.setup, guess, belief.mean)
        u = tracker.inputs_over(observed, max(at - chosen.cadence, 0.0), at)
        names = extrapolated(self.twin.setup, here.x, u, here.p)
        self.in_domain = not names
        scene = self._scene(at)
        self._departure(scene, said)
        self._keep(DOMAIN, bool(names), lambda: outside(scene, names), "It is inside again.")
        n_failed = tracker.beliefs[0].n_failed
        why = f"the solver did not get through {n_failed} steps, over which the state was held."
        self._keep(UNABLE, n_failed > 0, lambda: unable(scene, why), "")
        if is_new:
            self._log(at, leading, said.evidence)
            self._end(scene, at, u)

    def _scene(self, at: float) -> Scene:
        begin, unit = self.begin, self.twin.unit_us
        analyst = self.work.analyst
        return Scene(
            (analyst.name, analyst.version), self.twin, self.work.view, self.batch, begin,
            begin + round(at * unit), self.assays, self.in_domain,
        )  # fmt: skip

    def _departure(self, scene: Scene, said: Any) -> None:
        tracker = self.tracker
        if said.is_alarm and tracker is not None:
            self.kept["clear"], self.kept["leading"] = 0, said.leading
            now = label(self.twin, said)
            if DEPARTURE not in self.kept["said"] or now != self.kept["label"]:
                self.kept["label"] = now
                self._put(DEPARTURE, departure(scene, tracker, said))
        elif DEPARTURE in self.kept["said"]:
            is_clear = said.evidence < 0.5 * self.settings.limit
            self.kept["clear"] = self.kept["clear"] + 1 if is_clear else 0
            if self.kept["clear"] >= self.settings.n_clear:
                self._close(DEPARTURE, scene.at, "What is measured agrees with the twin again.")
                self.kept["leading"] = 0

    def _keep(self, key: str, is_so: bool, make: Any, words: str) -> None:
        """Open a finding when something is so, close it when it no longer is."""
        if is_so and key not in self.kept["said"]:
            self._put(key, make())
        elif not is_so and key in self.kept["said"]:
            self._close(key, self._scene(self.tracker.time if self.tracker else 0.0).at, words)

    def _unusable(self, unused: list[Unused], assays: list[Assay]) -> None:
        """Say which results do not count, once for each set of them."""
        why = [*(words for words, _ in unused), *self.kept["too_late"]]
        records = [record for _, record in unused] or [one[3] for one in assays[-1:]]
        if why and why != self.kept["unused"]:
            self.kept["unused"] = why
            scene = self._scene(max(self.kept["time"], 0.0))
            self._put(LABORATORY, unusable(scene, why, records))

    def _put(self, key: str, finding: Finding) -> None:
        first = self.kept["said"].get(key)
        if first is not None and key != DEPARTURE:
            finding = finding.model_copy(update={"start": first["start"]})
        self.kept["said"][key] = finding.model_dump(mode="json")
        self.work.open.put(finding, self.work.view.tick)

    def _close(self, key: str, at: int, words: str) -> None:
        finding = Finding.model_validate(self.kept["said"].pop(key))
        statement = f"{finding.statement} {words}".strip()
        end = max(at, finding.start)
        self.work.open.close(finding.model_copy(update={"end": end, "statement": statement}))

    def finish(self, end: int) -> None:
        """The run is over: so is what was said of it."""
        for key in sorted(self.kept["said"]):
            self._close(key, end, "The batch ended.")

    # ---- what is logged ---------------------------------------------------------------------

    def _log(self, at: float, leading: int, evidence: float) -> None:
        tracker = self.tracker
        if tracker is None:
            return
        belief, setup = tracker.beliefs[leading], self.twin.setup
        here = unpack(setup, self.twin.bank[leading], belief.mean)
        sd = np.sqrt(np.diag(belief.cov))
        numbers: dict[str, float] = {}
        for k, name in enumerate(self.twin.model.columns("states")):
            numbers |= {name: here.x[k], f"{name}_sd": sd[k] * setup.scale[k]}
        for k, one in enumerate(setup.moving):
            place = setup.model.n_x + k
            slope = one.slope(float(belief.mean[place]))
            numbers |= {one.name: here.p[one.index], f"{one.name}_sd": sd[place] * slope}
        last = tracker.records[-1]
        numbers |= {"evidence": evidence}
        if last.n_taken:
            numbers["nis"] = last.nis / last.n_taken
        self._write(at, numbers, is_sure=self.in_domain)

    def _write(self, at: float, numbers: Mapping[str, float], *, is_sure: bool) -> None:
        time = self._scene(at).at
        quality = Quality.GOOD if is_sure else Quality.UNCERTAIN
        for name, value in numbers.items():
            tag = self.settings.tag(name.replace("[", "_").replace("]", ""))
            self.work.derived.append(Derived(tag, time, float(value), int(quality)))

    def _end(self, scene: Scene, at: float, u: Any) -> None:
        """Predict the end, as often as asked for."""
        chosen, tracker = self.settings.end, self.tracker
        if chosen is None or tracker is None or at >= chosen.planned:
            return
        if math.floor(at / chosen.every) <= math.floor(self.kept["predicted"] / chosen.every):
            return
        self.kept["predicted"] = at
        leading = int(self.kept["leading"])
        end = predict_end(
            self.twin.setup, self.twin.bank[leading], tracker.beliefs[leading],
            self.twin.planned_inputs(u), _ahead(chosen, at, 4 * self.settings.cadence),
            Criterion(chosen.output, chosen.level, chosen.direction),
            draws=Draws(chosen.members, chosen.probability, chosen.seed),
        )  # fmt: skip
        names = ("end_value", "end_lower", "end_upper")
        numbers = dict(zip(names, end.value, strict=True))
        if end.time is not None:
            numbers |= dict(zip(("end_time", "end_earliest", "end_latest"), end.time, strict=True))
        self._write(at, numbers, is_sure=scene.in_domain and not end.is_extrapolated)
        name = self.twin.bank[leading].name
        by = "with the process as the twin says" if not leading else f"if this goes on: {name}"
        is_out = _is_out(chosen, end)
        self._keep(END, is_out, lambda: end_out(scene, end, by), "It is expected within again.")


def _ahead(chosen: EndSettings, at: float, usual: float) -> list[float]:
    """Borders of the intervals of a prediction: changes of the plan are among them."""
    step = chosen.step or usual
    n = max(1, math.ceil((chosen.planned - at) / step - 1e-9))
    times = {at + (chosen.planned - at) * k / n for k in range(1, n)} | {chosen.planned}
    times |= {t for one in chosen.plan.values() for t in one.times if at < t < chosen.planned}
    return sorted(times)


def _is_out(chosen: EndSettings, end: EndOfBatch) -> bool:
    """Whether the expected end is outside its limits."""
    if chosen.level is not None:
        latest = chosen.latest if chosen.latest is not None else chosen.planned
        return end.share_reached < 0.5 or (end.time is not None and end.time[0] > latest)
    is_low = chosen.lower is not None and end.value[0] < chosen.lower
    return is_low or (chosen.upper is not None and end.value[0] > chosen.upper)
