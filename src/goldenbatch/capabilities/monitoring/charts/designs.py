"""A chart designed for a run length, in words and rows for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.designing import (
    DesignAsked,
    DesignedChart,
    DesignKind,
    design_chart,
    rules_table,
)
from goldenbatch.science.statistics.rules import RULES
from goldenbatch.science.statistics.run_length_estimated import (
    estimated_ewma_arl,
    expected_width,
    guaranteed_width,
)

_ESTIMATED = (DesignKind.INDIVIDUALS, DesignKind.XBAR, DesignKind.EWMA)


@dataclass(frozen=True)
class DesignRequest:
    """What was asked on the command line; see `monitoring design`."""

    kind: str
    arl: float = 370.4
    shift: float = 1.0
    weight: float | None = None
    attributes: int = 2
    size: int = 1
    phi: float = 0.0
    reference: int = 0


def designed(request: DesignRequest) -> dict[str, Any]:
    """Parameters and run lengths of a chart, or the run length of run rules together.

    Raises:
        BadInputError: There is no such kind, rule or chart.
    """
    names = [one.strip() for one in request.kind.split(",")]
    try:
        if all(name in RULES for name in names):
            return {"rules": names, "average run length": _rounded(rules_table(names))}
        return _chart(request)
    except DesignError as error:
        raise BadInputError(
            str(error), hint="See `goldenbatch monitoring design --help`."
        ) from error


def _chart(request: DesignRequest) -> dict[str, Any]:
    if request.kind not in list(DesignKind):
        raise BadInputError(
            f"there is no chart {request.kind!r}.",
            hint=f"Choose from {', '.join(DesignKind)}, or rules: {', '.join(RULES)}.",
        )
    asked = DesignAsked(
        request.arl,
        request.shift,
        request.weight,
        None,
        request.attributes,
        request.size,
        request.phi,
    )
    found = design_chart(DesignKind(request.kind), asked)
    answer: dict[str, Any] = {
        "kind": request.kind,
        "parameters": _rounded(found.parameters),
        "average run length by shift": {
            f"{shift:g}": round(length, 2) for shift, length in found.run_lengths
        },
    }
    if request.reference and found.kind in _ESTIMATED:
        answer["with a reference period"] = _with_reference(request, found)
    return answer


def _with_reference(request: DesignRequest, found: DesignedChart) -> dict[str, float]:
    """What the same width gives after so many values, and the widths that make up for it."""
    n, weight = request.reference, found.parameters.get("weight", 1.0)
    as_is = estimated_ewma_arl(n, 0.0, weight, found.parameters["width"])
    return _rounded(
        {
            "values": n,
            "mean run length in control": as_is.mean,
            "values per false alarm over many charts": as_is.per_alarm,
            "exceeded by 90 % of charts": as_is.lower,
            "width for the run length over many charts": expected_width(request.arl, n, weight),
            "width that 90 % of charts keep it with": guaranteed_width(request.arl, n, weight),
        }
    )


def _rounded(parameters: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in parameters.items()}
