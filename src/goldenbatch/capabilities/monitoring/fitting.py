"""Fit the frozen models of monitoring from what a home holds, and record what was done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from goldenbatch.capabilities.monitoring._common import (
    PLAN_MEDIA_TYPE,
    read_settings,
)
from goldenbatch.capabilities.monitoring.batch.results import BatchModelSettings, model_name
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import ResultsReported
from goldenbatch.core.site import Site
from goldenbatch.science.latent import PCA, LimitKind, ScoringPlan
from goldenbatch.science.latent.selection import components_for_variance, interleaved_folds


def fit(site: Site, name: str) -> list[ModelFitted]:
    """Fit the models of an adopted analyst, freeze them and record them in the ledger.

    Returns:
        What was recorded; nothing for an analyst that needs no model.

    Raises:
        NotFoundError: No analyst of the name was adopted.
        BadInputError: The home does not hold what the model is to be fitted to.
    """
    found = adopted(site, name)
    if found.analyst == "monitoring.soft_sensor":
        from goldenbatch.capabilities.monitoring.pat.fit import fit_sensor

        sensor_settings = read_settings(SoftSensorSettings, name, found.settings)
        bodies = [(name, fit_sensor(site, name, sensor_settings))]
    elif found.analyst == "monitoring.batches":
        batch_settings = read_settings(BatchModelSettings, name, found.settings)
        bodies = _fit_products(site, name, batch_settings)
    elif found.analyst == "monitoring.batch_runs":
        from goldenbatch.capabilities.monitoring.batch.fit_runs import fit_batch_runs
        from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings

        run_settings = read_settings(BatchRunsSettings, name, found.settings)
        bodies = [(name, fit_batch_runs(site, name, run_settings))]
    elif found.analyst == "monitoring.process":
        from goldenbatch.capabilities.monitoring.process.fit import fit_process
        from goldenbatch.capabilities.monitoring.process.settings import ProcessSettings

        process_settings = read_settings(ProcessSettings, name, found.settings)
        bodies = [(name, fit_process(site, name, process_settings))]
    else:
        return []
    events = []
    for model, body in bodies:
        stream = f"model/{model}"
        events.append(NewEvent(stream, body, site.ledger.version(stream), site.actor.uid))
    site.ledger.append(events)
    return [body for _, body in bodies]


def adopted(site: Site, name: str) -> AnalystAdopted:
    """The newest adoption of an analyst's name.

    Raises:
        NotFoundError: There is none.
    """
    newest: AnalystAdopted | None = None
    for event in site.ledger.events(kinds=("AnalystAdopted",)):
        body = event.decode()
        if isinstance(body, AnalystAdopted) and body.name == name:
            newest = body
    if newest is None:
        raise NotFoundError(
            f"no analyst named {name!r} was adopted.", hint="Adopt it with `goldenbatch adopt`."
        )
    return newest


def _fit_products(
    site: Site, name: str, settings: BatchModelSettings
) -> list[tuple[str, ModelFitted]]:
    rows = _rows_by_product(site, settings)
    fitted = []
    for product, reports in sorted(rows.items()):
        if len(reports) > settings.n_reference:
            model = model_name(name, product)
            reference = reports[: settings.n_reference]
            fitted.append((model, _fit_product(site, model, settings, reference)))
    if not fitted:
        most = max((len(one) for one in rows.values()), default=0)
        raise BadInputError(
            f"no product has more than {settings.n_reference} batches with these attributes; "
            f"the most is {most}.",
            hint="Import more batches, or lower n_reference.",
        )
    return fitted


_Report = tuple[int, str, dict[str, float]]


def _rows_by_product(site: Site, settings: BatchModelSettings) -> dict[str, list[_Report]]:
    """Rows (event number, batch, numbers) of each product, in the order of the ledger."""
    products: dict[str, str] = {}
    rows: dict[str, list[_Report]] = {}
    for event in site.ledger.events(kinds=("BatchCreated", "ResultsReported")):
        body = event.decode()
        if isinstance(body, BatchCreated):
            products[body.batch] = body.product
        elif isinstance(body, ResultsReported):
            row = settings.row_of(body)
            if row and body.batch in products:
                rows.setdefault(products[body.batch], []).append((event.seq, body.batch, row))
    return rows


def _fit_product(
    site: Site, model: str, settings: BatchModelSettings, reports: Sequence[_Report]
) -> ModelFitted:
    columns, matrix = _matrix([row for _, _, row in reports])
    plan, explained = fit_batch_plan(columns, matrix, settings)
    digest = site.registry.put(plan.to_bytes(), PLAN_MEDIA_TYPE)
    text = json.dumps([[seq, batch, row] for seq, batch, row in reports], sort_keys=True)
    training = TrainingData(
        what=", ".join(columns),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        n=len(reports),
        batches=tuple(batch for _, batch, _ in reports),
    )
    chosen: dict[str, Any] = settings.model_dump(mode="json")
    return ModelFitted(
        name=model,
        method="PCA of batch attributes",
        code_version="batches-1",
        digest=digest,
        media_type=PLAN_MEDIA_TYPE,
        settings={**chosen, "fitted_until_seq": reports[-1][0]},
        training=(training,),
        measures={
            "n_columns": float(len(columns)),
            "n_components": float(plan.arrays.projection.shape[0]),
            "explained": explained,
            "t2_limit": plan.facts.t2_limit,
            "spe_limit": plan.facts.spe_limit,
        },
    )


def _matrix(rows: Sequence[dict[str, float]]) -> tuple[list[str], list[list[float]]]:
    """Columns that vary and are mostly there, and the rows; NaN where missing."""
    names = sorted({name for row in rows for name in row})
    kept = []
    for name in names:
        values = [row[name] for row in rows if name in row]
        if len(values) >= 0.8 * len(rows) and len(set(values)) > 2:
            kept.append(name)
    nan = float("nan")
    return kept, [[row.get(name, nan) for name in kept] for row in rows]


def fit_batch_plan(
    columns: Sequence[str], rows: Sequence[Sequence[float]], settings: BatchModelSettings
) -> tuple[ScoringPlan, float]:
    """Fit a PCA to reference batches; limits from left-out batches.

    Args:
        columns: Names of the columns.
        rows: Shape (n_batches, n_columns); NaN where missing.
        settings: Number of components, confidence.

    Returns:
        The frozen plan, and the share of variance that its components explain.
    """
    n_most = min(len(rows) - 2, len(columns) - 1)
    n_components = settings.n_components
    if not n_components:
        full = PCA(n_most, confidence=settings.confidence).fit(rows)
        eigenvalues = [*full.score_variance_.tolist(), *full.residual_eigenvalues_.tolist()]
        n_components = components_for_variance(eigenvalues, settings.explained)
    n_components = max(1, min(n_components, n_most))
    model = PCA(n_components, confidence=settings.confidence).fit(rows)
    model.limits_from_left_out(rows, interleaved_folds(len(rows), min(10, len(rows))))
    plan = model.plan(columns, limit_kind=LimitKind.LEFT_OUT)
    return plan, float(sum(model.explained_.tolist()))
