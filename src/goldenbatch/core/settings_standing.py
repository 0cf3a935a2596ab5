"""Which signing settings are in force: those that the ledger holds, not whatever a file says.

The table `[signing]` of `home.toml` decides when a session ends, which pages and providers may
prove who signs, and how often one may try. It is recorded in `home/<uid>` when a home is made; a
change in the file is recorded there with who opened the home, and in a production home it stays
without effect until somebody has signed it.

References:
    21 CFR 11.10(k)(2); EU GMP Annex 11 (2011) 10.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from goldenbatch.core.config import HomeCreated, SigningSettings, signing_text
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import Body, DataClass, Event, record_type
from goldenbatch.core.signatures import HASH_PATTERN, SignatureApplied, signature_state


@record_type
class SigningSettingsAdopted(Body):
    """The signing settings of a home were recorded, or changed."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL
    supersedes: ClassVar[tuple[str, ...]] = ("SigningSettingsAdopted",)

    digest: str = Field(pattern=HASH_PATTERN, description="SHA-256 of the text.")
    text: str = Field(description="What differs from the package's defaults, as JSON.")
    changes: tuple[str, ...] = Field(default=(), description="What it changes, one a line.")
    account: str = Field(default="", description="Account of the machine that opened the home.")
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class SettingsStanding:
    """The signing settings in force, and what they rest on.

    Attributes:
        settings: The table.
        seq: Event that recorded it; 0: none has yet.
        signature: Who signed it; None: it was recorded at the home's making or opening.
    """

    settings: SigningSettings
    seq: int = 0
    signature: SignatureApplied | None = None

    def label(self) -> str:
        """In words."""
        if not self.seq:
            return "not recorded yet"
        if self.signature is None:
            return f"recorded in event {self.seq}, unsigned"
        by = f"{self.signature.by} ({self.signature.role})"
        return f"recorded in event {self.seq}, signed by {by}"


def settings_digest(settings: SigningSettings) -> str:
    """SHA-256 of the text of a table; later settings that are left at their default add nothing."""
    return hashlib.sha256(signing_text(settings).encode("ascii")).hexdigest()


def settings_changes(old: SigningSettings, new: SigningSettings) -> tuple[str, ...]:
    """What differs between two tables, one a line."""
    was, now = old.model_dump(mode="json"), new.model_dump(mode="json")
    return tuple(f"{name}: {_text(was[name])} -> {_text(now[name])}" for name in was
                 if was[name] != now[name])  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def settings_adopted(
    old: SigningSettings, new: SigningSettings, reason: str, account: str = ""
) -> SigningSettingsAdopted:
    """The event that records a table in place of another one."""
    return SigningSettingsAdopted(
        digest=settings_digest(new),
        text=signing_text(new),
        changes=settings_changes(old, new),
        account=account,
        reason=reason,
    )


def settings_standing(
    events: Sequence[Event],
    *,
    needs_signature: bool,
    fault: Callable[[SignatureApplied, int], str] = lambda _body, _seq: "",
) -> SettingsStanding:
    """The signing settings in force.

    Args:
        events: Events of `home/<uid>`.
        needs_signature: Whether a change counts only once it is signed, as in production.
        fault: Why a signature, by the number of its event, does not hold; empty where it does.

    Raises:
        IntegrityError: A recorded table cannot be read.
    """
    found = SettingsStanding(SigningSettings())
    seqs = {event.envelope.version: event.seq for event in events}
    states = {
        one.signed_version: one.signature
        for one in signature_state(events)
        if not one.faults
        and one.signature.proposal
        and not fault(one.signature, seqs[one.event_version])
    }
    for event in events:
        body = event.decode()
        if isinstance(body, HomeCreated) and body.signing:
            found = SettingsStanding(_read(body.signing, event), event.seq)
        if not isinstance(body, SigningSettingsAdopted):
            continue
        signature = states.get(event.envelope.version)
        if signature is None and needs_signature and found.seq:
            continue
        found = SettingsStanding(_read(body.text, event), event.seq, signature)
    return found


def _read(text: str, event: Event) -> SigningSettings:
    try:
        return SigningSettings.model_validate(json.loads(text))
    except (ValidationError, ValueError) as error:
        raise IntegrityError(
            f"the signing settings of event {event.seq} cannot be read: {error}.",
            hint="Run `goldenbatch verify`.",
        ) from error
