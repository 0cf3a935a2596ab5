"""Folders of MLflow as they lie on the disk: models, runs, datasets. Read without MLflow.

References:
    MLflow 3.17, "MLflow Model" (storage format, signature) and the layout of its file store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.artefacts import MAX_MODEL_BYTES
from goldenbatch.core.errors import BadInputError, NotFoundError

MODEL_FILE: Final = "MLmodel"
RUN_FILE: Final = "meta.yaml"
_MAX_TEXT = 1 << 20
_KEYS = {"lightgbm": "data", "onnx": "data", "sklearn": "pickled_model"}
_VERSIONS = {"lightgbm": "lgb_version", "onnx": "onnx_version", "sklearn": "sklearn_version"}


@dataclass(frozen=True)
class Column:
    """An input or an output: its name, which may be empty, and its type."""

    name: str
    type: str


@dataclass(frozen=True)
class MlflowModel:
    """What an `MLmodel` says.

    Attributes:
        file: Of the model itself, in its folder.
        flavor: lightgbm, onnx or sklearn.
        versions: Library to version.
        inputs, outputs: As its signature names them; empty: it has none.
        facts: Run, model and time, as text.
    """

    file: Path
    flavor: str
    versions: Mapping[str, str]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class MlflowRun:
    """What a run says.

    Attributes:
        name: Of the run.
        params, tags: As they were logged.
        metrics: The last value of each.
        datasets: Name, digest and source of each.
        facts: Run, experiment, person and times, as text.
        models: Folders of its models.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[Mapping[str, str], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    models: tuple[Path, ...] = ()


def read_model(folder: Path) -> MlflowModel:
    """The model of a folder with an `MLmodel`.

    Raises:
        BadInputError: It is of no flavour that is kept, or names a file outside of its folder.
    """
    values = _yaml(folder / MODEL_FILE)
    flavors = values.get("flavors")
    if not isinstance(flavors, dict):
        raise BadInputError("it has no flavors.", file=str(folder / MODEL_FILE))
    flavor = next((name for name in _KEYS if isinstance(flavors.get(name), dict)), "")
    if not flavor:
        raise BadInputError(
            f"a model of the flavours {', '.join(sorted(map(str, flavors)))} is not taken.",
            hint="Log it as onnx, lightgbm, or sklearn with serialization_format='skops'.",
            file=str(folder / MODEL_FILE),
        )
    own = flavors[flavor]
    file = _inside(folder, str(own.get(_KEYS[flavor], "")))
    versions = {flavor: str(own[_VERSIONS[flavor]])} if _VERSIONS[flavor] in own else {}
    for name in ("mlflow_version",):
        if values.get(name):
            versions["mlflow"] = str(values[name])
    python = flavors.get("python_function")
    if isinstance(python, dict) and python.get("python_version"):
        versions["python"] = str(python["python_version"])
    named = {"run": "run_id", "model": "model_id", "made_at": "utc_time_created"}
    facts = {key: str(values[name]) for key, name in named.items() if values.get(name)}
    signature = values.get("signature")
    sides = signature if isinstance(signature, dict) else {}
    return MlflowModel(file, flavor, versions, _columns(sides.get("inputs")),
                       _columns(sides.get("outputs")), facts)  # fmt: skip


def run_of(folder: Path, run: str) -> Path | None:
    """The folder of a model's run, where both lie in one file store; None if it is not there."""
    for above in folder.parents[:4]:
        found = above / run
        if run and (found / RUN_FILE).is_file() and (found / "params").is_dir():
            return found
    return None


def read_run(folder: Path) -> MlflowRun:
    """A run of MLflow's file store.

    Raises:
        BadInputError: A file in it cannot be read.
    """
    values = _yaml(folder / RUN_FILE)
    named = {"run": "run_id", "experiment": "experiment_id", "person": "user_id",
             "started": "start_time", "ended": "end_time"}  # fmt: skip
    facts = {key: str(values[name]) for key, name in named.items() if values.get(name)}
    metrics = {name: _last(text) for name, text in _texts(folder / "metrics").items()}
    return MlflowRun(
        name=str(values.get("run_name") or ""),
        params=_texts(folder / "params"),
        tags=_texts(folder / "tags"),
        metrics={name: value for name, value in metrics.items() if value is not None},
        datasets=tuple(_datasets(folder)),
        facts=facts,
        models=tuple(_models(folder)),
    )


def _models(folder: Path) -> list[Path]:
    """MLflow 3 keeps models beside its runs, MLflow 2 in a run's artefacts."""
    logged = [folder.parent / "models" / path.name / "artifacts"
              for path in sorted((folder / "outputs").glob("*"))]  # fmt: skip
    inner = [path.parent for path in sorted((folder / "artifacts").rglob(MODEL_FILE))]
    return [path for path in (*logged, *inner) if (path / MODEL_FILE).is_file()]


def _datasets(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted((folder / "inputs").glob("*/meta.yaml")):
        one = folder.parent / "datasets" / str(_yaml(path).get("source_id", "")) / "meta.yaml"
        if one.is_file() and one.resolve().is_relative_to(folder.parent.resolve()):
            values = _yaml(one)
            found.append({key: str(values[key]) for key in ("name", "digest", "source")
                          if values.get(key)})  # fmt: skip
    return found


def _texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): _text(path).strip()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _last(text: str) -> float | None:
    """The last value of a metric: lines of time, value and step."""
    rows = [line.split() for line in text.splitlines()]
    try:
        last = max((row for row in rows if len(row) >= 2),
                   key=lambda row: (int(row[2]) if len(row) > 2 else 0, int(row[0])))  # fmt: skip
        return float(last[1])
    except ValueError:
        return None


def _columns(text: Any) -> tuple[Column, ...]:
    """Columns of a signature; of a tensor as many without names as it is wide."""
    try:
        values = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return ()
    found = []
    for one in values if isinstance(values, list) else []:
        if not isinstance(one, dict):
            continue
        spec = one.get("tensor-spec")
        if isinstance(spec, dict):
            shape = spec.get("shape") or [1]
            n = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else 1
            name = str(one.get("name") or "")
            found += [Column(name if n == 1 else "", str(spec.get("dtype")))] * min(
                max(n, 0), 10_000
            )
        else:
            found.append(Column(str(one.get("name") or ""), str(one.get("type"))))
    return tuple(found)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()):
        raise BadInputError(
            f"it names the file {name!r}, which is not in its folder.",
            file=str(folder / MODEL_FILE),
        )
    if not path.is_file():
        raise NotFoundError(f"{folder / name} is missing.", hint="Copy the whole folder.")
    return path


def read_bytes(path: Path) -> bytes:
    """Content of a model's file.

    Raises:
        BadInputError: It is too long.
        NotFoundError: It is not there.
    """
    try:
        if os.stat(path).st_size > MAX_MODEL_BYTES:
            raise BadInputError(f"it is longer than {MAX_MODEL_BYTES} bytes.", file=str(path))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} is missing.") from error


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(_MAX_TEXT + 1)
    try:
        if len(data) > _MAX_TEXT:
            raise BadInputError(f"it is longer than {_MAX_TEXT} bytes.", file=str(path))
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError("this is not UTF-8 text.", file=str(path)) from error


def _yaml(path: Path) -> dict[str, Any]:
    """A mapping in YAML, of plain values and without aliases, which can grow without bound.

    Raises:
        BadInputError: It is none.
        NotFoundError: It is missing, or PyYAML is.
    """
    if not path.is_file():
        raise NotFoundError(f"{path} is missing.", hint="Name a folder with an MLmodel, or a run.")
    text = _text(path)
    try:
        import yaml
    except ImportError as error:
        raise NotFoundError(
            "reading folders of MLflow needs PyYAML.", hint='pip install "goldenbatch[mlflow]"'
        ) from error
    try:
        if any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, yaml.SafeLoader)):
            raise BadInputError("it has aliases, which MLflow does not write.", file=str(path))
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"it is no YAML: {error}", file=str(path)) from error
    if not isinstance(values, dict):
        raise BadInputError("it is no mapping.", file=str(path))
    return values
