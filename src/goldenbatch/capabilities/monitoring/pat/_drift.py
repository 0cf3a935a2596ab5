"""Drift of a soft sensor in use: the level of T2 and SPE, and bias on verification samples.

Both are judged on spectra inside the domain only: what lies outside has a finding of its own.
A new model starts anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring._common import artefact_evidence, record_evidence
from goldenbatch.core.findings import Evidence, Finding, Measure, Subject
from goldenbatch.science.spectra.watch import bias_chart, level, verify
from goldenbatch.science.statistics.charts import (
    ChartDesign,
    ChartKind,
    ChartPoint,
    ChartSettings,
    ChartState,
    SigmaMethod,
    reference,
    start,
)
from goldenbatch.science.statistics.scoring import step

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.pat.calibration import DriftSettings
    from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensor
    from goldenbatch.core.analyst import OpenFindings, State, TickView
    from goldenbatch.core.records import Event
    from goldenbatch.science.latent import PlanScores, ScoringPlan

_DISTANCES = ("t2", "spe")
_N_VERIFY_MIN = 3


class DriftWatch:
    """The drift watch at one tick, remembered under `drift` in the analyst's state."""

    def __init__(
        self, analyst: SoftSensor, settings: DriftSettings, state: State, view: TickView
    ) -> None:
        self._analyst, self._settings, self._view = analyst, settings, view
        self._state: dict[str, Any] = {**_fresh(""), **(state.get("drift") or {})}

    def to_json(self) -> Mapping[str, Any]:
        """What is remembered."""
        return self._state

    def take(self, plan: ScoringPlan, scores: PlanScores, i: int, time: int) -> Finding | None:
        """Take a spectrum inside the domain; returns a finding that is to be put or closed."""
        last = self._begin(plan, time)
        if last is not None:
            return last
        block = self._state["block"]
        block = [*block, [float(scores.t2[i]), float(scores.spe[i])]]
        self._state["block"] = block if len(block) < self._settings.block else []
        if len(block) < self._settings.block:
            return None
        point = [level([one[k] for one in block]) for k in range(len(_DISTANCES))]
        if len(self._state["reference"]) < self._settings.n_reference:
            self._state["reference"] = [*self._state["reference"], point]
            return None
        return self._level(plan, point, time)

    def verify(
        self, plan: ScoringPlan, event: Event, pair: tuple[float, float], time: int
    ) -> Finding | None:
        """Take a laboratory result, (predicted, found), of a spectrum inside the domain."""
        last = self._begin(plan, time)
        if last is not None:
            return last
        self._state["pairs"] = [*self._state["pairs"], list(pair)][-self._settings.n_verify :]
        design = bias_chart(math.sqrt(float(plan.targets.variance[0])), self._settings.shift)
        state = ChartState.from_json(self._state["bias_chart"])
        state, point = step(design, state, pair[0] - pair[1])
        self._state["bias_chart"] = state.to_json()
        running = self._state["bias"]
        if running is None and not point.alarms:
            return None
        half = 0.5 * design.settings.threshold
        is_over = running is not None and max(state.cusum_upper, state.cusum_lower) < half
        finding = self._biased(plan, event, running, time)
        if is_over:
            finding = finding.model_copy(update={"end": time})
        self._state["bias"] = None if is_over else finding.model_dump(mode="json")
        return finding

    def hand_over(self, finding: Finding, open_findings: OpenFindings) -> None:
        """Put the finding, or close it where it has an end."""
        if finding.end is None:
            open_findings.put(finding, self._view.tick)
        elif open_findings.is_open(finding.subject):
            open_findings.close(finding)

    def _begin(self, plan: ScoringPlan, time: int) -> Finding | None:
        """Start anew with a new model; returns the finding about the old one that ends now."""
        if self._state["model"] == plan.digest:
            return None
        running = [self._state[key] for key in ("level", "bias") if self._state[key] is not None]
        if not running:
            self._state = _fresh(plan.digest)
            return None
        finding = Finding.model_validate(running[0])
        key = "level" if self._state["level"] is not None else "bias"
        self._state[key] = None
        words = f"{finding.statement} Another model serves now."
        return finding.model_copy(update={"end": time, "statement": words})

    def _level(self, plan: ScoringPlan, point: list[float], time: int) -> Finding | None:
        points: dict[str, tuple[ChartDesign, ChartPoint]] = {}
        charts = dict(self._state["charts"])
        for k, name in enumerate(_DISTANCES):
            design = self._design([one[k] for one in self._state["reference"]])
            if design is None:
                continue
            state = ChartState.from_json(charts.get(name) or start(design).to_json())
            state, points[name] = _stepped(design, state, point[k])
            charts[name] = state.to_json()
        self._state["charts"] = charts
        running = self._state["level"]
        is_alarm = any(one.alarms for _, one in points.values())
        if running is None and not is_alarm:
            return None
        is_back = running is not None and all(_is_near(*one) for one in points.values())
        if running is not None and not is_back:
            return None
        finding = self._moved(plan, points, time) if running is None else _ended(running, time)
        self._state["level"] = None if is_back else finding.model_dump(mode="json")
        return finding

    def _design(self, points: list[float]) -> ChartDesign | None:
        """Chart of the level; None where the reference shows no variation at all."""
        if len(set(points)) < len(points) // 2 + 1:
            return None
        kind = ChartSettings(
            kind=ChartKind.EWMA, weight=self._settings.weight, width=self._settings.width
        )
        # Levels of blocks that follow one another are alike: the overall sigma knows it.
        return reference(points, kind, sigma_method=SigmaMethod.OVERALL)

    def _moved(
        self, plan: ScoringPlan, points: Mapping[str, tuple[ChartDesign, ChartPoint]], time: int
    ) -> Finding:
        moved = {
            name: math.exp(point.statistic - design.centre)
            for name, (design, point) in points.items()
        }
        words = ", ".join(f"{name.upper()} {ratio:.3g} times" for name, ratio in moved.items())
        return self._finding(
            plan,
            "level",
            title="Spectra drift from the calibration",
            statement=(
                f"Each spectrum is still in the domain, but their level has moved: {words} that "
                f"of the first {self._settings.n_reference} x {self._settings.block} spectra with "
                "this model (exponentially weighted)."
            ),
            start=time,
            measures=tuple(
                Measure(name=f"level of {name.upper()}", value=ratio)
                for name, ratio in moved.items()
            ),
            suggested_action=(
                "Check lamp, probe window and reference of the spectrometer; take verification "
                "samples."
            ),
        )

    def _biased(self, plan: ScoringPlan, event: Event, running: Any, time: int) -> Finding:
        words, measures = self._verification(plan)
        finding = self._finding(
            plan,
            "bias",
            title=f"The soft sensor for {self._analyst.settings.attribute} is biased",
            statement=(
                "A cumulative sum of sensor less laboratory left its limit (one false alarm in "
                f"465 samples).{words}"
            ),
            start=time,
            measures=measures,
            suggested_action="Confirm with further samples; correct the bias or calibrate anew.",
        )
        before = Finding.model_validate(running) if running is not None else finding
        evidence = (*before.evidence, record_evidence(event, "laboratory"))
        return finding.model_copy(update={"start": before.start, "evidence": evidence})

    def _verification(self, plan: ScoringPlan) -> tuple[str, tuple[Measure, ...]]:
        """Bias, slope and error over the newest samples, in words and as measures."""
        pairs, unit = self._state["pairs"], self._analyst.settings.unit
        if len(pairs) < _N_VERIFY_MIN:
            return "", ()
        predicted, found = zip(*pairs, strict=True)
        error = math.sqrt(float(plan.targets.variance[0]))
        one = verify(predicted, found, error, plan.facts.n_rows)
        words = (
            f" Over the newest {one.n} samples: bias {one.bias:.3g} {unit} (by chance up to "
            f"{one.bias_limit:.3g}), slope {one.slope:.3g}, standard error {one.sep:.3g} "
            f"{unit} (up to {one.sep_limit:.3g})."
        )
        return words, (
            Measure(name="bias", value=one.bias, unit=unit, upper_limit=one.bias_limit),
            Measure(name="standard error", value=one.sep, unit=unit, upper_limit=one.sep_limit),
        )

    def _finding(self, plan: ScoringPlan, key: str, **parts: Any) -> Finding:
        settings = self._analyst.settings
        evidence: tuple[Evidence, ...] = (artefact_evidence(plan.digest, "the frozen model"),)
        subject = Subject(
            place=settings.place, tag=settings.tag, attribute=settings.attribute, key=key
        )
        return Finding(
            subject=subject,
            severity=self._settings.severity,
            evidence=evidence,
            analyst=self._analyst.name,
            analyst_version=self._analyst.version,
            model_digest=plan.digest,
            **parts,
        )


def _fresh(model: str) -> dict[str, Any]:
    return {
        "model": model,
        "block": [],
        "reference": [],
        "charts": {},
        "pairs": [],
        "bias_chart": ChartState().to_json(),
        "level": None,
        "bias": None,
    }


def _stepped(
    design: ChartDesign, state: ChartState, value: float
) -> tuple[ChartState, tuple[ChartDesign, ChartPoint]]:
    after, point = step(design, state, value)
    return after, (design, point)


def _is_near(design: ChartDesign, point: ChartPoint) -> bool:
    """Back within half of its limits."""
    return abs(point.statistic - design.centre) < 0.25 * (point.upper - point.lower)


def _ended(running: Any, time: int) -> Finding:
    finding = Finding.model_validate(running)
    words = f"{finding.statement} The level came back."
    return finding.model_copy(update={"end": time, "statement": words})
