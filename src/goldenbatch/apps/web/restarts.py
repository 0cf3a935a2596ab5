"""Says on the page that a part of the service died lately and was started again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.apps.web.sessions import Session

LATELY_US = 15 * 60 * 1_000_000
ASKED_S = 5.0
"""For so long an answer of the node is taken as still true."""


@dataclass(frozen=True)
class Restart:
    """A process that had ended.

    Attributes:
        name: `node` or `web`.
        at: When it was started again, microseconds UTC.
        why: How it had ended, in the supervisor's words.
    """

    name: str
    at: int
    why: str


class Restarts:
    """What the node says of the service, asked for at most once in a while."""

    def __init__(self) -> None:
        self._known: tuple[Restart, ...] = ()
        self._asked_at = float("-inf")

    def of(self, session: Session) -> tuple[Restart, ...]:
        """Parts that were started again lately; asks the node as the person."""
        now = time.monotonic()
        if now - self._asked_at > ASKED_S:
            self._asked_at = now
            try:
                found = session.site.client.get("/service")["processes"]
            except GoldenbatchError:
                return self._known  # the page itself says that the node does not answer
            self._known = lately(found, session.site.clock())
        return self._known


def lately(processes: Sequence[Mapping[str, Any]], now: int) -> tuple[Restart, ...]:
    """Processes that were started again within the last minutes.

    Args:
        processes: As `GET /service` lists them.
        now: Microseconds UTC.
    """
    return tuple(
        Restart(one["name"], int(one["started_at"]), str(one["last_exit"]))
        for one in processes
        if one["n_restarts"] and one["started_at"] and now - int(one["started_at"]) < LATELY_US
    )


def notice(restarts: Sequence[Restart], zone: str) -> None:
    """Say it on top of the page."""
    names = {"node": _("The node"), "web": _("The web interface")}
    for one in restarts:
        with elements.box("gb-restarted", role="status"):
            words = _("{part} had ended ({why}) and was started again at").format(
                part=names.get(one.name, one.name), why=one.why or _("no reason known")
            )
            elements.text("span", words)
            elements.moment(one.at, zone)
