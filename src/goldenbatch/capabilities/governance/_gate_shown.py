"""Rules of the gate on what was shown: missing evidence, and evidence of a failure.

References:
    FDA, Predetermined Change Control Plan (December 2024), VII; EU GMP Annex 22, draft of July
    2025, 4.1 to 7.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from goldenbatch.capabilities.governance._gate_case import Case, Lines, held, line, number
from goldenbatch.capabilities.governance.gate_evidence import PairedFigure
from goldenbatch.core.change_plan_protocol import Acceptance
from goldenbatch.core.gate_records import GateLine, RuleVerdict
from goldenbatch.core.model_card import Measured
from goldenbatch.core.model_records import ModelTested

EVALUATION: Final = "FDA PCCP 2024, VII (performance evaluation); draft Annex 22, 4.1 to 4.3"
ENOUGH: Final = "draft Annex 22, 5.3"
UPDATE: Final = "FDA PCCP 2024, VII (update procedures)"


def gathered(case: Case) -> Lines:
    """Nothing was wanting when the evidence was gathered."""
    for why in case.evidence.missing:
        yield line("evidence", "complete", why, RuleVerdict.MISSING, EVALUATION)


def tested(case: Case) -> Lines:
    """The very artefact was trained, and tested on rows enough."""
    trained, test = case.new.trained, case.new.tested
    if trained is None:
        yield line("training", "trained and signed", "not trained", RuleVerdict.MISSING, EVALUATION)
        return
    if not _is_tested(case) or test is None:
        yield line("test", "tested and signed", "not tested", RuleVerdict.MISSING, EVALUATION)
        return
    found = f"{sum(one.is_met for one in test.outcomes)} of {len(test.outcomes)} criteria met"
    verdict = held(test.is_passed, RuleVerdict.FAILS)
    yield line("criteria of the use, test", "all met", found, verdict, EVALUATION)
    data, evidence = case.plan.protocol.data, case.evidence
    for rule, n, least in (
        ("test rows", evidence.n_test_rows, data.least_rows),
        (f"independent {data.groups} groups", evidence.n_test_groups, data.least_groups),
    ):
        yield line(rule, f"at least {least}", str(n), held(n >= least, RuleVerdict.MISSING), ENOUGH)


def _is_tested(case: Case) -> bool:
    trained, test = case.new.trained, case.new.tested
    return trained is not None and test is not None and test.digest == trained.digest


def absolute_limits(case: Case) -> Lines:
    """Each absolute limit of the plan is met by the bound of the test."""
    test = case.new.tested if _is_tested(case) else None
    for one in case.plan.criteria(case.new.draft.modification):
        if one.kind == "absolute" and one.limit is not None:
            yield _absolute(one, one.limit, test)


def _absolute(one: Acceptance, limit: float, test: ModelTested | None) -> GateLine:
    words = "at most" if one.relation == "at_most" else "at least"
    asked = f"{_what(one)} {words} {number(limit)} at confidence {number(one.confidence)}"
    found = _outcome(one, test)
    if found is None:
        return line(f"{one.id}: limit", asked, "not measured", RuleVerdict.MISSING, EVALUATION)
    bound = found.upper if one.relation == "at_most" else found.lower
    if bound is None or found.criterion.confidence < one.confidence:
        told = f"{number(found.estimate)}, no bound at that confidence"
        return line(f"{one.id}: limit", asked, told, RuleVerdict.MISSING, EVALUATION)
    is_met = bound <= limit if one.relation == "at_most" else bound >= limit
    told = f"{number(found.estimate)}, bound {number(bound)} (n = {found.n})"
    return line(f"{one.id}: limit", asked, told, held(is_met, RuleVerdict.FAILS), EVALUATION)


def _outcome(one: Acceptance, test: ModelTested | None) -> Measured | None:
    for found in test.outcomes if test is not None else ():
        fixed = found.criterion
        wanted = (one.measure, one.subgroup, one.relation)
        if (fixed.measure, fixed.subgroup, fixed.relation) == wanted:
            return found
    return None


def _what(one: Acceptance) -> str:
    return f"{one.measure} of {one.subgroup}" if one.subgroup else one.measure


def margins(case: Case) -> Lines:
    """Each non-inferiority margin is met against the active and the original version."""
    for one in case.plan.criteria(case.new.draft.modification):
        if one.margin is None:
            continue
        for against in one.against:
            yield _margin(case, one, one.margin, against)


def _margin(
    case: Case, one: Acceptance, margin: float, against: Literal["active", "original"]
) -> GateLine:
    rule = f"{one.id}: against the {against}"
    asked = f"{_what(one)} worse by less than {number(margin)} at confidence " + number(
        one.confidence
    )
    figure = next(
        (
            found
            for found in case.evidence.comparisons
            if (found.criterion, found.against, found.measure) == (one.id, against, one.measure)
        ),
        None,
    )
    if figure is None or figure.confidence < one.confidence:
        told = "not compared" if figure is None else "not compared at that confidence"
        return line(rule, asked, told, RuleVerdict.MISSING, EVALUATION)
    told = (
        f"{number(figure.new)} and {number(figure.old)}: {number(figure.difference)}, "
        f"{_bound(figure)} ({figure.n_groups} groups, {figure.n_rows} rows)"
    )
    if not one.subgroup and figure.n_groups < case.plan.protocol.data.least_groups:
        return line(rule, asked, told, RuleVerdict.MISSING, EVALUATION)
    is_met = figure.upper is not None and figure.upper < margin
    return line(rule, asked, told, held(is_met, RuleVerdict.FAILS), EVALUATION)


def _bound(figure: PairedFigure) -> str:
    return "no bound" if figure.upper is None else f"bound {number(figure.upper)}"


def shadow(case: Case) -> Lines:
    """It ran in shadow for as long as the plan asks."""
    wanted, found = case.plan.update, case.evidence.shadow
    days, n = (0.0, 0) if found is None else (found.days, found.n_batches)
    for rule, value, least in (
        ("days in shadow", days, wanted.shadow_days),
        ("batches in shadow", float(n), float(wanted.shadow_batches)),
    ):
        if least:
            verdict = held(value >= least, RuleVerdict.MISSING)
            yield line(rule, f"at least {number(least)}", number(value), verdict, UPDATE)


RULES: Final[tuple[Callable[[Case], Lines], ...]] = (
    gathered, tested, absolute_limits, margins, shadow,
)  # fmt: skip


def shown(case: Case) -> Iterator[GateLine]:
    """Lines of all rules on what was shown."""
    for rule in RULES:
        yield from rule(case)
