"""Reports on rights: who has what, who lacks which training, what is overdue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.access import REVIEW_PREFIX, AccessLine, RightsReviewed
from goldenbatch.core.policy import POLICY_STREAM
from goldenbatch.core.procedures import ProcedureBook
from goldenbatch.core.records import Row, to_iso

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People


@dataclass(frozen=True)
class Gap:
    """Something that a person lacks for the roles that they hold.

    Attributes:
        what: Tells it apart from the person's other gaps.
        words: What is lacking.
        since: Since when.
        due_at: Until when it was to be closed; None: nobody set a date.
        stream: Record that shows it.
        version: Version of that record.
    """

    uid: str
    what: str
    words: str
    since: int
    due_at: int | None
    stream: str
    version: int


class RightsReports:
    """What stands of rights in a home, as reports.

    Args:
        ledger: Where it stands.
        people: Accounts and policy.
        clock: Present time.
    """

    def __init__(self, ledger: LedgerPort, people: People, clock: Clock) -> None:
        self._ledger = ledger
        self._people = people
        self._clock = clock

    def training_gaps(self) -> list[Row]:
        """Who lacks which training: assigned or expired, or on a version no longer in force."""
        now = self._clock()
        book = ProcedureBook.of(self._ledger.select("procedure"))
        rows = self._ledger.select("training")
        done = {(r["uid"], r["procedure"], r["version"]) for r in rows if _counts(r, now)}
        gaps: dict[tuple[str, str], Row] = {}
        for row in rows:
            current = book.in_force(row["procedure"], now)
            version = current["version"] if current else row["version"]
            key = (row["uid"], row["procedure"])
            if current is not None and (*key, version) not in done:
                due = row["due_at"] if row["version"] == version else None
                gaps[key] = {
                    "uid": key[0], "procedure": key[1], "version": version, "due_at": due,
                    "in_force_from": current["effective_from"],
                }  # fmt: skip
        return [gaps[key] for key in sorted(gaps)]

    def access_lines(self) -> list[AccessLine]:
        """Who has what, now."""
        now = self._clock()
        trainings = self._ledger.select("training")
        lent = self._ledger.select("delegation")
        lines = []
        for row in self._ledger.select("user", order_by=("login",)):
            user, stand = self._people.user(row["uid"]), self._people.authority.standing(row["uid"])
            trained = [one for one in trainings if one["uid"] == user.uid and _counts(one, now)]
            lines.append(
                AccessLine(
                    uid=user.uid,
                    login=user.login,
                    printed_name=user.printed_name,
                    roles=tuple(sorted(user.roles)),
                    is_active=user.is_active,
                    is_identified=bool(stand.identified),
                    is_accountable=bool(stand.accountable),
                    trained_on=tuple(f"{one['procedure']}@{one['version']}" for one in trained),
                    stands_in_for=tuple(
                        one["delegator"]
                        for one in lent
                        if one["delegate"] == user.uid and _is_in_force(one, now)
                    ),
                )
            )
        return lines

    def access_findings(self) -> list[str]:
        """What is not as it should be with the rights of this home, in words."""
        found, now = [], self._clock()
        due = self.review_due_at()
        if due is not None and now >= due:
            found.append(f"the review of rights is overdue since {to_iso(due)[:10]}")
        for line in self.access_lines():
            if line.is_active and line.roles and not line.is_identified:
                found.append(f"the identity of {line.login} was never verified")
            if line.is_active and line.roles and not line.is_accountable:
                found.append(f"{line.login} has not accepted accountability")
        logins = {row["uid"]: row["login"] for row in self._ledger.select("user")}
        for gap in self.training_gaps():
            who = logins.get(gap["uid"], gap["uid"])
            found.append(f"{who} is not trained on {gap['procedure']} version {gap['version']}")
        return found

    def access_gaps(self) -> list[Gap]:
        """What people with roles lack, of what this home asks for."""
        found, policies = [], self._people.authority
        wanted = (
            ("identity_verified", "identified", "the identity was never verified"),
            ("accountability_signed", "accountable", "accountability was never accepted"),
        )
        for row in self._ledger.select("user", {"is_active": 1}):
            user, stand = self._people.user(row["uid"]), policies.standing(row["uid"])
            if not user.granted:
                continue
            version = min(number for _, number in user.granted)
            stream = f"user/{user.uid}"
            since = self._ledger.stream(stream, version - 1)[0].envelope.recorded_at
            for fact, name, words in wanted:
                if policies.is_asked(fact) and not getattr(stand, name):
                    found.append(Gap(user.uid, fact, words, since, None, stream, version))
        return [*found, *self._training_gaps()]

    def _training_gaps(self) -> Iterator[Gap]:
        active = {row["uid"] for row in self._ledger.select("user", {"is_active": 1})}
        for gap in self.training_gaps():
            if gap["uid"] in active:
                words = f"not trained on {gap['procedure']} version {gap['version']}"
                stream = f"training/{gap['uid']}"
                version = self._ledger.version(stream)
                since, what = gap["in_force_from"], f"training/{gap['procedure']}/{gap['version']}"
                yield Gap(gap["uid"], what, words, since, gap["due_at"], stream, version)

    def last_review(self) -> tuple[str, int]:
        """Record of the newest review that was signed: stream and version; else the policy's."""
        for row in self._ledger.select("access_review", order_by=("-at",)):
            if row["signed_by"]:
                return f"{REVIEW_PREFIX}{row['review']}", 1
        return POLICY_STREAM, 1

    def review_due_at(self) -> int | None:
        """When rights must be reviewed again; None: the policy asks for no review."""
        policy = self._people.policy()
        return RightsReviewed(policy, self._people.authority.last_review_at()).due_at()


def _counts(row: Mapping[str, Any], now: int) -> bool:
    at, expires_at = row["completed_at"], row["expires_at"]
    return at is not None and at <= now and (expires_at is None or now < expires_at)


def _is_in_force(row: Mapping[str, Any], now: int) -> bool:
    is_given = bool(row["approved_by"]) and not row["is_revoked"]
    return is_given and row["start"] <= now < row["end"]
