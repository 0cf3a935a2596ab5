"""Which hand-over and source each row came with, told by the number of its frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from goldenbatch.stores.historian._columns import Ints
from goldenbatch.stores.historian._leaves import Leaf
from goldenbatch.stores.historian._manifest import Manifest

UNKNOWN = -1


@dataclass(frozen=True)
class Groups:
    """Sources of hand-overs, numbered.

    Attributes:
        seqs: Numbers of all frames, ascending.
        codes: Group of each frame.
        names: Hand-over and source of each group.
        chunks: Number of the chunk of each group.
        leaves: What each group is to hold of each tag.
    """

    seqs: Ints
    codes: Ints
    names: tuple[tuple[int, str], ...]
    chunks: tuple[int, ...]
    leaves: dict[tuple[int, str], Leaf]

    def of(self, seq: Ints) -> Ints:
        """Group of each row; -1 where no frame of a known hand-over has its number."""
        if not self.seqs.size:
            return np.full(len(seq), UNKNOWN, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.seqs, seq), len(self.seqs) - 1)
        return np.where(self.seqs[place] == seq, self.codes[place], UNKNOWN)


def groups_of(manifests: Iterable[Manifest], kind: str) -> Groups:
    """Groups of hand-overs; `leaves` are those of one kind of readings."""
    seqs: list[int] = []
    codes: list[int] = []
    names: list[tuple[int, str]] = []
    chunks: list[int] = []
    leaves: dict[tuple[int, str], Leaf] = {}
    for manifest in manifests:
        number = {}
        for chunk in manifest.chunks:
            number[chunk.source] = len(names)
            leaves.update(
                {(len(names), leaf.tag): leaf for leaf in chunk.leaves if leaf.kind == kind}
            )
            names.append((manifest.n, chunk.source))
            chunks.append(chunk.chunk)
        for frame in manifest.frames:
            seqs.append(frame.seq)
            codes.append(number[frame.source])
    return Groups(
        np.asarray(seqs, dtype=np.int64),
        np.asarray(codes, dtype=np.int64),
        tuple(names),
        tuple(chunks),
        leaves,
    )
