"""Key figures with the batches behind each: right first time, yield, OEE (ISO 22400-2).

Definitions and arithmetic are those of `monitoring.lifecycle`, which reports use too.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.overview.facts import Facts, facts_for
from goldenbatch.capabilities.monitoring.lifecycle.figures import (
    INDICATORS,
    Share,
    right_first_time_share,
    times_in_status,
    unit_effectiveness,
)
from goldenbatch.capabilities.monitoring.lifecycle.plan import LifecyclePlan, read_plan
from goldenbatch.capabilities.monitoring.lifecycle.reading import HOUR_US
from goldenbatch.capabilities.monitoring.lifecycle.values import unit_of, value_of
from goldenbatch.capabilities.monitoring.yields.facts import FactRule
from goldenbatch.capabilities.monitoring.yields.right_first_time import (
    BatchFacts,
    right_first_time,
)
from goldenbatch.core.errors import GoldenbatchError

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.results import Limit

LAST = 50
_RULE = FactRule()


@dataclass(frozen=True)
class Asked:
    """Of which batches figures are wanted: the last so many that ended."""

    product: str = ""
    place: str = ""
    last: int = LAST


def indicators(looker: Looker, asked: Asked) -> dict[str, Any]:
    """Each indicator with its definition, its value and the batches behind it."""
    facts, plant = facts_for(looker), _plant(looker)
    rows = _ended(looker, asked)
    names = [str(row["batch"]) for row in rows if row["batch"] in facts.book.batches]
    limits = _Limits(plant)
    judged = {one: facts.book.facts(one, limits, _RULE, facts.touching[one]) for one in names}
    share = right_first_time_share(judged.values())
    products = sorted({str(row["product"]) for row in rows})
    found = {
        "right first time": _right(judged, share),
        "yield": _yields(facts, plant, products, rows),
        **_effectiveness(looker, facts, asked, judged, share),
    }
    return {
        "n_batches": len(names),
        "asked": asdict(asked),
        "indicators": [{**asdict(one), **found[one.name]} for one in INDICATORS],
    }


def _ended(looker: Looker, asked: Asked) -> list[dict[str, Any]]:
    where: dict[str, Any] = {"outcome": ["completed", "aborted"]}
    where |= {"product": asked.product} if asked.product else {}
    where |= {"place": asked.place} if asked.place else {}
    return looker.rows("batch", where, ("-ended_at", "-started_at"), asked.last)


def _plant(looker: Looker) -> Plant | None:
    try:
        return looker.site.plant
    except GoldenbatchError:
        return None


@dataclass
class _Limits:
    """Release limits of an attribute of a product; none where master data hold none."""

    plant: Plant | None

    def __call__(self, product: str, attribute: str) -> Sequence[Limit]:
        if self.plant is None:
            return ()
        try:
            return self.plant.limits(product, attribute, "release")
        except GoldenbatchError:
            return ()


def _right(judged: dict[str, BatchFacts], share: Share) -> dict[str, Any]:
    batches = []
    for name, one in judged.items():
        said = right_first_time(one)
        batches.append({"batch": name, "value": said.value, "reasons": list(said.reasons)})
    why = "" if share.value is not None else "no batch can be judged yet"
    return {"value": share.value, "lower": share.lower, "upper": share.upper, "n": share.n,
            "n_open": share.n_open, "batches": batches, "why": why}  # fmt: skip


def _plan_of(facts: Facts, product: str) -> LifecyclePlan | None:
    text = facts.plans.get(product)
    if text is None:
        return None
    try:
        return read_plan(text, "plan")
    except GoldenbatchError:
        return None


def _yield_attribute(facts: Facts, plant: Plant | None, product: str) -> str:
    """The attribute that is a product's yield: as its plan says, else the one so named."""
    plan = _plan_of(facts, product)
    if plan is not None and plan.yield_attribute:
        return plan.yield_attribute
    try:
        names = [one.name for one in plant.product(product).attributes] if plant else []
    except GoldenbatchError:
        names = []
    named = [one for one in names if one == "yield" or one.endswith(("_yield", " yield"))]
    return named[0] if len(named) == 1 else "yield"


def _yields(
    facts: Facts, plant: Plant | None, products: Sequence[str], rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    names = {one: _yield_attribute(facts, plant, one) for one in products}
    batches: list[dict[str, Any]] = []
    units: set[str] = set()
    for product, attribute in names.items():
        own = [str(row["batch"]) for row in rows if row["product"] == product]
        if not attribute:
            continue
        unit = unit_of(facts.book, own, attribute)
        for batch in own:
            found = value_of(facts.book, batch, attribute, (), unit)
            if found is not None and found.is_number:
                units.add(unit)
                batches.append({"batch": batch, "value": found.number, "text": found.text,
                                "reasons": [attribute]})  # fmt: skip
    nothing: dict[str, Any] = {"value": None, "n": len(batches), "batches": batches}
    if len(units) > 1:
        return {**nothing, "why": f"yields are reported in {', '.join(sorted(units))}: choose "
                "one product"}  # fmt: skip
    if not batches:
        why = "no result of a yield is reported; name the attribute in the product's plan of "
        return {**nothing, "why": f"{why}validation (`yield_attribute`), or call it `yield`"}
    numbers: list[float] = [one["value"] for one in batches]
    spread = statistics.stdev(numbers) if len(numbers) > 1 else None
    return {**nothing, "value": statistics.fmean(numbers), "unit": units.pop(),
            "spread": spread, "why": ""}  # fmt: skip


def _effectiveness(
    looker: Looker, facts: Facts, asked: Asked, judged: dict[str, BatchFacts], share: Share
) -> dict[str, dict[str, Any]]:
    """Of the unit that a plan of validation names; each figure says why it is not there."""
    plans = [one for name in sorted(facts.plans) if (one := _plan_of(facts, name))]
    fitting = [
        one for one in plans
        if one.place and asked.place in ("", one.place) and asked.product in ("", one.product)
    ]  # fmt: skip
    empty: dict[str, Any] = {"value": None, "n": 0, "batches": [], "place": asked.place}
    names = ("availability", "effectiveness", "quality ratio", "OEE")
    if not fitting:
        why = ("no plan of validation names a unit and the planned time of a batch in it "
               "(`place`, `planned_batch_hours`): keep a lifecycle report with one")  # fmt: skip
        return {name: {**empty, "why": why} for name in names}
    plan = fitting[0]
    made = [
        one for one, fact in judged.items()
        if fact.product == plan.product
        and any(run.place == plan.place for run in facts.book.batches[one].phases.values())
    ]  # fmt: skip
    changes = [(one.at, one.status.value) for one in facts.book.equipment.get(plan.place, ())]
    starts = [at for one in made if (at := facts.book.batches[one].window[0]) is not None]
    window = (min(starts, default=0), looker.home.clock())
    own = right_first_time_share(judged[one] for one in made) if made else share
    found = unit_effectiveness(
        times_in_status(changes, window), len(made), own, plan.planned_batch_hours * HOUR_US
    )
    if found is None:
        why = (f"{plan.place} has no recorded status, or no judged batch: equipment status "
               "(in use, idle ...) is what its times are made of")  # fmt: skip
        return {name: {**empty, "place": plan.place, "why": why} for name in names}
    values = (found.availability, found.effectiveness, found.quality_ratio, found.oee)
    reasons = [f"planned {plan.planned_batch_hours:g} h a batch at {plan.place}"]
    batches = [{"batch": one, "value": None, "reasons": reasons} for one in made]
    shown = {"n": len(made), "batches": batches, "place": plan.place, "why": ""}
    return {name: {**shown, "value": value} for name, value in zip(names, values, strict=True)}
