"""A model for elsewhere: a folder that MLflow loads, with the model card beside it.

References:
    MLflow 3.17, "MLflow Model": the storage format.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.artefacts import (
    LIGHTGBM,
    LINEAR,
    ONNX,
    SCORING_PLAN,
    SKOPS,
    check_artefact,
    skops_types,
)
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.stores.registry._places import make_dir, write_whole

CARD_FILE: Final = "model_card.json"
LOADER: Final = "goldenbatch.runtime.pyfunc"
_FILES: Final = {
    LIGHTGBM: "model.lgb",
    LINEAR: "model.json",
    ONNX: "model.onnx",
    SCORING_PLAN: "model.plan",
    SKOPS: "model.skops",
}


@dataclass(frozen=True)
class ExportedModel:
    """What is given away.

    Attributes:
        content: Of the artefact.
        media_type: Of the content.
        name: Such as `sucrose-3`.
        inputs: Names of the inputs, in order.
        outputs: Names of the outputs.
        made_at: When it was trained, microseconds UTC.
        card: The model card, as plain values.
        versions: Library to version: those that it was made with.
        metadata: Further texts for MLflow's own `metadata`.
    """

    content: bytes
    media_type: str
    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    made_at: int
    card: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def export_mlflow(model: ExportedModel, folder: Path) -> list[Path]:
    """Write a folder that `mlflow.pyfunc.load_model` loads; gives the files.

    LightGBM, ONNX and skops have their own flavour too; plans and linear models are loaded by
    goldenbatch, which must be installed there.

    Args:
        model: What is given away.
        folder: Empty or new.

    Raises:
        ConflictError: The folder is not empty.
        BadInputError: Nothing elsewhere loads this type.
    """
    if model.media_type not in _FILES:
        raise BadInputError(f"a model of type {model.media_type} is not exported.")
    check_artefact(model.content, model.media_type)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is not empty.", hint="Name a folder that is empty or new.")
    make_dir(folder.resolve())
    requirements = _requirements(model)
    python = platform.python_version()
    conda = {"name": "mlflow-env", "channels": ["conda-forge"],
             "dependencies": [f"python={python}", "pip", {"pip": requirements}]}  # fmt: skip
    environment = {"python": python, "build_dependencies": ["pip"],
                   "dependencies": ["-r requirements.txt"]}  # fmt: skip
    files = {
        _FILES[model.media_type]: model.content,
        CARD_FILE: _json(dict(model.card)),
        "requirements.txt": "".join(f"{one}\n" for one in requirements).encode(),
        "conda.yaml": _json(conda),
        "python_env.yaml": _json(environment),
        "MLmodel": _json(_description(model, python)),
    }
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]


def _description(model: ExportedModel, python: str) -> dict[str, Any]:
    """The `MLmodel`; JSON, which is YAML too."""
    file, (flavor, own) = _FILES[model.media_type], _flavor(model)
    is_skops = model.media_type == SKOPS
    function: dict[str, Any] = {
        "loader_module": f"mlflow.{flavor}" if flavor else LOADER,
        "model_path" if is_skops else "data": file,
        "python_version": python,
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
    }
    if is_skops:
        function["predict_fn"] = "predict"
    made_at = datetime.fromtimestamp(model.made_at / 1e6, tz=UTC)
    digest = hashlib.sha256(model.content).hexdigest()
    return {
        "flavors": {"python_function": function, **({flavor: own} if flavor else {})},
        "model_uuid": digest[:32],
        "utc_time_created": made_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "signature": _signature(model),
        "metadata": {"goldenbatch.name": model.name, "goldenbatch.digest": digest,
                     "goldenbatch.media_type": model.media_type, **model.metadata},
    }  # fmt: skip


def _flavor(model: ExportedModel) -> tuple[str, dict[str, Any]]:
    """MLflow's own flavour of a model, and what it wants to know; empty: there is none."""
    file = _FILES[model.media_type]
    if model.media_type == LIGHTGBM:
        return "lightgbm", {"data": file, "code": None, "model_class": "lightgbm.basic.Booster",
                            "lgb_version": _version(model, "lightgbm")}  # fmt: skip
    if model.media_type == ONNX:
        return "onnx", {"data": file, "code": None, "onnx_session_options": None,
                        "providers": ["CPUExecutionProvider"],
                        "onnx_version": _version(model, "onnx")}  # fmt: skip
    if model.media_type == SKOPS:
        return "sklearn", {"pickled_model": file, "code": None, "serialization_format": "skops",
                           "skops_trusted_types": _trusted(model),
                           "sklearn_version": _version(model, "scikit-learn")}  # fmt: skip
    return "", {}


def _signature(model: ExportedModel) -> dict[str, Any]:
    """Tables of numbers; columns by name only where every flavour takes a data frame."""
    is_single = model.media_type == ONNX
    spec = {"dtype": "float32" if is_single else "float64", "shape": [-1, len(model.inputs)]}
    inputs: list[dict[str, Any]] = [{"type": "tensor", "tensor-spec": spec}]
    if model.media_type in (LIGHTGBM, LINEAR, SCORING_PLAN, SKOPS):
        inputs = [{"type": "double", "name": name, "required": True} for name in model.inputs]
    shape = [-1] if len(model.outputs) == 1 else [-1, len(model.outputs)]
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": spec["dtype"], "shape": shape}}]
    return {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}


def _trusted(model: ExportedModel) -> list[str]:
    names = {f"{module}.{name}" for _, module, name in skops_types(model.content)
             if module.startswith("sklearn.")}  # fmt: skip
    return sorted(names)


def _version(model: ExportedModel, name: str) -> str:
    return str(model.versions.get(name, ""))


def _requirements(model: ExportedModel) -> list[str]:
    needed = {
        LIGHTGBM: ("lightgbm",),
        ONNX: ("onnx", "onnxruntime"),
        SKOPS: ("scikit-learn", "skops"),
    }.get(model.media_type, ("goldenbatch",))
    found = ["mlflow"]
    for name in needed:
        version = _version(model, name)
        found.append(f"{name}=={version}" if version else name)
    return found


def _json(values: Any) -> bytes:
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
