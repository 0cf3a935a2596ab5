"""Whether what a file offers is what is recorded, and what differs in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from goldenbatch.core.quantities import is_number
from goldenbatch.core.records import to_iso
from goldenbatch.core.results import Result

Fields = dict[str, Any]


@dataclass(frozen=True)
class Contradiction:
    """A record says one thing, a row of the file another."""

    what: str
    key: str
    stored: str
    offered: str


def contradiction(
    what: str, key: str, stored: Mapping[str, Any], offered: Mapping[str, Any]
) -> Contradiction | None:
    """The fields in which an offer differs; a field that it leaves empty does not count."""
    differing = {
        name: (stored.get(name), value)
        for name, value in offered.items()
        if value not in ("", None) and stored.get(name) != value
    }
    if not differing:
        return None
    return Contradiction(
        what,
        key,
        "; ".join(f"{name}={_text(name, one)}" for name, (one, _) in differing.items()),
        "; ".join(f"{name}={_text(name, other)}" for name, (_, other) in differing.items()),
    )


def _text(name: str, value: Any) -> str:
    if name.endswith("_at") and isinstance(value, int):
        return to_iso(value)
    return "not recorded" if value in ("", None) else str(value)


def result_fields(result: Result) -> Fields:
    """The entries of a result that are compared."""
    shown = {"value", "operator", "unit", "kind", "status"}
    return result.model_dump(mode="json", include=shown)


def is_same_result(stored: Mapping[str, Any], result: Result, has_status: bool = False) -> bool:
    """Whether a recorded result says the same; a status counts where it is said."""
    offered = result_fields(result)
    names = ("operator", "unit", "kind", *(["status"] if has_status else []))
    if any(stored[name] != offered[name] for name in names):
        return False
    one, other = str(stored["value"]), result.value
    if is_number(one) and is_number(other):
        return Decimal(one) == Decimal(other)  # a spreadsheet drops zeros at the end
    return one == other


def shown_result(stored: Mapping[str, Any]) -> str:
    """A recorded result as people read it."""
    return f"{stored['operator']}{stored['value']} {stored['unit']}".strip()


def result_words(result: Result) -> str:
    """A result as people read it."""
    return f"{result.text} {result.unit}".strip()
