"""Alarms of sources, and what people do about them: acknowledged or confirmed at the source.

The person must have the right to record on the alarm's stream. The act is an event in that
stream, by the person, with what they said and the server's answer; so is a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.core import authority
from goldenbatch.core.acquisition import AlarmSource, Connector, SourceError
from goldenbatch.core.alarms import alarm_stream
from goldenbatch.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.records import Row
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.runtime.acquisition import Acquisition
    from goldenbatch.runtime.local import LocalSite

Act = Literal["acknowledge", "confirm"]
ACTION = "record"
"""What the policy must allow: whoever may record at the equipment may say what they did there."""


@dataclass(frozen=True)
class AlarmAct:
    """What a person does about an alarm.

    Attributes:
        condition: Identity of the condition, as the projection `alarm` has it.
        comment: Why, in the person's words; sent to the source.
    """

    source: str
    condition: str
    comment: str
    act: Act = "acknowledge"


def alarms(ledger: LedgerPort, source: str = "", *, is_open: bool = False) -> Sequence[Row]:
    """Alarms of sources, the most severe first; `is_open`: only those that wait for somebody."""
    where: dict[str, Any] = {"source": source} if source else {}
    if is_open:
        where["is_open"] = 1
    return ledger.select("alarm", where, ("-is_open", "-severity", "-raised_at"))


def find_alarm(ledger: LedgerPort, text: str) -> Row:
    """The alarm that a text names: its condition, its name, or either after `<source>/`.

    Raises:
        NotFoundError: None or more than one is meant; names them.
    """
    rows = [
        row
        for row in alarms(ledger)
        if text in {f"{lead}{row[key]}" for key in ("condition", "name") if row[key]
                    for lead in ("", f"{row['source']}/")}
    ]  # fmt: skip
    open_ = [row for row in rows if row["is_open"]]
    meant = open_ if len(rows) > 1 and open_ else rows
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise NotFoundError(
            f"there is no alarm {text!r}.", hint="See `goldenbatch source alarms SOURCE`."
        )
    named = ", ".join(f"{row['source']}/{row['condition']}" for row in meant[:5])
    raise NotFoundError(f"{text!r} names {len(meant)} alarms.", hint=f"Say which one: {named}.")


def act_on_alarm(
    site: LocalSite, acquisition: Acquisition | None, user: UserState, act: AlarmAct
) -> dict[str, Any]:
    """Acknowledge or confirm an alarm at its source, as a person who may.

    Returns:
        The alarm as it is then, and the status with which the source answered.

    Raises:
        BadInputError: Nothing is said of why.
        DeniedError: The person may not.
        NotFoundError: There is no such source or alarm.
        ConflictError: The alarm does not wait for this act.
        SourceError: The source does not run, has no alarms, or refuses.
    """
    if not act.comment.strip():
        raise BadInputError("an act on an alarm needs a comment.", hint="Say why.", key="comment")
    stream = alarm_stream(act.source, act.condition)
    authority.require(site.people.decide_may(user, ACTION, stream))
    if acquisition is None:
        raise SourceError(
            f"source {act.source!r} does not run here.",
            hint="Start the node that reads it with `goldenbatch serve`.",
        )

    async def work(connector: Connector) -> str:
        if not isinstance(connector, AlarmSource):
            raise SourceError(f"source {act.source!r} has no alarms that could be acted on.")
        do = connector.acknowledge if act.act == "acknowledge" else connector.confirm
        return await do(act.condition, act.comment, user.uid)

    answer = acquisition.ask(act.source, work)
    where = {"source": act.source, "condition": act.condition}
    return {"act": act.act, "answer": answer, "alarm": dict(site.ledger.select("alarm", where)[0])}
