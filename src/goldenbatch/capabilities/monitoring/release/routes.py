"""Routes of release testing: how batches stand, on what evidence, and what is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from goldenbatch.capabilities.monitoring._answers import Count, GetSite, Needed, Text, plain
from goldenbatch.capabilities.monitoring.release._reading import page_of, present, standings_of
from goldenbatch.capabilities.monitoring.release.standing import markets_of, standing_of
from goldenbatch.core.release_records import ReleaseOutcome
from goldenbatch.science.statistics import clopper_pearson

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.release.standing import AttributeStanding
    from goldenbatch.core.records import Row
    from goldenbatch.core.site import Site

Place = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/release")

    @router.get("")
    def tests(product: Text = "", market: Text = "", n: Count = 200) -> dict[str, Any]:
        """Release tests, newest first, and how often the laboratory was called for want of one."""
        site = get_site()
        where = {name: one for name, one in (("product", product), ("market", market)) if one}
        rows = site.ledger.select("release_test", where, ("-seq",))
        answer: dict[str, Any] = plain(
            {"n_tests": len(rows), "tests": rows[:n], "registrations": registrations(site),
             "contingency": [_contingency(site, row, rows) for row in _registered(site, where)]}
        )  # fmt: skip
        return answer

    @router.get("/batch")
    def batch(batch: Needed, market: Place = "") -> dict[str, Any]:
        """A batch: each market and attribute with its test, evidence, investigation and page."""
        site = get_site()
        markets = (market,) if market else markets_of(site, batch)
        answer: dict[str, Any] = plain(
            {"batch": batch, "markets": [of_market(site, batch, one) for one in markets]}
        )
        return answer

    return router


def _registered(site: Site, where: dict[str, str]) -> list[Row]:
    return list(site.ledger.select("release_registration", where))


def registrations(site: Site) -> list[dict[str, Any]]:
    """All registrations with the state of their newest version."""
    found = []
    for row in site.ledger.select("release_registration", {}, ("product", "market", "attribute")):
        key = (str(row["product"]), str(row["market"]), str(row["attribute"]))
        standings = standings_of(site, *key)
        now = present(site, standings)
        for one in standings[-1:]:
            told = one.registration
            found.append({
                "product": told.product, "market": told.market, "attribute": told.attribute,
                "version": one.version, "state": one.state(now), "dossier": told.dossier,
                "variation": told.variation, "use": told.use, "limit": told.limit,
                "confidence": told.confidence, "contingency": told.contingency.label,
                "most_contingency": told.most_contingency, "withdrawn": one.withdrawn,
                "effective_from": told.effective_from, "proposed_by": one.proposed_by,
                "record": f"{one.stream}@{one.proposed_at}",
            })  # fmt: skip
    return found


def _contingency(site: Site, registered: Row, rows: list[Row] | Any) -> dict[str, Any]:
    """Tests without a valid prediction, in order, against the registered share."""
    names = ("product", "market", "attribute")
    own = sorted(
        (row for row in rows if all(row[name] == registered[name] for name in names)),
        key=lambda row: int(row["first_seq"]),
    )
    calls = [row["outcome"] == ReleaseOutcome.NO_PREDICTION.value for row in own]
    shares = [sum(calls[: k + 1]) / (k + 1) for k in range(len(calls))]
    interval = clopper_pearson(sum(calls), len(calls)) if calls else None
    return {
        **{name: registered[name] for name in names}, "n": len(own), "n_calls": sum(calls),
        "most": registered["most_contingency"], "batches": [row["batch"] for row in own],
        "is_call": calls, "shares": shares, "reasons": [row["no_prediction"] for row in own],
        "interval": [interval.lower, interval.upper] if interval else None,
    }  # fmt: skip


def of_market(site: Site, batch: str, market: str) -> dict[str, Any]:
    """How a batch stands for a market, attribute by attribute, and its page of evidence."""
    page = page_of(site, batch, market)
    kept = page.kept if page is not None else None
    return {
        "market": market,
        "attributes": [_attribute(site, one) for one in standing_of(site, batch, market)],
        "page": None if page is None or kept is None else {
            "files": dict(kept.files), "written_at": kept.written_at, "kept_by": page.kept_by,
            "reviewed": page.reviewed, "approved": page.approved,
            "record": f"{page.stream}@{page.at}",
            "is_stale": [name for name, version in kept.tests.items()
                         if site.ledger.version(name) != version],
        },
    }  # fmt: skip


def _attribute(site: Site, one: AttributeStanding) -> dict[str, Any]:
    test = one.test
    tested = test.tested if test is not None else None
    registration = one.registration
    return {
        "attribute": one.attribute, "state": one.state, "doubts": one.doubts,
        "is_settled": one.is_settled,
        "registration": None if registration is None else {
            "version": registration.version, "dossier": registration.registration.dossier,
            "limit": registration.registration.limit, "use": registration.registration.use,
            "record": f"{registration.stream}@{registration.approved_at}",
        },
        "record": "" if test is None else f"{test.stream}@{test.head}",
        "tested": tested, "called": None if test is None else test.called,
        "links": [] if test is None else [body for _, body in test.links],
        "investigations": [] if test is None else [body for _, body in test.investigations],
        "concluded": None if test is None else test.concluded,
    }  # fmt: skip
