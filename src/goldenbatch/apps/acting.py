"""An act of a person by its name: the same proof, refusals and answer whatever the act is of."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import Event

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.runtime.local import LocalSite


def perform(
    site: LocalSite,
    act: str,
    known: Collection[str],
    proof: tuple[str, str],
    do: Callable[[UserState], Event],
) -> dict[str, Any]:
    """Do one of the known acts by who proves to be that person, and say what came of it.

    Args:
        site: Where it is done.
        act: Name of the act.
        known: Names of all acts there are.
        proof: Login and password.
        do: Does it as that person.

    Raises:
        NotFoundError: There is no such act.
        BadInputError: A value is missing or unknown.
    """
    if act not in known:
        raise NotFoundError(f"there is no act {act!r}.", hint=f"One of: {', '.join(known)}.")
    user = site.people.authenticate(*proof)
    try:
        event = do(user)
    except (KeyError, TypeError) as error:
        raise BadInputError(
            f"{act}: {error}.", hint="Give the values that the act takes, and no other."
        ) from error
    place = {"stream": event.stream, "version": event.envelope.version, "seq": event.seq}
    return {"act": act, "kind": event.kind, **place}
