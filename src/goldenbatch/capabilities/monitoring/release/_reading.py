"""What the acts of release testing read of a site and of plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.model_life import Fault, sound
from goldenbatch.core.release_life import (
    RegistrationStanding,
    ReleaseTestState,
    in_force,
    registration_standings,
    release_test_state,
)
from goldenbatch.core.release_pages import PageState, page_state, page_stream
from goldenbatch.core.release_records import registration_stream, test_stream

if TYPE_CHECKING:
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_parts import InputSource
    from goldenbatch.core.release_records import InputRead
    from goldenbatch.core.site import Site

Values = Mapping[str, Any]
MOST_LETTERS: Final = 200
"""Of the name of a record, quoted."""


def fault_of(site: Site) -> Fault:
    """What holds the evidence of signatures to a check, where the site has one."""
    rules: Any = getattr(site, "signing_rules", None)
    return rules.fault if rules is not None else sound


def standings_of(
    site: Site, product: str, market: str, attribute: str
) -> tuple[RegistrationStanding, ...]:
    """All versions of a registration."""
    events = site.ledger.stream(registration_stream(product, market, attribute))
    return registration_standings(events, fault_of(site))


def registered(site: Site, product: str, market: str, attribute: str) -> RegistrationStanding:
    """The registration in force.

    Raises:
        ConflictError: There is none; what is missing is named.
    """
    standings = standings_of(site, product, market, attribute)
    now = present(site, standings)
    found = in_force(standings, now)
    if found is not None:
        return found
    raise ConflictError(
        f"real-time release testing of {attribute} of {product} is not offered for {market}: "
        f"{_missing(standings, now)}.",
        hint="Test it in the laboratory. What is registered: `goldenbatch release registrations`.",
    )


def present(site: Site, standings: Sequence[RegistrationStanding]) -> int:
    """Present time; a clock that was set back is not behind what was recorded."""
    return max([site.clock(), *(one.approved_on for one in standings)])


def _missing(standings: Sequence[RegistrationStanding], now: int) -> str:
    if not standings:
        return "master data hold no registration reference"
    newest = standings[-1]
    told = f"version {newest.version} ({newest.registration.dossier}) is {newest.state(now)}"
    if newest.withdrawn:
        return f"{told}: {newest.withdrawn}"
    if not newest.approved_at:
        return f"{told} and nobody has approved it"
    return f"{told} and begins later"


def test_of(site: Site, batch: str, market: str, attribute: str) -> ReleaseTestState | None:
    """A release test; None where nobody asked for it."""
    events = site.ledger.stream(test_stream(batch, market, attribute))
    return release_test_state(events, fault_of(site))


test_of.__test__ = False  # type: ignore[attr-defined]


def evidence_of(inputs: Iterable[InputRead]) -> dict[str, tuple[str, str, str]]:
    """What tells evidence apart: values by name, and why there is none."""
    return {one.name: (one.value, one.unit, str(one.fault)) for one in inputs}


def sources_of(site: Site, approval: str) -> tuple[InputSource, ...]:
    """Where the inputs come from by a registration that was approved so, `stream@version`."""
    stream, _, number = approval.rpartition("@")
    for one in registration_standings(site.ledger.stream(stream), fault_of(site)):
        if str(one.approved_at) == number:
            return one.registration.inputs
    return ()


def asked_test(site: Site, batch: str, market: str, attribute: str) -> ReleaseTestState:
    """A release test that was asked for.

    Raises:
        NotFoundError: It was not.
    """
    found = test_of(site, batch, market, attribute)
    if found is None or found.tested is None:
        raise NotFoundError(
            f"nobody asked for a release test of {attribute} of batch {batch} for {market}.",
            hint="Ask for it: `goldenbatch release test`.",
        )
    return found


def page_of(site: Site, batch: str, market: str) -> PageState | None:
    """The newest page of evidence; None where none was kept."""
    return page_state(site.ledger.stream(page_stream(batch, market)), fault_of(site))


def batch_row(site: Site, batch: str) -> Row:
    """The batch's row.

    Raises:
        NotFoundError: There is no such batch.
    """
    rows = site.ledger.select("batch", {"batch": batch}, limit=1)
    if not rows:
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See `goldenbatch batch list`.")
    return rows[0]


def require_name(stream: str) -> None:
    """Refuse a record whose name is longer than records have.

    Raises:
        BadInputError: It is.
    """
    if len(stream.partition("/")[2]) > MOST_LETTERS:
        raise BadInputError(
            f"the names of batch, market and attribute are longer than {MOST_LETTERS} letters "
            "together.",
            hint="Register the market and the attribute under shorter names.",
        )


def manufacture_in_plant(site: Site, product: str) -> str:
    """How a product is made, as the master data say; empty: they do not."""
    found = {one.code: one.manufacture for one in site.plant.products}
    return found.get(product, "")


def title_in_plant(site: Site, product: str, attribute: str) -> str:
    """Title of an attribute in the master data; empty: there is none."""
    titles = {
        one.name: one.title
        for each in site.plant.products
        if each.code == product
        for one in each.attributes
    }
    return titles.get(attribute, "")
