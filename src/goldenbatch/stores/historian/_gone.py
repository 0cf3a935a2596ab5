"""Hand-overs whose readings were deleted: which, on whose word, and how they go from the disk.

File `gone.json`: the SHA-256 of the rest in hexadecimal, a line feed, and JSON: by number of the
hand-over the word and its files. It is written before the first byte goes, so that a deletion
that was cut short is finished when the historian is next opened for writing. Manifests stay:
they hold the digests by which roots and completeness are still checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from goldenbatch.core.chunks import HandOver
from goldenbatch.core.series import KINDS
from goldenbatch.stores.historian import _files, _manifest
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._manifest import FileEntry, Manifest
from goldenbatch.stores.historian._shifting import take_out as take_out_of_tiers
from goldenbatch.stores.historian._tiers import Tier

GONE = "gone.json"


@dataclass(frozen=True)
class Gone:
    """A hand-over whose readings were deleted.

    Attributes:
        why: On whose word, such as `deletion D-7`.
        files: All files that have held its rows: its own, and those of compactions.
    """

    why: str
    files: tuple[FileEntry, ...]


def load_gone(folder: Path) -> dict[int, Gone]:
    """What was deleted, by number of the hand-over.

    Raises:
        IntegrityError: The file was changed.
    """
    path = folder / GONE
    if not path.exists():
        return {}
    found = json.loads(_manifest.unseal(path))
    return {
        int(n): Gone(one["why"], tuple(FileEntry(**file) for file in one["files"]))
        for n, one in found.items()
    }


def store_gone(folder: Path, gone: Mapping[int, Gone]) -> None:
    """Write what was deleted, durable on return."""
    body = {str(n): asdict(one) for n, one in sorted(gone.items())}
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    _files.write_atomic(folder / GONE, _manifest.seal(data))


def is_left(cold: Cold, one: Gone) -> bool:
    """Whether a file of a deleted hand-over is still there."""
    return any(cold.place.has(file.kind, file.path) for file in one.files)


def take_out(cold: Cold, gone: Mapping[int, Gone], folder: Path, at: int) -> set[Tier]:
    """Take files out of the Delta tables and of tiers; done again it does nothing.

    Returns:
        Tiers whose own tables must follow.
    """
    for kind in KINDS:
        files = [file for one in gone.values() for file in one.files if file.kind == kind]
        if files:
            cold.remove(kind, files)
    files = [file for one in gone.values() for file in one.files]
    why = ", ".join(dict.fromkeys(one.why for one in gone.values()))
    return take_out_of_tiers(folder, cold, files, at, why)


def unlink(cold: Cold, gone: Mapping[int, Gone]) -> None:
    """Take files off the disk; done again it does nothing."""
    for kind in KINDS:
        paths = {file.path for one in gone.values() for file in one.files if file.kind == kind}
        if paths:
            cold.place.delete(kind, sorted(paths))


def hand_over(manifest: Manifest, gone: Mapping[int, Gone]) -> HandOver:
    """What outsiders need to know of a hand-over."""
    times = [_times(file) for file in manifest.files]
    first = min((one[0] for one in times), default=0)
    last = max((one[1] for one in times), default=-1)
    known = gone.get(manifest.n)
    return HandOver(
        n=manifest.n,
        chunks=tuple(chunk.body() for chunk in manifest.chunks),
        tags=frozenset(leaf.tag for chunk in manifest.chunks for leaf in chunk.leaves),
        window=(first, last + 1),
        deleted=known.why if known is not None else "",
    )


def _times(file: FileEntry) -> tuple[int, int]:
    stats = json.loads(file.stats)
    return _micros(stats["minValues"]["time"]), _micros(stats["maxValues"]["time"])


def _micros(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "us").astype(np.int64))
