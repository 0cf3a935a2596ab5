"""Trial of process monitoring: faults found, false alarms, events a day, delays, the curve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._trial_columns import numbers, role_of
from goldenbatch.capabilities.monitoring.process._fault_figures import (
    Floats,
    Run,
    Scored,
    curve,
    detection_rate,
    factor_at,
    figures,
    measured_at,
    scored,
)
from goldenbatch.capabilities.monitoring.process.trial_settings import FaultTrialSettings, Model
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.latent.dynamic_plan import DynamicPlan

_FILE = "file"


@dataclass(frozen=True)
class FittedMonitor:
    """The frozen plan, and the settings that it was made with."""

    plan: DynamicPlan
    settings: FaultTrialSettings


class ProcessFaultTrial:
    """`monitoring.process_faults`: learn normal running, then score each run with a fault.

    The role `train` has good rows in time order; limits come from blocks of them that are left
    out of the fit in turn. Each file of the roles `test...` is one run of its own: the number in
    its name is that of its fault (0: none), and its first `fault_at` rows are good. `columns.tags`
    names the tags; all columns if it is left out. Runs that begin with the same good rows count
    once for false alarms.
    """

    name = "monitoring.process_faults"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> FittedMonitor:
        """Model and limits, from the training rows alone."""
        settings = _settings(file)
        return FittedMonitor(_plan(settings.model(), file, train), settings)

    def measure(self, method: FittedMonitor, file: TrialFile, test: TrialData) -> Measures:
        """Detection, false alarms with intervals, events a day, delays, by fault, the curve."""
        runs = _runs(file, test, method.plan.facts.columns, method.settings.fault_at)
        found = scored(method.plan, runs, method.settings.fault_at)
        facts = method.plan.facts
        return {
            **figures(found, method.settings),
            "stated_false_alarm_rate": method.settings.rate * len(facts.statistics),
            "false_alarms_on_left_out_training_rows": _plain(facts.false_alarms),
            "limits": [limit.to_json() for limit in facts.limits],
            "curve": curve(found, method.settings),
            "excluded_faults": list(method.settings.excluded_faults),
            "n_faults_in_mean": _n_in_mean(found, method.settings),
            "persistence": _rule_words(method.settings),
            "plan": method.plan.digest,
        }

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """PCA and dynamic PCA of single rows: by textbook limits, and at our false-alarm rate."""
        ours = self.fit(file, train)
        settings = ours.settings
        runs = _runs(file, test, ours.plan.facts.columns, settings.fault_at)
        own = scored(ours.plan, runs, settings.fault_at)
        rate = measured_at(own, 1.0)
        found: Measures = {"false_alarm_rate_of_the_method": rate}
        for name, model in settings.beside().items():
            one = scored(_plan(model, file, train), runs, settings.fault_at)
            factor = factor_at(one, rate)
            found[name] = {
                **figures(one, settings),
                "at_the_rate_of_the_method": {
                    "detection_rate": detection_rate(one, settings, factor),
                    "false_alarm_rate": measured_at(one, factor),
                    "limits_times": factor,
                },
                "curve": curve(one, settings),
            }
        return found


def _settings(file: TrialFile) -> FaultTrialSettings:
    return read_settings(FaultTrialSettings, "settings", file.settings)


def _plan(model: Model, file: TrialFile, train: TrialData) -> DynamicPlan:
    role = role_of(train, "train")
    names = _tags(file, train, role)
    rows = _rows(train, role, names, file)
    return model.fit(rows).plan(names, fitted_until=len(rows))


def _tags(file: TrialFile, side: TrialData, role: str) -> tuple[str, ...]:
    if "tags" in file.columns:
        return tuple(one for one in side.names(file, "tags", role) if one != _FILE)
    return tuple(name for name in side.tables[role] if name != _FILE)


def _rows(side: TrialData, role: str, names: Sequence[str], file: TrialFile) -> Floats:
    table, decimal = side.tables[role], file.files[role].decimal
    missing = [name for name in names if name not in table]
    if missing:
        raise BadInputError(
            f"role {role!r} has no column {missing[0]!r}, which the training rows have.",
            hint="Give all files of the trial the same columns.",
            key="columns.tags",
        )
    columns = [numbers(table[name], name, decimal) for name in names]
    return np.array(columns, dtype=np.float64).T


def _runs(file: TrialFile, test: TrialData, names: Sequence[str], fault_at: int) -> list[Run]:
    """Every file of every test role as a run, in order of role and name."""
    runs: list[Run] = []
    for role, table in test.tables.items():
        rows = _rows(test, role, names, file)
        files = [str(one) for one in table.get(_FILE, [role] * len(rows))]
        for name in dict.fromkeys(files):
            own = rows[[i for i, one in enumerate(files) if one == name]]
            if len(own) <= fault_at:
                raise BadInputError(
                    f"it has {len(own)} rows; the fault begins after {fault_at}.",
                    hint="Correct settings.fault_at, or the glob of the role.",
                    file=name,
                )
            runs.append(Run(name, _fault(name), own))
    if not any(run.fault for run in runs):
        raise BadInputError(
            f"none of {len(runs)} test files has the number of a fault in its name.",
            hint="Name them such as d01_te.dat; 0 is a normal run.",
            key="files",
        )
    return runs


def _fault(name: str) -> int:
    """Number of the fault in the name of a file.

    >>> _fault("tep/d07_te.dat"), _fault("normal.csv")
    (7, 0)
    """
    digits = re.search(r"\d+", PurePosixPath(name).stem)
    return int(digits.group()) if digits else 0


def _n_in_mean(found: Scored, settings: FaultTrialSettings) -> int:
    return sum(bool(one) and one not in settings.excluded_faults for one in found.faults)


def _rule_words(settings: FaultTrialSettings) -> str:
    return (
        f"{settings.n_over} of the last {settings.n_of} rows above a limit open an event, "
        f"{settings.n_back} rows one after the other at or below {settings.close_below:g} of it "
        "end it"
    )


def _plain(found: Any) -> Any:
    return None if found is None else found.to_json()
