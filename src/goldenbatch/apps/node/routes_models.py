"""Endpoints of models under control: all versions, and what happened to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from goldenbatch.apps.models import LocalModels
from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import plain
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.core.model_card import USE_PATTERN

router = APIRouter(prefix="/models", tags=["models"], responses=RESPONSES)
Use = Annotated[str, Path(pattern=USE_PATTERN)]
Version = Annotated[int, Query(ge=0, le=10**9, description="A version; 0: all.")]


@router.get("")
def models(state: State, caller: Caller) -> dict[str, Any]:
    """All versions of all models that the caller may see, each with its stage."""
    answer: dict[str, Any] = plain(LocalModels(state.desk.site, caller.site).models())
    return answer


@router.get("/{use}/history")
def history(use: Use, state: State, caller: Caller, version: Version = 0) -> dict[str, Any]:
    """What happened to a model, in order: who did what, signed how, and what counts for nothing."""
    told = LocalModels(state.desk.site, caller.site).history(use, version)
    answer: dict[str, Any] = plain(told)
    return answer
