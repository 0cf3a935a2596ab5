"""Retention as people reach it: the same acts and questions here and through a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from goldenbatch.apps.acting import perform
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import Event, from_iso
from goldenbatch.core.retention import first_schedule_text

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.people import UserState
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient
    from goldenbatch.runtime.retention import Retention

Answer = dict[str, Any]
Values = dict[str, Any]
_SCOPE = ("streams", "batches", "places", "tags", "start", "end", "data_classes")


def _adopt(retention: Retention, by: UserState, values: Values) -> Event:
    text = values.pop("text", "") or first_schedule_text()
    given = values.pop("effective_from", "")
    return retention.adopt(by, text, effective_from=_moment(given) if given else 0, **values)


def _place(retention: Retention, by: UserState, values: Values) -> Event:
    scope = {name: values.pop(name) for name in _SCOPE if values.get(name)}
    for name in _SCOPE:
        values.pop(name, None)
    return retention.place_hold(by, scope=scope, **values)


def _moment(text: Any) -> int:
    try:
        return from_iso(text)
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"{text!r} is no time.", hint="Give ISO 8601 with offset.", key="effective_from"
        ) from error


def _adopt_tiering(retention: Retention, by: UserState, values: Values) -> Event:
    given = values.pop("effective_from", "")
    effective_from = _moment(given) if given else 0
    return retention.tiering.adopt(by, effective_from=effective_from, **values)


Done = tuple[Event, list[dict[str, Any]]]

ACTS: Mapping[str, Callable[[Retention, UserState, Values], Done]] = {
    "retention-adopt": lambda r, by, v: (_adopt(r, by, v), []),
    "tiering-adopt": lambda r, by, v: (_adopt_tiering(r, by, v), []),
    "hold-place": lambda r, by, v: (_place(r, by, v), []),
    "deletion-propose": lambda r, by, v: r.propose(by, **v),
    "deletion-refuse": lambda r, by, v: (r.refuse(by, **v), []),
    "erasure-propose": lambda r, by, v: r.propose_erasure(by, **v),
}
"""Name of an act to what does it, with the values that it takes."""


class RetentionDesk(Protocol):
    """What people do about retention, and what they ask; all values are plain."""

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person, who proves it by the password."""

    def finish(self, deletion: str) -> Answer:
        """Carry out a deletion that two people have signed, or finish it."""

    def show(self) -> Answer:
        """Schedules, and the rules of the one in force."""

    def due(self, limit: int) -> Answer:
        """What may be deleted, oldest duty first."""

    def explain(self, ref: str) -> Answer:
        """Whether something may be deleted, and why (not)."""

    def holds(self) -> Answer:
        """Holds, those that were lifted too."""

    def deletions(self) -> Answer:
        """Deletions, newest first."""

    def deletion(self, deletion: str) -> Answer:
        """A deletion with its things, and what it lacks."""

    def tiering(self) -> Answer:
        """The policy of tiering, and what the tiers hold."""

    def tiering_plan(self) -> Answer:
        """Each day of readings: where it lies, whether it goes, and why (not)."""

    def move(self) -> Answer:
        """Move what goes now to its tier."""


class LocalRetention:
    """Retention at a home that this process holds."""

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person.

        Raises:
            NotFoundError: There is no such act.
            BadInputError: A value is missing or unknown.
        """
        kept: list[dict[str, Any]] = []

        def do(user: UserState) -> Event:
            event, found = ACTS[act](self._site.retention, user, dict(values))
            kept.extend(found)
            return event

        return {**perform(self._site, act, ACTS, (by, password), do), "kept": kept}

    def finish(self, deletion: str) -> Answer:
        """Carry out a deletion that two people have signed, or finish it."""
        done = self._site.retention.finish(deletion)
        held = [one.ref for one in self._site.retention.left(deletion)]
        return {**done.as_json(), "still_held": held}

    def show(self) -> Answer:
        """Schedules, and the rules of the one in force."""
        retention = self._site.retention
        schedule = retention.schedule()
        rules = [] if schedule is None else [r.model_dump(mode="json") for r in schedule.rules]
        return {"is_in_force": schedule is not None, "rules": rules,
                "schedules": retention.schedules()}  # fmt: skip

    def due(self, limit: int) -> Answer:
        """What may be deleted, oldest duty first."""
        return {"due": self._site.retention.due(limit)}

    def explain(self, ref: str) -> Answer:
        """Whether something may be deleted, and why (not)."""
        return self._site.retention.explain(ref)

    def holds(self) -> Answer:
        """Holds, those that were lifted too."""
        rows = self._site.ledger.select("hold", order_by=("-seq",))
        return {"holds": [dict(row) for row in rows]}

    def deletions(self) -> Answer:
        """Deletions, newest first."""
        return {"deletions": [dict(row) for row in self._site.retention.deletions()]}

    def deletion(self, deletion: str) -> Answer:
        """A deletion with its things, and what it lacks."""
        return self._site.retention.describe(deletion)

    def tiering(self) -> Answer:
        """The policy of tiering, and what the tiers hold."""
        return self._site.retention.tiering.show()

    def tiering_plan(self) -> Answer:
        """Each day of readings: where it lies, whether it goes, and why (not)."""
        return {"days": self._site.retention.tiering.plan()}

    def move(self) -> Answer:
        """Move what goes now to its tier."""
        return self._site.retention.tiering.run().as_json()


class RemoteRetention:
    """Retention through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person."""
        form = {"login": by, "password": password, "values": dict(values)}
        return cast("Answer", self._client.post(f"/retention/acts/{act}", form))

    def finish(self, deletion: str) -> Answer:
        """Carry out a deletion that two people have signed, or finish it."""
        path = f"/retention/deletions/{quote(deletion, safe='')}/completion"
        return cast("Answer", self._client.post(path, {}))

    def show(self) -> Answer:
        """Schedules, and the rules of the one in force."""
        return cast("Answer", self._client.get("/retention"))

    def due(self, limit: int) -> Answer:
        """What may be deleted, oldest duty first."""
        return cast("Answer", self._client.get("/retention/due", limit=limit))

    def explain(self, ref: str) -> Answer:
        """Whether something may be deleted, and why (not)."""
        return cast("Answer", self._client.get("/retention/explanation", ref=ref))

    def holds(self) -> Answer:
        """Holds, those that were lifted too."""
        return cast("Answer", self._client.get("/retention/holds"))

    def deletions(self) -> Answer:
        """Deletions, newest first."""
        return cast("Answer", self._client.get("/retention/deletions"))

    def deletion(self, deletion: str) -> Answer:
        """A deletion with its things, and what it lacks."""
        path = f"/retention/deletions/{quote(deletion, safe='')}"
        return cast("Answer", self._client.get(path))

    def tiering(self) -> Answer:
        """The policy of tiering, and what the tiers hold."""
        return cast("Answer", self._client.get("/retention/tiering"))

    def tiering_plan(self) -> Answer:
        """Each day of readings: where it lies, whether it goes, and why (not)."""
        return cast("Answer", self._client.get("/retention/tiering/plan"))

    def move(self) -> Answer:
        """Move what goes now to its tier; takes as long as it takes."""
        found = self._client.request("POST", "/retention/tiering/run", json={}, timeout=None)
        return cast("Answer", found.json())


def retention_of(desk: Desk) -> RetentionDesk:
    """The retention of a desk: that of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemoteRetention(client)
    return LocalRetention(cast("LocalSite", desk.site))
