"""How a person carries out an act from the command line, by whatever proves who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import asked_code, refuse_pages, sign_by
from goldenbatch.apps.models import acts_of
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.people import SignatureApplied
from goldenbatch.runtime._ceremony_proofs import kind_of

if TYPE_CHECKING:
    from goldenbatch.apps.cli._session import Session
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.records import Event

ByOption = Annotated[str, typer.Option("--by", help="Login of who does this.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
ReasonOption = Annotated[str, typer.Option(help="Why.")]


def act_by(
    session: Session, desk: Desk, name: str, values: Mapping[str, Any], by: str, *,
    method: str = "password", from_stdin: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Carry out an act of a capability by a person; what was appended, as plain values.

    Args:
        session: The call.
        desk: The home, or its node.
        name: Full name of the act, such as `governance.draft`.
        values: What it takes.
        by: Login of the person.
        method: What proves who they are.
        from_stdin: The password (and code) come on stdin.
    """
    kind = kind_of({"kind": method.partition(":")[0]})
    refuse_pages(kind)
    if kind is CredentialKind.OIDC:
        form = {"login": by, "act": name, "values": dict(values)}
        return sign_by(session, desk, form, method, from_stdin=from_stdin)
    password = session.password(from_stdin)
    code = asked_code(from_stdin) if kind is CredentialKind.TOTP else ""
    return told(acts_of(desk).act(name, values, by, password, code=code))


def told(events: Sequence[Event]) -> dict[str, Any]:
    """What was appended, for people: the entry, and its signature where it has one."""
    entry = events[0]
    place = {"stream": entry.stream, "version": entry.envelope.version, "seq": entry.seq}
    answer = {"kind": entry.kind, **place, "recorded_at": entry.envelope.recorded_at}
    for event in events[1:]:
        body = event.body or {}
        if event.kind == SignatureApplied.kind and body:
            answer |= {name: body[name] for name in ("meaning", "printed_name", "role", "method")}
    return answer
