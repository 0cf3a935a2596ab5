"""Trial of a soft sensor: how good on spectra never seen, beside the naive baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from goldenbatch.capabilities.monitoring._trial_columns import nearest_spectra, role_of, share
from goldenbatch.capabilities.monitoring._trial_columns import numbers as _numbers
from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings
from goldenbatch.capabilities.monitoring.pat.fit import calibrated
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile, select_columns
from goldenbatch.science.spectra import SoftSensor
from goldenbatch.science.statistics import (
    compare_errors,
    last_result,
    mean_of_training,
    rmse,
)


@dataclass(frozen=True)
class _Pairs:
    """Spectra with the reference results that belong to them, in order.

    Attributes:
        at: Time of each result, in the unit of the file; order of rows where it has none.
        run: File of each result: no result is carried forward from one run to the next.
        all_spectra: Every spectrum of the side, also those without a result.
    """

    spectra: list[list[float]]
    results: list[float]
    at: list[float]
    run: list[str]
    all_spectra: list[list[float]]
    axis: list[float]


class SoftSensorTrial:
    """`monitoring.soft_sensor`: calibrate on training spectra, predict the test results.

    The trial file names `columns.spectra` and `columns.target`. Spectra and results stand
    in one table, or in two (roles with `spectra` and `results` in their names); then they
    are paired row by row, or, where `columns.time` names the time of each result, with the
    nearest spectrum, of which the k-th was taken at k * `settings.cadence`.
    Further settings are those of the table `calibration` of a soft sensor.
    """

    name = "monitoring.soft_sensor"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> SoftSensor:
        """Calibrate on the training side; all choices by cross-validation on it."""
        pairs = _pairs(file, train)
        own = {k: v for k, v in file.settings.items() if k != "cadence"}
        chosen = CalibrationSettings.model_validate({"samples": "*", **own})
        target = _one(file.columns.get("target", ()))
        if chosen.transfer is not None:
            raise BadInputError(
                "a transfer is tried by `monitoring.calibration`, with a role per instrument.",
                key="settings.transfer",
            )
        sensor, _ = calibrated(chosen, target, (pairs.spectra, pairs.axis, pairs.results), None)
        return sensor

    def measure(self, method: SoftSensor, file: TrialFile, test: TrialData) -> Measures:
        """Errors on the test results, inside and outside the domain, and the coverage."""
        pairs = _pairs(file, test)
        read = method.predict(pairs.spectra)
        every = method.predict(pairs.all_spectra)
        truth, value = pairs.results, read.value.tolist()
        inside = [bool(one) for one in read.in_domain]
        covered = [
            low <= y <= high
            for y, low, high, is_in in zip(
                truth, read.lower.tolist(), read.upper.tolist(), inside, strict=True
            )
            if is_in
        ]
        return {
            "n_results": len(truth),
            "rmsep": rmse(truth, value),
            "bias": math.fsum(v - y for v, y in zip(value, truth, strict=True)) / len(truth),
            "n_in_domain": sum(inside),
            "rmsep_in_domain": _rmse_where(truth, value, inside),
            "coverage_in_domain": share(sum(covered), len(covered)),
            "n_spectra": len(pairs.all_spectra),
            "share_of_spectra_in_domain": share(int(every.in_domain.sum()), len(every.value)),
            "n_components": method.facts.n_components,
            "rmse_left_out": method.facts.rmse_left_out,
            "rmse_training": method.facts.rmse_training,
        }

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Mean of the training results, and the last result of the laboratory."""
        known, pairs = _pairs(file, train), _pairs(file, test)
        truth = pairs.results
        mean = mean_of_training(known.results, len(truth))
        last = _carried_forward(pairs)
        has_last = [math.isfinite(one) for one in last]
        found: Measures = {
            "rmsep_mean_of_training": rmse(truth, mean),
            "rmsep_last_result": _rmse_where(truth, last, has_last),
            "n_last_result": sum(has_last),
        }
        if sum(has_last) >= 5:
            value = self.fit(file, train).predict(pairs.spectra).value.tolist()
            kept = [i for i, one in enumerate(has_last) if one]
            paired = compare_errors(
                [truth[i] for i in kept], [value[i] for i in kept], [last[i] for i in kept]
            )
            found["sensor_against_last_result"] = asdict(paired)
        return found


def _pairs(file: TrialFile, side: TrialData) -> _Pairs:
    spectra_role = role_of(side, "spectra")
    results_role = role_of(side, "results")
    channels = side.names(file, "spectra", spectra_role)
    table, results = side.tables[spectra_role], side.tables[results_role]
    target = side.names(file, "target", results_role)[0]
    columns = [_numbers(table[name], name) for name in channels]
    rows = [list(row) for row in zip(*columns, strict=True)]
    truth = _numbers(results[target], target)
    axis = _numbers(channels, "spectra")
    times = select_columns(results, file.columns.get("time", ()))
    at, chosen = [float(i) for i in range(len(truth))], list(range(len(truth)))
    if times and spectra_role != results_role:
        at = _numbers(results[times[0]], times[0])
        chosen = nearest_spectra(file, table, results, at, times[0])
    elif len(rows) != len(truth):
        raise BadInputError(
            f"{len(rows)} spectra and {len(truth)} results cannot be paired row by row.",
            hint="Name the time of each result in columns.time, and settings.cadence.",
        )
    run = [str(one) for one in results.get("file", [""] * len(truth))]
    keep = [i for i, one in enumerate(truth) if math.isfinite(one)]
    return _Pairs([rows[chosen[i]] for i in keep], [truth[i] for i in keep], [at[i] for i in keep],
                  [run[i] for i in keep], rows, axis)  # fmt: skip


def _one(names: str | Sequence[str]) -> str:
    return names if isinstance(names, str) else next(iter(names), "value")


def _rmse_where(truth: Sequence[float], value: Sequence[float], keep: Sequence[bool]) -> Any:
    kept = [i for i, one in enumerate(keep) if one]
    return rmse([truth[i] for i in kept], [value[i] for i in kept]) if kept else None


def _carried_forward(pairs: _Pairs) -> list[float]:
    """Newest result before each one, within its own run."""
    last = [math.nan] * len(pairs.results)
    for run in dict.fromkeys(pairs.run):
        own = [i for i, one in enumerate(pairs.run) if one == run]
        at = [pairs.at[i] for i in own]
        known = last_result([pairs.results[i] for i in own], at, at).tolist()
        for i, value in zip(own, known, strict=True):
            last[i] = value
    return last
