"""What a model of an attribute may be used for: nothing, monitoring, or release.

Pure: a forward evaluation and criteria in, a verdict with its lines out. All lines are asked,
whatever the first one says, so that a refusal names everything at once. Release asks for all that
monitoring asks for, and for more: a released batch is not tested again.

References:
    ICH Q8(R2), Q6A (real-time release testing); EU GMP Annex 17 (2018), 3; EU GMP Annex 22, draft
    of July 2025, 5 to 7 (acceptance at least as good as what is replaced).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.science.forward import ForwardEvaluation
from goldenbatch.science.statistics import clopper_pearson

Rule = tuple[str, str, str, bool]
"""A rule of release: its name, what is asked for, what was found, whether it holds."""


class AcceptedFor(StrEnum):
    """What a model may be used for."""

    NONE = "none"
    MONITORING = "monitoring"
    RELEASE = "release"


class GateCriteria(BaseModel):
    """What is asked for, fixed before the evaluation.

    Attributes:
        n_monitoring: Forward-predicted batches with a result, for monitoring.
        n_uncensored: Of them measured above the reporting limit.
        ratio_monitoring: Error over that of the best baseline, at most, for monitoring.
        coverage_level: Level of the exact binomial test that must not reject the coverage.
        n_release: Batches for release.
        n_periods_release: Months, or other periods, that they are of.
        ratio_release: Error over that of the best baseline, at most, for release.
        within_code_r2: Share of the variance within products that is explained, at least.
        uncensored_share: Share of measured results, at least.
        domain_share: Share of batches within the domain, at least.
        width_in_room: Half width of the interval over the room between the mean result and the
            nearest limit of the specification, at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_monitoring: int = Field(default=100, ge=20)
    n_uncensored: int = Field(default=50, ge=10)
    ratio_monitoring: float = Field(default=0.90, gt=0, le=1)
    coverage_level: float = Field(default=0.01, gt=0, lt=0.5)
    n_release: int = Field(default=300, ge=50)
    n_periods_release: int = Field(default=12, ge=2)
    ratio_release: float = Field(default=0.70, gt=0, le=1)
    within_code_r2: float = Field(default=0.50, ge=0, lt=1)
    uncensored_share: float = Field(default=0.50, ge=0, le=1)
    domain_share: float = Field(default=0.80, ge=0, le=1)
    width_in_room: float = Field(default=0.50, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One rule.

    Attributes:
        rule: Name of the rule.
        needed_for: What cannot be without it.
        asked: What is asked for.
        found: What was found.
        is_met: Whether it holds; what cannot be said does not hold.
    """

    rule: str
    needed_for: AcceptedFor
    asked: str
    found: str
    is_met: bool

    @property
    def words(self) -> str:
        """The rule as a reason."""
        return f"{self.rule}: {self.found}; asked for {self.needed_for.value}: {self.asked}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model may be used for, and why no more.

    Attributes:
        attribute: What it predicts.
        accepted_for: The most that all lines allow.
        reasons: Lines that stand in the way of the next use; of a release: what it rests on.
        lines: All rules, in a fixed order.
    """

    attribute: str
    accepted_for: AcceptedFor
    reasons: tuple[str, ...]
    lines: tuple[VerdictLine, ...]

    def refusals(self, use: AcceptedFor) -> tuple[str, ...]:
        """Why it may not be used so; empty where it may."""
        return tuple(one.words for one in _needed(self.lines, use) if not one.is_met)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        lines = [
            {name: str(one) if isinstance(one, StrEnum) else one for name, one in line.items()}
            for line in map(asdict, self.lines)
        ]
        return {
            "attribute": self.attribute,
            "accepted_for": self.accepted_for.value,
            "reasons": list(self.reasons),
            "lines": lines,
        }


def judge(evaluation: ForwardEvaluation, criteria: GateCriteria | None = None) -> Verdict:
    """Judge a model by what it was worth forward in time.

    Args:
        evaluation: Of one attribute.
        criteria: Fixed before; the defaults are our own, see ADR 0035.
    """
    asked = criteria or GateCriteria()
    lines = (*_for_monitoring(evaluation, asked), *_for_release(evaluation, asked))
    accepted = AcceptedFor.NONE
    for use in (AcceptedFor.MONITORING, AcceptedFor.RELEASE):
        if all(one.is_met for one in _needed(lines, use)):
            accepted = use
    if accepted is AcceptedFor.RELEASE:
        reasons = tuple(one.words for one in lines)
    else:
        following = {
            AcceptedFor.NONE: AcceptedFor.MONITORING,
            AcceptedFor.MONITORING: AcceptedFor.RELEASE,
        }[accepted]
        reasons = tuple(one.words for one in _needed(lines, following) if not one.is_met)
    return Verdict(evaluation.attribute, accepted, reasons, lines)


def _needed(lines: tuple[VerdictLine, ...], use: AcceptedFor) -> tuple[VerdictLine, ...]:
    """Lines that a use rests on; release rests on those of monitoring too."""
    if use is AcceptedFor.RELEASE:
        return lines
    return tuple(one for one in lines if one.needed_for is use)


def _for_monitoring(found: ForwardEvaluation, asked: GateCriteria) -> list[VerdictLine]:
    return [*_of_rows(found, asked), *_of_errors(found, asked)]


def _of_rows(found: ForwardEvaluation, asked: GateCriteria) -> list[VerdictLine]:
    """Rules on what was looked at."""
    use = AcceptedFor.MONITORING
    leaks = "; ".join(f"{leak.column}: {leak.words}" for leak in found.leaks)
    return [
        VerdictLine(
            "columns that know the answer",
            use,
            "none",
            leaks or "none",
            not found.leaks,
        ),
        VerdictLine(
            "batches predicted before their result",
            use,
            f"{asked.n_monitoring} or more",
            f"{found.n} of {found.n_codes} codes in {found.n_periods} periods",
            found.n >= asked.n_monitoring,
        ),
        VerdictLine(
            "results above the reporting limit",
            use,
            f"{asked.n_uncensored} or more",
            f"{found.n_uncensored} ({found.uncensored_share:.0%})",
            found.n_uncensored >= asked.n_uncensored,
        ),
    ]


def _of_errors(found: ForwardEvaluation, asked: GateCriteria) -> list[VerdictLine]:
    """Rules on errors and intervals."""
    use = AcceptedFor.MONITORING
    low, high = found.ratio_interval
    return [
        VerdictLine(
            "error over that of the best baseline",
            use,
            f"{asked.ratio_monitoring:.2f} or less",
            f"{found.ratio:.3f} (best baseline: {found.best_baseline})",
            found.ratio <= asked.ratio_monitoring,
        ),
        VerdictLine(
            "paired interval of that ratio",
            use,
            "below 1",
            f"{low:.3f} to {high:.3f}, whole lots and whole periods drawn",
            high < 1,
        ),
        VerdictLine(
            "coverage of the interval",
            use,
            f"{found.nominal:.0%} not rejected at {asked.coverage_level:.0%}, exact binomial test",
            _share(
                found.coverage, f" of {found.n_intervals}, p = {_number(found.coverage_p_value)}"
            ),
            found.coverage_p_value is not None and found.coverage_p_value >= asked.coverage_level,
        ),
    ]


def _for_release(found: ForwardEvaluation, asked: GateCriteria) -> list[VerdictLine]:
    rules = [
        *_of_gain(found, asked),
        *_of_reach(found, asked),
        *_of_specification(found, asked),
    ]
    return [VerdictLine(rule, AcceptedFor.RELEASE, *rest) for rule, *rest in rules]  # type: ignore[arg-type]


def _of_gain(found: ForwardEvaluation, asked: GateCriteria) -> list[Rule]:
    """Rules on how much better it is than a baseline."""
    held_out = found.ratio_held_out
    return [
        (
            "batches and periods",
            f"{asked.n_release} or more of {asked.n_periods_release} periods or more",
            f"{found.n} of {found.n_periods}",
            found.n >= asked.n_release and found.n_periods >= asked.n_periods_release,
        ),
        (
            "error over that of the best baseline, for release",
            f"{asked.ratio_release:.2f} or less",
            f"{found.ratio:.3f}",
            found.ratio <= asked.ratio_release,
        ),
        (
            "the same with the lot held out",
            "its interval below 1",
            "not made" if held_out is None else f"{held_out.ratio:.3f}, up to {held_out.upper:.3f}",
            held_out is not None and held_out.upper < 1,
        ),
        (
            "variance explained within products",
            f"{asked.within_code_r2:.2f} or more",
            _number(found.within_code_r2),
            _at_least(found.within_code_r2, asked.within_code_r2),
        ),
    ]


def _of_reach(found: ForwardEvaluation, asked: GateCriteria) -> list[Rule]:
    """Rules on the batches that it holds for."""
    return [
        (
            "share of measured results",
            f"{asked.uncensored_share:.0%} or more",
            f"{found.uncensored_share:.0%}",
            _at_least(found.uncensored_share, asked.uncensored_share),
        ),
        (
            "coverage in each product",
            f"rejected in none at {asked.coverage_level:.0%}, for all products together",
            f"least p-value {_number(found.worst_code_p_value)}",
            _at_least(found.worst_code_p_value, asked.coverage_level),
        ),
        (
            "batches within the domain",
            f"{asked.domain_share:.0%} or more",
            f"{found.domain_share:.0%}",
            found.domain_share >= asked.domain_share,
        ),
    ]


def _of_specification(found: ForwardEvaluation, asked: GateCriteria) -> list[Rule]:
    """Rules on the limits of the attribute."""
    limits, room = found.specification, found.width_in_room
    given = "none given"
    if limits.is_given:
        given = f"{limits.lower:g} to {limits.upper:g} {found.unit}".strip()
    return [
        ("specification", "given", given, limits.is_given),
        (
            "half width of the interval over the room to the nearest limit",
            f"{asked.width_in_room:.2f} or less",
            _number(room),
            room is not None and room <= asked.width_in_room,
        ),
        (
            "results outside the specification that would have been released",
            "none",
            _missed(found) if limits.is_given else "not known",
            limits.is_given and found.n_outside_missed == 0,
        ),
    ]


def _missed(found: ForwardEvaluation) -> str:
    """How many, and how many of a hundred it may be all the same: few failures say little."""
    if not found.n_outside:
        return "0 of 0: no failure was there to be missed, and nothing is known of them"
    upper = clopper_pearson(found.n_outside_missed, found.n_outside).upper
    return f"{found.n_outside_missed} of {found.n_outside} (up to {upper:.0%} may be, 95 %)"


def _at_least(value: float | None, least: float) -> bool:
    return value is not None and math.isfinite(value) and value >= least


def _number(value: float | None) -> str:
    return "not known" if value is None or not math.isfinite(value) else f"{value:.3g}"


def _share(value: float | None, more: str) -> str:
    return "no intervals" if value is None else f"{value:.1%}{more}"


def accepted(verdicts: Mapping[str, Verdict], use: AcceptedFor) -> tuple[str, ...]:
    """Attributes whose models may be used so, by name."""
    return tuple(name for name, one in sorted(verdicts.items()) if not one.refusals(use))
