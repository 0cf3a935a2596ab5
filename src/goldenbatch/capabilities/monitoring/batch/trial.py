"""Trial of batch MSPC: what it finds, and how often it alarms on good batches."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from goldenbatch.capabilities.monitoring._trial_columns import share
from goldenbatch.capabilities.monitoring.batch._planting import PlantedFault, course_sd
from goldenbatch.capabilities.monitoring.batch._trial_forecasts import forecast_measures
from goldenbatch.capabilities.monitoring.batch._trial_runs import (
    TwinPopulation,
    labels,
    read_runs,
)
from goldenbatch.capabilities.monitoring.batch.run_settings import BatchRunChoice
from goldenbatch.core.analyst_settings import read_settings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile, select_columns
from goldenbatch.science.latent.batch import (
    BatchPlan,
    BatchRun,
    BatchSettings,
    Followed,
    fit_batch_plan,
    leave_out_in_turn,
)
from goldenbatch.science.latent.batch.fitting import resubstituted
from goldenbatch.science.latent.batch.settings import END

N_NAMED = 3


class BatchTrialSettings(BatchRunChoice):
    """Settings of the trial: those of the model, and what is planted or simulated.

    Attributes:
        time_unit: Of the column of times.
        n_outer: Parts of the training batches that are left out in turn to judge each by the
            others; 0: each batch alone.
        planted: Faults that are planted into good batches that were left out.
        seed: Of the onsets of planted faults.
        twin: Golden batches are simulated; then no training files are needed.
    """

    time_unit: str = "h"
    n_outer: int = Field(default=0, ge=0)
    planted: tuple[PlantedFault, ...] = ()
    seed: int = 0
    twin: TwinPopulation | None = None

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Columns whose last value is predicted."""
        return tuple(name for name in self.forecasts if name != END)


@dataclass(frozen=True)
class BatchMethod:
    """The fitted trial.

    Attributes:
        chosen: settings.
        variables: columns of the model.
        runs: golden batches.
        plan: made from all of them.
    """

    chosen: BatchTrialSettings
    variables: tuple[str, ...]
    runs: list[BatchRun]
    plan: BatchPlan

    @property
    def settings(self) -> BatchSettings:
        """Of the plan."""
        return self.plan.settings


class BatchRunTrial:
    """`monitoring.batch_runs`: a plan from golden batches, judged on batches that it never saw.

    The trial file names `columns.values` and `columns.time`, and may name `columns.batch` (else a
    file is a batch), `columns.phase` and `columns.label` (batches that are known to be faulty).
    Batches without a label are good. Each good one is judged by a plan that was made without it:
    training batches are left out in turn, later ones are judged by the plan of all training
    batches. With `settings.twin` the golden batches are simulated.
    """

    name = "monitoring.batch_runs"
    version = "1"

    def __init__(self) -> None:
        self._method: BatchMethod | None = None
        self._good: list[Followed] = []

    def fit(self, file: TrialFile, train: TrialData) -> BatchMethod:
        """Make the plan from the good training batches, or from simulated ones."""
        chosen = read_settings(BatchTrialSettings, "trial", file.settings, "the how-to on batches")
        if chosen.twin is not None:
            variables = _plain_names(file)
            runs = chosen.twin.train(variables, chosen.outcomes)
        else:
            variables = _named(file, train)
            every = read_runs(file, train, variables, chosen.outcomes)
            known = labels(file, train, every)
            runs = [run for run in every if not known[run.name]]
        settings = chosen.settings(variables, chosen.time_unit)
        self._method = BatchMethod(chosen, variables, runs, fit_batch_plan(runs, settings))
        return self._method

    def measure(self, method: BatchMethod, file: TrialFile, test: TrialData) -> Measures:
        """Detection, false alarms per batch, alarms of the domain apart, forecasts."""
        given = read_runs(file, test, method.variables, method.chosen.outcomes)
        known = labels(file, test, given)
        good = judged_good(method, [run for run in given if not known[run.name]])
        self._good, plan = good, method.plan
        found: Measures = {
            **false_alarm_measures(good, method.chosen.false_alarm_rate),
            "stated_false_alarm_rate": plan.stated_rate,
            "n_golden_batches": plan.n_batches,
            "golden_batches_dropped": list(plan.dropped),
            "forecasts": forecast_measures(good),
        }
        faulty = [(known[run.name], run) for run in given if known[run.name]]
        if method.chosen.twin is not None:
            twin = method.chosen.twin
            simulated = list(twin.faulty(method.variables, method.chosen.outcomes))
            found["simulated_faults"] = by_fault(plan, simulated)
        if faulty:
            found["labelled_faults"] = by_fault(plan, faulty)
        if method.chosen.planted:
            found["planted_faults"] = {
                fault.name: planted(method, fault, good) for fault in method.chosen.planted
            }
        found["batches"] = {
            run.name: verdict(plan, run) | {"label": known[run.name]} for run in given
        }
        found["detection_rate"] = _over_all(found)
        return found

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Present practice on the same good batches.

        An envelope of 3 spreads at each sample by itself; and limits from the batches that the
        model was made from, none left out.
        """
        method = self._method or self.fit(file, train)
        if not self._good:
            self.measure(method, file, test)
        inside = [one for one in self._good if not is_outside(one)]
        n_out = sum(_leaves_envelope(one) for one in inside)
        plans: dict[str, BatchPlan] = {}
        n_narrow = 0
        for one in inside:
            others = [run for run in method.runs if run.name != one.run.name]
            key = one.plan.digest
            if key not in plans:
                plans[key] = resubstituted(others, method.settings)
            n_narrow += plans[key].follow(one.run).is_alarm
        return {
            "false_alarm_rate_of_3_sigma_envelope": share(n_out, len(inside)),
            "false_alarm_rate_of_resubstitution": share(n_narrow, len(inside)),
        }


def _leaves_envelope(one: Followed) -> bool:
    return any(bool((np.abs(part.deviations) > 3.0).any()) for part in one.trace.phases)


def _plain_names(file: TrialFile) -> tuple[str, ...]:
    names = file.columns.get("values", ())
    return (names,) if isinstance(names, str) else tuple(names)


def _named(file: TrialFile, side: TrialData) -> tuple[str, ...]:
    for table in side.tables.values():
        found = select_columns(table, _plain_names(file))
        if found:
            return found
    raise BadInputError(
        "no training table has the columns of `values`.",
        hint="Name them in columns.values, or simulate golden batches with settings.twin.",
        key="columns.values",
    )


def judged_good(method: BatchMethod, later: Sequence[BatchRun]) -> list[Followed]:
    """Good batches, each with the plan that was made without it."""
    twin = method.chosen.twin
    if twin is not None:
        later = [*later, *twin.test(method.variables, method.chosen.outcomes)]
        found = []
    else:
        found = leave_out_in_turn(method.runs, method.settings, method.chosen.n_outer)
    found += [Followed(run, method.plan, method.plan.follow(run)) for run in later]
    return found


def is_outside(one: Followed) -> bool:
    """Whether start, length or tags put a batch outside the domain of its plan."""
    return bool(one.trace.domain)


def false_alarm_measures(good: Sequence[Followed], target: float) -> Measures:
    """Quality alarms on good batches inside the domain, and how many are outside of it."""
    inside = [one for one in good if not is_outside(one)]
    n_alarms = sum(one.trace.is_alarm for one in inside)
    n_any = sum(one.trace.is_alarm for one in good)
    rate = share(n_alarms, len(inside))
    return {
        "false_alarm_rate": rate,
        "false_alarm_rate_with_those_outside": share(n_any, len(good)),
        "domain_alarm_rate": share(len(good) - len(inside), len(good)),
        "target_false_alarm_rate": target,
        "is_target_met": rate["share"] is not None and rate["share"] <= target,
        "is_target_refuted": rate["share"] is not None and rate["interval"][0] > target,
        "false_alarms": {
            one.run.name: verdict(one.plan, one.run) for one in good
            if one.trace.is_alarm or is_outside(one)
        },
    }  # fmt: skip


def verdict(plan: BatchPlan, run: BatchRun) -> dict[str, Any]:
    """What a plan says of one batch."""
    trace = plan.follow(run)
    first = trace.first_alarm()
    found: dict[str, Any] = {
        "quality_alarm": first is not None,
        "domain": [str(one) for one in trace.domain],
    }
    if first is not None:
        readings, sample, statistic = first
        parts = readings.contributions(sample, statistic)[:N_NAMED]
        found |= {
            "phase": readings.phase,
            "at": float(readings.elapsed[sample]),
            "statistic": ("T2", "SPE", "envelope")[statistic],
            "variables": [name for name, _ in parts],
        }
    return found


def by_fault(plan: BatchPlan, faulty: Sequence[tuple[str, BatchRun]]) -> dict[str, Any]:
    """Detection of each fault, when, and by which variables."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in faulty):
        said = [verdict(plan, run) for other, run in faulty if other == name]
        alarms = [one for one in said if one["quality_alarm"]]
        found[name] = {
            "detected": share(len(alarms), len(said)),
            "outside_the_domain": sum(bool(one["domain"]) for one in said),
            "median_at": float(np.median([one["at"] for one in alarms])) if alarms else None,
            "variables": list(dict.fromkeys(v for one in alarms for v in one["variables"][:1])),
        }
    return found


def planted(method: BatchMethod, fault: PlantedFault, good: Sequence[Followed]) -> dict[str, Any]:
    """Detection of one planted fault in the good batches that give no alarm without it."""
    quiet = [one for one in good if not one.trace.is_alarm and not is_outside(one)]
    n_quality = n_domain = n_found = n_named = 0
    delays: list[float] = []
    for one in quiet:
        others = [run for run in method.runs if run.name != one.run.name]
        column, sd = course_sd(one.plan, others, fault)
        onset = _onset(method.chosen.seed, fault, one.run.name)
        trace = one.plan.follow(fault.into(one.run, column, sd, onset))
        first = trace.first_alarm()
        is_domain = any(issue.phase == fault.phase for issue in trace.domain)
        n_quality, n_domain = n_quality + (first is not None), n_domain + is_domain
        n_found += first is not None or is_domain
        if first is not None:
            readings, sample, statistic = first
            begin = _begin(one.run, fault.phase, onset)
            delays.append(float(readings.elapsed[sample]) - begin)
            parts = readings.contributions(sample, statistic)[:N_NAMED]
            n_named += fault.variable in [name for name, _ in parts]
    return {
        "detected": share(n_found, len(quiet)),
        "by_quality": n_quality,
        "by_domain": n_domain,
        "median_delay": float(np.median(delays)) if delays else None,
        "named_among_first_3": share(n_named, n_quality),
        "kind": fault.kind,
        "size_sd": fault.size,
    }


def _onset(seed: int, fault: PlantedFault, batch: str) -> float:
    low, high = fault.onset
    mixed = zlib.crc32(f"{seed}/{fault.name}/{batch}".encode())
    return float(np.random.default_rng(mixed).uniform(low, high))


def _begin(run: BatchRun, phase: str, onset: float) -> float:
    """Elapsed time in the phase when a fault begins."""
    stretch = run.stretch(phase)
    if stretch is None:
        return 0.0
    n = len(stretch.elapsed)
    return float(stretch.elapsed[min(int(onset * n), n - 1)])


def _over_all(found: Measures) -> dict[str, Any]:
    """Detection over all faults that were planted, simulated or labelled."""
    n = total = 0
    for key in ("planted_faults", "simulated_faults", "labelled_faults"):
        for one in found.get(key, {}).values():
            detected = one["detected"]
            total += detected["n"]
            n += round((detected["share"] or 0.0) * detected["n"])
    return share(n, total)
