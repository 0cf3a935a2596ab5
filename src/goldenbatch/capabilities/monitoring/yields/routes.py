"""Routes of yields: right first time, studies of causes, costs of quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.monitoring._adopted import at_work, named
from goldenbatch.capabilities.monitoring._answers import GetSite, Needed, Text, plain
from goldenbatch.capabilities.monitoring.lifecycle.figures import right_first_time_share
from goldenbatch.capabilities.monitoring.yields.costs import (
    costs_document,
    quality_costs,
    read_factors,
)
from goldenbatch.capabilities.monitoring.yields.facts import KINDS, FactRule, book_of
from goldenbatch.capabilities.monitoring.yields.right_first_time import right_first_time
from goldenbatch.capabilities.monitoring.yields.studies import STUDIES, StudyState
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goldenbatch.core.results import Limit
    from goldenbatch.core.site import Site

KIND = "monitoring.yields"
MOST_TEXT = 200_000
Toml = Annotated[str, Field(min_length=1, max_length=MOST_TEXT, pattern=r"^[^\x00]*$")]
Phase = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class StudyForm(BaseModel):
    """Which analyst's study is asked for."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CostForm(BaseModel):
    """Cost factors as TOML, and phases that may run once a batch."""

    model_config = ConfigDict(extra="forbid")
    factors: Toml
    once: tuple[Phase, ...] = Field(default=(), max_length=100)


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/yields")

    @router.get("")
    def yields() -> dict[str, Any]:
        """Yield analysts at work, each with how its study stands."""
        site = get_site()
        rows = [
            {
                "name": one.name, "version": one.version, "record": one.record,
                "adopted_at": one.adopted_at, "settings": dict(one.settings),
                "step": STUDIES.state(site, one).step,
            }
            for one in at_work(site, (KIND,))
        ]  # fmt: skip
        answer: dict[str, Any] = plain({"analysts": rows})
        return answer

    @router.get("/right-first-time")
    def right(product: Text = "") -> dict[str, Any]:
        """Share of batches right first time, and what spoke against each of the others."""
        answer: dict[str, Any] = plain(right_first_time_of(get_site(), product))
        return answer

    @router.get("/study")
    def study(name: Needed) -> dict[str, Any]:
        """How the study of an analyst stands, and what it found."""
        site = get_site()
        return _told(STUDIES.state(site, named(site, name, (KIND,))))

    @router.post("/study")
    def begin(form: StudyForm) -> dict[str, Any]:
        """Begin the study of an analyst, in a worker process."""
        site = get_site()
        return _told(STUDIES.ask(site, named(site, form.name, (KIND,))))

    @router.post("/costs")
    def costs(form: CostForm) -> dict[str, Any]:
        """Costs of quality: recorded events times the factors that are given; nothing is kept."""
        site = get_site()
        try:
            content = form.factors.encode()
        except UnicodeEncodeError as error:
            raise BadInputError("the factors are no Unicode text.", key="factors") from error
        factors, digest = read_factors(content, "factors")
        book = book_of(site.ledger.events(kinds=KINDS))
        kinds = sorted({one.kind for one in factors.factor if one.kind})
        events = site.ledger.events(kinds=kinds) if kinds else ()
        rule = FactRule(once=frozenset(form.once))
        found = quality_costs(book, events, factors, digest, rule)
        answer: dict[str, Any] = plain(costs_document(found))
        return answer

    return router


def _told(state: StudyState) -> dict[str, Any]:
    answer: dict[str, Any] = plain(state)
    return answer | {"share": state.share, "is_running": state.is_running}


def right_first_time_of(site: Site, product: str = "") -> dict[str, Any]:
    """The share with its exact interval, and each batch with what speaks against it."""
    limits: dict[tuple[str, str], Sequence[Limit]] = {}
    for each in site.plant.products:
        for one in each.attributes:
            limits[each.code, one.name] = site.plant.limits(each.code, one.name, "release")
    book = book_of(event for event in site.ledger.events(kinds=KINDS) if event.body is not None)
    names = [
        name for name, state in book.batches.items()
        if product in ("", str(state.entries.get("product", "")))
    ]  # fmt: skip
    touching: dict[str, list[str]] = {}
    for row in site.ledger.select("finding_batch", {}):
        touching.setdefault(str(row["batch"]), []).append(str(row["uid"]))

    def of(code: str, attribute: str) -> Sequence[Limit]:
        return limits.get((code, attribute), ())

    facts = [book.facts(name, of, FactRule(), touching.get(name, ())) for name in names]
    rows = []
    for fact in facts:
        said = right_first_time(fact)
        rows.append({"batch": fact.batch, "product": fact.product, "is_right": said.value,
                     "reasons": said.reasons})  # fmt: skip
    return {
        "product": product, "products": [one.code for one in site.plant.products],
        "right_first_time": right_first_time_share(facts), "batches": rows[::-1],
    }  # fmt: skip
