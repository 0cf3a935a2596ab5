"""Tables in a bucket as files of a folder and back: for backups, and for a home that is restored.

A table's Delta log names files by paths within the table, so that the same files are the same
table wherever they lie. What is carried is compared with the digests that the records hold.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from goldenbatch.core.errors import ConflictError, IntegrityError, UnreachableError
from goldenbatch.core.series import KINDS
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian._bucket import Bucket
from goldenbatch.stores.historian._places import WHERE, Folder
from goldenbatch.stores.historian._tiering import Tiering
from goldenbatch.stores.historian.settings import HistorianSettings


class Carrying(Tiering):
    """Part of `Historian`: its tables as files, where they lie in a bucket."""

    @property
    def tables_url(self) -> str:
        """Where the tables lie; empty: in the folder."""
        home = self._cold.place.home
        return home.url if isinstance(home, Bucket) else ""

    def carried(self) -> Iterator[tuple[str, Path]]:
        """Files of tables in a bucket, by their names below a historian's folder; ask in `still`.

        Those that lie in tiers are not among them: the records say what they are and where.

        Raises:
            IntegrityError: An object is not what was written; names it.
            UnreachableError: The bucket is away.
        """
        place = self._cold.place
        if not isinstance(place.home, Bucket):
            return
        for kind in KINDS:
            if not place.has_table(kind):
                continue
            now = place.tiers().now
            for file in self.table_files(kind):
                if (kind, file.path) not in now:
                    self._cold.require_whole(file)
                    yield f"{kind}/{file.path}", self._cold.local(file)
            # After the files, which only a deletion takes away, and that waits meanwhile.
            for path in sorted(place.log_folder(kind).iterdir()):
                if path.is_file():
                    yield f"{kind}/_delta_log/{path.name}", path


def put_tables(folder: Path, url: str) -> int:
    """Bring the tables of a historian that nobody has open from its folder into a bucket.

    Each object is read back and compared before anything in the folder goes; cut short, the
    folder is as it was.

    Args:
        folder: The historian's folder.
        url: An empty place, such as `s3://bucket/site`.

    Returns:
        Objects that were put.

    Raises:
        ConflictError: There are tables at the URL, or the folder's lie elsewhere.
        IntegrityError: What was read back is not what was put.
        UnreachableError: The bucket cannot be reached.
    """
    if (folder / WHERE).exists():
        raise ConflictError(f"the tables of {folder} do not lie in it.", hint="Name another home.")
    settings = HistorianSettings()
    home, bucket = Folder(folder), Bucket(url, folder / "cache", settings.cache_bytes)
    n_put = 0
    try:
        for kind in KINDS:
            if bucket.has_table(kind):
                raise ConflictError(
                    f"{bucket.uri(kind)} holds a table already.", hint="Name an empty place."
                )
        for kind in KINDS:
            if not home.has_table(kind):
                continue
            # The log comes last: a reader sees the whole table or none.
            paths = sorted((folder / kind).rglob("*"), key=lambda one: "_delta_log" in one.parts)
            for path in paths:
                if path.is_file():
                    _put(bucket, kind, path.relative_to(folder / kind).as_posix(), path)
                    n_put += 1
    except OSError as error:
        words = str(error).partition("\n")[0][:200]
        raise UnreachableError(
            f"{url} cannot be reached ({words}).", hint="Nothing was taken from the folder."
        ) from error
    _files.write_atomic(folder / WHERE, json.dumps({"url": url.rstrip("/")}).encode())
    for kind in KINDS:
        shutil.rmtree(folder / kind, ignore_errors=True)
    return n_put


def _put(bucket: Bucket, kind: str, name: str, path: Path) -> None:
    bucket.take(kind, name, path)
    found = bucket.fresh(kind, name, path.stat().st_size)
    if _files.file_digest(found) != _files.file_digest(path):
        raise IntegrityError(
            f"{bucket.path(kind, name)} is not what was put there.",
            hint="Nothing was taken from the folder: see to the bucket and try again.",
        )
    if "_delta_log" in name:
        found.unlink()
