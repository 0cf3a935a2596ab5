"""The document of a line of any kind: its tables, its study, its scenarios."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from goldenbatch.capabilities.twin.study_parts import Part
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.errors import DataError, DesignError

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P", bound=Part)
DECLARED = "as declared"
"""The first scenario: the line as its file has it."""


class Mapper(Protocol):
    """Runs a function over columns of arguments, here or elsewhere; as `Executor.map` does."""

    def map(self, function: Callable[..., R], *columns: Iterable[Any]) -> Iterable[R]:
        """Results in the order of the arguments."""


class Serial:
    """Runs them here, one after another."""

    def map(self, function: Callable[..., R], *columns: Iterable[Any]) -> Iterable[R]:
        """Results in the order of the arguments."""
        return map(function, *columns)


class ScenarioPart(Part):
    """A scenario: entries of the declaration that take other values.

    Attributes:
        name: For tables.
        set: Dotted place to value; parts of a list are named, such as `units.washer.count`.
    """

    name: str
    set: dict[str, Any]


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a line.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"line {path} does not exist.", hint="Name a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"no TOML: {error}.", hint="Correct it.", file=str(path)) from error


def read_part(kind: type[P], given: Any, path: Path, key: str) -> P:
    """Read one table of a document.

    Raises:
        BadInputError: An entry is missing, unknown or impossible; it is named.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (key, *first["loc"])))
        raise BadInputError(
            f"{first['msg']} ({str(first.get('input'))[:60]!r}).",
            hint="See docs/how-to/line-twin.md.",
            file=str(path),
            key=place,
        ) from error


def read_parts(kind: type[P], given: Any, path: Path, key: str) -> list[P]:
    """Read a list of tables.

    Raises:
        BadInputError: It is no list, or an entry of a table is wrong.
    """
    if not isinstance(given, list):
        raise BadInputError(
            f"{key} is no list of tables.", hint=f"Write [[{key}]].", file=str(path), key=key
        )
    return [read_part(kind, one, path, f"{key}[{i}]") for i, one in enumerate(given)]


def variants(
    given: Mapping[str, Any],
    scenarios: Sequence[ScenarioPart],
    path: Path,
    read: Callable[[Mapping[str, Any]], T],
) -> dict[str, T]:
    """The line as declared and in each scenario, by name.

    Raises:
        BadInputError: Two of one name, a place that is not there, or a line that cannot be.
    """
    found = {DECLARED: _read(given, path, "", read)}
    for one in scenarios:
        if one.name in found:
            raise BadInputError(
                f"scenario {one.name!r} is there twice.", hint="Rename one.", file=str(path)
            )
        found[one.name] = _read(_changed(given, one, path), path, one.name, read)
    return found


def _read(
    given: Mapping[str, Any], path: Path, scenario: str, read: Callable[[Mapping[str, Any]], T]
) -> T:
    try:
        return read(given)
    except (BadInputError, DataError, DesignError) as error:
        place = f"{path}, scenario {scenario}" if scenario else str(path)
        raise BadInputError(error.message, hint=error.hint, file=place) from error


def _changed(given: Mapping[str, Any], scenario: ScenarioPart, path: Path) -> dict[str, Any]:
    changed = copy.deepcopy(dict(given))
    for place, value in scenario.set.items():
        *way, last = place.split(".")
        part: Any = changed
        for step in way:
            part = _inside(part, step, place, path)
        if not isinstance(part, dict):
            raise _nowhere(place, last, path)
        part[last] = value
    return changed


def _inside(part: Any, step: str, place: str, path: Path) -> Any:
    if isinstance(part, list):
        found = [one for one in part if isinstance(one, dict) and one.get("name") == step]
        if found:
            return found[0]
        if step.isdigit() and int(step) < len(part):
            return part[int(step)]
    elif isinstance(part, dict) and step in part:
        return part[step]
    raise _nowhere(place, step, path)


def _nowhere(place: str, step: str, path: Path) -> BadInputError:
    return BadInputError(
        f"a scenario sets {place!r}, but there is no {step!r}.",
        hint="Name parts of lists by their name, such as units.washer.count.",
        file=str(path),
    )
