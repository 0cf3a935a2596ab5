"""Batches of a product by their results, in the plane of the golden set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.results import ResultsReported
from goldenbatch.science.statistics import clopper_pearson

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.batch.results import BatchModelSettings
    from goldenbatch.core.site import Site
    from goldenbatch.science.latent import ScoringPlan


def rows_of(
    site: Site, settings: BatchModelSettings, product: str, columns: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Reports of a product's batches as rows of a model, in the order of the ledger."""
    products: dict[str, str] = {}
    found = []
    for event in site.ledger.events(kinds=("BatchCreated", "ResultsReported")):
        body = event.decode()
        if isinstance(body, BatchCreated):
            products[body.batch] = body.product
        elif isinstance(body, ResultsReported) and products.get(body.batch) == product:
            row = settings.row_of(body)
            if row:
                found.append({
                    "batch": body.batch, "sample": body.sample, "seq": event.seq,
                    "record": f"{event.stream}@{event.envelope.version}",
                    "at": event.envelope.recorded_at,
                    "row": [row.get(name, math.nan) for name in columns],
                })  # fmt: skip
    return found


def placed_batches(
    site: Site, settings: BatchModelSettings, product: str, plan: ScoringPlan, until: int
) -> dict[str, Any]:
    """Scores, T2 and SPE of all batches of a product; those up to `until` made the model."""
    reports = rows_of(site, settings, product, plan.facts.columns)
    points = []
    if reports:
        scores = plan.score([one["row"] for one in reports])
        for i, one in enumerate(reports):
            points.append({
                **{name: one[name] for name in ("batch", "sample", "record", "at", "seq")},
                "is_reference": one["seq"] <= until, "is_scored": bool(scores.is_scored[i]),
                "t2": scores.t2[i], "spe": scores.spe[i],
                "is_outside": bool(scores.is_scored[i] and not scores.in_domain[i]),
                "scores": scores.scores[i][:2], "n_missing": int(scores.n_missing[i]),
            })  # fmt: skip
    later = [one for one in points if one["is_scored"] and not one["is_reference"]]
    n_outside = sum(one["is_outside"] for one in later)
    interval = clopper_pearson(n_outside, len(later)) if later else None
    facts = plan.facts
    return {
        "product": product, "points": points, "columns": facts.columns,
        "t2_limit": facts.t2_limit, "spe_limit": facts.spe_limit,
        "limit_kind": facts.limit_kind, "n_training": facts.n_rows,
        "spreads": plan.spread[:2], "n_components": len(plan.spread),
        "loadings": [
            {"tag": name, "lag": 0, "first": plan.arrays.loadings[0, j],
             "second": plan.arrays.loadings[1, j] if len(plan.arrays.loadings) > 1 else 0.0}
            for j, name in enumerate(plan.model_columns)
        ],
        "n_later": len(later), "n_outside": n_outside,
        "measured_rate": n_outside / len(later) if later else None,
        "measured_interval": [interval.lower, interval.upper] if interval else None,
    }  # fmt: skip


def batch_contributions(
    site: Site, settings: BatchModelSettings, product: str, plan: ScoringPlan, record: str,
    statistic: str = "",
) -> dict[str, Any]:  # fmt: skip
    """What each attribute adds to T2 or SPE of a report.

    Raises:
        NotFoundError: The product has no such report.
    """
    reports = rows_of(site, settings, product, plan.facts.columns)
    one = next((each for each in reports if each["record"] == record), None)
    if one is None:
        raise NotFoundError(f"{record!r} is no report of a batch of {product!r}.")
    scores, parts = plan.score([one["row"]]), plan.contributions([one["row"]])
    ratios = {"T2": scores.t2[0] / plan.facts.t2_limit, "SPE": scores.spe[0] / plan.facts.spe_limit}
    name = statistic if statistic in ratios else max(ratios, key=lambda key: float(ratios[key]))
    values = (parts.spe if name == "SPE" else parts.t2)[0]
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    return {
        "batch": one["batch"], "sample": one["sample"], "record": record, "at": one["at"],
        "statistic": name, "statistics": ["T2", "SPE"],
        "value": float(scores.spe[0] if name == "SPE" else scores.t2[0]),
        "limit": plan.facts.spe_limit if name == "SPE" else plan.facts.t2_limit,
        "parts": [
            {"variable": parts.columns[j], "tag": "", "contribution": float(values[j]),
             "value": _of(one["row"], plan.facts.columns, parts.columns[j])}
            for j in order
        ],
    }  # fmt: skip


def _of(row: list[float], columns: tuple[str, ...], name: str) -> float | None:
    return row[columns.index(name)] if name in columns else None
