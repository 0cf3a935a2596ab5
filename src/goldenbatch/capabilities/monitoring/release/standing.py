"""How a batch stands for a market: each registered attribute, with what is open.

The fold says how a release test stands by its own record; here it is held to the rest of the
home: a linked result that was corrected since decides nothing until it is linked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring.release._reading import (
    batch_row,
    present,
    standings_of,
    test_of,
)
from goldenbatch.core.release_life import ReleaseState, in_force

if TYPE_CHECKING:
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_life import RegistrationStanding, ReleaseTestState
    from goldenbatch.core.site import Site

NOT_ASKED = "not asked"


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
    product = str(batch_row(site, batch)["product"])
    where = {"product": product, "market": market}
    names = {str(row["attribute"]) for row in site.ledger.select("release_registration", where)}
    asked = {
        str(row["attribute"])
        for row in site.ledger.select("release_test", {"batch": batch, "market": market})
    }
    found = []
    for name in sorted(names | asked):
        standings = standings_of(site, product, market, name)
        registration = in_force(standings, present(site, standings))
        if registration is None and name not in asked:
            continue
        test = test_of(site, batch, market, name)
        doubts = (*_doubts(site, test), *_elsewhere(site, batch, market, name))
        found.append(AttributeStanding(name, market, registration, test, doubts))
    return tuple(found)


def markets_of(site: Site, batch: str) -> tuple[str, ...]:
    """Markets for which the batch's product has registrations, or the batch was asked for."""
    product = str(batch_row(site, batch)["product"])
    rows: list[Row] = [
        *site.ledger.select("release_registration", {"product": product}),
        *site.ledger.select("release_test", {"batch": batch}),
    ]
    return tuple(sorted({str(row["market"]) for row in rows}))


def _elsewhere(site: Site, batch: str, market: str, attribute: str) -> list[str]:
    """The same attribute of the same batch, under investigation for another market."""
    rows = site.ledger.select("release_test", {"batch": batch, "attribute": attribute})
    open_ = ReleaseState.INVESTIGATION.value
    others = [row["market"] for row in rows if row["market"] != market and row["state"] == open_]
    return [f"it is under investigation for {one}" for one in others]


def _doubts(site: Site, test: ReleaseTestState | None) -> list[str]:
    if test is None:
        return []
    found = list(test.faults)
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
