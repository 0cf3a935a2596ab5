"""An export: what an outsider needs to check records without the home, as plain files.

| file | what |
|---|---|
| `manifest.json` | scope, keys, checkpoints, consistency proofs, left edge, SHA-256 of each file |
| `events.jsonl` | one event a line: seq, exact envelope and body, salt, leaf, inclusion proof |
| `chunks/<root>.bin` | canonical bytes of a chunk of readings: see `stores.historian.copies` |
| `tiles/` | the tree as tiles, where asked for: see `stores.ledger.tiles` |

The same home at the same checkpoint gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime.home import (
    Layout,
    home_info,
    ledger_place,
    load_home,
    load_public_keys,
)

if TYPE_CHECKING:
    from goldenbatch.core.site import Window
    from goldenbatch.stores.ledger import Checkpoint, Ledger

SCHEMA = "goldenbatch/export/1"
MANIFEST, EVENTS, CHUNKS, TILES = "manifest.json", "events.jsonl", "chunks", "tiles"
PARTIAL = ".partial"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExportSettings:
    """What is exported.

    Attributes:
        batch: Only this batch's records; empty: all.
        seqs: Numbers of the batch's events.
        windows: When the batch ran: chunks with readings then go along; None: all chunks.
        since: Only events after this one, whose predecessor was exported before.
        tags: Readings of these only; others stay as their hashes; None: all.
        has_chunks: Whether readings are exported at all.
        withheld: Classes of data whose contents stay at home (`personal`, ...).
        has_tiles: Whether the tree is written as tiles too (C2SP tlog-tiles), whole.
    """

    batch: str = ""
    seqs: tuple[int, ...] = ()
    windows: tuple[Window, ...] | None = None
    since: int = 0
    tags: tuple[str, ...] | None = None
    has_chunks: bool = True
    withheld: tuple[str, ...] = ()
    has_tiles: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    n_events: int
    n_chunks: int
    size: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "path": str(self.path),
            "n_events": self.n_events,
            "n_chunks": self.n_chunks,
            "checkpoint_size": self.size,
            "manifest_digest": self.digest,
        }


def export(
    home: Path, out: Path, settings: ExportSettings, *, progress: Progress | None = None
) -> Exported:
    """Write an export of a home up to its newest checkpoint; only reads, beside any writer.

    Args:
        home: Folder of the home.
        out: Folder that is made; it must not exist, or be empty.
        settings: What is exported.
        progress: Called with (events written, all events).

    Raises:
        ConflictError: The folder is not empty.
        NotFoundError: There is no checkpoint, or none that covers the events.
        IntegrityError: The readings of a chunk are not those that were recorded.
    """
    from goldenbatch.stores.ledger import Keyring, Ledger

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{out} is not empty.", hint="Name a folder that is new.")
    here = load_home(home)
    info, place = home_info(here), ledger_place(home, here)
    keys = load_public_keys(home)
    folder = out.with_name(out.name + PARTIAL)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        keyring = Keyring((), keys)
        with Ledger.open(place, info, system_clock, read_only=True, keys=keyring) as ledger:
            writer = _Writer(ledger, folder, settings, progress)
            writer.write(Layout(home).historian, [str(key) for key in keys])
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return writer.report(out)


class _Writer:
    """One export on its way."""

    def __init__(
        self, ledger: Ledger, folder: Path, settings: ExportSettings, progress: Progress | None
    ) -> None:
        self._ledger, self._folder, self._settings = ledger, folder, settings
        self._progress = progress or (lambda _done, _total: None)
        self._checkpoints = ledger.checkpoints()
        if not self._checkpoints:
            raise NotFoundError("the home has no checkpoint.", hint="Run `goldenbatch checkpoint`.")
        self._newest: Checkpoint = self._checkpoints[-1]
        self._files: dict[str, str] = {}
        self._n_events = self._n_chunks = 0
        self._digest = ""

    def write(self, historian: Path, keys: Sequence[str]) -> None:
        """Write all files; the manifest last."""
        since, size = self._settings.since, self._newest.size
        if not 0 <= since < size:
            raise BadInputError(
                f"there is nothing after event {since}: the newest checkpoint has {size}.",
                hint="Give a smaller number, or make a checkpoint.",
                key="since",
            )
        self._events()
        if self._settings.has_chunks:
            self._chunks(historian)
        if self._settings.has_tiles:
            self._tiles()
        self._manifest(keys)

    def report(self, path: Path) -> Exported:
        """What was written, in its final place."""
        return Exported(path, self._n_events, self._n_chunks, self._newest.size, self._digest)

    def _events(self) -> None:
        self._put(EVENTS, self._counted())

    def _counted(self) -> Iterator[bytes]:
        for line in self._lines():
            yield line
            self._n_events += 1

    def _lines(self) -> Iterator[bytes]:
        settings, size = self._settings, self._newest.size
        if not settings.batch:
            total = size - settings.since
            for row in self._ledger.rows(settings.since, size):
                yield self._line(row)
                if row[0] % 1_000 == 0:
                    self._progress(row[0] - settings.since, total)
            self._progress(total, total)
            return
        wanted = sorted(set(settings.seqs))
        if not wanted or wanted[-1] > size:
            raise NotFoundError(
                f"no checkpoint covers the events of {settings.batch!r}.",
                hint="Make one with `goldenbatch checkpoint`.",
            )
        for number, seq in enumerate(wanted, 1):
            (row,) = self._ledger.rows(seq - 1, seq)
            yield self._line(row, self._ledger.inclusion(seq, size))
            self._progress(number, len(wanted))

    def _line(self, row: Any, inclusion: Sequence[bytes] | None = None) -> bytes:
        seq, envelope, leaf, salt, body = row
        text = envelope.decode("utf-8", "replace")
        is_withheld = _is_secret(text, body) or (
            bool(self._settings.withheld) and _field(text, "data_class") in self._settings.withheld
        )
        entry: dict[str, Any] = {
            "seq": seq,
            "envelope": text,
            "body": None if body is None or is_withheld else bytes(body).decode("utf-8", "replace"),
            "salt": "" if salt is None or is_withheld else bytes(salt).hex(),
            "leaf": (leaf or b"").hex(),
        }
        if inclusion is not None:
            entry["inclusion"] = [one.hex() for one in inclusion]
        return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _chunks(self, historian: Path) -> None:
        from goldenbatch.stores.historian.copies import chunk_copies

        settings = self._settings
        recorded = {
            body["root"]
            for event in self._ledger.events(settings.since, self._newest.size, {"ChunkClosed"})
            if (body := event.body) is not None
        }
        for copy in chunk_copies(historian, settings.windows, settings.tags):
            if copy.root not in recorded:
                continue  # closed after the checkpoint, or before what is asked for
            self._put(f"{CHUNKS}/{copy.root}.bin", copy.content())
            self._n_chunks += 1

    def _tiles(self) -> None:
        from goldenbatch.stores.ledger.tiles import tiles

        for name, data in tiles(self._ledger):
            self._put(f"{TILES}/{name}", (data,))

    def _put(self, name: str, parts: Iterable[bytes]) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for part in parts:
                file.write(part)
                digest.update(part)
            _sync(file)
        self._files[name] = digest.hexdigest()

    def _manifest(self, keys: Sequence[str]) -> None:
        since = self._settings.since
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "home": self._ledger.home.uid,
            "scope": "batch" if self._settings.batch else "all",
            "batch": self._settings.batch,
            "since": since,
            "keys": list(keys),
            "checkpoints": [one.note for one in self._checkpoints],
            "consistency": self._consistency(),
            "left_edge": [one.hex() for one in self._ledger.left_edge(since)],
            "files": self._files,
            "digest": "",
        }
        self._digest = hashlib.sha256(_canonical(manifest)).hexdigest()
        manifest["digest"] = self._digest
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        with (self._folder / MANIFEST).open("wb") as file:
            file.write(text.encode())
            _sync(file)

    def _consistency(self) -> dict[str, list[str]]:
        sizes = sorted({one.size for one in self._checkpoints if one.size})
        proofs = {}
        for one, two in pairwise(sizes):
            hashes = self._ledger.consistency(one, two)
            proofs[f"{one}-{two}"] = [h.hex() for h in hashes]
        return proofs


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _field(envelope: str, name: str) -> str:
    try:
        return str(json.loads(envelope)[name])
    except (ValueError, KeyError, TypeError):
        return ""


def _is_secret(envelope: str, body: bytes | None) -> bool:
    """Hashes of passwords and sealed secrets leave the home with nobody."""
    if body is None:
        return False
    if '"kind":"PasswordSet"' in envelope:
        return _field(envelope, "kind") == "PasswordSet"
    is_credential = '"kind":"CredentialAdded"' in envelope
    return is_credential and b'"credential_kind":"totp"' in bytes(body)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def batch_settings(
    site: Any, batch: str, *, tags: Collection[str] | None = None, has_chunks: bool = True
) -> ExportSettings:
    """Settings for one batch: its streams whole, and the chunks from when it ran.

    Args:
        site: The site, here or through its node.
        batch: The batch.
        tags: Readings of these only; None: all of the chunks.
        has_chunks: Whether readings go along.

    Raises:
        NotFoundError: There is no such batch.
    """
    from goldenbatch.capabilities.execution.dossier import collect

    windows = tuple(site.windows(batch))
    events = collect(site, batch).events
    seqs = {event.seq for event in events}
    # A signature is of the person whose credential made it: that stands in the person's stream.
    signers = {event.envelope.actor for event in events if event.kind == "SignatureApplied"}
    seqs |= {event.seq for uid in signers for event in site.ledger.stream(f"user/{uid}")}
    if has_chunks:
        # A chunk is proved by its event, and that by the stream of its source.
        seqs |= {event.seq for event in site.ledger.events(stream_prefix="chunk/")}
    chosen = None if tags is None else tuple(sorted(tags))
    return ExportSettings(
        batch=batch,
        seqs=tuple(sorted(seqs)),
        windows=windows,
        tags=chosen,
        has_chunks=has_chunks,
    )
