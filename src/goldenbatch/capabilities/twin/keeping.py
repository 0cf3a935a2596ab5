"""Keeping a result of a twin in a home: its files in the registry, who and why in the ledger."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import bad_record
from goldenbatch.core.site import Actor, Site
from goldenbatch.core.twin_records import TwinResultKept, twin_stream

MAX_BYTES = 64 * 1024 * 1024
"""Of one result; a larger table belongs to the historian."""
DOCUMENTS: Mapping[str, str] = {
    "run.json": "run", "ensemble.json": "ensemble", "design-space.json": "design-space",
    "stress.json": "stress", "sensitivity.json": "sensitivity", "fit.json": "fit",
    "track.json": "track",
    "line.json": "line", "credibility.json": "credibility",
}  # fmt: skip
"""The document of each kind of work, by which a folder is recognised."""
_TYPES = {
    ".json": "application/json", ".csv": "text/csv", ".html": "text/html", ".png": "image/png",
    ".pdf": "application/pdf", ".parquet": "application/vnd.apache.parquet",
    ".toml": "application/toml", ".fmu": "application/zip",
}  # fmt: skip


def result_in(folder: Path, study: str = "") -> dict[str, Any]:
    """What a folder of results says of itself, as `keep` takes it.

    Args:
        folder: As a command of the twins wrote it.
        study: Name to be kept under; empty: as its document says.

    Raises:
        NotFoundError: There is no folder, or no document of a result in it.
        BadInputError: The document is no JSON, or the files are too large.
    """
    found = [name for name in DOCUMENTS if (folder / name).is_file()]
    if len(found) != 1:
        raise NotFoundError(
            f"folder {folder} holds {len(found)} results of a twin ({', '.join(found) or 'none'}).",
            hint=f"Keep one at a time: a folder with one of {', '.join(DOCUMENTS)}.",
        )
    try:
        document = json.loads((folder / found[0]).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(f"no JSON: {error}.", file=str(folder / found[0])) from error
    provenance = document.get("provenance") or {}
    files = {one.name: one.read_bytes() for one in sorted(folder.iterdir()) if one.is_file()}
    if sum(map(len, files.values())) > MAX_BYTES:
        raise BadInputError(
            f"the files of {folder} are larger than {MAX_BYTES // 2**20} MiB.",
            hint="Keep the document and the plots; leave the large table out.",
        )
    return {
        "study": study or str(document.get("study") or folder.name),
        "work": DOCUMENTS[found[0]],
        "model": str(provenance.get("model", "")),
        "model_version": str(provenance.get("version", "")),
        "model_digest": str(provenance.get("model_digest", "")),
        "posterior": str(provenance.get("posterior", "")),
        "status": str(document.get("status", "complete")),
        "is_extrapolated": document.get("is_extrapolated"),
        "use": str(document.get("context of use", "")),
        "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
    }


def keep(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Keep a result: an act of a person, named and with a reason.

    Args:
        site: The site.
        by: Who keeps it.
        values: Of `result_in`, with `reason` and perhaps `batch`.

    Raises:
        BadInputError: A value is missing or impossible.
        NotFoundError: There is no such batch.
    """
    given = dict(values)
    contents = given.pop("files", None)
    if not isinstance(contents, Mapping) or not contents:
        raise BadInputError("the result has no files.", hint="Name a folder of results.")
    batch = str(given.get("batch") or "")
    if batch and not site.ledger.version(f"batch/{batch}"):
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See `goldenbatch batch list`.")
    stream = twin_stream(str(given.get("study", "")))
    try:
        # Everything else is judged before a byte is kept.
        TwinResultKept.model_validate({**given, "files": dict.fromkeys(contents, "0")})
    except ValidationError as error:
        raise bad_record(error, file="result of a twin") from error
    digests = {name: _put(site, name, content) for name, content in contents.items()}
    body = TwinResultKept.model_validate({**given, "files": digests})
    return Intent(stream, body, ("record",), site.ledger.version(stream), reason=body.reason)


def _put(site: Site, name: str, content: object) -> str:
    try:
        data = base64.b64decode(cast("str", content), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadInputError(f"file {name!r} is not base64: {error}.") from error
    return site.registry.put(data, _TYPES.get(Path(name).suffix, "application/octet-stream"))


def kept_command(site: Site) -> list[dict[str, Any]]:
    """Results of twins that were kept, newest first."""
    rows = []
    for event in site.ledger.events(kinds=(TwinResultKept.kind,)):
        if event.body is None:
            continue
        body = TwinResultKept.model_validate(event.body)
        rows.append(
            {
                "recorded_at": event.envelope.recorded_at, "study": body.study,
                "work": body.work, "model": f"{body.model} {body.model_version}",
                "batch": body.batch, "status": body.status, "n_files": len(body.files),
                "reason": body.reason,
            }
        )  # fmt: skip
    return rows[::-1]
