"""Files of a hand-over made again from the log, which keeps the frames of the newest one.

Writing is the same each time, so that the file has the digest that the manifest names; one that
has not (another version of the writer) is not taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS
from goldenbatch.stores.historian import _files, _frames
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._columns import ordered
from goldenbatch.stores.historian._hot import Hot
from goldenbatch.stores.historian._manifest import FileEntry, Manifest
from goldenbatch.stores.historian._places import Folder
from goldenbatch.stores.historian._recover import rows_of
from goldenbatch.stores.historian._tiered import Tiered

SCRATCH = "merging/remade"


def remade(
    folder: Path, cold: Cold, manifest: Manifest, wanted: Collection[FileEntry]
) -> dict[FileEntry, Path]:
    """Files of a hand-over as the log gives them, in a folder for scratch.

    Args:
        folder: The historian's folder.
        cold: Its tables.
        manifest: Of the hand-over.
        wanted: Which of its files.

    Returns:
        Those that are, byte for byte, what was written; none when the log was cut.
    """
    hot = _from_log(folder / "log", manifest)
    if hot is None:
        return {}
    scratch = folder / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    _files.make_dir(scratch)
    own = Cold(Tiered(Folder(scratch), scratch, 0), cold.row_group_rows)
    for kind in KINDS:
        if any(file.kind == kind for file in wanted):
            (scratch / kind).mkdir()
            own.write_files(kind, ordered(hot.table(kind)), manifest.n)
    found = {}
    for file in wanted:
        path = scratch / file.kind / file.path
        if path.exists() and _files.file_digest(path) == file.sha256:
            found[file] = path
    return found


def _from_log(log: Path, manifest: Manifest) -> Hot | None:
    """The frames of a hand-over; None when the log has not all of them."""
    hot = Hot()
    try:
        for path, scan in _frames.scan_log(log):
            for record in scan.records:
                entry = record.entry
                if manifest.base < entry.seq <= manifest.n and entry.kind in KINDS:
                    hot.add(entry, rows_of(path, record, entry.kind)[0], entry.kind)
    except IntegrityError:
        return None
    return hot if tuple(hot.entries) == manifest.frames else None
