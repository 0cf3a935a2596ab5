"""Trial of yield studies: does anything beat the level of the product, and what moves with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.capabilities.monitoring._periods import period_numbers
from goldenbatch.capabilities.monitoring._trial_columns import NO_VALUE, as_number
from goldenbatch.capabilities.monitoring.release._trial_table import joined
from goldenbatch.capabilities.monitoring.yields.report import cause_rows, study_measures
from goldenbatch.capabilities.monitoring.yields.right_first_time import (
    BatchFacts,
    right_first_time,
)
from goldenbatch.capabilities.monitoring.yields.settings import RIGHT_FIRST_TIME
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile, select_columns
from goldenbatch.science.drivers import (
    CauseSettings,
    ForwardSettings,
    Level,
    Rows,
    Study,
    StudySettings,
    differences,
    run_study,
)
from goldenbatch.science.drivers.signs import too_close
from goldenbatch.science.errors import DataError


class YieldTrialSettings(BaseModel):
    """Settings of the trial, fixed before any test row is opened.

    Attributes:
        period: How `columns.time` is read: `month`, `day`, or `order` (rows as they stand).
        months: Further names of months.
        exclude: Patterns of columns that are no predictors, such as what the yield is made of.
        has_trees: Whether trees are tried beside straight lines.
        n_trees: How many.
        least_states: Different values that a named cause must have had.
        limits: Attribute to its limits `[lower, upper]` (empty text: open): a batch with all of
            them inside is right first time; none: no such target.
        n_causes: Candidate causes that are told of each target.
        seed: Of all that is random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Literal["month", "day", "order"] = "month"
    months: Mapping[str, int] = Field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    has_trees: bool = False
    n_trees: int = Field(default=200, ge=10)
    least_states: int = Field(default=8, ge=2)
    limits: Mapping[str, tuple[float | Literal[""], float | Literal[""]]] = Field(
        default_factory=dict
    )
    n_causes: int = Field(default=12, ge=1)
    seed: int = Field(default=0, ge=0)

    def study(self, is_share: bool) -> StudySettings:
        """Settings of the method."""
        return StudySettings(
            forward=ForwardSettings(has_trees=self.has_trees, n_trees=self.n_trees, seed=self.seed),
            causes=CauseSettings(least_units=self.least_states),
            is_share=is_share,
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class YieldMethod:
    """What the training side fixed; everything else is learnt forward in time.

    Attributes:
        settings: Of the trial.
        train: The beginning of what is known.
    """

    settings: YieldTrialSettings
    train: TrialData


class YieldTrial:
    """`monitoring.yields`: yields forward in time, from materials, equipment and process.

    The trial file names `columns.target` (one or more yields), `columns.predictors`,
    `columns.code` (the product) and `columns.time`; it may name `columns.lot` (lots that are kept
    whole) and `columns.batch` (joins further tables). The level of comparison is chosen on the
    training side; each block of the test side is predicted by what was known before it.
    """

    name = "monitoring.yields"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> YieldMethod:
        """Read the settings, and see that the training side can carry a choice."""
        try:
            settings = YieldTrialSettings.model_validate(dict(file.settings))
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInputError(
                f"{first['msg']} (found {first.get('input')!r}).",
                key=".".join(("settings", *(str(one) for one in first["loc"]))),
                hint="See `monitoring.yields` in the README of monitoring.",
            ) from error
        _Table(file, (train,), settings)
        return YieldMethod(settings, train)

    def measure(self, method: YieldMethod, file: TrialFile, test: TrialData) -> Measures:
        """For each target: error against the best level, causes with what speaks against them."""
        table = _Table(file, (method.train, test), method.settings)
        found: Measures = {"n_batches": table.n, "n_test": int(table.is_test.sum())}
        found["predictors"] = list(table.predictors)
        found["targets"] = {
            name: _measured(table, values, method.settings, name)
            for name, values in table.targets.items()
        }
        return found

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Root mean square error of each level, on the same rows."""
        settings = YieldTrialSettings.model_validate(dict(file.settings))
        table = _Table(file, (train, test), settings)
        return {
            name: {str(level): _level_error(table, values, level) for level in Level}
            for name, values in table.targets.items()
        }


def _measured(
    table: _Table, values: np.ndarray[Any, np.dtype[np.float64]], settings: YieldTrialSettings,
    name: str,
) -> Measures:  # fmt: skip
    is_share = name == RIGHT_FIRST_TIME
    rows = table.rows(values)
    close = too_close(rows.where(table.is_past))
    try:
        found = run_study(
            rows.without(close), table.is_past, settings.study(is_share), table.is_test
        )
    except DataError as error:
        return {"verdict": f"not studied: {error.message}"}
    measures = study_measures(found)
    if is_share:
        own = values[table.is_test]
        measures["rate"] = float(np.nanmean(own)) if np.isfinite(own).any() else None
    measures["left_out_too_close_to_the_target"] = list(close)
    return measures | _causes(found, settings.n_causes)


def _causes(found: Study, n_causes: int) -> Measures:
    rows = cause_rows(found)
    causes = found.causes
    return {
        "named_causes": [one["cause"] for one in rows if one["named"]],
        "n_candidates": len(rows),
        "n_pooling_reverses_sign": sum(one["pooling_reverses_sign"] for one in rows),
        "expected_false_by_stability_at_most": causes.false_bound if causes else None,
        "cannot_be_told_from_product": list(causes.inseparable) if causes else [],
        "causes": rows[:n_causes],
        "note": found.note,
    }


def _level_error(
    table: _Table, values: np.ndarray[Any, np.dtype[np.float64]], level: Level
) -> float | None:
    apart = differences(table.rows(values), level).y_difference[table.is_test]
    apart = apart[np.isfinite(apart)]
    return math.sqrt(float(np.mean(apart**2))) if len(apart) else None


class _Table:
    """Batches of all sides in the order of time."""

    def __init__(
        self, file: TrialFile, sides: Sequence[TrialData], settings: YieldTrialSettings
    ) -> None:
        parts = [joined(file, side)[0] for side in sides]
        self.settings = settings
        columns = {
            name: [cell for part in parts for cell in part.get(name, [])] for name in parts[0]
        }
        sizes = [len(next(iter(part.values()))) for part in parts]
        if any(len(cells) != sum(sizes) for cells in columns.values()):
            raise BadInputError("training and test tables differ in columns.", key="files")
        self.n = sum(sizes)
        code = _one(file, columns, "code")
        time = _one(file, columns, "time") if settings.period != "order" else ""
        cells = columns[time] if time else [0.0] * self.n
        periods = period_numbers(cells, time, settings.period, settings.months)
        self.block = np.asarray(periods, dtype=np.int64)
        self.is_test = np.arange(self.n) >= sizes[0]
        self.is_past = self._past(sizes)
        self.product = np.array([str(one).strip() for one in columns[code]])
        lot = _one(file, columns, "lot") if "lot" in file.columns else ""
        self.lot = (
            np.array([str(one).strip() for one in columns[lot]]) if lot else np.arange(self.n)
        )
        targets = select_columns(columns, file.columns.get("target", ()))
        self.targets = {name: _numbers(columns[name], name) for name in targets}
        barred = {*targets, code, time, lot, "file"}
        barred |= set(select_columns(columns, file.columns.get("batch", ())))
        barred |= set(select_columns(columns, settings.exclude))
        asked = select_columns(columns, file.columns.get("predictors", ()))
        self.predictors = tuple(one for one in asked if one not in barred)
        if not self.predictors:
            raise BadInputError("there is no predictor.", key="columns.predictors")
        self.X = np.column_stack([_input(columns[name]) for name in self.predictors])
        if settings.limits:
            self.targets[RIGHT_FIRST_TIME] = _right(columns, settings, self.product)

    def _past(self, sizes: Sequence[int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The training side, but for its last block where that goes on in the test side."""
        is_past = np.arange(self.n) < sizes[0]
        if len(sizes) == 1 or not (~is_past).any():
            return is_past
        first = int(self.block[~is_past].min())
        if int(self.block[is_past].max()) > first:
            raise BadInputError(
                "training batches come after test batches: that is not forward in time.",
                hint="Split by time, with the rows in their order.",
                key="split",
            )
        return np.asarray(self.block < first)

    def rows(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> Rows:
        """For the methods, with one of the targets."""
        return Rows.of(
            self.X, values, self.predictors, product=self.product, lot=self.lot, block=self.block
        )


def _right(
    columns: Mapping[str, Sequence[Any]], settings: YieldTrialSettings, products: Iterable[str]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Right first time as far as these columns show it: by the definition, from limits alone."""
    missing = [name for name in settings.limits if name not in columns]
    if missing:
        raise BadInputError(
            f"no table has a column {missing[0]!r} to hold to its limits.", key="settings.limits"
        )
    values = {name: _numbers(columns[name], name) for name in settings.limits}
    found = np.full(len(next(iter(values.values()))), np.nan)
    for i, product in enumerate(products):
        own = {name: float(column[i]) for name, column in values.items()}
        if any(math.isnan(one) for one in own.values()):
            continue
        outside = tuple(n for n, value in own.items() if _is_outside(value, settings.limits[n]))
        facts = BatchFacts(
            str(i), str(product), is_ended=True, outcome="completed", outside_limits=outside
        )
        found[i] = float(bool(right_first_time(facts).value))
    return found


def _is_outside(value: float, limits: Sequence[Any]) -> bool:
    lower, upper = limits
    return bool((lower != "" and value < lower) or (upper != "" and value > upper))


def _one(file: TrialFile, columns: Mapping[str, Any], key: str) -> str:
    chosen = select_columns(columns, file.columns.get(key, ()))
    if len(chosen) != 1:
        raise BadInputError(
            f"columns.{key} names {len(chosen)} columns; one is needed.",
            hint=f"There are: {', '.join(list(columns)[:12])}.",
            key=f"columns.{key}",
        )
    return chosen[0]


def _numbers(cells: Sequence[Any], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = [as_number(one) for one in cells]
    for row, (cell, value) in enumerate(zip(cells, found, strict=True), start=1):
        is_empty = isinstance(cell, str) and cell.strip() in NO_VALUE
        if isinstance(cell, str) and not is_empty and not math.isfinite(value):
            raise BadInputError(
                f"row {row} of column {name!r} has {cell!r}, which is no number.",
                hint="Correct the file.",
                key="columns",
            )
    return np.asarray(found, dtype=np.float64)


def _input(cells: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers; a column of words as the places of the words in their order."""
    found = np.asarray([as_number(one) for one in cells], dtype=np.float64)
    words = [str(one).strip() for one in cells]
    odd = [
        one not in NO_VALUE and not math.isfinite(v) for one, v in zip(words, found, strict=True)
    ]
    if 2 * sum(odd) <= sum(one not in NO_VALUE for one in words):
        return found
    order = {word: float(k) for k, word in enumerate(sorted(set(words) - NO_VALUE))}
    return np.asarray([order.get(one, math.nan) for one in words], dtype=np.float64)
