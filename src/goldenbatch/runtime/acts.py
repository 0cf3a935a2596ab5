"""Acts of people that capabilities bring: proved, allowed, checked again, and recorded.

One way for all of them: the person is proved, the capability prepares what would be recorded,
the policy is asked, and just before the append everything is asked once more.

References:
    21 CFR 11.10(f), 11.10(g), 11.50, 11.200; EU GMP Annex 11 (2011) 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from goldenbatch.core import authority
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import NewEvent
from goldenbatch.core.site import Actor
from goldenbatch.runtime._ceremony_asked import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from goldenbatch.core.acts import ActFunction, Intent
    from goldenbatch.core.people import UserState
    from goldenbatch.core.records import Event
    from goldenbatch.runtime.local import LocalSite

ACTS = "acts"


class Acts:
    """Acts at a home that this process holds; satisfies `goldenbatch.core.acts.ActsPort`.

    Args:
        site: The open home.
    """

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def names(self) -> Sequence[str]:
        """Full names of all acts that capabilities offer, such as `governance.draft`."""
        return tuple(name for name, _ in self._site.offers(ACTS))

    def helps(self) -> Mapping[str, str]:
        """Full name of each act to what it does, in one line."""
        return {name: offer.help for name, offer in self._site.offers(ACTS)}

    def act(
        self,
        name: str,
        values: Mapping[str, Any],
        login: str,
        password: str,
        *,
        code: str = "",
    ) -> Sequence[Event]:
        """Prepare an act and carry it out at once, proved by the password (and a code).

        Raises:
            NotFoundError: No capability offers it.
            DeniedError: The proof does not hold, or the policy forbids it; all reasons named.
            ConflictError: What it rests on has changed in between.
        """
        # The password comes first: nobody else learns what a record holds.
        user = self._site.people.authenticate(login, password)
        intent = self.intent(name, values, user)
        if intent.meaning is None:
            return self._enter(name, values, user, intent)
        return self._site.signing.sign_proved(self._asked(name, values, user, intent), user, code)

    def enter(self, name: str, values: Mapping[str, Any], uid: str) -> Sequence[Event]:
        """Carry out an act that is an entry, by a person who is logged in.

        Raises:
            DeniedError: It is signed, and a session alone signs nothing.
        """
        user = self._site.people.require_open(uid)
        intent = self.intent(name, values, user)
        if intent.meaning is not None:
            raise DeniedError(
                f"{name} is signed as {intent.meaning.value}: to be logged in is not enough.",
                hint="Give the password, or prepare and complete the signature.",
            )
        return self._enter(name, values, user, intent)

    def asked(self, name: str, values: Mapping[str, Any], login: str) -> Asked:
        """What a person signs with an act: for the ceremony, whatever proves who they are.

        Raises:
            BadInputError: The act is an entry, and nothing is signed.
        """
        user = self._site.people.require_open(self._site.people.find(login).uid)
        intent = self.intent(name, values, user)
        if intent.meaning is None:
            raise BadInputError(
                f"{name} is an entry and is not signed.",
                hint="Carry it out with the password, or logged in.",
                key="act",
            )
        return self._asked(name, values, user, intent)

    def intent(self, name: str, values: Mapping[str, Any], user: UserState) -> Intent:
        """What an act would record for a person at this moment; nothing is recorded.

        Raises:
            NotFoundError: No capability offers it.
            BadInputError: The capability did not say whole what it would record.
        """
        function = cast("ActFunction", self._site.discovery.offer(ACTS, name).load())
        intent = function(self._site, Actor(user.uid, user.roles), values)
        _require_whole(name, intent)
        self._require_rules(intent.actions)
        return intent

    # ---- inside -----------------------------------------------------------------------------

    def _asked(
        self, name: str, values: Mapping[str, Any], user: UserState, intent: Intent
    ) -> Asked:
        if intent.meaning is None or not intent.version:
            raise BadInputError(
                f"{name} would sign the first entry of {intent.stream}: nothing stands there that "
                "could be shown.",
                hint="A record begins with an entry; what follows is signed.",
            )
        return Asked(
            intent.stream,
            intent.meaning,
            intent.reason,
            body=intent.body,
            actions=intent.actions,
            check=lambda: self._check(name, values, user.uid, intent),
            judged=intent.judged,
            head=intent.version,
        )

    def _enter(
        self, name: str, values: Mapping[str, Any], user: UserState, intent: Intent
    ) -> Sequence[Event]:
        people, judged = self._site.people, intent.judged or intent.stream
        with self._site.signing.gate:
            self._check(name, values, user.uid, intent)
            allowed = [
                authority.require(
                    people.decide_may(user, action, judged, makes=judged == intent.stream)
                )
                for action in intent.actions
            ]
            lent = next((one.acting_for for one in allowed if one.acting_for), "")
            events = [
                NewEvent(
                    intent.stream, body, intent.version + n, actor=user.uid, acting_for=lent,
                    performed_at=intent.performed_at,
                )
                for n, body in enumerate((intent.body, *intent.followed_by))
            ]  # fmt: skip
            return self._site.ledger.append(events)

    def _check(self, name: str, values: Mapping[str, Any], uid: str, intent: Intent) -> None:
        """Raise where an intent cannot be carried out any more as it was prepared."""
        for stream, version in {**intent.also, intent.stream: intent.version}.items():
            now = self._site.ledger.version(stream)
            if now != version:
                raise ConflictError(
                    f"{stream} is at version {now}; {name} was prepared at {version}.",
                    hint="Look at the record again, then do it again.",
                )
        if intent.is_costly:
            return
        again = self.intent(name, values, self._site.people.require_open(uid))
        if _told(again) != _told(intent):
            raise ConflictError(
                f"{name} would record something else by now.",
                hint="Look at the record again, then do it again.",
            )

    def _require_rules(self, actions: Iterable[str]) -> None:
        policy = self._site.people.policy()
        missing = [name for name in actions if not policy.rules_for(name)]
        if missing:
            raise DeniedError(
                f"the policy in force (version {policy.version}) has no rule for "
                f"{', '.join(missing)}: nobody may do it.",
                hint="Have a policy adopted that has one: `goldenbatch policy show --shipped` "
                "gives the package's newest, `policy propose` and `policy adopt` bring it in.",
            )


def _told(intent: Intent) -> tuple[Any, ...]:
    """All of an intent that must not change between preparing and appending."""
    bodies = (intent.body, *intent.followed_by)
    body = tuple((type(one).kind, one.as_json()) for one in bodies)
    rest = (
        intent.actions, intent.meaning, intent.judged, dict(intent.also), intent.performed_at,
    )  # fmt: skip
    return (intent.stream, intent.version, *body, *rest)


def _require_whole(name: str, intent: Intent) -> None:
    """Refuse an intent of a capability that would record what nobody could rely on later."""
    wanted = type(intent.body).signed_as
    meaning = "" if intent.meaning is None else Meaning(intent.meaning).value
    fault = ""
    if not intent.actions:
        fault = "it names no action that the policy could allow"
    elif wanted != meaning:
        kind = type(intent.body).kind
        fault = f"{kind} is signed as {wanted or 'nothing'}, not as {meaning or 'nothing'}"
    elif meaning and intent.performed_at is not None:
        fault = "a signature says when it was made, and no other time"
    elif intent.followed_by and (meaning or any(type(x).signed_as for x in intent.followed_by)):
        fault = "it leads to more than one entry, and a signature covers one"
    elif intent.stream in intent.also and intent.also[intent.stream] != intent.version:
        fault = f"it rests on two versions of {intent.stream}"
    if fault:
        raise BadInputError(
            f"the act {name} cannot be carried out: {fault}.",
            hint="This is a fault of the capability that brings it.",
        )
