"""What a tablet line lets pass, what it diverts, and whether its drug is all accounted for.

Times in s, contents relative to the target where it is said.

References:
    ICH Q13 (2022), sec. 2.2.2 and 3.1.5 (residence time, material diversion).
    Engisch and Muzzio (2016), J. Pharm. Innov. 11:64, doi:10.1007/s12247-015-9238-1 (funnel).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.compaction import press_tablets, tensile_strength
from goldenbatch.science.lines.residence import (
    chain_step_response,
    funnel,
    mean_and_variance,
)
from goldenbatch.science.lines.simulation import Columns
from goldenbatch.science.lines.tablet_line import (
    Feeder,
    TabletLine,
    TabletRun,
    Window,
    run_tablet_line,
    window_behind,
    windows_outside,
)

_N_DECAYS = 7.0
"""Time constants after which a refill's excess is under 0.1 % of itself."""
_FILLS = tuple(0.95 + 0.01 * i for i in range(11))


@dataclass(frozen=True, slots=True)
class Pulse:
    """A rectangular disturbance of the content before the first vessel.

    Attributes:
        name: of it.
        duration_s: of it.
        content: meanwhile, relative to the target.
    """

    name: str
    duration_s: float
    content: float


@dataclass(frozen=True, slots=True)
class TabletSettings:
    """How a line is studied.

    Attributes:
        duration_s, step_s: of the run.
        pulses_s: durations of the funnel; empty: from a step to four mean residence times.
        pulses: disturbances, each taken alone.
        tail: share that the diversion by residence times may miss at each end.
    """

    duration_s: float = 3600.0
    step_s: float = 1.0
    pulses_s: tuple[float, ...] = ()
    pulses: tuple[Pulse, ...] = ()
    tail: float = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class TabletStudy:
    """What a study gave.

    Attributes:
        line: what was studied.
        run: with its refills.
        step: columns time_s, share: response of the whole chain.
        funnel: columns duration_s, excess, deficit: the largest pulse that stays within the
            limits, relative to the target; cut at pure drug and at no drug.
        disturbances: each as if it were the only one: columns name, kind, begin_s, end_s, content
            (furthest at the press, relative to the target), diverted_s and n_tablets (by
            content), rule_begin_s, rule_end_s (by residence times), is_whole (False where the
            run ended before it had passed; NaN where nothing of it was seen).
        compaction: columns fill, weight_mg, force_kn, hardness_n; NaN where it cannot be pressed.
    """

    line: TabletLine
    run: TabletRun
    step: Columns
    funnel: Columns
    disturbances: Columns
    compaction: Columns

    def figures(self) -> dict[str, tuple[float, str]]:
        """Figures of the run by name, with their units; those of tablets are of kept ones."""
        run, line, kept = self.run, self.line, self.run.is_kept
        mean, variance = mean_and_variance(line.chain)
        weight, force = float(run.tablets.weight_mg[0]), float(run.tablets.force_kn[0])
        hardness = float(run.tablets.hardness_n[0])
        strength = tensile_strength([hardness], line.press.diameter_mm, line.press.gap_mm)
        least, most = _range(run.outlet[kept] / line.target)
        lowest, highest = _range(run.tablets.dose_mg[kept])
        closed = (run.drug_out_kg + run.drug_held_kg) / run.drug_in_kg
        flow = float(np.trapezoid(run.flow_kg_h, run.times)) / 3600
        return {
            "residence_time_mean": (mean, "s"), "residence_time_sd": (math.sqrt(variance), "s"),
            "target_content": (line.target, "1"), "powder_fed": (flow, "kg"),
            "drug_in": (run.drug_in_kg, "kg"), "drug_out": (run.drug_out_kg, "kg"),
            "drug_held": (run.drug_held_kg, "kg"), "mass_closure": (closed, "1"),
            "diverted_share": (run.diverted_share, "1"), "n_windows": (len(run.diverted), "1"),
            "kept_content_lowest": (least, "1"), "kept_content_highest": (most, "1"),
            "kept_dose_lowest": (lowest, "mg"), "kept_dose_highest": (highest, "mg"),
            "weight": (weight, "mg"), "main_force": (force, "kN"), "hardness": (hardness, "N"),
            "tensile_strength": (float(strength[0]), "MPa"),
        }  # fmt: skip

    def columns(self) -> Columns:
        """The run as a table; contents relative to the target."""
        run = self.run
        return {
            "time_s": run.times, "flow_kg_h": run.flow_kg_h,
            "content_in": run.inlet / self.line.target,
            "content_out": run.outlet / self.line.target, "dose_mg": run.tablets.dose_mg,
            "hardness_n": run.tablets.hardness_n, "is_kept": run.is_kept,
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What is allowed and yet seldom meant."""
        notes = []
        pressed = self.line.press.tablets_per_min * float(self.run.tablets.weight_mg[0]) * 6e-5
        if abs(pressed / self.line.flow_kg_h - 1) > 0.01:
            notes.append(
                f"the press takes {pressed:.3g} kg/h, the feeders give {self.line.flow_kg_h:.3g}: "
                "a vessel would run full or empty"
            )
        if np.isnan(self.compaction["force_kn"]).any():
            notes.append("some fills cannot be pressed to the gap")
        if not self.run.is_kept.any():
            notes.append("nothing is kept")
        return notes


def study_tablets(line: TabletLine, settings: TabletSettings) -> TabletStudy:
    """Run a line and ask what its vessels do to any disturbance.

    Raises:
        DesignError: a step, a pulse or a content that cannot be.

    References:
        Engisch and Muzzio (2016) for the funnel; ICH Q13 (2022), sec. 3.1.5 for the diversion.

    >>> from goldenbatch.science.lines.compaction import Powder, Press
    >>> from goldenbatch.science.lines.residence import Vessel
    >>> from goldenbatch.science.lines.tablet_line import Feeder
    >>> line = TabletLine((Feeder("drug", 2.0, True), Feeder("filler", 18.0)),
    ...     (Vessel("blender", 100.0),), Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6),
    ...     Press(8.0, 8.0, 3.7, 1658.0), limits=(0.9, 1.1))
    >>> found = study_tablets(line, TabletSettings(pulses_s=(10.0,)))
    >>> float(found.funnel["excess"][0].round(2)), found.figures()["mass_closure"][0]
    (1.05, 1.0)
    """
    run = run_tablet_line(line, settings.duration_s, settings.step_s)
    times, share = chain_step_response(line.chain, settings.step_s)
    rows = [
        *_refills(line, settings),
        *(_alone(line, one, settings) for one in settings.pulses),
    ]
    names = ("name", "kind", "begin_s", "end_s", "content", "diverted_s", "n_tablets",
             "rule_begin_s", "rule_end_s", "is_whole")  # fmt: skip
    return TabletStudy(
        line, run, {"time_s": times, "share": share}, _funnel(line, settings), _table(names, rows),
        _compaction(line),
    )  # fmt: skip


def _funnel(line: TabletLine, settings: TabletSettings) -> Columns:
    mean, _ = mean_and_variance(line.chain)
    last = max(4 * mean, 10 * settings.step_s)
    widths = np.array(settings.pulses_s or np.geomspace(2 * settings.step_s, last, 12))
    unit = funnel(line.chain, widths, 1.0, settings.step_s)
    return {
        "duration_s": widths,
        "excess": np.minimum(unit * (line.limits[1] - 1), 1 / line.target - 1),
        "deficit": np.minimum(unit * (1 - line.limits[0]), 1.0),
    }


def _refills(line: TabletLine, settings: TabletSettings) -> list[tuple[Any, ...]]:
    """Each feeder's refills in a run in which the other feeders are not refilled."""
    rows: list[tuple[Any, ...]] = []
    for feeder in line.feeders:
        if feeder.refill_every_s:
            others = (replace(one, refill_every_s=0.0) for one in line.feeders if one != feeder)
            alone = replace(line, feeders=(feeder, *others))
            run = run_tablet_line(alone, settings.duration_s, settings.step_s)
            rows += _refills_of(feeder, alone, run, settings)
    return sorted(rows, key=lambda row: float(row[2]))


def _refills_of(
    feeder: Feeder, line: TabletLine, run: TabletRun, settings: TabletSettings
) -> list[tuple[Any, ...]]:
    rows = []
    every, last = feeder.refill_every_s, float(run.times[-1])
    for number in range(1, math.ceil(last / every)):
        begin = every * number
        end = begin + feeder.refill_s + _N_DECAYS * feeder.decay_s
        rule = window_behind(line.chain, begin, end, settings.tail, settings.step_s)
        # What comes after the next refill's first material is the next one's.
        own = Window(rule.begin - line.guard_s,
                     min(rule.end + line.guard_s, rule.begin - line.guard_s + every))  # fmt: skip
        is_in = (run.times >= rule.begin) & (run.times <= own.end)
        seconds = _overlap(run.diverted, own) if is_in.any() else math.nan
        rows.append((f"refill of {feeder.name}", "refill", begin, end,
                     _furthest(run.outlet[is_in] / line.target), seconds,
                     _tablets(line, seconds), rule.begin, rule.end,
                     own.end <= last))  # fmt: skip
    return rows


def _alone(line: TabletLine, pulse: Pulse, settings: TabletSettings) -> tuple[Any, ...]:
    if not 0 <= pulse.content * line.target <= 1:
        raise DesignError(
            f"disturbance {pulse.name!r}: {pulse.content:g} times the target of {line.target:g} "
            f"is more than pure drug; give up to {1 / line.target:g}"
        )
    step = settings.step_s
    rule = window_behind(line.chain, 0.0, pulse.duration_s, settings.tail, step)
    ends, share = chain_step_response(line.chain, step)
    times = np.union1d(ends, ends + pulse.duration_s)
    seen = np.interp(times, ends, share, right=1.0)
    seen -= np.interp(times - pulse.duration_s, ends, share, left=0.0, right=1.0)
    outlet: Floats = 1 + (pulse.content - 1) * seen
    windows = windows_outside(times, outlet, line.limits, line.guard_s)
    seconds = sum(one.end - one.begin for one in windows)
    return (pulse.name, "pulse", 0.0, pulse.duration_s, _furthest(outlet), seconds,
            _tablets(line, seconds), rule.begin, rule.end, True)  # fmt: skip


def _compaction(line: TabletLine) -> Columns:
    rows: list[tuple[float, ...]] = []
    for fill in _FILLS:
        try:
            made = press_tablets(line.powder, line.press, line.target, fill)
        except DesignError:
            rows.append((fill, math.nan, math.nan, math.nan))
            continue
        rows.append((fill, float(made.weight_mg), float(made.force_kn), float(made.hardness_n)))
    return _table(("fill", "weight_mg", "force_kn", "hardness_n"), rows)


def _overlap(windows: Sequence[Window], own: Window) -> float:
    return sum(max(0.0, min(one.end, own.end) - max(one.begin, own.begin)) for one in windows)


def _tablets(line: TabletLine, seconds: float) -> float:
    return round(seconds * line.press.tablets_per_min / 60, 0)


def _furthest(relative: Floats) -> float:
    return float(relative[np.argmax(np.abs(relative - 1))]) if len(relative) else math.nan


def _range(values: Floats) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (math.nan, math.nan)


def _table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    return {
        name: np.array(column, dtype=object if column and isinstance(column[0], str) else None)
        for name, column in zip(names, columns, strict=True)
    }
