"""Trial of control charts: how often they alarm on later rows, beside plain ones."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._trial_columns import is_fault as _is_fault
from goldenbatch.capabilities.monitoring._trial_columns import n_marks, role_of, share
from goldenbatch.capabilities.monitoring._trial_columns import numbers as _numbers
from goldenbatch.capabilities.monitoring.charts._trial_lengths import run_lengths
from goldenbatch.capabilities.monitoring.charts.book import (
    BookSettings,
    ChartPage,
    add,
    freeze,
    gather,
)
from goldenbatch.capabilities.monitoring.charts.settings import ControlChartSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.statistics import ChartSettings
from goldenbatch.science.statistics.forecast import Lender, forecast_block

Charts = dict[tuple[str, str], ChartPage]
_OF_THE_TRIAL = ("specification",)


@dataclass(frozen=True)
class _Value:
    """One value of the table: its row is the batch."""

    row: int
    group: str
    attribute: str
    value: float
    is_fault: bool


class ControlChartTrial:
    """`monitoring.charts`: limits from the training rows, alarms on the later ones.

    The trial file names `columns.values` (attributes), `columns.group` (a chart each, such
    as the product) and may name `columns.label`: rows with a value other than 0, false, empty
    or `good` there are faults, and count for detection instead of false alarms. A value outside
    `settings.specification` (attribute to `[lower, upper]`, `nan` for none) is a fault too.
    All other values are good: where a data set says neither, each alarm counts as false.
    """

    name = "monitoring.charts"
    version = "2"

    def fit(self, file: TrialFile, train: TrialData) -> Charts:
        """Charts with frozen limits, one a group and attribute with enough rows."""
        chosen = _chosen(file)
        if chosen.reference == "period":
            return _charts_of_period(file, train, chosen)
        return _charts(file, train, chosen.book())

    def measure(self, method: Charts, file: TrialFile, test: TrialData) -> Measures:
        """False alarms by value, batch, attribute and group; detection if labelled; run lengths."""
        book = _chosen(file).book()
        found = _judge(file, test, method, book)
        if book.forecast is not None:
            designs = [page.forecast for page in method.values() if page.forecast is not None]
            found["run_lengths"] = {
                **run_lengths(designs, book.forecast),
                "one_sigma_added_to_later_rows": _injected(file, test, method),
            }
        return found

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """A plain individuals chart at 3 sigma of the moving range, neighbours ignored."""
        plain = BookSettings(
            chart=ChartSettings(), n_reference=_chosen(file).n_reference, autocorrelation="ignore"
        )
        return _judge(file, test, _charts(file, train, plain), plain)


def _chosen(file: TrialFile) -> ControlChartSettings:
    own = {name: value for name, value in file.settings.items() if name not in _OF_THE_TRIAL}
    return read_settings(ControlChartSettings, "of the trial", {"attributes": ("*",), **own})


def _specification(file: TrialFile) -> dict[str, tuple[float, float]]:
    """Limits per attribute; minus and plus infinity where there is none."""
    found: dict[str, tuple[float, float]] = {}
    for name, limits in dict(file.settings.get("specification", {})).items():
        try:
            lower, upper = (float(one) for one in limits)
        except (TypeError, ValueError) as error:
            raise BadInputError(
                f"the specification of {name!r} is {limits!r}, not two numbers.",
                hint="Give [lower, upper], with nan where there is no limit.",
                key=f"settings.specification.{name}",
            ) from error
        found[name] = (
            -math.inf if math.isnan(lower) else lower,
            math.inf if math.isnan(upper) else upper,
        )
    return found


def _values(file: TrialFile, side: TrialData) -> list[_Value]:
    """All values in the order of the rows."""
    role = role_of(side, "table")
    table = side.tables[role]
    attributes = side.names(file, "values", role)
    decimal = file.files[role].decimal
    columns = {name: _numbers(table[name], name, decimal, has_marks=True) for name in attributes}
    n_rows = len(table[attributes[0]])
    groups = ["all"] * n_rows
    if "group" in file.columns:
        groups = [str(one) for one in table[side.names(file, "group", role)[0]]]
    faults = [False] * n_rows
    if "label" in file.columns:
        faults = [_is_fault(one) for one in table[side.names(file, "label", role)[0]]]
    limits = _specification(file)
    found = []
    for row in range(n_rows):
        for name in attributes:
            value = columns[name][row]
            lower, upper = limits.get(name, (-math.inf, math.inf))
            if math.isfinite(value):
                is_out = faults[row] or not lower <= value <= upper
                found.append(_Value(row, groups[row], name, value, is_out))
    return found


def _charts(file: TrialFile, train: TrialData, book: BookSettings) -> Charts:
    pages: Charts = {}
    for one in _values(file, train):
        key = one.group, one.attribute
        page = pages.get(key, ChartPage())
        if not one.is_fault and not page.has_limits:
            pages[key], _ = add(page, book, "", one.value, partial(_lenders, key, pages))
    return {key: page for key, page in pages.items() if page.has_limits or page.faults}


def _charts_of_period(file: TrialFile, train: TrialData, chosen: ControlChartSettings) -> Charts:
    """All training rows are the reference period of each chart that has enough of them."""
    book, pages = chosen.book(), dict[tuple[str, str], ChartPage]()
    for one in _values(file, train):
        if not one.is_fault:
            key = one.group, one.attribute
            pages[key] = gather(pages.get(key, ChartPage()), "", one.value)
    full = {key: page for key, page in pages.items() if page.n_reference >= book.n_reference}
    own = {key: _own(page, book) for key, page in full.items()}
    made: Charts = {}
    for key, page in full.items():
        others = [one for k, one in own.items() if k != key and k[1] == key[1] and one is not None]
        made[key] = freeze(page, book, others if chosen.is_lending else ())
    return made


def _own(page: ChartPage, book: BookSettings) -> Lender | None:
    made = freeze(page, book).forecast
    return made.own if made is not None else None


def _lenders(key: tuple[str, str], pages: Charts) -> list[Lender]:
    return [
        page.forecast.own
        for other, page in pages.items()
        if other != key and other[1] == key[1] and page.forecast is not None
    ]


def _injected(file: TrialFile, test: TrialData, charts: Charts) -> dict[str, Any]:
    """How often real later values alarm as they are, and with one sigma added or taken away.

    The step comes with the first later value; charts with few later values cannot find it all.
    """
    later = defaultdict[tuple[str, str], list[float]](list)
    for one in _values(file, test):
        if not one.is_fault:
            later[one.group, one.attribute].append(one.value)
    quiet, shifted, delays = _Count(), _Count(), list[int]()
    for key, values in later.items():
        page = charts.get(key)
        if page is None or page.forecast is None or page.forecast_state is None:
            continue
        step = page.forecast.sigma / math.sqrt(1.0 - page.forecast.phi**2)
        for size in (0.0, step, -step):
            moved = [value + size for value in values]
            points, _ = forecast_block(page.forecast, moved, page.forecast_state)
            first = next((i for i, point in enumerate(points, 1) if point.alarms), 0)
            (shifted if size else quiet).add(bool(first))
            if size and first:
                delays.append(first)
    return {
        "charts_with_an_alarm_as_they_are": quiet.share(),
        "charts_with_an_alarm_after_the_step": shifted.share(),
        "median_batches_to_it_where_found": median(delays) if delays else None,
        "later_values_a_chart": median(map(len, later.values())) if later else None,
    }


class _Count:
    """Alarms among values or batches that are good."""

    def __init__(self) -> None:
        self.n_alarms = 0
        self.n = 0

    def add(self, is_alarm: bool) -> None:
        self.n_alarms += is_alarm
        self.n += 1

    def share(self) -> dict[str, Any]:
        return share(self.n_alarms, self.n)


def _judge(file: TrialFile, test: TrialData, charts: Charts, book: BookSettings) -> Measures:
    pages, without = dict(charts), 0
    faults, by_chart = _Count(), defaultdict[tuple[str, str], _Count](_Count)
    batches: dict[int, bool] = {}
    for one in _values(file, test):
        key = one.group, one.attribute
        if key not in pages or not pages[key].has_limits:
            without += 1
            continue
        pages[key], judged = add(pages[key], book, "", one.value)
        is_alarm = judged is not None and bool(judged.point.alarms)
        if one.is_fault:
            faults.add(is_alarm)
            continue
        by_chart[key].add(is_alarm)
        batches[one.row] = batches.get(one.row, False) or is_alarm
    found: Measures = {
        **_shares(by_chart, batches),
        "n_charts": sum(page.has_limits for page in charts.values()),
        "charts_refused": {
            f"{group}|{name}": page.faults[0]
            for (group, name), page in sorted(charts.items())
            if not page.has_limits
        },
        "n_values_without_chart": without,
        "n_not_numbers": _not_numbers(file, test),
    }
    if "label" in file.columns or _specification(file):
        found["detection_rate"] = faults.share()
    return found


def _shares(by_chart: Mapping[tuple[str, str], _Count], batches: Mapping[int, bool]) -> Measures:
    """False alarms among good values and batches, over all and by attribute and group."""
    total, parts = _Count(), (defaultdict[str, _Count](_Count), defaultdict[str, _Count](_Count))
    for key, count in by_chart.items():
        for one in (total, parts[0][key[1]], parts[1][key[0]]):
            one.n_alarms += count.n_alarms
            one.n += count.n
    return {
        "false_alarm_rate": total.share(),
        "false_alarm_rate_of_batches": share(sum(batches.values()), len(batches)),
        "by_attribute": {name: one.share() for name, one in sorted(parts[0].items())},
        "by_group": {name: one.share() for name, one in sorted(parts[1].items())},
    }


def _not_numbers(file: TrialFile, test: TrialData) -> int:
    role = role_of(test, "table")
    table, decimal = test.tables[role], file.files[role].decimal
    return sum(n_marks(table[name], decimal) for name in test.names(file, "values", role))
