"""One run that a twin follows: filtered to what is known, judged at each step of the grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
from goldenbatch.capabilities.twin._track_runs import Assay, Unused
from goldenbatch.capabilities.twin._track_settings import EndSettings
from goldenbatch.capabilities.twin._track_setup import Twin
from goldenbatch.core.analyst import Derived, OpenFindings, TickView
from goldenbatch.core.findings import Finding
from goldenbatch.core.quantities import conversion
from goldenbatch.core.series import Quality
from goldenbatch.science.errors import DataError
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


@dataclass
class Desk:
    """What runs share in one assessment.

    Attributes:
        twin: What follows them.
        view: The plant at the tick.
        open: Findings of the analyst.
        fresh: Times of the readings that came since the last tick.
        derived: What is logged.
    """

    twin: Twin
    view: TickView
    open: OpenFindings
    fresh: list[int]
    derived: list[Derived] = field(default_factory=list)


class FollowedRun:
    """One run while it is followed; what it remembers is plain JSON."""

    def __init__(self, desk: Desk, batch: str, start: int, kept: Mapping[str, Any] | None) -> None:
        self.desk, self.twin, self.settings = desk, desk.twin, desk.twin.settings
        self.batch, self.begin = batch, start
        self.kept: dict[str, Any] = {
            "start": start, "tracker": None, "used": [], "time": -1.0, "said": {}, "clear": 0,
            "label": "", "leading": 0, "predicted": -1.0, "too_late": [], "unused": [],
            "no_end": "",
        }  # fmt: skip
        if kept is not None and kept["start"] == start:
            self.kept |= kept
        elif kept is not None:
            # Its start was corrected: all times are others, but what was said stays said.
            self.kept |= {key: kept[key] for key in ("said", "label", "leading")}
        self.kept["said"] = dict(self.kept["said"])
        self.tracker: Tracker | None = None
        self.assays: list[Assay] = []
        self.in_domain = True

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
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
        observed = observe(self.twin, self.desk.view, self.begin, span, self.assays)
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
        times = [at for at, _, _ in now ^ used] + [t for t in self.desk.fresh if t >= self.begin]
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
        why = self._hindered(observed, at)
        self._keep(UNABLE, bool(why), lambda: unable(scene, why), "It can again.")
        if is_new:
            self._log(at, leading, said.evidence)
            self._expect(at, (here.x, belief.z, u, here.p))
            self._end(scene, at, u)

    def _hindered(self, observed: Observed, at: float) -> str:
        """Why the twin cannot follow, or empty: nothing is taken for granted in silence."""
        said = [
            f"input {name} has no reading yet, its declared value is used"
            for name, (times, _) in observed.inputs.items() if not times or times[0] > at
        ]  # fmt: skip
        n_failed = self.tracker.beliefs[0].n_failed if self.tracker is not None else 0
        if n_failed:
            said.append(f"the solver got not through {n_failed} steps, where the state was held")
        if self.kept["no_end"]:
            said.append(f"the end cannot be predicted: {self.kept['no_end']}")
        return "; ".join(said)

    def _scene(self, at: float) -> Scene:
        begin, unit = self.begin, self.twin.unit_us
        analyst = (self.desk.open.analyst, self.desk.open.version)
        return Scene(
            analyst, self.twin, self.desk.view, self.batch, begin, begin + round(at * unit),
            self.assays, self.in_domain,
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
            start = Finding.model_validate(first).start
            finding = finding.model_copy(update={"start": start})
        self.kept["said"][key] = finding.model_dump(mode="json")
        self.desk.open.put(finding, self.desk.view.tick)

    def _close(self, key: str, at: int, words: str) -> None:
        finding = Finding.model_validate(self.kept["said"].pop(key))
        statement = f"{finding.statement} {words}".strip()
        end = max(at, finding.start)
        self.desk.open.close(finding.model_copy(update={"end": end, "statement": statement}))

    def finish(self, end: int, words: str) -> None:
        """The run is over: so is what was said of it."""
        for key in sorted(self.kept["said"]):
            self._close(key, end, words)

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

    def _expect(self, at: float, point: tuple[Any, ...]) -> None:
        """What the sensors should show, beside what they do.

        Args:
            at: Time of the run.
            point: States, algebraic variables, inputs and parameters.
        """
        wanted = {n: one for n, one in self.settings.outputs.items() if one.expected}
        if not wanted:
            return
        model = self.twin.model
        shown = np.array(model.output_function(at, *point), dtype=float).ravel()
        names = [one.name for one in model.outputs]
        quality = int(Quality.GOOD if self.in_domain else Quality.UNCERTAIN)
        for name, one in wanted.items():
            factor, offset = conversion(self.twin.units[name], one.unit or self.twin.units[name])
            value = float(shown[names.index(name)]) * factor + offset
            time = self._scene(at).at
            self.desk.derived.append(Derived(one.expected, time, value, quality))

    def _write(self, at: float, numbers: Mapping[str, float], *, is_sure: bool) -> None:
        time = self._scene(at).at
        quality = Quality.GOOD if is_sure else Quality.UNCERTAIN
        for name, value in numbers.items():
            tag = self.settings.tag(name.replace("[", "_").replace("]", ""))
            self.desk.derived.append(Derived(tag, time, float(value), int(quality)))

    def _end(self, scene: Scene, at: float, u: Any) -> None:
        """Predict the end, as often as asked for."""
        chosen, tracker = self.settings.end, self.tracker
        if chosen is None or tracker is None or at >= chosen.planned:
            return
        if math.floor(at / chosen.every) <= math.floor(self.kept["predicted"] / chosen.every):
            return
        self.kept["predicted"] = at
        leading = int(self.kept["leading"])
        try:
            end = self._predicted(chosen, tracker, at, u)
        except DataError as error:
            self.kept["no_end"] = str(error)
            return
        self.kept["no_end"] = ""
        names = ("end_value", "end_lower", "end_upper")
        numbers = dict(zip(names, end.value, strict=True))
        if end.time is not None:
            numbers |= dict(zip(("end_time", "end_earliest", "end_latest"), end.time, strict=True))
        self._write(at, numbers, is_sure=scene.in_domain and not end.is_extrapolated)
        name = self.twin.bank[leading].name
        by = "with the process as the twin says" if not leading else f"if this goes on: {name}"
        is_out = _is_out(chosen, end)
        self._keep(END, is_out, lambda: end_out(scene, end, by), "It is expected within again.")

    def _predicted(self, chosen: EndSettings, tracker: Tracker, at: float, u: Any) -> EndOfBatch:
        leading = int(self.kept["leading"])
        return predict_end(
            self.twin.setup, self.twin.bank[leading], tracker.beliefs[leading],
            self.twin.planned_inputs(u), _ahead(chosen, at, 4 * self.settings.cadence),
            Criterion(chosen.output, chosen.level, chosen.direction),
            draws=Draws(chosen.members, chosen.probability, chosen.seed),
        )  # fmt: skip


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
