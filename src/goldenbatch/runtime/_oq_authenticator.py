"""A security key in software, with which the qualification tries signatures by WebAuthn.

It does what a device of a person does, and can be told to do what one must not: to skip the
verification of its person, to sign for another statement, to be a copy of itself.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from collections.abc import Mapping
from typing import Any

from goldenbatch.runtime._evidence import b64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ID_BYTES = 16
COUNTER_BYTES = 4


class SoftwareKey:
    """One key pair for one site.

    Args:
        origin: Where its browser says that the page is.
        counter: Uses so far, as a copy of it would have them.
    """

    def __init__(self, origin: str, counter: int = 0) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.generate()
        self._id = secrets.token_bytes(ID_BYTES)
        self._origin, self.counter = origin, counter

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create()` gives."""
        from webauthn.helpers import encode_cbor

        key = encode_cbor({1: 1, 3: -8, -1: 6, -2: self._private.public_key().public_bytes_raw()})
        attested = bytes(16) + struct.pack(">H", len(self._id)) + self._id + key
        data = self._data(options["rp"]["id"], PRESENT | VERIFIED | ATTESTED) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(
            {"clientDataJSON": b64url(client), "attestationObject": b64url(attestation)}
        )

    def get(
        self, options: Mapping[str, Any], *, is_verified: bool = True, challenge: str = "",
        is_copy: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """What `navigator.credentials.get()` gives.

        Args:
            options: What the page asks for.
            is_verified: Whether it made sure who its person is.
            challenge: Signed in place of the one that is asked for; empty: that one.
            is_copy: Whether it has not noticed its last use, as a copy would not.
        """
        self.counter += 0 if is_copy else 1
        flags = PRESENT | (VERIFIED if is_verified else 0)
        data = self._data(options["rpId"], flags)
        client = self._client("webauthn.get", challenge or options["challenge"])
        signature = self._private.sign(data + hashlib.sha256(client).digest())
        return self._answer(
            {
                "clientDataJSON": b64url(client),
                "authenticatorData": b64url(data),
                "signature": b64url(signature),
            }
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self._origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        head = hashlib.sha256(rp_id.encode()).digest()
        return head + bytes([flags]) + self.counter.to_bytes(COUNTER_BYTES, "big")

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = b64url(self._id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
