"""The audit trail of a home: searched, shown to people, and reviewed under signature."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from goldenbatch.core.audit import (
    REVIEW_KINDS,
    Act,
    Entry,
    TrailFilter,
    TrailOpened,
    TrailReviewed,
    reason_of,
)
from goldenbatch.core.authority import require
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.facts import record_facts
from goldenbatch.core.people import Meaning, SignatureApplied
from goldenbatch.core.records import (
    Between,
    Event,
    NewEvent,
    Row,
    bad_record,
)
from goldenbatch.core.time import local_text
from goldenbatch.runtime._ceremony_asked import Asked
from goldenbatch.runtime._trail import TrailLine, TrailPage, TrailPeople, seen

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor
    from goldenbatch.runtime.local import LocalSite

SORTS: Final = ("seq", "-seq", "stream", "-stream", "actor", "-actor", "kind", "-kind")
MANY: Final = "trail/home"
_MAX_STREAM: Final = 200


class Trail:
    """The audit trail of an open site.

    Args:
        site: The site.
    """

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def page(
        self,
        wanted: TrailFilter,
        *,
        sort: str = "seq",
        offset: int = 0,
        limit: int | None = 100,
        sees_names: bool = True,
        upto: int | None = None,
    ) -> TrailPage:
        """Entries that fit a filter, some at a time.

        Args:
            wanted: Which entries.
            sort: A column, descending with a leading `-`: seq, stream, actor, kind.
            offset: How many to leave out.
            limit: How many at most; None: all.
            sees_names: Whether printed names of people are given.
            upto: Last event that counts; None: the newest.

        Raises:
            BadInputError: The order is unknown, or offset or limit is negative.
        """
        if sort not in SORTS:
            raise BadInputError(
                f"the trail has no order {sort!r}.", hint=f"One of: {', '.join(SORTS)}.", key="sort"
            )
        if offset < 0 or (limit is not None and limit < 0):
            raise BadInputError("offset and limit are 0 or more.", key="offset")
        ledger = self._site.ledger
        head = ledger.head() if upto is None else min(upto, ledger.head())
        where = {**wanted.where(), "seq": Between(None, head + 1)}
        order = (sort,) if sort.endswith("seq") else (sort, "seq")
        rows = ledger.select("trail", where, order, None if limit is None else offset + limit)
        people = TrailPeople(self._site, sees_names)
        lines = tuple(self._line(row, people) for row in rows[offset:])
        return TrailPage(wanted, lines, ledger.count("trail", where), offset, head)

    def _line(self, row: Row, people: TrailPeople) -> TrailLine:
        event = self._event(int(row["seq"]))
        before = None
        if row["replaces"]:
            where = {"stream": row["stream"], "version": row["replaces"]}
            before = self._event(int(self._site.ledger.select("trail", where)[0]["seq"]))
        name, role = people.who(event)
        zone, envelope = self._site.home.zone, event.envelope
        done = envelope.performed_at
        entry = Entry.of(row, event, before)
        return TrailLine(
            entry=replace(entry, changes=seen(entry, people.sees_names)),
            printed_name=name,
            role=role,
            recorded=local_text(envelope.recorded_at, zone),
            performed="" if done is None else local_text(done, zone),
            reason=reason_of(event),
            unsigned_since=self._unsigned_since(event),
        )

    def _unsigned_since(self, event: Event) -> int | None:
        """Of a signature: the first later version that changed what it covers."""
        body = event.body or {}
        if event.kind != SignatureApplied.kind or "version" not in body:
            return None
        signed = event.envelope.version - 1 if body.get("proposal") else int(body["version"])
        acts = [act.value for act in Act if act is not Act.SIGNED]
        where = {"stream": event.stream, "version": Between(signed + 1, None), "act": acts}
        rows = self._site.ledger.select("trail", where, ("version",), 1)
        return int(rows[0]["version"]) if rows else None

    def _event(self, seq: int) -> Event:
        return next(iter(self._site.ledger.events(seq - 1, seq)))

    def filter(self, wanted: Mapping[str, Any]) -> TrailFilter:
        """A filter from plain values; `batch` names its records, `actor` may be a login.

        Raises:
            BadInputError: A value is impossible.
            NotFoundError: There is no such batch.
        """
        given = dict(wanted)
        batch, actor = given.pop("batch", ""), given.get("actor", "")
        if batch:
            streams = self.of_batch(str(batch)).streams
            given["streams"] = tuple(dict.fromkeys((*given.get("streams", ()), *streams)))
        rows = self._site.ledger.select("user", {"login": actor}, limit=1) if actor else ()
        if rows:
            given["actor"] = rows[0]["uid"]
        try:
            return TrailFilter.model_validate(given)
        except ValidationError as error:
            raise bad_record(error, file="filter of the trail") from error

    def of_batch(self, batch: str) -> TrailFilter:
        """The records of a batch: its own, its samples and lots, and the findings on it.

        Raises:
            NotFoundError: There is no such batch.
        """
        select = self._site.ledger.select
        if not select("batch", {"batch": batch}, limit=1):
            raise NotFoundError(f"there is no batch {batch!r}.", hint="See `batch list`.")
        streams = [f"batch/{batch}"]
        streams += [f"sample/{row['sample']}" for row in select("sample", {"batch": batch})]
        lots = select("genealogy", {"batch": batch})
        streams += [f"lot/{row['material']}/{row['lot']}" for row in lots]
        findings = select("finding_batch", {"batch": batch})
        streams += [f"finding/{row['uid']}" for row in findings]
        return TrailFilter(streams=tuple(dict.fromkeys(streams)))

    # ---- review -----------------------------------------------------------------------------

    def open(self, wanted: TrailFilter, reader: str, *, sees_names: bool = True) -> OpenedTrail:
        """Show a person all entries that fit, and record that they were shown.

        Args:
            wanted: Which entries.
            reader: Opaque uid of the person.
            sees_names: Whether printed names are given.

        Raises:
            NotFoundError: No entry fits.
        """
        page = self.page(wanted, limit=None, sees_names=sees_names)
        if not page.lines:
            raise NotFoundError(
                f"the trail has no entries for {wanted.as_words()}.", hint="Ask for others."
            )
        versions = [line.entry.event.envelope.version for line in page.lines]
        is_one = bool(wanted.record)
        body = TrailOpened(
            stream=wanted.record,
            from_version=min(versions) if is_one else 0,
            to_version=max(versions) if is_one else 0,
            upto_seq=page.upto_seq,
            filters=wanted,
            n_entries=page.n_entries,
            entries_digest=_digest(line.entry.event.leaf for line in page.lines),
            reader=reader,
        )
        return OpenedTrail(page, self._append(review_stream(wanted), body))

    def asked_review(
        self, stream: str, opened: int, reviewer: str, comment: str, *, is_satisfactory: bool
    ) -> Asked:
        """A review of entries that were shown before, to be recorded and signed in one append.

        Args:
            stream: Stream of the showing, `trail/...`.
            opened: Version of the showing in it.
            reviewer: Opaque uid of the person, who must be the one to whom it was shown.
            comment: What was looked at and found.
            is_satisfactory: Whether nothing was found that needs action.

        Raises:
            DeniedError: The trail was not shown to this person, or they were involved.
            BadInputError: The comment is empty.
            NotFoundError: There is no such showing.
        """
        if not comment.strip():
            raise BadInputError("a review says what was found.", key="comment")
        shown = self._shown(stream, opened)
        if shown.reader != reviewer:
            raise DeniedError(
                "these entries of the trail were shown to another person.",
                hint="Open them yourself before you review them.",
            )

        def check() -> None:
            self._require_same(shown)
            self._require_independent(shown, reviewer)

        check()
        body = TrailReviewed(
            **{name: getattr(shown, name) for name in _SHARED},
            opened=opened,
            reviewer=reviewer,
            is_satisfactory=is_satisfactory,
            comment=comment,
        )
        return Asked(stream, Meaning.REVIEWED, comment, body=body, check=check)

    def review(
        self,
        stream: str,
        opened: int,
        login: str,
        password: str,
        comment: str,
        *,
        is_satisfactory: bool = True,
    ) -> tuple[Event, Event]:
        """Review entries that were shown before, signed `reviewed` by the password.

        Returns:
            The review and the signature on it.

        Raises:
            DeniedError: The password is wrong, the policy forbids it, the trail was not shown
                to this person before, or they took part in what they would review.
        """
        user = self._site.people.authenticate(login, password)
        require(self._site.people.decide_may(user, f"sign:{Meaning.REVIEWED.value}", stream))
        asked = self.asked_review(
            stream, opened, user.uid, comment, is_satisfactory=is_satisfactory
        )
        review, signature = self._site.signing.sign_asked(asked, login, password)
        return review, signature

    def _append(self, stream: str, body: TrailOpened) -> Event:
        version = self._site.ledger.version(stream)
        return self._site.ledger.append([NewEvent(stream, body, version, actor="node")])[0]

    def _shown(self, stream: str, opened: int) -> TrailOpened:
        found = self._site.ledger.stream(stream, opened - 1)[:1] if opened > 0 else ()
        body = found[0].decode() if found else None
        if not isinstance(body, TrailOpened):
            raise NotFoundError(
                f"version {opened} of {stream} shows no entries of the trail.",
                hint="Open the trail first: `goldenbatch trail open`.",
            )
        return body

    def _require_same(self, shown: TrailOpened) -> None:
        rows = self._rows(shown)
        leaves = [self._event(int(row["seq"])).leaf for row in rows]
        if len(rows) != shown.n_entries or _digest(iter(leaves)) != shown.entries_digest:
            raise DeniedError(
                "the entries are not those that were shown.",
                hint="Run `goldenbatch verify`, then open the trail again.",
            )

    def _rows(self, shown: TrailOpened) -> Sequence[Row]:
        where = {**shown.filters.where(), "seq": Between(None, shown.upto_seq + 1)}
        return self._site.ledger.select("trail", where, ("seq",))

    def _require_independent(self, shown: TrailOpened, reviewer: str) -> None:
        """Whoever made or verified what is reviewed does not review it."""
        own = list(self._involved(shown, reviewer))
        if own:
            raise DeniedError(
                f"{reviewer} took part in what is to be reviewed: {', '.join(own[:3])}.",
                hint="Let somebody review it who was not involved, or leave these records out.",
            )

    def _involved(self, shown: TrailOpened, reviewer: str) -> Iterator[str]:
        judgements = (*self._site.people.policy().judgements, *REVIEW_KINDS)
        ledger = self._site.ledger
        if shown.stream:
            facts = record_facts(shown.stream, ledger.stream(shown.stream), judgements)
            if reviewer in facts.workers | facts.verifiers:
                yield shown.stream
            return
        where = {**shown.filters.where(), "seq": Between(None, shown.upto_seq + 1)}
        if shown.filters.actor not in ("", reviewer):
            return
        for row in ledger.select("trail", {**where, "actor": reviewer}, ("seq",)):
            if row["act"] == Act.SIGNED.value:
                body = self._event(int(row["seq"])).body or {}
                if body.get("meaning") not in (Meaning.PERFORMED.value, Meaning.VERIFIED.value):
                    continue
            if row["kind"] not in judgements:
                yield f"{row['stream']}@{row['version']}"


@dataclass(frozen=True)
class OpenedTrail:
    """A trail that was shown as a whole.

    Attributes:
        page: All its entries.
        event: The showing, as it was recorded.
    """

    page: TrailPage
    event: Event

    def as_json(self) -> dict[str, Any]:
        """The showing as plain values; `review_stream` and `opened` name it for a review."""
        place = {"review_stream": self.event.stream, "opened": self.event.envelope.version}
        return {**place, **self.page.as_json()}


_SHARED: Final = (
    "stream",
    "from_version",
    "to_version",
    "upto_seq",
    "filters",
    "n_entries",
    "entries_digest",
)


def may_see_names(site: LocalSite, reader: Actor) -> bool:
    """Whether a person sees printed names: by the policy's rule `read:personal`, or `export`.

    The operator of the machine, who is no person of the home, sees them.
    """
    if reader.uid == site.actor.uid and not reader.roles:
        return True
    policy = site.people.policy()
    action = "read:personal" if policy.rules_for("read:personal") else "export"
    try:
        user = site.people.user(reader.uid)
    except NotFoundError:
        return False
    return site.people.decide_may(user, action, "trail/home").is_allowed


def review_stream(wanted: TrailFilter) -> str:
    """Stream in which showings and reviews of these entries stand.

    >>> review_stream(TrailFilter(streams=("batch/7",)))
    'trail/batch/7'
    >>> review_stream(TrailFilter(prefix="batch/"))
    'trail/home'
    """
    name = wanted.record
    if not name:
        return MANY
    if len(name) > _MAX_STREAM:
        return f"trail/sha256-{hashlib.sha256(name.encode()).hexdigest()}"
    return f"trail/{name}"


def _digest(leaves: Iterator[str] | Any) -> str:
    digest = hashlib.sha256()
    for leaf in leaves:
        digest.update(bytes.fromhex(leaf))
    return digest.hexdigest()
