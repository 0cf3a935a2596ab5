"""Figures of a trial of fault detection: rates, intervals, events, delays, and the whole curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from goldenbatch.capabilities.monitoring.process.trial_settings import FaultTrialSettings
from goldenbatch.core.trial import Measures
from goldenbatch.science.latent.alarm_rates import measured_rate
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.statistics.persistence import events

Floats = npt.NDArray[np.float64]
_MINUTES_A_DAY = 1440.0
_CURVE = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.1)
_WORDS = "rows before the fault, identical blocks counted once"


@dataclass(frozen=True)
class Run:
    """One test file.

    Attributes:
        name: Of the file.
        fault: Its number; 0: a normal run.
        rows: Shape (n, p).
    """

    name: str
    fault: int
    rows: Floats


@dataclass(frozen=True)
class Scored:
    """The severities of all runs: the largest statistic in units of its limit, NaN: not scored.

    Attributes:
        before: Of the good rows of each distinct beginning, in order of the files.
        after: Of the rows from the fault on, by file.
        faults: Fault of each file.
        whole: Of all rows, by file.
    """

    before: tuple[Floats, ...]
    after: tuple[Floats, ...]
    faults: tuple[int, ...]
    whole: tuple[Floats, ...]
    names: tuple[str, ...]
    alike: Mapping[str, str]


def scored(plan: DynamicPlan, runs: Sequence[Run], fault_at: int) -> Scored:
    """Severities of all runs; each run begins with a state of its own."""
    before: list[Floats] = []
    seen: dict[bytes, str] = {}
    alike: dict[str, str] = {}
    whole: list[Floats] = []
    for run in runs:
        severity = plan.score(run.rows)[0].severity
        whole.append(severity)
        key = run.rows[:fault_at].tobytes()
        if key in seen:
            alike[run.name] = seen[key]
        else:
            seen[key] = run.name
            before.append(severity[:fault_at])
    return Scored(
        tuple(before),
        tuple(one[fault_at:] for one in whole),
        tuple(run.fault for run in runs),
        tuple(whole),
        tuple(run.name for run in runs),
        alike,
    )


def figures(found: Scored, settings: FaultTrialSettings, factor: float = 1.0) -> Measures:
    """All measures of one method, its limits moved by a factor.

    Args:
        found: Severities.
        settings: Of the trial.
        factor: Limits are this many times as large.
    """
    before = [one / factor for one in found.before]
    rate = measured_rate(
        [one > 1.0 for one in before], block_rows=settings.fault_at, measured_on=_WORDS
    )
    table = by_fault(found, settings, factor)
    return {
        "detection_rate": detection_rate(found, settings, factor),
        "false_alarm_rate": rate.rate,
        "false_alarm_interval": [rate.lower, rate.upper],
        "false_alarm_interval_by": f"{rate.interval}, whole beginnings of runs, 95 %",
        **_events_per_day(before, settings),
        "n_good_rows": rate.n_rows,
        "n_distinct_beginnings": len(before),
        "by_fault": table,
    }


def detection_rate(found: Scored, settings: FaultTrialSettings, factor: float = 1.0) -> float:
    """Mean share of rows with an alarm, over the faults that are not left out."""
    kept = [
        float((severity / factor > 1.0).mean())
        for fault, severity in zip(found.faults, found.after, strict=True)
        if fault and fault not in settings.excluded_faults
    ]
    return float(np.mean(kept)) if kept else float("nan")


def by_fault(found: Scored, settings: FaultTrialSettings, factor: float = 1.0) -> Measures:
    """Detection, false alarms before the fault, and delays, a row for each file."""
    table: dict[str, Any] = {}
    for i, name in enumerate(found.names):
        severity, fault_at = found.whole[i] / factor, settings.fault_at
        fault = found.faults[i]
        own: dict[str, Any] = {
            "file": name,
            "is_in_mean": bool(fault) and fault not in settings.excluded_faults,
            "false_alarm_rate": float((severity[:fault_at] > 1.0).mean()),
            "same_beginning_as": found.alike.get(name, ""),
        }
        if fault:
            own["detection_rate"] = float((severity[fault_at:] > 1.0).mean())
            own |= _delays(severity, settings)
        else:
            own["false_alarm_rate_of_the_rest"] = float((severity[fault_at:] > 1.0).mean())
        key = str(fault)
        table[key if key not in table else f"{key} {name}"] = own
    return table


def curve(found: Scored, settings: FaultTrialSettings) -> list[Measures]:
    """Detection at false-alarm rates that the limits are moved to, all together by one factor."""
    rows = []
    for rate in _CURVE:
        factor = factor_at(found, rate)
        rows.append(
            {
                "false_alarm_rate": measured_at(found, factor),
                "detection_rate": detection_rate(found, settings, factor),
                "limits_times": factor,
            }
        )
    return rows


def measured_at(found: Scored, factor: float) -> float:
    """Share of good rows above limits that are moved by a factor."""
    return float((np.concatenate(found.before) / factor > 1.0).mean())


def factor_at(found: Scored, rate: float) -> float:
    """The factor that brings the share of good rows above the limits down to a rate."""
    every = np.concatenate(found.before)
    known = np.sort(every[~np.isnan(every)])[::-1]
    k = min(int(np.floor(rate * len(every) + 1e-9)), len(known) - 1)
    return max(float(known[k]), 1e-12)


def _delays(severity: Floats, settings: FaultTrialSettings) -> Measures:
    """Minutes from the fault to the event; an event that is open before it does not count."""
    opened = events(severity[settings.fault_at :], settings.rule)
    was_open = any(
        one.ended is None or one.ended >= settings.fault_at
        for one in events(severity, settings.rule)
        if one.opened < settings.fault_at
    )
    minutes = settings.interval_minutes
    return {
        "delay_minutes": (opened[0].opened + 1) * minutes if opened else None,
        "first_alarm_minutes": (opened[0].first + 1) * minutes if opened else None,
        "is_event_open_before": was_open,
    }


def _events_per_day(before: Sequence[Floats], settings: FaultTrialSettings) -> Measures:
    """Events in good rows, a day, with the exact interval of a Poisson number (Garwood 1936)."""
    n = sum(len(events(one, settings.rule)) for one in before)
    days = sum(len(one) for one in before) * settings.interval_minutes / _MINUTES_A_DAY
    lower = float(gammaincinv(n, 0.025)) if n else 0.0
    upper = float(gammaincinv(n + 1, 0.975))
    return {
        "false_alarm_events_per_day": n / days,
        "false_alarm_events_interval": [lower / days, upper / days],
        "n_false_alarm_events": n,
        "good_days": days,
    }
