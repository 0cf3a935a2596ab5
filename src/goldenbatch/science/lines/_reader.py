"""Read tables with named places: every key is asked for once, and none is left over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.distributions import Distribution, read_distribution

T = TypeVar("T")


class Table:
    """One table of a declaration; `done` refuses the keys that nobody asked for."""

    def __init__(self, given: Any, place: str) -> None:
        self.place = place
        if not isinstance(given, Mapping):
            raise self.bad("", f"{given!r} is no table", "Give names and values.")
        self._given, self._asked = dict(given), set[str]()

    def bad(self, key: str, message: str, hint: str) -> BadInputError:
        """The error that names the place."""
        place = ".".join(part for part in (self.place, key) if part)
        return BadInputError(f"{message}.", hint=hint, key=place)

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        return self._get(key) is not None

    def raw(self, key: str) -> Any:
        """A value as it stands; None where there is none."""
        return self._get(key)

    def where(self, key: str) -> str:
        """The full name of a key."""
        return f"{self.place}.{key}" if self.place else key

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.bad(key, f"{value!r} is no text", f"Give {key} as a text.")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> Any:
        """One of some texts."""
        value = self.text(key, default)
        if value not in choices:
            raise self.bad(key, f"{value!r} is none of them", f"Give {', '.join(choices)}.")
        return value

    def number(self, key: str, default: float | None, least: float, most: float = math.inf) -> Any:
        """A number within its limits; the default may be None or infinite."""
        value = self._get(key)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise self.bad(key, f"{value!r} is not in {least:g} to {most:g}", "Give such a number.")
        return float(value)

    def whole(self, key: str, default: int | None, least: int, most: float = math.inf) -> Any:
        """A whole number."""
        value = self.number(key, default, least, most)
        if value is not None and value != int(value):
            raise self.bad(key, f"{value!r} is no whole number", "Give a whole number.")
        return None if value is None else int(value)

    def flag(self, key: str) -> bool:
        """True or false; false by default."""
        value = self._get(key)
        if value is not None and not isinstance(value, bool):
            raise self.bad(key, f"{value!r} is neither true nor false", "Give true or false.")
        return bool(value)

    def distribution(self, key: str, default: Distribution | None = None) -> Distribution:
        """A number or a table of a distribution."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        return read_distribution(value, self.where(key))

    def table(self, key: str, read: Callable[[Table], T]) -> T | None:
        """A table, read by a function, or None."""
        value = self._get(key)
        return None if value is None else _whole(Table(value, self.where(key)), read)

    def rows(self, key: str, read: Callable[[Table], T]) -> tuple[T, ...]:
        """A list of tables, each read by a function."""
        value = self._get(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self.bad(key, f"{value!r} is no list", "Give a list of tables.")
        return tuple(
            _whole(Table(row, f"{self.where(key)}[{i}]"), read) for i, row in enumerate(value)
        )

    def done(self) -> None:
        """Refuse what nobody asked for."""
        left = sorted(str(key) for key in set(self._given) - self._asked)
        if left:
            known = ", ".join(sorted(self._asked))
            raise self.bad(left[0], "there is no such setting", f"There are {known}.")

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        return self._given.get(key)


def _whole(table: Table, read: Callable[[Table], T]) -> T:
    value = read(table)
    table.done()
    return value
