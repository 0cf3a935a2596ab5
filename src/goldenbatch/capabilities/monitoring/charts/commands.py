"""Commands of monitoring: limits with their false alarms, and charts by the run length wanted."""

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


def design_command(
    kind: Annotated[
        str,
        typer.Argument(
            help="individuals, xbar, ewma, cusum, hotelling, mewma, residual, "
            "adjusted-individuals, adjusted-ewma; or names of run rules, with commas between."
        ),
    ],
    *,
    arl: Annotated[float, typer.Option(min=2.0, help="Values between false alarms.")] = 370.4,
    shift: Annotated[float, typer.Option(help="Shift that matters, in sigma.")] = 1.0,
    weight: Annotated[float, typer.Option(help="Of the newest value; 0: the best.")] = 0.0,
    attributes: Annotated[int, typer.Option(min=1, help="Of a multivariate chart.")] = 2,
    size: Annotated[int, typer.Option(min=1, help="Values a subgroup.")] = 1,
    phi: Annotated[float, typer.Option(help="Lag-1 autocorrelation.")] = 0.0,
    reference: Annotated[int, typer.Option(help="Values of the reference period; 0: many.")] = 0,
) -> dict[str, Any]:
    """Parameters of a chart from the run length wanted, and how soon it sees which shift.

    Run lengths are exact for independent normal values (for residual and adjusted charts: of a
    first-order autoregression) and known parameters. With a reference period of a given size an
    individuals or EWMA chart says what estimating them costs.
    """
    from goldenbatch.capabilities.monitoring.charts.designs import DesignRequest, designed

    return designed(
        DesignRequest(kind, arl, shift, weight or None, attributes, size, phi, reference)
    )
