"""Endpoints of verification: what is proved and by whom, what is unsigned, running one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Limit, plain
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.apps.node.verification import Verification
from goldenbatch.apps.signed import unsigned_since
from goldenbatch.core import authority
from goldenbatch.core.records import DataClass
from goldenbatch.core.verification import VERIFICATION_STREAM

router = APIRouter(prefix="/verification", tags=["proof"], responses=RESPONSES)
VERIFY = "verify"
N_RUNS = 20


def get_verification(request: Request, state: State) -> Verification:
    """The verification of this node."""
    kept = request.app.state
    if getattr(kept, "verification", None) is None:
        kept.verification = Verification(state)
    found: Verification = kept.verification
    return found


Runner = Annotated[Verification, Depends(get_verification)]


@router.get("")
def show(state: State, caller: Caller, runner: Runner) -> dict[str, Any]:
    """Last verifications, the newest checkpoint, who witnessed it, and one that runs."""
    from goldenbatch.stores.ledger.notes import parse_note

    caller.require_class(DataClass.OPERATIONAL)
    site = state.desk.site
    notes = site.ledger.checkpoints()
    version = site.ledger.version(VERIFICATION_STREAM)
    events = caller.site.ledger.stream(VERIFICATION_STREAM, max(version - N_RUNS, 0))
    runs = [
        {**(one.body or {}), "by": one.envelope.actor, "at": one.envelope.recorded_at,
         "seq": one.seq, "version": one.envelope.version}
        for one in reversed(events)
    ]  # fmt: skip
    answer: dict[str, Any] = {"head": site.ledger.head(), "runs": plain(runs)}
    answer["running"] = runner.as_json()
    newest = notes[-1] if notes else None
    answer["checkpoint"] = None
    if newest is not None:
        signed = [name for name, _, _ in parse_note(newest.note).signatures]
        answer["checkpoint"] = {
            "origin": newest.origin, "size": newest.size, "root": newest.root.hex(),
            "note": newest.note, "signed_by": signed,
        }  # fmt: skip
    answer["witnesses"] = _witnesses(notes)
    answer["may_run"], answer["why_not"] = _may_run(state, caller)
    return answer


def _witnesses(notes: list[Any]) -> list[dict[str, Any]]:
    """Each who signed a checkpoint beside the home, with the newest size that they signed."""
    from goldenbatch.stores.ledger.notes import parse_note

    sizes: dict[str, int] = {}
    for one in notes:
        for name, _, _ in parse_note(one.note).signatures:
            if name != one.origin:
                sizes[name] = max(sizes.get(name, 0), one.size)
    return [{"name": name, "size": size} for name, size in sorted(sizes.items())]


@router.get("/unsigned")
def unsigned(caller: Caller, limit: Limit = 200) -> dict[str, Any]:
    """Records whose signatures are all void, with the version that made them so."""
    caller.require_class(DataClass.OPERATIONAL)
    rows = caller.site.ledger.select("signature")
    streams = sorted({str(row["stream"]) for row in rows})
    since = unsigned_since(caller.site, streams)
    found = [{"stream": name, "unsigned_since": since[name]} for name in streams if name in since]
    return {"n_signed": len(streams), "n_unsigned": len(found), "records": found[:limit]}


@router.post("")
def run(state: State, caller: Caller, runner: Runner) -> dict[str, Any]:
    """Check everything that is stored, beside the service; `GET` tells how far it is."""
    if not caller.is_local:
        people = state.desk.site.people
        user = people.require_open(caller.actor.uid)
        authority.require(people.decide_may(user, VERIFY, VERIFICATION_STREAM))
    runner.start(caller.actor.uid)
    return runner.as_json()


def _may_run(state: State, caller: Caller) -> tuple[bool, str]:
    if caller.is_local:
        return True, ""
    people = state.desk.site.people
    decision = people.decide_may(people.user(caller.actor.uid), VERIFY, VERIFICATION_STREAM)
    return decision.is_allowed, "; ".join(getattr(decision, "reasons", ()))
