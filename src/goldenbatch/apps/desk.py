"""The desk: what people do with a site, the same here and through a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.site import HomeInfo, Site

if TYPE_CHECKING:
    from goldenbatch.apps.ceremony import CeremonyDesk
    from goldenbatch.runtime.remote import RemoteSite

Answer = dict[str, Any]
"""What an act gives: plain values, as they stand in JSON."""


@dataclass(frozen=True)
class PlantFiles:
    """A plant as it stands in files: its `plant.toml`, and bulk tables by file name."""

    text: str
    tables: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> PlantFiles:
        """The files of a `plant.toml` and of the tables beside it.

        Raises:
            NotFoundError: The file does not exist.
            BadInputError: A file is no UTF-8 text.
        """
        if not path.is_file():
            raise NotFoundError(f"{path} does not exist.", hint="Name a plant.toml.")
        tables = sorted((path.parent / "tables").glob("*.csv"))
        return cls(_text(path), {one.name: _text(one) for one in tables})

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"text": self.text, "tables": dict(self.tables)}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(path)
        ) from error


@dataclass(frozen=True)
class NewUser:
    """A person who gets an account, and the roles given with it."""

    login: str
    printed_name: str
    roles: tuple[str, ...] = ()
    reason: str = "account made"


class Desk(Protocol):
    """What people do with a site; each act gives plain values."""

    @property
    def site(self) -> Site:
        """The site itself."""

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home."""

    @property
    def ceremony(self) -> CeremonyDesk:
        """What people do to sign, and with their credentials."""

    def wake(self) -> Answer:
        """Wake the analysts once: `transitions`."""

    def replay(self, mode: str, batch: str) -> Answer:
        """Replay `as-seen` or `as-known`; an empty batch means all."""

    def adopt(self, name: str, analyst: str, settings: Mapping[str, Any]) -> Answer:
        """Put an analyst to work."""

    def decide(self, login: str, password: str, uid: str, decision: Mapping[str, str]) -> Answer:
        """Decide on a finding (verdict, comment, action), signed."""

    def sign(self, login: str, password: str, signature: Mapping[str, Any]) -> Answer:
        """Sign a version of a record (stream, meaning, reason, version)."""

    def add_user(self, user: NewUser, password: str) -> Answer:
        """Give a person an account, and roles with it."""

    def grant(self, login: str, role: str, reason: str) -> Answer:
        """Give a person a role."""

    def change_user(self, login: str, change: str, reason: str, role: str = "") -> Answer:
        """Revoke a role, or disable, enable or unlock an account."""

    def set_password(self, login: str, old: str, new: str) -> Answer:
        """Let a person choose another password."""

    def retire(self, name: str, reason: str) -> Answer:
        """Take an analyst from its work."""

    def preview_plant(self, files: PlantFiles) -> Answer:
        """What adopting a plant would change: `changes`."""

    def adopt_plant(self, files: PlantFiles, effective_from: str) -> Answer:
        """Put a plant into force."""

    def verify(self, *, has_projections: bool = True) -> Answer:
        """Check everything, or all but the projections: `is_ok`, `problems`."""

    def checkpoint(self) -> Answer:
        """Sign the head of the ledger's tree."""

    def flush(self) -> Answer:
        """Hand the frame log over."""

    def compact(self) -> Answer:
        """Compact closed days, and remove the files that they superseded."""

    def trail(self, wanted: Mapping[str, Any], page: Mapping[str, Any]) -> Answer:
        """Entries of the audit trail that fit; `page` has sort, offset and limit (none: all)."""

    def open_trail(self, login: str, password: str, wanted: Mapping[str, Any]) -> Answer:
        """Show a person all entries that fit, and record that."""

    def review_trail(self, login: str, password: str, review: Mapping[str, Any]) -> Answer:
        """Review entries that were shown before (stream, opened, comment), signed."""

    def backup(self, folder: str, passphrase: str) -> Answer:
        """Write a backup; a passphrase takes the keys along."""

    def drill(self, folder: str, snapshot: str) -> Answer:
        """Restore a backup for trial, verify it and record the result."""

    def archive(self, batch: str, folder: str) -> Answer:
        """Write the whole record of a batch into a new folder."""

    def status(self) -> Answer:
        """The home and how much is in it."""


class RemoteDesk:
    """The desk of a site through its node."""

    def __init__(self, site: RemoteSite) -> None:
        from goldenbatch.apps.ceremony import RemoteCeremony

        self.site: Site = site
        self.home = site.home
        self._client = site.client
        self.ceremony: CeremonyDesk = RemoteCeremony(site.client)

    def wake(self) -> Answer:
        """Wake the analysts once."""
        return self._post("/tick")

    def replay(self, mode: str, batch: str) -> Answer:
        """Replay history."""
        return self._post("/replay", {"mode": mode, "batch": batch})

    def adopt(self, name: str, analyst: str, settings: Mapping[str, Any]) -> Answer:
        """Put an analyst to work."""
        body = {"name": name, "analyst": analyst, "settings": dict(settings)}
        return self._post("/analysts", body)

    def decide(self, login: str, password: str, uid: str, decision: Mapping[str, str]) -> Answer:
        """Decide on a finding, signed."""
        body = {"login": login, "password": password, **decision}
        return self._post(f"/findings/{quote(uid, safe='')}/decision", body)

    def sign(self, login: str, password: str, signature: Mapping[str, Any]) -> Answer:
        """Sign a version of a record."""
        return self._post("/signatures", {"login": login, "password": password, **signature})

    def add_user(self, user: NewUser, password: str) -> Answer:
        """Give a person an account, and roles with it."""
        return self._post("/users", {**asdict(user), "password": password})

    def grant(self, login: str, role: str, reason: str) -> Answer:
        """Give a person a role."""
        path = f"/users/{quote(login, safe='')}/roles"
        return self._post(path, {"role": role, "reason": reason})

    def change_user(self, login: str, change: str, reason: str, role: str = "") -> Answer:
        """Revoke a role, or disable, enable or unlock an account."""
        path = f"/users/{quote(login, safe='')}/changes"
        return self._post(path, {"change": change, "reason": reason, "role": role})

    def set_password(self, login: str, old: str, new: str) -> Answer:
        """Let a person choose another password."""
        return self._post(f"/users/{quote(login, safe='')}/password", {"old": old, "new": new})

    def retire(self, name: str, reason: str) -> Answer:
        """Take an analyst from its work."""
        path = f"/analysts/{quote(name, safe='')}/retirement"
        return self._post(path, {"reason": reason})

    def preview_plant(self, files: PlantFiles) -> Answer:
        """What adopting a plant would change."""
        return self._post("/plant/preview", files.as_json())

    def adopt_plant(self, files: PlantFiles, effective_from: str) -> Answer:
        """Put a plant into force."""
        return self._post("/plant", {**files.as_json(), "effective_from": effective_from})

    def verify(self, *, has_projections: bool = True) -> Answer:
        """Check everything that is stored."""
        return self._post("/verify" if has_projections else "/verify?projections=false")

    def checkpoint(self) -> Answer:
        """Sign the head of the ledger's tree."""
        return self._post("/checkpoint")

    def flush(self) -> Answer:
        """Hand the frame log over."""
        return self._post("/flush")

    def compact(self) -> Answer:
        """Compact closed days, and remove the files that they superseded."""
        return self._post("/historian/compact")

    def trail(self, wanted: Mapping[str, Any], page: Mapping[str, Any]) -> Answer:
        """Entries of the audit trail that fit."""
        return self._post("/trail", {"wanted": dict(wanted), **page})

    def open_trail(self, login: str, password: str, wanted: Mapping[str, Any]) -> Answer:
        """Show a person all entries that fit, and record that."""
        body = {"login": login, "password": password, "wanted": dict(wanted)}
        return self._post("/trail/showings", body)

    def review_trail(self, login: str, password: str, review: Mapping[str, Any]) -> Answer:
        """Review entries that were shown before, signed."""
        return self._post("/trail/reviews", {"login": login, "password": password, **review})

    def backup(self, folder: str, passphrase: str) -> Answer:
        """Write a backup, by the node and on its machine."""
        return self._long("/backup", {"folder": folder, "passphrase": passphrase})

    def drill(self, folder: str, snapshot: str) -> Answer:
        """Restore a backup for trial, by the node and on its machine."""
        return self._long("/backup/drill", {"folder": folder, "snapshot": snapshot})

    def archive(self, batch: str, folder: str) -> Answer:
        """Write the whole record of a batch, by the node and on its machine."""
        return self._long("/archive", {"batch": batch, "folder": folder})

    def _long(self, path: str, body: Mapping[str, Any]) -> Answer:
        """An act that takes as long as it takes."""
        found: Answer = self._client.request("POST", path, json=dict(body), timeout=None).json()
        return found

    def status(self) -> Answer:
        """The home and how much is in it."""
        found: Answer = self._client.get("/status")
        return found

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        found: Answer = self._client.post(path, dict(body or {}))
        return found


@contextmanager
def open_desk(home: Path, actor: str = "") -> Iterator[Desk]:
    """Open a home: through its node where one runs, else under its own lock.

    Raises:
        LockedError: Another process that is no node holds the home.
    """
    from goldenbatch.runtime.remote import connect

    remote = connect(home)
    if remote is not None:
        with remote:
            yield RemoteDesk(remote)
        return
    from goldenbatch.apps.local_desk import LocalDesk
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(home, actor=actor or None) as site:
        yield LocalDesk(site)


def verify_home(
    home: Path, progress: Callable[[int, int], None], *, has_projections: bool = True
) -> Answer:
    """Check everything that a home stores: by its node where one runs, else here.

    A home that cannot be opened for work any more is checked part by part.

    Raises:
        LockedError: Another process that is no node holds the home.
    """
    from goldenbatch.runtime.remote import connect

    remote = connect(home)
    if remote is not None:
        with remote:
            return RemoteDesk(remote).verify(has_projections=has_projections)
    from goldenbatch.runtime.verify import verify

    return verify(home, progress=progress, has_projections=has_projections).as_json()
