"""Routes of batch models: running batches against golden ones, and batches by their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from goldenbatch.capabilities.monitoring._adopted import AtWork, at_work, named
from goldenbatch.capabilities.monitoring._answers import GetSite, Micros, Needed, Text, plain
from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._model_now import (
    ModelNow,
    artefact,
    fit_record,
    model_now,
)
from goldenbatch.capabilities.monitoring.batch.followed import (
    contributions_at,
    followed_batch,
    runs_of,
)
from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
from goldenbatch.capabilities.monitoring.batch.placed import batch_contributions, placed_batches
from goldenbatch.capabilities.monitoring.batch.results import BatchModelSettings, model_name
from goldenbatch.science.latent import ScoringPlan
from goldenbatch.science.latent.batch import BatchPlan

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

RUNS, RESULTS = "monitoring.batch_runs", "monitoring.batches"
Which = Annotated[int, Query(ge=-1, le=2, description="0 T2, 1 SPE, 2 deviation; -1 the worst.")]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/batches")

    @router.get("")
    def models(batch: Text = "") -> dict[str, Any]:
        """Batch models at work; of one batch those that know it."""
        site = get_site()
        rows = [_row(site, one) for one in at_work(site, (RUNS, RESULTS))]
        answer: dict[str, Any] = plain(
            {"models": [one for one in rows if not batch or batch in one["batches"]]}
        )
        return answer

    @router.get("/followed")
    def followed(name: Needed, batch: Needed) -> dict[str, Any]:
        """A running or ended batch against the golden envelope, phase by phase."""
        site = get_site()
        one, settings, plan, now = _plan(site, name)
        answer = followed_batch(site, name, settings, plan, batch)
        rows = site.ledger.select("finding", {"analyst": name, "batch": batch}, ("-opened_seq",))
        answer |= {
            "name": name, "version": one.version, "model": now, "n_golden": plan.n_batches,
            "stated_rate": plan.stated_rate, "time_unit": settings.time_unit,
            "place": settings.place, "findings": [dict(row) for row in rows],
        }  # fmt: skip
        told: dict[str, Any] = plain(answer)
        return told

    @router.get("/followed/contributions")
    def followed_contributions(
        name: Needed, batch: Needed, at: Micros, statistic: Which = -1
    ) -> dict[str, Any]:
        """What makes a batch differ at one sample, variable by variable."""
        site = get_site()
        _, settings, plan, _ = _plan(site, name)
        answer: dict[str, Any] = plain(contributions_at(site, settings, plan, batch, at, statistic))
        return answer

    @router.get("/placed")
    def placed(name: Needed, product: Needed) -> dict[str, Any]:
        """All batches of a product by their results, in the plane of the golden set."""
        site = get_site()
        one = named(site, name, (RESULTS,))
        settings, plan, fitted = _placed(site, one, product)
        answer = placed_batches(site, settings, product, plan, int(fitted["until"]))
        now = ModelNow(plan.digest, record=str(fitted.get("record", "")), fitted=fitted)
        answer |= {"name": name, "version": one.version, "model": now}
        told: dict[str, Any] = plain(answer)
        return told

    @router.get("/placed/contributions")
    def placed_contributions(
        name: Needed, product: Needed, record: Needed, statistic: Text = ""
    ) -> dict[str, Any]:
        """What makes one batch differ by its results, attribute by attribute."""
        site = get_site()
        settings, plan, _ = _placed(site, named(site, name, (RESULTS,)), product)
        answer: dict[str, Any] = plain(
            batch_contributions(site, settings, product, plan, record, statistic)
        )
        return answer

    return router


def _row(site: Site, one: AtWork) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": one.name, "kind": one.analyst, "version": one.version, "record": one.record,
        "adopted_at": one.adopted_at,
    }  # fmt: skip
    if one.analyst == RUNS:
        settings = read_settings(BatchRunsSettings, one.name, one.settings)
        batches = list(runs_of(site, settings).batches())
        return {**facts, "place": settings.place, "products": [settings.product],
                "batches": batches[-200:], "model": model_now(site, one.name)}  # fmt: skip
    prefix = f"{one.name}."
    rows = site.ledger.select("model", {})
    products = sorted({str(row["name"]).removeprefix(prefix) for row in rows
                       if str(row["name"]).startswith(prefix)})  # fmt: skip
    batches = [str(row["batch"]) for row in site.ledger.select("batch", {"product": products})
               ] if products else []  # fmt: skip
    return {**facts, "place": "", "products": products, "batches": batches[-5000:], "model": None}


def _plan(site: Site, name: str) -> tuple[AtWork, BatchRunsSettings, BatchPlan, ModelNow]:
    one = named(site, name, (RUNS,))
    now = model_now(site, name)
    raw = artefact(site, now.digest, now.why_not)
    settings = read_settings(BatchRunsSettings, name, one.settings)
    return one, settings, BatchPlan.from_bytes(raw, now.digest), now


def _placed(
    site: Site, one: AtWork, product: str
) -> tuple[BatchModelSettings, ScoringPlan, dict[str, Any]]:
    model = model_name(one.name, product)
    fitted = fit_record(site, model)
    digest = str(fitted.get("digest", ""))
    raw = artefact(site, digest, f"{model!r} was not fitted")
    settings = read_settings(BatchModelSettings, one.name, one.settings)
    return settings, ScoringPlan.from_bytes(raw, digest), fitted
