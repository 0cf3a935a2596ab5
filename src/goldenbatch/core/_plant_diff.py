"""What differs between two plants, entry by entry, with old and new values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from goldenbatch.core.plant import KEYS, Plant

_IDENTITY = ("name", "kind", "above", "parameter", "signal")


@dataclass(frozen=True)
class Change:
    """One difference between two plants.

    Attributes:
        what: Part of the plant: `tags`, `products`, ...; `plant` for its own fields.
        key: Identity of the entry in it.
        field: What changed in the entry; empty when the entry was added or removed.
        old: Value before, as text; empty when there was none.
        new: Value after, as text; empty when there is none.
    """

    what: str
    key: str
    change: Literal["added", "removed", "changed"]
    field: str = ""
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        """One line for people."""
        place = " ".join(part for part in (self.what, self.key, self.field) if part)
        if self.change != "changed":
            return f"{self.change} {place}"
        return f"changed {place}: {self.old or '(nothing)'} -> {self.new or '(nothing)'}"


def diff(old: Plant, new: Plant) -> tuple[Change, ...]:
    """All differences, in the order of the parts and of their keys.

    >>> diff(Plant(name="a"), Plant(name="a", version="2"))[0].new
    '2'
    """
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    changes: list[Change] = []
    for key in ("name", "version"):
        if before[key] != after[key]:
            changes.append(Change("plant", "", "changed", key, before[key], after[key]))
    for part, identify in KEYS.items():
        left = {_text(identify(entry)): entry for entry in before[part]}
        right = {_text(identify(entry)): entry for entry in after[part]}
        for key in sorted(left.keys() | right.keys()):
            changes += _entry(part, key, left.get(key), right.get(key))
    return tuple(changes)


def _text(identity: Any) -> str:
    return "/".join(identity) if isinstance(identity, tuple) else str(identity)


def _entry(
    part: str, key: str, old: dict[str, Any] | None, new: dict[str, Any] | None
) -> list[Change]:
    if old is None or new is None:
        return [Change(part, key, "added" if old is None else "removed")]
    left, right = _flat(old), _flat(new)
    return [
        Change(part, key, "changed", name, left.get(name, ""), right.get(name, ""))
        for name in sorted(left.keys() | right.keys())
        if left.get(name, "") != right.get(name, "")
    ]


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Leaves of an entry by dotted name; list elements go by identity, not by position."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= _flat(inner, f"{prefix}.{key}" if prefix else key)
        return found
    if isinstance(value, list) and value and isinstance(value[0], dict):
        found = {}
        for inner in value:
            found |= _flat(inner, f"{prefix}[{_identity(inner)}]")
        return found
    if isinstance(value, list):
        return {prefix: ", ".join(map(str, value))} if value else {}
    return {} if value is None or value == "" else {prefix: str(value)}


def _identity(entry: dict[str, Any]) -> str:
    name = next(str(entry[key]) for key in _IDENTITY if key in entry)
    return f"{name} {entry['calibrated_at']}" if "calibrated_at" in entry else name
