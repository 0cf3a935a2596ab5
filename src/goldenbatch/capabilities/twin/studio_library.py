"""The library as the node tells it: described once by a worker, and what replays said of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.twin.studio_runs import worker_command
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.twin_records import TwinResultKept

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

MOST_S: Final = 120.0


class NoLibraryError(GoldenbatchError):
    """The library could not be described."""


def library_models(folder: Path, memory_bytes: int) -> Mapping[str, Any]:
    """All models by name; the first time a worker describes them, which takes some seconds.

    Args:
        folder: Of the studio's runs; the description is kept beside them for this version.
        memory_bytes: That the worker may take.

    Raises:
        NoLibraryError: The worker failed; the engine may not be installed.
    """
    path = folder / "library" / f"{_sources()}.json"
    if not path.is_file():
        _describe(path, memory_bytes)
    return _read(path)


@lru_cache(maxsize=4)
def _read(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["models"]
    return found


@lru_cache(maxsize=1)
def _sources() -> str:
    """Digest of what the description is made from, so that another version is described anew."""
    from goldenbatch.science.process import library

    here = Path(__file__).parent
    found = hashlib.sha256()
    roots = (Path(library.__file__).parent, here / "references")
    for path in sorted(
        [*(p for root in roots for p in root.rglob("*.py")), *here.glob("studio_*")]
    ):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _describe(path: Path, memory_bytes: int) -> None:
    work = path.parent / "making"
    work.mkdir(parents=True, exist_ok=True)
    asked = {"work": "catalog", "memory_bytes": memory_bytes}
    (work / "asked.json").write_text(json.dumps(asked), "utf-8")
    try:
        done = subprocess.run(  # noqa: S603 (this interpreter, a module of ours)
            worker_command(work), capture_output=True, timeout=MOST_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoLibraryError(
            f"the library was not described within {MOST_S:g} s.", hint="Ask again."
        ) from error
    made = work / "catalog.json"
    if done.returncode or not made.is_file():
        told = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise NoLibraryError(
            f"the library cannot be described: {told[0][:300]}",
            hint="Install the extra: pip install 'goldenbatch[twin]'.",
        )
    made.replace(path)


def replayed(site: Site, model: str) -> dict[str, Any]:
    """What the newest kept report of `twin verify` says of a model; empty where none was kept.

    Args:
        site: As the person may see it.
        model: Name in the library.
    """
    kept = [e for e in site.ledger.events(kinds=(TwinResultKept.kind,)) if e.body is not None]
    for event in reversed(kept):
        body = TwinResultKept.model_validate(event.body)
        digest = body.files.get("credibility.json", "")
        if body.work != "credibility" or not digest:
            continue
        try:
            document = json.loads(site.registry.get(digest))
        except NotFoundError:
            continue
        rows = [one for one in document.get("rows", ()) if one.get("model") == model]
        return {"recorded_at": event.envelope.recorded_at, "digest": digest,
                "record": f"{event.stream}@{event.envelope.version}", "rows": rows}  # fmt: skip
    return {}
