"""The gate: whether an update of a model is within its change plan, rule by rule.

Pure and deterministic: two versions, a plan and evidence in; an outcome and its lines out. All
rules are asked, whatever the first one says, so that a refusal names everything at once.

References:
    FDA, Predetermined Change Control Plan (December 2024); ICH Q12, 4; EU GMP Annex 22, draft of
    July 2025, 10.
"""

from __future__ import annotations

from dataclasses import dataclass

from goldenbatch.capabilities.governance._gate_case import Case
from goldenbatch.capabilities.governance._gate_permitted import permitted
from goldenbatch.capabilities.governance._gate_shown import shown
from goldenbatch.capabilities.governance.gate_evidence import GateEvidence
from goldenbatch.core.change_plans import ChangePlan
from goldenbatch.core.gate_records import GateLine, GateOutcome, RuleVerdict, outcome_of
from goldenbatch.core.model_life import VersionState
from goldenbatch.core.records import to_iso

NEXT = {
    GateOutcome.PASS: "It may be approved within the plan, by one signature of quality.",
    GateOutcome.FAIL: "It is not brought in. The failure is kept; a deviation is opened.",
    GateOutcome.OUT_OF_PLAN: "The plan does not permit it. A change-control record is asked for.",
    GateOutcome.EVIDENCE_MISSING: "Nothing can be said before what is missing is there.",
}
"""What comes next after each outcome."""

_MARK = {
    RuleVerdict.HOLDS: "ok      ",
    RuleVerdict.OUTSIDE: "OUTSIDE ",
    RuleVerdict.MISSING: "MISSING ",
    RuleVerdict.FAILS: "FAILS   ",
}


@dataclass(frozen=True)
class Judgement:
    """What the gate says.

    Attributes:
        outcome: Out of plan before missing evidence, that before a failure, that before a pass.
        lines: One for each rule that applies, in a fixed order.
    """

    outcome: GateOutcome
    lines: tuple[GateLine, ...]

    @property
    def reasons(self) -> tuple[GateLine, ...]:
        """Lines that made the outcome; all lines of a pass."""
        wanted = [one for one in self.lines if outcome_of((one,)) is self.outcome]
        return tuple(wanted)


def gate(
    old: VersionState, new: VersionState, plan: ChangePlan, evidence: GateEvidence
) -> Judgement:
    """Judge a version as an update under a plan.

    Args:
        old: The version that it follows.
        new: The update.
        plan: The plan; whether it is in force stands in the evidence.
        evidence: What was measured and read.
    """
    case = Case(old, new, plan, evidence, plan.modification(new.draft.modification))
    lines = (*permitted(case), *shown(case))
    return Judgement(outcome_of(lines), lines)


def explain(judgement: Judgement, new: VersionState, plan: ChangePlan, at: int) -> str:
    """The judgement as text, line by line, for a person and for the record."""
    draft, trained = new.draft, new.trained
    artefact = trained.digest if trained is not None else "none"
    head = [
        f"Update {draft.use}@{draft.version} of version {draft.follows}: {draft.title}",
        f"Plan {plan.label} ({plan.digest()[:12]}), modification "
        f"{draft.modification or 'none'}, judged {to_iso(at)}",
        f"Artefact {artefact}",
        "",
        f"Outcome: {judgement.outcome.value}",
        NEXT[judgement.outcome],
        "",
    ]
    if judgement.outcome is not GateOutcome.PASS:
        head += [f"- {one.rule}: {one.found} (asked: {one.asked})" for one in judgement.reasons]
        head.append("")
    body = [
        f"{_MARK[one.verdict]} {one.rule}\n"
        f"         asked: {one.asked}\n"
        f"         found: {one.found}\n"
        f"         {one.clause}"
        for one in judgement.lines
    ]
    return "\n".join([*head, *body]) + "\n"
