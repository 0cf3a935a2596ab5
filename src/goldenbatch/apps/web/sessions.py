"""Who is logged in at the web process: a cookie names a session, whose token only we hold."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.runtime.remote import NodeClient, RemoteSite
from goldenbatch.ui.web.view import Person

if TYPE_CHECKING:
    from fastapi import Request

COOKIE = "goldenbatch_session"
WHOLE_S = 12 * 3600
"""No session lives longer; the node ends idle ones by itself, and earlier."""


@dataclass
class Session:
    """A person who is logged in.

    Attributes:
        key: Value of the cookie.
        csrf: Must come with each form that this person sends.
        site: The site as they may see it.
    """

    key: str
    csrf: str
    person: Person
    site: RemoteSite
    started: float

    def close(self) -> None:
        """Close the connections to the node."""
        self.site.client.close()


@dataclass
class Sessions:
    """All sessions of this process; a restart ends them, and people log in again.

    Args:
        node: Base address of the node.
    """

    node: str
    timer: Callable[[], float] = time.monotonic
    _kept: dict[str, Session] = field(default_factory=dict)
    _gate: threading.Lock = field(default_factory=threading.Lock)

    def anyone(self) -> NodeClient:
        """A client without a person, for what needs no login."""
        return NodeClient(self.node, "")

    def admit(self, token: str) -> Session:
        """A session for the person of a token that the node gave."""
        site = RemoteSite(NodeClient(self.node, token))
        person = person_of(site.client.get("/session"))
        session = Session(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), person, site, self.timer()
        )
        with self._gate:
            self._kept[session.key] = session
        return session

    def of(self, request: Request) -> Session | None:
        """The session of a request; None: nobody is logged in."""
        key = request.cookies.get(COOKIE, "")
        with self._gate:
            found = self._kept.get(key)
        if found is not None and self.timer() - found.started > WHOLE_S:
            self.end(found)
            return None
        return found

    def end(self, session: Session) -> None:
        """Forget a session."""
        with self._gate:
            self._kept.pop(session.key, None)
        session.close()


def person_of(found: Mapping[str, Any]) -> Person:
    """The person of an answer of `GET /session`."""
    return Person(
        found["uid"],
        found["login"],
        found["printed_name"],
        frozenset(found["roles"]),
        frozenset(found["classes"]),
    )
