"""Canonical bytes of a batch plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PlanError, ScienceError
from goldenbatch.science.latent._format import pack, unpack
from goldenbatch.science.latent.batch._frames import Front
from goldenbatch.science.latent.batch.alignment import Aligner, Alignment, Landmark
from goldenbatch.science.latent.batch.forecasts import Forecast
from goldenbatch.science.latent.batch.settings import BatchSettings, PhaseSettings

if TYPE_CHECKING:
    from goldenbatch.science.latent.batch.plan import BatchPlan, PhasePlan

KIND = "batch-plan-1"
_CURVES = ("mean", "spread", "limits", "length", "start", "half_widths")


def pack_plan(plan: BatchPlan) -> bytes:
    """Return the canonical bytes."""
    arrays: dict[str, Floats] = {}
    phases = []
    for i, one in enumerate(plan.phases.values()):
        head = f"phase.{i:03d}"
        arrays |= {f"{head}.{name}": getattr(one, name) for name in _CURVES}
        arrays |= {f"{head}.model.{k}": v for k, v in one.model.items()}
        arrays |= {f"{head}.align.{k}": v for k, v in one.front.aligner.arrays.items()}
        aligner = one.front.aligner
        phases.append({
            "name": one.name, "columns": list(one.front.columns),
            "has_elapsed": one.front.has_elapsed, "n_points": one.front.n_points,
            "align": {"kind": aligner.kind, "columns": list(aligner.columns)},
        })  # fmt: skip
    forecasts = []
    for j, forecast in enumerate(plan.forecasts):
        forecasts.append({"name": forecast.name, "centre": dict(forecast.centre)})
        for i, name in enumerate(plan.phases):
            arrays[f"forecast.{j:03d}.{i:03d}.loadings"] = forecast.loadings[name]
            arrays[f"forecast.{j:03d}.{i:03d}.weights"] = forecast.weights[name]
    header = {
        "kind": KIND, "settings": asdict(plan.settings), "phases": phases, "forecasts": forecasts,
        "n_batches": plan.n_batches, "stated_rate": plan.stated_rate,
        "stated_coverage": plan.stated_coverage, "dropped": list(plan.dropped),
    }  # fmt: skip
    return pack(header, arrays)


def unpack_plan(raw: bytes) -> dict[str, Any]:
    """Read canonical bytes into the fields of a plan.

    Raises:
        PlanError: the bytes are damaged, or another kind of plan.
    """
    header, arrays = unpack(raw)
    if header.get("kind") != KIND:
        message = "these bytes are a plan of another kind, not a batch plan"
        raise PlanError(message)
    try:
        settings = _settings(header["settings"])
        phases = {
            one["name"]: _phase(settings, one, _below(arrays, f"phase.{i:03d}."))
            for i, one in enumerate(header["phases"])
        }
        forecasts = tuple(
            _forecast(one, list(phases), _below(arrays, f"forecast.{j:03d}."))
            for j, one in enumerate(header["forecasts"])
        )
        numbers: dict[str, Any] = {"dropped": tuple(header["dropped"])}
        numbers |= {k: header[k] for k in ("n_batches", "stated_rate", "stated_coverage")}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ScienceError) as error:
        message = f"the batch plan has a wrong part: {error}; take it from the registry again"
        raise PlanError(message) from error
    return {"settings": settings, "phases": phases, "forecasts": forecasts, **numbers}


def _below(arrays: Mapping[str, Floats], head: str) -> dict[str, Floats]:
    return {k[len(head) :]: v for k, v in arrays.items() if k.startswith(head)}


def _settings(plain: Mapping[str, Any]) -> BatchSettings:
    phases = []
    for one in plain["phases"]:
        align = dict(one["alignment"])
        align["landmarks"] = tuple(Landmark(**mark) for mark in align["landmarks"])
        align["columns"] = tuple(align["columns"])
        columns = tuple(one["columns"])
        phases.append(PhaseSettings(**{**one, "alignment": Alignment(**align),
                                       "columns": columns}))  # fmt: skip
    names = {"columns": tuple(plain["columns"]), "forecasts": tuple(plain["forecasts"])}
    return BatchSettings(**{**plain, **names, "phases": tuple(phases)})


def _phase(
    settings: BatchSettings, plain: Mapping[str, Any], arrays: Mapping[str, Floats]
) -> PhasePlan:
    from goldenbatch.science.latent.batch.plan import PhasePlan

    align = plain["align"]
    aligner = Aligner(align["kind"], tuple(align["columns"]), _below(arrays, "align."))
    front = Front(
        aligner, tuple(plain["columns"]), plain["has_elapsed"], plain["n_points"],
        settings.max_hold,
    )  # fmt: skip
    curves = {name: arrays[name] for name in _CURVES}
    shape = (front.n_points, len(front.columns) + front.has_elapsed)
    if curves["mean"].shape != shape or curves["limits"].shape != (3, shape[0]):
        message = f"phase {plain['name']} has a course of shape {curves['mean'].shape}"
        raise ValueError(message)
    if not all(np.isfinite(one).all() for one in curves.values()):
        message = f"phase {plain['name']} has numbers that are not finite"
        raise ValueError(message)
    return PhasePlan(plain["name"], front, model=_below(arrays, "model."), **curves)


def _forecast(
    plain: Mapping[str, Any], phases: list[str], arrays: Mapping[str, Floats]
) -> Forecast:
    loadings = {name: arrays[f"{i:03d}.loadings"] for i, name in enumerate(phases)}
    weights = {name: arrays[f"{i:03d}.weights"] for i, name in enumerate(phases)}
    return Forecast(plain["name"], plain["centre"], loadings, weights)
