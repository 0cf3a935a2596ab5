"""The signing ceremony as people reach it: the same acts here and through a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.runtime._ceremony_series import ALONE, Prepared, Session
from goldenbatch.runtime._wire import event_to_json

if TYPE_CHECKING:
    from goldenbatch.runtime._ceremony_asked import Asked
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient

Answer = dict[str, Any]
ACTS = ("confirm", "revoke", "request", "approve")
"""What a second person does with a credential."""


class CeremonyDesk(Protocol):
    """What people do to sign, and with their credentials; all values are plain."""

    def prepare(self, form: Mapping[str, Any]) -> Answer:
        """Prepare a statement: `stream` and `meaning`, or what is recorded with it.

        That is `finding`, `verdict` and `comment` (with `version`: on that one only); `trail`,
        `opened` and `comment`; `policy`: the digest of a proposal, or `first`; `settings`:
        `signing`; or `act`: its full name, and its `values`.
        """

    def complete(self, form: Mapping[str, Any]) -> Answer:
        """Sign a prepared statement: its `id`, and the proof by `kind`."""

    def credentials(self, login: str) -> Answer:
        """The credentials of a person."""

    def offer(self, form: Mapping[str, Any]) -> Answer:
        """Make a one-time enrolment token: `login`, `kind`, `reason`; `by` with `password`."""

    def begin(self, form: Mapping[str, Any]) -> Answer:
        """Begin to enrol: `login`, `token`; of OpenID accounts `redirect_uri`."""

    def finish(self, form: Mapping[str, Any]) -> Answer:
        """Enrol: `login`, `token`, `enrolment`, `answer`."""

    def act(self, act: str, form: Mapping[str, Any]) -> Answer:
        """One of `ACTS` on `credential` of `login`; `by` with `password`."""


class LocalCeremony:
    """The ceremony at a home that this process holds."""

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def prepare(self, form: Mapping[str, Any], session: Session = ALONE) -> Answer:
        """Prepare a statement, shown with the record; in a session its owner signs."""
        signing = self._site.signing
        login = str(form.get("login") or self._login_of(session))
        if not self._site.ledger.select("user", {"login": login}, limit=1):
            raise DeniedError("login or password is wrong.", hint="Try again.")
        prepared = signing.prepare(self._asked(form, login), login)
        options = signing.options(
            prepared,
            form.get("kind") or prepared.methods[0],
            provider=str(form.get("provider") or ""),
            redirect_uri=str(form.get("redirect_uri") or ""),
        )
        is_open = signing.series.is_open(session, prepared.statement.signer)
        return {**_shown(prepared), "is_series": is_open, **options}

    def _asked(self, form: Mapping[str, Any], login: str) -> Asked:
        """What a form asks to sign."""
        signing = self._site.signing
        if form.get("act"):
            return self._site.acts.asked(str(form["act"]), form.get("values") or {}, login)
        if form.get("finding"):
            names = ("verdict", "comment", "action", "meaning")
            decision = {name: str(form[name]) for name in names if form.get(name)}
            asked = signing.asked_decision(str(form["finding"]), **decision)
            return self._of_what_was_seen(asked, int(form.get("version") or 0))
        if form.get("trail"):
            from goldenbatch.runtime.audit import Trail

            return Trail(self._site).asked_review(
                str(form["trail"]),
                int(form.get("opened") or 0),
                self._site.people.find(login).uid,
                str(form.get("comment") or ""),
                is_satisfactory=bool(form.get("is_satisfactory", True)),
            )
        return self._asked_configuration(form) or signing.asked(form)

    def _of_what_was_seen(self, asked: Asked, seen: int) -> Asked:
        """A decision on the version that somebody looked at; 0: on whatever is newest.

        Raises:
            ConflictError: The record has changed since.
        """
        if not seen:
            return asked
        newest = self._site.ledger.version(asked.stream)
        if newest != seen:
            raise ConflictError(
                f"{asked.stream} changed while you looked at it: version {seen} is now {newest}.",
                hint="Look at it again, then decide.",
            )
        return replace(asked, head=seen)

    def _asked_configuration(self, form: Mapping[str, Any]) -> Asked | None:
        """What a form asks of policy, settings, holds and deletions; None: nothing."""
        reason = str(form.get("reason") or "")
        if form.get("policy"):
            digest = "" if form["policy"] == "first" else str(form["policy"])
            return self._site.policies.asked_adoption(digest, reason)
        if form.get("deletion"):
            return self._site.retention.asked_approval(str(form["deletion"]), reason)
        if form.get("hold"):
            return self._site.retention.asked_lift(str(form["hold"]), reason)
        if form.get("settings"):
            policy = self._site.people.policy()
            return self._site.signing_rules.asked_adoption(policy, reason)
        return None

    def complete(self, form: Mapping[str, Any], session: Session = ALONE) -> Answer:
        """Sign a prepared statement."""
        proof = {name: value for name, value in form.items() if name != "id"}
        events = self._site.signing.complete(str(form["id"]), proof, session)
        event, body = events[-1], events[-1].body or {}
        return {
            "stream": event.stream,
            "version": event.envelope.version,
            "meaning": body["meaning"],
            "printed_name": body["printed_name"],
            "role": body["role"],
            "acting_for": body.get("acting_for"),
            "class": body["evidence"]["class"],
            "method": body["method"],
            "recorded_at": event.envelope.recorded_at,
            "leaf": event.leaf,
        }

    def credentials(self, login: str) -> Answer:
        """The credentials of a person, without any secret."""
        uid = self._site.people.find(login).uid
        rows = self._site.ledger.select("credential", {"uid": uid})
        return {"login": login, "credentials": [dict(row) for row in rows]}

    def offer(self, form: Mapping[str, Any], session: Session = ALONE) -> Answer:
        """Make a one-time enrolment token; it is shown this once."""
        login, kind = str(form["login"]), str(form["kind"])
        by = self._by(form, session)
        token = self._site.credentials.offer(login, kind, str(form["reason"]), by=by)
        return {"login": login, "kind": kind, "token": token}

    def begin(self, form: Mapping[str, Any]) -> Answer:
        """Begin to enrol."""
        return self._site.credentials.begin(
            str(form["login"]),
            str(form["token"]),
            provider=str(form.get("provider") or ""),
            redirect_uri=str(form.get("redirect_uri") or ""),
        )

    def finish(self, form: Mapping[str, Any]) -> Answer:
        """Enrol what the person chose."""
        login = str(form["login"])
        name = self._site.credentials.finish(
            login, str(form["token"]), str(form["enrolment"]), form.get("answer") or {}
        )
        return {"login": login, "credential": name, **self._status(login, name)}

    def act(self, act: str, form: Mapping[str, Any], session: Session = ALONE) -> Answer:
        """What a second person does with a credential.

        Raises:
            BadInputError: There is no such act.
        """
        login, name, reason = (str(form.get(key, "")) for key in ("login", "credential", "reason"))
        by, credentials = self._by(form, session), self._site.credentials
        answer: Answer = {"login": login, "credential": name}
        if act == "confirm":
            credentials.confirm(login, name, reason, by=by)
        elif act == "revoke":
            credentials.revoke(login, name, reason, by=by)
        elif act == "request":
            credentials.request_replacement(login, name, reason, by=by)
        elif act == "approve":
            answer["token"] = credentials.approve_replacement(login, name, by=by)
        else:
            raise BadInputError(f"{act!r} is no act on a credential.", hint=f"One of: {ACTS}.")
        return {**answer, **self._status(login, name)}

    def _status(self, login: str, name: str) -> Answer:
        known = self._site.credentials.wallet(login).credentials[name]
        return {"kind": known.kind.value, "status": known.status.value}

    def _login_of(self, session: Session) -> str:
        if not session.uid:
            raise BadInputError("who signs is missing.", key="login", hint="Give the login.")
        return self._site.people.user(session.uid).login

    def _by(self, form: Mapping[str, Any], session: Session) -> str:
        """Who acts: named and proved by a password, else who is logged in, else the operator."""
        by = str(form.get("by") or "")
        if by:
            self._site.people.authenticate(by, str(form.get("password") or ""))
            return by
        if session.uid:
            return self._site.people.user(session.uid).login
        if form.get("password"):
            raise DeniedError("a password was given, but not whose.", hint="Give `by` too.")
        return ""


def _shown(prepared: Prepared) -> Answer:
    return {
        "id": prepared.id,
        "statement": prepared.statement.model_dump(mode="json", by_alias=True),
        "statement_hash": prepared.statement_hash,
        "record": event_to_json(prepared.record),
        "proposed": None if prepared.body is None else prepared.body.as_json(),
        "minimum_class": prepared.minimum_class.value,
        "n_components": prepared.components,
        "methods": list(prepared.methods),
        "expires_at": prepared.expires_at,
    }


class RemoteCeremony:
    """The ceremony through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def prepare(self, form: Mapping[str, Any]) -> Answer:
        """Prepare a statement."""
        return self._post("/signatures/prepare", form)

    def complete(self, form: Mapping[str, Any]) -> Answer:
        """Sign a prepared statement."""
        return self._post("/signatures/complete", form)

    def credentials(self, login: str) -> Answer:
        """The credentials of a person."""
        found: Answer = self._client.get("/credentials", login=login)
        return found

    def offer(self, form: Mapping[str, Any]) -> Answer:
        """Make a one-time enrolment token."""
        return self._post("/credentials/offer", form)

    def begin(self, form: Mapping[str, Any]) -> Answer:
        """Begin to enrol."""
        return self._post("/enrolment/begin", form)

    def finish(self, form: Mapping[str, Any]) -> Answer:
        """Enrol what the person chose."""
        return self._post("/enrolment/finish", form)

    def act(self, act: str, form: Mapping[str, Any]) -> Answer:
        """What a second person does with a credential."""
        return self._post(f"/credentials/{quote(act, safe='')}", form)

    def _post(self, path: str, form: Mapping[str, Any]) -> Answer:
        found: Answer = self._client.post(path, dict(form))
        return found
