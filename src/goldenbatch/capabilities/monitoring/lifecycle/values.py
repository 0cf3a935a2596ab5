"""Results of batches as values of one unit, and what is doubtful about each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from goldenbatch.capabilities.monitoring.lifecycle.stages import Value
from goldenbatch.capabilities.monitoring.yields.facts import Book, Reported
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.quantities import Quantity
from goldenbatch.core.results import Limit, Result, ResultKind, ResultStatus, compare

_NUMBERS = (ResultKind.NUMBER, ResultKind.CENSORED)
_DOUBTS = {
    ResultStatus.OOS: "was reported as out of specification",
    ResultStatus.OOT: "was reported as out of trend",
}


def ends(limits: Sequence[Limit], unit: str) -> tuple[float | None, float | None]:
    """Narrowest bounds of limits, in the unit of the attribute; None: open."""
    lower = max((_in_unit(one.lower, one.unit, unit) for one in limits if one.lower), default=None)
    upper = min((_in_unit(one.upper, one.unit, unit) for one in limits if one.upper), default=None)
    return lower, upper


def value_of(book: Book, batch: str, name: str, limits: Sequence[Limit], unit: str) -> Value | None:
    """The standing result of an attribute of a batch: the newest that is outside, else the newest.

    A batch of several samples is no better than the worst of them. A result that is no number,
    or of a unit that cannot be converted, has the number NaN.
    """
    own = [
        one
        for one in book.results.get(batch, {}).values()
        if one.result.attribute == name and one.result.status is not ResultStatus.INVALIDATED
    ]
    if not own:
        return None
    newest = max(own, key=lambda one: (_is_bad(one, limits), one.seq))
    result = newest.result
    number, doubt = math.nan, ""
    if result.kind in _NUMBERS and not result.unit and unit != "1":
        doubt = f"{result.text} has no unit, the attribute has {unit!r}."
    elif result.kind in _NUMBERS:
        try:
            number = _in_unit(result.value, result.unit, unit)
        except GoldenbatchError as error:
            doubt = str(error)
    compared = [compare(result, limit) for limit in limits]
    doubts = [one.why for one in compared if one.outcome == "undecidable"]
    return Value(
        batch=batch,
        at=newest.at,
        number=number,
        text=f"{result.operator}{result.value} {result.unit}".strip(),
        leaf=newest.leaf,
        is_outside=any(one.outcome == "outside" for one in compared),
        is_censored=result.kind is ResultKind.CENSORED,
        doubt=_DOUBTS.get(result.status, "") or next(iter(doubts), doubt),
    )


def unit_of(book: Book, batches: Sequence[str], name: str) -> str:
    """Unit of the first result of an attribute, where the plant does not state one."""
    for batch in batches:
        for one in book.results.get(batch, {}).values():
            if one.result.attribute == name:
                return one.result.unit or "1"
    return "1"


def _is_bad(one: Reported, limits: Sequence[Limit]) -> bool:
    return one.result.status is ResultStatus.OOS or _is_outside(one.result, limits)


def _is_outside(result: Result, limits: Sequence[Limit]) -> bool:
    return any(compare(result, limit).outcome == "outside" for limit in limits)


def _in_unit(text: str, unit: str, wanted: str) -> float:
    return float(Quantity(text, unit or "1").to(wanted or "1").decimal)
