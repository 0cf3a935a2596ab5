from __future__ import annotations

import base64
import hashlib
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import GoldenbatchError, IntegrityError, NotFoundError
from goldenbatch.stores.ledger import notes
from goldenbatch.stores.ledger.errors import ProofError


def signer(name, number=1):
    return notes.Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


ALICE, BOB = signer("example.org/alice", 1), signer("example.org/bob", 2)
ROOT = hashlib.sha256(b"root").digest()


def test_the_published_example_of_golang_sumdb_verifies():
    # The note and key in the documentation of golang.org/x/mod/sumdb/note.
    key = notes.VerifierKey.parse(
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    )
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd"
        "ngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert notes.open_note(note, [key]).text.startswith("If you think")
    assert str(key).startswith("PeterNeumann+c74f20a3+")
    with pytest.raises(ProofError, match="does not fit"):
        notes.open_note(note.replace("answer", "Answer"), [key])


def test_a_checkpoint_has_the_published_form():
    checkpoint = notes.checkpoint_note("example.org/log", 7, ROOT, [ALICE])
    lines = checkpoint.note.split("\n")
    assert lines[:4] == ["example.org/log", "7", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith("\u2014 example.org/alice ") and lines[5:] == [""]
    assert notes.parse_checkpoint(checkpoint.note, [ALICE.verifier]) == checkpoint


def test_several_lines_and_unknown_ones():
    note = notes.checkpoint_note("o", 0, ROOT, [ALICE, BOB]).note
    for keys in ([ALICE.verifier], [BOB.verifier], [ALICE.verifier, BOB.verifier]):
        assert notes.parse_checkpoint(note, keys).size == 0
    with pytest.raises(ProofError, match=r"no known key .*alice, example.org/bob"):
        notes.parse_checkpoint(note, [signer("example.org/carol", 3).verifier])
    with pytest.raises(ProofError, match="no known key"):
        notes.parse_checkpoint(note, [signer("example.org/alice", 3).verifier])


def test_one_false_line_of_a_known_key_spoils_the_note():
    good = notes.checkpoint_note("o", 5, ROOT, [ALICE, BOB]).note
    other = notes.checkpoint_note("o", 6, ROOT, [ALICE, BOB]).note
    mixed = good.rsplit("\n", 2)[0] + "\n" + other.rsplit("\n", 2)[1] + "\n"
    with pytest.raises(ProofError, match=r"signature of example\.org/bob does not fit"):
        notes.parse_checkpoint(mixed, [ALICE.verifier, BOB.verifier])


@given(st.data())
def test_no_byte_of_a_note_is_free(data):
    note = notes.checkpoint_note("example.org/log", 123, ROOT, [ALICE]).note
    raw = bytearray(note.encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        changed = raw.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(ProofError):
        notes.parse_checkpoint(changed, [ALICE.verifier])


@given(st.text(max_size=200) | st.text("\n\u2014 +ab0", max_size=60))
def test_any_text_is_either_a_note_or_refused(text):
    for read in (notes.parse_note, notes.parse_checkpoint, notes.VerifierKey.parse):
        try:
            read(text)
        except ProofError:
            pass


def test_verifier_keys_round_trip_and_are_checked():
    text = str(ALICE.verifier)
    assert notes.VerifierKey.parse(text) == ALICE.verifier
    name, key_id, data = text.split("+", 2)
    for bad in (f"x{text}", f"{name}+00000000+{data}", f"{name}+{key_id}", f"{name}+{key_id}+AQ=="):
        with pytest.raises(ProofError):
            notes.VerifierKey.parse(bad)


def test_keys_are_private_files_and_never_overwritten(tmp_path):
    path = tmp_path / "keys" / "log.pem"
    made = notes.Signer.create(path, "o")
    assert path.stat().st_mode & 0o777 == 0o600
    assert notes.Signer.load(path, "o").verifier == made.verifier
    with pytest.raises(FileExistsError):
        notes.Signer.create(path, "o")
    path.chmod(0o640)
    with pytest.raises(IntegrityError, match="others may read"):
        notes.Signer.load(path, "o")
    with pytest.raises(NotFoundError, match="no signing key"):
        notes.Signer.load(tmp_path / "none", "o")


def test_a_raw_key_is_read_and_another_kind_refused(tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(bytes([1]) * 32)
    os.chmod(path, 0o600)
    assert notes.Signer.load(path, "example.org/alice").verifier == ALICE.verifier
    path.write_bytes(b"-----BEGIN NONSENSE-----")
    with pytest.raises(GoldenbatchError, match="no private key"):
        notes.Signer.load(path, "o")
    with pytest.raises(ProofError, match="space or a plus"):
        signer("a name")
