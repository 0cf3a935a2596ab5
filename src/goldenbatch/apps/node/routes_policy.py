"""Endpoints of the policy: shown, compared, proposed; it is adopted in the signing ceremony."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Text, plain
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.apps.policies import LocalPolicies
from goldenbatch.core.records import DataClass

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{4,64}$", description="Its first digits, or all.")]
router = APIRouter(prefix="/policy", tags=["rights"], responses=RESPONSES)


class PolicyText(Form):
    """A policy as TOML."""

    text: Text


class Proposal(PolicyText):
    """A policy that a person proposes, and from when on (ISO 8601; empty: its adoption)."""

    login: Text
    password: Text
    reason: Annotated[Text, Field(min_length=1)]
    effective_from: Text = ""


@router.get("")
def show(state: State, caller: Caller) -> dict[str, Any]:
    """The policy in force, who signed it or since when it is unsigned, and its history."""
    caller.require_class(DataClass.OPERATIONAL)
    answer: dict[str, Any] = plain(LocalPolicies(state.desk.site).show())
    return answer


@router.get("/proposals")
def proposals(state: State, caller: Caller) -> dict[str, Any]:
    """Proposed policies, newest first, and what became of them."""
    caller.require_class(DataClass.OPERATIONAL)
    answer: dict[str, Any] = plain(LocalPolicies(state.desk.site).proposals())
    return answer


@router.get("/proposals/{digest}")
def proposal(digest: Digest, state: State, caller: Caller) -> dict[str, Any]:
    """A proposed policy whole, with what it would change now and why it could not be adopted."""
    caller.require_class(DataClass.OPERATIONAL)
    answer: dict[str, Any] = plain(LocalPolicies(state.desk.site).proposal(digest))
    return answer


@router.post("/diff")
def diff(form: PolicyText, state: State, caller: Caller) -> dict[str, Any]:
    """What a policy would change here, and why it could not be adopted."""
    caller.require_class(DataClass.OPERATIONAL)
    answer: dict[str, Any] = plain(LocalPolicies(state.desk.site).diff(form.text))
    return answer


@router.post("/proposals")
def propose(form: Proposal, state: State, _: Caller) -> dict[str, Any]:
    """Propose a policy; another person adopts it by a signature (`policy` of a preparation)."""
    with state.gate:
        answer: dict[str, Any] = plain(
            LocalPolicies(state.desk.site).propose(
                form.login, form.password, form.text, form.reason, form.effective_from
            )
        )
    return answer
