"""Recipes after ISA-88: general, site, master and control; procedure and formula.

A recipe is a TOML file. Numbers keep the digits that they were written with. What makes a
parameter or an attribute critical is a risk record, never a flag alone. Reading,
adopting and deriving recipes stands in `goldenbatch.core.recipe_use`.

References:
    ANSI/ISA-88.00.01-2010, 4.5-5.3; ICH Q8(R2), Q9(R1), Q6A.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from goldenbatch.core._canonical import canonical_text

Ident = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
"""Name that other entries point to."""


def _exact(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("write the number with its digits, not as binary floating point")
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
"""Number with its digits as entered."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RecipeLevel(StrEnum):
    """The four types of recipe."""

    GENERAL = "general"
    SITE = "site"
    MASTER = "master"
    CONTROL = "control"


class Range(_Strict):
    """A closed range; an end that is not given is open.

    >>> Range(lower="55.0", upper="75.0").text("Cel")
    '55.0 to 75.0 Cel'
    """

    lower: Exact | None = None
    upper: Exact | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if len(value) != 2:
                raise ValueError("a range is a list of two ends, [lower, upper]")
            value = dict(zip(("lower", "upper"), value, strict=True))
        if isinstance(value, dict):
            return {key: None if end in ("", "open") else end for key, end in value.items()}
        return value

    @model_validator(mode="after")
    def _is_range(self) -> Range:
        if self.lower is None and self.upper is None:
            raise ValueError("a range needs at least one end")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"the range ends at {self.upper}, before it begins at {self.lower}")
        return self

    def holds(self, value: Decimal) -> bool:
        """Whether a value lies in the range, its ends included."""
        above = self.lower is None or value >= self.lower
        return above and (self.upper is None or value <= self.upper)

    def is_within(self, outer: Range) -> bool:
        """Whether the whole range lies in another."""
        if outer.lower is not None and (self.lower is None or self.lower < outer.lower):
            return False
        return outer.upper is None or (self.upper is not None and self.upper <= outer.upper)

    def text(self, unit: str) -> str:
        """The range in words, with its unit."""
        unit = "" if unit == "1" else f" {unit}"
        if self.lower is None:
            return f"at most {self.upper}{unit}"
        if self.upper is None:
            return f"at least {self.lower}{unit}"
        return f"{self.lower} to {self.upper}{unit}"


def _nested(owner: str, pairs: Sequence[tuple[str, Range | None, str, Range | None]]) -> None:
    for inner_name, inner, outer_name, outer in pairs:
        if inner is not None and outer is not None and not inner.is_within(outer):
            raise ValueError(
                f"{owner}: the {inner_name} ({inner.text('1')}) does not lie within the "
                f"{outer_name} ({outer.text('1')})"
            )


class Parameter(_Strict):
    """A process parameter with its kinds of range, all in one unit.

    Attributes:
        set_point: What is aimed at; within the normal operating range.
        normal: Normal operating range (NOR); within the proven range.
        proven: Proven acceptable range (PAR), one parameter at a time; within the
            equipment's range. It is not a design space.
        equipment: Qualified range of the equipment.
        alert: Alert limits, within the action limits; independent of the ranges above.
        action: Action limits.
        critical: Whether it is a critical process parameter (CPP).
        risk: Risk record that its criticality points to.
        tag: Signal that measures it, below the unit's place.
    """

    name: Ident
    unit: str = Field(min_length=1)
    set_point: Exact | None = None
    normal: Range | None = None
    proven: Range | None = None
    equipment: Range | None = None
    alert: Range | None = None
    action: Range | None = None
    critical: bool = False
    risk: str = ""
    tag: str = ""

    @model_validator(mode="after")
    def _ranges_are_nested(self) -> Parameter:
        ranges = [
            ("normal range", self.normal),
            ("proven range", self.proven),
            ("equipment range", self.equipment),
        ]
        given = [(name, one) for name, one in ranges if one is not None]
        _nested(self.name, [(*one, *other) for one, other in pairwise(given)])
        _nested(self.name, [("alert limits", self.alert, "action limits", self.action)])
        if self.set_point is not None and given and not given[0][1].holds(self.set_point):
            name, narrowest = given[0]
            raise ValueError(
                f"{self.name}: the set point {self.set_point} does not lie within the {name} "
                f"({narrowest.text('1')})"
            )
        return self


class Attribute(_Strict):
    """A quality attribute of the product, or an attribute of a material, with its limits.

    Attributes:
        role: `CQA` (critical, of the product), `CMA` (critical, of a material) or `other`.
        material: Material that it belongs to; empty: the product.
        in_process: In-process limits.
        alert: Alert limits, within the action limits.
        action: Action limits.
        release: Release specification, within the shelf-life specification.
        shelf_life: Shelf-life specification.
        allowed: Texts that conform, for a category or a text.
        risk: Risk record that its criticality points to.
    """

    name: Ident
    role: Literal["CQA", "CMA", "other"] = "other"
    kind: Literal["number", "category", "text"] = "number"
    unit: str = "1"
    material: str = ""
    method: str = ""
    in_process: Range | None = None
    alert: Range | None = None
    action: Range | None = None
    release: Range | None = None
    shelf_life: Range | None = None
    allowed: tuple[str, ...] = ()
    risk: str = ""

    @model_validator(mode="after")
    def _limits_fit(self) -> Attribute:
        if self.role == "CMA" and not self.material:
            raise ValueError(f"{self.name}: a CMA names its material")
        if self.role == "CQA" and self.material:
            raise ValueError(f"{self.name}: a CQA belongs to the product, not to a material")
        limits = (self.in_process, self.alert, self.action, self.release, self.shelf_life)
        if self.kind != "number" and any(one is not None for one in limits):
            raise ValueError(f"{self.name}: a {self.kind} has allowed texts, not limits")
        if self.kind == "number" and self.allowed:
            raise ValueError(f"{self.name}: a number has limits, not allowed texts")
        release = ("release specification", self.release)
        shelf_life = ("shelf-life specification", self.shelf_life)
        _nested(self.name, [(*release, *shelf_life)])
        _nested(self.name, [("alert limits", self.alert, "action limits", self.action)])
        return self

    @property
    def critical(self) -> bool:
        """Whether it is critical."""
        return self.role != "other"


class RiskRecord(_Strict):
    """Why something is critical (ICH Q9): a cause, its effect, and how far it is controlled."""

    risk: Ident
    hazard: str = Field(min_length=1, description="What can go wrong, and what it does.")
    severity: int = Field(ge=1, le=5)
    probability: int = Field(ge=1, le=5)
    detectability: int = Field(default=3, ge=1, le=5, description="5: hardly detected.")
    control: str = ""
    source: str = Field(default="", description="Assessment that it comes from.")

    @property
    def priority(self) -> int:
        """Severity times probability times detectability, 1..125."""
        return self.severity * self.probability * self.detectability


class Material(_Strict):
    """An input of the formula; `proportional` ones scale with the size of the batch."""

    material: Ident
    quantity: Exact = Field(gt=0)
    unit: str = Field(min_length=1)
    scaling: Literal["proportional", "fixed"] = "proportional"


class EquipmentRequirement(_Strict):
    """What a unit must be, and in a control recipe which place it is.

    Attributes:
        unit: Name that unit procedures point to.
        equipment_class: Class of equipment, as `fluid bed dryer`.
        properties: Further demands, as text with unit.
        place: Path of the place in the plant; set in a control recipe.
    """

    unit: Ident
    equipment_class: str = Field(min_length=1)
    properties: dict[str, str] = Field(default_factory=dict)
    place: str = ""


class Phase(_Strict):
    """The smallest element of a procedure that can do a task."""

    phase: Ident
    instruction: str = ""
    parameters: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()


class Operation(_Strict):
    """An ordered set of phases."""

    operation: Ident
    phases: tuple[Phase, ...] = Field(min_length=1)


class UnitProcedure(_Strict):
    """An ordered set of operations within one unit."""

    unit_procedure: Ident
    unit: str = Field(default="", description="Equipment requirement that it runs in.")
    operations: tuple[Operation, ...] = Field(min_length=1)


class Origin(_Strict):
    """The recipe that another one was derived from."""

    recipe: Ident
    version: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Recipe(_Strict):
    """A recipe of one of the four levels, checked as a whole."""

    schema_: Literal["goldenbatch/recipe/1"] = Field(alias="schema")
    recipe: Ident
    version: str = Field(min_length=1, max_length=40)
    level: RecipeLevel
    title: str = ""
    product: str = Field(min_length=1)
    site: str = ""
    process_cell: str = ""
    batch: str = ""
    size: Exact | None = Field(default=None, gt=0)
    size_unit: str = ""
    derived_from: Origin | None = None
    risks: tuple[RiskRecord, ...] = ()
    equipment: tuple[EquipmentRequirement, ...] = ()
    materials: tuple[Material, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    procedure: tuple[UnitProcedure, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_sound(self) -> Recipe:
        from goldenbatch.core._recipe_checks import check_recipe

        check_recipe(self)
        return self

    def phases(self) -> Iterator[tuple[UnitProcedure, Operation, Phase]]:
        """All phases in the order of the procedure."""
        for unit_procedure in self.procedure:
            for operation in unit_procedure.operations:
                for phase in operation.phases:
                    yield unit_procedure, operation, phase

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of a name."""
        return next((one for one in self.parameters if one.name == name), None)

    def attribute(self, name: str, material: str = "") -> Attribute | None:
        """The attribute of a name, of the product or of a material."""
        found = (one for one in self.attributes if (one.name, one.material) == (name, material))
        return next(found, None)

    def risk(self, name: str) -> RiskRecord | None:
        """The risk record of a name."""
        return next((one for one in self.risks if one.risk == name), None)

    def digest(self) -> str:
        """SHA-256 of the canonical text of the content; comments and layout do not count."""
        text = canonical_text(self.model_dump(mode="json", by_alias=True))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def origin(self) -> Origin:
        """How a recipe derived from this one names it."""
        return Origin(recipe=self.recipe, version=self.version, digest=self.digest())

    def pinned(self) -> Mapping[str, str]:
        """What a batch pins of this recipe, for `BatchCreated.pinned`."""
        return {f"recipe:{self.recipe}": f"{self.version}@{self.digest()}"}
