"""A home: the directory that holds one site's plant, ledger, historian, registry and keys."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from goldenbatch.core import authority
from goldenbatch.core.config import HOME_FILE, Settings, load_settings, save_settings
from goldenbatch.core.errors import ConflictError, IntegrityError, LockedError
from goldenbatch.core.plant import PLANT_FILE, PLANT_STREAM, load_plant
from goldenbatch.core.records import HomeKind, NewEvent, bad_record
from goldenbatch.core.site import HomeInfo
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock
    from goldenbatch.stores.ledger import Keyring, VerifierKey

FOLDERS = (
    "tables",
    "cards",
    "connections",
    "context",
    "analysts",
    "ledger",
    "historian",
    "registry",
    "keys",
    "state",
    "reports",
)
"""Folders of a home; `keys` and `state` are its owner's alone."""

MARK = "half-made"
"""File that stands in a home while it is being made."""


@dataclass(frozen=True)
class HomeSettings:
    """What a new home is made of.

    Attributes:
        name: For people.
        site: Name of the site.
        plant: Text of its `plant.toml`.
        tables: Bulk tables beside it: `tags.csv`, `limits.csv`, `calibration.csv` to text.
        kind: What the home is for.
        zone: IANA zone of its local times.
        owner: Client organisation that owns the data; empty: the site itself.
        policy: Text of its policy; empty: the one that the package ships.
        more: Further tables of `home.toml` (`day`, `checkpoints`, `historian`).
    """

    name: str
    site: str
    plant: str
    tables: Mapping[str, str] = field(default_factory=dict)
    kind: HomeKind = HomeKind.DEVELOPMENT
    zone: str = "UTC"
    owner: str = ""
    policy: str = ""
    more: Mapping[str, object] = field(default_factory=dict)

    def settings(self) -> Settings:
        """Contents of `home.toml`, with a uid of its own.

        Raises:
            BadInputError: A setting is impossible.
        """
        try:
            return Settings.model_validate(
                {
                    **self.more,
                    "uid": uuid.uuid4().hex,
                    "name": self.name,
                    "kind": self.kind,
                    "site": self.site,
                    "zone": self.zone,
                    "owner": self.owner,
                }
            )
        except ValidationError as error:
            raise bad_record(error, file=HOME_FILE) from error


@dataclass(frozen=True)
class Layout:
    """Where things are in a home."""

    root: Path

    @property
    def ledger(self) -> Path:
        """Database of the ledger."""
        return self.root / "ledger" / "ledger.sqlite"

    @property
    def historian(self) -> Path:
        """Folder of the historian."""
        return self.root / "historian"

    @property
    def registry(self) -> Path:
        """Folder of the registry."""
        return self.root / "registry"

    @property
    def key(self) -> Path:
        """Private Ed25519 key of the home."""
        return self.root / "keys" / "home.pem"

    @property
    def public_key(self) -> Path:
        """Public key, to be given to those who verify."""
        return self.root / "keys" / "home.pub"

    @property
    def witnesses(self) -> Path:
        """Public keys of witnesses, one a line; missing while there are none."""
        return self.root / "keys" / "witnesses.pub"

    @property
    def state(self) -> Path:
        """Folder of the analysts' states."""
        return self.root / "state"

    @property
    def lock(self) -> Path:
        """File that the process holds which has the home open."""
        return self.root / "lock"

    @property
    def mark(self) -> Path:
        """Stands while the home is being made."""
        return self.root / MARK


class HomeLock:
    """The lock of a home; the operating system drops it when the process ends, however.

    Raises:
        LockedError: Another process, or another site of this one, holds it.
    """

    def __init__(self, root: Path) -> None:
        self._handle = os.open(Layout(root).lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise LockedError(
                f"{root} is held by process {holder or '(unknown)'}.",
                hint="Stop that process, or work through its node.",
            ) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; more than once does nothing."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def holder(root: Path) -> int:
    """Process that holds a home's lock; 0 when none does, or it is no home."""
    path = Layout(root).lock
    if not path.exists():
        return 0
    try:
        with HomeLock(root):
            return 0
    except LockedError:
        text = path.read_text("ascii", "replace").strip()
        return int(text) if text.isdigit() else 0


def home_info(settings: Settings) -> HomeInfo:
    """Identity of a home from its settings."""
    return HomeInfo(settings.uid, settings.name, settings.kind, settings.site, settings.zone)


def load_home(root: Path) -> Settings:
    """Settings of a home that was made to its end.

    Raises:
        NotFoundError: The directory is no home.
        IntegrityError: The home was never finished.
    """
    if Layout(root).mark.exists():
        raise IntegrityError(
            f"{root} is a half-made home.", hint="Make it again with `goldenbatch init`."
        )
    return load_settings(root)


def ledger_place(root: Path, settings: Settings) -> Path | str:
    """Where the ledger of a home lies: its file, or the URL that its settings name."""
    return settings.ledger.url or Layout(root).ledger


def install_ledger(url: str, role: str) -> dict[str, str]:
    """Make an empty ledger in a PostgreSQL database, for a role that only adds to it.

    Raises:
        StorageError: The database refuses.
        NotFoundError: The package psycopg is missing.
    """
    from goldenbatch.stores.ledger import install_postgres

    return {"ledger": install_postgres(url, role), "role": role}


def create_home(path: Path, settings: HomeSettings, *, clock: Clock = system_clock) -> HomeInfo:
    """Make a home in an empty or missing folder; what fails half-way is cleared away.

    Args:
        path: The folder.
        settings: What it is made of.
        clock: Present time.

    Raises:
        ConflictError: The folder is not empty.
        LockedError: Another process is making a home there.
        BadInputError: A setting, the plant or the policy is not well formed.
    """
    path = Path(path)
    layout = Layout(path)
    is_new = not path.exists()
    _require_free(path)
    path.mkdir(parents=True, exist_ok=True)
    with HomeLock(path):
        write_durably(layout.mark, b"")
        try:
            _clear(path)
            info = _fill(path, settings, clock)
        except BaseException:
            _clear(path)
            layout.mark.unlink(missing_ok=True)
            layout.lock.unlink(missing_ok=True)
            if is_new:
                with suppress(OSError):  # somebody else put a file there
                    path.rmdir()
            raise
        layout.mark.unlink()
    return info


def _require_free(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise ConflictError(f"{path} is a file.", hint="Name a folder that is empty or new.")
    found = sorted(entry.name for entry in path.iterdir())
    if found and MARK not in found:
        raise ConflictError(
            f"{path} is not empty: it has {', '.join(found[:4])}.",
            hint="Name a folder that is empty or new.",
        )


def _clear(path: Path) -> None:
    """Remove what a home is made of, and nothing else."""
    for name in FOLDERS:
        shutil.rmtree(path / name, ignore_errors=True)
    for name in (HOME_FILE, PLANT_FILE):
        (path / name).unlink(missing_ok=True)


def _fill(path: Path, given: HomeSettings, clock: Clock) -> HomeInfo:
    settings = given.settings()
    for name in FOLDERS:
        (path / name).mkdir(mode=0o700 if name in {"keys", "state"} else 0o755)
    write_plant(path, given.plant, given.tables)
    plant = load_plant(path / PLANT_FILE)
    policy = given.policy or authority.first_policy_text()
    info = home_info(settings)
    now = clock()
    events = [
        NewEvent(f"home/{settings.uid}", settings.created(), 0, actor="node"),
        NewEvent(authority.POLICY_STREAM, authority.adopted(policy, now), 0, actor="node"),
        NewEvent(PLANT_STREAM, plant.adopted(now), 0, actor="node"),
    ]
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger

    keys = make_keys(path, info)
    place = ledger_place(path, settings)
    with Ledger.open(place, info, clock, core_projections(), keys=keys) as ledger:
        ledger.append(events)
        ledger.checkpoint()
    Historian.open(Layout(path).historian, recorder=None, clock=clock).close()
    save_settings(path, settings)
    return info


def write_plant(path: Path, plant: str, tables: Mapping[str, str]) -> None:
    """Write `plant.toml` and the tables beside it."""
    write_durably(path / PLANT_FILE, plant.encode())
    for name, text in tables.items():
        write_durably(path / "tables" / Path(name).name, text.encode())


def make_keys(root: Path, info: HomeInfo) -> Keyring:
    """Make the home's key pair; the private one is readable by its owner only."""
    from goldenbatch.stores.ledger import Keyring, Signer

    layout = Layout(root)
    signer = Signer.create(layout.key, origin_of(info))
    write_durably(layout.public_key, f"{signer.verifier}\n".encode())
    return Keyring((signer,))


def load_keys(root: Path, info: HomeInfo) -> Keyring:
    """The home's keys.

    Raises:
        NotFoundError: The private key is missing.
        IntegrityError: It is no key, others may read it, or the public key is another's.
    """
    from goldenbatch.stores.ledger import Keyring, Signer

    layout = Layout(root)
    signer = Signer.load(layout.key, origin_of(info))
    try:
        public = layout.public_key.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        public = ""
    if public != f"{signer.verifier}\n":
        raise IntegrityError(
            f"{layout.public_key} is not the public key of {layout.key}.",
            hint="Restore the folder keys from the backup of the home.",
        )
    return Keyring((signer,), load_public_keys(root)[1:])


def load_public_keys(root: Path) -> tuple[VerifierKey, ...]:
    """The home's public key, and those of the witnesses whose cosignatures it keeps.

    Raises:
        IntegrityError: A key cannot be read.
    """
    from goldenbatch.stores.ledger import ProofError, VerifierKey

    layout = Layout(root)
    try:
        lines = layout.public_key.read_text("ascii").splitlines()[:1]
        if layout.witnesses.exists():
            lines += layout.witnesses.read_text("utf-8").splitlines()
        return tuple(VerifierKey.parse(line) for line in lines)
    except (OSError, ValueError, ProofError) as error:
        raise IntegrityError(
            f"a public key of {root} cannot be read ({error}).",
            hint="Restore the folder keys from the backup of the home.",
        ) from error


def origin_of(info: HomeInfo) -> str:
    """Name of the home's log and of its key."""
    return f"goldenbatch/{info.uid}"
