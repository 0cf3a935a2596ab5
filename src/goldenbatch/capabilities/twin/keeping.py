"""Keeping a result of a twin in a home: its files in the registry, who and why in the ledger."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from goldenbatch.capabilities.twin._home_proof import check_rests_on
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
    "track.json": "track", "compare.json": "compare", "optimise.json": "optimise",
    "footprint.json": "footprint",
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
    found = [one for one in DOCUMENTS if (folder / one).is_file()]
    if len(found) != 1:
        raise NotFoundError(
            f"folder {folder} holds {len(found)} results of a twin ({', '.join(found) or 'none'}).",
            hint=f"Keep one at a time: a folder with one of {', '.join(DOCUMENTS)}.",
        )
    try:
        document = json.loads((folder / found[0]).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(f"no JSON: {error}.", file=str(folder / found[0])) from error
    if not isinstance(document, dict):
        raise BadInputError("this is no document of a result.", file=str(folder / found[0]))
    files = _contents(folder, found[0], document.get("files"))
    return {
        "study": study or str(document.get("study") or folder.name),
        "work": DOCUMENTS[found[0]],
        **_said(document),
        **({"batch": str(document["batch"])} if _is_of_batch(document) else {}),
        "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
    }


def _is_of_batch(document: Mapping[str, Any]) -> bool:
    """Whether it is about one batch of a home."""
    provenance = document.get("provenance")
    return "batch" in document and isinstance(provenance, dict) and bool(provenance.get("home"))


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says of model, status and range."""
    provenance = document.get("provenance")
    provenance = provenance if isinstance(provenance, dict) else {}
    return {
        "model": str(provenance.get("model", "")),
        "model_version": str(provenance.get("version", "")),
        "model_digest": str(provenance.get("model_digest", "")),
        "posterior": str(provenance.get("posterior", "")),
        "status": str(document.get("status", "complete")),
        "is_extrapolated": document.get("is_extrapolated"),
        "use": str(document.get("context of use", "")),
    }


def _contents(folder: Path, document: str, listed: object) -> dict[str, bytes]:
    """The document and the files that it lists, none else; links are not followed."""
    digests = listed if isinstance(listed, dict) else {}
    names = [document, *sorted(digests)]
    paths = {name: folder / name for name in names}
    for name, path in paths.items():
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            raise BadInputError(
                f"{name!r}, which belongs to the result, is no file in {folder}.",
                hint="Make the result again.",
            )
    if sum(path.stat().st_size for path in paths.values()) > MAX_BYTES:
        raise BadInputError(
            f"the files of {folder} are larger than {MAX_BYTES // 2**20} MiB.",
            hint="Run it with fewer members or longer intervals: large tables are historian's.",
        )
    contents = {name: path.read_bytes() for name, path in paths.items()}
    for name, digest in digests.items():
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise BadInputError(
                f"{name!r} is not the file that belongs to the result.",
                hint="It was changed, or comes from another run: make the result again.",
                file=str(folder / document),
            )
    return contents


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
    data = {name: _decoded(name, content) for name, content in contents.items()}
    check_rests_on(site, _check_whole(given, data))
    digests = {
        name: site.registry.put(one, _TYPES.get(Path(name).suffix, "application/octet-stream"))
        for name, one in data.items()
    }
    body = TwinResultKept.model_validate({**given, "files": digests})
    return Intent(stream, body, ("record",), site.ledger.version(stream), reason=body.reason)


def _check_whole(given: Mapping[str, Any], data: Mapping[str, bytes]) -> dict[str, Any]:
    """The document; a result whose record says another thing is refused."""
    if sum(map(len, data.values())) > MAX_BYTES:
        raise BadInputError(f"the result is larger than {MAX_BYTES // 2**20} MiB.", hint="Cut it.")
    name = next(name for name, work in DOCUMENTS.items() if work == given["work"])
    try:
        document = json.loads(data[name])
        said = _said(document)
    except (KeyError, ValueError, AttributeError) as error:
        raise BadInputError(f"the result holds no document {name!r}.", hint="Add it.") from error
    if _is_of_batch(document) and given.get("batch"):
        said["batch"] = str(document["batch"])
    for entry, value in said.items():
        if entry in given and given[entry] != value:
            raise BadInputError(
                f"{entry} is {given[entry]!r}, but {name} says {value!r}.",
                hint="Keep the result as the command wrote it.",
            )
    return dict(document)


def _decoded(name: str, content: object) -> bytes:
    if not re.fullmatch(r"[^/\\\x00-\x1f\x7f]{1,120}", name) or name in (".", ".."):
        raise BadInputError(f"{name!r} is no name of a file.", hint="Rename it.")
    try:
        return base64.b64decode(cast("str", content), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadInputError(f"file {name!r} is not base64: {error}.") from error


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
