"""The tree as tiles, so that tools of others can read and check it.

Layout (below a folder): `checkpoint`, the newest note; `tile/<L>/<N>`, 256 hashes of level 8 L;
`tile/entries/<N>`, 256 leaves, each with its length before it (u16, big-endian). The last tile
of a level is partial: `<N>.p/<W>`. Numbers go in groups of three digits: 1234067 is
`x001/x234/067`.

References:
    C2SP tlog-tiles, https://c2sp.org/tlog-tiles
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.stores.ledger.tree import leaf_hash, node_hash

if TYPE_CHECKING:
    from goldenbatch.stores.ledger.ledger import Ledger

WIDTH, HEIGHT = 256, 8
_MAX_ENTRY = 2**16 - 1
Progress = Callable[[int, int], None]


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Path of a tile below the folder of a log.

    Args:
        level: Level of the tile from 0, or `entries`.
        number: Number of the tile in its level.
        width: Number of its hashes; less than 256 makes it a partial one.

    >>> tile_path(0, 1_234_067), tile_path(1, 5, 7)
    ('tile/0/x001/x234/067', 'tile/1/005.p/7')
    """
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    name = "/".join(groups)
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def tiles(ledger: Ledger, progress: Progress | None = None) -> Iterator[tuple[str, bytes]]:
    """All files of the log up to its newest checkpoint, as (path, content).

    Raises:
        NotFoundError: There is no checkpoint.
        BadInputError: An envelope is too long for the form.
    """
    notes = ledger.checkpoints()
    if not notes:
        raise NotFoundError("the ledger has no checkpoint.", hint="Make one first.")
    newest = notes[-1]
    levels: list[_Level] = []
    entries = bytearray()
    for seq, envelope, *_ in ledger.rows(0, newest.size):
        if len(envelope) > _MAX_ENTRY:
            raise BadInputError(
                f"the envelope of event {seq} has {len(envelope)} bytes; a tile takes {_MAX_ENTRY}."
            )
        entries += struct.pack(">H", len(envelope)) + envelope
        yield from _add(levels, 0, leaf_hash(envelope))
        if seq % WIDTH == 0:
            yield tile_path("entries", seq // WIDTH - 1), bytes(entries)
            entries.clear()
            if progress is not None:
                progress(seq, newest.size)
    if entries:
        n, width = divmod(newest.size, WIDTH)
        yield tile_path("entries", n, width), bytes(entries)
    for number, level in enumerate(levels):
        if level.hashes:
            yield tile_path(number, level.n_full, len(level.hashes)), b"".join(level.hashes)
    yield "checkpoint", newest.note.encode()


class _Level:
    """The unfinished tile of a level, and how many are finished."""

    def __init__(self) -> None:
        self.n_full = 0
        self.hashes: list[bytes] = []


def _add(levels: list[_Level], number: int, h: bytes) -> Iterator[tuple[str, bytes]]:
    if number == len(levels):
        levels.append(_Level())
    level = levels[number]
    level.hashes.append(h)
    if len(level.hashes) == WIDTH:
        full, level.hashes = level.hashes, []
        yield tile_path(number, level.n_full), b"".join(full)
        level.n_full += 1
        yield from _add(levels, number + 1, _top(full))


def _top(hashes: list[bytes]) -> bytes:
    """Root over the 256 hashes of a whole tile."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [node_hash(left, right) for left, right in pairs]
    return hashes[0]
