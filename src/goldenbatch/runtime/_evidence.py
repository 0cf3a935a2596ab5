"""Evidence of signatures: normalised when one is made, and checked again at any time.

The convention is that of `goldenbatch.core.signatures`. Nothing here trusts what the server
once concluded: only keys, bytes and the statement's hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.signatures import HOME_KEY, STATEMENT_PREFIX

if TYPE_CHECKING:
    from goldenbatch.core.credentials import Credential
    from goldenbatch.core.people import SignatureApplied
    from goldenbatch.stores.ledger import Signer, VerifierKey

FLAGS = 32
PRESENT_AND_VERIFIED = 0x05

ATTESTED_METHODS: Final = frozenset(
    f"{first}{HOME_KEY}" for first in ("password", "totp", "password+totp")
)
"""Methods whose proof the home's key attests."""


def b64(data: bytes) -> str:
    """Base64 with padding, as evidence holds bytes."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """Bytes of base64 with padding.

    Raises:
        ValueError: It is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
    if b64(data) != text:  # the last letter may hold bits that no byte takes
        raise ValueError("it is not base64 as it is written here")
    return data


def b64url(data: bytes) -> str:
    """Base64url without padding, as JOSE and WebAuthn write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """Bytes of base64url without padding; unlike the standard library it takes nothing else.

    Raises:
        ValueError: It is none.
    """
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise ValueError("it is not base64url")
    return data


def spki(public_key: Any) -> bytes:
    """DER of the SubjectPublicKeyInfo of a public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def attested(signer: Signer, statement_hash: str) -> dict[str, str]:
    """Evidence by the home's key that the server saw the proof of a statement."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signed = STATEMENT_PREFIX + bytes.fromhex(statement_hash)
    return {
        "key_id": signer.verifier.id.hex(),
        "algorithm": "Ed25519",
        "public_key": b64(spki(Ed25519PublicKey.from_public_bytes(signer.verifier.public))),
        "signed_bytes": b64(signed),
        "signature": b64(signer.sign(signed)),
    }


def is_signed(algorithm: str, public_key: bytes, signed: bytes, signature: bytes) -> bool:
    """Whether a signature fits.

    Args:
        algorithm: As in JOSE, or `Ed25519`.
        public_key: DER of the SubjectPublicKeyInfo.
        signed: What was signed.
        signature: Of ECDSA the DER form.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        _verify(algorithm, load_der_public_key(public_key), signed, signature)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _verify(algorithm: str, key: Any, signed: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    digests = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    family, digest = algorithm[:2], digests.get(algorithm[2:])
    if algorithm == "Ed25519" and isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    elif digest is None:
        raise ValueError(f"the algorithm {algorithm!r} is unknown")
    elif family == "ES" and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(digest))
    elif family == "RS" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), digest)
    elif family == "PS" and isinstance(key, rsa.RSAPublicKey):
        salt = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        key.verify(signature, signed, salt, digest)
    else:
        raise ValueError(f"a key of this kind does not sign {algorithm}")


def attestation_fault(
    body: SignatureApplied,
    keys: Sequence[VerifierKey],
    credentials: Mapping[str, Credential] | None = None,
) -> str:
    """Why the evidence of a signature does not prove it; empty when it does.

    Args:
        body: The signature.
        keys: Known keys of the home, for those that it attests.
        credentials: Those of the signer, by id; None: they are not at hand, so that a
            signer-bound proof is held against its own key only.
    """
    if body.method in ATTESTED_METHODS:
        return _home_fault(body, keys)
    check = _CHECKS.get(body.method)
    if check is None:
        return f"its method {body.method!r} is unknown"
    try:
        fault = _proof_fault(body.evidence) or check(body)
        return fault or _owner_fault(body, credentials)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return f"its evidence is incomplete or garbled ({type(error).__name__}: {error})"


def _home_fault(body: SignatureApplied, keys: Sequence[VerifierKey]) -> str:
    key_id, proof = body.evidence.get("key_id", ""), body.evidence.get("signature", "")
    key = next((one for one in keys if one.id.hex() == key_id), None)
    if key is None:
        return f"the key {key_id} is not known here"
    try:
        signature = unb64(proof)
    except ValueError:
        return "its attestation is not base64"
    signed = STATEMENT_PREFIX + bytes.fromhex(body.statement_hash)
    if not key.is_valid(signed, signature):
        return "the key of the home has not attested it"
    if "signed_bytes" in body.evidence and body.evidence["signed_bytes"] != b64(signed):
        return "its evidence names other bytes than those that were attested"
    return ""


def _proof_fault(evidence: Mapping[str, str]) -> str:
    parts = [unb64(evidence[name]) for name in ("public_key", "signed_bytes", "signature")]
    if not is_signed(evidence["algorithm"], *parts):
        return "the signature in its evidence does not fit"
    return ""


def _webauthn_fault(body: SignatureApplied) -> str:
    evidence = body.evidence
    signed, client = unb64(evidence["signed_bytes"]), unb64(evidence["client_data"])
    if signed[FLAGS + 5 :][-32:] != hashlib.sha256(client).digest():
        return "its client data are not those that the authenticator signed"
    if signed[:FLAGS] != hashlib.sha256(evidence["rp_id"].encode()).digest():
        return "its authenticator signed for another domain"
    if signed[FLAGS] & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED:
        return "its authenticator has not verified the person"
    told = json.loads(client)
    challenge = b64url(bytes.fromhex(body.statement_hash))
    if told["type"] != "webauthn.get" or told["challenge"] != challenge:
        return "its authenticator signed another statement"
    return ""


def _oidc_fault(body: SignatureApplied) -> str:
    evidence = body.evidence
    header, _, payload = unb64(evidence["signed_bytes"]).decode("ascii").partition(".")
    claims = json.loads(unb64url(payload))
    if json.loads(unb64url(header)).get("alg") not in _jose_names(evidence["algorithm"]):
        return "its token names another algorithm"
    if claims["nonce"] != body.statement_hash:
        return "its provider signed another statement"
    if (claims["iss"], claims["sub"]) != (evidence["issuer"], evidence["subject"]):
        return "its token is of another person or provider"
    return ""


def _jose_names(algorithm: str) -> tuple[str, ...]:
    return ("EdDSA", "Ed25519") if algorithm == "Ed25519" else (algorithm,)


def _owner_fault(body: SignatureApplied, credentials: Mapping[str, Credential] | None) -> str:
    """Whether the credential was the signer's: key of an authenticator, subject of a provider."""
    if credentials is None:
        return ""
    evidence = body.evidence
    known = credentials.get(evidence["credential"])
    if known is None or known.kind.value != body.method:
        return "the signer never had the credential that it names"
    if body.method == "webauthn" and known.public_key != evidence["public_key"]:
        return "the authenticator is not the one that the signer enrolled"
    names = ("issuer", "subject") if body.method == "oidc" else ()
    if any(known.details.get(name) != evidence[name] for name in names):
        return "the account at the provider is not the signer's"
    return ""


_CHECKS: Final[Mapping[str, Callable[[SignatureApplied], str]]] = {
    "webauthn": _webauthn_fault,
    "oidc": _oidc_fault,
}
