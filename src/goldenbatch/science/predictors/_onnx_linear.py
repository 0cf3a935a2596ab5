"""The coefficients of an ONNX model that is a chain of scalers and one linear regressor.

References:
    ONNX, operators of ai.onnx.ml: Scaler, LinearRegressor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goldenbatch.core.artefacts import onnx_chain
from goldenbatch.science._arrays import Floats

LINEAR_KINDS = frozenset({"Scaler", "Identity", "LinearRegressor"})
Linear = tuple[Floats, Floats, Floats]
"""Coefficients (m, p), centre (p,), value at the centre (m,)."""


def linear_part(content: bytes, n_inputs: int) -> Linear | None:
    """What a linear ONNX model is made of; None if it is not of that kind.

    Args:
        content: The model.
        n_inputs: Columns of a row, p.
    """
    chain = onnx_chain(content)
    kinds = [kind for kind, _ in chain or ()]
    if not chain or kinds[-1] != "LinearRegressor" or "LinearRegressor" in kinds[:-1]:
        return None
    centre, slope = np.zeros(n_inputs), np.ones(n_inputs)
    for kind, found in chain[:-1]:
        if kind == "Scaler":
            offset, scale = (
                _wide(found, "offset", 0.0, n_inputs),
                _wide(found, "scale", 1.0, n_inputs),
            )
            if offset is None or scale is None or (slope * scale == 0).any():
                return None
            centre, slope = centre + offset / slope, slope * scale
    return _regressor(chain[-1][1], centre, slope)


def _wide(found: dict[str, Any], name: str, default: float, n: int) -> Floats | None:
    values = np.array(found.get(name, [default]), dtype=np.float64)
    if len(values) not in (1, n):
        return None
    return np.broadcast_to(values, (n,)).astype(np.float64)


def _regressor(found: dict[str, Any], centre: Floats, slope: Floats) -> Linear | None:
    flat = np.array(found.get("coefficients", []), dtype=np.float64)
    n_targets = int(found.get("targets", 1))
    is_bent = found.get("post_transform", b"NONE") != b"NONE"
    if is_bent or n_targets < 1 or len(flat) != n_targets * len(centre):
        return None
    base = np.array(found.get("intercepts", [0.0] * n_targets), dtype=np.float64)
    if len(base) != n_targets:
        return None
    return flat.reshape(n_targets, -1) * slope, centre, base
