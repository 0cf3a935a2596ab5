"""Endpoints of models that serve: what serves, and what it says of rows."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import Field

from goldenbatch.apps.models import LocalModels
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, plain
from goldenbatch.apps.node.state import Caller, Principal, State
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.model_card import USE_PATTERN
from goldenbatch.core.prediction import PredictionBlock, ServedModel
from goldenbatch.core.records import DataClass

router = APIRouter(prefix="/models", tags=["models"], responses=RESPONSES)
MAX_ROWS, MAX_CELLS = 20_000, 400_000
Use = Annotated[str, Path(pattern=USE_PATTERN)]
Newest = Annotated[int, Query(ge=0, le=10**9, description="Only so many blocks; 0: all.")]
Version = Annotated[int, Query(ge=0, le=10**9, description="A version; 0: the active one.")]


class Rows(Form):
    """Rows that are to be predicted.

    Attributes:
        rows: One list a row, in the order of the inputs; null where missing.
        explain: Split each prediction over its contributors too.
        version: The version that is meant; 0: whichever is active.
        is_active: Refuse a version that is not active.
    """

    rows: list[list[float | None]] = Field(max_length=MAX_ROWS)
    explain: bool = True
    version: int = Field(default=0, ge=0, le=10**9)
    is_active: bool = True


@router.get("/{use}/served")
def served(use: Use, caller: Caller, version: Version = 0) -> dict[str, Any]:
    """The model that serves a use, or a version of it: artefact, inputs, context, contingency."""
    model = _model(caller, use, version, is_active=not version)
    return {
        "use": model.ref.use,
        "version": model.ref.version,
        "digest": model.ref.digest,
        "inputs": list(model.inputs),
        "unit": model.unit,
        "contingency": model.contingency,
        "context": model.context.model_dump(mode="json"),
    }


@router.post("/{use}/predict")
def predict(use: Use, form: Rows, caller: Caller) -> dict[str, Any]:
    """What the model in use says of rows; columns, null where there is no number.

    Nothing is logged: who acts on a prediction logs it.
    """
    model = _model(caller, use, form.version, is_active=form.is_active)
    width = len(model.inputs)
    if any(len(row) != width for row in form.rows) or len(form.rows) * width > MAX_CELLS:
        raise BadInputError(
            f"each row has {width} values, and there are at most {MAX_CELLS} values in all.",
            hint="Give the inputs in their order: GET served names them.", key="rows",
        )  # fmt: skip
    table = [[math.nan if one is None else one for one in row] for row in form.rows]
    rows = np.array(table, dtype=np.float64).reshape(len(table), width)
    return _answer(model.predict(rows, explain=form.explain))


@router.get("/{use}/replay")
def replay(use: Use, state: State, caller: Caller, newest: Newest = 0) -> dict[str, Any]:
    """Logged predictions made again from their logged inputs, and compared bit by bit."""
    caller.require_class(DataClass.CONFIDENTIAL)
    answer: dict[str, Any] = plain(LocalModels(state.desk.site).replay(use, newest))
    return answer


def _model(caller: Principal, use: str, version: int, *, is_active: bool) -> ServedModel:
    models = caller.site.models
    if not version:
        return models.active(use)
    if not is_active:
        return models.version(use, version)
    model = models.active(use)
    if model.ref.version != version:
        raise ConflictError(
            f"{use}@{version} serves no more: {model.ref} does.",
            hint="Ask for the active model again.",
        )
    return model


def _answer(block: PredictionBlock) -> dict[str, Any]:
    return {
        "use": block.model.use,
        "version": block.model.version,
        "digest": block.model.digest,
        "input_digest": block.input_digest,
        "confidence": block.confidence,
        "contributors": list(block.contributors),
        "value": _plain(block.values),
        "lower": _plain(block.lower),
        "upper": _plain(block.upper),
        "outside": block.outside.tolist(),
        "baseline": None if block.baseline is None else _plain(block.baseline),
        "contributions": None if block.contributions is None else _plain(block.contributions),
    }


def _plain(column: Any) -> list[Any]:
    """Numbers as JSON has them: with all digits, and null for none."""
    listed: list[Any] = np.asarray(np.where(np.isfinite(column), column, None)).tolist()
    return listed
