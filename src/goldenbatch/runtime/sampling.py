"""Orders to a laboratory: the samples that the plans at work ask for, each ordered once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.records import NewEvent
from goldenbatch.core.sampling import (
    Expected,
    Held,
    SampleOrdered,
    SamplingPlan,
    expected,
    matched,
    order_of,
)
from goldenbatch.runtime.adoption import adopted

if TYPE_CHECKING:
    from goldenbatch.core.batch_state import BatchState
    from goldenbatch.core.site import Site

ANALYST = "execution.samples"
_N_GROUP = 500


def plans(site: Site) -> dict[str, SamplingPlan]:
    """The sampling plans at work, by the name of the analyst that each is the settings of."""
    fields = {*SamplingPlan.model_fields, "sample"}
    return {
        name: SamplingPlan.model_validate(
            {key: value for key, value in one.body.settings.items() if key in fields}
        )
        for name, one in adopted(site.ledger).items()
        if one.body.analyst == ANALYST
    }


def due(site: Site, batch: str = "", upto: int | None = None) -> list[dict[str, Any]]:
    """What the plans ask for of batches: is it ordered, there, tested.

    Args:
        site: Where the record is.
        batch: Only of this batch; empty: of all that run or have ended.
        upto: What is due by this time, microseconds UTC; now by default.
    """
    now = site.clock()
    chosen = upto if upto is not None else now
    found = []
    for plan, state, one, held in _expected(site, batch, chosen):
        if one.due_at > chosen:
            continue
        tests = {test.test for test in one.item.tests}
        name = held.sample if held is not None else one.sample
        there = {row["test"] for row in site.ledger.select("result", {"sample": name})
                 if row["status"] != "invalidated"}  # fmt: skip
        taken = "missing" if now > one.late_at else "due"
        found.append(
            {
                "sample": one.sample, "batch": state.batch, "plan": plan.label,
                "point": one.item.point, "due_at": one.due_at,
                "state": "there" if held is not None else taken,
                "taken_as": held.sample if held is not None else "",
                "is_ordered": bool(site.ledger.select("sample_order", {"sample": one.sample})),
                "tests_there": sorted(tests & there), "tests_missing": sorted(tests - there),
            }
        )  # fmt: skip
    return sorted(found, key=lambda row: (row["due_at"], row["sample"]))


def order(
    site: Site, laboratory: str = "", batch: str = "", *, is_all: bool = False
) -> Sequence[SampleOrdered]:
    """Order what is due and was not ordered; the same again orders nothing.

    Args:
        site: Where the record is.
        laboratory: Who is asked.
        batch: Only of this batch.
        is_all: Return also what was ordered before, as it was ordered.
    """
    now = site.clock()
    new: dict[str, SampleOrdered] = {}
    for plan, state, one, _ in _expected(site, batch, now):
        if one.due_at <= now and one.item.tests:
            new.setdefault(one.sample, order_of(plan, one, state, laboratory))
    before = {name: body for name in new if (body := _ordered(site, name)) is not None}
    fresh = [body for name, body in new.items() if name not in before]
    for at in range(0, len(fresh), _N_GROUP):
        site.ledger.append(
            [
                NewEvent(f"sample/{body.sample}", body,
                         site.ledger.version(f"sample/{body.sample}"), actor=site.actor.uid)
                for body in fresh[at : at + _N_GROUP]
            ]
        )  # fmt: skip
    return [*before.values(), *fresh] if is_all else fresh


def _ordered(site: Site, sample: str) -> SampleOrdered | None:
    if not site.ledger.select("sample_order", {"sample": sample}):
        return None
    bodies = [event.decode() for event in site.ledger.stream(f"sample/{sample}")]
    return next((one for one in reversed(bodies) if isinstance(one, SampleOrdered)), None)


def _expected(
    site: Site, batch: str, upto: int
) -> Iterator[tuple[SamplingPlan, BatchState, Expected, Held | None]]:
    where: Mapping[str, Any] = {"batch": batch} if batch else {}
    chosen = list(plans(site).values())
    for row in site.ledger.select("batch", where, ("started_at", "batch")):
        mine = [plan for plan in chosen if plan.is_for(row["product"])]
        if not mine:
            continue
        state = batch_state(site.ledger.stream(f"batch/{row['batch']}"))
        samples = site.ledger.select("sample", {"batch": row["batch"]})
        held = [Held(s["sample"], s["point"], s["plan"], s["taken_at"] or 0) for s in samples]
        for plan in mine:
            asked = expected(plan, state, upto)
            pairs = matched(asked, held)
            for one in asked:
                yield plan, state, one, pairs.get(one.sample)
