"""Checks of a plant as a whole: everything that is named must be there, once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from goldenbatch.core._plant_parts import DEPTH, NESTING
from goldenbatch.core.quantities import Quantity, UnitError

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant


class WrongEntryError(ValueError):
    """A wrong entry, with its path in the document."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


def check_plant(plant: Plant) -> None:
    """Check all cross references of a plant.

    Raises:
        WrongEntryError: The first wrong entry.
    """
    _unique("places", "place", [place.path for place in plant.places])
    _unique("rooms", "room", [room.name for room in plant.rooms])
    _unique("tags", "tag", [tag.name for tag in plant.tags])
    _unique("products", "product", [product.code for product in plant.products])
    _unique("materials", "material", [material.code for material in plant.materials])
    _unique("equipment", "equipment at", [one.place for one in plant.equipment])
    _check_places(plant)
    _check_references(plant)
    _check_rooms(plant)
    _check_units(plant)


def _unique(part: str, what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            raise WrongEntryError(f"{what} {name!r} stands here twice", part, position)
        seen.add(name)


def _check_places(plant: Plant) -> None:
    levels = {place.path: place.level for place in plant.places}
    for position, place in enumerate(plant.places):
        if not place.parent:
            continue
        if place.parent not in levels:
            message = f"place {place.path!r} lies in {place.parent!r}, which is not described"
            raise WrongEntryError(message, "places", position, "path")
        around = levels[place.parent]
        is_nested = place.level is around and place.level in NESTING
        if DEPTH[place.level] <= DEPTH[around] and not is_nested:
            message = f"a {place.level.value} ({place.path}) cannot lie in a {around.value}"
            raise WrongEntryError(message, "places", position, "level")


def _check_references(plant: Plant) -> None:
    known = {place.path for place in plant.places}
    tags, equipment = [tag.place for tag in plant.tags], [one.place for one in plant.equipment]
    for part, places in (("tags", tags), ("equipment", equipment)):
        for position, path in enumerate(places):
            if path not in known:
                message = f"place {path!r} is not described"
                raise WrongEntryError(message, part, position, "place")
    for position, room in enumerate(plant.rooms):
        for key, path in [("area", room.area), *(("places", path) for path in room.places)]:
            if path not in known:
                message = f"place {path!r} is not described"
                raise WrongEntryError(message, "rooms", position, key)


def _check_rooms(plant: Plant) -> None:
    """Rooms of the cascade exist, and none is held above itself."""
    above = {room.name: [step.above for step in room.cascade] for room in plant.rooms}
    for position, room in enumerate(plant.rooms):
        for lower in above[room.name]:
            if lower not in above:
                message = f"room {lower!r} is not described"
                raise WrongEntryError(message, "rooms", position, "cascade")
        if room.name in _reachable(room.name, above):
            message = f"the pressure cascade leads from room {room.name!r} back to itself"
            raise WrongEntryError(message, "rooms", position, "cascade")


def _reachable(start: str, above: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(above[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(above.get(name, ()))
    return found


def _check_units(plant: Plant) -> None:
    """Limits can be converted to the unit of what they limit."""
    for position, tag in enumerate(plant.tags):
        _convertible((limit.unit for limit in tag.limits), tag.unit, "tags", position)
    for part, items in (("products", plant.products), ("materials", plant.materials)):
        for position, item in enumerate(items):
            for number, attribute in enumerate(item.attributes):
                units = (limit.unit for limit in attribute.limits if not limit.allowed)
                _convertible(units, attribute.unit, part, position, "attributes", number)


def _convertible(units: Iterable[str], target: str, *path: str | int) -> None:
    for unit in units:
        try:
            Quantity("1", unit).to(target or "1")
        except UnitError as error:
            raise WrongEntryError(error.message, *path, "limits") from error
