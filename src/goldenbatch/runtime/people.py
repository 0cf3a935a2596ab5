"""People of a home: accounts, roles, passwords, and who may do what."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from goldenbatch.core import authority
from goldenbatch.core.alerts import (
    SECURITY,
    UNKNOWN,
    SecurityAlertRaised,
    UnknownLoginTried,
)
from goldenbatch.core.credentials import ProofRejected
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import (
    PasswordSet,
    RoleGranted,
    RoleRevoked,
    UserAdded,
    UserDisabled,
    UserEnabled,
    UserState,
    user_state,
)
from goldenbatch.core.records import Body, Event, HomeKind, NewEvent
from goldenbatch.runtime.authority import Authority
from goldenbatch.runtime.events import AccountLocked, AccountUnlocked, PasswordRejected

if TYPE_CHECKING:
    from goldenbatch.core.facts import FactProvider
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.site import Clock, LedgerPort

MIN_PASSWORD = 12
MAX_PASSWORD = 1000
MAX_ATTEMPTS = 5
ATTEMPTS_WINDOW_US = 15 * 60 * 1_000_000

MAX_UNKNOWN = 20
"""Tries of logins that nobody has, within the same window, of which those in charge are told."""

# One answer to all, or it would tell strangers which logins there are.
_WRONG = "login or password is wrong, or the account is locked."


class People:
    """Accounts of a home. All that is done stands in `user/<uid>`.

    The operator of the machine, who holds the home's lock, may add people and give roles
    (`by` empty); everybody else needs the policy's leave.

    Args:
        ledger: Where it is recorded.
        clock: Present time.
        actor: Uid under which the operator of the machine acts.
        more_facts: Further fact providers, from capabilities.
        kind: Kind of the home.
        plant: The plant in its effective version, for calibrations.
        is_strict: Nobody but its owner ever chooses a password, not even the first one.
        alert_role: Who must look at alerts.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        clock: Clock,
        actor: str,
        more_facts: Callable[[], Mapping[str, FactProvider]] | None = None,
        *,
        kind: HomeKind = HomeKind.PRODUCTION,
        plant: Callable[[], Plant | None] = lambda: None,
        is_strict: bool = False,
        alert_role: str = "administrator",
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._actor = actor
        self.authority = Authority(ledger, clock, kind, plant, more_facts or dict)
        self._is_strict, self._alert_role = is_strict, alert_role

    # ---- accounts ---------------------------------------------------------------------------

    def add(self, login: str, printed_name: str, password: str = "", *, by: str = "") -> str:
        """Give a person an account; returns the opaque uid.

        Args:
            login: Unique in the home.
            printed_name: As it stands beside signatures.
            password: What the person typed, there and then; empty: they choose it later with
                an enrolment token (`Credentials.offer`), the only way in strict homes.
            by: Login of who adds them; empty: the operator of the machine.

        Raises:
            ConflictError: The login is taken, also by a disabled account.
            BadInputError: The password is too short.
            DeniedError: Another one than its owner would choose the password.
        """
        self._require("user:add", by, "user/new")
        if self._ledger.select("user", {"login": login}, limit=1):
            raise ConflictError(f"login {login!r} is taken.", hint="Choose another one.")
        if password and self._is_strict:
            raise DeniedError(
                "nobody chooses a password for another person.",
                hint="Add the account without one, and hand over an enrolment token.",
            )
        uid = uuid.uuid4().hex
        bodies: list[Body] = [UserAdded(uid=uid, login=login, printed_name=printed_name)]
        if password:
            bodies.append(PasswordSet(uid=uid, hash=hash_password(password)))
        self._append(uid, bodies, self.uid_of(by))
        return uid

    def grant(self, login: str, role: str, reason: str, *, by: str = "") -> None:
        """Give a person a role.

        Raises:
            BadInputError: The policy does not know the role, or forbids it beside another.
        """
        user = self.find(login)
        self._require("user:grant", by, f"user/{user.uid}")
        self.policy().check_roles({*user.roles, role})
        if by and self.policy().n_persons("user:grant") > 1:
            raise DeniedError(
                "a role is given by two people: one proposes it, another one confirms it.",
                hint="Use `goldenbatch access propose`, then `goldenbatch access confirm`.",
            )
        if role not in user.roles:
            self._append(
                user.uid, [RoleGranted(uid=user.uid, role=role, reason=reason)], self.uid_of(by)
            )

    def revoke(self, login: str, role: str, reason: str, *, by: str = "") -> None:
        """Take a role from a person."""
        user = self.find(login)
        self._require("user:grant", by, f"user/{user.uid}")
        if role in user.roles:
            self._append(
                user.uid, [RoleRevoked(uid=user.uid, role=role, reason=reason)], self.uid_of(by)
            )

    def disable(self, login: str, reason: str, *, by: str = "") -> None:
        """Close an account; nothing that its person did is lost."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        if user.is_active:
            self._append(user.uid, [UserDisabled(uid=user.uid, reason=reason)], self.uid_of(by))

    def enable(self, login: str, reason: str, *, by: str = "") -> None:
        """Open a closed account again."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        if not user.is_active:
            self._append(user.uid, [UserEnabled(uid=user.uid, reason=reason)], self.uid_of(by))

    def unlock(self, login: str, reason: str, *, by: str = "") -> None:
        """Open an account that wrong passwords have locked."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        self._append(user.uid, [AccountUnlocked(uid=user.uid, reason=reason)], self.uid_of(by))

    def set_password(self, login: str, old: str, new: str) -> None:
        """Let a person choose another password.

        Raises:
            DeniedError: The old one is wrong.
            BadInputError: The new one is too short.
        """
        user = self.authenticate(login, old)
        self._append(user.uid, [PasswordSet(uid=user.uid, hash=hash_password(new))], user.uid)

    def find(self, login: str) -> UserState:
        """The user of a login.

        Raises:
            NotFoundError: Nobody has it.
        """
        rows = self._ledger.select("user", {"login": login}, limit=1)
        if not rows:
            raise NotFoundError(f"nobody has the login {login!r}.", hint="See `user list`.")
        return self.user(str(rows[0]["uid"]))

    def user(self, uid: str) -> UserState:
        """The user of a uid, from the user's own stream."""
        return user_state(self._ledger.stream(f"user/{uid}"))

    # ---- passwords --------------------------------------------------------------------------

    def authenticate(self, login: str, password: str) -> UserState:
        """The person behind a login, who proves it by the password; wrong ones are recorded.

        Raises:
            DeniedError: Login or password is wrong, or the account is closed or locked.
        """
        rows = self._ledger.select("user", {"login": login}, limit=1)
        events = self._ledger.stream(f"user/{rows[0]['uid']}") if rows else ()
        user = user_state(events) if rows else None
        # The same work, the same record and the same answer, whether there is such a login.
        is_right = is_password(user.password_hash if user else _NO_HASH, password)
        if user is None:
            self.unknown_login("password")
        elif is_locked(events):
            locked = "the account is locked"
            self.reject(user, ProofRejected(uid=user.uid, method="password", reason=locked))
        elif not is_right:
            self.reject(user, PasswordRejected(uid=user.uid))
        else:
            _require_active(user)
            return user
        raise DeniedError(_WRONG, hint="Try again, or ask an administrator to unlock it.")

    def require_open(self, uid: str) -> UserState:
        """The user of a uid, whose account must be neither locked nor closed.

        Raises:
            DeniedError: It is.
        """
        events = self._ledger.stream(f"user/{uid}")
        user = user_state(events)
        _require_unlocked(events)
        _require_active(user)
        return user

    def reject(self, user: UserState, refused: Body) -> None:
        """Record a proof that was refused; the last of too many locks the account."""
        now = self._clock()
        events = self._ledger.stream(f"user/{user.uid}")
        attempts = [at for at in wrong_attempts(events) if at > now - ATTEMPTS_WINDOW_US]
        if len(attempts) + 1 < MAX_ATTEMPTS or is_locked(events):
            self._append(user.uid, [refused], "node")
            return
        first, number = min([*attempts, now]), len(attempts) + 1
        locked = AccountLocked(uid=user.uid, n_attempts=number, since=first)
        self.alert(user.uid, f"account locked after {number} refused proofs", [refused, locked])

    def unknown_login(self, how: str) -> None:
        """Record that a login was tried that nobody has; of many those in charge are told."""
        stream, now = f"{SECURITY}{UNKNOWN}", self._clock()
        version = self._ledger.version(stream)
        bodies: list[Body] = [UnknownLoginTried(uid=UNKNOWN, how=how)]
        newest = self._ledger.stream(stream, max(version - MAX_UNKNOWN, 0))
        recent = [one for one in newest if one.envelope.recorded_at > now - ATTEMPTS_WINDOW_US]
        is_told = any(one.kind == SecurityAlertRaised.kind for one in recent)
        if len(recent) + 1 >= MAX_UNKNOWN and not is_told:
            what = f"{len(recent) + 1} tries of logins that nobody has"
            bodies.append(SecurityAlertRaised(uid=UNKNOWN, what=what, role=self._alert_role))
        self._ledger.append(
            [NewEvent(stream, one, version + n, actor="node") for n, one in enumerate(bodies)]
        )

    def alert(self, uid: str, what: str, bodies: Sequence[Body]) -> None:
        """Record what happened to an account, and tell those in charge, in one append."""
        raised = SecurityAlertRaised(uid=uid, what=what, role=self._alert_role)
        number = self._ledger.version(f"{SECURITY}{uid}")
        alert = NewEvent(f"{SECURITY}{uid}", raised, number, actor="node")
        self._ledger.append([*self._new_events(uid, bodies, "node"), alert])

    # ---- authority --------------------------------------------------------------------------

    def policy(self) -> authority.Policy:
        """The policy in force now."""
        return self.authority.policy()

    def decide_may(
        self, user: UserState, action: str, stream: str, *, makes: bool = False
    ) -> authority.Decision:
        """Whether the policy lets a user do something to a record, and why (not)."""
        return self.authority.decide(user, action, stream, makes=makes)

    def _require(self, action: str, by: str, stream: str) -> None:
        if by:
            authority.require(self.decide_may(self.find(by), action, stream))
        elif self._is_strict and self._is_in_charge():
            raise DeniedError(
                f"{action} is denied: there are people who may do it, and the operator of the "
                "machine is not one of them.",
                hint="Log in as an administrator: `goldenbatch access propose`.",
            )

    def _is_in_charge(self) -> bool:
        """Whether people can manage people: one who proposes and another one who confirms."""
        rules = {name: self.policy().rules_for(name) for name in ("user:grant", "user:confirm")}
        held = {name: {role for one in some for role in one.roles} for name, some in rules.items()}
        rows = self._ledger.select("user", {"is_active": 1})
        able = [
            {str(row["uid"]) for row in rows if roles & set(json.loads(row["roles"]))}
            for roles in held.values()
        ]
        return bool(able[0]) and len(able[0] | able[1]) > 1 and bool(able[1])

    def _append(self, uid: str, bodies: Sequence[Body], actor: str) -> None:
        self._ledger.append(self._new_events(uid, bodies, actor))

    def _new_events(self, uid: str, bodies: Sequence[Body], actor: str) -> list[NewEvent]:
        stream = f"user/{uid}"
        version = self._ledger.version(stream)
        return [
            NewEvent(stream, body, expected_version=version + place, actor=actor)
            for place, body in enumerate(bodies)
        ]

    def uid_of(self, by: str) -> str:
        """Uid of who acts: the person of a login, or the operator of the machine."""
        return self.find(by).uid if by else self._actor


def hash_password(password: str) -> str:
    """Encoded argon2id hash (RFC 9106, second recommended option).

    Raises:
        BadInputError: The password is too short or too long.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadInputError(
            f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters, this one has "
            f"{len(password)}.",
            hint="Choose a sentence that you can remember.",
        )
    from argon2 import PasswordHasher

    return str(PasswordHasher().hash(password))


def is_password(encoded: str, password: str) -> bool:
    """Whether a password fits an encoded hash; none fits an account without one."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(PasswordHasher().verify(encoded or _NO_HASH, password)) and bool(encoded)
    except (VerificationError, InvalidHashError):
        return False


# Hash of a random password that was thrown away.
_NO_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA"
    "$Y2hvc2VuIGF0IHJhbmRvbSBhbmQgdGhyb3duIGF3YXk"
)


def wrong_attempts(events: Sequence[Event]) -> list[int]:
    """Times of the refused proofs since the account was last unlocked or got a new password."""
    attempts: list[int] = []
    for event in events:
        if event.kind in {PasswordRejected.kind, ProofRejected.kind}:
            attempts.append(event.envelope.recorded_at)
        elif event.kind in {AccountUnlocked.kind, PasswordSet.kind}:
            attempts.clear()
    return attempts


def _require_unlocked(events: Sequence[Event]) -> None:
    if is_locked(events):
        raise DeniedError(
            "the account is locked after too many wrong passwords.",
            hint="Ask an administrator to unlock it.",
        )


def _require_active(user: UserState) -> None:
    if not user.is_active:
        raise DeniedError("the account is closed.", hint="Ask an administrator.")


def is_locked(events: Sequence[Event]) -> bool:
    """Whether wrong passwords have locked an account."""
    locked = False
    for event in events:
        if event.kind == AccountLocked.kind:
            locked = True
        elif event.kind == AccountUnlocked.kind:
            locked = False
    return locked
