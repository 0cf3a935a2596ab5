"""Reading a configuration by keys: nested or flat, letters of either case, one value or a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.science.errors import DesignError


@dataclass(frozen=True)
class Group:
    """Part of a configuration: flat keys in capitals below a path."""

    values: Mapping[str, Any]
    path: str

    def inner(self, name: str) -> Group:
        """The part below a name; empty where there is none."""
        start = name.upper() + "/"
        inside = {k.removeprefix(start): v for k, v in self.values.items() if k.startswith(start)}
        return Group(inside, f"{self.path}/{name}")

    def names(self, start: str) -> list[str]:
        """Names of parts that begin with a text, in order."""
        heads = {key.split("/", 1)[0] for key in self.values if "/" in key}
        return sorted(head.lower() for head in heads if head.startswith(start.upper()))

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return key.upper() in self.values

    def text(self, key: str, default: str = "") -> str:
        """A text, in capitals."""
        found = self._get(key, default or None)
        if not isinstance(found, str) and np.size(found) == 1:
            found = np.ravel(found)[0]
        return (found.decode() if isinstance(found, bytes) else str(found)).upper()

    def number(self, key: str, default: float | None = None) -> float:
        """A number, or the first of a list."""
        return self._numbers(key, self._get(key, default))[0]

    def integer(self, key: str) -> int:
        """A count."""
        return int(self.number(key))

    def numbers(self, key: str, default: Sequence[float] | None = None) -> tuple[float, ...]:
        """A list of numbers, also of one."""
        return self._numbers(key, self._get(key, default))

    def first(self, keys: Sequence[str], default: float) -> float:
        """The number at the first key that is there."""
        return next((self.number(key) for key in keys if self.has(key)), default)

    def spread(self, key: str, n: int, default: Sequence[float] | None = None) -> tuple[float, ...]:
        """One number for each of n; a single one serves all.

        Raises:
            DesignError: There are more or fewer, as where a value changes between sections.
        """
        found = self.numbers(key, default)
        if len(found) == 1:
            return found * n
        if len(found) != n:
            raise DesignError(
                f"{self.path}/{key} has {len(found)} values for {n}, which is not covered.",
                hint="Give one value, or one for each; values by section are not covered.",
            )
        return found

    def at_least(self, key: str, n: int) -> tuple[float, ...]:
        """The first n numbers of a list that may be longer; 0 where there is none.

        Raises:
            DesignError: There are fewer.
        """
        found = self.numbers(key, (0.0,) * n)
        return found[:n] if len(found) > n else self.spread(key, n, (0.0,) * n)

    def _get(self, key: str, default: Any) -> Any:
        found = self.values.get(key.upper(), default)
        if found is None:
            raise DesignError(f"{self.path}/{key} is missing.", hint="Add it.")
        return found.decode() if isinstance(found, bytes) else found

    def _numbers(self, key: str, found: Any) -> tuple[float, ...]:
        try:
            return tuple(float(one) for one in np.ravel(found))
        except (TypeError, ValueError) as error:
            raise DesignError(
                f"{self.path}/{key} is {found!r}, no number.", hint="Correct it."
            ) from error


def group(config: Mapping[str, Any]) -> Group:
    """A configuration as flat keys below its `input`."""
    flat = {key.upper().strip("/"): value for key, value in _flat(config, "")}
    below = {key.removeprefix("INPUT/"): v for key, v in flat.items() if key.startswith("INPUT/")}
    return Group(below or flat, "input")


def _flat(config: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}/")
        else:
            yield f"{path}{key}", value
