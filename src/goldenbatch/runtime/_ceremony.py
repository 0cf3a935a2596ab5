"""The parts of the signing ceremony, bound to one home."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime._ceremony_proofs import Proofs
from goldenbatch.runtime.credentials import Credentials
from goldenbatch.runtime.signing import Signing

if TYPE_CHECKING:
    from goldenbatch.core.config import Settings
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime._ceremony_series import Timer
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.ledger import Signer

STRICT = (HomeKind.VALIDATION, HomeKind.PRODUCTION)
"""Kinds of homes in which nobody, not even at the start, acts in another person's name."""


@dataclass(frozen=True)
class Ceremony:
    """The parts: what people prove, what they prove it with, what they sign."""

    proofs: Proofs
    credentials: Credentials
    signing: Signing


def bind(
    ledger: LedgerPort,
    people: People,
    signer: Signer,
    settings: Settings,
    clock: Clock,
    timer: Timer = time.monotonic,
) -> Ceremony:
    """Bind the parts to a home.

    Args:
        ledger: Where everything is recorded.
        people: Accounts of the home.
        signer: Key of the home.
        settings: Its `home.toml`.
        clock: Present time.
        timer: Monotonic seconds, for all that ends by itself.
    """
    proofs = Proofs(ledger, people, signer, settings.signing, clock)
    is_strict = settings.kind in STRICT
    credentials = Credentials(
        ledger, people, proofs, signer, clock, is_strict=is_strict, timer=timer
    )
    return Ceremony(proofs, credentials, Signing(ledger, people, proofs, clock, timer))
