"""What `home.toml` says of a home is held against the event that made it.

The kind of a home decides what its signatures are worth and is shown on every page: one word
changed in a file must not make a demonstration a production home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.core.config import HomeCreated
from goldenbatch.core.errors import IntegrityError

if TYPE_CHECKING:
    from goldenbatch.core.config import Settings
    from goldenbatch.core.site import LedgerPort

HOME_FILE = "home.toml"


def changed_fields(ledger: LedgerPort, settings: Settings) -> dict[str, tuple[str, str]]:
    """Fields of `home.toml` that are not as the home was made: (made, now)."""
    for event in ledger.stream(f"home/{settings.uid}"):
        made = event.decode()
        if isinstance(made, HomeCreated):
            was, now = made.model_dump(mode="json"), settings.created().model_dump(mode="json")
            return {
                name: (str(was[name]), str(now[name]))
                for name in ("home_kind", "site", "zone", "name", "owner")
                if was[name] != now[name]
            }
    return {}


def require_kind(ledger: LedgerPort, settings: Settings) -> None:
    """Refuse a home whose kind was changed after it was made.

    Raises:
        IntegrityError: It was.
    """
    changed = changed_fields(ledger, settings).get("home_kind")
    if changed:
        raise IntegrityError(
            f"{HOME_FILE} says that this is a {changed[1]} home; it was made as {changed[0]}.",
            hint=f'Put kind = "{changed[0]}" back; make a new home for another kind.',
        )
