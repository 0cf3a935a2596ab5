"""Trials of monitoring: how good on data never seen, beside the naive baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from goldenbatch.capabilities.monitoring._chart_book import BookSettings, ChartPage, add
from goldenbatch.capabilities.monitoring._trial_columns import is_fault as _is_fault
from goldenbatch.capabilities.monitoring._trial_columns import n_marks, nearest_spectra
from goldenbatch.capabilities.monitoring._trial_columns import numbers as _numbers
from goldenbatch.capabilities.monitoring.calibration import CalibrationSettings
from goldenbatch.capabilities.monitoring.charts import ControlChartSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile, select_columns
from goldenbatch.science.spectra import SoftSensor, fit_soft_sensor
from goldenbatch.science.statistics import (
    ChartSettings,
    clopper_pearson,
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
        settings = chosen.sensor_settings(target)
        return fit_soft_sensor(pairs.spectra, pairs.axis, pairs.results, settings)

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
            "coverage_in_domain": _share(sum(covered), len(covered)),
            "n_spectra": len(pairs.all_spectra),
            "share_of_spectra_in_domain": _share(int(every.in_domain.sum()), len(every.value)),
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
    spectra_role = _role(side, "spectra")
    results_role = _role(side, "results")
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


def _role(side: TrialData, word: str) -> str:
    """The role whose name has the word; the only one where there is one table."""
    roles = list(side.tables)
    found = [role for role in roles if word in role] or (roles if len(roles) == 1 else [])
    if len(found) != 1:
        raise BadInputError(
            f"no single role is for {word}: {', '.join(roles)}.",
            hint=f"Name one role with '{word}' in it.",
            key="files",
        )
    return found[0]


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


def _share(n: int, total: int) -> dict[str, Any]:
    """A share with its exact 95 % interval; None where nothing was counted."""
    if not total:
        return {"share": None, "n": 0, "interval": None}
    interval = clopper_pearson(n, total)
    return {"share": n / total, "n": total, "interval": [interval.lower, interval.upper]}


class ControlChartTrial:
    """`monitoring.charts`: limits from the training rows, alarms on the later ones.

    The trial file names `columns.values` (attributes), `columns.group` (a chart each, such
    as the product) and may name `columns.label`: rows with a value other than 0, false, empty
    or `good` there are faults, and count for detection instead of false alarms.
    """

    name = "monitoring.charts"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> dict[tuple[str, str], ChartPage]:
        """Charts with frozen limits, one a group and attribute with enough rows."""
        return _charts(file, train, _book(file))

    def measure(
        self, method: dict[tuple[str, str], ChartPage], file: TrialFile, test: TrialData
    ) -> Measures:
        """False-alarm rate over all charts, the same per attribute, detection if labelled."""
        return _judge(file, test, method, _book(file))

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """A plain individuals chart at 3 sigma of the moving range, neighbours ignored."""
        plain = BookSettings(
            chart=ChartSettings(), n_reference=_book(file).n_reference, autocorrelation="ignore"
        )
        return _judge(file, test, _charts(file, train, plain), plain)


def _book(file: TrialFile) -> BookSettings:
    chosen = ControlChartSettings.model_validate({"attributes": ("*",), **file.settings})
    return chosen.book()


def _rows(file: TrialFile, side: TrialData) -> list[tuple[str, str, float, bool]]:
    """(group, attribute, value, is a fault) in the order of the rows."""
    role = _role(side, "table")
    table = side.tables[role]
    attributes = side.names(file, "values", role)
    decimal = file.files[role].decimal
    values = {name: _numbers(table[name], name, decimal, has_marks=True) for name in attributes}
    n_rows = len(table[attributes[0]])
    groups = ["all"] * n_rows
    if "group" in file.columns:
        groups = [str(one) for one in table[side.names(file, "group", role)[0]]]
    faults = [False] * n_rows
    if "label" in file.columns:
        faults = [_is_fault(one) for one in table[side.names(file, "label", role)[0]]]
    return [
        (groups[i], name, values[name][i], faults[i])
        for i in range(n_rows)
        for name in attributes
        if math.isfinite(values[name][i])
    ]


def _charts(
    file: TrialFile, train: TrialData, book: BookSettings
) -> dict[tuple[str, str], ChartPage]:
    pages: dict[tuple[str, str], ChartPage] = {}
    for group, name, value, is_fault in _rows(file, train):
        page = pages.get((group, name), ChartPage())
        if not is_fault and page.design is None:
            pages[group, name], _ = add(page, book, "", value)
    return {key: page for key, page in pages.items() if page.design is not None}


def _judge(
    file: TrialFile,
    test: TrialData,
    charts: dict[tuple[str, str], ChartPage],
    book: BookSettings,
) -> Measures:
    role = _role(test, "table")
    table, decimal = test.tables[role], file.files[role].decimal
    pages = dict(charts)
    counts: dict[str, list[int]] = {}
    n_faults = n_detected = n_without_chart = 0
    for group, name, value, is_fault in _rows(file, test):
        if (group, name) not in pages:
            n_without_chart += 1
            continue
        pages[group, name], judged = add(pages[group, name], book, "", value)
        is_alarm = judged is not None and bool(judged.point.alarms)
        if is_fault:
            n_faults, n_detected = n_faults + 1, n_detected + is_alarm
            continue
        count = counts.setdefault(name, [0, 0])
        count[0] += is_alarm
        count[1] += 1
    total = [sum(one[k] for one in counts.values()) for k in (0, 1)]
    found: Measures = {
        "false_alarm_rate": _share(total[0], total[1]),
        "by_attribute": {name: _share(*one) for name, one in sorted(counts.items())},
        "n_charts": len(charts),
        "n_values_without_chart": n_without_chart,
        "n_not_numbers": sum(
            n_marks(table[name], decimal) for name in test.names(file, "values", role)
        ),
    }
    if "label" in file.columns:
        found["detection_rate"] = _share(n_detected, n_faults)
    return found
