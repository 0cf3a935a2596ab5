"""Models from elsewhere: what came, what is known of it, and what a model card still lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.artefacts import (
    LIGHTGBM,
    LINEAR,
    ONNX,
    SCORING_PLAN,
    SKOPS,
    ArtefactContentError,
    check_artefact,
    lightgbm_facts,
    onnx_facts,
)
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.stores.registry._mlflow import (
    MODEL_FILE,
    RUN_FILE,
    Column,
    MlflowRun,
    read_bytes,
    read_model,
    read_run,
    run_of,
)

_HEADS: Final = (
    (b"tree\n", LIGHTGBM),
    (b"PK", SKOPS),
    (b"GBPLAN", SCORING_PLAN),
    (b"{", LINEAR),
)
_CODE_TAGS = ("mlflow.source.git.commit", "git_commit", "code_version")
_SEEDS = ("seed", "random_state", "random_seed")


@dataclass(frozen=True)
class ImportedModel:
    """A model that came from elsewhere.

    Attributes:
        content: Checked: no code in it, and of its type.
        media_type: Of the content.
        name: Of the run, or of the file.
        origin: mlflow, or file.
        inputs, outputs: Names, where they are known, and types.
        params, tags: As they were logged.
        metrics: As they were logged; on which data, nobody proved.
        datasets: Name, digest and source of the training data, as they were logged.
        code_version: Commit of the code; empty: not known.
        versions: Library to version.
        source: Run, model, person and times there.
        missing: What a model card asks for and this does not say.
    """

    content: bytes
    media_type: str
    name: str
    origin: str
    inputs: tuple[Column, ...] = ()
    outputs: tuple[Column, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[Mapping[str, str], ...] = ()
    code_version: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What is known, as plain values; the content by its digest."""
        return {
            "digest": self.digest,
            "media_type": self.media_type,
            "size": len(self.content),
            "name": self.name,
            "origin": self.origin,
            "inputs": [{"name": one.name, "type": one.type} for one in self.inputs],
            "outputs": [{"name": one.name, "type": one.type} for one in self.outputs],
            "params": dict(self.params),
            "tags": dict(self.tags),
            "metrics": dict(self.metrics),
            "datasets": [dict(one) for one in self.datasets],
            "code_version": self.code_version,
            "versions": dict(self.versions),
            "source": dict(self.source),
            "missing": list(self.missing),
        }


def import_model(path: Path | str, model: str = "") -> ImportedModel:
    """Read a model file, a model folder of MLflow, or a run of MLflow's file store.

    Nothing of it is executed, and MLflow is not needed.

    Args:
        path: A `.onnx`, `.skops` or LightGBM text file; a folder with `MLmodel`; a run's folder.
        model: Which one, when a run has several: part of the name of its folder, or its file.

    Raises:
        NotFoundError: There is none.
        ArtefactContentError: It has code in it (a pickle, joblib), or is no model.
        BadInputError: A run has several and none was named, or its files cannot be read.
    """
    path = Path(path)
    if (path / MODEL_FILE).is_file():
        return _from_folder(path)
    if (path / RUN_FILE).is_file():
        return _from_folder(_chosen(path, read_run(path), model))
    if path.is_dir():
        raise NotFoundError(
            f"{path} is neither a model nor a run of MLflow.",
            hint=f"Name a folder with a file {MODEL_FILE}, or a run with its {RUN_FILE}.",
        )
    content = read_bytes(path)
    media_type = media_type_of(content)
    return _described(content, media_type, path.stem, "file")


def media_type_of(content: bytes) -> str:
    """Media type of a model by its first bytes; it is checked whole.

    Raises:
        ArtefactContentError: It has code in it, or is no model that is kept.
    """
    check_artefact(content, "application/zip")  # a pickle is named as one, with what to do
    found = next((kind for head, kind in _HEADS if content.startswith(head)), ONNX)
    try:
        check_artefact(content, found)
    except ArtefactContentError as error:
        if found is ONNX:
            raise ArtefactContentError(
                f"this is no model that is kept ({error.message}).",
                hint="Save it as ONNX, skops or LightGBM text.",
            ) from error
        raise
    return found


def _chosen(folder: Path, run: MlflowRun, model: str) -> Path:
    found = [
        one for one in run.models
        if not model or model in one.as_posix() or (one / model).is_file()
    ]  # fmt: skip
    if len(found) == 1:
        return found[0]
    names = ", ".join(
        f"{one.parent.name if one.name == 'artifacts' else one.name} ({_file_name(one)})"
        for one in run.models
    )
    if not run.models:
        raise NotFoundError(f"the run {folder} has no model.", hint="Log it with `log_model`.")
    raise BadInputError(
        f"the run {folder} has {len(run.models)} models, of which {len(found)} fit {model!r}.",
        hint=f"Name one of {names}.",
    )


def _file_name(folder: Path) -> str:
    try:
        return read_model(folder).file.name
    except (BadInputError, NotFoundError):
        return "not taken"


def _from_folder(folder: Path) -> ImportedModel:
    found = read_model(folder)
    content = read_bytes(found.file)
    media_type = media_type_of(content)
    beside = run_of(folder, found.facts.get("run", ""))
    run = read_run(beside) if beside is not None else MlflowRun(name="")
    code = next((run.tags[name] for name in _CODE_TAGS if run.tags.get(name)), "")
    known = {
        "params": run.params, "tags": run.tags, "metrics": run.metrics, "datasets": run.datasets,
        "code_version": code, "source": {**run.facts, **found.facts},
    }  # fmt: skip
    return _described(content, media_type, run.name or folder.name, "mlflow",
                      inputs=found.inputs, outputs=found.outputs, versions=found.versions,
                      **known)  # fmt: skip


def _described(
    content: bytes, media_type: str, name: str, origin: str, **known: Any
) -> ImportedModel:
    """With what the artefact itself says, and a list of what is not known."""
    names, versions = _own_words(content, media_type)
    inputs: tuple[Column, ...] = known.pop("inputs", ())
    if names and not any(one.name for one in inputs):
        types = [one.type for one in inputs] or ["double"] * len(names)
        inputs = tuple(Column(*pair) for pair in zip(names, types, strict=False))
    made = ImportedModel(
        content, media_type, name, origin, inputs=inputs,
        versions={**versions, **known.pop("versions", {})}, **known,
    )  # fmt: skip
    return ImportedModel(**{**vars(made), "missing": tuple(_missing(made))})


def _own_words(content: bytes, media_type: str) -> tuple[tuple[str, ...], dict[str, str]]:
    if media_type == LIGHTGBM:
        facts = lightgbm_facts(content)
        return facts.inputs, {"lightgbm text": facts.version}
    if media_type == ONNX:
        read = onnx_facts(content)
        named = read.metadata.get("inputs", "")
        names = tuple(one.strip() for one in named.split(",")) if named else ()
        sets = {f"opset {domain or 'ai.onnx'}": str(n) for domain, n in read.opsets.items()}
        return names, {"producer": read.producer, **sets} if read.producer else sets
    return (), {}


def _missing(model: ImportedModel) -> list[str]:
    """What a model card asks for and nobody said; the platform makes none of it up."""
    has_seed = any(one in name for name in model.params for one in _SEEDS)
    asked = {
        "names of the inputs": any(one.name for one in model.inputs),
        "units of the inputs and of the output": False,
        "training data": bool(model.datasets),
        "code version": bool(model.code_version),
        "seed": has_seed,
        "measures": bool(model.metrics),
        "intended use, context of use and risk record": False,
        "acceptance criteria, and a test on sealed data": False,
        "owner": False,
    }
    return [name for name, is_known in asked.items() if not is_known]
