"""What the registry keeps: media types, and content that is what it says and runs no code.

Content is looked at by its bytes alone, with the standard library, so that nothing of it is
executed: before it is kept, and again before it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from typing import Any, Final

from goldenbatch.core import _artefact_onnx, _artefact_skops, _artefact_trees, _artefact_zip
from goldenbatch.core._artefact_errors import ArtefactContentError
from goldenbatch.core.errors import BadInputError, IntegrityError

__all__ = [
    "DOCUMENT_TYPES",
    "LIGHTGBM",
    "LINEAR",
    "MAX_MODEL_BYTES",
    "MEDIA_TYPES",
    "MODEL_TYPES",
    "ONNX",
    "PARAMETERS",
    "SCORING_PLAN",
    "SKOPS",
    "ArtefactContentError",
    "check_artefact",
    "is_model_type",
    "lightgbm_facts",
    "lightgbm_text",
    "onnx_chain",
    "onnx_facts",
    "require_approved",
    "require_media_type",
    "skops_types",
]  # fmt: skip

LIGHTGBM: Final = "text/vnd.lightgbm"
LINEAR: Final = "application/vnd.goldenbatch.linear+json"
ONNX: Final = "application/onnx"
PARAMETERS: Final = "application/vnd.goldenbatch.parameters+arrow"
SCORING_PLAN: Final = "application/vnd.goldenbatch.scoring-plan"
SKOPS: Final = "application/vnd.skops+zip"

DOCUMENT_TYPES = frozenset(
    {
        "application/json",
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
"""Files as they came: kept whatever is wrong with them, unless loading them would run code."""

MODEL_TYPES = frozenset({LIGHTGBM, LINEAR, ONNX, PARAMETERS, SCORING_PLAN, SKOPS})
"""What was learnt: kept only if it is well formed, and checked again before it is loaded."""

MEDIA_TYPES = DOCUMENT_TYPES | MODEL_TYPES
"""Media types that are kept; none of them runs code when it is loaded."""

MAX_MODEL_BYTES: Final = 256 << 20
"""A model is no longer than this, as it lies and unpacked."""

_N_PASSED: Final = 256
_PASSED: dict[tuple[str, bytes] | None, None] = {}
"""Models that have passed, by type and digest: the same bytes are not gone through again."""

_VENDOR = re.compile(r"^application/vnd\.goldenbatch\.[a-z0-9.-]+(\+json)?\Z")
_ARROW = (b"ARROW1\x00\x00", b"ARROW1")
_PLAN = b"GBPLAN\x00\x01"

onnx_facts = _artefact_onnx.onnx_facts
lightgbm_facts = _artefact_trees.lightgbm_facts
lightgbm_text = _artefact_trees.lightgbm_text
onnx_chain = _artefact_onnx.onnx_chain
skops_types = _artefact_skops.skops_types


def is_model_type(media_type: str) -> bool:
    """Whether a media type stands for something learnt, and not for a file as it came."""
    return media_type in MODEL_TYPES or bool(_VENDOR.match(media_type))


def require_approved(content: bytes, digest: str, stored: str, approved: str) -> None:
    """Refuse content that is to be loaded and is not what was approved.

    Args:
        content: As it was read.
        digest: As it was approved.
        stored: Media type that it is stored as.
        approved: Media type that was approved.

    Raises:
        IntegrityError: Digest or type is not the approved one.
        ArtefactContentError: Loading it would run code, or it is no such model.
    """
    if hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(
            f"artefact {digest} is not what was put.", hint="Restore it from the home's backup."
        )
    if stored != approved:
        raise IntegrityError(
            f"artefact {digest} is {stored}; what was approved is {approved}.",
            hint="Do not use it; see who changed it: `goldenbatch verify`.",
        )
    check_artefact(content, approved)


def require_media_type(media_type: str) -> None:
    """Refuse a media type that is not kept.

    Raises:
        BadInputError: With those that are.
    """
    if media_type not in MEDIA_TYPES and not _VENDOR.match(media_type):
        raise BadInputError(
            f"media type {media_type!r} is not kept.",
            hint=f"Use one of {', '.join(sorted(MEDIA_TYPES))}.",
        )


def check_artefact(content: bytes, media_type: str) -> None:
    """Refuse content with code in it, and a model that is not of its media type.

    Raises:
        BadInputError: The media type is not one of `MEDIA_TYPES`.
        ArtefactContentError: The content would run code when it is loaded, or is no such model.

    >>> check_artefact(b'{"a": 1}', "application/json")
    >>> check_artefact(b"cos", ONNX)
    Traceback (most recent call last):
    ...
    goldenbatch.core._artefact_errors.ArtefactContentError: the content is no ONNX model: ...
    """
    require_media_type(media_type)
    is_model = media_type in MODEL_TYPES
    key = (media_type, hashlib.sha256(content).digest()) if is_model else None
    if key in _PASSED:
        return
    if is_model and len(content) > MAX_MODEL_BYTES:
        raise ArtefactContentError(
            f"the model has {len(content)} bytes; {MAX_MODEL_BYTES} at most are kept.",
            hint="Prune it, or store its arrays in float32.",
        )
    _artefact_zip.refuse_pickles(content)
    if _artefact_zip.is_zip(content):
        _artefact_zip.check_zip(content, MAX_MODEL_BYTES if is_model else None)
    check = _CHECKS.get(media_type, _json if media_type.endswith("+json") else None)
    if check is not None:
        check(content)
    if key is not None:
        _PASSED[key] = None
        for old in list(_PASSED)[:-_N_PASSED]:
            _PASSED.pop(old, None)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtefactContentError(f"the content is no JSON: {error}") from error


def _linear(content: bytes) -> None:
    if not isinstance(_json(content), dict):
        raise ArtefactContentError("the content is no linear model: it is no JSON object.")


def _plan(content: bytes) -> None:
    start = len(_PLAN) + 8
    if content[: len(_PLAN)] != _PLAN or len(content) < start:
        raise ArtefactContentError("the content is no scoring plan: its first bytes are others.")
    (n_header,) = struct.unpack_from("<Q", content, len(_PLAN))
    if n_header > len(content) - start:
        raise ArtefactContentError("the content is no scoring plan: it is cut short.")
    _json(content[start : start + n_header])


def _arrow(content: bytes) -> None:
    head, tail = _ARROW
    if not content.startswith(head) or not content.endswith(tail) or len(content) < 24:
        raise ArtefactContentError(
            "the content is no Arrow file: it does not begin and end with ARROW1.",
            hint="Write it with `pyarrow.ipc.new_file`.",
        )
    if b"arrow.py_extension_type" in content:
        raise ArtefactContentError(
            "the Arrow file has a pickled extension type, which runs code when it is loaded.",
            hint="Store columns of plain types.",
        )


_CHECKS: dict[str, Callable[[bytes], object]] = {
    LIGHTGBM: _artefact_trees.check_lightgbm,
    LINEAR: _linear,
    ONNX: _artefact_onnx.check_onnx,
    PARAMETERS: _arrow,
    SCORING_PLAN: _plan,
    SKOPS: _artefact_skops.check_skops,
}
