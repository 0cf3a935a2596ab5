"""What lies on the disk becomes what is held in memory; nothing acknowledged is given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian import _files, _frames, _manifest, _packed, _slim
from goldenbatch.stores.historian._cold import Cold, Snapshot
from goldenbatch.stores.historian._columns import ints, logged_schema
from goldenbatch.stores.historian._grid import LAYOUT, Grid, decode
from goldenbatch.stores.historian._hot import Hot
from goldenbatch.stores.historian._latest import Latest, load_latest
from goldenbatch.stores.historian._manifest import Manifest, State
from goldenbatch.stores.historian._prepare import newest_rows
from goldenbatch.stores.historian._query import Engine
from goldenbatch.stores.historian._tags import TagDictionary


@dataclass
class Loaded:
    """Everything that is held in memory."""

    state: State
    cold: dict[ReadingKind, Snapshot]
    hot: Hot
    latest: Latest
    head: int
    chain: str
    notes: list[str] = field(default_factory=list)


def unfinished(folder: Path, state: State) -> Manifest | None:
    """The hand-over that was begun and not finished."""
    numbers = [n for n in _manifest.manifest_numbers(folder / "chunks") if n > state.n]
    return (
        _manifest.load_manifest(_manifest.manifest_path(folder / "chunks", numbers[0]))
        if (numbers)
        else None
    )


def cut_torn_tail(folder: Path) -> list[str]:
    """Cut an unfinished write off the newest segment; its bytes are kept beside it.

    Raises:
        IntegrityError: Something that was acknowledged has changed.
    """
    paths = sorted(folder.glob("*.frames"))
    if not paths:
        return []
    path = paths[-1]
    scan = _frames.scan_segment(path, is_last=True)
    if not scan.is_torn:
        return []
    end = scan.records[-1].entry.seq if scan.records else scan.first_seq - 1
    known = _frames.acknowledged(folder)
    if scan.end and end < known:
        raise IntegrityError(
            f"{path}: frame {end + 1} is damaged at offset {scan.end}, and frames up to {known} "
            "were acknowledged.",
            hint="The log was changed after it was written: restore the home from its backup.",
        )
    data = path.read_bytes()
    _files.write_atomic(path.with_suffix(f".torn-{scan.end}"), data[scan.end :])
    if scan.end == 0:
        path.unlink()
    else:
        with path.open("r+b") as stream:
            stream.truncate(scan.end)
        _files.fsync_file(path)
    _files.fsync_dir(folder)
    return [f"{path}: {len(data) - scan.end} bytes of an unfinished write were cut off"]


def load(folder: Path, tags: TagDictionary, cold: Cold, engine: Engine) -> Loaded:
    """Read state, tables and log, in this order, so that nothing falls between them.

    Raises:
        IntegrityError: The log does not reach from the last hand-over to the newest frame.
    """
    state = _manifest.load_state(folder)
    snapshots = {kind: cold.snapshot(kind) for kind in KINDS}
    saved = load_latest(folder / "latest.bin") or (Latest(), -1)
    known = _frames.acknowledged(folder / "log")
    scans = list(_frames.scan_log(folder / "log"))
    tags.refresh()
    _require_whole(folder / "log", scans, state, known)
    _require_tags(folder, snapshots, len(tags))
    first = min((scan.first_seq for _, scan in scans if scan.end), default=1)
    latest, upto = saved
    if upto < first - 1:
        latest, upto = _rebuilt(snapshots, engine), state.n
    loaded = Loaded(state, snapshots, Hot(), latest, state.n, state.chain)
    for path, scan in scans:
        for record in scan.records:
            _take(loaded, path, record, tags, upto)
    return loaded


def _require_tags(folder: Path, cold: dict[ReadingKind, Snapshot], n_tags: int) -> None:
    for kind, snapshot in cold.items():
        for file in snapshot.files:
            if file.tags[1] >= n_tags:
                raise IntegrityError(
                    f"{folder / kind / file.name} has a tag that tags.log, the dictionary of tags, "
                    "has lost.",
                    hint="Restore tags.log from the home's backup.",
                )


def _rebuilt(snapshots: dict[ReadingKind, Snapshot], engine: Engine) -> Latest:
    latest = Latest()
    for kind, snapshot in snapshots.items():
        latest.take_table(engine.newest(kind, snapshot), kind)
    return latest


def _require_whole(
    folder: Path, scans: list[tuple[Path, _frames.Scan]], state: State, known: int
) -> None:
    whole = [scan for _, scan in scans if scan.end]
    if not whole and (state.n or known):
        raise IntegrityError(f"{folder}: the log is missing.", hint="Restore it from its backup.")
    if not whole:
        return
    end = whole[-1].records[-1].entry.seq if whole[-1].records else whole[-1].first_seq - 1
    if whole[0].first_seq > state.n + 1 or end < max(state.n, known):
        raise IntegrityError(
            f"{folder}: the log holds frames {whole[0].first_seq} to {end}, the tables end at "
            f"{state.n}, and frames up to {known} were acknowledged.",
            hint="Restore the missing segments from the home's backup.",
        )
    for scan in whole:
        links = [(record.entry.seq - 1, record.previous.hex()) for record in scan.records]
        if (state.n, state.chain) not in links and state.n in dict(links):
            raise IntegrityError(f"{folder}: frame {state.n + 1} does not follow the hand-over.")


def rows_of(
    path: Path, record: _frames.Record, kind: ReadingKind
) -> tuple[pa.RecordBatch | Grid, int]:
    """Readings of a record, and the highest number of a tag in it."""
    if record.layout == LAYOUT:
        grid = decode(record.payload, kind)
        return grid, int(grid.tags.max(initial=-1))
    if record.layout == _packed.LAYOUT:
        rows = _packed.decode(record.payload, kind)
        return rows, int(np.max(ints(rows, "tag"), initial=-1))
    if record.layout == _slim.LAYOUT and kind == "number":
        rows = _slim.decode(record.payload)
        return rows, int(np.max(ints(rows, "tag"), initial=-1))
    if record.layout:
        raise IntegrityError(
            f"{path}: frame {record.entry.seq} is laid out as {record.layout!r}, "
            "which is not known here.",
            hint="Open the home with the version of goldenbatch that wrote it.",
        )
    batch = pa.ipc.read_record_batch(pa.py_buffer(record.payload), logged_schema(kind))
    return batch, int(np.max(ints(batch, "tag"), initial=-1))


def _take(
    loaded: Loaded, path: Path, record: _frames.Record, tags: TagDictionary, known: int
) -> None:
    entry = record.entry
    if entry.seq <= min(loaded.state.n, known):
        return
    if entry.kind not in KINDS:
        raise IntegrityError(f"{path}: frame {entry.seq} is of unknown kind {entry.kind!r}.")
    kind: ReadingKind = entry.kind
    rows, highest = rows_of(path, record, kind)
    if highest >= len(tags):
        raise IntegrityError(
            f"{path}: frame {entry.seq} has a tag that the dictionary of tags has lost.",
            hint="Restore tags.log from the home's backup.",
        )
    if entry.seq > known:
        loaded.latest.update(entry, newest_rows(rows), kind)
    if entry.seq > max(loaded.state.n, loaded.cold[kind].n):
        loaded.hot.add(entry, rows, kind)
    if entry.seq > loaded.state.n:
        loaded.head, loaded.chain = entry.seq, entry.digest
