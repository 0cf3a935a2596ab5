"""What there is: `status` and `capabilities`."""

from __future__ import annotations

from typing import Any

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.listing import list_capabilities


def status(session: Session) -> None:
    """The home: identity, who holds it, and how much is in it."""
    with session.open_site() as desk:
        session.show(desk.status())


def capabilities(session: Session) -> None:
    """Installed capabilities with what they offer; broken ones with the reason."""
    answer = list_capabilities()

    def render(_: Any) -> None:
        for one in answer["capabilities"]:
            session.output.line(f"{one['name']}: {one['title']} ({one['tier']})")
            session.output.table(one["offers"], ("kind", "name", "help"), empty="  Offers nothing.")
        for broken in answer["broken"]:
            session.output.line(f"BROKEN {broken['name']} ({broken['package']}): {broken['error']}")

    session.show(answer, render)
