"""Commands of yields: what moves them, and what poor quality costs."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.core.site import Site

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.yields.sheet import Head
    from goldenbatch.capabilities.monitoring.yields.table import BatchTable
    from goldenbatch.ui.sheets import Sheet


def yields_command(
    site: Site,
    file: Annotated[Path, typer.Argument(help="File of a monitoring.yields analyst.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("yields-out"),
) -> dict[str, Any]:
    """What moves yield or right first time, forward in time; named only where it holds.

    Writes yields.json, yields.html, yields.pdf and yields-batches.csv.
    """
    from goldenbatch.capabilities.monitoring.yields.reading import load_settings, study_site
    from goldenbatch.capabilities.monitoring.yields.report import document
    from goldenbatch.capabilities.monitoring.yields.sheet import yield_sheet
    from goldenbatch.ui.documents import write_whole

    settings = load_settings(file)
    found, unit = study_site(site, settings)
    whole = document(found, settings, unit)
    files = _write(yield_sheet(found, settings, _head(site), unit), whole, out, "yields")
    batches = out / "yields-batches.csv"
    write_whole(batches, _batches(found.table))
    return {
        "target": settings.target,
        "verdict": whole["measures"]["verdict"],
        "named causes": [one["cause"] for one in whole["causes"] if one["named"]],
        "advice": [
            {name: row[name] for name in ("product", "variable", "proposed", "expected_gain")}
            for row in whole["advice"]
            if row["proposed"] is not None
        ],
        "n_batches": len(found.table.rows),
        "files": [*files, str(batches)],
    }


def quality_costs_command(
    site: Site,
    file: Annotated[Path, typer.Argument(help="Cost factors (TOML), given by you.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("quality-costs-out"),
    once: Annotated[
        str, typer.Option(help="Phases that may run once a batch, with commas between.")
    ] = "",
) -> dict[str, Any]:
    """Cost of quality: recorded events times your factors, and what is not costed.

    Writes quality-costs.json, quality-costs.html and quality-costs.pdf.
    """
    from goldenbatch.capabilities.monitoring.yields.costs import (
        costs_document,
        load_factors,
        quality_costs,
    )
    from goldenbatch.capabilities.monitoring.yields.facts import KINDS, FactRule, book_of
    from goldenbatch.capabilities.monitoring.yields.sheet import costs_sheet

    factors, digest = load_factors(file)
    book = book_of(site.ledger.events(kinds=KINDS))
    kinds = sorted({one.kind for one in factors.factor if one.kind})
    events = site.ledger.events(kinds=kinds) if kinds else ()
    phases = frozenset(one.strip() for one in once.split(",") if one.strip())
    found = quality_costs(book, events, factors, digest, FactRule(once=phases))
    whole = costs_document(found)
    files = _write(costs_sheet(found, _head(site)), whole, out, "quality-costs")
    return {
        "total": f"{whole['total']} {factors.currency}",
        "by category": whole["by_category"],
        "not costed": whole["not_costed"],
        "categories without a factor": whole["categories_without_factor"],
        "files": files,
    }


def _head(site: Site) -> Head:
    from goldenbatch.capabilities.monitoring.yields.sheet import Head
    from goldenbatch.core.config import banner

    return Head(site.home.name, banner(site.home.kind), site.clock())


def _write(sheet: Sheet, whole: dict[str, Any], out: Path, name: str) -> list[str]:
    from goldenbatch.ui.documents import write_whole
    from goldenbatch.ui.sheets import sheet_html, sheet_pdf

    out.mkdir(parents=True, exist_ok=True)
    plain = json.dumps(_plain(whole), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    contents = {
        out / f"{name}.json": f"{plain}\n".encode(),
        out / f"{name}.html": sheet_html(sheet).encode(),
        out / f"{name}.pdf": sheet_pdf(sheet),
    }
    for path, content in contents.items():
        write_whole(path, content)
    return [str(path) for path in contents]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _batches(table: BatchTable) -> bytes:
    """A row a batch, with its digest and the proofs behind it; missing stays empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["batch", "product", "at_us", "block", "lot", "target", *table.columns, "digest", "proofs"]
    )
    for row in table.rows:
        values = [row.values.get(name, math.nan) for name in table.columns]
        numbers = ["" if math.isnan(one) else repr(one) for one in (row.target, *values)]
        writer.writerow(
            [row.batch, row.product, row.at, row.block, row.lot, *numbers, row.digest,
             " ".join(row.proofs)]
        )  # fmt: skip
    return text.getvalue().encode()
