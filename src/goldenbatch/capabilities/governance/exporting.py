"""Give a version of a model back to the ecosystem: a folder that MLflow loads, with its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.governance.card import ModelCardView, load_card
from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_records import ModelTrained

if TYPE_CHECKING:
    from goldenbatch.core.site import Site


def export_model(site: Site, use: str, version: int, folder: Path) -> dict[str, Any]:
    """Write a trained version as a folder that MLflow loads; 0: the one that serves.

    What leaves is a copy without the life that stands behind it: its card says what it was, and
    in which stage, when it left.

    Returns:
        `model`, `stage`, `digest` and `files`.

    Raises:
        NotFoundError: There is no such use, or no such version.
        ConflictError: It was not trained yet, or the folder is not empty.
        IntegrityError: The artefact is not the one that was trained.
        BadInputError: Nothing elsewhere loads its type.
    """
    from goldenbatch.science.predictors import load_predictor
    from goldenbatch.stores.registry import ExportedModel, export_mlflow

    card = load_card(site, use, version)
    trained = card.state.trained
    if trained is None:
        raise ConflictError(
            f"{card.state.stream} was not trained: there is nothing to export.",
            hint="See `goldenbatch model history`.",
        )
    content = site.registry.get_approved(trained.digest, trained.media_type)
    facts = load_predictor(content, trained.media_type).facts
    name = f"{card.use}@{card.version}"
    model = ExportedModel(
        content=content,
        media_type=trained.media_type,
        name=f"{card.use}-{card.version}",
        inputs=facts.inputs,
        outputs=facts.outputs,
        made_at=_trained_at(site, card),
        card=_plain(card),
        versions={key: value for key, value in trained.environment.items() if value},
        metadata={"goldenbatch_model": name, "goldenbatch_stage": card.stage},
    )
    files = export_mlflow(model, folder)
    return {
        "model": name,
        "stage": card.stage,
        "digest": trained.digest,
        "files": [str(path) for path in files],
    }


def _trained_at(site: Site, card: ModelCardView) -> int:
    number = card.state.steps[ModelTrained.kind]
    return site.ledger.stream(card.state.stream, number - 1)[0].envelope.recorded_at


def _plain(card: ModelCardView) -> dict[str, Any]:
    """The card as plain values: what its steps recorded, and what counts for nothing."""
    state = card.state
    steps = {
        "drafted": state.draft,
        "intended_use": state.intended,
        "criteria": state.criteria,
        "test_data": state.bound,
        "trained": state.trained,
        "tested": state.tested,
        "validated": state.validated,
        "approved": state.approved,
    }
    told = {key: one.model_dump(mode="json") for key, one in steps.items() if one is not None}
    return {"home": card.home.name, "kind": card.home.kind.value, "stage": card.stage,
            "faults": list(card.faults), **told}  # fmt: skip
