"""Keeping a lifecycle report: made at the home itself, so that what is signed is what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.lifecycle_records import LifecycleReportKept, lifecycle_stream
from goldenbatch.core.site import Actor, Site


def keep(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Make and keep the report of a product; others sign it as reviewed and approved.

    Values: `plan` (TOML), `reason`.

    Raises:
        BadInputError: The plan is wrong; file, line and key are named.
        NotFoundError: The plant has no such product or attribute.
    """
    from goldenbatch.capabilities.monitoring.lifecycle.commands import sheet_for, summary
    from goldenbatch.capabilities.monitoring.lifecycle.plan import read_plan
    from goldenbatch.capabilities.monitoring.lifecycle.reading import gather
    from goldenbatch.ui.sheets import sheet_html, sheet_pdf

    take.only(values, ("plan", "reason"))
    text = take.text(values, "plan")
    plan = read_plan(text, "plan")
    upto = site.ledger.head()
    found = gather(site, plan)
    sheet = sheet_for(site, plan, found)
    told = summary(found)
    body = LifecycleReportKept(
        product=plan.product,
        plan=text,
        plan_digest=plan.digest(),
        page=site.registry.put(sheet_html(sheet).encode(), "text/html"),
        paper=site.registry.put(sheet_pdf(sheet), "application/pdf"),
        upto=upto,
        n_qualification=told["n_qualification"],
        n_verification=told["n_verification"],
        faults=tuple(told["faults"]),
        gaps=tuple(told["gaps"]),
        reason=take.text(values, "reason"),
    )
    stream = lifecycle_stream(plan.product)
    # The page says when it was written: it is prepared once, and its versions say if it holds.
    return Intent(stream, body, ("record",), site.ledger.version(stream), is_costly=True)
