"""Who is logged in at the web process: a cookie names a session, whose token only we hold."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nicegui import Client

from goldenbatch.apps.web.addresses import client_address
from goldenbatch.apps.web.restarts import Restarts
from goldenbatch.core.errors import DeniedError
from goldenbatch.runtime.remote import NodeClient, RemoteSite
from goldenbatch.ui.web.threads import is_background
from goldenbatch.ui.web.view import Person

if TYPE_CHECKING:
    import httpx
    from starlette.requests import HTTPConnection

COOKIE = "goldenbatch_session"
WHOLE_S = 24 * 3600
"""No session is remembered longer; the node ends idle and old ones by itself, and earlier."""
BACKGROUND = "Goldenbatch-Background"
FORWARDED = "X-Forwarded-For"


class WebClient(NodeClient):
    """The node as a person: what pages do by themselves is marked, so that sessions can idle."""

    def request(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """One call; see `NodeClient.request`."""
        if is_background():
            settings["headers"] = {**(settings.get("headers") or {}), BACKGROUND: "1"}
        return super().request(method, path, **settings)


class StrangerClient(NodeClient):
    """The node without a person, for somebody at an address: the node counts their tries."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__(url, "")
        self._address = address

    def request(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """One call; see `NodeClient.request`."""
        settings["headers"] = {**(settings.get("headers") or {}), FORWARDED: self._address}
        return super().request(method, path, **settings)


@dataclass
class Session:
    """A person who is logged in.

    Attributes:
        key: Value of the cookie.
        csrf: Must come with each form that this person sends.
        site: The site as they may see it.
        clients: Pages that are open, by their ids at NiceGUI.
        tour: Step of the guided tour that they are at; 0: not on it.
    """

    key: str
    csrf: str
    person: Person
    site: RemoteSite
    started: float
    clients: set[str] = field(default_factory=set)
    tour: int = 0

    def close(self) -> None:
        """Close the connections to the node."""
        self.site.client.close()

    def check(self, csrf: str) -> None:
        """Refuse a form that is not from a page of this session.

        Raises:
            DeniedError: It is not.
        """
        if not secrets.compare_digest(csrf.encode(), self.csrf.encode()):
            raise DeniedError("this form is not from here.", hint="Load the page again.")

    def left_s(self) -> float:
        """Seconds until the node ends the session; to ask prolongs nothing.

        Raises:
            GoldenbatchError: It is over, or the node does not answer.
        """
        answer = self.site.client.request("GET", "/session", headers={BACKGROUND: "1"}).json()
        return float(answer.get("left_s") or 0)


@dataclass
class Sessions:
    """All sessions of this process; a restart ends them, and people log in again.

    Args:
        node: Base address of the node.
        proxies: Networks whose `X-Forwarded-For` is believed.

    Attributes:
        restarts: Parts of the service that died lately and were started again.
    """

    node: str
    proxies: tuple[str, ...] = ()
    timer: Callable[[], float] = time.monotonic
    restarts: Restarts = field(default_factory=Restarts)
    _kept: dict[str, Session] = field(default_factory=dict)
    _gate: threading.Lock = field(default_factory=threading.Lock)

    def stranger(self, request: HTTPConnection) -> NodeClient:
        """A client for somebody who is not logged in."""
        return StrangerClient(self.node, client_address(request, self.proxies))

    def admit(self, token: str) -> Session:
        """A session for the person of a token that the node gave."""
        site = RemoteSite(WebClient(self.node, token))
        person = person_of(site.client.get("/session"))
        session = Session(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), person, site, self.timer()
        )
        with self._gate:
            self._kept[session.key] = session
        return session

    def of(self, request: HTTPConnection) -> Session | None:
        """The session of a request; None: nobody is logged in."""
        return self.of_key(request.cookies.get(COOKIE, ""))

    def of_key(self, key: str) -> Session | None:
        """The session of a cookie; None: there is none."""
        with self._gate:
            found = self._kept.get(key)
        if found is not None and self.timer() - found.started > WHOLE_S:
            return None
        return found

    def end(self, session: Session) -> None:
        """Forget a session, and what stands on its open pages; call it on the event loop."""
        with self._gate:
            self._kept.pop(session.key, None)
        for name in list(session.clients):
            client = Client.instances.get(name)
            if client is not None:
                client.delete()
        session.clients.clear()
        session.close()

    def all(self) -> list[Session]:
        """All sessions."""
        with self._gate:
            return list(self._kept.values())


def person_of(found: Mapping[str, Any]) -> Person:
    """The person of an answer of `GET /session`."""
    return Person(
        found["uid"],
        found["login"],
        found["printed_name"],
        frozenset(found["roles"]),
        frozenset(found["classes"]),
        found.get("inspects_until"),
    )
