"""What the gate said of an update: one line a rule, and the outcome that follows from them.

References:
    FDA, Predetermined Change Control Plan (December 2024), VII; EU GMP Annex 22, draft of July
    2025, 10.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.model_card import DIGEST
from goldenbatch.core.model_records import ModelBody
from goldenbatch.core.records import record_type


class GateOutcome(StrEnum):
    """What follows of a judgement."""

    PASS = "in_plan_pass"  # noqa: S105  an outcome, not a password
    FAIL = "in_plan_fail"
    OUT_OF_PLAN = "out_of_plan"
    EVIDENCE_MISSING = "evidence_missing"


class RuleVerdict(StrEnum):
    """What one rule says, gravest first."""

    OUTSIDE = "outside"
    MISSING = "missing"
    FAILS = "fails"
    HOLDS = "holds"


_FOLLOWS: Final = MappingProxyType(
    {
        RuleVerdict.OUTSIDE: GateOutcome.OUT_OF_PLAN,
        RuleVerdict.MISSING: GateOutcome.EVIDENCE_MISSING,
        RuleVerdict.FAILS: GateOutcome.FAIL,
        RuleVerdict.HOLDS: GateOutcome.PASS,
    }
)


class GateLine(BaseModel):
    """One rule of the gate.

    Attributes:
        rule: Name of the rule.
        asked: What the plan asks for.
        found: What was found.
        verdict: Whether it holds; else outside the plan, missing, or a failure.
        clause: Where it comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(min_length=1)
    asked: str = Field(min_length=1)
    found: str = Field(min_length=1)
    verdict: RuleVerdict
    clause: str = Field(min_length=1)


def outcome_of(lines: Iterable[GateLine]) -> GateOutcome:
    """The outcome that lines make: the gravest verdict decides; no line is no evidence.

    >>> outcome_of(())
    <GateOutcome.EVIDENCE_MISSING: 'evidence_missing'>
    """
    verdicts = {one.verdict for one in lines}
    for verdict in RuleVerdict:
        if verdict in verdicts:
            return _FOLLOWS[verdict]
    return GateOutcome.EVIDENCE_MISSING


@record_type
class GateJudged(ModelBody):
    """The gate judged a version as an update under a change plan.

    Attributes:
        plan: Id of the plan.
        plan_version: Its version.
        plan_digest: Digest of its content.
        follows: Version that it is an update of.
        digest: Artefact that was judged.
        outcome: What follows from the lines.
        lines: One for each rule, in the order of the gate.
        evidence: SHA-256 of the evidence (JSON) in the registry.
        explanation: SHA-256 of the explanation (text) in the registry.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("GateJudged",)

    plan: str = Field(min_length=1)
    plan_version: str = Field(min_length=1)
    plan_digest: str = Field(pattern=DIGEST)
    follows: int = Field(ge=1)
    digest: str = Field(pattern=DIGEST)
    outcome: GateOutcome
    lines: tuple[GateLine, ...] = Field(min_length=1)
    evidence: str = Field(pattern=DIGEST)
    explanation: str = Field(pattern=DIGEST)

    @model_validator(mode="after")
    def _is_true(self) -> GateJudged:
        if self.outcome is not outcome_of(self.lines):
            raise ValueError("the lines say otherwise than the outcome")
        return self
