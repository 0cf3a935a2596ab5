"""Secrets by reference: from the environment or the machine's keyring, never from a card."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from goldenbatch.core.acquisition import SECRET
from goldenbatch.core.errors import BadInputError, NotFoundError

_SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key|^pin$", re.I
)
_USERINFO = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]*)@")
HIDDEN = "(not recorded: a secret)"


def without_secrets(found: Any, key: str = "") -> Any:
    """Settings as they may be recorded: what looks like a secret written out is left out.

    References (`env:NAME`) stay; passwords inside addresses go.

    >>> without_secrets({"user": "gb", "password": "x1", "url": "mqtt://gb:x1@host"})["url"]
    'mqtt://gb:(not recorded: a secret)@host'
    >>> without_secrets({"password": "env:MQTT"})
    {'password': 'env:MQTT'}
    """
    if isinstance(found, Mapping):
        return {name: without_secrets(value, str(name)) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [without_secrets(one, key) for one in found]
    if not isinstance(found, str) or not found or SECRET.fullmatch(found):
        return HIDDEN if found and _is_number(found) and _SECRET_KEY.search(key) else found
    return HIDDEN if _SECRET_KEY.search(key) else _USERINFO.sub(rf"\1:{HIDDEN}@", found)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


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
