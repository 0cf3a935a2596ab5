"""One batch while it is followed: samples that are due, findings, what is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goldenbatch.capabilities.monitoring.batch._run_findings import (
    DOMAIN,
    QUALITY,
    Scene,
    left_golden,
    outside_domain,
)
from goldenbatch.capabilities.monitoring.batch._runs_here import PhaseRun
from goldenbatch.capabilities.monitoring.batch._sampling import sampled
from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
from goldenbatch.core.analyst import Derived, OpenFindings, TickView
from goldenbatch.core.findings import Finding
from goldenbatch.core.gating import Span, covers
from goldenbatch.core.series import Quality
from goldenbatch.science.latent.batch import BatchPlan, BatchReadings
from goldenbatch.science.latent.batch.settings import END

_NAMES = ("t2", "spe", "deviation")


@dataclass
class Desk:
    """What batches share in one assessment.

    Attributes:
        settings: Of the analyst.
        plan: In use.
        view: The plant at the tick.
        book: Findings of the analyst.
        windows: When samples count.
        newest: Time of the newest reading.
        derived: What is logged.
    """

    settings: BatchRunsSettings
    plan: BatchPlan
    view: TickView
    book: OpenFindings
    windows: Sequence[Span]
    newest: int
    derived: list[Derived] = field(default_factory=list)


class FollowedBatch:
    """One batch; what is remembered of it is plain JSON."""

    def __init__(self, desk: Desk, batch: str, kept: Mapping[str, Any] | None) -> None:
        self.desk, self.batch, self.plan = desk, batch, desk.plan
        self.kept: dict[str, Any] = {
            "plan": self.plan.digest, "state": self.plan.start(), "runs": {}, "said": {},
            "clear": 0, "leading": "", "issues": [],
        }  # fmt: skip
        if kept is not None and kept["plan"] == self.plan.digest:
            self.kept |= {**kept, "runs": dict(kept["runs"]), "issues": list(kept["issues"])}
        elif kept is not None:
            # Another plan goes through the batch from its begin; what was said stays said.
            self.kept["leading"] = kept["leading"]
        self.kept["said"] = dict(kept["said"]) if kept is not None else {}

    def to_json(self) -> dict[str, Any]:
        """What is remembered of it."""
        return self.kept

    def follow(self, runs: Sequence[PhaseRun], *, is_over: bool) -> bool:
        """Take all samples that are due; whether the batch is done with."""
        self._start_anew_if_corrected(runs)
        begins: dict[str, int] = {}
        is_done = True
        for run in runs:
            begins.setdefault(run.phase, run.start)
            is_done = self._run(run, begins[run.phase], begins) and is_done
        self._tell_domain(self._now())
        phases = {run.phase for run in runs}
        return is_done and (is_over or phases >= set(self.plan.phases))

    def close(self, at: int, words: str) -> None:
        """The batch is over: so is what was said of it."""
        for key in sorted(self.kept["said"]):
            self._close(key, at, words)

    def _start_anew_if_corrected(self, runs: Sequence[PhaseRun]) -> None:
        """Go through the batch again where what is known of its runs became another."""
        now = {run.key: run for run in runs}
        for key, one in self.kept["runs"].items():
            run = now.get(key)
            is_other = run is None or run.start != one["start"]
            if is_other or (one["end"] is not None and run is not None and run.end != one["end"]):
                self.kept |= {"state": self.plan.start(), "runs": {}, "clear": 0, "issues": []}
                return

    def _run(self, run: PhaseRun, begin: int, begins: Mapping[str, int]) -> bool:
        """Samples of one run; whether it has ended and all of them were taken."""
        settings, view = self.desk.settings, self.desk.view
        known = self.kept["runs"].get(run.key, {"start": run.start, "next": 0, "end": None})
        upto = self.desk.newest - settings.wait_us + 1
        is_closed = run.end is not None and view.tick.at >= run.end + settings.wait_us
        if run.end is not None:
            upto = run.end if is_closed else min(upto, run.end)
        n = max(0, -(-(upto - run.start) // settings.interval_us))
        places = np.arange(known["next"], n, dtype=np.int64)
        times = run.start + places * settings.interval_us
        ended = known["end"] is not None
        self.kept["runs"][run.key] = {
            "start": run.start, "next": max(n, known["next"]),
            "end": run.end if is_closed else known["end"],
        }  # fmt: skip
        counts = np.array([covers(self.desk.windows, at) for at in times.tolist()], dtype=bool)
        self._take(run.phase, times[counts], begin, begins)
        if is_closed and not ended and run.end is not None:
            length = (run.end - begin) / settings.unit_us
            self._add_issues([str(one) for one in self.plan.ended(run.phase, length)])
        return is_closed

    def _take(self, phase: str, times: Any, begin: int, begins: Mapping[str, int]) -> None:
        if not len(times):
            return
        settings = self.desk.settings
        tags = settings.tag_list
        window = (int(times[0]) - settings.max_age_us, int(times[-1]) + 1)
        series = self.desk.view.read(tags, window)
        values = sampled(series, tags, times, settings.max_age_us)
        elapsed = (times - begin) / settings.unit_us
        state, readings = self.plan.advance(self.kept["state"], phase, elapsed, values)
        self.kept["state"] = state
        if readings is None:
            return
        self._add_issues([str(one) for one in self.plan.domain(state) if one.kind != "length"])
        self._add_length(phase, state)
        self._judge(times.tolist(), readings)
        if settings.is_logged:
            first = min(begins.values())
            self._log(times.tolist(), readings, (begin - first) / settings.unit_us)

    def _add_length(self, phase: str, state: Mapping[str, Any]) -> None:
        """A running phase that is too long is told once, without its growing length."""
        high = self.plan.phases[phase].length[1]
        if state["phases"][phase]["elapsed"] > high:
            unit = self.desk.settings.time_unit
            self._add_issues([f"{phase} lasts longer than {high:.4g} {unit}"])

    def _add_issues(self, issues: Sequence[str]) -> None:
        self.kept["issues"] += [one for one in issues if one not in self.kept["issues"]]

    # ---- findings ---------------------------------------------------------------------------

    def _judge(self, times: Sequence[int], readings: BatchReadings) -> None:
        alarms = readings.is_quality_alarm
        for i, at in enumerate(times):
            if alarms[i]:
                self.kept["clear"] = 0
                self._alarm(at, readings, i)
            elif QUALITY in self.kept["said"]:
                self.kept["clear"] += 1
                if self.kept["clear"] >= self.desk.settings.n_back:
                    self._close(QUALITY, at, "The batch is among the golden batches again.")

    def _alarm(self, at: int, readings: BatchReadings, sample: int) -> None:
        ratio = readings.statistics[sample] / readings.limits[sample]
        statistic = int(np.argmax(np.where(readings.is_alarm[sample], ratio, -np.inf)))
        leading = f"{readings.phase}/{readings.contributions(sample, statistic)[0][0]}"
        if QUALITY in self.kept["said"] and leading == self.kept["leading"]:
            return
        self.kept["leading"] = leading
        self._put(QUALITY, left_golden(self._scene(at), readings, sample, statistic))

    def _tell_domain(self, at: int) -> None:
        issues = self.kept["issues"]
        if not issues:
            return
        finding = outside_domain(self._scene(at), issues)
        said = self.kept["said"].get(DOMAIN)
        if said is None or said["statement"] != finding.statement:
            self._put(DOMAIN, finding)

    def _scene(self, at: int) -> Scene:
        desk = self.desk
        return Scene(
            (desk.book.analyst, desk.book.version), desk.settings, desk.view, self.plan,
            self.batch, at, not self.kept["issues"],
        )  # fmt: skip

    def _now(self) -> int:
        """Time of the last sample that was taken."""
        interval = self.desk.settings.interval_us
        ends = [one["start"] + max(one["next"] - 1, 0) * interval
                for one in self.kept["runs"].values()]  # fmt: skip
        return max(ends, default=self.desk.view.tick.at)

    def _put(self, key: str, finding: Finding) -> None:
        first = self.kept["said"].get(key)
        if first is not None:
            start = Finding.model_validate(first).start
            finding = finding.model_copy(update={"start": start})
        self.kept["said"][key] = finding.model_dump(mode="json")
        self.desk.book.put(finding, self.desk.view.tick)

    def _close(self, key: str, at: int, words: str) -> None:
        finding = Finding.model_validate(self.kept["said"].pop(key))
        ended = {"end": max(at, finding.start), "statement": f"{finding.statement} {words}"}
        self.desk.book.close(finding.model_copy(update=ended))

    # ---- what is logged ---------------------------------------------------------------------

    def _log(self, times: Sequence[int], readings: BatchReadings, offset: float) -> None:
        columns: dict[str, Any] = {"maturity": readings.maturity}
        for k, name in enumerate(_NAMES):
            columns[name] = readings.statistics[:, k]
            columns[f"{name}_limit"] = readings.limits[:, k]
        for j, one in enumerate(self.plan.forecasts):
            shift = offset if one.name == END else 0.0
            value, half = readings.forecast[:, j] + shift, readings.half_width[:, j]
            columns |= {one.name: value, f"{one.name}_lower": value - half,
                        f"{one.name}_upper": value + half}  # fmt: skip
        quality = Quality.UNCERTAIN if self.kept["issues"] else Quality.GOOD
        for what, column in columns.items():
            tag = self.desk.settings.output(self.desk.book.analyst, what)
            for at, value in zip(times, column.tolist(), strict=True):
                if np.isfinite(value):
                    self.desk.derived.append(Derived(tag, at, value, int(quality)))
