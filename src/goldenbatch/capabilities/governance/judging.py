"""Act `judge`: gather the evidence, ask the gate, record what it said, line by line.

References:
    FDA, Predetermined Change Control Plan (December 2024), VII; EU GMP Annex 22, draft of July
    2025, 10.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from goldenbatch.capabilities.governance._reading import version_of
from goldenbatch.capabilities.governance.comparisons import named_plan
from goldenbatch.capabilities.governance.gate import Judgement, explain, gate
from goldenbatch.capabilities.governance.gate_evidence import GateEvidence, SensorStated
from goldenbatch.capabilities.governance.gathering import Stated, gather
from goldenbatch.core import act_values as take
from goldenbatch.core.act_values import made
from goldenbatch.core.acts import Intent
from goldenbatch.core.change_plans import PlanStanding, plan_stream
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_records import line_stream

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Actor, Site

GATE: Final = "model:gate"


def judge(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Judge a tested version as an update under the plan that its draft names: an entry.

    Values: `use`, `version`; `sensor` (`inputs`, `type`, `serial`, `record` as `stream@version`)
    for a new sensor; `phases`, where the use or the plan names phases.
    """
    take.only(values, ("use", "version", "sensor", "phases"))
    new = version_of(site, take.text(values, "use"), take.number(values, "version"))
    standing = _plan(site, new)
    new.require(GateJudged)
    stated = Stated(_sensor(site, values), _phases(values))
    evidence, also = gather(site, new, standing, stated)
    old = version_of(site, new.draft.use, new.draft.follows)
    judgement = gate(old, new, standing.plan, evidence)
    body = _body(site, new, standing, judgement, evidence)
    streams = (plan_stream(standing.plan.id), line_stream(new.draft.use))
    rests = {**also, **{name: site.ledger.version(name) for name in streams}}
    return Intent(new.stream, body, (GATE,), new.head, also=rests, is_costly=True)


def repeated(site: Site, use: str, version: int) -> Judgement:
    """What the gate says again from the evidence that was kept with the newest judgement.

    It is the same, line by line, unless evidence, plan or record is another by now.

    Raises:
        NotFoundError: The version was never judged, or the evidence is gone.
        IntegrityError: The evidence is not the one that was judged.
    """
    new = version_of(site, use, version)
    judged = new.judged
    if judged is None:
        raise NotFoundError(
            f"the gate has not judged {new.stream}.", hint="Ask it: `goldenbatch model gate`."
        )
    try:
        evidence = GateEvidence.model_validate_json(site.registry.get(judged.evidence))
    except ValidationError as error:
        raise IntegrityError(
            f"the evidence of {new.ref(GateJudged)} cannot be read.",
            hint="Restore the registry from the backup of the home.",
        ) from error
    old = version_of(site, use, new.draft.follows)
    return gate(old, new, _plan(site, new).plan, evidence)


def judgement_fault(site: Site, new: VersionState) -> str:
    """Why the newest judgement is not what the gate says; empty where it is, or there is none.

    Whoever goes round the act can write a pass, or an earlier one again; not what it rests on.
    """
    judged = new.judged
    if judged is None:
        return ""
    try:
        again = repeated(site, new.draft.use, new.draft.version)
    except (IntegrityError, NotFoundError, ConflictError) as error:
        return f"it cannot be made again: {error}"
    if again.lines != judged.lines:
        return f"of the evidence that was kept the gate says {again.outcome.value}, line by line"
    for event in site.ledger.stream(new.stream)[: new.steps[GateJudged.kind] - 1]:
        body = event.decode()
        if isinstance(body, GateJudged) and body.evidence == judged.evidence:
            return f"it is the judgement of {new.stream}@{event.envelope.version} once more"
    return ""


def _plan(site: Site, new: VersionState) -> PlanStanding:
    if not new.draft.plan:
        raise ConflictError(
            f"{new.stream} is no update under a change plan.",
            hint="Approve it by change control, or draft it anew under a plan.",
        )
    standing = named_plan(site, new.draft.plan)
    if standing is None:
        raise NotFoundError(
            f"{new.stream} names {new.draft.plan}, which was never proposed.",
            hint="See `goldenbatch plan list`.",
        )
    return standing


def _body(
    site: Site,
    new: VersionState,
    standing: PlanStanding,
    judgement: Judgement,
    evidence: GateEvidence,
) -> GateJudged:
    text = explain(judgement, new, standing.plan, evidence.at)
    return GateJudged(
        use=new.draft.use,
        version=new.draft.version,
        plan=standing.plan.id,
        plan_version=standing.plan.version,
        plan_digest=standing.digest,
        follows=new.draft.follows,
        digest=new.trained.digest if new.trained is not None else "",
        outcome=judgement.outcome,
        lines=judgement.lines,
        evidence=site.registry.put(evidence.to_bytes(), "application/json"),
        explanation=site.registry.put(text.encode("utf-8"), "text/plain"),
    )


def _sensor(site: Site, values: Mapping[str, Any]) -> SensorStated | None:
    """The stated sensor, whose record must be there."""
    given = take.table(values, "sensor")
    if given is None:
        return None
    stated = made(SensorStated, **given)
    stream, _, version = stated.record.rpartition("@")
    is_there = version.isdecimal() and 0 < int(version) <= site.ledger.version(stream)
    if not stream or not is_there:
        raise BadInputError(
            f"{stated.record!r} is no record of this home.",
            hint="Name the record of the replacement, `stream@version`.",
            key="sensor.record",
        )
    return stated


def _phases(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    given = values.get("phases")
    if given is None:
        return None
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise BadInputError("phases is no list of names.", key="phases")
    return tuple(given)
