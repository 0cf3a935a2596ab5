"""Artefacts named by their SHA-256, in a folder or a bucket: whole or absent, checked when read.

Content lies at `sha256/ab/cdef...`; beside it `cdef....json` holds the media type, the size and
the SHA-256 over digest, media type and size, so that a changed type is seen as well. What was
deleted on somebody's word has `cdef....gone` instead, which says on whose.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from goldenbatch.core.artefacts import (
    MEDIA_TYPES,
    check_artefact,
    is_model_type,
    require_approved,
)
from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, NotFoundError
from goldenbatch.stores.registry._places import (
    ArtefactRefusedError,
    Bucket,
    Folder,
    Place,
    make_dir,
    open_place,
    settle,
)

__all__ = ["MEDIA_TYPES", "ArtefactFacts", "ArtefactRefusedError", "Registry"]

DIGEST = re.compile(r"^[0-9a-f]{64}\Z")
_KEPT = "sha256"


@dataclass(frozen=True)
class ArtefactFacts:
    """What the registry knows of an artefact beside its content."""

    digest: str
    media_type: str
    size: int


class Registry:
    """Artefacts by digest.

    Args:
        path: The registry's folder; it is made. Where a URL was settled, the artefacts lie there.
            A URL is taken as it is, for whoever has no home.
        url: Such as `s3://bucket/site`, `gs://...` or `az://...`; empty: what was settled, or
            the folder itself. The first opening with a URL settles it for good.
        is_read_only: Make and settle nothing.

    Raises:
        BadInputError: Artefacts lie in another place than the one named.
    """

    def __init__(self, path: Path | str, url: str = "", *, is_read_only: bool = False) -> None:
        is_url = "://" in str(path)
        self._root = None if is_url else Path(path)
        self._place: Place = (
            Bucket(str(path).rstrip("/"))
            if is_url
            else open_place(Path(path), url, is_read_only=is_read_only)
        )
        if isinstance(self._place, Folder) and not is_read_only:
            make_dir(Path(path) / _KEPT)

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """A registry by its folder, or by its URL alone."""
        return cls(where)

    @property
    def url(self) -> str:
        """Where the artefacts lie; empty: in a folder of this machine."""
        return self._place.describe("").rstrip("/") if isinstance(self._place, Bucket) else ""

    def put(self, content: bytes, media_type: str) -> str:
        """Store and return the SHA-256; the same content again does nothing.

        Raises:
            BadInputError: The media type is not one of `MEDIA_TYPES`.
            ArtefactContentError: Loading it would run code, or it is no such model.
            ConflictError: It is stored already as a model of another type.
            ArtefactRefusedError: The disk or the bucket is full or broken.
            IntegrityError: It is stored already and was changed since.
        """
        check_artefact(content, media_type)
        digest = hashlib.sha256(content).hexdigest()
        name = _name(digest)
        if self._place.has(name) and self._place.has(f"{name}.json"):
            self.get(digest)
            if not self._is_another(digest, media_type):
                return digest
        else:
            self._place.write(name, content)
        self._place.write(f"{name}.json", _seal(digest, media_type, len(content)))
        self._place.delete(f"{name}.gone")
        return digest

    def _is_another(self, digest: str, media_type: str) -> bool:
        """Whether the type is to be replaced: a file that came in as a document is a model."""
        stored = self.media_type(digest)
        if stored == media_type or not is_model_type(media_type):
            return False
        if is_model_type(stored):
            raise ConflictError(
                f"artefact {digest} is stored already, as {stored} and not as {media_type}.",
                hint="Use it as what it was stored as.",
            )
        return True

    def delete(self, digest: str, why: str) -> int:
        """Delete an artefact for good and keep on whose word; the same again does nothing.

        Args:
            digest: Of the artefact.
            why: What says so, such as `deletion D-7`; shown to whoever asks for it later.

        Returns:
            Bytes that went; 0 when it was deleted before.

        Raises:
            NotFoundError: It was never there, or is missing without a word.
            ArtefactRefusedError: The disk or the bucket is full or broken; call it again.
        """
        name = _name(digest)
        is_gone = self._place.has(f"{name}.gone")
        if not is_gone and not self._place.has(name):
            raise NotFoundError(
                f"artefact {digest} is not in the registry.", hint="Restore it from a backup."
            )
        if not is_gone:
            self._place.write(f"{name}.gone", json.dumps({"why": why}).encode() + b"\n")
        size = self._place.delete(name)
        self._place.delete(f"{name}.json")
        return size

    def deleted(self) -> dict[str, str]:
        """Digests of what was deleted, and on whose word."""
        found = {}
        for name in sorted(self._place.names()):
            digest = _digest(name.removesuffix(".gone"))
            if name.endswith(".gone") and digest:
                found[digest] = self._why(digest)
        return found

    def _why(self, digest: str) -> str:
        try:
            return str(json.loads(self._place.read(f"{_name(digest)}.gone") or b"")["why"])
        except (ValueError, KeyError, TypeError):
            return "a word that cannot be read"

    def get(self, digest: str) -> bytes:
        """Content of a digest.

        Raises:
            NotFoundError: Nothing is stored under it.
            IntegrityError: What is stored is not what was put.
        """
        name = _name(digest)
        content = self._place.read(name)
        if content is None:
            if self._place.has(f"{name}.gone"):
                raise NotFoundError(f"artefact {digest} was deleted under {self._why(digest)}.")
            raise NotFoundError(
                f"artefact {digest} is not in the registry.", hint="Restore it from a backup."
            )
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(
                f"artefact {digest} is not what was put ({self._place.describe(name)}).",
                hint="Restore the file from the home's backup.",
            )
        return content

    def get_approved(self, digest: str, media_type: str) -> bytes:
        """Content that is to be loaded: of the approved digest, of the approved type, no code.

        Args:
            digest: As it was approved.
            media_type: As it was approved.

        Raises:
            NotFoundError: Nothing is stored under the digest.
            IntegrityError: Content or type is not the approved one.
            ArtefactContentError: Loading it would run code, or it is no such model.
        """
        content = self.get(digest)
        require_approved(content, digest, self.media_type(digest), media_type)
        return content

    def media_type(self, digest: str) -> str:
        """Media type of an artefact.

        Raises:
            NotFoundError: Nothing is stored under the digest.
            IntegrityError: The type is missing or was changed.
        """
        return self.facts(digest).media_type

    def facts(self, digest: str) -> ArtefactFacts:
        """Media type and size of an artefact.

        Raises:
            NotFoundError: Nothing is stored under the digest.
            IntegrityError: The type is missing or was changed.
        """
        name = _name(digest)
        data = self._place.read(f"{name}.json")
        if data is None and not self._place.has(name):
            raise NotFoundError(f"artefact {digest} is not in the registry.")
        try:
            stored = json.loads(data or b"")
            facts = ArtefactFacts(digest, str(stored["media_type"]), int(stored["size"]))
            is_right = data == _seal(digest, facts.media_type, facts.size)
        except (ValueError, KeyError, TypeError):
            is_right = False
        if not is_right:
            where = self._place.describe(f"{name}.json")
            raise IntegrityError(
                f"the media type of artefact {digest} is missing or was changed ({where}).",
                hint="Restore the file from the home's backup.",
            )
        return facts

    def digests(self) -> Iterator[str]:
        """All digests, ascending; of those, too, whose content is gone and whose type is left."""
        found = {_digest(name.removesuffix(".json")) for name in self._place.names()}
        yield from sorted(found - {""})

    def check(self) -> Sequence[str]:
        """Digests of all artefacts that are damaged or missing their type."""
        damaged = []
        for digest in self.digests():
            try:
                if len(self.get(digest)) != self.facts(digest).size:
                    damaged.append(digest)
            except (IntegrityError, NotFoundError):
                damaged.append(digest)
        return damaged

    def copies(self) -> Iterator[tuple[str, bytes]]:
        """All that the registry is made of, as names and bytes: for a backup, or another place."""
        for name in sorted(self._place.names()):
            data = self._place.read(name)
            if data is not None:
                yield name, data

    def move(self, url: str) -> int:
        """Move everything to another place, check it there, and work with that from now on.

        What lay in the old place is deleted when all of it is in the new one: a later deletion
        would not reach it. After a crash the same call finishes the work.

        Args:
            url: Such as `s3://bucket/site`; empty: the registry's folder.

        Returns:
            How many objects lie there now.

        Raises:
            ConflictError: The new place holds artefacts of others.
            IntegrityError: A copy is not what was read.
            ArtefactRefusedError: The new place is full or cannot be reached; nothing changed.
        """
        if self._root is None:
            raise ConflictError("a registry without a folder stays where it is.")
        wanted = url.rstrip("/")
        if wanted == self.url:
            return self._tidy(Folder(self._root)) if wanted else len(list(self._place.names()))
        target: Place = Bucket(wanted) if wanted else Folder(self._root)
        names = set(self._place.names())
        if not names.issuperset(target.names()):
            raise ConflictError(
                f"{target.describe('')} holds artefacts of others.",
                hint="Name a place that is empty.",
            )
        for name, data in self.copies():
            target.write(name, data)
            if target.read(name) != data:
                raise IntegrityError(f"{target.describe(name)} is not what was written.")
        settle(self._root, wanted)
        old, self._place = self._place, target
        return self._tidy(old)

    def _tidy(self, old: Place) -> int:
        """Delete from an old place what lies here; how much lies here."""
        names = set(self._place.names())
        for name in names.intersection(old.names()):
            old.delete(name)
        return len(names)


def _name(digest: str) -> str:
    if not DIGEST.match(digest):
        raise BadInputError(
            f"{digest[:80]!r} is no SHA-256.", hint="Give its 64 hexadecimal digits."
        )
    return f"{_KEPT}/{digest[:2]}/{digest[2:]}"


def _digest(name: str) -> str:
    """Digest of a name such as `sha256/ab/cdef...`; empty when it is none."""
    parts = name.split("/")
    found = "".join(parts[1:])
    is_one = len(parts) == 3 and parts[0] == _KEPT and len(parts[1]) == 2 and DIGEST.match(found)
    return found if is_one else ""


def _seal(digest: str, media_type: str, size: int) -> bytes:
    seal = hashlib.sha256(f"{digest}\n{media_type}\n{size}".encode()).hexdigest()
    body = {"media_type": media_type, "seal": seal, "size": size}
    return json.dumps(body, sort_keys=True).encode() + b"\n"
