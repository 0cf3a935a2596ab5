"""Whether a prediction within its limit trends to failure: action limits and run rules.

References:
    ICH Q8/Q9/Q10 Q&A (R4, 2010), 2.2, question 2 ("trending toward failure"); Nelson (1984),
    doi:10.1080/00224065.1984.11978921.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import Quantity

if TYPE_CHECKING:
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_parts import Registration, TrendRules
    from goldenbatch.core.release_records import Predicted
    from goldenbatch.core.site import Site


@dataclass(frozen=True)
class Trend:
    """What was seen.

    Attributes:
        signs: Each sign in words.
        recent: Tests of earlier batches that were looked at, `stream@version`, oldest first.
    """

    signs: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()


def trend_of(site: Site, told: Registration, batch: str, said: Predicted) -> Trend:
    """Signs of a trend to failure, as they were registered.

    Args:
        site: The site, for the batches before.
        told: The registration.
        batch: The batch; batches that were asked before it come before it.
        said: A valid prediction within the limit.
    """
    if told.trend is None:
        return Trend()
    value = Quantity(said.value, said.unit).to(told.limit.unit).float
    signs = list(_beyond(told.trend, value, told.limit.unit))
    if not told.trend.rules:
        return Trend(tuple(signs))
    from goldenbatch.science.statistics.rules import memory_of, rules_named

    rules = rules_named(told.trend.rules)
    rows = _before(site, told, batch)[-memory_of(rules) :] if memory_of(rules) else []
    centre, sigma = float(told.trend.centre), float(told.trend.sigma)
    earlier = [_number(one, told.limit.unit) or 0.0 for one in rows]
    z = [(one - centre) / sigma for one in (*earlier, value)]
    signs += [
        f"run rule {rule.name} over {min(rule.n_window, len(z))} batches"
        for rule in rules
        if rule.is_met(z)
    ]
    recent = tuple(f"release-test/{one['release_test']}@{one['head']}" for one in rows)
    return Trend(tuple(signs), recent)


def _beyond(rules: TrendRules, value: float, unit: str) -> list[str]:
    found = []
    if rules.lower and value < float(rules.lower):
        found.append(f"below the action limit of {rules.lower} {unit}")
    if rules.upper and value > float(rules.upper):
        found.append(f"above the action limit of {rules.upper} {unit}")
    return found


def _before(site: Site, told: Registration, batch: str) -> list[Row]:
    """Newest valid predictions of batches that were first asked before this one, oldest first."""
    where = {"product": told.product, "market": told.market, "attribute": told.attribute}
    rows = site.ledger.select("release_test", where, ("first_seq",))
    own = next((one["first_seq"] for one in rows if one["batch"] == batch), None)
    return [
        one
        for one in rows
        if _number(one, told.limit.unit) is not None
        and one["batch"] != batch
        and (own is None or one["first_seq"] < own)
    ]


def _number(row: Row, unit: str) -> float | None:
    """A valid prediction in the unit registered now; None: there is none, or not in such a unit."""
    if row["number"] is None:
        return None
    try:
        return Quantity(str(row["value"]), str(row["unit"]) or "1").to(unit).float
    except BadInputError:
        return None
