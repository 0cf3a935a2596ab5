"""Signed notes and checkpoints in the C2SP forms, with several signature lines.

References:
    C2SP signed-note, https://c2sp.org/signed-note
    C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint
    C2SP tlog-cosignature (cosignature/v1), https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from goldenbatch.core.errors import IntegrityError, NotFoundError
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.tree import HASH_SIZE

_ED25519, _COSIGNATURE = 1, 4
_TIME_BYTES = 8
_MAX_BYTES = 1_000_000
_MAX_LINES = 100
_LINE = re.compile(r"^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$")
_ALGORITHM_BYTES, _ID_BYTES, _RAW_KEY_BYTES = 1, 4, 32


@dataclass(frozen=True)
class VerifierKey:
    """A public key with the name of its holder.

    Attributes:
        name: Name on the signature lines; no spaces, no plus.
        algorithm: C2SP signature type; 1 is Ed25519, 4 a witness's cosignature with Ed25519.
        public: The key's bytes.
    """

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or re.search(r"[\s+]", self.name):
            raise ProofError(f"key name {self.name!r} is empty or has a space or a plus.")
        is_known = self.algorithm in (_ED25519, _COSIGNATURE)
        if not is_known or len(self.public) != _RAW_KEY_BYTES:
            raise ProofError(
                f"key {self.name} is of type {self.algorithm}, not Ed25519 (1 or 4).",
                hint="Give the Ed25519 verifier key of this signer.",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form `name+id+base64(type || key)`.

        Raises:
            ProofError: The text has not this form, or the id is not the key's.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        data = _decode(encoded, f"verifier key {name}")
        if len(data) <= _ALGORITHM_BYTES:
            raise ProofError(f"verifier key {text.strip()!r} is too short.")
        key = cls(name, data[0], data[1:])
        if key.id.hex() != key_id:
            raise ProofError(f"verifier key {name} has the id {key.id.hex()}, not {key_id}.")
        return key

    @property
    def id(self) -> bytes:
        """First four bytes of SHA-256(name || newline || type || key)."""
        data = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return hashlib.sha256(data).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """The form `name+id+base64(type || key)`."""
        encoded = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    @property
    def is_witness(self) -> bool:
        """Whether it signs that it saw the checkpoints of others."""
        return self.algorithm == _COSIGNATURE

    def is_valid(self, text: bytes, signature: bytes) -> bool:
        """Whether the holder of this key signed the text."""
        if self.is_witness:
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            text, signature = _cosigned(text, seconds), signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key that signs notes.

    Args:
        name: Name on the signature lines, such as the origin of the log.
        private: The key.
    """

    algorithm = _ED25519

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes_raw()
        self.verifier = VerifierKey(name, self.algorithm, raw)

    @classmethod
    def create(cls, path: Path, name: str) -> Self:
        """Make a key and write it as PEM, readable by its owner only.

        Raises:
            FileExistsError: A key is there already; it is never overwritten.
        """
        private = Ed25519PrivateKey.generate()
        signer = cls(name, private)
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        return signer

    @classmethod
    def load(cls, path: Path, name: str) -> Self:
        """Read a key from PEM or from its 32 raw bytes.

        Raises:
            NotFoundError: There is no such file.
            IntegrityError: The file is no Ed25519 key, or others may read it.
        """
        try:
            data, mode = path.read_bytes(), path.stat().st_mode
        except FileNotFoundError as error:
            raise NotFoundError(
                f"there is no signing key {path}.", hint="Restore it from the backup of the home."
            ) from error
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise IntegrityError(
                f"others may read the signing key {path}.", hint=f"Run `chmod 600 {path}`."
            )
        return cls(name, _private_key(data, path))

    def sign(self, text: bytes) -> bytes:
        """Signature of a text."""
        return self._private.sign(text)

    def derived(self, purpose: bytes) -> bytes:
        """A secret of 32 bytes for one other purpose, which tells nothing of the key itself.

        References:
            RFC 5869 (HKDF).
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, None, purpose).derive(self._private.private_bytes_raw())


class Cosigner(Signer):
    """The private key of a witness; it signs a checkpoint together with the time."""

    algorithm = _COSIGNATURE

    def cosign(self, note: str, seconds: int) -> str:
        """The note with one more line, which says that the witness saw it at a time.

        Args:
            note: Checkpoint of a log, signed by it; check it and its history before.
            seconds: Time in seconds since 1970 UTC.
        """
        text = parse_note(note).text.encode()
        proof = self.sign(_cosigned(text, seconds))
        data = self.verifier.id + seconds.to_bytes(_TIME_BYTES, "big") + proof
        return f"{note}\u2014 {self.verifier.name} {base64.b64encode(data).decode()}\n"


def without_unknown(note: str, verifiers: Sequence[VerifierKey]) -> str:
    """The note with the signature lines of known keys only."""
    text, _, tail = note.rpartition("\n\n")
    known = {(key.name, key.id) for key in verifiers}
    lines = zip(parse_note(note).signatures, tail.splitlines(keepends=True), strict=True)
    kept = "".join(line for (name, key_id, _), line in lines if (name, key_id) in known)
    return f"{text}\n\n{kept}"


def cosigned_at(note: str, key: VerifierKey) -> int | None:
    """When a witness signed a note, in seconds since 1970 UTC; None if it has not.

    Raises:
        ProofError: The note is malformed, or the line of the witness is false.
    """
    signed = parse_note(note)
    for name, key_id, signature in signed.signatures:
        if (name, key_id) == (key.name, key.id):
            if not key.is_valid(signed.text.encode(), signature):
                raise ProofError(f"the cosignature of {name} does not fit the note.")
            return int.from_bytes(signature[:_TIME_BYTES], "big")
    return None


def _cosigned(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + text


@dataclass(frozen=True)
class Keyring:
    """Who signs checkpoints here, and whose signatures are known.

    Attributes:
        signers: Each adds a signature line.
        verifiers: Known public keys besides those of the signers, such as former ones.
    """

    signers: tuple[Signer, ...] = ()
    verifiers: tuple[VerifierKey, ...] = ()

    def known(self) -> tuple[VerifierKey, ...]:
        """All known public keys."""
        return (*(signer.verifier for signer in self.signers), *self.verifiers)


@dataclass(frozen=True)
class SignedNote:
    """A text and its signature lines.

    Attributes:
        text: What was signed, with its last newline.
        signatures: (name, key id, signature) of each line, known or not.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the size and root of a log.

    Attributes:
        origin: Name of the log.
        size: Number of leaves.
        root: Root hash.
        note: The signed note as text.
        extensions: Further lines of the signed text.
    """

    origin: str
    size: int
    root: bytes
    note: str = field(repr=False)
    extensions: tuple[str, ...] = ()


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """Sign a text, one line per signer.

    Raises:
        ValueError: No signer, or the text does not end with a newline.
    """
    if not signers or not text.endswith("\n"):
        raise ValueError("a note needs a signer and a text that ends with a newline")
    lines = []
    for signer in signers:
        data = signer.verifier.id + signer.sign(text.encode())
        lines.append(f"\u2014 {signer.verifier.name} {base64.b64encode(data).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def parse_note(note: str) -> SignedNote:
    """Split a note into its text and its signature lines, checking no signature.

    Raises:
        ProofError: The note is not of the form.
    """
    text, blank, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines[-1] or len(lines) < 2 or len(lines) > _MAX_LINES + 1:
        raise ProofError("the note has no signature lines after its last empty line.")
    if len(note) > _MAX_BYTES or re.search(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]", note):
        raise ProofError("the note is too long or holds control characters.")
    signatures = []
    for line in lines[:-1]:
        match = _LINE.match(line)
        if match is None:
            raise ProofError(f"the note has the malformed signature line {line[:80]!r}.")
        data = _decode(match[2], "a signature line")
        if len(data) <= _ID_BYTES:
            raise ProofError(f"the note has the short signature line {line[:80]!r}.")
        signatures.append((match[1], data[:_ID_BYTES], data[_ID_BYTES:]))
    return SignedNote(text + "\n", tuple(signatures))


def open_note(note: str, verifiers: Sequence[VerifierKey]) -> SignedNote:
    """Check a note: a known key signed it, and no line of a known key is false.

    Lines of unknown keys are left alone, as the form demands. Witnesses only add to the
    signature of the log.

    Raises:
        ProofError: The note is malformed, a signature is false, or no key is known.
    """
    signed = parse_note(note)
    n_valid = 0
    for name, key_id, signature in signed.signatures:
        for key in verifiers:
            if (key.name, key.id) != (name, key_id):
                continue
            if not key.is_valid(signed.text.encode(), signature):
                raise ProofError(f"the signature of {name} does not fit the note.")
            n_valid += not key.is_witness
            break
    if not n_valid:
        names = ", ".join(sorted({name for name, _, _ in signed.signatures}))
        raise ProofError(
            f"no known key signed the note; it names {names}.",
            hint="Give the verifier key of the log.",
        )
    return signed


def checkpoint_note(
    origin: str,
    size: int,
    root: bytes,
    signers: Sequence[Signer],
    extensions: tuple[str, ...] = (),
) -> Checkpoint:
    """Make and sign a checkpoint; extensions are further lines that are signed with it."""
    lines = (origin, str(size), base64.b64encode(root).decode(), *extensions)
    text = "".join(f"{line}\n" for line in lines)
    return Checkpoint(origin, size, root, sign_note(text, signers), extensions)


def parse_checkpoint(note: str, verifiers: Sequence[VerifierKey] | None = None) -> Checkpoint:
    """Read a checkpoint; with keys, check its signatures as well.

    Raises:
        ProofError: The note is malformed, or a signature false or of nobody known.
    """
    signed = parse_note(note) if verifiers is None else open_note(note, verifiers)
    lines = signed.text.split("\n")[:-1]
    if len(lines) < 3 or not lines[0] or not all(lines[3:]):
        raise ProofError("the checkpoint lacks its origin, size or root.")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise ProofError(f"the checkpoint has the malformed size {lines[1][:40]!r}.")
    root = _decode(lines[2], "the root of the checkpoint")
    if len(root) != HASH_SIZE:
        raise ProofError("the root of the checkpoint is not of 32 bytes.")
    return Checkpoint(lines[0], int(lines[1]), root, note, tuple(lines[3:]))


def _decode(text: str, what: str) -> bytes:
    """Strict base64: one text for one value, so that no byte of a note is free."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"{what} is no base64.") from error
    if base64.b64encode(data).decode() != text:
        raise ProofError(f"{what} is not in the one form of base64.")
    return data


def _private_key(data: bytes, path: Path) -> Ed25519PrivateKey:
    if len(data) == _RAW_KEY_BYTES:
        return Ed25519PrivateKey.from_private_bytes(data)
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"{path} is no private key.", hint="Restore it from the backup of the home."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IntegrityError(f"{path} is no Ed25519 key.", hint="Restore it from the backup.")
    return key
