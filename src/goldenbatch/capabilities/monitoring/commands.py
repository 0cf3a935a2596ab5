"""Commands of monitoring: fit the frozen models, and show limits with their false alarms."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.core.site import Site


def fit_command(
    site: Site, name: Annotated[str, typer.Argument(help="Name of an adopted analyst.")]
) -> list[dict[str, Any]]:
    """Fit the models of an analyst from this home's data, freeze them, record them."""
    from goldenbatch.capabilities.monitoring.fitting import fit

    keep = ("name", "method", "digest", "measures")
    return [{key: body.as_json()[key] for key in keep} for body in fit(site, name)]


def limits_command(
    site: Site, name: Annotated[str, typer.Argument(help="Name of an adopted analyst.")]
) -> list[dict[str, Any]]:
    """Control limits of each chart, and how often it alarmed on later batches."""
    from goldenbatch.capabilities.monitoring.limits import limits_of

    return limits_of(site, name)
