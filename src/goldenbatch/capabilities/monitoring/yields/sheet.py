"""The yield study, and the costs of quality, as one sheet: page and PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.capabilities.monitoring.yields.costs import CATEGORIES, QualityCosts
from goldenbatch.capabilities.monitoring.yields.report import (
    ASSOCIATION,
    YieldStudy,
    advice_rows,
    verdict,
)
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.science.drivers import Cause, Study
from goldenbatch.ui.charts import Bars, Chart, Track
from goldenbatch.ui.sheets import Block, Bullets, Facts, Figure, Grid, Section, Sheet, Text, Tone

N_CAUSES = 15
N_POINTS = 400


@dataclass(frozen=True)
class Head:
    """What stands on every page."""

    home: str
    banner: str
    written_at: int


def yield_sheet(found: YieldStudy, settings: YieldSettings, head: Head, unit: str) -> Sheet:
    """The sheet of a study.

    Args:
        found: The study.
        settings: It was made with.
        head: Of the home.
        unit: UCUM code of the target.
    """
    what = "Right first time" if settings.is_share else settings.target
    return Sheet(
        title=f"{what}: what moves it",
        banner=head.banner,
        lead=(
            f"{head.home}: {len(found.table.rows)} batches, predicted forward in time from "
            "materials, equipment and environment, lots kept whole.",
            ASSOCIATION,
        ),
        footer=f"{what}, {head.home}; settings {settings.digest()}",
        written_at=head.written_at,
        sections=[
            _result(found.study, unit),
            _causes(found.study, unit),
            _advice(found, unit),
            _table(found, settings),
        ],
    )


def costs_sheet(found: QualityCosts, head: Head) -> Sheet:
    """The sheet of the costs of quality."""
    currency = found.factors["currency"]
    blocks: list[Block] = [
        Facts([
            ("Factors", f"version {found.factors['version']}"),
            ("Digest", found.factors["sha256"]),
            ("Total", f"{found.total():,} {currency}"),
            *((one.capitalize(), f"{found.total(one):,} {currency}") for one in CATEGORIES),
        ])
    ]  # fmt: skip
    blocks += [Text(f"No factor for {one}: nothing is known of it.", "bad") for one in found.empty]
    if found.before:
        blocks.append(Text(f"{found.before} things from before the factors hold.", "quiet"))
    grid = Grid(
        ("Month", "Product", "Category", "Factor", "Number", f"Cost, {currency}"),
        [
            (one.period, one.product or "-", one.category, one.factor, str(one.n), f"{one.cost:,}")
            for one in found.lines
        ],
        (2, 2, 3, 4, 1.5, 2.5),
        caption="Costs by month, product, category and factor",
    )
    open_ends = [f"{what}: {n}" for what, n in found.not_costed.items()]
    return Sheet(
        title="Costs of quality",
        banner=head.banner,
        lead=(
            f"{head.home}: recorded events times the factors given; nothing is estimated.",
            "Prevention, appraisal and failure model (BS 6143-2; ASQ).",
        ),
        footer=f"Costs of quality, {head.home}",
        written_at=head.written_at,
        sections=[
            Section("total", "Total", blocks),
            Section("lines", "Costs", [grid] if found.lines else [Text("Nothing was costed.")]),
            Section(
                "open", "Recorded, and not costed",
                [Bullets(open_ends) if open_ends else Text("Everything counted has a factor.")],
            ),
        ],
    )  # fmt: skip


def _result(study: Study, unit: str) -> Section:
    interval = study.interval
    ends = "none" if interval is None else f"{interval.lower:.2f} to {interval.upper:.2f}"
    baselines = [
        (f"... by the {one}", f"{value:.3g} {unit}") for one, value in study.baselines.items()
    ]
    facts = Facts([
        ("Batches predicted", f"{study.n_scored} in {study.n_blocks} blocks, {study.n_lots} lots"),
        ("Root mean square error", f"{study.rmse:.3g} {unit}"),
        *baselines,
        ("Ratio to the best of them", f"{study.ratio:.2f} (95 % interval {ends})"),
        ("R2; within products", f"{study.r2:.2f}; {study.r2_within:.2f}"),
    ])  # fmt: skip
    tone: Tone = "good" if study.is_better else "bad"
    text = verdict(study)
    blocks: list[Block] = [Text(f"{text[0].upper()}{text[1:]}.", tone), facts, _figure(study, unit)]
    return Section("result", "Does anything beat the level of the product?", blocks)


def _figure(study: Study, unit: str) -> Figure:
    places = np.flatnonzero(study.walked.is_scored)[-N_POINTS:]
    x = list(range(len(places)))
    chart = Chart(
        title="Later batches, each predicted by what was known before its block",
        y_label=f"target [{unit or '1'}]",
        tracks=[
            Track("found", x, [float(study.rows.y[i]) for i in places], style="points"),
            Track("predicted", x, [float(study.walked.predicted[i]) for i in places],
                  colour="#b00020"),
        ],
        x_label="batches in the order of time",
    )  # fmt: skip
    return Figure(chart, f"Found and predicted of the last {len(places)} batches.")


def _causes(study: Study, unit: str) -> Section:
    if study.causes is None:
        return Section("causes", "Candidate causes", [Text(study.note, "bad")])
    ranked = study.causes.ranked[:N_CAUSES]
    named = study.causes.named
    words = ", ".join(one.lead for one in named) or "none: no candidate passes every check"
    if not study.is_better:
        words = "none: nothing beats the baseline forward in time"
    blocks: list[Block] = [
        Text(f"Named: {words}.", "good" if named else "quiet"),
        Grid(
            ("Candidate", "Error it takes away", "Found again", f"Slope, {unit or '1'} per unit",
             "Products", "What speaks against it"),
            [_cells(one, study.is_better) for one in ranked],
            (3.5, 2.4, 1.4, 1.9, 1.6, 4.5),
            ["good" if one.is_named else "" for one in ranked],
            caption="Candidate causes, the most important first",
        ),
    ]  # fmt: skip
    if ranked:
        bars = Bars(
            "Share of the squared error that each takes away, forward in time",
            [one.lead for one in ranked],
            [one.importance.share for one in ranked],
        )
        blocks.append(Figure(bars, "The candidates by what predictions lose without them."))
    if study.causes.inseparable:
        names = ", ".join(study.causes.inseparable)
        blocks.append(Text(f"Differ within no product, so cannot be told from it: {names}.", "bad"))
    return Section("causes", "Candidate causes", blocks)


def _cells(one: Cause, is_better: bool) -> Sequence[str]:
    # What speaks against all of them stands above the table.
    why = one.why_not if is_better else one.why_not[1:]
    interval, signs = one.importance.interval, one.signs
    name = (
        one.lead if one.lead == one.group.name else f"{one.lead} (moves as one: {one.group.name})"
    )
    if one.group.moves_with:
        name += f"; moves with {'; '.join(one.group.moves_with)}"
    slope = f"{signs.slope:.3g}" + (" (pooling reverses it)" if signs.is_reversed else "")
    return (
        name,
        f"{one.importance.share:.1%} ({interval.lower:.1%} to {interval.upper:.1%})",
        f"{one.stability:.0%}",
        slope,
        f"{signs.n_same} of {signs.n_products}",
        "; ".join(why) or ("nothing: named" if is_better else "nothing else"),
    )


def _advice(found: YieldStudy, unit: str) -> Section:
    rows = advice_rows(found)
    if not rows:
        return Section(
            "advice", "Set-points", [Text("No variable is declared as adjustable.", "quiet")]
        )
    cells = []
    for row in rows:
        ends = row["interval"]
        gain = "" if row["expected_gain"] is None else f"{row['expected_gain']:+.3g} {unit}"
        cells.append((
            row["product"], row["variable"],
            "" if row["present"] is None else f"{row['present']:.4g}",
            "no advice" if row["proposed"] is None else f"{row['proposed']:.4g}",
            gain + (f" ({ends[0]:+.3g} to {ends[1]:+.3g})" if ends else ""), row["advice"],
        ))  # fmt: skip
    grid = Grid(
        ("Product", "Variable", "Present", "Proposed", "Expected gain (95 %)", "Why"),
        cells,
        (1.5, 3, 1.5, 1.5, 3, 4),
    )
    note = Text("Proposals for a person's decision: nothing is written to equipment.", "quiet")
    return Section("advice", "Set-points", [note, grid])


def _table(found: YieldStudy, settings: YieldSettings) -> Section:
    table = found.table
    facts = Facts([
        ("Columns", ", ".join(table.columns)),
        ("Too few values", ", ".join(f"{k} ({n})" for k, n in table.sparse.items()) or "none"),
        ("Left out: too close to the target", ", ".join(found.too_close) or "none"),
        ("Batches without a start", ", ".join(table.without_time[:20]) or "none"),
        ("Blocks of time", settings.block),
        ("Digest of the rows", table.digest),
    ])  # fmt: skip
    note = "Each row's proofs (events and readings, by digest) stand in the file of the batches."
    return Section("table", "What it rests on", [facts, Text(note, "quiet")])
