"""What a hand-over moves, written whole before it begins: files, frames, chunks and leaves.

File `chunks/<last seq>.json`: the SHA-256 of the rest in hexadecimal, a line feed, and JSON.
Each names the digest of the one before it, so that none can vanish unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from goldenbatch.core.chunks import ChunkClosed, FrameEntry, frames_bytes, leaf_hash, merkle_root
from goldenbatch.core.errors import IntegrityError
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian._leaves import Leaf

STATE = "state.json"


@dataclass(frozen=True)
class FileEntry:
    """A Parquet file of a hand-over.

    Attributes:
        kind: Table it belongs to.
        path: Below the table's folder.
        size: Bytes.
        sha256: Of its content.
        date: Partition, ISO 8601.
        stats: Statistics as they stand in the Delta log.
    """

    kind: str
    path: str
    size: int
    sha256: str
    date: str
    stats: str


@dataclass(frozen=True)
class SourceChunk:
    """One source's part of a hand-over; `leaves` are (tag, kind, n_readings, digest)."""

    source: str
    chunk: int
    first_seq: int
    last_seq: int
    tables: Mapping[str, int]
    root: str
    leaves: tuple[Leaf, ...]

    def body(self) -> ChunkClosed:
        """What is recorded in the ledger."""
        return ChunkClosed(
            source=self.source,
            chunk=self.chunk,
            first_seq=self.first_seq,
            last_seq=self.last_seq,
            tables=dict(self.tables),
            n_readings=sum(self.tables.values()),
            root=self.root,
        )


@dataclass(frozen=True)
class Manifest:
    """A hand-over of the frames `base < seq <= n`."""

    n: int
    base: int
    previous: str
    chain: str
    files: tuple[FileEntry, ...]
    frames: tuple[FrameEntry, ...]
    chunks: tuple[SourceChunk, ...]


@dataclass(frozen=True)
class State:
    """How far the hand-overs have come; can be rebuilt from the manifests.

    Attributes:
        n: Last frame that was handed over and whose log may be cut.
        chain: Digest of that frame's raw record.
        manifest: Digest of the newest finished manifest.
        recorded: Last hand-over whose chunks the recorder has taken.
        chunks: Number of the last chunk of each source.
    """

    n: int = 0
    chain: str = "00" * 32
    manifest: str = ""
    recorded: int = 0
    chunks: Mapping[str, int] = field(default_factory=dict)


def chunk_root(frames: list[FrameEntry], leaves: list[Leaf]) -> str:
    """Root of a source's chunk; the leaves must stand by the bytes of their tags."""
    hashes = [leaf_hash(frames_bytes(frames)), *(bytes.fromhex(leaf.digest) for leaf in leaves)]
    return merkle_root(hashes).hex()


def manifest_path(folder: Path, n: int) -> Path:
    """Where the manifest of a hand-over lies."""
    return folder / f"{n:020d}.json"


def seal(body: bytes) -> bytes:
    """A body with its digest before it."""
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unseal(path: Path) -> bytes:
    """The body of a sealed file.

    Raises:
        IntegrityError: The file was changed.
    """
    data = path.read_bytes()
    if data[64:65] != b"\n" or hashlib.sha256(data[65:]).hexdigest().encode() != data[:64]:
        raise IntegrityError(
            f"{path} does not match its own digest.", hint="Restore it from the home's backup."
        )
    return data[65:]


def store_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest, durable on return."""
    # Not `asdict`: it copies a million leaves before it writes the first.
    text = json.dumps(vars(manifest), ensure_ascii=False, separators=(",", ":"), default=vars)
    body = text.encode()
    _files.write_atomic(manifest_path(folder, manifest.n), seal(body))


def load_manifest(path: Path) -> Manifest:
    """A manifest as it was written.

    Raises:
        IntegrityError: The file was changed.
    """
    data: dict[str, Any] = json.loads(unseal(path))
    data["files"] = tuple(FileEntry(**item) for item in data["files"])
    data["frames"] = tuple(FrameEntry(**item) for item in data["frames"])
    data["chunks"] = tuple(
        SourceChunk(**{**item, "leaves": tuple(Leaf(**leaf) for leaf in item["leaves"])})
        for item in data["chunks"]
    )
    return Manifest(**data)


def manifest_digest(folder: Path, n: int) -> str:
    """Digest by which the next manifest names this one; of none: empty."""
    path = manifest_path(folder, n)
    return path.read_bytes()[:64].decode("ascii", "replace") if n else ""


def manifest_numbers(folder: Path) -> Iterator[int]:
    """Numbers of all manifests, ascending."""
    return iter(sorted(int(path.stem) for path in folder.glob("*.json")))


def after(state: State, manifest: Manifest, digest: str, recorded: int) -> State:
    """State when a hand-over is finished."""
    chunks = {**state.chunks, **{part.source: part.chunk for part in manifest.chunks}}
    return State(manifest.n, manifest.chain, digest, recorded, chunks)


def store_state(folder: Path, state: State) -> None:
    """Write the state, durable on return."""
    body = json.dumps(asdict(state), ensure_ascii=False, sort_keys=True).encode()
    _files.write_atomic(folder / STATE, seal(body))


def load_state(folder: Path) -> State:
    """State of a historian; a new one when nothing was handed over.

    Raises:
        IntegrityError: The file was changed.
    """
    path = folder / STATE
    return State(**json.loads(unseal(path))) if path.exists() else State()
