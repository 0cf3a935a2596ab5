"""Commands of the lifecycle: the report of a product, and its key performance indicators."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.core.site import Site

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.lifecycle.plan import LifecyclePlan
    from goldenbatch.capabilities.monitoring.lifecycle.reading import Lifecycle
    from goldenbatch.ui.sheets import Sheet

PlanArgument = Annotated[
    Path, typer.Argument(help="Plan of the product's validation, TOML.", exists=True)
]


def lifecycle_command(
    site: Site,
    plan: PlanArgument,
    out: Annotated[Path, typer.Option(help="Folder for the page and the PDF.")] = Path("lifecycle"),
) -> dict[str, Any]:
    """Design, qualification and continued verification of a product: a page and a PDF."""
    from goldenbatch.capabilities.monitoring.lifecycle.plan import load_plan
    from goldenbatch.capabilities.monitoring.lifecycle.reading import gather
    from goldenbatch.ui.documents import write_whole
    from goldenbatch.ui.sheets import sheet_html, sheet_pdf

    chosen = load_plan(plan)
    found = gather(site, chosen)
    sheet = sheet_for(site, chosen, found)
    out.mkdir(parents=True, exist_ok=True)
    name = "lifecycle-" + re.sub(r"[^\w.-]+", "_", chosen.product)
    contents = {
        out / f"{name}.html": sheet_html(sheet).encode(),
        out / f"{name}.pdf": sheet_pdf(sheet),
    }
    for path, content in contents.items():
        write_whole(path, content)
    return {**summary(found), "files": [str(path) for path in contents]}


def summary(found: Lifecycle) -> dict[str, Any]:
    """What a report comes to, as plain values."""
    stages = (("qualification", found.qualification), ("verification", found.verification))
    return {
        "product": found.product,
        "n_qualification": len(found.batches[0]),
        "n_verification": len(found.batches[1]),
        "right_first_time": found.right_first_time.value,
        "oee": None if found.effectiveness is None else found.effectiveness.oee,
        "gaps": list(found.gaps),
        "faults": [
            f"{stage}, {one.attribute}: {fault}"
            for stage, entries in stages
            for one in entries
            for fault in one.faults
        ],
    }


def sheet_for(site: Site, plan: LifecyclePlan, found: Lifecycle) -> Sheet:
    """The sheet of a report of a home, with its charts."""
    from goldenbatch.capabilities.monitoring.charts.limits import limits_of
    from goldenbatch.capabilities.monitoring.lifecycle.sheet import lifecycle_sheet
    from goldenbatch.core.config import banner

    rows = [] if not plan.charts else limits_of(site, plan.charts)
    own = [one for one in rows if one["product"] == plan.product]
    head = (site.home.name, banner(site.home.kind), site.home.zone, site.clock())
    return lifecycle_sheet(found, plan, head, own)


def indicators_command(site: Site, plan: PlanArgument) -> list[dict[str, Any]]:
    """Right first time, yield and effectiveness of a product, each with its definition."""
    from goldenbatch.capabilities.monitoring.lifecycle.plan import load_plan
    from goldenbatch.capabilities.monitoring.lifecycle.reading import gather

    return indicator_rows(gather(site, load_plan(plan)))


def indicator_rows(found: Lifecycle) -> list[dict[str, Any]]:
    """The indicators of a product, each with its definition."""
    from goldenbatch.capabilities.monitoring.lifecycle.figures import INDICATORS

    own = found.effectiveness
    numbers = [one.number for one in found.yields]
    values = {
        "right first time": found.right_first_time.value,
        "yield": sum(numbers) / len(numbers) if numbers else None,
        "availability": own.availability if own else None,
        "effectiveness": own.effectiveness if own else None,
        "quality ratio": own.quality_ratio if own else None,
        "OEE": own.oee if own else None,
    }
    return [
        {
            "indicator": one.name, "value": values[one.name], "unit": one.unit,
            "formula": one.formula, "trend": one.trend, "source": one.source,
        }
        for one in INDICATORS
    ]  # fmt: skip
