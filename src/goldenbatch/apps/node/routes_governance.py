"""Endpoints of models for pages: what serves, a version's card and life, what it said lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import MAX_INT, plain
from goldenbatch.apps.node.state import Caller, NodeState, Principal, State
from goldenbatch.core.model_card import USE_PATTERN
from goldenbatch.core.records import DataClass

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

router = APIRouter(prefix="/governance", tags=["models"], responses=RESPONSES)
Use = Annotated[str, Path(pattern=USE_PATTERN)]
Version = Annotated[int, Path(ge=0, le=10**9, description="0: what serves, else the newest.")]
At = Annotated[int, Query(ge=0, le=MAX_INT, description="Microseconds UTC; 0: now.")]
DAY_US = 86_400_000_000


class _Judged:
    """A site as the person may see it, with the rules that signatures are judged by."""

    def __init__(self, seen: Site, rules: Any) -> None:
        self._seen, self.signing_rules = seen, rules

    def __getattr__(self, name: str) -> Any:
        return getattr(self._seen, name)


def _site(state: NodeState, caller: Principal) -> Any:
    return _Judged(caller.site, state.desk.site.signing_rules)


@router.get("/models")
def lines(state: State, caller: Caller) -> dict[str, Any]:
    """Each use: what serves, since when and why, its versions, its open findings."""
    from goldenbatch.capabilities.governance.told import lines_told

    answer: dict[str, Any] = plain({"uses": lines_told(_site(state, caller))})
    return answer


@router.get("/models/{use}/{version}")
def card(use: Use, version: Version, state: State, caller: Caller) -> dict[str, Any]:
    """The card of a version: steps of its life, sections, shadows, findings, what it lacks."""
    from goldenbatch.capabilities.governance.told import card_told

    caller.require_class(DataClass.CONFIDENTIAL)
    answer: dict[str, Any] = plain(card_told(_site(state, caller), use, version))
    return answer


@router.get("/models/{use}/{version}/standing")
def standing(use: Use, version: Version, at: At, state: State, caller: Caller) -> dict[str, Any]:
    """Stage of a version, and what served, as of a time."""
    from goldenbatch.capabilities.governance.told import serves_at, stage_at

    site = _site(state, caller)
    moment = at or site.clock()
    stage = stage_at(site, use, version, moment)
    return {"use": use, "at": moment, "stage": stage, "serves": serves_at(site, use, moment)}


@router.get("/models/{use}/{version}/predictions")
def predictions(use: Use, version: Version, state: State, caller: Caller) -> dict[str, Any]:
    """What was predicted lately, by whatever version served; the newest 200 rows, by time."""
    from goldenbatch.capabilities.governance.told_predictions import predictions_told
    from goldenbatch.runtime.prediction_log import log_tag

    caller.require_class(DataClass.CONFIDENTIAL)
    tags = {name: log_tag(use, name) for name in ("value", "lower", "upper", "outside")}
    answer: dict[str, Any] = plain(predictions_told(caller.site, tags, DAY_US))
    return answer
