"""Trial of control charts: how often they alarm on later rows, beside plain ones."""

from __future__ import annotations

import math

from goldenbatch.capabilities.monitoring._trial_columns import is_fault as _is_fault
from goldenbatch.capabilities.monitoring._trial_columns import n_marks, role_of, share
from goldenbatch.capabilities.monitoring._trial_columns import numbers as _numbers
from goldenbatch.capabilities.monitoring.charts.analyst import ControlChartSettings
from goldenbatch.capabilities.monitoring.charts.book import BookSettings, ChartPage, add
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.statistics import (
    ChartSettings,
)


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
    role = role_of(side, "table")
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
    role = role_of(test, "table")
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
        "false_alarm_rate": share(total[0], total[1]),
        "by_attribute": {name: share(*one) for name, one in sorted(counts.items())},
        "n_charts": len(charts),
        "n_values_without_chart": n_without_chart,
        "n_not_numbers": sum(
            n_marks(table[name], decimal) for name in test.names(file, "values", role)
        ),
    }
    if "label" in file.columns:
        found["detection_rate"] = share(n_detected, n_faults)
    return found
