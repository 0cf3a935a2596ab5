"""Gathers what a home holds of a product's validation: limits, recipe, batches, findings, times."""

from __future__ import annotations

from dataclasses import dataclass, field

from goldenbatch.capabilities.monitoring.lifecycle.figures import (
    Share,
    right_first_time_share,
    times_in_status,
    unit_effectiveness,
)
from goldenbatch.capabilities.monitoring.lifecycle.plan import LifecyclePlan
from goldenbatch.capabilities.monitoring.lifecycle.stages import (
    AttributeStage,
    Value,
    judge,
    why_unjudged,
)
from goldenbatch.capabilities.monitoring.lifecycle.values import ends, unit_of, value_of
from goldenbatch.capabilities.monitoring.yields.facts import (
    KINDS,
    Book,
    FactRule,
    book_of,
)
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import Verdict
from goldenbatch.core.recipe import Parameter, Recipe
from goldenbatch.core.recipe_use import RecipeAdopted, parse_recipe
from goldenbatch.core.site import Site
from goldenbatch.core.twin_records import TwinResultKept
from goldenbatch.science.lines.oee import Effectiveness

HOUR_US = 3_600_000_000
UNDATED = 2**62


@dataclass(frozen=True)
class Kept:
    """A kept result of a twin that belongs to the design."""

    study: str
    work: str
    model: str
    leaf: str


@dataclass(frozen=True)
class Lifecycle:
    """All that a report says.

    Attributes:
        title: Name of the product.
        recipe: Its process; None: none is adopted.
        recipe_leaf: Event that adopted it.
        n_recipes: Versions of it that were adopted before and with it.
        designs: Design spaces and fits that were kept.
        qualification: Stage 2, an entry an attribute.
        verification: Stage 3, the same.
        missing: Qualification batches that the home does not know as batches of the product.
        unplaced: Batches in no stage: they ran between those of the qualification.
        n_undated: Batches in no stage that have neither a start nor a result.
        batches: Batches of each stage, in time order.
        right_first_time: Of stage 3.
        yields: Of stage 3, in time order.
        effectiveness: Of the unit, over stage 3.
        open_findings: (uid, title) of stage 3 on which nobody has decided.
        confirmed_findings: The same, confirmed.
        gaps: What is missing for a complete validation, in words.
    """

    product: str
    title: str
    recipe: Recipe | None
    recipe_leaf: str
    n_recipes: int
    designs: tuple[Kept, ...]
    qualification: tuple[AttributeStage, ...]
    verification: tuple[AttributeStage, ...]
    missing: tuple[str, ...]
    batches: tuple[tuple[str, ...], tuple[str, ...]]
    right_first_time: Share
    yields: tuple[Value, ...] = ()
    effectiveness: Effectiveness | None = None
    open_findings: tuple[tuple[str, str], ...] = ()
    confirmed_findings: tuple[tuple[str, str], ...] = ()
    gaps: tuple[str, ...] = field(default=())
    unplaced: tuple[str, ...] = ()
    n_undated: int = 0


def gather(site: Site, plan: LifecyclePlan) -> Lifecycle:
    """Read a product's lifecycle.

    Raises:
        NotFoundError: The plant has no such product or attribute.
        BadInputError: No attribute is named, and none is critical.
    """
    product = site.plant.product(plan.product)
    names = plan.attributes or tuple(one.name for one in product.attributes if one.is_critical)
    if not names:
        raise BadInputError(
            f"product {plan.product!r} has no critical attribute in the plant.",
            hint="Mark them there, or name `attributes` in the plan.",
            key="attributes",
        )
    book = book_of(site.ledger.events(kinds=KINDS))
    known = sorted(
        (
            one
            for one, state in book.batches.items()
            if state.entries.get("product") == plan.product
        ),
        key=lambda one: (_at(book, one), one),
    )
    missing = tuple(one for one in plan.qualification if one not in known)
    qualified = tuple(one for one in known if one in plan.qualification)
    first, last = _reach(book, qualified)
    later = tuple(
        one for one in known if one not in plan.qualification and last < _at(book, one) < UNDATED
    )
    stages = [
        tuple(_stage(site, book, plan, name, batches, is_first) for name in names)
        for batches, is_first in ((qualified, True), (later, False))
    ]
    recipe, leaf, n_recipes = _recipe(site, plan)
    share = _right(site, book, plan, later)
    found = Lifecycle(
        product=plan.product,
        title=product.name or plan.product,
        recipe=recipe,
        recipe_leaf=leaf,
        n_recipes=n_recipes,
        designs=_designs(site),
        qualification=stages[0],
        verification=stages[1],
        missing=missing,
        batches=(qualified, later),
        right_first_time=share,
        yields=_yields(book, plan, later),
        effectiveness=_effectiveness(site, book, plan, later, share),
        open_findings=_findings(book, later, (None, Verdict.NEEDS_LABORATORY)),
        confirmed_findings=_findings(book, later, (Verdict.CONFIRMED,)),
        unplaced=tuple(
            one for one in known
            if one not in plan.qualification and first < _at(book, one) <= last
        ),
        n_undated=sum(_at(book, one) >= UNDATED for one in known),
    )  # fmt: skip
    return _with_gaps(found, plan)


def critical_parameters(recipe: Recipe | None) -> list[Parameter]:
    """Critical process parameters of a recipe."""
    return [] if recipe is None else [one for one in recipe.parameters if one.critical]


def _at(book: Book, batch: str) -> int:
    """When a batch was: its start, else its first result, else last of all."""
    start, _ = book.batches[batch].window
    if start is not None:
        return start
    return min((one.at for one in book.results.get(batch, {}).values()), default=UNDATED)


def _reach(book: Book, batches: tuple[str, ...]) -> tuple[int, int]:
    """When the first and the last batch were; without one nothing comes after."""
    dated = [at for one in batches if (at := _at(book, one)) < UNDATED]
    return min(dated, default=UNDATED), max(dated, default=UNDATED)


def _stage(
    site: Site, book: Book, plan: LifecyclePlan, name: str, batches: tuple[str, ...], is_first: bool
) -> AttributeStage:
    limits = site.plant.limits(plan.product, name, plan.limits)
    unit = site.plant.attribute(plan.product, name).unit
    found = (value_of(book, batch, name, limits, unit) for batch in batches)
    return judge(
        (name, unit),
        ends(limits, unit),
        [one for one in found if one is not None],
        plan,
        is_qualification=is_first,
        has_categories=any(one.allowed for one in limits),
    )


def _recipe(site: Site, plan: LifecyclePlan) -> tuple[Recipe | None, str, int]:
    """The newest recipe in force, its event, and how many versions there were."""
    now, n_versions = site.clock(), 0
    best: tuple[RecipeAdopted, str] | None = None
    for event in site.ledger.events(kinds=("RecipeAdopted",)):
        body = event.decode()
        if not isinstance(body, RecipeAdopted) or body.product != plan.product:
            continue
        if plan.recipe and body.recipe != plan.recipe:
            continue
        n_versions += 1
        is_newer = best is None or body.effective_from >= best[0].effective_from
        if body.effective_from <= now and is_newer:
            best = (body, event.leaf)
    if plan.recipe and best is None:
        raise NotFoundError(
            f"no recipe {plan.recipe!r} of product {plan.product!r} is adopted.",
            hint="Adopt it, or leave `recipe` out of the plan.",
        )
    if best is None:
        return None, "", 0
    return parse_recipe(best[0].text, best[0].recipe), best[1], n_versions


def _designs(site: Site) -> tuple[Kept, ...]:
    found = []
    for event in site.ledger.events(kinds=(TwinResultKept.kind,)):
        body = event.decode()
        if isinstance(body, TwinResultKept) and body.work in {"design-space", "fit", "stress"}:
            model = f"{body.model} {body.model_version}".strip()
            found.append(Kept(body.study, body.work, model, event.leaf))
    return tuple(found)


def _right(site: Site, book: Book, plan: LifecyclePlan, later: tuple[str, ...]) -> Share:
    limits = {
        one.name: site.plant.limits(plan.product, one.name, plan.limits)
        for one in site.plant.product(plan.product).attributes
    }
    facts = [
        book.facts(batch, lambda _, attribute: limits.get(attribute, ()), FactRule())
        for batch in later
    ]
    return right_first_time_share(facts)


def _yields(book: Book, plan: LifecyclePlan, later: tuple[str, ...]) -> tuple[Value, ...]:
    if not plan.yield_attribute:
        return ()
    unit = unit_of(book, later, plan.yield_attribute)
    found = (value_of(book, batch, plan.yield_attribute, (), unit) for batch in later)
    return tuple(one for one in found if one is not None and one.is_number)


def _effectiveness(
    site: Site, book: Book, plan: LifecyclePlan, later: tuple[str, ...], share: Share
) -> Effectiveness | None:
    if not plan.place or not later:
        return None
    site.plant.place(plan.place)
    window = (_at(book, later[0]), site.clock())
    changes = [(one.at, one.status.value) for one in book.equipment.get(plan.place, ())]
    made = [
        batch
        for batch in later
        if any(run.place == plan.place for run in book.batches[batch].phases.values())
    ]
    planned = plan.planned_batch_hours * HOUR_US
    return unit_effectiveness(times_in_status(changes, window), len(made), share, planned)


def _findings(
    book: Book, later: tuple[str, ...], verdicts: tuple[Verdict | None, ...]
) -> tuple[tuple[str, str], ...]:
    touched = set(later)
    return tuple(
        (uid, one.finding.title)
        for uid, one in sorted(book.findings.items())
        if one.batches & touched and one.verdict in verdicts
    )


def _with_gaps(found: Lifecycle, plan: LifecyclePlan) -> Lifecycle:
    """Say what a complete validation would have and this one lacks."""
    from dataclasses import replace

    n_qualified = len(found.batches[0])
    gaps = [
        f"qualification batch {one!r} is not in this home as a batch of {found.product!r}"
        for one in found.missing
    ]
    if found.recipe is None:
        gaps.append("stage 1: no recipe of the product is adopted")
    elif not critical_parameters(found.recipe):
        gaps.append("stage 1: the recipe names no critical process parameter")
    gaps += [
        f"stage 1: {one.name} has no proven acceptable range"
        for one in critical_parameters(found.recipe)
        if one.proven is None
    ]
    if n_qualified < plan.min_batches:
        gaps.append(f"stage 2: {n_qualified} of at least {plan.min_batches} batches")
    for stage, entries, n in (("2", found.qualification, n_qualified),
                              ("3", found.verification, len(found.batches[1]))):  # fmt: skip
        gaps += [
            f"stage {stage}: {one.attribute}: {why}"
            for one in entries
            if (why := why_unjudged(one, is_qualification=stage == "2"))
        ]
        gaps += [
            f"stage {stage}: {one.attribute} has results of {len(one.values)} of {n} batches"
            for one in entries
            if len(one.values) < n
        ]
    if not found.batches[1]:
        gaps.append("stage 3: no batch since the qualification")
    if found.unplaced:
        named = ", ".join(found.unplaced[:12]) + (" ..." if len(found.unplaced) > 12 else "")
        gaps.append(f"in no stage, as they ran between those of the qualification: {named}")
    if found.n_undated:
        gaps.append(f"{found.n_undated} batches have neither a start nor a result")
    if plan.yield_attribute and len(found.yields) < len(found.batches[1]):
        n, n_all = len(found.yields), len(found.batches[1])
        gaps.append(f"stage 3: the yield of {n} of {n_all} batches is known in one unit")
    return replace(found, gaps=tuple(gaps))
