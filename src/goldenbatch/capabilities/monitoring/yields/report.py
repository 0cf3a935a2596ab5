"""A yield study of a site as one document: what was asked, found, and what cannot be said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import BatchTable
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.drivers import (
    Adjustable,
    Advice,
    AdviceSettings,
    Cause,
    Rows,
    Study,
    advise,
    run_study,
)
from goldenbatch.science.drivers.advice import Allowed, draw_slopes
from goldenbatch.science.drivers.signs import too_close
from goldenbatch.science.errors import DataError

ASSOCIATION = (
    "Causes are associations that held forward in time, within products and over lots; only a "
    "trial in which the variable is set on purpose shows that it is a cause."
)


@dataclass(frozen=True)
class YieldStudy:
    """A study with the table that it rests on.

    Attributes:
        advice: Product to its advice.
        no_advice: Product to why none was looked for.
        too_close: Columns that were left out: they follow the target so closely that they may be
            made of it.
    """

    table: BatchTable
    rows: Rows
    study: Study
    advice: Mapping[str, Sequence[Advice]]
    no_advice: Mapping[str, str]
    too_close: tuple[str, ...] = ()


def study_table(
    table: BatchTable,
    settings: YieldSettings,
    ranges: Mapping[str, Mapping[str, Adjustable]] | None = None,
    is_allowed: Allowed | None = None,
) -> YieldStudy:
    """Run the study of a table.

    Args:
        table: The batches.
        settings: How.
        ranges: Product to column to what may be set; none: no advice is looked for.
        is_allowed: Of the design space.

    Raises:
        BadInputError: There are too few batches, blocks or results for a forward study.
    """
    rows = table.to_rows()
    n_past = max(1, round(settings.past_share * rows.n))
    ordered = sorted(rows.block.tolist())
    last = ordered[min(n_past, rows.n) - 1]
    is_past = rows.block <= last
    if is_past.all():
        is_past = rows.block < last
    close = too_close(rows.where(is_past))
    rows = rows.without(close)
    try:
        found = run_study(rows, is_past, settings.study())
    except DataError as error:
        raise BadInputError(
            f"{rows.n} batches in {len(set(ordered))} blocks of a {settings.block}: "
            f"{error.message}",
            hint="Wait for more batches, or take shorter blocks (`block`).",
            key="block",
        ) from error
    advice, without = _advice(table, rows, found, settings, ranges or {}, is_allowed)
    return YieldStudy(table, rows, found, advice, without, close)


def _advice(
    table: BatchTable,
    rows: Rows,
    found: Study,
    settings: YieldSettings,
    ranges: Mapping[str, Mapping[str, Adjustable]],
    is_allowed: Allowed | None,
) -> tuple[dict[str, Sequence[Advice]], dict[str, str]]:
    given: dict[str, Sequence[Advice]] = {}
    without: dict[str, str] = {}
    slopes = _slopes(rows, found, settings, ranges)
    numbers = {row.product: int(rows.product[i]) for i, row in enumerate(table.rows)}
    for product, own in sorted(ranges.items()):
        if product not in numbers:
            continue
        if found.causes is None or not own:
            without[product] = found.note if own else "no proven range of it is known"
            continue
        try:
            given[product] = advise(
                rows,
                found.walked,
                found.causes,
                list(own.values()),
                numbers[product],
                AdviceSettings(seed=settings.seed, higher_is_better=settings.higher_is_better),
                is_allowed=is_allowed,
                slopes=slopes,
            )
        except DataError as error:
            without[product] = error.message
    return given, without


def _slopes(
    rows: Rows,
    found: Study,
    settings: YieldSettings,
    ranges: Mapping[str, Mapping[str, Adjustable]],
) -> Any:
    """Slopes that serve all products; zeros where no variable is a named cause: none is asked."""
    own = next((list(one.values()) for one in ranges.values() if one), [])
    named = {one.lead for one in found.causes.named} if found.causes else set()
    if any(one.column not in rows.columns for one in own):
        return None
    if not named & {one.column for one in own}:
        return np.zeros((1, len(own)))
    return draw_slopes(rows, found.walked, own, AdviceSettings(seed=settings.seed))


def study_measures(found: Study, unit: str = "") -> dict[str, Any]:
    """The figures of a study as plain JSON, for reports and trials alike."""
    return {
        "n_scored": found.n_scored,
        "n_lots": found.n_lots,
        "n_blocks": found.n_blocks,
        "rmse": found.rmse,
        "unit": unit,
        "rmse_baselines": {str(level): value for level, value in found.baselines.items()},
        "best_baseline": str(found.best),
        "rmse_ratio": found.ratio,
        "rmse_ratio_interval": _ends(found.interval),
        "beats_best_baseline": found.is_better,
        "r2": found.r2,
        "r2_within_product": found.r2_within,
        "level": str(found.choice.level),
        "corrections": _counts([one.name for one in found.walked.fitted.values()]),
        "n_blocks_with_level_alone": found.n_blocks - len(found.walked.fitted),
        "verdict": verdict(found),
    }


def verdict(found: Study) -> str:
    """In one sentence, whether anything beats what costs nothing."""
    interval = found.interval
    if not found.walked.fitted:
        return f"nothing beats the {found.best}: no correction held on the past"
    if interval is None:
        return "too few lots or blocks were predicted to say whether anything beats the baseline"
    ends = f"(95 % interval {interval.lower:.2f} to {interval.upper:.2f})"
    if found.is_better:
        return f"the error is {found.ratio:.2f} times that of the {found.best} {ends}"
    return f"nothing beats the {found.best} beyond doubt: ratio {found.ratio:.2f} {ends}"


def cause_rows(found: Study) -> list[dict[str, Any]]:
    """A row a candidate cause, the most important first."""
    if found.causes is None:
        return []
    return [_cause_row(one) for one in found.causes.ranked]


def _cause_row(one: Cause) -> dict[str, Any]:
    signs, importance = one.signs, one.importance
    return {
        "cause": one.lead,
        "moves_as_one": one.group.name,
        "named": one.is_named,
        "share_of_error": importance.share,
        "interval": _ends(importance.interval),
        "blocks_worse_without": f"{importance.n_blocks_worse} of {importance.n_blocks}",
        "mean_shapley": importance.shapley,
        "stability": one.stability,
        "slope_within_product": signs.slope,
        "correlation_within_product": signs.within,
        "correlation_pooled": signs.pooled,
        "pooling_reverses_sign": signs.is_reversed,
        "products_same_sign": f"{signs.n_same} of {signs.n_products}",
        "products_clearly_opposite": signs.n_opposite,
        "n_states": one.group.n_units + 1,
        "correlation_with_time": one.group.with_time,
        "moves_with": list(one.group.moves_with),
        "why_not": list(one.why_not),
    }


def advice_rows(found: YieldStudy) -> list[dict[str, Any]]:
    """A row a product and adjustable variable."""
    rows = [
        {
            "product": product,
            "variable": one.column,
            "present": one.present,
            "proposed": one.proposed if one.is_advice else None,
            "expected_gain": one.gain if one.is_advice else None,
            "interval": _ends(one.interval),
            "advice": one.why_not or "proposal for a person's decision",
        }
        for product, given in found.advice.items()
        for one in given
    ]
    rows += [
        {
            "product": product, "variable": "all", "present": None, "proposed": None,
            "expected_gain": None, "interval": None, "advice": why,
        }
        for product, why in found.no_advice.items()
    ]  # fmt: skip
    return rows


def document(found: YieldStudy, settings: YieldSettings, unit: str) -> dict[str, Any]:
    """The whole study as one JSON document."""
    causes = found.study.causes
    table = found.table
    return {
        "target": settings.target,
        "measures": study_measures(found.study, unit),
        "causes": cause_rows(found.study),
        "cannot_be_told_from_product": list(causes.inseparable) if causes else [],
        "false_bound": causes.false_bound if causes else None,
        "note": found.study.note,
        "association": ASSOCIATION,
        "advice": advice_rows(found),
        "table": {
            "n_batches": len(table.rows),
            "n_with_target": sum(math.isfinite(row.target) for row in table.rows),
            "columns": list(table.columns),
            "too_few_values": dict(table.sparse),
            "too_close_to_the_target": list(found.too_close),
            "batches_without_time": list(table.without_time),
            "digest": table.digest,
        },
        "settings": settings.model_dump(mode="json"),
        "settings_digest": settings.digest(),
    }


def _counts(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _ends(interval: Any) -> list[float] | None:
    return None if interval is None else [interval.lower, interval.upper]
