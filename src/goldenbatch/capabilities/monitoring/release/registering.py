"""Acts on registrations: what an authority approved is entered, approved by another, withdrawn.

References:
    EU GMP Annex 17 (2018), 3: real-time release testing only where the authority approved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring.release._reading import (
    Values,
    manufacture_in_plant,
    present,
    require_name,
    standings_of,
    title_in_plant,
)
from goldenbatch.core.act_values import made, number, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import Meaning
from goldenbatch.core.quantities import Quantity
from goldenbatch.core.release_parts import Registration, sterility_fault
from goldenbatch.core.release_records import (
    ReleaseRegistrationApproved,
    ReleaseRegistrationProposed,
    ReleaseRegistrationWithdrawn,
    registration_stream,
)

if TYPE_CHECKING:
    from goldenbatch.core.release_life import RegistrationStanding
    from goldenbatch.core.site import Actor, Site

_KEY = ("product", "market", "attribute", "version", "reason")


def register(site: Site, by: Actor, values: Values) -> Intent:
    """Enter what is registered; another person approves it, and until then it permits nothing."""
    only(values, ("registration", "reason"))
    given = values.get("registration")
    if not isinstance(given, Mapping):
        raise BadInputError("registration is no table.", key="registration")
    told = made(Registration, **given)
    require_possible(site, told)
    require_name(registration_stream(told.product, told.market, told.attribute))
    standings = standings_of(site, told.product, told.market, told.attribute)
    body = made(
        ReleaseRegistrationProposed, product=told.product, market=told.market,
        attribute=told.attribute, version=len(standings) + 1, registration=told,
        reason=text(values, "reason"),
    )  # fmt: skip
    version = site.ledger.version(body.stream)
    return Intent(body.stream, body, ("release:register",), version, reason=body.reason)


def require_possible(site: Site, told: Registration) -> None:
    """Refuse a registration that master data or the rules of the trade forbid.

    Raises:
        DeniedError: It is of sterility, where that is never predicted.
        NotFoundError: Master data know no such product or attribute.
        BadInputError: Limit, tag or run rule cannot be.
    """
    fault = sterility_of(site, told)
    if fault:
        raise DeniedError(
            f"{told.attribute} of {told.product}: {fault}.",
            hint="It is tested in the laboratory.",
        )
    attribute = site.plant.attribute(told.product, told.attribute)
    _require_unit(told, attribute.unit)
    for one in told.inputs:
        if one.kind == "readings" and not site.plant.has_tag(one.of):
            known = site.historian.tags()
            if one.of not in known:
                raise NotFoundError(
                    f"input {one.name!r}: there is no tag {one.of!r}.", hint="See `plant show`."
                )
    if told.trend is not None and told.trend.rules:
        _require_rules(told.trend.rules)


def sterility_of(site: Site, told: Registration, *more: str) -> str:
    """Why a registration may not be predicted for its sterility; empty where it may.

    Args:
        site: The site, for its master data.
        told: The registration.
        more: Further names, such as the output of the model.
    """
    names = (
        told.attribute, title_in_plant(site, told.product, told.attribute), told.contingency.test,
        told.contingency.method, *more,
    )  # fmt: skip
    in_plant = manufacture_in_plant(site, told.product)
    return sterility_fault(told.manufacture, in_plant, *names)


def _require_unit(told: Registration, unit: str) -> None:
    try:
        Quantity("1", unit or "1").to(told.limit.unit)
    except BadInputError as error:
        raise BadInputError(
            f"the limit is in {told.limit.unit}, the attribute in {unit}: {error}", key="limit"
        ) from error


def _require_rules(names: tuple[str, ...]) -> None:
    from goldenbatch.science.errors import DesignError
    from goldenbatch.science.statistics import rules_named

    try:
        rules_named(names)
    except DesignError as error:
        raise BadInputError(f"{error}.", key="trend.rules") from error


def approve_registration(site: Site, by: Actor, values: Values) -> Intent:
    """Approve the newest version, signed by another person than entered it."""
    only(values, _KEY)
    one = _newest(site, values)
    if one.version != len(standings_of(site, *_of(one).values())):
        raise ConflictError(
            f"version {one.version} of {one.stream} is not the newest one.",
            hint="What is approved is the newest: enter it again.",
        )
    if one.approved_at or one.withdrawn:
        raise ConflictError(
            f"version {one.version} of {one.stream} is {one.state(present(site, (one,)))}.",
            hint="Enter a new version.",
        )
    if by.uid in one.proposed_by:
        raise DeniedError(
            f"{by.uid} entered version {one.version} and approves nothing of it.",
            hint="Have another person of quality sign.",
        )
    require_possible(site, one.registration)
    body = made(
        ReleaseRegistrationApproved, **_of(one), version=one.version,
        proposal=f"{one.stream}@{one.proposed_at}", digest=one.proposal,
        reason=text(values, "reason"),
    )  # fmt: skip
    head = site.ledger.version(one.stream)
    return Intent(
        one.stream, body, ("release:register_approve",), head, Meaning.APPROVED, body.reason
    )


def withdraw_registration(site: Site, by: Actor, values: Values) -> Intent:
    """Let a version, and all earlier ones, permit nothing any more, at once."""
    only(values, _KEY)
    one = _newest(site, values)
    version = number(values, "version", one.version)
    if one.withdrawn:
        raise ConflictError(
            f"{one.stream} is withdrawn: {one.withdrawn}.", hint="There is nothing to do."
        )
    body = made(
        ReleaseRegistrationWithdrawn, **_of(one), version=version, reason=text(values, "reason")
    )
    head = site.ledger.version(one.stream)
    return Intent(one.stream, body, ("release:withdraw",), head, reason=body.reason)


def _of(one: RegistrationStanding) -> dict[str, Any]:
    told = one.registration
    return {"product": told.product, "market": told.market, "attribute": told.attribute}


def _newest(site: Site, values: Values) -> RegistrationStanding:
    product, market, attribute = (text(values, name) for name in _KEY[:3])
    standings = standings_of(site, product, market, attribute)
    if not standings:
        raise NotFoundError(
            f"there is no {registration_stream(product, market, attribute)}.",
            hint="Enter it: `goldenbatch release register`.",
        )
    wanted = number(values, "version", standings[-1].version)
    if not 1 <= wanted <= len(standings):
        raise NotFoundError(
            f"{standings[0].stream} has no version {wanted}.",
            hint=f"It has 1 to {len(standings)}.",
        )
    return standings[wanted - 1]
