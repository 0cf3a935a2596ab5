"""A folder of artefacts named by their SHA-256: whole or absent, checked whenever read.

Content lies at `sha256/ab/cdef...`; beside it `cdef....json` holds the media type, the size and
the SHA-256 over digest, media type and size, so that a changed type is seen as well. What was
deleted on somebody's word has `cdef....gone` instead, which says on whose.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldenbatch.core.errors import BadInputError, GoldenbatchError, IntegrityError, NotFoundError

MEDIA_TYPES = frozenset(
    {
        "application/json",
        "application/onnx",
        "application/pdf",
        "application/toml",
        "application/vnd.apache.arrow.file",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/x-ndjson",
        "application/xml",
        "application/zip",
        "image/jpeg",
        "image/png",
        "image/svg+xml",
        "image/tiff",
        "text/csv",
        "text/html",
        "text/markdown",
        "text/plain",
        "text/tab-separated-values",
        "text/xml",
    }
)
"""Media types that are kept; none of them runs code when it is loaded."""

VENDOR = re.compile(r"^application/vnd\.goldenbatch\.[a-z0-9.-]+(\+json)?$")
DIGEST = re.compile(r"^[0-9a-f]{64}$")
PICKLE = re.compile(rb"^\x80[\x02-\x05]")


class ArtefactRefusedError(GoldenbatchError):
    """An artefact that could not be made durable; nothing of it was kept."""

    exit_code = 74


def _sync_dir(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_whole(path: Path, data: bytes) -> None:
    """Write under another name, sync, rename, sync the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ArtefactRefusedError(
            f"artefact {path} was not stored ({error.strerror}).",
            hint="Make room on the disk and store it again; nothing of it was kept.",
        ) from error
    _sync_dir(path.parent)


def _make_dir(path: Path) -> None:
    if not path.is_dir():
        _make_dir(path.parent)
        path.mkdir(exist_ok=True)
        _sync_dir(path.parent)


class Registry:
    """Artefacts by digest.

    Args:
        path: The registry's folder; it is made.
    """

    def __init__(self, path: Path | str) -> None:
        self._folder = Path(path) / "sha256"
        _make_dir(self._folder)

    def _path(self, digest: str) -> Path:
        if not DIGEST.match(digest):
            raise BadInputError(
                f"{digest[:80]!r} is no SHA-256.", hint="Give its 64 hexadecimal digits."
            )
        return self._folder / digest[:2] / digest[2:]

    @staticmethod
    def _sidecar(path: Path) -> Path:
        return path.with_name(f"{path.name}.json")

    @staticmethod
    def _tombstone(path: Path) -> Path:
        return path.with_name(f"{path.name}.gone")

    def put(self, content: bytes, media_type: str) -> str:
        """Store and return the SHA-256; the same content again does nothing.

        Raises:
            BadInputError: The media type is not one of `MEDIA_TYPES`, or the content is a pickle.
            ArtefactRefusedError: The disk is full or broken.
            IntegrityError: It is stored already and was changed since.
        """
        if media_type not in MEDIA_TYPES and not VENDOR.match(media_type):
            raise BadInputError(
                f"media type {media_type!r} is not kept.",
                hint=f"Use one of {', '.join(sorted(MEDIA_TYPES))}.",
            )
        if PICKLE.match(content) and content.endswith(b"."):
            raise BadInputError(
                "the artefact is a pickle, which runs code when it is loaded.",
                hint="Store its numbers as JSON, Arrow or ONNX.",
            )
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        sidecar = self._sidecar(path)
        if path.exists() and sidecar.exists():
            self._require_whole(digest)
            return digest
        _make_dir(path.parent)
        _write_whole(path, content)
        _write_whole(sidecar, _seal(digest, media_type, len(content)))
        self._tombstone(path).unlink(missing_ok=True)
        return digest

    def delete(self, digest: str, why: str) -> int:
        """Delete an artefact for good and keep on whose word; the same again does nothing.

        Args:
            digest: Of the artefact.
            why: What says so, such as `deletion D-7`; shown to whoever asks for it later.

        Returns:
            Bytes that went; 0 when it was deleted before.

        Raises:
            NotFoundError: It was never there, or is missing without a word.
            ArtefactRefusedError: The disk is full or broken; call it again.
        """
        path = self._path(digest)
        size = path.stat().st_size if path.exists() else 0
        if not path.exists() and not self._tombstone(path).exists():
            raise NotFoundError(
                f"artefact {digest} is not in the registry.", hint="Restore it from a backup."
            )
        if not self._tombstone(path).exists():
            _write_whole(self._tombstone(path), json.dumps({"why": why}).encode() + b"\n")
        path.unlink(missing_ok=True)
        self._sidecar(path).unlink(missing_ok=True)
        _sync_dir(path.parent)
        return size

    def deleted(self) -> dict[str, str]:
        """Digests of what was deleted, and on whose word."""
        found = {}
        for path in sorted(self._folder.glob("*/*.gone")):
            digest = path.parent.name + path.name.removesuffix(".gone")
            if DIGEST.match(digest):
                found[digest] = self._why(path)
        return found

    @staticmethod
    def _why(tombstone: Path) -> str:
        try:
            return str(json.loads(tombstone.read_bytes())["why"])
        except (OSError, ValueError, KeyError, TypeError):
            return "a word that cannot be read"

    def get(self, digest: str) -> bytes:
        """Content of a digest.

        Raises:
            NotFoundError: Nothing is stored under it.
            IntegrityError: What is stored is not what was put.
        """
        path = self._path(digest)
        if not path.exists():
            if self._tombstone(path).exists():
                why = self._why(self._tombstone(path))
                raise NotFoundError(f"artefact {digest} was deleted under {why}.")
            raise NotFoundError(
                f"artefact {digest} is not in the registry.", hint="Restore it from a backup."
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(
                f"artefact {digest} is not what was put ({path}).",
                hint="Restore the file from the home's backup.",
            )
        return content

    def media_type(self, digest: str) -> str:
        """Media type of an artefact.

        Raises:
            NotFoundError: Nothing is stored under the digest.
            IntegrityError: The type is missing or was changed.
        """
        path = self._path(digest)
        if not path.exists():
            raise NotFoundError(f"artefact {digest} is not in the registry.")
        sidecar = self._sidecar(path)
        try:
            data = sidecar.read_bytes()
            stored = json.loads(data)
            media_type = str(stored["media_type"])
            is_right = data == _seal(digest, media_type, int(stored["size"]))
        except (OSError, ValueError, KeyError, TypeError):
            is_right, media_type = False, ""
        if not is_right:
            raise IntegrityError(
                f"the media type of artefact {digest} is missing or was changed ({sidecar}).",
                hint="Restore the file from the home's backup.",
            )
        return media_type

    def _require_whole(self, digest: str) -> None:
        self.get(digest)
        self.media_type(digest)

    def digests(self) -> Iterator[str]:
        """All digests, ascending; of those, too, whose content is gone and whose type is left."""
        names = {
            path.parent.name + path.name.removesuffix(".json") for path in self._folder.glob("*/*")
        }
        yield from sorted(name for name in names if DIGEST.match(name))

    def check(self) -> Sequence[str]:
        """Digests of all artefacts that are damaged or missing their type."""
        damaged = []
        for digest in self.digests():
            try:
                self._require_whole(digest)
            except (IntegrityError, NotFoundError):
                damaged.append(digest)
        return damaged


def _seal(digest: str, media_type: str, size: int) -> bytes:
    seal = hashlib.sha256(f"{digest}\n{media_type}\n{size}".encode()).hexdigest()
    body = {"media_type": media_type, "seal": seal, "size": size}
    return json.dumps(body, sort_keys=True).encode() + b"\n"
