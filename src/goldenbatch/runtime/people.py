"""People of a home: accounts, roles, passwords, and who may do what."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from goldenbatch.core import authority
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.facts import account_facts, record_facts
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
from goldenbatch.core.records import Body, Event, NewEvent
from goldenbatch.core.site import Actor
from goldenbatch.runtime.events import AccountLocked, AccountUnlocked, PasswordRejected

if TYPE_CHECKING:
    from goldenbatch.core.facts import FactProvider
    from goldenbatch.core.site import Clock, LedgerPort

MIN_PASSWORD = 12
MAX_PASSWORD = 1000
MAX_ATTEMPTS = 5
ATTEMPTS_WINDOW_US = 15 * 60 * 1_000_000

_WRONG = "login or password is wrong."


class People:
    """Accounts of a home. All that is done stands in `user/<uid>`.

    The operator of the machine, who holds the home's lock, may add people and give roles
    (`by` empty); everybody else needs the policy's leave.

    Args:
        ledger: Where it is recorded.
        clock: Present time.
        actor: Uid under which the operator of the machine acts.
        more_facts: Further fact providers, from capabilities.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        clock: Clock,
        actor: str,
        more_facts: Callable[[], Mapping[str, FactProvider]] | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._actor = actor
        self._more_facts = more_facts or (lambda: {})

    # ---- accounts ---------------------------------------------------------------------------

    def add(self, login: str, printed_name: str, password: str, *, by: str = "") -> str:
        """Give a person an account; returns the opaque uid.

        Raises:
            ConflictError: The login is taken, also by a disabled account.
            BadInputError: The password is too short.
        """
        self._require("user:add", by, "user/new")
        if self._ledger.select("user", {"login": login}, limit=1):
            raise ConflictError(f"login {login!r} is taken.", hint="Choose another one.")
        uid = uuid.uuid4().hex
        added = UserAdded(uid=uid, login=login, printed_name=printed_name)
        secret = PasswordSet(uid=uid, hash=hash_password(password))
        self._append(uid, [added, secret], self._uid(by))
        return uid

    def grant(self, login: str, role: str, reason: str, *, by: str = "") -> None:
        """Give a person a role.

        Raises:
            BadInputError: The policy does not know the role, or forbids it beside another.
        """
        user = self.find(login)
        self._require("user:grant", by, f"user/{user.uid}")
        self.policy().check_roles({*user.roles, role})
        if role not in user.roles:
            self._append(
                user.uid, [RoleGranted(uid=user.uid, role=role, reason=reason)], self._uid(by)
            )

    def revoke(self, login: str, role: str, reason: str, *, by: str = "") -> None:
        """Take a role from a person."""
        user = self.find(login)
        self._require("user:grant", by, f"user/{user.uid}")
        if role in user.roles:
            self._append(
                user.uid, [RoleRevoked(uid=user.uid, role=role, reason=reason)], self._uid(by)
            )

    def disable(self, login: str, reason: str, *, by: str = "") -> None:
        """Close an account; nothing that its person did is lost."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        if user.is_active:
            self._append(user.uid, [UserDisabled(uid=user.uid, reason=reason)], self._uid(by))

    def enable(self, login: str, reason: str, *, by: str = "") -> None:
        """Open a closed account again."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        if not user.is_active:
            self._append(user.uid, [UserEnabled(uid=user.uid, reason=reason)], self._uid(by))

    def unlock(self, login: str, reason: str, *, by: str = "") -> None:
        """Open an account that wrong passwords have locked."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        self._append(user.uid, [AccountUnlocked(uid=user.uid, reason=reason)], self._uid(by))

    def set_password(self, login: str, old: str, new: str) -> None:
        """Let a person choose another password.

        Raises:
            DeniedError: The old one is wrong.
            BadInputError: The new one is too short.
        """
        user = self.authenticate(login, old)
        self._append(user.uid, [PasswordSet(uid=user.uid, hash=hash_password(new))], user.uid)

    def reset_password(self, login: str, new: str, *, by: str = "") -> None:
        """Set a password for a person who has lost theirs."""
        user = self.find(login)
        self._require("user:disable", by, f"user/{user.uid}")
        self._append(user.uid, [PasswordSet(uid=user.uid, hash=hash_password(new))], self._uid(by))

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
        if not rows:
            # The same work as for a real account, so that time does not tell logins.
            is_password(_NO_HASH, password)
            raise DeniedError(_WRONG, hint="Try again.")
        events = self._ledger.stream(f"user/{rows[0]['uid']}")
        user = user_state(events)
        if is_locked(events):
            raise DeniedError(
                "the account is locked after too many wrong passwords.",
                hint="Ask an administrator to unlock it.",
            )
        if not is_password(user.password_hash, password):
            self._reject(user, events)
            raise DeniedError(_WRONG, hint="Try again.")
        if not user.is_active:
            raise DeniedError("the account is closed.", hint="Ask an administrator.")
        return user

    def _reject(self, user: UserState, events: Sequence[Event]) -> None:
        now = self._clock()
        bodies: list[Body] = [PasswordRejected(uid=user.uid)]
        attempts = [at for at in wrong_attempts(events) if at > now - ATTEMPTS_WINDOW_US]
        if len(attempts) + 1 >= MAX_ATTEMPTS:
            first = min([*attempts, now])
            bodies.append(AccountLocked(uid=user.uid, n_attempts=len(attempts) + 1, since=first))
        self._append(user.uid, bodies, "node")

    # ---- authority --------------------------------------------------------------------------

    def policy(self) -> authority.Policy:
        """The policy in force now."""
        return authority.policy_at(self._ledger.stream(authority.POLICY_STREAM), self._clock())

    def decide_may(self, user: UserState, action: str, stream: str) -> authority.Decision:
        """Whether the policy lets a user do something to a record, and why (not)."""
        policy = self.policy()
        events = self._ledger.stream(stream)
        providers = {**account_facts({user.uid: user}), **self._more_facts()}
        return authority.may(
            policy,
            Actor(user.uid, user.roles),
            action,
            record_facts(stream, events, policy.judgements),
            providers,
            self._clock(),
        )

    def _require(self, action: str, by: str, stream: str) -> None:
        if by:
            authority.require(self.decide_may(self.find(by), action, stream))

    def _append(self, uid: str, bodies: Sequence[Body], actor: str) -> None:
        stream = f"user/{uid}"
        version = self._ledger.version(stream)
        self._ledger.append(
            [
                NewEvent(stream, body, expected_version=version + place, actor=actor)
                for place, body in enumerate(bodies)
            ]
        )

    def _uid(self, by: str) -> str:
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
    """Times of the wrong passwords since the account was last unlocked or got a new one."""
    attempts: list[int] = []
    for event in events:
        if event.kind == PasswordRejected.kind:
            attempts.append(event.envelope.recorded_at)
        elif event.kind in {AccountUnlocked.kind, PasswordSet.kind}:
            attempts.clear()
    return attempts


def is_locked(events: Sequence[Event]) -> bool:
    """Whether wrong passwords have locked an account."""
    locked = False
    for event in events:
        if event.kind == AccountLocked.kind:
            locked = True
        elif event.kind == AccountUnlocked.kind:
            locked = False
    return locked
