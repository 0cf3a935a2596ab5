"""What one person's approval of a package cannot change: who may do what, and whose word counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goldenbatch.core.errors import BadInputError, DeniedError
from goldenbatch.core.policy import load_policy
from goldenbatch.core.promotion import PackageReceived
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime._promotion_content import POLICY_FILE
from goldenbatch.runtime._promotion_force import newest

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

RECEIVED: Final = "promotion/"


def require_policy(site: LocalSite, text: str) -> None:
    """Refuse a package whose policy is not the one in force here, letter for letter.

    Whoever makes the source homes approves there alone, so that a policy takes the two people of
    *this* home that every policy takes.

    Raises:
        DeniedError: It is another, or that of a production home is not signed.
    """
    standing = site.policies.standing()
    if text != standing.text:
        policy = load_policy(text, POLICY_FILE)
        version, is_same = policy.version, policy.digest() == standing.policy.digest()
        raise DeniedError(
            f"the package's policy {version} is not the one in force here "
            f"({standing.policy.version}); a promotion changes no policy.",
            hint="It is the same table in other words: give it a new version where it was made."
            if is_same else "Here, let one person propose it (`goldenbatch policy propose "
            "policy.toml --by LOGIN`, the file from the package) and another adopt it "
            "(`goldenbatch policy adopt`); then apply.",
        )  # fmt: skip
    if site.home.kind is HomeKind.PRODUCTION and not standing.is_signed:
        raise DeniedError(
            f"the policy of this production home is {standing.label()}.",
            hint="Read and sign it first: `goldenbatch policy adopt --user LOGIN`.",
        )


def trusted_key(site: LocalSite) -> str:
    """Key of the package in force, as its approval was signed here; empty: none was applied."""
    found = newest(site)
    if found is None:
        return ""
    bodies = [
        event.decode()
        for event in site.ledger.stream(RECEIVED + found[1].package)
        if event.kind == PackageReceived.kind and event.seq < found[1].approval
    ]
    last = bodies[-1] if bodies else None
    return last.source_key if isinstance(last, PackageReceived) else ""


def require_key(site: LocalSite, key: str, replaces: str) -> None:
    """Refuse a package under another key than the one before, whatever home it says it is of.

    Raises:
        DeniedError: The key changes, and nobody says so.
        BadInputError: Another key would be replaced than the trusted one.
    """
    known = trusted_key(site)
    if replaces and replaces != known:
        raise BadInputError(
            f"the key {replaces} is not that of the package in force.",
            hint=f"That is {known}." if known else "None was applied here: leave it out.",
        )
    if known and key != known and not replaces:
        raise DeniedError(
            f"the package in force came under the key {known}, this one is under {key}.",
            hint="Find out why. If the change is meant, name it with `--replaces-key`; "
            "who approves the package signs that too.",
        )
