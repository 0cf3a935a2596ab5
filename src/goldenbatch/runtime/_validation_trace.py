"""From requirement to result and back: each clause and risk with the outcomes of its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from goldenbatch.core.requirements import Pack, Requirement, Risk
    from goldenbatch.runtime._oq_checks import CheckResult

Verdict = Literal["met", "not met", "not shown", "site", "nothing"]
VERDICTS: Final[tuple[Verdict, ...]] = ("met", "not met", "not shown", "site", "nothing")
_WORST: Final[tuple[Verdict, ...]] = ("not met", "not shown", "site", "met", "nothing")
_ORDER: Final = ("in force", "guidance", "draft", "superseded")


@dataclass(frozen=True)
class Traced:
    """One requirement and what became of it.

    Attributes:
        requirement: The requirement, with source, status and date filled in.
        verdict: Met: all its checks passed, but for those of what this home does not use; not
            met: one failed; not shown: one was not run, or none applies here; site: left to the
            site alone; nothing: the clause asks for nothing.
        checks: Outcome of each of its checks by name.
    """

    requirement: Requirement
    verdict: Verdict
    checks: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The line as plain values."""
        return {
            **self.requirement.model_dump(mode="json"),
            "verdict": self.verdict,
            "outcomes": dict(self.checks),
        }


def trace(pack: Pack, results: Sequence[CheckResult]) -> tuple[Traced, ...]:
    """Each requirement of a pack with the outcomes of its checks."""
    outcomes = {one.name: one.outcome for one in results}
    lines = []
    for one in pack.requirements:
        filled = one.model_copy(
            update={
                "source": one.source or pack.source,
                "status": one.status or pack.status,
                "dated": one.dated or pack.dated,
            }
        )
        found = {name: outcomes.get(name, "not run") for name in one.checks}
        lines.append(Traced(filled, _verdict(one.control, found), found))
    return tuple(lines)


def _verdict(control: str, outcomes: Mapping[str, str]) -> Verdict:
    if not outcomes:
        return "nothing" if control == "none" else "site"
    if "failed" in outcomes.values():
        return "not met"
    is_shown = "passed" in outcomes.values() and "not run" not in outcomes.values()
    return "met" if is_shown else "not shown"


def pack_json(pack: Pack, lines: Sequence[Traced]) -> dict[str, Any]:
    """A pack with its traced requirements and risks as plain values."""
    return {
        "name": pack.name,
        "title": pack.title,
        "version": pack.version,
        "authority": pack.authority,
        "source": pack.source,
        "status": pack.status,
        "dated": pack.dated.isoformat(),
        "reviewed": pack.reviewed,
        "texts": [one.model_dump(mode="json") for one in pack.texts],
        "digest": pack.digest,
        "summary": summary(lines),
        "risks": [risk_json(one, lines) for one in pack.risks],
        "requirements": [one.as_json() for one in lines],
    }


def summary(lines: Sequence[Traced]) -> dict[str, int]:
    """How many requirements came to which verdict, and how many name a gap."""
    counts = {f"n_{name.replace(' ', '_')}": 0 for name in VERDICTS}
    for one in lines:
        counts[f"n_{one.verdict.replace(' ', '_')}"] += 1
    n_gaps = sum(bool(one.requirement.gap) for one in lines)
    n_open = sum(_is_open(one) for one in lines)
    return {"n_requirements": len(lines), **counts, "n_gaps": n_gaps, "n_sites_open": n_open}


def _is_open(one: Traced) -> bool:
    """Whether the site has a procedure to name and has not named it."""
    return bool(one.requirement.site_procedure) and not one.requirement.site_document


def risk_json(risk: Risk, lines: Sequence[Traced]) -> dict[str, Any]:
    """A risk record with the requirements that answer it, and what they came to."""
    answers = [one for one in lines if risk.id in one.requirement.risks]
    verdicts = {one.verdict for one in answers}
    worst = next((name for name in _WORST if name in verdicts), "")
    return {
        **risk.model_dump(mode="json"),
        "priority": risk.priority,
        "answered_by": [one.requirement.id for one in answers],
        "result": worst or "not answered",
    }


def cited_by(packs: Sequence[tuple[Pack, Sequence[Traced]]]) -> dict[str, list[str]]:
    """Check to the requirements that cite it, as `pack:id`."""
    found: dict[str, list[str]] = {}
    for pack, lines in packs:
        for one in lines:
            for name in one.checks:
                found.setdefault(name, []).append(f"{pack.name}:{one.requirement.id}")
    return found


def in_order(packs: Sequence[Pack]) -> tuple[Pack, ...]:
    """The site's own packs first, then what is in force, guidance, drafts; by name within."""

    def key(pack: Pack) -> tuple[bool, int, str]:
        has_risks = bool(pack.risks)
        return (not has_risks, _ORDER.index(pack.status), pack.name)

    return tuple(sorted(packs, key=key))
