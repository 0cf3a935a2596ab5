"""What a ceremony remembers between two calls: prepared statements, and series of signatures.

Both are kept in memory only: after a restart everybody prepares again, with all components.

References:
    21 CFR 11.200(a)(1)(i), (ii).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from goldenbatch.core.errors import ConflictError, DeniedError

if TYPE_CHECKING:
    from goldenbatch.core.authority import Allow
    from goldenbatch.core.people import SignerClass, SigningStatement
    from goldenbatch.core.records import Body, Event
    from goldenbatch.runtime._ceremony_asked import Asked
    from goldenbatch.runtime._ceremony_oidc import Flow

MAX_WAITING = 1000

Kept = TypeVar("Kept")
Timer = Callable[[], float]


@dataclass(frozen=True)
class Session:
    """The controlled session in which somebody signs; without a key each act stands alone.

    Attributes:
        key: Names the session to the server and to nobody else.
        uid: Who is logged in.
    """

    key: str = ""
    uid: str = ""


ALONE = Session()


@dataclass(frozen=True)
class Prepared:
    """A statement that waits for its signer.

    Attributes:
        id: Names it once, for its signer.
        statement: What will be signed.
        statement_hash: Its hash, over which the signer proves who they are.
        record: Newest event of the record, which is shown with it.
        asked: What was asked, with what is appended before the signature.
        allowed: Decisions of the policy that it rests on: action to allowance.
        minimum_class: Weakest class of signature that the policy takes.
        components: How many a signature by password needs.
        methods: Kinds of credentials by which the signer can sign it.
        expires_at: Microseconds UTC, for people; the server goes by its own timer.
        acting_for: Whose delegate the signer is; empty: nobody's.
        flow: The log-in at a provider that was begun for it.
    """

    id: str
    statement: SigningStatement
    statement_hash: str
    record: Event
    asked: Asked
    allowed: dict[str, Allow]
    minimum_class: SignerClass
    components: int
    methods: tuple[str, ...]
    expires_at: int
    acting_for: str = ""
    flow: Flow | None = None

    @property
    def body(self) -> Body | None:
        """What is appended before the signature; None: nothing."""
        return self.asked.body


@dataclass
class Waiting(Generic[Kept]):
    """Things that can be taken once, and only for a while.

    Args:
        seconds: For how long.
        what: In words.
        timer: Monotonic seconds: no clock that is set back makes them last.
    """

    seconds: float
    what: str
    timer: Timer = time.monotonic
    _kept: dict[str, tuple[float, Kept]] = field(default_factory=dict)
    _gate: threading.Lock = field(default_factory=threading.Lock)

    def put(self, one: Kept, name: str = "") -> str:
        """Keep something; gives the name that takes it again.

        Raises:
            ConflictError: Too many things wait.
        """
        name = name or new_name()
        with self._gate:
            now = self.timer()
            self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            if len(self._kept) >= MAX_WAITING:
                raise ConflictError(f"too many a {self.what} waits.", hint="Try again later.")
            self._kept[name] = (now + self.seconds, one)
        return name

    def change(self, name: str, how: Callable[[Kept], Kept]) -> None:
        """Change what waits under a name; its time goes on.

        Raises:
            DeniedError: It is not there.
        """
        with self._gate:
            until, one = self._kept.get(name, (0.0, None))
            if one is None or until <= self.timer():
                raise self._gone()
            self._kept[name] = (until, how(one))

    def take(self, name: str) -> Kept:
        """Take it, once.

        Raises:
            DeniedError: It is not there: never was, was taken, or its time is over.
        """
        with self._gate:
            until, one = self._kept.pop(name, (0.0, None))
            if one is None or until <= self.timer():
                raise self._gone()
            return one

    def _gone(self) -> DeniedError:
        return DeniedError(
            f"there is no such {self.what}: it was used, or its time is over.",
            hint="Begin again.",
        )


def new_name() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(24)


@dataclass
class Series:
    """Which sessions have signed with all components, and have not idled since.

    Args:
        idle_s: Idle seconds that end a series.
        timer: Monotonic seconds.
    """

    idle_s: float
    timer: Timer = time.monotonic
    _open: dict[str, tuple[str, float]] = field(default_factory=dict)
    _gate: threading.Lock = field(default_factory=threading.Lock)

    def is_open(self, session: Session, signer: str) -> bool:
        """Whether one component is enough; another signer in the session ends its series."""
        if not session.key:
            return False
        with self._gate:
            uid, last = self._open.get(session.key, ("", 0.0))
            is_idle = self.timer() - last >= self.idle_s
            if uid and (uid != signer or session.uid != signer or is_idle):
                del self._open[session.key]
                return False
            return bool(uid)

    def signed(self, session: Session, signer: str) -> None:
        """The owner of a session has signed in it: the series begins, or goes on."""
        if session.key and session.uid == signer:
            with self._gate:
                self._open[session.key] = (signer, self.timer())

    def end(self, key: str) -> None:
        """End the series of a session: its person logged out, or gave a wrong proof."""
        with self._gate:
            self._open.pop(key, None)
