"""Sections of a model card on data and evidence: training, test, verification, validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from goldenbatch.capabilities.governance._card_kit import When, listed, number, plain
from goldenbatch.capabilities.governance._sentences import criterion_words
from goldenbatch.capabilities.governance.card import ModelCardView
from goldenbatch.core.model_card import DataRange, Measured
from goldenbatch.core.test_set_records import Cut, TestSetSelected
from goldenbatch.core.test_sets import TestSetState
from goldenbatch.ui.charts import ALARM, Chart, Level, Track
from goldenbatch.ui.sheets import Block, Facts, Figure, Grid, Heading, Section, Text, Tone

MOST_RANGES: Final = 40
_LEAST_POINTS: Final = 2
"""One point has no shape."""


def training_data(card: ModelCardView, when: When) -> Section:
    """What it was trained on, by content."""
    title, trained = "Data that it was trained on", card.state.trained
    if trained is None:
        return Section("training", title, [Text("It is not trained yet.")], "Training")
    data = trained.data
    rows = [
        ("Batches", listed(data.batches) or "none named"),
        ("Lots", listed(data.lots) or "none named"),
        ("Samples", listed(data.samples) or "none named"),
        ("Places", listed(data.places) or "none named"),
        ("Trained by", card.named(card.state.trainers)),
    ]
    blocks: list[Block] = [Facts(rows), Heading("Ranges"), _ranges(data.ranges, when)]
    if len(data.ranges) > MOST_RANGES:
        blocks.append(Text(f"The first {MOST_RANGES} of {len(data.ranges)}; all are on record."))
    return Section("training", title, blocks, "Training")


def _ranges(ranges: Sequence[DataRange], when: When) -> Grid:
    rows = [
        [one.what, str(one.n), when(one.start), when(one.end), one.digest]
        for one in ranges[:MOST_RANGES]
    ]
    return Grid(("What", "Number", "From", "To, not included", "SHA-256"), rows, (4, 1.4, 3, 3, 6))


def test_data(card: ModelCardView, when: When) -> Section:
    """What it is tested on, who chose it, and how often it was opened."""
    chosen = card.test_set
    if chosen is None:
        return Section("test-data", "Test data", [Text("No test set is bound yet.")])
    one = chosen.selected
    rows = [
        ("Set", f"{one.test_set}: {one.title}"),
        ("Why these", one.why),
        ("Split", _cut(one.cut, when)),
        ("Rows", f"{one.n_rows} of {one.n_independent} independent groups"),
        ("Labels checked", f"{one.labels.by}: {one.labels.how}"),
        ("Origin", f"{one.origin}; {one.source}"),
        ("Batches", listed(one.data.batches) or "none named"),
        ("Lots", listed(one.data.lots) or "none named"),
        ("Left out", listed([f"{x.what} ({x.reason})" for x in one.exclusions]) or "nothing"),
        ("Naive baseline", one.baseline or "the mean of the training results"),
        ("Present practice", one.practice or "none stands beside the rows"),
        ("Selected by", card.named(chosen.selected_by)),
        *_seal(chosen),
        ("Sealed rows", one.digest),
    ]
    blocks: list[Block] = [Facts(rows), *_strata(one)]
    if chosen.openings:
        rows_opened = [
            [str(n), f"{x.use}@{x.version}", card.named(x.asked_by), card.named(x.approved_by)]
            for n, x in enumerate(chosen.openings, 1)
        ]
        header = ("Opening", "For", "Asked by", "Let happen by")
        blocks += [Heading("Openings"), Grid(header, rows_opened, (1, 2, 3, 3))]
    return Section("test-data", "Test data", blocks)


test_data.__test__ = False  # type: ignore[attr-defined]


def _cut(cut: Cut, when: When) -> str:
    if cut.split == "time":
        end = f" and before {when(cut.until)}" if cut.until else ""
        return f"by time: from {when(cut.at)} on{end}"
    if cut.split == "random":
        return f"at random: a share of {cut.share:g} of the groups, seed {cut.seed}"
    return f"by {cut.split}: {listed(cut.lots or cut.places)}"


def _seal(chosen: TestSetState) -> list[tuple[str, str]]:
    sealed = chosen.sealed
    if sealed is None:
        return [("Seal", "it is not sealed")]
    rows = [("Seal", chosen.seal)]
    if sealed.random_reason:
        rows.append(("Why chance will do", sealed.random_reason))
    if sealed.four_eyes:
        rows.append(("Trained under four eyes", sealed.four_eyes))
    return rows


def _strata(one: TestSetSelected) -> list[Block]:
    if not one.strata:
        return []
    rows = [[x.name, str(x.n), str(x.n_independent)] for x in one.strata]
    header = ("Subgroup", "Rows", "Independent groups")
    return [Heading("Subgroups"), Grid(header, rows, (4, 2, 2))]


# ---- verification and validation, apart -------------------------------------------------------


def verification(card: ModelCardView, _when: When) -> Section:
    """Whether the code solves what it claims to."""
    told = Text("Does the code solve what it claims to? This says nothing of the plant.", "quiet")
    return Section(
        "verification", "Verification", [told, *_evidence(card, "verification")], "Verification"
    )


def validation(card: ModelCardView, _when: When) -> Section:
    """Whether it describes the plant for its context of use."""
    told = Text("Does it describe the plant, for its context of use?", "quiet")
    blocks: list[Block] = [told, Heading("Criteria and test"), *_outcomes(card)]
    blocks += [Heading("Evidence"), *_evidence(card, "validation")]
    validated, approved = card.state.validated, card.state.approved
    words = validated.statement if validated is not None else "Nobody has found it fit yet."
    blocks += [Heading("What follows"), Text(words)]
    if approved is not None:
        basis = {
            "first": "as a first version",
            "in_plan": f"within its plan, by {approved.judgement}",
            "change_control": f"by change control {approved.change}",
        }
        blocks.append(Text(f"Approved {basis[approved.basis]}: {approved.reason}"))
    return Section("validation", "Validation", blocks)


def _evidence(card: ModelCardView, side: str) -> list[Block]:
    validated = card.state.validated
    chosen = [one for one in validated.evidence if one.side == side] if validated else []
    if not chosen:
        return [Text("Nobody has validated it: no evidence is named.")]
    rows = [[one.what, one.record or "artefact", one.digest] for one in chosen]
    return [Grid(("What it shows", "Record", "SHA-256"), rows, (4, 3, 6))]


def _outcomes(card: ModelCardView) -> list[Block]:
    fixed, tested = card.state.criteria, card.state.tested
    if fixed is None:
        return [Text("No criteria are fixed yet.")]
    origin = "" if card.criteria_from == card.version else f" for version {card.criteria_from}"
    words = f"Fixed{origin} before the test, on {fixed.n_least} independent groups at least."
    blocks: list[Block] = [Text(f"{words} {fixed.reason}")]
    if tested is None:
        rows = [[criterion_words(one), "not tested"] for one in fixed.criteria]
        return [*blocks, Grid(("Criterion", "Outcome"), rows, (5, 2))]
    verdict = "passed" if tested.is_passed else "failed"
    tone: Tone = "good" if tested.is_passed else "bad"
    blocks.append(
        Text(
            f"The test {verdict}, on {tested.n_rows} rows of {tested.test_set}, opened by "
            f"{tested.opening}; tested by {card.named(_testers(card))}.",
            tone,
        )
    )
    header = ("Criterion", "Found", "Bounds", "Groups", "Baseline", "Practice", "Outcome")
    rows = [_outcome(one) for one in tested.outcomes]
    tones: list[Tone] = ["good" if one.is_met else "bad" for one in tested.outcomes]
    blocks.append(Grid(header, rows, (5, 1.6, 2.6, 1.5, 1.8, 1.8, 1.8), tones))
    return [*blocks, Text(f"Report: {tested.report}", "quiet")]


def _testers(card: ModelCardView) -> frozenset[str]:
    return card.state.people.get("ModelTested", frozenset())


def _outcome(one: Measured) -> list[str]:
    ends = [number(end) for end in (one.lower, one.upper) if end is not None]
    return [
        criterion_words(one.criterion),
        number(one.estimate),
        " to ".join(ends),
        str(one.n),
        number(one.baseline) or "none",
        number(one.practice) or "none",
        "met" if one.is_met else "NOT MET",
    ]


# ---- signatures -------------------------------------------------------------------------------


def signatures(card: ModelCardView, when: When) -> Section:
    """Who signed which step, when, what it means, and whether it still holds."""
    if not card.signatures:
        return Section("signatures", "Signatures", [Text("No step is signed yet.")])
    rows, tones = [], list[Tone]()
    for one in card.signatures:
        signed = one.signature
        by = "nobody" if signed is None else f"{signed.by}\n{signed.role}"
        rows.append(
            [
                plain(one.step),
                by,
                "" if signed is None else signed.meaning.value,
                "" if signed is None else when(signed.at),
                "" if signed is None else signed.method,
                one.ref,
                one.standing,
            ]
        )
        tones.append("good" if one.holds else "quiet" if "replaced" in one.standing else "bad")
    header = ("Step", "Signed by", "Meaning", "When", "Proved by", "Record", "Standing")
    told = Text("A signature is of its step: steps that follow do not touch it.", "quiet")
    grid = Grid(header, rows, (2.2, 2.5, 1.7, 2.4, 3.1, 3.4, 1.7), tones)
    return Section("signatures", "Signatures", [told, grid])


# ---- all versions on one set --------------------------------------------------------------------


def course(card: ModelCardView) -> list[Block]:
    """How the first criterion went from version to version, where two were tested on one set."""
    fixed, tested = card.state.criteria, card.state.tested
    if fixed is None or tested is None:
        return []
    first = fixed.criteria[0]
    found = {
        one.draft.version: one.tested.outcomes[0]
        for one in card.versions
        if one.tested is not None
        and one.tested.test_set == tested.test_set
        and one.tested.outcomes[0].criterion == first
        and math.isfinite(one.tested.outcomes[0].estimate)
    }
    if len(found) < _LEAST_POINTS:
        return []
    told = "; ".join(f"version {version}: {one.estimate:.3g}" for version, one in found.items())
    words = f"{criterion_words(first)}. {told}. Lines go from the lower to the upper bound."
    return [Figure(_course(found, f"on {tested.test_set}"), words)]


def _course(found: Mapping[int, Measured], where: str) -> Chart:
    """Each version's measure with its bounds, and the limit."""
    x, y = list[float](), list[float]()
    for version, one in found.items():
        ends = (one.estimate if end is None else end for end in (one.lower, one.upper))
        x += [float(version)] * 3
        y += [*ends, math.nan]  # a gap, so that no line joins two versions
    first = next(iter(found.values())).criterion
    points = [one.estimate for one in found.values()]
    return Chart(
        title=f"{plain(first.measure)} of each version {where}",
        y_label=plain(first.measure),
        x_label="version",
        tracks=(
            Track("bounds", x, y),
            Track("found", [float(one) for one in found], points, style="points", colour=ALARM),
        ),
        levels=(Level(first.limit, "limit"),),
    )
