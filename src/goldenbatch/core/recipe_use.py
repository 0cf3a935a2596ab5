"""Recipes in use: read from TOML, adopted into the ledger, derived for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field, ValidationError

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.recipe import Material, Parameter, Recipe, RecipeLevel
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, bad_record, record_type

STREAM: Final = "master/recipe/"
_ORDER: Final = tuple(RecipeLevel)


def parse_recipe(text: str, file: str = "") -> Recipe:
    """Read a recipe from TOML.

    Raises:
        BadInputError: It is no sound recipe; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def load_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises:
        BadInputError: The file cannot be read or is no sound recipe.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"the recipe cannot be read: {error}.", hint="Give a UTF-8 file.", file=str(path)
        ) from error
    return parse_recipe(text, str(path))


@dataclass(frozen=True)
class ForBatch:
    """What one batch adds to its master recipe.

    Attributes:
        batch: Identifier of the batch.
        places: Unit of the master recipe to the path of the place that it is bound to.
        set_points: Parameter to another set point within its normal range.
        size: Another size, in the master recipe's unit; proportional materials follow.
    """

    batch: str
    places: Mapping[str, str]
    set_points: Mapping[str, Decimal] = field(default_factory=dict)
    size: Decimal | None = None


def derive_control(master: Recipe, wish: ForBatch) -> Recipe:
    """The control recipe of one batch; it carries the master recipe's version and digest.

    Raises:
        BadInputError: The recipe is no master recipe, a unit is not bound, or a set point
            leaves its normal range.
    """
    name = f"control recipe of batch {wish.batch!r}"
    if master.level is not RecipeLevel.MASTER:
        raise BadInputError(
            f"{name}: {master.recipe!r} is a {master.level.value} recipe.",
            hint="Derive it from a master recipe.",
        )
    _check_wish(master, wish, name)
    equipment = [{**one.model_dump(), "place": wish.places[one.unit]} for one in master.equipment]
    entries: dict[str, Any] = {
        **master.model_dump(by_alias=True),
        "level": RecipeLevel.CONTROL,
        "batch": wish.batch,
        "derived_from": master.origin().model_dump(),
        "equipment": equipment,
        "parameters": [_aimed(one, wish).model_dump() for one in master.parameters],
    }
    if wish.size is not None and master.size is not None:
        scaled = [_scaled(one, wish.size, master.size) for one in master.materials]
        entries |= {"size": wish.size, "materials": [one.model_dump() for one in scaled]}
    try:
        return Recipe.model_validate(entries)
    except ValidationError as error:
        raise bad_record(error, file=name) from error


def _check_wish(master: Recipe, wish: ForBatch, name: str) -> None:
    units = {one.unit for one in master.equipment}
    for what, wrong in (
        ("has no place for unit", sorted(units - {u for u, place in wish.places.items() if place})),
        ("binds the unknown unit", sorted(wish.places.keys() - units)),
        (
            "sets the unknown parameter",
            sorted(wish.set_points.keys() - {one.name for one in master.parameters}),
        ),
    ):
        if wrong:
            raise BadInputError(f"{name} {what} {wrong[0]!r}.", hint="Correct the binding.")
    if wish.size is not None and master.size is None:
        raise BadInputError(
            f"{name}: the master recipe says no size to scale from.",
            hint="Give size and size_unit in the master recipe.",
        )
    if wish.size is not None and wish.size <= 0:
        raise BadInputError(f"{name}: size {wish.size} is not above zero.", hint="Correct it.")
    for one in master.parameters:
        aim = wish.set_points.get(one.name)
        range_ = one.normal or one.proven
        if aim is not None and range_ is not None and not range_.holds(aim):
            raise BadInputError(
                f"{name}: set point {aim} of {one.name!r} leaves {range_.text(one.unit)}.",
                hint="Stay within the range, or change the master recipe.",
            )


def _aimed(parameter: Parameter, wish: ForBatch) -> Parameter:
    aim = wish.set_points.get(parameter.name)
    return parameter if aim is None else parameter.model_copy(update={"set_point": aim})


def _scaled(material: Material, size: Decimal, nominal: Decimal) -> Material:
    if material.scaling == "fixed":
        return material
    # Six significant digits, or as many as the master recipe states if that is more; its
    # decimal places are kept, and no exponent comes onto a record.
    stated = material.quantity.as_tuple()
    context = Context(prec=max(6, len(stated.digits)))
    quantity = context.plus(material.quantity * size / nominal).normalize()
    places = [
        one for one in (stated.exponent, quantity.as_tuple().exponent) if isinstance(one, int)
    ]
    quantity = quantity.quantize(Decimal(1).scaleb(min(0, *places)))
    return material.model_copy(update={"quantity": quantity})


def check_derived(child: Recipe, parent: Recipe) -> list[str]:
    """What a recipe takes liberties with against the one that it was derived from.

    Returns:
        One line a fault: another product or origin, a critical entry left out or made
        uncritical, a proven range or a specification that is wider than the parent's.
    """
    found = []
    if child.derived_from != parent.origin():
        found.append(f"it is not derived from {parent.recipe} {parent.version} as it stands")
    if _ORDER.index(child.level) <= _ORDER.index(parent.level):
        found.append(f"a {child.level.value} recipe is no child of a {parent.level.value} recipe")
    if child.product != parent.product:
        found.append(f"it makes {child.product}, not {parent.product}")
    for parameter in parent.parameters:
        mine = child.parameter(parameter.name)
        if parameter.critical and (mine is None or not mine.critical):
            found.append(f"critical parameter {parameter.name} is left out or uncritical")
        if mine is not None and mine.unit != parameter.unit:
            found.append(f"parameter {parameter.name} is in {mine.unit}, not {parameter.unit}")
        elif mine is not None and parameter.proven is not None:
            if mine.proven is None or not mine.proven.is_within(parameter.proven):
                found.append(f"parameter {parameter.name} has a wider proven range")
    for attribute in parent.attributes:
        own = child.attribute(attribute.name, attribute.material)
        if attribute.critical and (own is None or not own.critical):
            found.append(f"critical attribute {attribute.name} is left out or uncritical")
        if own is not None and attribute.release is not None:
            if own.release is None or not own.release.is_within(attribute.release):
                found.append(f"attribute {attribute.name} has a wider release specification")
    return found


@record_type
class RecipeAdopted(Body):
    """A version of a recipe came into force from a date on (stream `master/recipe/<id>`)."""

    supersedes: ClassVar[tuple[str, ...]] = ("RecipeAdopted",)

    recipe: str = Field(min_length=1)
    version: str = Field(min_length=1)
    level: RecipeLevel
    product: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    effective_from: Micros
    text: str = Field(min_length=1, description="The recipe as TOML, whole.")
    reason: str = ""


def adopted(text: str, effective_from: int, reason: str = "") -> RecipeAdopted:
    """The event that adopts a recipe.

    Raises:
        BadInputError: The text is no sound recipe, or one for a single batch.
    """
    recipe = parse_recipe(text, "recipe.toml")
    if recipe.level is RecipeLevel.CONTROL:
        raise BadInputError(
            f"recipe {recipe.recipe!r} is a control recipe, for one batch.",
            hint="Adopt its master recipe.",
        )
    return RecipeAdopted(
        recipe=recipe.recipe,
        version=recipe.version,
        level=recipe.level,
        product=recipe.product,
        digest=recipe.digest(),
        effective_from=effective_from,
        text=text,
        reason=reason,
    )


def _fold(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, RecipeAdopted):
        return []
    row = {**body.model_dump(exclude={"text"}), "level": body.level.value}
    return [{**row, "stream_version": event.envelope.version}]


RECIPES = Projection(
    name="recipe",
    version=1,
    columns={
        "recipe": "TEXT",
        "stream_version": "INTEGER",
        "version": "TEXT",
        "level": "TEXT",
        "product": "TEXT",
        "digest": "TEXT",
        "effective_from": "INTEGER",
        "reason": "TEXT",
    },
    key=("recipe", "stream_version"),
    kinds=frozenset({"RecipeAdopted"}),
    fold=_fold,
    indexes=(("product",),),
)
"""All adopted versions of all recipes."""

PROJECTIONS = (RECIPES,)
"""All projections of this module."""
