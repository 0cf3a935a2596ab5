"""Tiles: from them alone the root of the checkpoint can be computed, at every width."""

from __future__ import annotations

import struct

import pytest

from goldenbatch.core.errors import NotFoundError
from goldenbatch.stores.ledger.tiles import tile_path, tiles
from goldenbatch.stores.ledger.tree import leaf_hash, root_of


def entries_of(data):
    found = []
    while data:
        (size,) = struct.unpack(">H", data[:2])
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


@pytest.mark.parametrize("n", [1, 255, 256, 257, 700])
def test_the_tiles_give_the_root(ledger, kit, n):
    versions = 0
    while versions < n:
        more = min(100, n - versions)
        ledger.append([kit.weighed("t", versions + i) for i in range(more)])
        versions += more
    made = ledger.checkpoint()
    files = dict(tiles(ledger))
    assert files.pop("checkpoint").decode() == made.note
    widths = [256] * (n // 256) + ([n % 256] if n % 256 else [])
    leaves, entries = [], []
    for number, width in enumerate(widths):
        tile = files.pop(tile_path(0, number, width))
        leaves += [tile[i : i + 32] for i in range(0, len(tile), 32)]
        entries += entries_of(files.pop(tile_path("entries", number, width)))
    assert [leaf_hash(one) for one in entries] == leaves
    assert root_of(leaves) == made.root
    if n >= 256:  # the level above holds the roots of whole tiles
        upper = files.pop(tile_path(1, 0, n // 256))
        assert upper == b"".join(
            root_of(leaves[i : i + 256]) for i in range(0, n // 256 * 256, 256)
        )
    assert not files


def test_without_a_checkpoint_there_is_nothing(ledger, kit):
    ledger.append([kit.weighed("t", 0)])
    with pytest.raises(NotFoundError):
        list(tiles(ledger))
