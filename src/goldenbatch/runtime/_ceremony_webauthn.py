"""WebAuthn: an authenticator that verifies its person signs the statement's hash.

References:
    W3C Web Authentication, Level 3, 7.1 and 7.2; 21 CFR 11.200(a), (b).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import DeniedError
from goldenbatch.runtime._evidence import b64, b64url, spki, unb64, unb64url

if TYPE_CHECKING:
    from goldenbatch.core.config import SigningSettings
    from goldenbatch.core.credentials import Credential
    from goldenbatch.core.people import UserState

ALGORITHMS = {-7: "ES256", -8: "Ed25519", -257: "RS256"}
"""COSE algorithms that are taken, by the names of evidence."""


class ClonedError(DeniedError):
    """The sign count of an authenticator did not rise: there may be a copy of it."""


@dataclass(frozen=True)
class Registered:
    """What a registration gives.

    Attributes:
        algorithm: Of the key.
        public_key: DER of the SubjectPublicKeyInfo, base64.
        details: Credential id, COSE key, sign count and model of the authenticator.
        counter: Sign count.
    """

    algorithm: str
    public_key: str
    details: dict[str, str]
    counter: int


def registration_options(
    user: UserState, challenge: bytes, settings: SigningSettings, known: Sequence[Credential]
) -> dict[str, Any]:
    """Options of `navigator.credentials.create()`, user verification required."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=settings.rp_id,
        rp_name="goldenbatch",
        user_id=user.uid.encode(),
        user_name=user.login,
        user_display_name=user.printed_name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
        supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in ALGORITHMS],
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def registered(
    response: Mapping[str, Any], challenge: bytes, settings: SigningSettings
) -> Registered:
    """Check a new authenticator's answer.

    Raises:
        DeniedError: It is no good answer to the challenge.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        done = verify_registration_response(
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=settings.rp_id,
            expected_origin=list(settings.origins),
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in ALGORITHMS],
        )
        decoded = decode_credential_public_key(done.credential_public_key)
        key = decoded_public_key_to_cryptography(decoded)
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused("the authenticator's answer is refused", error) from error
    details = {
        "credential_id": b64url(done.credential_id),
        "cose_key": b64(done.credential_public_key),
        "rp_id": settings.rp_id,
        "aaguid": done.aaguid,
    }
    name = ALGORITHMS[int(decoded.alg)]
    return Registered(name, b64(spki(key)), details, done.sign_count)


def assertion_options(
    challenge: bytes, settings: SigningSettings, known: Sequence[Credential]
) -> dict[str, Any]:
    """Options of `navigator.credentials.get()`; the challenge is the statement's hash."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=settings.rp_id,
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def which(response: Mapping[str, Any], known: Sequence[Credential]) -> Credential:
    """The credential of the person that answered.

    Raises:
        DeniedError: It is none of theirs.
    """
    name = response.get("rawId") or response.get("id")
    for one in known:
        if one.details.get("credential_id") == name:
            return one
    raise DeniedError(
        "this authenticator is not one of the person's.", hint="Use one that is enrolled."
    )


def asserted(
    response: Mapping[str, Any], challenge: bytes, settings: SigningSettings, one: Credential
) -> tuple[dict[str, str], int]:
    """Evidence of an authenticator's answer, and its sign count.

    Raises:
        ClonedError: The sign count did not rise.
        DeniedError: It is no good answer to the challenge.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        done = verify_authentication_response(
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=settings.rp_id,
            expected_origin=list(settings.origins),
            credential_public_key=unb64(one.details["cose_key"]),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused("the authenticator's answer is refused", error) from error
    # The library would take a copy for a bad answer; here the two are told apart.
    if done.new_sign_count <= one.counter and (done.new_sign_count or one.counter > 0):
        raise ClonedError(
            f"the sign count of the authenticator is {done.new_sign_count} after {one.counter}: "
            "there may be a copy of it.",
            hint="It is suspended. Have it replaced by two people.",
        )
    return _evidence(response, settings, one), done.new_sign_count


def _evidence(
    response: Mapping[str, Any], settings: SigningSettings, one: Credential
) -> dict[str, str]:
    import hashlib

    parts = response["response"]
    client, data = unb64url(parts["clientDataJSON"]), unb64url(parts["authenticatorData"])
    return {
        "credential": one.credential,
        "algorithm": one.algorithm,
        "public_key": one.public_key,
        "signed_bytes": b64(data + hashlib.sha256(client).digest()),
        "signature": b64(unb64url(parts["signature"])),
        "client_data": b64(client),
        "authenticator_data": b64(data),
        "credential_id": one.details["credential_id"],
        "rp_id": settings.rp_id,
    }


def _descriptors(known: Sequence[Credential]) -> list[Any]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(unb64url(one.details["credential_id"])) for one in known]


def _refused(what: str, error: Exception) -> DeniedError:
    return DeniedError(f"{what}: {error}.", hint="Prepare it again and use your own one.")
