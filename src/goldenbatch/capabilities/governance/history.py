"""The history of a model, told in the order in which it happened: who did what, signed how.

All of it is read from the events of its versions, of what serves, of its test sets and of its
change plans; what counts for nothing is told too, with the reason.

References:
    EU GMP Annex 22, draft of July 2025, 7.4 and 10.1; 21 CFR 11.10(e).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._sentences import sentence
from goldenbatch.core.change_plans import PREFIX as PLANS
from goldenbatch.core.change_plans import ChangePlanProposed
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_access import load_test_set, load_version
from goldenbatch.core.model_life import Fault, Stage, sound
from goldenbatch.core.model_line import line_state
from goldenbatch.core.model_records import line_stream, version_stream
from goldenbatch.core.model_rows import line_of
from goldenbatch.core.people import SignatureApplied, signature_state
from goldenbatch.core.records import Event
from goldenbatch.core.test_set_records import PREFIX as SETS
from goldenbatch.core.test_set_records import TestSetSelected

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

_FAULT: Final = re.compile(r"^(.+@[0-9]+)(?:: | )(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One line of a history.

    Attributes:
        seq: Number of the event in the ledger.
        at: When it was recorded, microseconds UTC.
        ref: The event, `stream@version`.
        who: Printed name of who did it; the uid where nobody may know the name.
        what: What they did, in words.
        signed: Meaning, signer and method of the signature that was appended with it; empty:
            it is an entry.
        fault: Why it counts for nothing; empty where it counts.
    """

    seq: int
    at: int
    ref: str
    kind: str
    who: str
    what: str
    signed: str = ""
    fault: str = ""


@dataclass(frozen=True)
class History:
    """All that happened to a model, in order.

    Attributes:
        stages: Version to its stage now.
        active: Version that serves; 0: the contingency, or nothing yet.
    """

    use: str
    stages: Mapping[int, str]
    active: int
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "use": self.use,
            "stages": {str(number): stage for number, stage in self.stages.items()},
            "active": self.active,
            "n_faults": sum(1 for one in self.lines if one.fault),
            "lines": [asdict(one) for one in self.lines],
        }


def history_of(site: Site, use: str, version: int = 0, fault: Fault = sound) -> History:
    """The history of a use, or of one version with what it rests on.

    Args:
        site: Where it is read.
        use: Name of the intended use.
        version: A version; 0: all.
        fault: Why the evidence of a signature does not hold; empty where it does.

    Raises:
        NotFoundError: There is no such use, or no such version.
    """
    rows = site.ledger.select("model_version", {"use": use}, ("version",))
    numbers = [int(row["version"]) for row in rows]
    chosen = [one for one in numbers if version in (0, one)]
    line_events = site.ledger.stream(line_stream(use))
    if not chosen and (version or not line_events):
        what = f"version {version} of {use!r}" if version else f"model {use!r}"
        raise NotFoundError(f"there is no {what}.", hint="See `goldenbatch model list`.")
    line = line_state(use, line_events)
    states = [load_version(site.ledger, use, one, fault) for one in chosen]
    faults = [one for state in states for one in state.faults]
    told = [event for event in line_events if _is_of(event, version)]
    for state in states:
        told += site.ledger.stream(state.stream)
    for test_set in _sets(site, use, [s.bound.test_set for s in states if s.bound], version):
        found = load_test_set(site.ledger, test_set, fault)
        faults += found.faults
        told += site.ledger.stream(found.stream)
    for plan in _plans(site, use, {state.draft.plan for state in states}, version):
        told += site.ledger.stream(plan)
    stages = {state.draft.version: line.stage(state).value for state in states}
    lines = _lines(told, _by_event([*faults, *line.faults]), _names(site), fault)
    return History(use, stages, line.active, lines)


def _is_of(event: Event, version: int) -> bool:
    """Whether an event of the line is of a version: what it did, or what took its place."""
    body = event.body or {}
    touched = {body.get(name) for name in ("version", "fallback", "replaces")}
    return not version or version in touched


def _sets(site: Site, use: str, bound: Sequence[str], version: int) -> list[str]:
    """Test sets of a use, those of other versions left out where one version is asked for."""
    found = list(dict.fromkeys(bound))
    if version:
        return found
    for event in site.ledger.events(kinds=(TestSetSelected.kind,), stream_prefix=SETS):
        body = event.decode()
        if isinstance(body, TestSetSelected) and body.use == use and body.test_set not in found:
            found.append(body.test_set)
    return found


def _plans(site: Site, use: str, named: Iterable[str], version: int) -> list[str]:
    """Streams of the change plans of a use."""
    if version:
        return sorted({f"{PLANS}{one.partition('@')[0]}" for one in named if one})
    found = set()
    for event in site.ledger.events(kinds=(ChangePlanProposed.kind,), stream_prefix=PLANS):
        body = event.decode()
        if isinstance(body, ChangePlanProposed) and body.use == use:
            found.add(event.stream)
    return sorted(found)


def _by_event(faults: Iterable[str]) -> dict[str, str]:
    """Faults by the event that they begin with."""
    found: dict[str, str] = {}
    for text in faults:
        match = _FAULT.match(text)
        if match:
            found[match[1]] = match[2]
    return found


def _names(site: Site) -> dict[str, str]:
    return {str(row["uid"]): str(row["printed_name"]) for row in site.ledger.select("user")}


def _lines(
    events: Sequence[Event], faults: Mapping[str, str], names: Mapping[str, str], fault: Fault
) -> tuple[Line, ...]:
    streams: dict[str, list[Event]] = {}
    for event in sorted({event.seq: event for event in events}.values(), key=lambda e: e.seq):
        streams.setdefault(event.stream, []).append(event)
    found = [line for some in streams.values() for line in _of_stream(some, faults, names, fault)]
    return tuple(sorted(found, key=lambda line: line.seq))


def _of_stream(
    events: Sequence[Event], faults: Mapping[str, str], names: Mapping[str, str], fault: Fault
) -> list[Line]:
    """Lines of one stream; a signature that was appended with a step stands in the step's line."""
    signed, apart = _signatures(events, fault)
    found = []
    for event in events:
        number, ref = event.envelope.version, f"{event.stream}@{event.envelope.version}"
        if event.kind == SignatureApplied.kind and number not in apart:
            continue
        actor, lent = event.envelope.actor, event.envelope.acting_for
        who = f"{names.get(actor, actor)} for {names.get(lent, lent)}" if lent else names.get(actor)
        found.append(
            Line(
                event.seq,
                event.envelope.recorded_at,
                ref,
                event.kind,
                who or actor,
                sentence(event),
                signed.get(number, ""),
                faults.get(ref, "") or apart.get(number, ""),
            )
        )
    return found


def _signatures(events: Sequence[Event], fault: Fault) -> tuple[dict[int, str], dict[int, str]]:
    """By step: its signature in words. By signature that stands apart: why it does not hold."""
    signed: dict[int, str] = {}
    apart: dict[int, str] = {}
    for state in signature_state(events):
        one = state.signature
        why = "; ".join(state.faults) or fault(one)
        words = f"signed as {one.meaning.value} by {one.by} ({one.role}), {one.method}"
        if one.proposal:
            signed[state.event_version - 1] = f"{words}; VOID: {why}" if why else words
        else:
            signed[state.event_version], apart[state.event_version] = words, why
    return signed, apart


def overview(site: Site) -> list[dict[str, Any]]:
    """All uses with their versions and stages, for lists."""
    found = []
    lines = {row["use"]: row for row in site.ledger.select("model_line")}
    names = _names(site)
    for row in site.ledger.select("model_version", {}, ("use", "version")):
        use, number = str(row["use"]), int(row["version"])
        stage = line_of(lines.get(use), use).stage_of(number, Stage(row["stage"]))
        found.append(
            {
                "use": use,
                "version": number,
                "title": row["title"],
                "stage": stage.value,
                "criticality": row["criticality"],
                "follows": row["follows"] or None,
                "plan": row["plan"],
                "outcome": row["outcome"],
                "digest": row["digest"],
                "drafted_by": names.get(str(row["drafted_by"]), row["drafted_by"]),
                "drafted_at": row["drafted_at"],
                "stream": version_stream(use, number),
            }
        )
    return found
