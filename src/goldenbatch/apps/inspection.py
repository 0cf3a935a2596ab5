"""Inspection as people reach it: the same acts here and through a node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import from_iso

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient

Answer = dict[str, Any]
ACTS = ("open", "close", "copy")


class InspectionDesk(Protocol):
    """What people do about inspections; all values are plain."""

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person, who proves it by the password."""

    def copies(self) -> Answer:
        """Copies that were taken, newest first."""


class LocalInspection:
    """Inspection at a home that this process holds."""

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person.

        Raises:
            NotFoundError: There is no such act.
        """
        from goldenbatch.runtime import inspection

        if act not in ACTS:
            raise NotFoundError(f"there is no act {act!r}.", hint=f"One of: {', '.join(ACTS)}.")
        user = self._site.people.authenticate(by, password)
        if act == "open":
            start = values.get("start") or ""
            visit = inspection.Visit(
                login=str(values["who"]),
                printed_name=str(values.get("name") or ""),
                start=from_iso(start) if start else self._site.clock(),
                end=from_iso(str(values["until"])),
                reason=str(values["reason"]),
                role=str(values.get("role") or ""),
            )
            return inspection.open_access(self._site, user, visit)
        if act == "close":
            event = inspection.close_access(
                self._site, user, str(values["who"]), str(values["reason"])
            )
            return {"login": values["who"], "stream": event.stream, "seq": event.seq}
        since = values.get("since") or ""
        scope = inspection.CopyScope(
            batches=tuple(values.get("batches") or ()),
            since=from_iso(str(since)) if since else None,
            has_readings=bool(values.get("has_readings", True)),
        )
        made = inspection.take_copy(
            self._site, user, Path(str(values["folder"])), scope,
            recipient=str(values["recipient"]), reason=str(values["reason"]),
        )  # fmt: skip
        return made.as_json()

    def copies(self) -> Answer:
        """Copies that were taken, newest first."""
        from goldenbatch.runtime import inspection

        return {"copies": inspection.copies(self._site)}


class RemoteInspection:
    """Inspection through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person."""
        form = {"login": by, "password": password, **values}
        return cast("Answer", self._client.post(f"/inspection/{act}", form))

    def copies(self) -> Answer:
        """Copies that were taken, newest first."""
        return cast("Answer", self._client.get("/inspection/copies"))


def inspection_of(desk: Desk) -> InspectionDesk:
    """The inspections of a desk: those of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemoteInspection(client)
    return LocalInspection(cast("LocalSite", desk.site))
