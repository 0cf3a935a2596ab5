"""Backup of a home while it works, restore, and the drill that shows that it can be restored."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import goldenbatch
from goldenbatch.core.config import HOME_FILE, LedgerSettings, RegistrySettings, save_settings
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    IntegrityError,
)
from goldenbatch.core.plant import PLANT_FILE
from goldenbatch.core.records import NewEvent, to_iso
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._deleted_again import delete_again
from goldenbatch.runtime._restored import fill_bucket, fill_database, require_empty, verify_restored
from goldenbatch.runtime._sealed import seal, unseal
from goldenbatch.runtime._snapshots import FileEntry, Snapshot, Vault
from goldenbatch.runtime.events import BackupMade, RestoreDrilled
from goldenbatch.runtime.home import (
    FOLDERS,
    Layout,
)
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

STREAM: Final = "backup/home"
KEYS: Final = "keys.sealed"
_PLAIN: Final = ("tables", "cards", "analysts", "connections", "context")
_SPOOLS: Final = "state/connections"
_LEDGER: Final = "ledger/ledger.sqlite"
TABLES: Final = "tables.json"
"""Says in a historian's folder that its tables lie elsewhere; no restored home writes there."""
Step = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What a restore gave.

    Attributes:
        snapshot: What was restored.
        folder: Where to.
        recorded_at: When the last event was recorded; 0 when there is none.
        problems: What does not verify, in words; empty when all is as it was.
        notes: What was deleted again, and what holds are lacking, in words.
    """

    snapshot: Snapshot
    folder: Path
    recorded_at: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether everything verifies."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "is_ok": self.is_ok,
            "snapshot": self.snapshot.name,
            "folder": str(self.folder),
            "n_events": self.snapshot.n_events,
            "root": self.snapshot.root,
            "n_frames": self.snapshot.n_frames,
            "last_recorded": to_iso(self.recorded_at) if self.recorded_at else "",
            "has_keys": self.snapshot.has_keys,
            "notes": [*self.snapshot.notes, *self.notes],
            "problems": list(self.problems),
        }


def backup(
    site: LocalSite, folder: Path, *, passphrase: str = "", on_step: Step | None = None
) -> dict[str, Any]:
    """Write a backup of an open home, which goes on working; read it back; record it.

    The analysts' states are copied first and the ledger before the historian's log and the
    registry, so that nothing in the copy refers to what is not in it.

    Args:
        site: The home.
        folder: Where backups lie; what it holds already is not written again.
        passphrase: With one, the private keys are taken along, encrypted by it.
        on_step: Called with the name of each step.

    Raises:
        BadInputError: The folder lies in the home, or the passphrase is too short.
        IntegrityError: What was read back is not what was written.
    """
    folder = folder.resolve()
    if folder.is_relative_to(site.path.resolve()):
        raise BadInputError(
            f"{folder} lies in the home itself.", hint="Name a folder on another disk."
        )
    tell = on_step or (lambda _: None)
    vault = Vault(folder)
    with site.retention.resting():
        snapshot = _take(site, vault, passphrase, tell)
    tell("reading back")
    damaged = vault.check(snapshot)
    if damaged:
        raise IntegrityError(
            f"the backup in {folder} is not what was written: {damaged[0]}",
            hint="See to the disk and make another one.",
        )
    snapshot = replace(snapshot, manifest_digest=vault.close(snapshot))
    tell("recording")
    body = BackupMade(
        **_facts(snapshot),
        n_files=len(snapshot.files),
        n_bytes=snapshot.n_bytes,
        n_new_bytes=vault.n_new_bytes,
        has_keys=snapshot.has_keys,
        is_same_disk=folder.stat().st_dev == site.path.stat().st_dev,
    )
    _record(site, body)
    return {"folder": str(folder), **body.as_json(), "notes": list(snapshot.notes)}


def restore(
    source: Path,
    folder: Path,
    *,
    name: str = "",
    passphrase: str = "",
    ledger: str = "",
    tables: str = "",
    on_step: Step | None = None,
) -> Restored:
    """Restore a home into an empty or new folder, verify it, and delete again what was deleted.

    Args:
        source: Folder of the backups.
        folder: Where to; it stays `half-made` until everything has been written.
        name: Which snapshot; the newest by default.
        passphrase: Of the keys, when they are to be restored too.
        ledger: URL of an empty ledger in PostgreSQL to put it into; a file of the home without.
        tables: URL of an empty place in a bucket for the tables of readings; the home without.
        on_step: Called with the name of each step.

    Raises:
        ConflictError: The folder is not empty, or the database holds a ledger.
        NotFoundError: There is no such snapshot.
        IntegrityError: The backup is damaged; what and where is named.
        BadInputError: The passphrase is wrong.
    """
    tell = on_step or (lambda _: None)
    vault = Vault(source)
    snapshot = vault.load(name)
    require_empty(ledger)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is not empty.", hint="Name a folder that is empty or new.")
    tell("checking the backup")
    damaged = vault.check(snapshot)
    if damaged:
        raise IntegrityError(
            f"the backup {snapshot.name} is damaged: {damaged[0]}",
            hint=f"{len(damaged)} pieces in all. Use another snapshot.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark = Layout(folder).mark
    mark.touch()
    for one in FOLDERS:
        (folder / one).mkdir(mode=0o700 if one in {"keys", "state"} else 0o755, exist_ok=True)
    tell("writing files")
    for entry in snapshot.files:
        if entry.path != KEYS:
            _write(vault, entry, folder)
        elif passphrase:
            unseal(b"".join(vault.read(entry)), passphrase, folder / "keys")
    if ledger:
        tell("filling the database")
        fill_database(folder, ledger)
    if tables:
        tell("filling the bucket")
        fill_bucket(folder, tables)
    mark.unlink()
    tell("verifying")
    recorded_at, problems = verify_restored(folder, snapshot)
    notes: list[str] = []
    if not problems:
        tell("deleting again what was deleted")
        notes = delete_again(vault, snapshot, folder)
    return Restored(snapshot, folder, recorded_at, tuple(problems), tuple(notes))


def drill(
    site: LocalSite, source: Path, *, name: str = "", on_step: Step | None = None
) -> Restored:
    """Restore into a folder that is thrown away, verify everything, and record the result.

    Raises:
        NotFoundError: There is no such snapshot.
        IntegrityError: The manifest was changed.
        ConflictError: The backup is of another home.
    """
    snapshot = Vault(source).load(name)
    if snapshot.home != site.home.uid:
        raise ConflictError(
            f"the backup is of home {snapshot.home}, not of {site.home.uid}.",
            hint="Name the folder of this home's backups.",
        )
    with tempfile.TemporaryDirectory(prefix="goldenbatch-drill-") as temporary:
        folder = Path(temporary) / "home"
        try:
            found = restore(source, folder, name=snapshot.name, on_step=on_step)
        except IntegrityError as error:
            found = Restored(snapshot, folder, 0, (str(error),))
    problems = tuple(one[:1000] for one in found.problems[:10])
    body = RestoreDrilled(
        **_facts(snapshot), is_ok=found.is_ok, n_problems=len(found.problems), problems=problems
    )
    _record(site, body)
    return found


# ---- inside ---------------------------------------------------------------------------------


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "snapshot": snapshot.name,
        "manifest_digest": snapshot.manifest_digest,
        "n_events": snapshot.n_events,
        "root": snapshot.root,
        "n_frames": snapshot.n_frames,
    }


def _record(site: LocalSite, body: BackupMade | RestoreDrilled) -> None:
    version = site.ledger.version(STREAM)
    site.ledger.append([NewEvent(STREAM, body, version, actor=site.actor.uid)])


def _take(site: LocalSite, vault: Vault, passphrase: str, tell: Step) -> Snapshot:
    from goldenbatch.stores.ledger import shown_place

    made_at, notes = site.clock(), []
    site.ledger.checkpoint()
    tell("settings and states")
    files = [*_settings_files(site, vault), *_folder(vault, site.path, "state")]
    if site.settings.ledger.url:
        notes.append(
            f"The ledger lay in {shown_place(site.settings.ledger.url)}. It is restored as a file "
            "of the home, or with --ledger into an empty one that was installed."
        )
    if site.historian.tables_url:
        notes.append(
            f"The tables of readings lay in {site.historian.tables_url}. They are in the backup, "
            "and restored into the home, or with --tables into another bucket."
        )
    for tier in site.historian.tiers():
        notes.append(
            f"{tier.n_files} files of readings lie in tier {tier.name!r} at {tier.url}. They are "
            "not in the backup; their digests are, and a restore compares them."
        )
    with tempfile.TemporaryDirectory(prefix="goldenbatch-backup-") as temporary:
        copy = Path(temporary) / "ledger.sqlite"
        # A frame of a tick that the copied ledger lacks would stand in the way of the next one.
        with site.runner.resting(), site.historian.still() as paths:
            tell("ledger")
            site.ledger.copy_to(copy)
            tell("historian")
            n_frames = site.historian.head()
            for path in paths:
                if path.name != TABLES or path.parent != site.layout.historian:
                    files.append(vault.add(path, path.relative_to(site.path).as_posix()))
            tell("tables in the bucket" if site.historian.tables_url else "tables")
            for name, path in site.historian.carried():
                files.append(vault.add(path, f"historian/{name}"))
        n_events, root, note = _head_of(site, copy)
        files.append(vault.add(copy, _LEDGER))
    files += _spools(site, vault)
    tell("registry")
    files += _artefacts(site, vault, notes)
    files += _key_files(site, vault, passphrase)
    moment = datetime.fromtimestamp(made_at / 1e6, tz=UTC)
    name = f"{moment.strftime('%Y%m%dT%H%M%SZ')}-{n_events:09d}"
    return Snapshot(
        name=_free(vault, name),
        home=site.home.uid,
        made_at=made_at,
        version=goldenbatch.__version__,
        n_events=n_events,
        root=root,
        checkpoint=note,
        n_frames=n_frames,
        has_keys=bool(passphrase),
        files=tuple(files),
        notes=tuple(notes),
    )


def _free(vault: Vault, name: str) -> str:
    taken, number, found = set(vault.names()), 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _settings_files(site: LocalSite, vault: Vault) -> list[FileEntry]:
    with tempfile.TemporaryDirectory(prefix="goldenbatch-backup-") as temporary:
        historian = site.settings.historian.model_copy(update={"tables_url": ""})
        home = {"ledger": LedgerSettings(), "registry": RegistrySettings(), "historian": historian}
        settings = site.settings.model_copy(update=home)
        files = [vault.add(save_settings(Path(temporary), settings), HOME_FILE)]
    if (site.path / PLANT_FILE).exists():
        files.append(vault.add(site.path / PLANT_FILE, PLANT_FILE))
    return [*files, *(entry for name in _PLAIN for entry in _folder(vault, site.path, name))]


def _folder(vault: Vault, root: Path, name: str) -> list[FileEntry]:
    found = []
    for path in sorted((root / name).rglob("*")):
        if not path.is_file() or path.suffix in (".tmp", ".partial"):
            continue
        try:
            found.append(vault.add(path, path.relative_to(root).as_posix()))
        except FileNotFoundError:  # a temporary file of somebody who writes just now
            continue
    return found


def _artefacts(site: LocalSite, vault: Vault, notes: list[str]) -> list[FileEntry]:
    """What the registry holds, from its folder or its bucket: a restored home has it in a folder.

    A restored home must not work in the bucket of the one that it was made from.
    """
    if site.registry.url:
        notes.append(
            f"The registry lay in {site.registry.url}. It is restored into the home; move it to a "
            "bucket of its own with `goldenbatch registry move`."
        )
    return [vault.add_bytes(data, f"registry/{name}") for name, data in site.registry.copies()]


def _spools(site: LocalSite, vault: Vault) -> list[FileEntry]:
    """What sources have delivered and the historian has not taken yet, and their positions.

    Taken after the historian: a frame that stands in both is the same by its key.
    """
    found = []
    for path in sorted((site.path / _SPOOLS).glob("*.sqlite")):
        with tempfile.TemporaryDirectory(prefix="goldenbatch-backup-") as temporary:
            copy = Path(temporary) / path.name
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            found.append(vault.add(copy, f"{_SPOOLS}/{path.name}"))
    return found


def _key_files(site: LocalSite, vault: Vault, passphrase: str) -> list[FileEntry]:
    keys = site.path / "keys"
    found = [vault.add(path, f"keys/{path.name}") for path in sorted(keys.glob("*.pub"))]
    if passphrase:
        found.append(vault.add_bytes(seal(keys, passphrase), KEYS, 0o600))
    return found


def _head_of(site: LocalSite, copy: Path) -> tuple[int, str, str]:
    """Events, root and newest note of a ledger's copy; its projections are made when missing."""
    from goldenbatch.stores.ledger import Keyring, Ledger

    keys = Keyring((), site.keys.known())
    is_whole = not site.settings.ledger.url
    with Ledger.open(
        copy, site.home, system_clock, core_projections(), read_only=is_whole, keys=keys
    ) as ledger:
        notes = ledger.checkpoints()
        return ledger.head(), ledger.root().hex(), notes[-1].note if notes else ""


def _write(vault: Vault, entry: FileEntry, folder: Path) -> None:
    path = (folder / entry.path).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise IntegrityError(f"the backup names a file outside of the home: {entry.path!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, entry.mode)
    with os.fdopen(handle, "wb") as stream:
        for data in vault.read(entry):
            stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
