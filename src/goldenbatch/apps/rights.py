"""Rights as people reach them: the same acts and questions here and through a node."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from goldenbatch.apps.acting import perform
from goldenbatch.core.access import ACCOUNTABILITY
from goldenbatch.core.authority import Allow
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import Event, from_iso

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.people import UserState
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient
    from goldenbatch.runtime.rights import Rights

Answer = dict[str, Any]
Values = dict[str, Any]
_TIMES = ("start", "end", "effective_from", "due_at", "completed_at", "expires_at")


def _issue(rights: Rights, by: UserState, values: Values) -> Event:
    content, media_type = values.pop("content"), values.pop("media_type")
    try:
        document = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadInputError("the document is no base64.", key="content") from error
    return rights.issue_procedure(by, document, media_type, **values)


ACTS: Mapping[str, Callable[[Rights, UserState, Values], Event]] = {
    "procedure-issue": _issue,
    "procedure-withdraw": lambda r, by, v: r.withdraw_procedure(by, **v),
    "training-assign": lambda r, by, v: r.assign_training(by, v.pop("login"), **v),
    "training-complete": lambda r, by, v: r.complete_training(by, v.pop("login"), **v),
    "training-withdraw": lambda r, by, v: r.withdraw_training(by, v.pop("login"), **v),
    "delegation-propose": lambda r, by, v: r.propose_delegation(
        by, v.pop("delegator"), v.pop("delegate"), **v
    ),
    "delegation-approve": lambda r, by, v: r.approve_delegation(by, **v),
    "delegation-revoke": lambda r, by, v: r.revoke_delegation(by, **v),
    "identity-verify": lambda r, by, v: r.verify_identity(by, **v),
    "accountability-accept": lambda r, by, v: r.accept_accountability(by, **v),
    "window-set": lambda r, by, v: r.set_window(by, v.pop("login"), **v),
    "role-propose": lambda r, by, v: r.propose_role(by, **v),
    "role-confirm": lambda r, by, v: r.confirm_role(by, **v),
    "role-refuse": lambda r, by, v: r.refuse_role(by, **v),
    "access-review": lambda r, by, v: r.review_access(by, **v),
    "alert-acknowledge": lambda r, by, v: r.acknowledge_alert(by, **v),
}
"""Name of an act to what does it, with the values that are left."""


class RightsDesk(Protocol):
    """What people do about rights, and what they ask; all values are plain."""

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person, who proves it by the password."""

    def report(self) -> Answer:
        """Who has what, and what is not as it should be."""

    def alerts(self, is_open: bool) -> Answer:
        """Alerts about accounts, newest first; `is_open`: only those that nobody looked at."""

    def ask(self, login: str, action: str, stream: str) -> Answer:
        """Whether a person may do something to a record, and on what grounds."""

    def list_for(self, login: str, action: str, projection: str) -> Answer:
        """Rows of records to which a person may do something."""


class LocalRights:
    """Rights at a home that this process holds."""

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person.

        Raises:
            NotFoundError: There is no such act.
            BadInputError: A value is missing or unknown.
        """
        return perform(
            self._site, act, ACTS, (by, password),
            lambda user: ACTS[act](self._site.rights, user, _timed(values)),
        )  # fmt: skip

    def report(self) -> Answer:
        """Who has what, and what is not as it should be."""
        rights = self._site.rights
        return {
            "people": [one.model_dump(mode="json") for one in rights.access_lines()],
            "findings": rights.access_findings(),
            "gaps": rights.training_gaps(),
            "review_due_at": rights.review_due_at(),
        }

    def alerts(self, is_open: bool) -> Answer:
        """Alerts about accounts, newest first; `is_open`: only those that nobody looked at."""
        select = self._site.ledger.select
        where = {"acknowledged_by": ""} if is_open else {}
        logins = {row["uid"]: row["login"] for row in select("user")}
        rows = select("security_alert", where, ("-raised_at", "-stream_version"))
        told = [{**row, "login": logins.get(row["uid"], row["uid"])} for row in rows]
        return {"n_alerts": len(told), "alerts": told}

    def ask(self, login: str, action: str, stream: str) -> Answer:
        """Whether a person may do something to a record, and on what grounds."""
        people = self._site.people
        decision = people.decide_may(people.find(login), action, stream)
        answer: Answer = {"login": login, "action": action, "stream": stream}
        answer |= {"is_allowed": decision.is_allowed, "policy_hash": decision.policy_hash}
        if isinstance(decision, Allow):
            grounds = {"evidence": list(decision.evidence), "records": list(decision.records)}
            return {**answer, "role": decision.role, "acting_for": decision.acting_for, **grounds}
        return {**answer, "reasons": list(decision.reasons)}

    def list_for(self, login: str, action: str, projection: str) -> Answer:
        """Rows of records to which a person may do something."""
        people = self._site.people
        rows = people.authority.rows_for(people.find(login), action, projection)
        return {"login": login, "action": action, "projection": projection, "rows": rows}


class RemoteRights:
    """Rights through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def act(self, act: str, by: str, password: str, values: Mapping[str, Any]) -> Answer:
        """One of `ACTS` by a person."""
        form = {"login": by, "password": password, "values": dict(values)}
        return cast("Answer", self._client.post(f"/rights/acts/{act}", form))

    def report(self) -> Answer:
        """Who has what, and what is not as it should be."""
        return cast("Answer", self._client.get("/rights/report"))

    def alerts(self, is_open: bool) -> Answer:
        """Alerts about accounts, newest first; `is_open`: only those that nobody looked at."""
        return cast("Answer", self._client.get("/rights/alerts", is_open=is_open))

    def ask(self, login: str, action: str, stream: str) -> Answer:
        """Whether a person may do something to a record, and on what grounds."""
        form = {"login": login, "action": action, "stream": stream}
        return cast("Answer", self._client.post("/rights/questions", form))

    def list_for(self, login: str, action: str, projection: str) -> Answer:
        """Rows of records to which a person may do something."""
        form = {"login": login, "action": action, "projection": projection}
        return cast("Answer", self._client.post("/rights/lists", form))


def rights_of(desk: Desk) -> RightsDesk:
    """The rights of a desk: those of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemoteRights(client)
    return LocalRights(cast("LocalSite", desk.site))


def accountability_text() -> str:
    """What a person is shown and accepts before the first signature."""
    return ACCOUNTABILITY


def _timed(values: Mapping[str, Any]) -> Values:
    """Values with their times as microseconds; empty times are left out."""
    found = dict(values)
    for name in _TIMES:
        if name not in found:
            continue
        if found[name] in ("", None):
            del found[name]
            continue
        try:
            found[name] = from_iso(found[name])
        except (ValueError, TypeError) as error:
            raise BadInputError(
                f"{found[name]!r} is no time.", hint="Give ISO 8601 with offset.", key=name
            ) from error
    return found
