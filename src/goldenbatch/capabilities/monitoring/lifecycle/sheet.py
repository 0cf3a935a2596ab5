"""The lifecycle report as one sheet: page and PDF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from goldenbatch.capabilities.monitoring.lifecycle.figures import INDICATORS, Share
from goldenbatch.capabilities.monitoring.lifecycle.plan import LifecyclePlan
from goldenbatch.capabilities.monitoring.lifecycle.reading import Lifecycle, critical_parameters
from goldenbatch.capabilities.monitoring.lifecycle.stages import AttributeStage
from goldenbatch.core.records import to_iso
from goldenbatch.science.statistics.tolerance import ToleranceLimits
from goldenbatch.ui.charts import Chart, Level, Track
from goldenbatch.ui.sheets import Block, Bullets, Facts, Figure, Grid, Section, Sheet, Text, Tone

NOTHING = "-"


def lifecycle_sheet(
    found: Lifecycle, plan: LifecyclePlan, head: tuple[str, str, str, int], charts: Sequence[Any]
) -> Sheet:
    """The sheet of a report.

    Args:
        found: What the home holds.
        plan: What it is held to.
        head: Name of the home, its banner, its zone, and now.
        charts: Rows of `goldenbatch monitoring limits`, those of the product.
    """
    home, banner, zone, now = head
    return Sheet(
        title=f"{found.title}: process validation",
        banner=banner,
        lead=(
            f"{home}: design, qualification ({len(found.batches[0])} batches) and continued "
            f"verification ({len(found.batches[1])} batches) of product {found.product}.",
            f"Plan {plan.version}, {plan.digest()[:16]}; to be reviewed every {plan.review_every}.",
        ),
        footer=f"Process validation of {found.product}, {home}; {to_iso(now)[:16]} UTC",
        written_at=now,
        sections=[
            _verdict(found),
            _design(found),
            _qualification(found, plan),
            _verification(found, plan, zone, charts),
            _indicators(found, plan),
            _evidence(found),
        ],
    )


def _verdict(found: Lifecycle) -> Section:
    faults = [
        f"stage {stage}, {one.attribute}: {fault}"
        for stage, entries in (("2", found.qualification), ("3", found.verification))
        for one in entries
        for fault in one.faults
    ]
    blocks: list[Block] = [
        Text("Nothing speaks against the process.", "good")
        if not faults and not found.gaps
        else Text(
            f"Against it: {len(faults)}. Missing: {len(found.gaps)}. A person decides.",
            "bad",
        )
    ]
    if faults:
        blocks.append(Bullets(faults))
    if found.gaps:
        blocks.append(Bullets([f"missing: {one}" for one in found.gaps]))
    return Section("result", "Result", blocks)


def _design(found: Lifecycle) -> Section:
    recipe = found.recipe
    if recipe is None:
        return Section("design", "Stage 1: design", [Text("No recipe is adopted.", "bad")])
    rows = [
        (
            one.name,
            _text(one.set_point, one.unit),
            one.normal.text(one.unit) if one.normal else NOTHING,
            one.proven.text(one.unit) if one.proven else NOTHING,
            one.risk or NOTHING,
        )
        for one in critical_parameters(recipe)
    ]
    blocks: list[Block] = [
        Facts([
            ("Recipe", f"{recipe.recipe}, version {recipe.version}"),
            ("Adopted versions", str(found.n_recipes)),
        ]),
        Grid(
            ("Critical parameter", "Set point", "Normal range", "Proven range", "Risk"),
            rows,
            (2, 1, 2, 2, 1),
            caption="Critical process parameters",
        ),
        Grid(
            ("Study", "Work", "Model"),
            [(one.study, one.work, one.model) for one in found.designs],
            (2, 1, 2),
            caption="Kept studies of twins in this home, whatever the product: design spaces, "
            "fits, stress tests",
        ),
    ]  # fmt: skip
    return Section("design", "Stage 1: design", blocks)


def _qualification(found: Lifecycle, plan: LifecyclePlan) -> Section:
    rows: list[tuple[str, ...]] = []
    tones: list[Tone] = []
    for one in found.qualification:
        tolerance = one.tolerance
        rows.append(
            (
                one.attribute,
                _limits(one),
                f"{len(one.values)}",
                _range(one),
                _reach(tolerance),
                "as it should be" if not one.faults else "; ".join(one.faults),
            )
        )  # fmt: skip
        tones.append("bad" if one.faults else "good")
    share, confidence = 100 * plan.share, 100 * plan.confidence
    blocks: list[Block] = [
        Text(f"Batches {', '.join(found.batches[0]) or 'none'}."),
        Grid(
            ("Attribute", "Limits", "Batches", "Range found", "Tolerance limits", "Verdict"),
            rows,
            (2, 2, 1, 2, 2, 3),
            tones,
            caption=f"Tolerance limits hold {share:.4g} % of all batches with {confidence:.4g} % "
            "confidence, if they are normally distributed",
        ),
    ]
    return Section("qualification", "Stage 2: qualification", blocks)


def _verification(
    found: Lifecycle, plan: LifecyclePlan, zone: str, charts: Sequence[Any]
) -> Section:
    rows: list[tuple[str, ...]] = []
    tones: list[Tone] = []
    for one in found.verification:
        rows.append(
            (one.attribute, f"{len(one.values)}", f"{one.n_censored}", _index(one, "cpk"),
             _index(one, "ppk"), _lag(one),
             "as it should be" if not one.faults else "; ".join(one.faults))
        )  # fmt: skip
        tones.append("bad" if one.faults else "good")
    blocks: list[Block] = [
        Grid(
            ("Attribute", "Batches", "Censored", "Cpk", "Ppk", "Lag 1", "Verdict"),
            rows,
            (2, 1, 1, 2, 2, 1, 3),
            tones,
            caption=f"Indices with {100 * plan.confidence:.4g} % intervals; from 10 batches on",
        ),
    ]
    if charts:
        blocks.append(
            Grid(
                ("Chart", "State", "Later batches", "Alarms", "Share, exact 95 %"),
                [_chart_row(one) for one in charts],
                (2, 2, 1, 1, 2),
                caption=f"Charts of {plan.charts}",
            )
        )
    blocks += [
        _figure(one, zone)
        for one in found.verification
        if sum(value.is_number for value in one.values) > 1
    ]
    return Section("verification", "Stage 3: continued verification", blocks)


def _chart_row(row: dict[str, Any]) -> tuple[str, ...]:
    interval = row.get("interval")
    share = f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %" if interval else NOTHING
    return (
        str(row["attribute"]), str(row["state"]), str(row.get("n_later", NOTHING)),
        str(row.get("n_alarms", NOTHING)), share,
    )  # fmt: skip


def _indicators(found: Lifecycle, plan: LifecyclePlan) -> Section:
    values = {"right first time": _share(found.right_first_time)}
    if found.yields:
        numbers = [one.number for one in found.yields]
        values["yield"] = f"{sum(numbers) / len(numbers):.4g} ({len(numbers)} batches)"
    if found.effectiveness is not None:
        own = found.effectiveness
        values |= {
            "availability": f"{own.availability:.3f}", "effectiveness": f"{own.effectiveness:.3f}",
            "quality ratio": f"{own.quality_ratio:.3f}", "OEE": f"{own.oee:.3f}",
        }  # fmt: skip
    rows = [
        (one.name, values.get(one.name, "not known"), one.formula, one.source) for one in INDICATORS
    ]
    return Section(
        "indicators",
        "Key performance indicators",
        [Grid(("Indicator", "Stage 3", "Formula", "Source"), rows, (2, 2, 4, 3),
              caption=f"Of {plan.place or 'all units'}, since the qualification")],
    )  # fmt: skip


def _evidence(found: Lifecycle) -> Section:
    rows = [
        (one.attribute, value.batch, value.text, value.leaf)
        for entries in (found.qualification, found.verification)
        for one in entries
        for value in one.values
    ]
    findings = [(uid, title, "undecided") for uid, title in found.open_findings]
    findings += [(uid, title, "confirmed") for uid, title in found.confirmed_findings]
    return Section(
        "evidence",
        "Evidence",
        [
            Facts([("Recipe", found.recipe_leaf)] if found.recipe_leaf else []),
            Grid(("Finding", "What", "State"), findings, (2, 4, 1), caption="Findings of stage 3"),
            Grid(("Attribute", "Batch", "Result", "Event"), rows, (2, 1, 1, 4),
                 caption="Each result with the hash of the event that it stands in"),
        ],
    )  # fmt: skip


def _figure(one: AttributeStage, zone: str) -> Figure:
    lower, upper = one.lower, one.upper
    drawn = [value for value in one.values if value.is_number]
    levels = [Level(value, word) for value, word in ((lower, "lower limit"), (upper, "upper limit"))
              if value is not None]  # fmt: skip
    outside = frozenset(n for n, value in enumerate(drawn) if value.is_outside)
    track = Track(one.attribute, [value.at for value in drawn],
                  [value.number for value in drawn], style="both", alarms=outside)  # fmt: skip
    caption = (
        f"{one.attribute} of {len(drawn)} batches since the qualification, "
        f"{one.n_outside} outside the limits."
    )
    unit = "" if one.unit == "1" else f", {one.unit}"
    return Figure(
        Chart(one.attribute, f"{one.attribute}{unit}", [track], levels, zone=zone), caption
    )


def _limits(one: AttributeStage) -> str:
    ends = [f"{value:g}" if value is not None else "open" for value in (one.lower, one.upper)]
    return " to ".join(ends)


def _reach(tolerance: ToleranceLimits | None) -> str:
    if tolerance is None:
        return NOTHING
    ends = (tolerance.lower, tolerance.upper)
    return " to ".join(f"{one:.4g}" if math.isfinite(one) else "open" for one in ends)


def _range(one: AttributeStage) -> str:
    numbers = [value.number for value in one.values if value.is_number]
    if not numbers:
        return NOTHING
    return f"{min(numbers):.4g} to {max(numbers):.4g}"


def _index(one: AttributeStage, name: str) -> str:
    if one.capability is None:
        return NOTHING
    index = getattr(one.capability, name)
    return f"{index.estimate:.2f} ({index.interval.lower:.2f} to {index.interval.upper:.2f})"


def _lag(one: AttributeStage) -> str:
    return NOTHING if one.lag1 is None else f"{one.lag1.estimate:.2f}"


def _share(share: Share) -> str:
    if share.value is None or share.lower is None or share.upper is None:
        return f"not known ({share.n_open} open)"
    ends = f"{100 * share.lower:.0f} to {100 * share.upper:.0f} %"
    return f"{100 * share.value:.1f} % ({ends}; {share.n} batches, {share.n_open} open)"


def _text(value: Any, unit: str) -> str:
    return NOTHING if value is None else f"{value} {unit}".removesuffix(" 1")
