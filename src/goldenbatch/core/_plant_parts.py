"""Parts of a plant: places, rooms, tags, products, materials and equipment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from goldenbatch.core.quantities import check_unit
from goldenbatch.core.records import DataClass
from goldenbatch.core.results import Limit, NumberText
from goldenbatch.core.series import ReadingKind

PlacePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=160)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=60)]
Unit = Annotated[str, AfterValidator(check_unit)]


class Level(StrEnum):
    """Levels of the equipment hierarchy, outermost first (ISA-95 part 1, ISA-88 part 1)."""

    ENTERPRISE = "enterprise"
    SITE = "site"
    AREA = "area"
    PROCESS_CELL = "process_cell"
    PRODUCTION_LINE = "production_line"
    STORAGE_ZONE = "storage_zone"
    UNIT = "unit"
    WORK_CELL = "work_cell"
    EQUIPMENT_MODULE = "equipment_module"
    CONTROL_MODULE = "control_module"


DEPTH = dict(zip(Level, (0, 1, 2, 3, 3, 3, 4, 4, 5, 6), strict=True))
"""How deep each level lies; a place lies in one that is less deep."""

NESTING = frozenset({Level.EQUIPMENT_MODULE, Level.CONTROL_MODULE})
"""Levels that may lie in a place of their own level."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Strict):
    """A place of the hierarchy; its path ends with its own name."""

    path: PlacePath
    level: Level
    title: str = ""

    @property
    def parent(self) -> str:
        """Path of the place around it; empty at the top."""
        return self.path.rpartition("/")[0]


class PressureStep(_Strict):
    """A room is held above another one by a difference of pressure."""

    above: Name
    min_Pa: NumberText  # noqa: N815 - SI suffix
    max_Pa: NumberText = ""  # noqa: N815


class Room(_Strict):
    """A room with its cleanliness grade and its steps in the pressure cascade.

    Attributes:
        area: Path of the area that it belongs to.
        grade: EU GMP Annex 1 grade, or CNC (controlled, not classified).
        places: Paths of the places that stand in it.
    """

    name: Name
    area: PlacePath
    title: str = ""
    grade: Literal["", "A", "B", "C", "D", "CNC"] = ""
    cascade: tuple[PressureStep, ...] = ()
    places: tuple[PlacePath, ...] = ()


def _inherit_unit(data: Any) -> Any:
    """Limits without a unit are in the unit of what they limit, never silently pure numbers."""
    if not isinstance(data, Mapping) or not isinstance(data.get("limits"), list | tuple):
        return data
    unit = data.get("unit", "1") or "1"
    limits = [
        {"unit": unit, **one} if isinstance(one, Mapping) and not one.get("allowed") else one
        for one in data["limits"]
    ]
    return {**data, "limits": limits}


def _one_a_kind(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    kinds = [limit.kind for limit in limits]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(f"there is more than one {kind.value} limit")
    for limit in limits:
        check_unit(limit.unit)
    return limits


Limits = Annotated[tuple[Limit, ...], AfterValidator(_one_a_kind)]


class Tag(_Strict):
    """A named signal of a place.

    Attributes:
        unit: UCUM code of its values; `1` for counts and ratios, empty for text.
        cadence_s: Usual time between readings; None: irregular.
    """

    place: PlacePath
    signal: Name
    unit: Unit = "1"
    kind: ReadingKind = "number"
    description: str = ""
    cadence_s: float | None = Field(default=None, gt=0)
    data_class: DataClass = DataClass.OPERATIONAL
    limits: Limits = ()

    @model_validator(mode="before")
    @classmethod
    def _split_name(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "name" in data:
            if "place" in data or "signal" in data:
                raise ValueError("give either name, or place and signal")
            place, _, signal = str(data["name"]).rpartition("/")
            rest = {key: value for key, value in data.items() if key != "name"}
            return _inherit_unit({**rest, "place": place, "signal": signal})
        return _inherit_unit(data)

    @property
    def name(self) -> str:
        """Whole name: `<place>/<signal>`."""
        return f"{self.place}/{self.signal}"


class Attribute(_Strict):
    """A quality attribute of a product or a material, with its limits.

    Attributes:
        is_critical: Whether it is a CQA (or CMA); the risk record says why.
        n_decimals: Decimal places of the reportable value; None: as the method gives it.
    """

    name: str = Field(min_length=1)
    title: str = ""
    unit: Unit = "1"
    is_critical: bool = False
    n_decimals: int | None = Field(default=None, ge=0, le=12)
    limits: Limits = ()

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return _inherit_unit(data)


class Item(_Strict):
    """A product or a material: what may be made, bought, tested and released."""

    code: str = Field(min_length=1)
    name: str = ""
    strength: str = ""
    attributes: tuple[Attribute, ...] = ()


class Product(Item):
    """A product that is made here.

    Attributes:
        manufacture: How its sterility comes about, if it does; empty: not stated.
    """

    manufacture: Literal["", "aseptic", "terminally_sterilised", "non_sterile"] = ""

    @model_serializer(mode="wrap")
    def _leave_out_unstated(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Plants that were adopted before there was this entry keep their digest.
        values: dict[str, Any] = dump(self)
        if not values.get("manufacture"):
            values.pop("manufacture", None)
        return values


class Material(Item):
    """A material that goes into products."""


class QualifiedRange(_Strict):
    """Range of a parameter within which the equipment was qualified."""

    parameter: str = Field(min_length=1)
    lower: NumberText = ""
    upper: NumberText = ""
    unit: Unit = "1"


class Calibration(_Strict):
    """A calibration of one signal of an equipment; valid up to and without `due_at`."""

    signal: str = Field(min_length=1)
    calibrated_at: date
    due_at: date
    certificate: str = ""

    @model_validator(mode="after")
    def _check(self) -> Calibration:
        if self.due_at <= self.calibrated_at:
            raise ValueError(f"due_at {self.due_at} is not after {self.calibrated_at}")
        return self


class Equipment(_Strict):
    """The physical thing at a place: its identity, qualified ranges and calibrations."""

    place: PlacePath
    asset: str = ""
    maker: str = ""
    model: str = ""
    qualified: tuple[QualifiedRange, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
