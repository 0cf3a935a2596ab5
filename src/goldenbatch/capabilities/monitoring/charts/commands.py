"""Commands of monitoring: limits with their false alarms."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.core.site import Site


def limits_command(
    site: Site, name: Annotated[str, typer.Argument(help="Name of an adopted analyst.")]
) -> list[dict[str, Any]]:
    """Control limits of each chart, and how often it alarmed on later batches."""
    from goldenbatch.capabilities.monitoring.charts.limits import limits_of

    return limits_of(site, name)
