"""Numbers of a version that a plan may bound: its settings, and coefficients of a linear model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.governance._gate_case import flat
from goldenbatch.core.artefacts import LINEAR
from goldenbatch.core.model_records import ModelTrained

if TYPE_CHECKING:
    from goldenbatch.core.site import RegistryPort


def numbers_of(trained: ModelTrained, registry: RegistryPort) -> dict[str, float]:
    """Numbers of a version by name.

    Settings have their dotted names; of a linear model with one output `coefficient.<input>` and
    `intercept` stand beside them.

    Raises:
        NotFoundError: The artefact is gone.
        IntegrityError: It is not the one that was trained.
    """
    found = {name: float(value) for name, value in flat(trained.settings).items() if _is(value)}
    if trained.media_type == LINEAR:
        found |= _coefficients(json.loads(registry.get(trained.digest)))
    return found


def _is(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _coefficients(model: Mapping[str, Any]) -> dict[str, float]:
    rows = model.get("coefficients", ())
    if len(rows) != 1:
        return {}
    names = (f"coefficient.{name}" for name in model["inputs"])
    found = {name: float(value) for name, value in zip(names, rows[0], strict=True)}
    return {**found, "intercept": float(model["intercept"][0])}
