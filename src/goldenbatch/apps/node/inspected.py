"""What inspectors read goes on record: whoever reads for a limited time only.

References:
    EU GMP Annex 11, draft of July 2025, 11.11 (access of inspectors).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fastapi import Request

from goldenbatch.apps.node.state import Caller, State
from goldenbatch.core.errors import ConflictError
from goldenbatch.core.inspection import RecordsRead, reads_stream
from goldenbatch.core.records import NewEvent

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState, Principal

SAME_S: Final = 60.0
_KEPT: Final = 10_000
_TRIES: Final = 20
_OWN: Final = frozenset({"/session", "/heads", "/home", "/logout"})
"""What tells of no record."""


@dataclass
class Readings:
    """What was recorded within the last minute, so that a page drawn anew is one entry."""

    seen: dict[tuple[str, ...], float] = field(default_factory=dict)

    def is_new(self, key: tuple[str, ...], now: float) -> bool:
        """Whether a question was not recorded within the last minute; it counts as recorded."""
        if now - self.seen.get(key, -SAME_S) < SAME_S:
            return False
        if len(self.seen) >= _KEPT:
            self.seen = {one: at for one, at in self.seen.items() if now - at < SAME_S}
        self.seen[key] = now
        return True


def inspects_until(state: NodeState, uid: str, roles: frozenset[str]) -> int | None:
    """Until when a person may read as an inspector; None: they are none."""
    people = state.desk.site.people
    policy = people.policy()
    boxed = [name for name in roles if name in policy.roles and policy.roles[name].time_boxed]
    if not boxed:
        return None
    windows = people.authority.standing(uid).windows
    return max((windows[name][1] for name in boxed if name in windows), default=0)


async def record_reading(request: Request, state: State, caller: Caller) -> None:
    """Record what an inspector asks for before it is answered; what cannot be is not answered."""
    if not caller.session:
        return
    from starlette.concurrency import run_in_threadpool

    path = request.url.path.removeprefix("/api/v1")
    if path in _OWN:
        return
    if await run_in_threadpool(inspects_until, state, caller.actor.uid, caller.actor.roles) is None:
        return
    body = (
        (await request.body())[:2000].decode("utf-8", "replace") if request.method != "GET" else ""
    )
    asked = (request.method, path[:500], request.url.query[:2000], body[:2000])
    kept = request.app.state
    if getattr(kept, "readings", None) is None:
        kept.readings = Readings()
    if kept.readings.is_new((caller.actor.uid, *asked), time.monotonic()):
        await run_in_threadpool(_record, state, caller, asked)


def _record(state: NodeState, caller: Principal, asked: tuple[str, str, str, str]) -> None:
    uid, ledger = caller.actor.uid, state.desk.site.ledger
    method, path, query, body = asked
    made = RecordsRead(uid=uid, method=method, path=path, query=query, body=body)
    stream = reads_stream(uid)
    for left in reversed(range(_TRIES)):  # a page asks for several things at once
        try:
            ledger.append([NewEvent(stream, made, ledger.version(stream), actor=uid)])
        except ConflictError:
            if not left:
                raise
        else:
            return
