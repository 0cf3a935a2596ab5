"""Checks of analysts at work: pure, signed, numbered, the same however ticks are cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from goldenbatch.core.analyst import Analyst, Assessment, Tick, TickView, Transition
from goldenbatch.core.capability import Capability
from goldenbatch.core.findings import finding_uid
from goldenbatch.testing._check import Check, require

if TYPE_CHECKING:
    from goldenbatch.runtime.views import Stores


@dataclass(frozen=True)
class AnalystCase:
    """An analyst at work, for the checks that need it.

    Attributes:
        offer: Name of the offer, such as `charts`.
        settings: Settings that it is built with.
        views: Views of consecutive ticks, made anew at each call.
        is_closed_under_splitting: Whether the same readings and events in other ticks give
            the same last findings; `split_views` then has them in other ticks.
        split_views: The same readings and events, cut into other ticks.
    """

    offer: str
    settings: Mapping[str, Any]
    views: Callable[[], Sequence[TickView]]
    is_closed_under_splitting: bool = False
    split_views: Callable[[], Sequence[TickView]] | None = None


def analyst_checks(capability: Capability, case: AnalystCase) -> list[Check]:
    """Checks of one analyst at work."""
    wanted: list[tuple[str, Callable[[Capability, AnalystCase], None]]] = [
        ("satisfies Analyst, and bears its given name", _check_analyst),
        ("gives the same for the same, through JSON as well", _check_pure),
        ("leaves the state that it is given alone", _check_no_mutation),
        ("numbers its transitions, and signs its findings", _check_transitions),
    ]
    if case.is_closed_under_splitting:
        wanted.append(("finds the same in other ticks", _check_splitting))
    return [
        Check(f"analyst {case.offer} {words}", partial(check, capability, case))
        for words, check in wanted
    ]


def _build(capability: Capability, case: AnalystCase) -> Analyst:
    factory = capability.offer("analysts", case.offer).load()
    analyst: Analyst = factory("conformance", dict(case.settings))
    return analyst


def _check_analyst(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    require(isinstance(analyst, Analyst), f"{case.offer} makes no Analyst.")
    require(analyst.name == "conformance", f"{case.offer} does not bear the name it is given.")
    require(analyst.version, f"{case.offer} has no version.")
    json.dumps(analyst.start())


def seen_views(stores: Stores, bounds: Sequence[tuple[int, int]], at: int = 0) -> list[TickView]:
    """Views of ticks that are taken by hand over a real home, for an `AnalystCase`.

    Args:
        stores: An open site.
        bounds: (historian seq, ledger seq) of each tick, in rising order.
        at: Time of the first tick; each further one is a microsecond later.
    """
    from goldenbatch.runtime.views import TICK_ZERO, SeenViews

    views = SeenViews(stores)
    found: list[TickView] = []
    previous = TICK_ZERO
    for number, (historian_seq, ledger_seq) in enumerate(bounds, start=1):
        tick = Tick(number, historian_seq, ledger_seq, at + number)
        found.append(views.at(tick, previous))
        previous = tick
    return found


def run_analyst(
    analyst: Analyst, views: Sequence[TickView], *, is_stored: bool = True
) -> list[Assessment]:
    """Assess views one after another, with the state through JSON in between."""
    state = analyst.start()
    found: list[Assessment] = []
    for view in views:
        outcome = analyst.assess(json.loads(json.dumps(state)) if is_stored else state, view)
        found.append(outcome)
        state = outcome.state
    return found


def _plain(outcomes: Sequence[Assessment]) -> str:
    return json.dumps(
        [
            [
                one.state,
                [_step(step) for step in one.transitions],
                [[d.tag, d.time, d.value, d.quality] for d in one.derived],
            ]
            for one in outcomes
        ],
        sort_keys=True,
    )


def _step(one: Transition) -> list[Any]:
    return [one.uid, one.step, one.version, one.finding.model_dump(mode="json")]


def _check_pure(capability: Capability, case: AnalystCase) -> None:
    first = _plain(run_analyst(_build(capability, case), case.views()))
    again = _plain(run_analyst(_build(capability, case), case.views()))
    require(first == again, f"{case.offer} gives something else the second time.")
    kept = _plain(run_analyst(_build(capability, case), case.views(), is_stored=False))
    require(first == kept, f"{case.offer} gives something else when its state was in JSON.")
    # One object for everything must not remember more than its state says.
    analyst = _build(capability, case)
    run_analyst(analyst, case.views())
    used = _plain(run_analyst(analyst, case.views()))
    require(first == used, f"{case.offer} keeps something outside its state.")
    require(
        any(one.transitions for one in run_analyst(analyst, case.views())),
        f"the case of {case.offer} finds nothing: give views with something in them.",
    )


def _check_no_mutation(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    state = json.loads(json.dumps(analyst.start()))
    for view in case.views():
        before = json.dumps(state, sort_keys=True)
        outcome = analyst.assess(state, view)
        is_same = json.dumps(state, sort_keys=True) == before
        require(is_same, f"{case.offer} changes the state that it is given.")
        state = json.loads(json.dumps(outcome.state))


def _check_transitions(capability: Capability, case: AnalystCase) -> None:
    analyst = _build(capability, case)
    counts: dict[str, int] = {}
    closed: set[str] = set()
    views = case.views()
    for view, outcome in zip(views, run_analyst(analyst, views), strict=True):
        for one in outcome.transitions:
            n_before = counts.get(one.uid, 0)
            require(one.version == n_before + 1, f"{one.uid}: {n_before + 1} transitions expected")
            require((one.step == "opened") == (n_before == 0), f"{one.uid} is not opened once.")
            require(one.uid not in closed, f"{one.uid} goes on after it was closed.")
            finding = one.finding
            signed = (finding.analyst, finding.analyst_version)
            require(signed == (analyst.name, analyst.version), f"{one.uid} is not signed.")
            if one.step == "opened":
                uid = finding_uid(*signed, finding.subject, view.tick.number)
                require(one.uid == uid, f"{one.uid} is not the uid of its subject and tick.")
            closed |= {one.uid} if one.step == "closed" else set()
            counts[one.uid] = one.version


def _check_splitting(capability: Capability, case: AnalystCase) -> None:
    require(case.split_views is not None, f"{case.offer}: give split_views.")
    views = case.views()
    split = case.split_views() if case.split_views is not None else views
    one = _last_words(run_analyst(_build(capability, case), views))
    other = _last_words(run_analyst(_build(capability, case), split))
    require(one == other, f"{case.offer} finds something else when the ticks are cut otherwise.")


def _last_words(outcomes: Sequence[Assessment]) -> list[str]:
    """What is said last of each event, without what depends on the tick."""
    last: dict[str, tuple[str, str]] = {}
    for outcome in outcomes:
        for one in outcome.transitions:
            finding = one.finding
            said = [one.step == "closed", finding.start, finding.end, finding.severity.value]
            last[one.uid] = (finding.subject.model_dump_json(), json.dumps(said))
    return sorted(f"{subject} {said}" for subject, said in last.values())
