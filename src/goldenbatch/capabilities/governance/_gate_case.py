"""What all rules of the gate are given, and how a rule writes its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from goldenbatch.capabilities.governance.gate_evidence import GateEvidence, ParameterMove
from goldenbatch.core.change_plan_parts import Modification
from goldenbatch.core.change_plans import ChangePlan
from goldenbatch.core.gate_records import GateLine, RuleVerdict
from goldenbatch.core.model_life import VersionState

Lines = Iterable[GateLine]


@dataclass(frozen=True)
class Case:
    """An update, the version that it follows, the plan, and the evidence.

    Attributes:
        modification: That the draft names; None: the plan has no such one.
    """

    old: VersionState
    new: VersionState
    plan: ChangePlan
    evidence: GateEvidence
    modification: Modification | None

    def parameter(self, name: str) -> ParameterMove | None:
        """The number of a name in the three versions."""
        return next((one for one in self.evidence.parameters if one.name == name), None)


def line(rule: str, asked: str, found: str, verdict: RuleVerdict, clause: str) -> GateLine:
    """One line; what was found is never left empty."""
    return GateLine(
        rule=rule, asked=asked, found=found or "nothing", verdict=verdict, clause=clause
    )


def held(is_so: bool, otherwise: RuleVerdict) -> RuleVerdict:
    """`holds` where it is so."""
    return RuleVerdict.HOLDS if is_so else otherwise


def moved(one: float, other: float) -> float:
    """How far two numbers lie apart, as they are written: 0.8 is 0.2 from 0.6.

    >>> moved(0.8, 0.6), 0.8 - 0.6
    (0.2, 0.20000000000000007)
    """
    return float(abs(Decimal(repr(one)) - Decimal(repr(other))))


def within(rule: str, value: float | None, most: float, unit: str, clause: str) -> GateLine:
    """A line on a number that may be so large at most; not known is missing evidence."""
    asked = f"at most {number(most)} {unit}".rstrip()
    if value is None:
        return line(rule, asked, "not measured", RuleVerdict.MISSING, clause)
    found = f"{number(value)} {unit}".rstrip()
    return line(rule, asked, found, held(value <= most, RuleVerdict.OUTSIDE), clause)


def number(value: float) -> str:
    """A number as it stands in a line: enough digits to tell it from its limit.

    >>> number(0.1 + 0.2), number(5.0)
    ('0.3', '5')
    """
    return f"{value:.9g}"


def listed(names: Iterable[str]) -> str:
    """Names in order, or `none`."""
    return ", ".join(sorted(set(names))) or "none"


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names; lists stay whole.

    >>> flat({"a": {"b": 1}, "c": [1, 2]})
    {'a.b': 1, 'c': [1, 2]}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Sequence[str]:
    """Dotted names of the settings that differ, in order."""
    before, after = flat(old), flat(new)
    absent = object()
    return sorted(
        name
        for name in before.keys() | after.keys()
        if not _same(before.get(name, absent), after.get(name, absent))
    )


def _same(one: object, other: object) -> bool:
    # 1 and True, or 1 and 1.0 in another role, are not one setting.
    return one == other and isinstance(one, bool) == isinstance(other, bool)
