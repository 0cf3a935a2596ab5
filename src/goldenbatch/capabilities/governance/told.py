"""A model version as plain data for pages: its card, its life as steps, what may be done next."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._card_sheet import OUTCOMES, gaps_of, sections_of
from goldenbatch.capabilities.governance._reading import fault_of, line_of
from goldenbatch.capabilities.governance.card import ModelCardView, load_card
from goldenbatch.capabilities.governance.history import Line, history_of
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_life import VersionState, version_state
from goldenbatch.core.model_line import line_state
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelActivated,
    ModelApproved,
    ModelDrafted,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
    line_stream,
    version_stream,
)
from goldenbatch.core.shadow_records import ShadowEnded, ShadowStarted
from goldenbatch.ui.charts import to_svg
from goldenbatch.ui.sheets import Block, Facts, Figure, Grid

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

STEPS: Final[tuple[tuple[str, str], ...]] = (
    (ModelDrafted.kind, "begun"),
    (IntendedUseStated.kind, "intended use stated"),
    (CriteriaFixed.kind, "criteria fixed"),
    (TestDataBound.kind, "test data sealed and bound"),
    (ModelTrained.kind, "trained and frozen"),
    (ModelTested.kind, "tested"),
    (GateJudged.kind, "judged by the gate"),
    (ModelValidated.kind, "validated"),
    (ModelApproved.kind, "approved"),
    (ModelActivated.kind, "put to work"),
)
"""Steps of a version's life in their order, by the kind of their event."""
_CARRIED: Final = (IntendedUseStated.kind, CriteriaFixed.kind)


def lines_told(site: Site) -> list[dict[str, Any]]:
    """Each use with what serves, since when, why it changed last, its versions and open findings.

    Args:
        site: As the person may see it.
    """
    from goldenbatch.capabilities.governance.history import overview

    lines = {str(row["use"]): row for row in site.ledger.select("model_line")}
    found: dict[str, dict[str, Any]] = {}
    for row in overview(site):
        use = str(row["use"])
        line = lines.get(use)
        one = found.setdefault(use, {
            "use": use, "active": 0, "is_fallback": False, "since": None, "reason": "",
            "versions": [], "findings": _open_findings(site, use),
        })  # fmt: skip
        if line is not None:
            one |= {"active": int(line["active"]), "is_fallback": bool(line["is_fallback"]),
                    "since": line["changed_at"], "reason": line["reason"],
                    "is_suspended": _is_suspended(line)}  # fmt: skip
        one["versions"].append(row)
    return list(found.values())


def _is_suspended(line: Mapping[str, Any]) -> bool:
    return not line["active"] and line["suspended"] not in ("", "[]")


def _open_findings(site: Site, use: str) -> list[dict[str, Any]]:
    rows = site.ledger.select("finding", {"attribute": use}, ("-started_at",), 50)
    return [
        {"uid": str(row["uid"]), "title": row["title"], "severity": row["severity"],
         "state": row["state"]}
        for row in rows
        if row["state"] != "closed"
    ]  # fmt: skip


def card_told(site: Site, use: str, version: int) -> dict[str, Any]:
    """The card of a version as plain data, with its steps.

    Args:
        site: As the person may see it, with the rules of signing where there are any.
        use: Name of the use.
        version: A version; 0: the one that serves, else the newest.

    Raises:
        NotFoundError: There is no such use, or no such version.
    """
    card = load_card(site, use, version)
    told = history_of(site, use, card.version, fault_of(site))
    line = card.line
    return {
        "use": card.use, "version": card.version, "title": card.state.draft.title,
        "owner": card.state.draft.owner, "plan": card.state.draft.plan, "stage": card.stage,
        "follows": card.state.draft.follows, "active": line.active,
        "is_fallback": line.is_fallback, "gaps": list(gaps_of(card)),
        "digest": card.state.trained.digest if card.state.trained is not None else "",
        "versions": [{"version": one.draft.version, "stage": line.stage(one).value}
                     for one in card.versions],
        "fallbacks": [n for n in line.activated if line.may_serve(n) and n != card.version],
        "steps": steps_of(card, told.lines, _activations(site, card)),
        "sections": [{"key": one.key, "title": one.title, "blocks": blocks_told(one.blocks)}
                     for one in sections_of(card)],
        "shadows": list(_shadows(card)),
        "judged": [{"ref": ref, "outcome": OUTCOMES[one.outcome.value]}
                   for ref, one in card.judgements],
        "findings": [{"uid": one.uid, "state": one.state, "title": one.finding.title,
                      "severity": one.finding.severity.value, "start": one.finding.start}
                     for one in card.findings],
    }  # fmt: skip


def _activations(site: Site, card: ModelCardView) -> frozenset[str]:
    """Events that put this very version to work."""
    found = []
    for event in site.ledger.stream(line_stream(card.use)):
        body = event.decode()
        if isinstance(body, ModelActivated) and body.version == card.version:
            found.append(f"{event.stream}@{event.envelope.version}")
    return frozenset(found)


def steps_of(
    card: ModelCardView, lines: Sequence[Line], activations: Container[str] = ()
) -> list[dict[str, Any]]:
    """The steps of a version: taken by whom, signed how; void; of an earlier version; or open.

    Args:
        card: Of the version.
        lines: Its history.
        activations: Events that put it to work.
    """
    own: dict[str, Line] = {}
    for each in lines:
        is_own = each.ref.startswith(f"{card.state.stream}@") or each.ref in activations
        if is_own and not (each.kind in own and each.fault):
            own[each.kind] = each
    carried = {IntendedUseStated.kind: card.intended_from, CriteriaFixed.kind: card.criteria_from}
    found = []
    for kind, words in STEPS:
        line = own.get(kind)
        if kind == GateJudged.kind and line is None and not card.state.draft.plan:
            continue
        state, origin = "open", carried.get(kind, 0)
        if line is not None:
            state = "void" if line.fault else "done"
        elif kind in _CARRIED and origin not in (0, card.version):
            state = "carried"
        found.append({
            "kind": kind, "words": words, "state": state, "from": origin,
            "who": "" if line is None else line.who, "at": None if line is None else line.at,
            "what": "" if line is None else line.what,
            "signed": "" if line is None else line.signed,
            "fault": "" if line is None else line.fault, "ref": "" if line is None else line.ref,
        })  # fmt: skip
    return found


def _shadows(card: ModelCardView) -> Iterable[dict[str, Any]]:
    """Shadow runs: what was fixed at the start, and what was shown at the end."""
    for event in card.others:
        body = event.decode()
        if isinstance(body, ShadowStarted | ShadowEnded):
            yield {
                "at": event.envelope.recorded_at, "is_end": isinstance(body, ShadowEnded),
                "ref": f"{event.stream}@{event.envelope.version}",
                **body.model_dump(mode="json", exclude={"schema_"}),
            }  # fmt: skip


def stage_at(site: Site, use: str, version: int, at: int) -> str:
    """Stage of a version as it stood at a time, folded from what was recorded by then.

    Args:
        site: Where it is read.
        use: Name of the use.
        version: The version.
        at: Microseconds UTC.

    Returns:
        The stage; empty where the version was not begun yet.
    """
    state = _state_at(site, use, version, at)
    if state is None:
        return ""
    line = [e for e in site.ledger.stream(line_stream(use)) if e.envelope.recorded_at <= at]
    return line_state(use, line).stage(state).value


def _state_at(site: Site, use: str, version: int, at: int) -> VersionState | None:
    """A version from its events by then, on that which it follows as it stood then."""
    events = site.ledger.stream(version_stream(use, version))
    by_then = [event for event in events if event.envelope.recorded_at <= at]
    draft = by_then[0].decode() if by_then else None
    follows = draft.follows if isinstance(draft, ModelDrafted) else 0
    followed = _state_at(site, use, follows, at) if 0 < follows < version else None
    return version_state(by_then, followed, fault_of(site))


def serves_at(site: Site, use: str, at: int) -> int:
    """Version that served at a time; 0: the contingency, or nothing yet."""
    if at <= 0:
        return line_of(site, use).active
    line = [e for e in site.ledger.stream(line_stream(use)) if e.envelope.recorded_at <= at]
    return line_state(use, line).active


# ---- blocks -------------------------------------------------------------------------------------


def blocks_told(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Blocks of a sheet as plain data; pictures as SVG."""
    return [_block(one) for one in blocks]


def _block(one: Block) -> dict[str, Any]:
    if isinstance(one, Figure):
        return {"kind": "figure", "svg": to_svg(one.drawing, one.caption), "caption": one.caption}
    kind = type(one).__name__.lower()
    if isinstance(one, Facts):
        return {"kind": kind, "rows": [list(row) for row in one.rows]}
    if isinstance(one, Grid):
        return {"kind": kind, "header": list(one.header), "caption": one.caption,
                "rows": [list(row) for row in one.rows], "tones": list(one.tones)}  # fmt: skip
    return {"kind": kind, **dict(vars(one))}
