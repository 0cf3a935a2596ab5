"""The plant: places, rooms, tags, products, materials and equipment, from `plant.toml`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core._plant_checks import check_plant
from goldenbatch.core._plant_parts import (
    Attribute,
    Calibration,
    Equipment,
    Item,
    Level,
    Material,
    Place,
    PressureStep,
    Product,
    QualifiedRange,
    Room,
    Tag,
)
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import Body, Micros, record_type
from goldenbatch.core.results import Limit, LimitKind

if TYPE_CHECKING:
    from goldenbatch.core._plant_diff import Change, diff
    from goldenbatch.core._plant_tables import BulkTable, Preview, merge, preview, read_table

__all__ = [
    "PLANT_FILE",
    "PLANT_STREAM",
    "Attribute",
    "BulkTable",
    "Calibration",
    "Change",
    "Equipment",
    "Level",
    "Material",
    "Place",
    "Plant",
    "PlantAdopted",
    "PressureStep",
    "Preview",
    "Product",
    "QualifiedRange",
    "Room",
    "Tag",
    "diff",
    "load_plant",
    "merge",
    "parse_plant",
    "preview",
    "read_table",
]  # fmt: skip

PLANT_FILE = "plant.toml"
PLANT_STREAM = "master/plant"


class Plant(BaseModel):
    """One version of the plant's master data, frozen and checked as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: str = "1"
    places: tuple[Place, ...] = ()
    rooms: tuple[Room, ...] = ()
    tags: tuple[Tag, ...] = ()
    products: tuple[Product, ...] = ()
    materials: tuple[Material, ...] = ()
    equipment: tuple[Equipment, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Plant:
        check_plant(self)
        return self

    @cached_property
    def text(self) -> str:
        """Canonical JSON: the same plant has the same text, whatever order it came in."""
        data = self.model_dump(mode="json")
        for part, key in KEYS.items():
            data[part].sort(key=key)
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def from_text(cls, text: str) -> Plant:
        """The plant of a canonical text, as `PlantAdopted` carries it.

        Raises:
            BadInputError: The text is not a plant.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise bad_key(error, "", PLANT_STREAM) from error

    def adopted(self, effective_from: int) -> PlantAdopted:
        """The event that puts this plant into force."""
        return PlantAdopted(
            digest=self.digest, version=self.version, effective_from=effective_from, text=self.text
        )

    @cached_property
    def _index(self) -> dict[str, dict[str, Any]]:
        return {
            "place": {place.path: place for place in self.places},
            "room": {room.name: room for room in self.rooms},
            "tag": {tag.name: tag for tag in self.tags},
            "product": {product.code: product for product in self.products},
            "material": {material.code: material for material in self.materials},
            "equipment": {one.place: one for one in self.equipment},
        }

    def _find(self, what: str, key: str) -> Any:
        try:
            return self._index[what][key]
        except KeyError as error:
            raise NotFoundError(
                f"plant {self.name!r} has no {what} {key!r}.", hint=_nearest(key, self._index[what])
            ) from error

    def place(self, path: str) -> Place:
        """The place of a path.

        Raises:
            NotFoundError: There is none.
        """
        found: Place = self._find("place", path)
        return found

    def room(self, name: str) -> Room:
        """The room of a name.

        Raises:
            NotFoundError: There is none.
        """
        found: Room = self._find("room", name)
        return found

    def tag(self, name: str) -> Tag:
        """The tag of a whole name.

        Raises:
            NotFoundError: There is none.
        """
        found: Tag = self._find("tag", name)
        return found

    def has_tag(self, name: str) -> bool:
        """Whether the plant knows a tag."""
        return name in self._index["tag"]

    def product(self, code: str) -> Product:
        """The product of a code.

        Raises:
            NotFoundError: There is none.
        """
        found: Product = self._find("product", code)
        return found

    def material(self, code: str) -> Material:
        """The material of a code.

        Raises:
            NotFoundError: There is none.
        """
        found: Material = self._find("material", code)
        return found

    def equipment_at(self, place: str) -> Equipment | None:
        """The equipment at a place, if any is described."""
        found: Equipment | None = self._index["equipment"].get(place)
        return found

    def tags_below(self, place: str) -> tuple[Tag, ...]:
        """Tags of a place and of all places inside it, by name."""
        prefix = f"{place}/"
        found = [tag for tag in self.tags if tag.name.startswith(prefix)]
        return tuple(sorted(found, key=lambda tag: tag.name))

    def children(self, place: str) -> tuple[Place, ...]:
        """Places directly inside a place, by path."""
        return tuple(sorted((p for p in self.places if p.parent == place), key=lambda p: p.path))

    def attribute(self, code: str, attribute: str) -> Attribute:
        """An attribute of a product, or of a material if no product has the code.

        Raises:
            NotFoundError: There is no such product, material or attribute.
        """
        index = self._index
        item: Item = index["product"].get(code) or self._find("material", code)
        by_name = {one.name: one for one in item.attributes}
        if attribute not in by_name:
            raise NotFoundError(
                f"{code!r} has no attribute {attribute!r}.", hint=_nearest(attribute, by_name)
            )
        return by_name[attribute]

    def limits(
        self, product: str, attribute: str, kind: LimitKind | str | None = None
    ) -> tuple[Limit, ...]:
        """Limits of an attribute of a product or material, all or those of one kind.

        Raises:
            NotFoundError: There is no such product, material or attribute.
        """
        found = self.attribute(product, attribute).limits
        return tuple(limit for limit in found if kind is None or limit.kind == kind)

    def calibration(self, tag: str, on: date) -> Calibration | None:
        """The calibration of a tag in force on a day; None: never made, or overdue."""
        place, _, signal = tag.rpartition("/")
        equipment = self.equipment_at(place)
        made = equipment.calibrations if equipment else ()
        fitting = [one for one in made if one.signal == signal and one.calibrated_at <= on]
        newest = max(fitting, key=lambda one: one.calibrated_at, default=None)
        return newest if newest and on < newest.due_at else None


KEYS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "places": lambda row: row["path"],
    "rooms": lambda row: row["name"],
    "tags": lambda row: (row["place"], row["signal"]),
    "products": lambda row: row["code"],
    "materials": lambda row: row["code"],
    "equipment": lambda row: row["place"],
}
"""What identifies an entry of each part of a plant."""


def _nearest(key: str, known: Iterable[str]) -> str:
    import difflib

    names = list(known)
    close = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(name) for name in close)}?"
    return f"Known: {', '.join(sorted(names)[:8]) or 'none'}."


@record_type
class PlantAdopted(Body):
    """A version of the plant came into force; the text is the plant's canonical JSON."""

    supersedes: ClassVar[tuple[str, ...]] = ("PlantAdopted",)

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    version: str
    effective_from: Micros
    text: str

    @model_validator(mode="after")
    def _check(self) -> PlantAdopted:
        if hashlib.sha256(self.text.encode()).hexdigest() != self.digest:
            raise ValueError("the digest is not that of the text")
        return self

    def plant(self) -> Plant:
        """The plant that was adopted."""
        return Plant.from_text(self.text)


def parse_plant(text: str, file: str = PLANT_FILE) -> Plant:
    """The plant of a `plant.toml` alone, without bulk tables.

    Raises:
        BadInputError: With file, line and key.
    """
    data = read_toml(text, file)
    try:
        return Plant.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def load_plant(path: Path) -> Plant:
    """The plant of a `plant.toml` and of the tables beside it in `tables/`.

    Raises:
        NotFoundError: The file does not exist.
        BadInputError: With file, line and key.
    """
    from goldenbatch.core._plant_tables import merge, read_tables

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist.", hint="Name a plant.toml.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(path)
        ) from error
    return merge(parse_plant(text, str(path)), read_tables(path.parent / "tables"))


def __getattr__(name: str) -> Any:
    # The tables build on the plant; who needs them finds them here all the same.
    if name in {"Change", "diff"}:
        from goldenbatch.core import _plant_diff

        return getattr(_plant_diff, name)
    if name in {"BulkTable", "Preview", "merge", "preview", "read_table"}:
        from goldenbatch.core import _plant_tables

        return getattr(_plant_tables, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
