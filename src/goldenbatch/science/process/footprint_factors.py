"""Factors of the footprint as versioned data: read, checked, and looked up by item and year."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.quantities import check_unit

SCHEMA = "goldenbatch/footprint-factors/1"
KINDS = ("energy", "water", "material", "solvent", "consumable", "gas", "emission")
INDICATORS: Mapping[str, str] = {"co2e": "kg", "energy": "MJ", "water": "m3"}
"""What is summed up, and in which unit; CO2e over 100 years."""


class UnknownFactorError(NotFoundError):
    """An item, or a year of it, for which there is no factor; it is never taken as zero."""


@dataclass(frozen=True, slots=True)
class Factor:
    """How much of an indicator one unit of an item stands for.

    Attributes:
        indicator: `co2e` (kg), `energy` (MJ) or `water` (m3).
        value: per unit of the item.
        unit: of the value, UCUM.
        years: first and last year that it is for.
        source: where it is from.
        lower, upper: of its 95 % interval; NaN where the source gives none.
    """

    indicator: str
    value: float
    unit: str
    years: tuple[int, int]
    source: str
    lower: float = math.nan
    upper: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether the source gives an interval."""
        return not math.isnan(self.lower)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a process takes in or lets go.

    Attributes:
        item: its name.
        kind: one of `KINDS`.
        unit: in which its factors are given, UCUM.
        mass_kg: of one unit; NaN for what has none.
        help: what is meant.
        factors: of it.
    """

    item: str
    kind: str
    unit: str
    mass_kg: float
    help: str
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class FactorTable:
    """A version of factors.

    Attributes:
        version, title: of the data.
        items: each once.
    """

    version: str
    title: str
    items: tuple[Item, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def item(self, name: str) -> Item:
        """Look an item up.

        Raises:
            UnknownFactorError: there is none of that name.
        """
        for one in self.items:
            if one.item == name:
                return one
        raise UnknownFactorError(
            f"there is no factor for {name!r} in version {self.version} of {self.title!r}.",
            hint="Give a table of factors with it, or leave it out by name and with a reason.",
        )

    def factor(self, name: str, indicator: str, year: int) -> Factor:
        """Look a factor up.

        Raises:
            UnknownFactorError: the item has none for that indicator and year.
        """
        found = [one for one in self.item(name).factors if one.indicator == indicator]
        for one in found:
            if one.years[0] <= year <= one.years[1]:
                return one
        spans = ", ".join(f"{one.years[0]} to {one.years[1]}" for one in found) or "no year"
        raise UnknownFactorError(
            f"{name!r} has no factor of {indicator} for {year}; there is one for {spans}.",
            hint="Take a year that there is one for, or give a table of factors with it.",
        )

    def with_items(self, other: FactorTable) -> FactorTable:
        """These items and those of another table, which go before those of the same name."""
        names = {one.item for one in other.items}
        kept = tuple(one for one in self.items if one.item not in names)
        version = f"{self.version}+{other.version}"
        return FactorTable(version, f"{self.title}; {other.title}", kept + other.items)


@lru_cache(maxsize=1)
def shipped_factors() -> FactorTable:
    """The table that comes with the package.

    >>> shipped_factors().factor("electricity.GB", "co2e", 2024).value
    0.20705
    """
    path = files("goldenbatch.science.process").joinpath("data", "footprint_factors.toml")
    return read_factors(tomllib.loads(path.read_text("utf-8")))


def read_factors(given: Mapping[str, Any]) -> FactorTable:
    """Read a table of factors from plain tables.

    Args:
        given: `schema`, `version`, `title` and `items` with their `factors`.

    Raises:
        BadInputError: another schema, a missing or impossible value, or an item twice.

    >>> read_factors({"schema": "goldenbatch/footprint-factors/1", "version": "1", "title": "t",
    ...     "items": [{"item": "agarose", "kind": "material", "unit": "kg", "mass_kg": 1.0,
    ...         "factors": [{"indicator": "co2e", "value": 5.0, "unit": "kg/kg",
    ...             "years": [2024, 2026], "source": "supplier"}]}]}).items[0].item
    'agarose'
    """
    if given.get("schema") != SCHEMA:
        raise BadInputError(
            f"{given.get('schema')!r} is not read here.", hint=f"Give {SCHEMA!r}.", key="schema"
        )
    items = tuple(_item(row, f"items[{i}]") for i, row in enumerate(_rows(given, "items", "")))
    names = [one.item for one in items]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInputError(f"{twice[0]!r} is there twice.", hint="Keep one.", key="items")
    return FactorTable(_text(given, "version", ""), _text(given, "title", ""), items)


def _item(row: Mapping[str, Any], place: str) -> Item:
    _known(row, ("item", "kind", "unit", "mass_kg", "help", "factors"), place)
    kind = _text(row, "kind", place)
    if kind not in KINDS:
        raise BadInputError(
            f"there is no kind {kind!r}.", hint=f"Give {', '.join(KINDS)}.", key=f"{place}.kind"
        )
    mass = _number(row, "mass_kg", place, math.nan)
    if kind in ("water", "material", "solvent", "consumable") and not mass > 0:
        raise BadInputError(
            "it counts for the process mass intensity and has no mass.",
            hint="Give mass_kg, the mass of one unit.",
            key=f"{place}.mass_kg",
        )
    factors = tuple(
        _factor(one, f"{place}.factors[{i}]") for i, one in enumerate(_rows(row, "factors", place))
    )
    unit = check_unit(_text(row, "unit", place))
    return Item(_text(row, "item", place), kind, unit, mass, str(row.get("help", "")), factors)


def _factor(row: Mapping[str, Any], place: str) -> Factor:
    _known(row, ("indicator", "value", "unit", "years", "source", "lower", "upper"), place)
    indicator = _text(row, "indicator", place)
    if indicator not in INDICATORS:
        raise BadInputError(
            f"there is no indicator {indicator!r}.",
            hint=f"Give {', '.join(INDICATORS)}.",
            key=f"{place}.indicator",
        )
    years = row.get("years")
    is_span = isinstance(years, Sequence) and len(years) == 2 and years[0] <= years[1]
    if not is_span or years is None:
        raise BadInputError(
            f"{years!r} are no years.", hint="Give the first and the last.", key=f"{place}.years"
        )
    value = _number(row, "value", place, None)
    lower = _number(row, "lower", place, math.nan)
    upper = _number(row, "upper", place, math.nan)
    if math.isnan(lower) != math.isnan(upper) or lower > value or upper < value:
        raise BadInputError(
            f"an interval from {lower} to {upper} does not hold {value}.",
            hint="Give both ends, or none.",
            key=f"{place}.lower",
        )
    unit = check_unit(_text(row, "unit", place))
    span = (int(years[0]), int(years[1]))
    return Factor(indicator, value, unit, span, _text(row, "source", place), lower, upper)


def _rows(given: Mapping[str, Any], key: str, place: str) -> Sequence[Mapping[str, Any]]:
    rows = given.get(key)
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        name = f"{place}.{key}" if place else key
        raise BadInputError("no list of tables.", hint=f"Give {key}.", key=name)
    return rows


def _text(row: Mapping[str, Any], key: str, place: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        name = f"{place}.{key}" if place else key
        raise BadInputError(f"{value!r} is no text.", hint=f"Give {key}.", key=name)
    return value


def _number(row: Mapping[str, Any], key: str, place: str, default: float | None) -> float:
    value = row.get(key, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or not is_number or math.isinf(value):
        raise BadInputError(f"{value!r} is no number.", hint=f"Give {key}.", key=f"{place}.{key}")
    return float(value)


def _known(row: Mapping[str, Any], names: Sequence[str], place: str) -> None:
    unknown = sorted(set(row) - set(names))
    if unknown:
        raise BadInputError(
            "there is no such setting.",
            hint=f"There are {', '.join(names)}.",
            key=f"{place}.{unknown[0]}",
        )
