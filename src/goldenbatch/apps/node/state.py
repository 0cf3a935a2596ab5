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

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.site import Actor

if TYPE_CHECKING:
    from goldenbatch.apps.local_desk import LocalDesk

SESSION_IDLE_S = 15 * 60
SESSION_WHOLE_S = 12 * 3600


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
    """

    actor: Actor
    is_local: bool


@dataclass
class NodeState:
    """What the endpoints share.

    Attributes:
        desk: The site and what is done with it. Its stores may be read and written from any
            thread; acts that must not overlap (a tick, a hand-over) enter `gate`.
        token: Bearer token of the home's own command line.
        timer: Monotonic seconds, for the expiry of sessions.
        problems: Newest failures of the background work, newest last.
    """

    desk: LocalDesk
    token: str
    timer: Callable[[], float] = time.monotonic
    gate: threading.Lock = field(default_factory=threading.Lock)
    is_ready: bool = True
    problems: list[str] = field(default_factory=list)
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _one_login: threading.Lock = field(default_factory=threading.Lock)
    _door: threading.Lock = field(default_factory=threading.Lock)

    def log_in(self, login: str, password: str) -> tuple[str, Actor]:
        """A session token for a person who proved who they are.

        Raises:
            DeniedError: Login or password is wrong, or the account is closed or locked.
        """
        with self._one_login:  # a hash takes 64 MiB: strangers must not make many at once
            actor = self.desk.authenticate(login, password)
        token, now = secrets.token_urlsafe(32), self.timer()
        with self._door:
            self._sessions[_digest(token)] = _Session(actor, now, now)
        return token, actor

    def log_out(self, token: str) -> None:
        """Forget a session."""
        with self._door:
            self._sessions.pop(_digest(token), None)

    def principal(self, token: str) -> Principal:
        """Who a bearer token belongs to.

        Raises:
            NotLoggedInError: It is not or no longer known.
        """
        if hmac.compare_digest(_digest(token), _digest(self.token)):
            return Principal(self.desk.site.actor, is_local=True)
        now = self.timer()
        with self._door:
            session = self._sessions.get(_digest(token))
            if session is not None:
                idle, whole = now - session.seen, now - session.started
                if idle < SESSION_IDLE_S and whole < SESSION_WHOLE_S:
                    session.seen = now
                    return Principal(session.actor, is_local=False)
                del self._sessions[_digest(token)]
        raise NotLoggedInError(
            "this call needs a token that the node knows.",
            hint="Log in again: POST /api/v1/login.",
        )


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
    return state.principal(bearer(request))


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
