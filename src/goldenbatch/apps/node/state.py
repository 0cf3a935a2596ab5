"""What the endpoints of a node share: the desk, the gate before it, who is logged in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from goldenbatch.apps.node.live import Live
from goldenbatch.apps.node.throttle import Throttle
from goldenbatch.capabilities.twin.studio_runs import StudioRuns
from goldenbatch.core.errors import DeniedError
from goldenbatch.core.records import DataClass
from goldenbatch.core.site import Actor
from goldenbatch.runtime.seen import SeenSite

if TYPE_CHECKING:
    from goldenbatch.apps.local_desk import LocalDesk
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.acquisition import Acquisition

BACKGROUND = "Goldenbatch-Background"
"""Header of reads that a page makes by itself: they keep no idle session alive."""
MAX_PROBLEMS = 20


class NotLoggedInError(DeniedError):
    """A call without a token, or with one that is not or no longer known."""


@dataclass
class _Session:
    actor: Actor
    started: float
    seen: float


@dataclass(frozen=True)
class Principal:
    """Who calls: the home's own command line, or a person who logged in.

    Attributes:
        actor: Whose acts these are.
        is_local: Whether it holds the token file of the home.
        site: The site as the caller may see it: whole for the home's own command line.
        session: Names the person's session to the server only; empty for the command line.
    """

    actor: Actor
    is_local: bool
    site: Site
    session: str = ""

    def require_class(self, data_class: DataClass) -> None:
        """Refuse a person who may not read a class of data.

        Raises:
            DeniedError: They may not.
        """
        if isinstance(self.site, SeenSite):
            self.site.require_class(data_class)


@dataclass
class NodeState:
    """What the endpoints share.

    Attributes:
        desk: The site and what is done with it. Its stores may be read and written from any
            thread; acts that must not overlap (a tick, a hand-over) enter `gate`.
        token: Bearer token of the home's own command line.
        timer: Monotonic seconds, for the expiry of sessions.
        problems: Newest failures of the background work, newest last.
        throttle: How often strangers may try.
        live: Streams of live data that are open.
        studio: Runs of the twin studio.
        acquisition: Reads the running sources; None: this node reads none.
    """

    desk: LocalDesk
    token: str
    timer: Callable[[], float] = time.monotonic
    gate: threading.Lock = field(default_factory=threading.Lock)
    is_ready: bool = True
    problems: list[str] = field(default_factory=list)
    throttle: Throttle = field(init=False)
    live: Live = field(init=False)
    studio: StudioRuns = field(init=False)
    acquisition: Acquisition | None = None
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _one_login: threading.Lock = field(default_factory=threading.Lock)
    _door: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Take the limits from the home's settings."""
        settings = self.desk.site.settings.signing
        self.throttle = Throttle(settings.tries_per_minute, settings.tries_of_login, self.timer)
        self.live = Live(self)
        self.studio = StudioRuns(self.desk.site.path / "twin-runs", self.desk.site.clock)

    def _lives(self, session: _Session, now: float) -> bool:
        """Whether a session has neither idled too long nor lasted too long."""
        limits = self.desk.site.settings.signing
        is_awake = now - session.seen < limits.session_idle_s
        return is_awake and now - session.started < limits.session_whole_s

    def is_session(self, session: str) -> bool:
        """Whether a session still lives; to ask keeps it from nothing."""
        now = self.timer()
        with self._door:
            found = self._sessions.get(session)
            return found is not None and self._lives(found, now)

    def left_s(self, session: str) -> float:
        """Seconds until a session ends if nobody acts in it; to ask prolongs nothing."""
        now, limits = self.timer(), self.desk.site.settings.signing
        with self._door:
            found = self._sessions.get(session)
        if found is None:
            return 0.0
        idle = found.seen + limits.session_idle_s - now
        return max(0.0, min(idle, found.started + limits.session_whole_s - now))

    def is_local(self, token: str) -> bool:
        """Whether a token is that of the home's own command line."""
        return hmac.compare_digest(_digest(token), _digest(self.token))

    def session_of(self, token: str) -> str:
        """The session of a token; empty: none that lives."""
        session = _digest(token)
        return session if self.is_session(session) else ""

    def tell(self, text: str) -> None:
        """Show a failure of the background work at `/readiness`."""
        self.problems = [*self.problems, text][-MAX_PROBLEMS:]

    def log_in(self, login: str, password: str) -> tuple[str, Actor]:
        """A session token for a person who proved who they are.

        Raises:
            DeniedError: Login or password is wrong, or the account is closed or locked.
        """
        with self._one_login:  # a hash takes 64 MiB: strangers must not make many at once
            actor = self.desk.authenticate(login, password)
        return self.admit(actor.uid, actor.roles)

    def admit(self, uid: str, roles: frozenset[str]) -> tuple[str, Actor]:
        """A session token for a person whose proof was accepted."""
        actor = Actor(uid, frozenset(roles))
        token, now = secrets.token_urlsafe(32), self.timer()
        with self._door:
            self._sessions = {k: one for k, one in self._sessions.items() if self._lives(one, now)}
            self._sessions[_digest(token)] = _Session(actor, now, now)
        return token, actor

    def log_out(self, token: str) -> None:
        """Forget a session, and with it its series of signatures."""
        self.desk.site.signing.series.end(_digest(token))
        with self._door:
            self._sessions.pop(_digest(token), None)

    def principal(self, token: str, *, is_act: bool = True) -> Principal:
        """Who a bearer token belongs to.

        Args:
            token: As it was sent.
            is_act: Whether the call shows that the person is there, which keeps the session alive.

        Raises:
            NotLoggedInError: It is not or no longer known.
        """
        if hmac.compare_digest(_digest(token), _digest(self.token)):
            return Principal(self.desk.site.actor, is_local=True, site=self.desk.site)
        now = self.timer()
        with self._door:
            session = self._sessions.get(_digest(token))
            if session is not None:
                if self._lives(session, now):
                    session.seen = now if is_act else session.seen
                else:
                    del self._sessions[_digest(token)]
                    session = None
        if session is None:
            raise NotLoggedInError(
                "this call needs a token that the node knows.",
                hint="Log in again: POST /api/v1/login.",
            )
        return self.person(session.actor.uid, _digest(token))

    def person(self, uid: str, session: str) -> Principal:
        """The person of a session, with the roles and rights of this moment.

        Raises:
            DeniedError: The account was closed or locked meanwhile.
        """
        people = self.desk.site.people
        site = SeenSite(self.desk.site, people.authority, people.require_open(uid))
        return Principal(site.actor, is_local=False, site=site, session=session)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def get_state(request: Request) -> NodeState:
    """The node's state."""
    state: NodeState = request.app.state.node
    return state


State = Annotated[NodeState, Depends(get_state)]


def bearer(request: Request) -> str:
    """The bearer token of a call; empty when it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def get_principal(request: Request, state: State) -> Principal:
    """Who calls.

    Raises:
        NotLoggedInError: Nobody that the node knows.
    """
    is_read = request.method in ("GET", "HEAD")
    is_watched = request.url.path.startswith("/api/v1/live") or (
        request.headers.get(BACKGROUND, "") == "1"
    )
    is_act = not (is_read and is_watched)
    return state.principal(bearer(request), is_act=is_act)


def get_watcher(request: Request, state: State) -> Principal:
    """Who watches: an open stream does not keep an idle session alive.

    Raises:
        NotLoggedInError: Nobody that the node knows.
    """
    return state.principal(bearer(request), is_act=False)


Watcher = Annotated[Principal, Depends(get_watcher)]
Caller = Annotated[Principal, Depends(get_principal)]


def get_local(caller: Caller) -> Principal:
    """The caller, who must be the home's own command line.

    Raises:
        DeniedError: It is a person's session.
    """
    if not caller.is_local:
        raise DeniedError(
            "only the command line of this home may do that.",
            hint="Run the command on the node's machine, as the user who owns the home.",
        )
    return caller


LocalCaller = Annotated[Principal, Depends(get_local)]
