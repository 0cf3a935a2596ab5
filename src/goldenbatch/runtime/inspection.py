"""An inspector's access, read-only and within a time of its own, and a copy to take away.

The copy is checked by the verifier that lies in it, without this platform and without the home.
Who made it for whom, and the digest by which it is known again, is an event of the home.

References:
    21 CFR 11.1(e), 11.10(b); EU GMP Annex 11 (2011) 8.1; PIC/S PI 041-1 7.5 (available).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from goldenbatch.core import authority
from goldenbatch.core.audit import TrailFilter
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.inspection import PREFIX, CopyTaken
from goldenbatch.core.records import NewEvent, to_iso
from goldenbatch.core.site import Actor
from goldenbatch.runtime._inspection_texts import PUBLIC_KEYS, README, SUMS, VERIFIER, readme
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.audit import Trail, may_see_names
from goldenbatch.runtime.export import PARTIAL, ExportSettings, batch_settings, export
from goldenbatch.runtime.home import load_public_keys
from goldenbatch.runtime.seen import SeenSite

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.records import Event
    from goldenbatch.runtime.local import LocalSite

MAX_DAYS: Final = 90
"""Longest time for which an inspector's access is opened at once."""

DAY_US: Final = 86_400_000_000
PART: Final = 2_000
"""Entries of the trail in one print: a longer one is written in parts."""

Step = Callable[[str], None]


@dataclass(frozen=True)
class Visit:
    """Access that is opened for an inspector.

    Attributes:
        login: Account of the inspector; made when it is missing.
        printed_name: Their name; needed for a new account.
        start: From when on, microseconds UTC.
        end: Until when.
        reason: Which inspection.
        role: Time-boxed role; empty: the first one of the policy that may take copies.
    """

    login: str
    printed_name: str
    start: int
    end: int
    reason: str
    role: str = ""


@dataclass(frozen=True)
class CopyScope:
    """What a copy holds.

    Attributes:
        batches: These batches, each whole; empty: all records of the home.
        since: Only what was recorded at this time or later; None: from the beginning.
        has_readings: Whether readings of sensors go along.
    """

    batches: tuple[str, ...] = ()
    since: int | None = None
    has_readings: bool = True

    def as_words(self) -> str:
        """What it is, for people."""
        if self.batches:
            return f"batch {', '.join(self.batches)}"
        start = "" if self.since is None else f" from {to_iso(self.since)} on"
        return f"all records of this home{start}"


@dataclass(frozen=True)
class CopyMade:
    """A copy that was written.

    Attributes:
        path: Its folder.
        taken: What was recorded of it.
        event: The event.
    """

    path: Path
    taken: CopyTaken
    event: Event

    def as_json(self) -> dict[str, Any]:
        """The copy as plain values."""
        place = {"stream": self.event.stream, "seq": self.event.seq}
        return {"path": str(self.path), **self.taken.as_json(), **place}


def open_access(site: LocalSite, by: UserState, visit: Visit) -> dict[str, Any]:
    """Open a home to an inspector: account, time-boxed role, window, and a token to enrol with.

    Where the policy gives roles by two people, the role is proposed and counts once another
    person confirms it. Opened again it changes the window.

    Raises:
        BadInputError: The time is over, too long, or the role is not time-boxed.
        DeniedError: The policy does not let this person do that.
    """
    role = _boxed_role(site, visit.role)
    if not visit.start < visit.end or visit.end <= site.clock():
        raise BadInputError("the access ends before it begins, or is over.", key="until")
    if visit.end - visit.start > MAX_DAYS * DAY_US:
        raise BadInputError(
            f"an inspector's access lasts {MAX_DAYS} days at most.", hint="Open it again then.",
            key="until",
        )  # fmt: skip
    people = site.people
    if not site.ledger.select("user", {"login": visit.login}, limit=1):
        if not visit.printed_name:
            raise BadInputError("a new account needs the person's name.", key="name")
        people.add(visit.login, visit.printed_name, by=by.login)
    user = people.find(visit.login)
    if role not in user.roles:
        _give(site, by, user, role, visit.reason)
    window = {"role": role, "start": visit.start, "end": visit.end, "reason": visit.reason}
    event = site.rights.set_window(by, visit.login, **window)
    token = ""
    if not site.credentials.wallet(visit.login).active(CredentialKind.PASSWORD):
        token = site.credentials.offer(visit.login, "password", visit.reason, by=by.login)
    is_confirmed = role in people.find(visit.login).roles
    return {"login": visit.login, "role": role, "start": to_iso(visit.start),
            "end": to_iso(visit.end), "is_confirmed": is_confirmed, "token": token,
            "seq": event.seq}  # fmt: skip


def _boxed_role(site: LocalSite, wanted: str) -> str:
    """The time-boxed role, which carries no GMP meaning: who holds it signs nothing."""
    policy = site.people.policy()
    fit = [name for name, one in policy.roles.items() if one.time_boxed and not one.gmp]
    may_copy = {role for rule in policy.rules_for("export") for role in rule.roles}
    role = wanted or next((name for name in fit if name in may_copy), "")
    if role not in fit:
        raise BadInputError(
            f"{role or 'no role'!r} is no time-boxed role without GMP meaning.",
            hint=f"The policy knows: {', '.join(fit) or 'none; give it one'}.",
            key="role",
        )
    return role


def _give(site: LocalSite, by: UserState, user: UserState, role: str, reason: str) -> None:
    if site.people.policy().n_persons("user:grant") <= 1:
        site.people.grant(user.login, role, reason, by=by.login)
        return
    proposals = site.people.authority.standing(user.uid).proposals
    if role not in proposals:
        site.rights.propose_role(by, user.login, role, reason)


def close_access(site: LocalSite, by: UserState, login: str, reason: str) -> Event:
    """End an inspector's access at once.

    Raises:
        NotFoundError: None is open.
    """
    user = site.people.find(login)
    windows = site.people.authority.standing(user.uid).windows
    now = site.clock()
    for role, (start, end, _) in windows.items():
        if end > now:
            entries = {"role": role, "start": min(start, now - 1), "end": now, "reason": reason}
            return site.rights.set_window(by, login, **entries)
    raise NotFoundError(f"{login} has no access that is open.", hint="See `access report`.")


def take_copy(
    site: LocalSite, by: UserState, out: Path, scope: CopyScope, *, recipient: str, reason: str,
    on_step: Step | None = None,
) -> CopyMade:  # fmt: skip
    """Write a copy to take away into a new folder, and record who took what.

    Args:
        site: The home.
        by: Who makes it; classes of data that they may not read are left out.
        out: Folder that is made; it must not exist, or be empty.
        scope: What it holds.
        recipient: Who takes it.
        reason: For what.
        on_step: Called with the name of each step.

    Raises:
        DeniedError: The policy lets this person take no copy of that now.
        NotFoundError: There is no such batch.
        ConflictError: The folder is not empty.
    """
    tell = on_step or (lambda _: None)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{out} is not empty.", hint="Name a folder that is new.")
    if not recipient.strip() or not reason.strip():
        raise BadInputError("a copy names who takes it, and for what.", key="recipient")
    withheld = _require_allowed(site, by, scope)
    name = f"{to_iso(site.clock()).replace(':', '').replace('-', '')[:15]}Z"
    folder = out.with_name(out.name + PARTIAL)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        tell("closing")
        site.flush()
        work = _Copy(site, folder, scope, withheld, by)
        work.fill(tell)
        facts = {
            "copy_id": name,
            "recipient": recipient,
            "reason": reason,
            "scope": scope.as_words(),
            "withheld": withheld,
            "handed_by": by.printed_name,
        }
        work.finish(facts)
        sums = (folder / SUMS).read_bytes()
        if out.exists():
            out.rmdir()
        os.replace(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    body = CopyTaken(
        copy_id=name,
        handed_by=by.uid,
        recipient=recipient,
        reason=reason,
        batches=scope.batches,
        since=scope.since,
        withheld=withheld,
        upto_seq=work.upto,
        n_events=work.n_events,
        n_files=sums.count(b"\n"),
        sums_digest=hashlib.sha256(sums).hexdigest(),
    )
    stream = PREFIX + name
    head = site.ledger.version(stream)
    event = site.ledger.append([NewEvent(stream, body, head, actor=by.uid)])[0]
    return CopyMade(out, body, event)


def copies(site: LocalSite) -> list[dict[str, Any]]:
    """All copies that were taken, newest first."""
    events = list(site.ledger.events(kinds={CopyTaken.kind}, stream_prefix=PREFIX))
    rows = []
    for event in reversed(events):
        body = event.decode()
        if isinstance(body, CopyTaken):
            taken = to_iso(event.envelope.recorded_at)
            rows.append({"taken": taken, **body.as_json(), "seq": event.seq})
    return rows


def _require_allowed(site: LocalSite, by: UserState, scope: CopyScope) -> tuple[str, ...]:
    """The policy's leave for each record that is asked for; gives the classes to leave out."""
    streams = [f"batch/{name}" for name in scope.batches] or [f"home/{site.home.uid}"]
    for stream in streams:
        if not site.ledger.version(stream):
            raise NotFoundError(f"there is no record {stream!r}.", hint="See `batch list`.")
        authority.require(site.people.decide_may(by, "export", stream))
    from goldenbatch.core.records import DataClass

    readable = site.people.authority.ask(by).readable()
    if not readable:
        raise DeniedError(f"{by.login} may read nothing here.", hint="Open their access first.")
    return tuple(one.value for one in DataClass if one not in readable)


class _Copy:
    """One copy on its way."""

    def __init__(
        self, site: LocalSite, folder: Path, scope: CopyScope, withheld: tuple[str, ...],
        by: UserState,
    ) -> None:  # fmt: skip
        self._site, self._folder, self._scope, self._withheld = site, folder, scope, withheld
        self._sees_names = may_see_names(site, Actor(by.uid, by.roles))
        # The print holds no more than the export: what may not be read is not printed either.
        self._trail = Trail(cast("LocalSite", SeenSite(site, site.people.authority, by)))
        self.upto = site.ledger.checkpoints()[-1].size
        self.n_events = 0

    def fill(self, tell: Step) -> None:
        """Write exports and prints."""
        scope = self._scope
        if not scope.batches:
            tell("export")
            self._export(ExportSettings(since=self._first() - 1), self._folder / "export")
            tell("trail")
            self._print(TrailFilter(since=scope.since), self._folder / "trail")
            return
        for batch in scope.batches:
            from goldenbatch.capabilities.execution import write_report

            tell(batch)
            place = self._folder / "batches" / _safe(batch)
            settings = batch_settings(self._site, batch, has_chunks=scope.has_readings)
            self._export(settings, place / "export")
            self._print(self._trail.of_batch(batch), place / "trail")
            if not self._withheld:
                write_report(self._site, batch, place / "dossier")

    def _first(self) -> int:
        """First event that was recorded at the asked time or later."""
        if self._scope.since is None:
            return 1
        since = {"recorded_at": TrailFilter(since=self._scope.since).where()["recorded_at"]}
        rows = self._site.ledger.select("trail", since, ("seq",), 1)
        if not rows or int(rows[0]["seq"]) > self.upto:
            raise NotFoundError("nothing was recorded since then.", hint="Name an earlier time.")
        return int(rows[0]["seq"])

    def _export(self, settings: ExportSettings, out: Path) -> None:
        from dataclasses import replace

        has_chunks = settings.has_chunks and self._scope.has_readings
        settings = replace(settings, withheld=self._withheld, has_chunks=has_chunks)
        self.n_events += export(self._site.path, out, settings).n_events

    def _print(self, wanted: TrailFilter, out: Path) -> None:
        """The trail as PDF, HTML, CSV and JSON Lines; its proof is that of the export."""
        from goldenbatch.capabilities.execution import write_trail

        trail, offset, part = self._trail, 0, 1
        while True:
            page = trail.page(wanted, offset=offset, limit=PART, sees_names=self._sees_names,
                              upto=self.upto)  # fmt: skip
            is_whole = page.n_entries <= PART
            written = write_trail(
                self._site, page.as_json(), out, "trail" if is_whole else f"trail-{part:04}"
            )
            Path(written.get("proof", out / "none")).unlink(missing_ok=True)
            offset, part = offset + PART, part + 1
            if offset >= page.n_entries:
                return

    def finish(self, facts: dict[str, Any]) -> None:
        """Write verifier, keys, README and the list of digests, last."""
        from importlib.resources import files

        verifier = files("goldenbatch.verifier") / VERIFIER
        (self._folder / VERIFIER).write_bytes(verifier.read_bytes())
        keys = load_public_keys(self._site.path)
        (self._folder / PUBLIC_KEYS).write_text("".join(f"{one}\n" for one in keys), "utf-8")
        exports = sorted(
            one.parent.relative_to(self._folder).as_posix()
            for one in self._folder.rglob("manifest.json")
        )
        facts |= {"exports": exports, "keys": [str(one) for one in keys], "upto": self.upto}
        (self._folder / README).write_text(readme(self._site, facts), encoding="utf-8")
        write_durably(self._folder / SUMS, _sums(self._folder))


def _sums(folder: Path) -> bytes:
    paths: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = []
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines).encode()


def _safe(name: str) -> str:
    """A batch's name as the name of a folder; two that would be one get a digest each."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip(".") or "_"
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
