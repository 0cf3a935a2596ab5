"""How a batch stands for a market: each registered attribute, with what is open.

The fold says how a release test stands by its own record; here it is held to the rest of the
home: a linked result that was corrected since decides nothing until it is linked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring.alarms.reading import unacknowledged
from goldenbatch.capabilities.monitoring.release._reading import (
    batch_row,
    evidence_of,
    present,
    sources_of,
    standings_of,
    test_of,
)
from goldenbatch.capabilities.monitoring.release.inputs import read_inputs
from goldenbatch.capabilities.monitoring.release.laboratory import unheeded
from goldenbatch.core.release_life import ReleaseState, in_force
from goldenbatch.core.release_parts import holds_within

if TYPE_CHECKING:
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_life import RegistrationStanding, ReleaseTestState
    from goldenbatch.core.results import Limit
    from goldenbatch.core.site import Site

NOT_ASKED = "not asked"
_PASSING = (ReleaseState.PASSES, ReleaseState.LABORATORY)


@dataclass(frozen=True)
class AttributeStanding:
    """One attribute of a batch for a market.

    Attributes:
        registration: The registration in force; None: there is none (any more).
        test: The release test; None: nobody asked.
        doubts: Why its state does not count as it stands; empty: nothing.
    """

    attribute: str
    market: str
    registration: RegistrationStanding | None
    test: ReleaseTestState | None
    doubts: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """In words."""
        if self.test is None or self.test.state is None:
            return NOT_ASKED
        if self.doubts and self.test.state is ReleaseState.LABORATORY:  # until it is looked at
            return ReleaseState.CONTINGENCY.value
        return self.test.state.value

    @property
    def is_settled(self) -> bool:
        """Whether nothing is open: it passes, or its investigation was concluded."""
        open_ = (NOT_ASKED, ReleaseState.CONTINGENCY.value, ReleaseState.INVESTIGATION.value)
        return self.state not in open_ and not self.doubts


def standing_of(site: Site, batch: str, market: str) -> tuple[AttributeStanding, ...]:
    """All attributes that are registered for the batch's product and market, or were asked for.

    Raises:
        NotFoundError: There is no such batch.
    """
    row = batch_row(site, batch)
    product = str(row["product"])
    where = {"product": product, "market": market}
    names = {str(row["attribute"]) for row in site.ledger.select("release_registration", where)}
    asked = {
        str(one["attribute"])
        for one in site.ledger.select("release_test", {"batch": batch, "market": market})
    }
    found, ringing = [], _unacknowledged(site, batch)
    for name in sorted(names | asked):
        standings = standings_of(site, product, market, name)
        registration = in_force(standings, present(site, standings))
        if registration is None and name not in asked:
            continue
        test = test_of(site, batch, market, name)
        doubts = (
            *_doubts(site, test), *_overtaken(site, row, registration, test),
            *_elsewhere(site, batch, market, test, name), *(ringing if test is not None else ()),
        )  # fmt: skip
        found.append(AttributeStanding(name, market, registration, test, doubts))
    return tuple(found)


def _unacknowledged(site: Site, batch: str) -> list[str]:
    """GMP alarms of the batch that wait for somebody: an exception, hidden or not."""
    return [
        f"alarm {one.alarm.id!r} of the batch is not acknowledged"
        for one in unacknowledged(site, batch)
    ]


def markets_of(site: Site, batch: str) -> tuple[str, ...]:
    """Markets for which the batch's product has registrations, or the batch was asked for."""
    product = str(batch_row(site, batch)["product"])
    rows: list[Row] = [
        *site.ledger.select("release_registration", {"product": product}),
        *site.ledger.select("release_test", {"batch": batch}),
    ]
    return tuple(sorted({str(row["market"]) for row in rows}))


def _overtaken(
    site: Site,
    row: Row,
    registration: RegistrationStanding | None,
    test: ReleaseTestState | None,
) -> list[str]:
    """What happened since that a pass does not outlive."""
    if test is None or test.state not in _PASSING:
        return []
    found = ["the batch was aborted since"] if row["outcome"] == "aborted" else []
    if not test.is_passed:
        return found
    tested = test.tested
    if registration is None:
        found.append("no registration is in force any more")
    elif tested is not None and tested.prediction is not None:
        told = registration.registration
        fault = holds_within(tested.attribute, tested.prediction, told.limit, told.bound)
        found += [f"by the registration in force {fault}"] if fault else []
    return [*found, *_other_inputs(site, row, test)]


def _other_inputs(site: Site, row: Row, test: ReleaseTestState) -> list[str]:
    """Inputs that are read as something else by now: a pass is of what it was asked with."""
    asked = [one for _, one in test.tests]
    sources = sources_of(site, asked[-1].registration)
    units = {one.name: one.unit for one in asked[-1].inputs}
    now = evidence_of(read_inputs(site, row, sources, units))
    if any(evidence_of(one.inputs) == now for one in asked):
        return []
    before = evidence_of(asked[-1].inputs)
    names = [name for name in now if now[name] != before.get(name)]
    return [f"{', '.join(names)}: not what it was asked with any more; ask again"]


def _elsewhere(
    site: Site, batch: str, market: str, test: ReleaseTestState | None, attribute: str
) -> list[str]:
    """The same attribute of the same batch under investigation, or failed, for another market."""
    rows = site.ledger.select("release_test", {"batch": batch, "attribute": attribute})
    found = []
    for other in sorted(str(row["market"]) for row in rows if row["market"] != market):
        one = test_of(site, batch, other, attribute)
        if one is None or one.tested is None:
            continue
        if one.state is ReleaseState.INVESTIGATION:
            found.append(f"it is under investigation for {other}")
        is_confirmed = one.concluded is not None and one.concluded.finding == "confirmed"
        own = test.tested if test is not None and test.state in _PASSING else None
        if is_confirmed and own is not None and not _is_wider(own.limit, one.tested.limit):
            found.append(f"its failure was confirmed for {other}, by limits no tighter")
    return found


def _is_wider(limit: Limit, other: Limit) -> bool:
    """Whether a limit lets something pass that another, in the same unit, does not."""
    if limit.unit != other.unit:
        return False
    below = other.lower and (not limit.lower or Decimal(limit.lower) < Decimal(other.lower))
    above = other.upper and (not limit.upper or Decimal(limit.upper) > Decimal(other.upper))
    return bool(below or above)


def _doubts(site: Site, test: ReleaseTestState | None) -> list[str]:
    if test is None:
        return []
    found = [*test.faults, *unheeded(site, test)]
    for _, one in test.links[-1:]:
        where = {"sample": one.sample, "test": one.test}
        rows = site.ledger.select("result", where, limit=1)
        now = f"sample/{one.sample}@{rows[0]['stream_version']}" if rows else "nothing"
        if now != one.record:
            found.append(f"the linked result {one.record} was corrected since ({now})")
    return found


# ---- for people -------------------------------------------------------------------------------


def standing_rows(site: Site, batch: str, market: str = "") -> list[dict[str, Any]]:
    """One row a market and attribute, as the command line shows it."""
    markets: Sequence[str] = (market,) if market else markets_of(site, batch)
    return [
        {
            "batch": batch, "market": one.market, "attribute": one.attribute, "state": one.state,
            **_of_test(one.test), "doubts": "; ".join(one.doubts),
        }
        for name in markets
        for one in standing_of(site, batch, name)
    ]  # fmt: skip


def _of_test(test: ReleaseTestState | None) -> dict[str, Any]:
    tested = test.tested if test is not None else None
    said = tested.prediction if tested is not None else None
    return {
        "value": said.value if said else "", "lower": said.lower if said else "",
        "upper": said.upper if said else "", "unit": said.unit if said else "",
        "why": tested.why if tested is not None else "",
    }  # fmt: skip
