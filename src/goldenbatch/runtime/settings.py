"""The signing settings of a home: held against the ledger at each opening, adopted by signature."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.config import SigningSettings, load_settings
from goldenbatch.core.credentials import wallet_of
from goldenbatch.core.errors import ConflictError
from goldenbatch.core.people import Meaning, SignatureApplied
from goldenbatch.core.policy_standing import role_fault
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.core.settings_standing import (
    SettingsStanding,
    settings_adopted,
    settings_changes,
    settings_digest,
    settings_standing,
)
from goldenbatch.runtime._ceremony_asked import Asked
from goldenbatch.runtime._evidence import attestation_fault

if TYPE_CHECKING:
    from goldenbatch.core.policy import Policy
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.stores.ledger import Keyring

ADOPT: Final = "settings:adopt"
_NOBODY: Final = "settings/proposed"
"""A record that is nobody's work: whoever edits a file is not known to the platform."""


@dataclass(frozen=True)
class SigningRules:
    """The signing settings of an open home.

    Attributes:
        path: Folder of the home.
        ledger: Where they are recorded.
        home: Uid of the home.
        is_production: Whether a change counts only once it is signed.
        fault: Why the evidence of a signature does not hold.
    """

    path: Path
    ledger: LedgerPort
    home: str
    is_production: bool
    fault: Callable[[SignatureApplied], str]

    @property
    def stream(self) -> str:
        """Record of the home, in which they stand."""
        return f"home/{self.home}"

    def standing(self) -> SettingsStanding:
        """Those in force, as the ledger holds them."""
        return settings_standing(
            self.ledger.stream(self.stream),
            needs_signature=self.is_production,
            fault=self._wrong,
        )

    def _wrong(self, body: SignatureApplied, seq: int) -> str:
        """Why a signature on settings does not hold: its evidence, meaning or role."""
        if body.meaning in (Meaning.PERFORMED, Meaning.VERIFIED, Meaning.REJECTED):
            return f"settings are not signed as {body.meaning.value}"
        return self.fault(body) or role_fault(self.ledger.stream, body, seq)

    def in_file(self) -> SigningSettings:
        """Those that stand in `home.toml` now."""
        return load_settings(self.path).signing

    def bind(self, wanted: SigningSettings, actor: str, *, is_read_only: bool) -> SigningSettings:
        """The table to work with, given the one that the file has; a change is recorded.

        Args:
            wanted: As `home.toml` has it.
            actor: Uid of who opens the home.
            is_read_only: Record nothing.
        """
        standing = self.standing()
        is_first = not standing.seq
        if standing.settings == wanted and not is_first:
            return wanted
        if self.is_production and not is_first:
            return standing.settings
        if not is_read_only:
            words = "as found when first opened" if is_first else "home.toml was changed"
            body = settings_adopted(standing.settings, wanted, words, _account())
            head = self.ledger.version(self.stream)
            self.ledger.append([NewEvent(self.stream, body, head, actor=actor)])
        return wanted

    def as_json(self) -> dict[str, Any]:
        """What is in force, what the file says, and what is pending, as plain values."""
        standing, wanted = self.standing(), self.in_file()
        pending = settings_changes(standing.settings, wanted)
        return {
            "standing": standing.label(),
            "seq": standing.seq,
            "is_signed": standing.signature is not None,
            "digest": settings_digest(standing.settings),
            "in_force": standing.settings.model_dump(mode="json"),
            "in_file": wanted.model_dump(mode="json"),
            "pending": list(pending),
            "needs_signature": self.is_production,
        }

    def asked_adoption(self, policy: Policy, reason: str = "") -> Asked:
        """What a person signs to put the table of `home.toml` into force.

        Raises:
            ConflictError: It is in force and signed, or changes while it is looked at.
        """
        wanted, standing = self.in_file(), self.standing()
        if wanted == standing.settings and standing.signature is not None:
            raise ConflictError("these signing settings are in force, and signed.")

        def check() -> None:
            if self.in_file() != wanted:
                raise ConflictError("home.toml has changed since it was shown.", hint="Look again.")

        words = reason or "the signing settings were read and found right"
        return Asked(
            self.stream,
            policy.signed_as,
            words,
            body=settings_adopted(standing.settings, wanted, words),
            actions=(ADOPT,) if policy.rules_for(ADOPT) else (),
            check=check,
            judged=_NOBODY,
        )


def bind(
    site: LocalSite, login: str, *, is_read_only: bool
) -> tuple[SigningRules, SigningSettings]:
    """The signing settings of a home that is being opened, recorded where they changed.

    Args:
        site: The site, with its ledger and keys at hand.
        login: Of the person who opens it; empty: the operator of the machine.
        is_read_only: Record nothing.
    """
    settings, ledger = site.settings, site.ledger
    is_production = settings.kind is HomeKind.PRODUCTION
    fault = fault_with(ledger, site.keys)
    rules = SigningRules(site.path, ledger, settings.uid, is_production, fault)
    rows = ledger.select("user", {"login": login}, limit=1) if login else ()
    actor = str(rows[0]["uid"]) if rows else site.actor.uid
    return rules, rules.bind(settings.signing, actor, is_read_only=is_read_only)


def fault_with(ledger: LedgerPort, keys: Keyring) -> Callable[[SignatureApplied], str]:
    """Says why the evidence of a signature does not hold, by the keys and credentials known."""

    def fault(body: SignatureApplied) -> str:
        owned = wallet_of(ledger.stream(f"user/{body.signer}")).credentials
        return attestation_fault(body, keys.known(), owned)

    return fault


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without names of accounts
        return ""
