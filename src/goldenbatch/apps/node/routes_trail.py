"""Endpoints of the audit trail: search it, be shown it, review it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Number, Text
from goldenbatch.apps.node.state import Caller, State
from goldenbatch.core.audit import Act
from goldenbatch.core.records import DataClass
from goldenbatch.runtime.audit import may_see_names

router = APIRouter(responses=RESPONSES)
Texts = Annotated[list[Text], Field(max_length=1000)]


class Wanted(Form):
    """Which entries are wanted; what is left out does not restrict."""

    streams: Texts = Field(default_factory=list)
    batch: Text = ""
    prefix: Text = ""
    actor: Text = ""
    kinds: Texts = Field(default_factory=list)
    acts: list[Act] = Field(default_factory=list)
    since: Text | int | None = None
    until: Text | int | None = None
    text: Text = ""
    is_late: bool | None = None
    is_unsigning: bool | None = None

    def given(self) -> dict[str, Any]:
        """What was given, as plain values."""
        return self.model_dump(mode="json", exclude_defaults=True)


class TrailForm(Form):
    """Which entries, in which order, and how many; no limit means all."""

    wanted: Wanted = Field(default_factory=Wanted)
    sort: Text = "seq"
    offset: Number = 0
    limit: Number | None = None


class Showing(Form):
    """Which entries are shown, and to whom; without a login to whom the session belongs."""

    login: Text = ""
    password: Text = ""
    wanted: Wanted = Field(default_factory=Wanted)


class Review(Form):
    """A review of entries that were shown; login and password sign it."""

    login: Text
    password: Text
    stream: Text
    opened: Annotated[int, Field(ge=1, le=2**53)]
    comment: Annotated[Text, Field(min_length=1)]
    is_satisfactory: bool = True


@router.post("/trail", tags=["trail"])
def trail(form: TrailForm, state: State, caller: Caller) -> dict[str, Any]:
    """Entries of the audit trail: who did what, when and why, old value and new value."""
    sees_names = caller.is_local or may_see_names(state.desk.site, caller.actor)
    page = form.model_dump(exclude={"wanted"})
    return state.desk.trail(form.wanted.given(), page, sees_names=sees_names, site=caller.site)


@router.post("/trail/showings", tags=["trail"])
def showing(form: Showing, state: State, caller: Caller) -> dict[str, Any]:
    """Show a person all entries that fit and record that they were shown, for a review."""
    for one in DataClass:  # who reviews must be able to see all that is reviewed
        caller.require_class(one)
    with state.gate:
        if form.login or caller.is_local:
            return state.desk.open_trail(form.login, form.password, form.wanted.given())
        return state.desk.show_trail(caller.actor, form.wanted.given())


@router.post("/trail/reviews", tags=["trail"])
def review(form: Review, state: State, _: Caller) -> dict[str, Any]:
    """Review entries that were shown to the same person before, signed."""
    values = form.model_dump(exclude={"login", "password"})
    with state.gate:
        return state.desk.review_trail(form.login, form.password, values)
