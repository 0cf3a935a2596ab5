"""A WebAuthn authenticator in software: it does what a security key does, and its misdeeds."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One key pair for one site.

    Args:
        algorithm: `ES256` or `EdDSA`.
        origin: Where its browser says that the page is.
        flags: What it says of the person.
    """

    def __init__(
        self, algorithm="ES256", origin="http://localhost:8600", flags=PRESENT | VERIFIED
    ) -> None:
        is_ec = algorithm == "ES256"
        self.private = (
            ec.generate_private_key(ec.SECP256R1())
            if is_ec
            else ed25519.Ed25519PrivateKey.generate()
        )
        self.id = os.urandom(16)
        self.origin, self.flags, self.counter = origin, flags, 0

    def cose(self) -> bytes:
        public = self.private.public_key()
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
        numbers = public.public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def data(self, rp_id: str, more: bytes = b"", flags: int = 0) -> bytes:
        head = hashlib.sha256(rp_id.encode()).digest()
        return head + struct.pack(">BI", self.flags | flags, self.counter) + more

    def create(self, options: dict, rp_id: str = "") -> dict:
        """What `navigator.credentials.create()` gives."""
        key = self.cose()
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        data = self.data(rp_id or options["rp"]["id"], attested, ATTESTED)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self.client_data("webauthn.create", options["challenge"])
        return self._answer(
            {"clientDataJSON": b64url(client), "attestationObject": b64url(attestation)}
        )

    def get(self, options: dict, rp_id: str = "", challenge: str = "") -> dict:
        """What `navigator.credentials.get()` gives; each use raises the counter."""
        self.counter += 1
        data = self.data(rp_id or options["rpId"])
        client = self.client_data("webauthn.get", challenge or options["challenge"])
        signature = self.sign(data + hashlib.sha256(client).digest())
        return self._answer(
            {
                "clientDataJSON": b64url(client),
                "authenticatorData": b64url(data),
                "signature": b64url(signature),
            }
        )

    def _answer(self, response: dict) -> dict:
        name = b64url(self.id)
        return {
            "id": name, "rawId": name, "type": "public-key", "response": response,
            "clientExtensionResults": {},
        }  # fmt: skip
