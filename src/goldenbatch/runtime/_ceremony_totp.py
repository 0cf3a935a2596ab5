"""Codes of an authenticator app (TOTP): the secret is sealed by the home's key.

References:
    RFC 6238; RFC 5869 (the sealing key); NIST SP 800-63B, 5.1.4.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

from goldenbatch.core.errors import IntegrityError
from goldenbatch.runtime._evidence import b64, unb64

if TYPE_CHECKING:
    from goldenbatch.core.credentials import Credential
    from goldenbatch.stores.ledger import Signer

STEP_S = 30
DRIFT = 1
"""Steps by which the person's clock may be off."""

_PURPOSE = b"goldenbatch/totp-secret/1"
_NONCE = 12


def new_secret() -> str:
    """A secret of 160 bits in base32."""
    import pyotp

    return pyotp.random_base32()


def uri(secret: str, login: str, home: str) -> str:
    """What the app scans."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=home)


def seal(signer: Signer, secret: str, owner: str) -> str:
    """The secret as only the home's key can open it, bound to its owner.

    Args:
        signer: Key of the home.
        secret: What is sealed.
        owner: Person and credential; the same text opens it.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    sealed = AESGCM(signer.derived(_PURPOSE)).encrypt(nonce, secret.encode(), owner.encode())
    return b64(nonce + sealed)


def unseal(signer: Signer, sealed: str, owner: str) -> str:
    """The secret again.

    Raises:
        IntegrityError: It was sealed by another key, for another owner, or was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        data = unb64(sealed)
        key = AESGCM(signer.derived(_PURPOSE))
        return key.decrypt(data[:_NONCE], data[_NONCE:], owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(
            f"the secret of {owner} cannot be opened with the key of this home.",
            hint="Have the authenticator replaced.",
        ) from error


def matching_step(secret: str, code: str, at_us: int, after: int) -> int | None:
    """Time step whose code was given; None for a wrong code or one that was used up.

    Args:
        secret: Of the authenticator.
        code: What the person typed.
        at_us: Present time.
        after: Newest step whose code was accepted before; it and older ones are used up.
    """
    import pyotp

    totp, now = pyotp.TOTP(secret), at_us // 1_000_000 // STEP_S
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):
        # All are compared, so that time does not tell which one fits.
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
            found = step
    return found if found is not None and found > after else None


def owner_text(one: Credential) -> str:
    """What the secret of a credential is bound to."""
    return f"{one.uid}/{one.credential}"
