"""The chunk's bytes and tree are as documented, by an independent reckoning."""

from __future__ import annotations

import hashlib
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.chunks import (
    ChunkClosed,
    FrameEntry,
    frames_bytes,
    leaf_hash,
    merkle_root,
    readings_bytes,
)
from goldenbatch.core.records import record_types

# Leaves and roots of the test vectors of RFC 6962's reference implementation (Certificate
# Transparency, merkle_tree_test): the seventh root is that of the first seven leaves, and so on.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
}


def test_roots_of_certificate_transparency():
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
    for count, root in ROOTS.items():
        assert merkle_root(hashes[:count]).hex() == root
    assert merkle_root([]) == hashlib.sha256(b"").digest()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_root_is_the_recursive_definition(leaves):
    def mth(part):
        if len(part) == 1:
            return part[0]
        k = 1 << ((len(part) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + mth(part[:k]) + mth(part[k:])).digest()

    assert merkle_root(leaves) == mth(leaves)


def test_layout_byte_by_byte():
    rows = [(20, 2, 5, 0, None), (10, 1, 5, 0x80000000, 1.5)]
    expected = (
        b"goldenbatch/readings/1\n"
        + struct.pack("<I", 2)
        + "é".encode()
        + struct.pack("<I", 6)
        + b"number"
        + struct.pack("<q", 2)
        + struct.pack("<qqqqd", 10, 1, 5, 0x80000000, 1.5)
        + struct.pack("<qqqq", 20, 2, 5, 0)
        + bytes.fromhex("000000000000f87f")
    )
    assert readings_bytes("é", "number", rows) == expected
    text = readings_bytes("t", "text", [(1, 1, 1, 0, "ab"), (2, 1, 1, 0, None)])
    assert text.endswith(
        struct.pack("<qqqqi", 1, 1, 1, 0, 2) + b"ab" + struct.pack("<qqqqi", 2, 1, 1, 0, -1)
    )
    array = readings_bytes("a", "array", [(1, 1, 1, 0, [0.5, -2.0])])
    assert array.endswith(struct.pack("<qqqqidd", 1, 1, 1, 0, 2, 0.5, -2.0))


def test_frames_bind_key_origin_reason_and_digest():
    entry = FrameEntry(3, "s", "k", "number", 9, 2, "o", "r", "ab" * 32)
    data = frames_bytes([entry])
    assert data == (
        b"goldenbatch/frames/1\n"
        + struct.pack("<qqq", 3, 9, 2)
        + b"\x01\x00\x00\x00k\x06\x00\x00\x00number\x01\x00\x00\x00o\x01\x00\x00\x00r"
        + b"\xab" * 32
    )
    later = FrameEntry(4, "s", "k2", "number", 9, 2, "", "", "cd" * 32)
    assert frames_bytes([later, entry]) == frames_bytes([entry, later])


def test_record_type():
    assert record_types()["ChunkClosed"] is ChunkClosed
    body = ChunkClosed(
        source="s", chunk=1, first_seq=1, last_seq=2, tables={"number": 3}, n_readings=3,
        root="0" * 64,
    )  # fmt: skip
    assert ChunkClosed.model_validate(body.as_json()) == body
