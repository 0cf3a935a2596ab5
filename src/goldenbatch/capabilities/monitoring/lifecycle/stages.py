"""What each stage of validation shows of a quality attribute: pure figures and plain verdicts.

References:
    FDA, Process Validation (2011), IV.C (stage 2), IV.D (stage 3); ASTM E2709 and E2281.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from goldenbatch.capabilities.monitoring.lifecycle.plan import LifecyclePlan
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.statistics.autocorrelation import Lag1, lag1_autocorrelation
from goldenbatch.science.statistics.capability import Capability, process_capability
from goldenbatch.science.statistics.tolerance import ToleranceLimits, tolerance_limits

N_INDEX = 10
"""An index of fewer batches says next to nothing; it is not given."""


@dataclass(frozen=True)
class Value:
    """A result of a batch.

    Attributes:
        at: Microseconds UTC; when it was done, else when it was told.
        leaf: Event that it stands in.
        number: In the unit of the attribute; NaN where it is no number or cannot be converted.
        is_censored: It lies below or above what the method can tell.
        doubt: Why nobody can say that it conforms, in words; empty: somebody can.
    """

    batch: str
    at: int
    number: float
    text: str
    leaf: str
    is_outside: bool = False
    is_censored: bool = False
    doubt: str = ""

    @property
    def is_number(self) -> bool:
        """Whether figures can be made of it."""
        return math.isfinite(self.number)


@dataclass(frozen=True)
class AttributeStage:
    """One attribute in one stage.

    Attributes:
        values: In time order.
        n_censored: Values that are only bounds; indices are not made of them.
        tolerance: Of the values; None where too few or of one value.
        capability: Indices; None where too few.
        lag1: Autocorrelation; None where too few.
        faults: What is not as it should be, in words.
    """

    attribute: str
    unit: str
    lower: float | None
    upper: float | None
    values: tuple[Value, ...]
    n_censored: int
    tolerance: ToleranceLimits | None = None
    capability: Capability | None = None
    lag1: Lag1 | None = None
    faults: tuple[str, ...] = field(default=())

    @property
    def n_outside(self) -> int:
        """Values outside the limits."""
        return sum(one.is_outside for one in self.values)


def judge(
    named: tuple[str, str],
    limits: tuple[float | None, float | None],
    values: Sequence[Value],
    plan: LifecyclePlan,
    *,
    is_qualification: bool,
    has_categories: bool = False,
) -> AttributeStage:
    """Figures and faults of one attribute in one stage.

    Args:
        named: Attribute and unit.
        limits: Lower and upper; None: open.
        values: Of the stage.
        plan: What is accepted.
        is_qualification: Stage 2 (tolerance limits decide) or 3 (indices and charts do).
        has_categories: Whether it is held to categories, not to bounds.
    """
    lower, upper = limits
    ordered = tuple(sorted(values, key=lambda one: (one.at, one.batch)))
    plain = [one.number for one in ordered if one.is_number and not one.is_censored]
    n_censored = sum(one.is_censored for one in ordered)
    faults = [fault for one in ordered if (fault := _fault(one))]
    is_whole = len(plain) == len(ordered)
    tolerance = _tolerance(plain, limits, plan) if is_qualification and is_whole else None
    capability = _capability(plain, limits, plan) if is_whole else None
    lag1 = lag1_autocorrelation(plain) if len(plain) >= N_INDEX and len(set(plain)) > 1 else None
    if is_qualification:
        faults += _qualified(tolerance, limits, plan)
    else:
        faults += _verified(capability, plan)
    if lower is None and upper is None and not has_categories:
        faults.append(f"the plant states no {plan.limits} limit: nothing can be judged")
    return AttributeStage(
        *named, lower, upper, ordered, n_censored, tolerance, capability, lag1, tuple(faults)
    )


def why_unjudged(one: AttributeStage, *, is_qualification: bool) -> str:
    """Why there is no tolerance limit or index of an attribute, in words; empty: there is one."""
    figure = one.tolerance if is_qualification else one.capability
    n, least = len(one.values), 2 if is_qualification else N_INDEX
    if figure is not None or not n or (one.lower is None and one.upper is None):
        return ""
    name = "tolerance limit" if is_qualification else "index"
    if one.n_censored:
        return f"no {name}: {one.n_censored} of {n} results are only bounds"
    if not all(value.is_number for value in one.values):
        return f"no {name}: not all results are numbers of one unit"
    if n < least:
        return f"no {name} of {n} batches, it needs {least}"
    return f"no {name} of results that are all equal"


def _fault(one: Value) -> str:
    if one.is_outside:
        return f"batch {one.batch}: {one.text} is outside its limits"
    return f"batch {one.batch}: {one.text}: {one.doubt.rstrip('.')}" if one.doubt else ""


def _tolerance(
    plain: Sequence[float], limits: tuple[float | None, float | None], plan: LifecyclePlan
) -> ToleranceLimits | None:
    lower, upper = limits
    if len(plain) < 2 or (lower is None and upper is None):
        return None
    return tolerance_limits(
        plain,
        has_lower=lower is not None,
        has_upper=upper is not None,
        share=plan.share,
        confidence=plan.confidence,
    )


def _capability(
    plain: Sequence[float], limits: tuple[float | None, float | None], plan: LifecyclePlan
) -> Capability | None:
    if len(plain) < N_INDEX or len(set(plain)) < 2 or limits == (None, None):
        return None
    try:
        return process_capability(plain, *limits, confidence=plan.confidence)
    except ScienceError:
        return None


def _qualified(
    tolerance: ToleranceLimits | None,
    limits: tuple[float | None, float | None],
    plan: LifecyclePlan,
) -> list[str]:
    if tolerance is None:
        return []
    lower, upper = limits
    reach = [
        f"{word} tolerance limit {found:.4g} lies outside {limit:.4g}"
        for word, found, limit, is_out in (
            ("lower", tolerance.lower, lower, lower is not None and tolerance.lower < lower),
            ("upper", tolerance.upper, upper, upper is not None and tolerance.upper > upper),
        )
        if is_out and limit is not None
    ]
    share = f"{100 * plan.share:.4g} % of batches, {100 * plan.confidence:.4g} % confidence"
    return [f"{one} ({share}, {tolerance.n} batches)" for one in reach]


def _verified(capability: Capability | None, plan: LifecyclePlan) -> list[str]:
    if capability is None:
        return []
    low = capability.ppk.interval.lower
    if math.isnan(low) or low >= plan.min_ppk:
        return []
    return [
        f"Ppk {capability.ppk.estimate:.2f}, interval from {low:.2f} "
        f"({100 * plan.confidence:.4g} % confidence): below {plan.min_ppk:.2f}"
    ]
