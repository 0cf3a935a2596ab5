"""Events of a model's life: drafted, stated, fixed, sealed, trained, tested, validated, approved.

A version has a stream of its own, `model/<use>/<version>`, so that who did the work and who may
judge it is asked of that version. Which version serves stands in `model/<use>`: one stream, so
that two can never be active.

References:
    EU GMP Annex 22, draft of July 2025, 3 to 10; 21 CFR 11.10(f).
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

from pydantic import Field, model_validator

from goldenbatch.core.model_card import (
    DIGEST,
    USE_PATTERN,
    Criterion,
    DataUsed,
    EvidenceRef,
    IntendedUse,
    Measured,
)
from goldenbatch.core.records import Body, DataClass, record_type

PREFIX: Final = "model/"


def line_stream(use: str) -> str:
    """Stream that says which version of a use serves."""
    return f"{PREFIX}{use}"


def version_stream(use: str, version: int) -> str:
    """Stream of one version of a use."""
    return f"{PREFIX}{use}/{version}"


class ModelBody(Body):
    """Base of the events of one version of a model."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)


@record_type
class ModelDrafted(ModelBody):
    """A version of a model was begun.

    Attributes:
        title: For people.
        owner: Role or department that answers for it.
        method: Kind of model, such as `PLS on treated spectra`.
        explanation: How its predictions are explained, or why not.
        analyst: Analyst of this home whose model it is; empty: none.
        follows: Version that it is an update of; its intended use and criteria hold on.
        plan: Change plan under which it is an update, `id@version`; empty: none.
        modification: Name of the plan's modification that it is; empty: none.
        trigger: What led to the update, a record `stream@version` or words.
        origin: Where it was made.
        known: What is known of an imported model (framework, run, parameters), as texts.
        missing: What is not known of it.
    """

    title: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    method: str = Field(min_length=1)
    explanation: str = ""
    analyst: str = ""
    follows: int = Field(default=0, ge=0)
    plan: str = ""
    modification: str = ""
    trigger: str = ""
    origin: Literal["here", "imported"] = "here"
    known: dict[str, str] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _follows_an_earlier_one(self) -> ModelDrafted:
        if self.follows >= self.version:
            raise ValueError("a version follows an earlier one")
        if self.plan and not (self.follows and self.modification):
            raise ValueError("an update under a plan says which version it follows, and names "
                             "the modification")  # fmt: skip
        return self


@record_type
class IntendedUseStated(ModelBody):
    """Somebody who knows the process said what the model is for; signed with it, as reviewed."""

    supersedes: ClassVar[tuple[str, ...]] = ("IntendedUseStated",)
    signed_as: ClassVar[str] = "reviewed"

    intended: IntendedUse


@record_type
class CriteriaFixed(ModelBody):
    """Acceptance criteria were fixed before any test; signed with it, as reviewed."""

    supersedes: ClassVar[tuple[str, ...]] = ("CriteriaFixed",)
    signed_as: ClassVar[str] = "reviewed"

    criteria: tuple[Criterion, ...] = Field(min_length=1)
    n_least: int = Field(ge=2, description="Least number of independent rows of the test.")
    reason: str = Field(min_length=1)


@record_type
class TestDataBound(ModelBody):
    """A sealed test set was chosen for the version.

    Attributes:
        test_set: Id, `test-set/<id>`.
        digest: SHA-256 of the sealed rows.
        seal: The sealing, as `stream@version`.
        n_openings: How often the set had been opened before.
    """

    __test__: ClassVar[bool] = False
    supersedes: ClassVar[tuple[str, ...]] = ("TestDataBound",)

    test_set: str = Field(min_length=1)
    digest: str = Field(pattern=DIGEST)
    seal: str = Field(min_length=1)
    n_openings: int = Field(ge=0)


@record_type
class ModelTrained(ModelBody):
    """The model was fitted and frozen; signed with it, as performed.

    Attributes:
        digest: SHA-256 of the artefact.
        media_type: Of the artefact; another one is refused when it is loaded.
        data: What it was trained on.
        settings: Settings of the method.
        code_version: Version of the code that trained it.
        environment: Versions of packages, and CPU, that it was trained with.
        seeds: Seeds of all that was random.
        measures: How good it is on its own training data, named in full; no evidence of use.
        fitted: The `ModelFitted` event that it came from, `stream@version`; empty: none.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ModelTrained",)
    signed_as: ClassVar[str] = "performed"

    digest: str = Field(pattern=DIGEST)
    media_type: str = Field(min_length=1)
    data: DataUsed
    settings: dict[str, Any]
    code_version: str = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    seeds: dict[str, int] = Field(default_factory=dict)
    measures: dict[str, float] = Field(default_factory=dict)
    fitted: str = ""


@record_type
class ModelTested(ModelBody):
    """The frozen model was tested on the opened set; signed with it, as performed.

    Attributes:
        digest: Artefact that was tested.
        test_set: Id of the set.
        opening: The opening of it for this version, `stream@version`.
        outcomes: One for each criterion, in their order.
        is_passed: Whether all are met.
        report: SHA-256 of the test report in the registry.
    """

    signed_as: ClassVar[str] = "performed"

    digest: str = Field(pattern=DIGEST)
    test_set: str = Field(min_length=1)
    opening: str = Field(min_length=1)
    outcomes: tuple[Measured, ...] = Field(min_length=1)
    n_rows: int = Field(ge=1)
    is_passed: bool
    report: str = Field(pattern=DIGEST)

    @model_validator(mode="after")
    def _is_true(self) -> ModelTested:
        if self.is_passed != all(one.is_met for one in self.outcomes):
            raise ValueError("a test passes if all its criteria are met, and only then")
        return self


@record_type
class ModelValidated(ModelBody):
    """Somebody else found that the evidence shows it fit for its use; signed, as verified.

    Attributes:
        evidence: Verification and validation evidence, kept apart; at least one of each.
        statement: What follows from it.
    """

    signed_as: ClassVar[str] = "verified"

    digest: str = Field(pattern=DIGEST)
    evidence: tuple[EvidenceRef, ...] = Field(min_length=1)
    statement: str = Field(min_length=1)

    @model_validator(mode="after")
    def _has_both_sides(self) -> ModelValidated:
        missing = {"verification", "validation"} - {one.side for one in self.evidence}
        if missing:
            raise ValueError(f"there is no evidence of {' or '.join(sorted(missing))}")
        return self


@record_type
class ModelApproved(ModelBody):
    """Quality approved a version for its use; signed with it, as approved.

    Attributes:
        basis: First approval, update within its plan, or by change control.
        judgement: The gate's judgement that it rests on, `stream@version`, for `in_plan`.
        change: Change-control record that it rests on, for `change_control`.
    """

    signed_as: ClassVar[str] = "approved"

    digest: str = Field(pattern=DIGEST)
    basis: Literal["first", "in_plan", "change_control"]
    judgement: str = ""
    change: str = ""
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_its_basis(self) -> ModelApproved:
        if (self.basis == "in_plan") != bool(self.judgement):
            raise ValueError("an approval within a plan, and no other, names the judgement")
        if (self.basis == "change_control") != bool(self.change):
            raise ValueError("an approval by change control, and no other, names its record")
        return self


# ---- which version serves: stream `model/<use>` -----------------------------------------------


class _LineBody(Body):
    """Base of the events that say which version serves."""

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)


@record_type
class ModelActivated(_LineBody):
    """A person put an approved version to work; it replaces the one before.

    Attributes:
        digest: Artefact that serves from now on.
        media_type: Its type.
        approval: The approval, `stream@version`.
        replaces: Version that served before; 0: none did.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ModelActivated", "ModelSuspended")

    digest: str = Field(pattern=DIGEST)
    media_type: str = Field(min_length=1)
    approval: str = Field(min_length=1)
    replaces: int = Field(ge=0)
    reason: str = Field(min_length=1)


@record_type
class ModelSuspended(_LineBody):
    """The version that served was taken from its work; its fallback takes over.

    Attributes:
        fallback: Version that serves instead, approved before; 0: the contingency.
        digest: Artefact of the fallback; empty for the contingency.
        media_type: Its type.
        approval: Approval of the fallback.
        clause: Clause of an approved change plan that says so, `plan@version#clause`; an act of
            the node itself has one, a person's may.
        watch: The finding that led to it; empty: none.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ModelActivated", "ModelSuspended")

    fallback: int = Field(ge=0)
    digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    media_type: str = ""
    approval: str = ""
    clause: str = ""
    watch: str = ""
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fallback_is_whole(self) -> ModelSuspended:
        if bool(self.fallback) != bool(self.digest and self.media_type and self.approval):
            raise ValueError("a fallback has its artefact, type and approval")
        if self.fallback == self.version:
            raise ValueError("a version is no fallback of itself")
        return self


@record_type
class ModelRetired(_LineBody):
    """A version will never serve again."""

    reason: str = Field(min_length=1)
