"""Lines and pages of the audit trail as people read them, and what of them may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.audit import Change, Entry, TrailFilter
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.people import SignatureApplied, UserState, user_state
from goldenbatch.core.records import DataClass, Event, to_iso

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

_WITHHELD: Final = "(withheld)"
_SECRETS: Final = ("hash", "secret", "password")
_OPEN: Final = frozenset({"meaning", "version", "role", "method"})
_SOFTWARE: Final = {"node": "software", "operator": "operator of the machine"}


@dataclass(frozen=True)
class TrailLine:
    """One entry as people read it.

    Attributes:
        entry: What it did, with the changes.
        printed_name: Who did it; empty for software, and for those who may not see names.
        role: In which role: the signature's, else all that the person held at that moment.
        recorded: When the server recorded it, in the site's zone with its offset.
        performed: When it was done, as claimed; empty when it was not said.
        reason: Why.
        unsigned_since: Of a signature: version that made it void; None: it stands.
    """

    entry: Entry
    printed_name: str
    role: str
    recorded: str
    performed: str
    reason: str
    unsigned_since: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The line as plain values."""
        event = self.entry.event
        envelope = event.envelope
        return {
            "seq": event.seq,
            "stream": event.stream,
            "version": envelope.version,
            "kind": event.kind,
            "act": self.entry.act.value,
            "actor": envelope.actor,
            "printed_name": self.printed_name,
            "role": self.role,
            "acting_for": envelope.acting_for,
            "recorded": self.recorded,
            "recorded_at": to_iso(envelope.recorded_at),
            "performed": self.performed,
            "is_late": self.entry.is_late,
            "is_unsigning": self.entry.is_unsigning,
            "unsigned_since": self.unsigned_since,
            "reason": self.reason,
            "changes": [
                {"field": one.field, "old": one.old, "new": one.new} for one in self.entry.changes
            ],
            "leaf": event.leaf,
        }


@dataclass(frozen=True)
class TrailPage:
    """Some lines of a trail.

    Attributes:
        wanted: Which entries were asked for.
        lines: Those of this page.
        n_entries: How many entries fit in all.
        offset: How many come before this page.
        upto_seq: Last event of the ledger when it was looked at.
    """

    wanted: TrailFilter
    lines: tuple[TrailLine, ...]
    n_entries: int
    offset: int
    upto_seq: int

    @property
    def is_whole(self) -> bool:
        """Whether all entries that fit are on this page."""
        return len(self.lines) == self.n_entries

    def as_json(self) -> dict[str, Any]:
        """The page as plain values."""
        return {
            "filter": self.wanted.model_dump(mode="json", exclude_defaults=True),
            "n_entries": self.n_entries,
            "n_shown": len(self.lines),
            "offset": self.offset,
            "upto_seq": self.upto_seq,
            "entries": [line.as_json() for line in self.lines],
        }


@dataclass
class TrailPeople:
    """Names and roles of people as they were at an event, from their own streams."""

    site: LocalSite
    sees_names: bool
    streams: dict[str, Sequence[Event]] = field(default_factory=dict)

    def who(self, event: Event) -> tuple[str, str]:
        """Printed name (or nothing) and role of who made an event."""
        body = event.body or {}
        if event.kind == SignatureApplied.kind and event.body is not None:
            return self._signer(body), str(body.get("role", ""))
        uid = event.envelope.actor
        user = self._user(uid, event.seq)
        if user is None:
            return "", _WITHHELD if self.streams[uid] else _SOFTWARE.get(uid, "software")
        name, lender = self._name(user.printed_name), event.envelope.acting_for
        if name and lender and (other := self._user(lender, event.seq)) is not None:
            name += f" for {other.printed_name}"
        return name, ", ".join(sorted(user.roles)) or "no role"

    def _signer(self, body: dict[str, Any]) -> str:
        lender = (body.get("acting_for") or {}).get("printed_name", "")
        place = f" for {lender}" if lender else ""
        return self._name(f"{body.get('printed_name', '')}{place}")

    def _name(self, name: str) -> str:
        return name if self.sees_names else ""

    def _user(self, uid: str, seq: int) -> UserState | None:
        if uid not in self.streams:
            self.streams[uid] = self.site.ledger.stream(f"user/{uid}")
        known = [event for event in self.streams[uid] if event.seq <= seq]
        try:
            return user_state(known or self.streams[uid])
        except NotFoundError:
            return None


def seen(entry: Entry, sees_names: bool) -> tuple[Change, ...]:
    """The changes as they may be shown: secrets never, personal data not to everybody."""
    is_personal = entry.event.envelope.data_class is DataClass.PERSONAL
    if not is_personal:
        return entry.changes

    def is_shown(name: str) -> bool:
        is_secret = any(word in name for word in _SECRETS)
        return not is_secret and (sees_names or name in _OPEN)

    hidden = {True: _WITHHELD, False: ""}
    return tuple(
        one
        if is_shown(one.field.rpartition(".")[2])
        else Change(one.field, hidden[bool(one.old)], hidden[bool(one.new)])
        for one in entry.changes
    )
