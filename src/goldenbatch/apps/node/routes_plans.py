"""Endpoints of change plans: all versions with their states, and one of them whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import plain
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.apps.plans import LocalPlans
from goldenbatch.core.change_plan_parts import NAME

router = APIRouter(prefix="/plans", tags=["models"], responses=RESPONSES)
Plan = Annotated[str, Path(pattern=NAME)]
Version = Annotated[str, Query(max_length=40, description="A version; empty: the newest.")]


@router.get("")
def plans(state: State, caller: Caller) -> dict[str, Any]:
    """All versions of all change plans that the caller may see, each with its state."""
    answer: dict[str, Any] = plain(LocalPlans(state.desk.site, caller.site).plans())
    return answer


@router.get("/{plan}")
def plan(plan: Plan, state: State, caller: Caller, version: Version = "") -> dict[str, Any]:
    """One version of a change plan whole: its state, who signed it, and its text."""
    told = LocalPlans(state.desk.site, caller.site).plan(plan, version)
    answer: dict[str, Any] = plain(told)
    return answer
