"""Secrets by reference: from the environment or the machine's keyring, never from a card."""

from __future__ import annotations

import os

from goldenbatch.core.acquisition import SECRET
from goldenbatch.core.errors import BadInputError, NotFoundError


def resolve_secret(reference: str) -> str:
    """The secret that `env:NAME` or `keyring:SERVICE/NAME` names.

    Raises:
        BadInputError: It is no reference: a secret was written into the card.
        NotFoundError: There is no such secret, or no keyring.
    """
    if not SECRET.fullmatch(reference):
        raise BadInputError(
            "a secret stands in the card itself.",
            hint="Write env:NAME or keyring:SERVICE/NAME and put the secret there.",
        )
    kind, _, name = reference.partition(":")
    found = os.environ.get(name) if kind == "env" else _from_keyring(name)
    if not found:
        where = "environment" if kind == "env" else "keyring"
        raise NotFoundError(
            f"the {where} has no secret {name!r}.",
            hint=f"Put it there; the card names {reference}.",
        )
    return found


def _from_keyring(name: str) -> str | None:
    service, _, user = name.rpartition("/")
    try:
        import keyring
    except ImportError as error:
        raise NotFoundError(
            f"secret {name!r} is in a keyring, but none can be read.",
            hint="Install goldenbatch[keyring], or use env:NAME.",
        ) from error
    found: str | None = keyring.get_password(service, user)
    return found
