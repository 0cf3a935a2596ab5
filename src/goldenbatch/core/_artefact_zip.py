"""Pickles, wherever they hide: bare, compressed, in archives, in arrays of Python objects.

Nothing is unpacked whole: of each member its first bytes are read.

References:
    Python, pickletools: the opcodes of pickles. NumPy NEP 1: the header of .npy files.
"""

from __future__ import annotations

import ast
import bz2
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

from goldenbatch.core._artefact_errors import ArtefactContentError

ZIP_HEADS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MAX_MEMBERS: Final = 20_000
BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip
"""What reading a damaged archive raises."""
_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_HEAD = 4096
_MAX_DOCUMENT_BYTES = 8 << 30
_CONVERT = (
    "Store its numbers as JSON or Arrow, or the model as ONNX (skl2onnx), skops "
    "(skops.io.dump) or LightGBM text (Booster.save_model)."
)


def is_zip(content: bytes) -> bool:
    """Whether the content begins like an archive."""
    return content[:4] in ZIP_HEADS


def is_pickle(head: bytes, *, is_whole: bool = False) -> bool:
    """Whether content begins as a pickle of protocol 2 to 5 does: opcodes, not only a mark.

    Args:
        head: The first bytes.
        is_whole: They are all there is.
    """
    if not _PROTOCOL.match(head):
        return False
    n_read = 0
    try:
        for _ in pickletools.genops(head):
            n_read += 1
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeError, MemoryError):
        # Cut off, or followed by raw arrays as joblib writes them: five opcodes are no accident.
        return n_read >= 5 or (is_whole and head.endswith(b"."))
    return True


def refuse_pickles(content: bytes) -> None:
    """Refuse a pickle, bare or compressed as joblib does.

    Raises:
        ArtefactContentError: It is one.
    """
    is_whole = len(content) <= _HEAD
    if is_pickle(content[:_HEAD], is_whole=is_whole) or _is_ended(content):
        raise _refused("the artefact is a pickle")
    for name, magic, unpack in _COMPRESSED:
        if content.startswith(magic) and is_pickle(_first(unpack, content)):
            raise _refused(f"the artefact is a pickle, compressed by {name} (joblib)")
    if is_object_array(content[:_HEAD], is_whole=is_whole):
        raise _refused("the artefact is an array of Python objects (a pickle)")


def _is_ended(content: bytes) -> bool:
    return bool(_PROTOCOL.match(content)) and content.endswith(b".")


def is_object_array(head: bytes, *, is_whole: bool = False) -> bool:
    """Whether content is an .npy file whose values are pickled objects, or cannot be told.

    Args:
        head: The first bytes.
        is_whole: They are all there is: cut off within its header, nothing can load it.
    """
    if not head.startswith(b"\x93NUMPY"):
        return False
    start = 10 if head[6:7] == b"\x01" else 12
    n_header = int.from_bytes(head[8:start], "little")
    if is_whole and len(head) < start + n_header:
        return False
    try:
        header = ast.literal_eval(head[start : start + n_header].decode("latin-1").strip())
        return _has_objects(header["descr"], 0)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return True


def _has_objects(descr: Any, depth: int) -> bool:
    if isinstance(descr, str):
        return descr.lstrip("<>=|").lower().startswith("o")
    if not isinstance(descr, list) or depth > 8:
        raise ValueError("this is no description of a type")
    return any(_has_objects(one[1], depth + 1) for one in descr)


def check_zip(content: bytes, max_bytes: int | None) -> None:
    """Refuse an archive with a pickle or with arrays of objects in it, or one that is a bomb.

    Args:
        content: The archive.
        max_bytes: What it may unpack to; None: what a document may.

    Raises:
        ArtefactContentError: It has one, is damaged, or is too large unpacked.
    """
    limit = _MAX_DOCUMENT_BYTES if max_bytes is None else max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            total = sum(one.file_size for one in members)
            if len(members) > MAX_MEMBERS or total > limit:
                raise ArtefactContentError(
                    f"the archive unpacks to {total} bytes in {len(members)} members; "
                    f"{limit} in {MAX_MEMBERS} are allowed.",
                    hint="It may be a zip bomb: ask who sent it.",
                )
            for member in members:
                _check_member(archive, member)
    except BROKEN as error:
        if max_bytes is None and isinstance(error, zipfile.BadZipFile):
            return  # a document that is damaged is kept as it came; nothing can unpack it
        raise ArtefactContentError(f"the archive cannot be read: {error}") from error


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    if member.is_dir():
        return
    with archive.open(member) as stream:
        head = stream.read(_HEAD)
    name = member.filename
    is_whole = member.file_size <= _HEAD
    if is_pickle(head, is_whole=is_whole):
        raise _refused(f"{name} in the archive is a pickle")
    if is_object_array(head, is_whole=is_whole):
        raise _refused(f"{name} in the archive is an array of Python objects (a pickle)")
    for how, magic, unpack in _COMPRESSED:
        if head.startswith(magic) and is_pickle(_first(unpack, head)):
            raise _refused(f"{name} in the archive is a pickle, compressed by {how}")


def _refused(what: str) -> ArtefactContentError:
    return ArtefactContentError(f"{what}, which runs code when it is loaded.", hint=_CONVERT)


def _first(unpack: Callable[[bytes], bytes], content: bytes) -> bytes:
    try:
        return unpack(content[: 1 << 16])
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        return b""


_COMPRESSED: Final[tuple[tuple[str, bytes, Callable[[bytes], bytes]], ...]] = (
    ("zlib", b"\x78", lambda data: zlib.decompressobj().decompress(data, _HEAD)),
    ("gzip", b"\x1f\x8b", lambda data: zlib.decompressobj(31).decompress(data, _HEAD)),
    ("bz2", b"BZh", lambda data: bz2.BZ2Decompressor().decompress(data, _HEAD)),
    ("xz", b"\xfd7zXZ", lambda data: lzma.LZMADecompressor().decompress(data, _HEAD)),
    ("lzma", b"\x5d\x00\x00", lambda data: lzma.LZMADecompressor().decompress(data, _HEAD)),
)
