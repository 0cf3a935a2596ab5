"""Real-time release testing: what is registered, what was asked, what came of it.

A registration (stream `release-registration/<registration>`) says for one product, market and
attribute that a prediction may stand for a test. What was asked of a batch stands in
`release-test/<test>`; `core.release_pages` has the pages of evidence.

References:
    EU GMP Annex 17 (2018), 3; ICH Q8(R2), 2.5 and Q&A 2.1; 21 CFR 211.165(a).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator

from goldenbatch.core.findings import Evidence
from goldenbatch.core.model_card import DIGEST, USE_PATTERN
from goldenbatch.core.records import Body, DataClass, record_type
from goldenbatch.core.release_parts import (
    ContingencyTest,
    Manufacture,
    Part,
    Registration,
    holds_within,
    is_sterility,
)
from goldenbatch.core.results import Limit, NumberText

REGISTRATIONS: Final = "release-registration/"
TESTS: Final = "release-test/"
Reason = Annotated[str, Field(min_length=3)]


def quoted(*names: str) -> str:
    """Names as one, so that no two lists of names give the same."""
    return "/".join(one.replace("%", "%25").replace("/", "%2F") for one in names)


def registration_id(product: str, market: str, attribute: str) -> str:
    """Id of a registration.

    >>> registration_id("A/1", "EU", "assay")
    'A%2F1/EU/assay'
    """
    return quoted(product, market, attribute)


def registration_stream(product: str, market: str, attribute: str) -> str:
    """Stream of all versions of a registration."""
    return REGISTRATIONS + registration_id(product, market, attribute)


def release_test_id(batch: str, market: str, attribute: str) -> str:
    """Id of a release test."""
    return quoted(batch, market, attribute)


def test_stream(batch: str, market: str, attribute: str) -> str:
    """Stream of all that was asked and said of one attribute of a batch for a market."""
    return TESTS + release_test_id(batch, market, attribute)


test_stream.__test__ = False  # type: ignore[attr-defined]


# ---- the registration -------------------------------------------------------------------------


class _OfRegistration(Body):
    """Base of the events of one registration."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    product: str = Field(min_length=1)
    market: str = Field(min_length=1)
    attribute: str = Field(min_length=1)
    version: int = Field(ge=1, description="Version of the registration, from 1.")

    @property
    def stream(self) -> str:
        """Stream that it belongs to."""
        return registration_stream(self.product, self.market, self.attribute)


@record_type
class ReleaseRegistrationProposed(_OfRegistration):
    """Somebody entered what is registered; it lets nothing be released before it is approved."""

    registration: Registration
    reason: Reason

    @model_validator(mode="after")
    def _is_of_it(self) -> ReleaseRegistrationProposed:
        told = self.registration
        if (told.product, told.market, told.attribute) != (
            self.product, self.market, self.attribute,
        ):  # fmt: skip
            raise ValueError("the registration is of another product, market or attribute")
        return self


@record_type
class ReleaseRegistrationApproved(_OfRegistration):
    """Quality found it to be what the authority approved; signed with it, as approved.

    Attributes:
        proposal: The entry that is approved, `stream@version`.
        digest: Leaf hash of that entry.
    """

    signed_as: ClassVar[str] = "approved"

    proposal: str = Field(min_length=1)
    digest: str = Field(pattern=DIGEST)
    reason: Reason


@record_type
class ReleaseRegistrationWithdrawn(_OfRegistration):
    """This version, and every earlier one, lets nothing be released any more."""

    supersedes: ClassVar[tuple[str, ...]] = ("ReleaseRegistrationProposed",)

    reason: Reason


# ---- what was asked of a batch ----------------------------------------------------------------


class ReleaseOutcome(StrEnum):
    """What a prediction means for the release."""

    PASSES = "passes"
    FAILS = "fails"
    TRENDS = "trends_to_failure"
    NO_PREDICTION = "no_valid_prediction"


class NoPrediction(StrEnum):
    """Why there is no valid prediction."""

    MISSING_INPUT = "missing_input"
    INSTRUMENT_FAULT = "instrument_fault"
    OUT_OF_DOMAIN = "out_of_domain"
    NO_VALUE = "no_value"
    NO_INTERVAL = "no_interval"
    MODEL_NOT_IN_USE = "model_not_in_use"
    MODEL_NOT_ACCEPTED = "model_not_accepted"
    MODEL_CHANGED = "model_changed"
    OUTSIDE_CONTEXT = "outside_context"


class InputRead(Part):
    """One input as it was read.

    Attributes:
        value: Number as text; empty: there is none, and `fault` says why.
        source: Where it comes from, in words.
        fault: Why there is no value; empty else.
        why: The same in a sentence.
    """

    name: str = Field(min_length=1)
    value: NumberText = ""
    unit: str = "1"
    source: str = Field(min_length=1)
    evidence: tuple[Evidence, ...] = ()
    fault: Literal["", NoPrediction.MISSING_INPUT, NoPrediction.INSTRUMENT_FAULT] = ""
    why: str = ""

    @model_validator(mode="after")
    def _has_value_or_fault(self) -> InputRead:
        if bool(self.value) == bool(self.fault):
            raise ValueError(f"input {self.name!r} has either a value or a fault")
        if self.value and not self.evidence:
            raise ValueError(f"input {self.name!r} has no evidence")
        return self


class ModelUsed(Part):
    """The model that was asked.

    Attributes:
        digest: SHA-256 of the artefact that served.
        approval: Its approval, `stream@version`.
        acceptance: SHA-256 of the evaluation that accepts it for release.
    """

    use: str = Field(pattern=USE_PATTERN)
    version: int = Field(ge=1)
    digest: str = Field(pattern=DIGEST)
    approval: str = Field(min_length=1)
    acceptance: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class Predicted(Part):
    """What the model said, in the unit of its output.

    Attributes:
        confidence: Share of values that such intervals are to hold.
        is_in_domain: Whether the inputs lie within the context of use.
        reason: Why not; empty else.
    """

    value: NumberText = ""
    lower: NumberText = ""
    upper: NumberText = ""
    unit: str = "1"
    confidence: float | None = Field(default=None, gt=0, lt=1)
    is_in_domain: bool
    reason: str = ""


class _OfTest(Body):
    """Base of the events of one release test."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    batch: str = Field(min_length=1)
    market: str = Field(min_length=1)
    attribute: str = Field(min_length=1)

    @property
    def stream(self) -> str:
        """Stream that it belongs to."""
        return test_stream(self.batch, self.market, self.attribute)


@record_type
class ReleaseTested(_OfTest):
    """Somebody asked what may be said of an attribute of a batch without a laboratory.

    Attributes:
        registration: The approval of the registration that it was asked under, `stream@version`.
        manufacture: How the product is made.
        limit: The registered limit.
        bound: What of the interval must lie within the limit.
        confidence: Least confidence of the interval.
        model: The model that was asked; null: none could be.
        inputs: What it was asked with.
        input_digest: SHA-256 of the canonical bytes of the inputs; empty: one was missing.
        prediction: What it said; null: nothing.
        outcome: What that means.
        no_prediction: Why there is no valid prediction; empty else.
        why: The outcome in a sentence.
        most_contingency: Share of batches without valid prediction that is registered.
        trend: What makes it a trend to failure.
        recent: Earlier tests that a run rule looked at, `stream@version`, oldest first.
        corrects: Version of the test in this stream whose evidence was corrected; 0: it is the
            first one.
        reason: Why it was asked again; empty for the first one.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ReleaseTested",)

    product: str = Field(min_length=1)
    registration: str = Field(min_length=1)
    manufacture: Manufacture
    limit: Limit
    bound: Literal["interval", "lower", "upper"]
    confidence: float = Field(gt=0, lt=1)
    model: ModelUsed | None = None
    inputs: tuple[InputRead, ...] = ()
    input_digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    prediction: Predicted | None = None
    outcome: ReleaseOutcome
    no_prediction: Literal[""] | NoPrediction = ""
    why: str = Field(min_length=1)
    most_contingency: float = Field(gt=0, le=0.5)
    trend: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    corrects: int = Field(default=0, ge=0)
    reason: str = ""

    @model_validator(mode="after")
    def _is_true(self) -> ReleaseTested:
        if bool(self.corrects) != bool(self.reason):
            raise ValueError("a correction, and no other, names the test and says why")
        if (self.outcome is ReleaseOutcome.NO_PREDICTION) != bool(self.no_prediction):
            raise ValueError("without a valid prediction, and only then, a reason is named")
        if self.outcome is ReleaseOutcome.PASSES and (fault := self._fault()):
            raise ValueError(f"it does not pass: {fault}")
        return self

    def _fault(self) -> str:
        """Why this is no pass, whatever it says; empty where it is one."""
        said, model = self.prediction, self.model
        is_sterile = self.manufacture is Manufacture.TERMINALLY_STERILISED
        if is_sterility(self.attribute) and not is_sterile:
            return "sterility of it is never predicted"
        if said is None or model is None or not self.input_digest or not model.acceptance:
            return "a pass needs a prediction of an accepted model, with its inputs"
        if any(one.fault for one in self.inputs) or not self.inputs or not said.is_in_domain:
            return "an input has a fault, or lies outside the domain"
        if said.confidence is None or said.confidence < self.confidence:
            return "its interval is not of the registered confidence"
        if self.trend:
            return f"it trends to failure: {self.trend[0]}"
        return holds_within(self.attribute, said, self.limit, self.bound)


@record_type
class ReleaseInvestigationOpened(_OfTest):
    """An OOS or OOT investigation began; appended together with what led to it.

    Attributes:
        category: Out of specification, or out of trend.
        cause_version: Version of the event in this stream that led to it.
    """

    category: Literal["oos", "oot"]
    cause_version: int = Field(ge=1)
    statement: str = Field(min_length=1)


@record_type
class ContingencyTestCalled(_OfTest):
    """There is no valid prediction: the test that was registered in advance decides.

    Attributes:
        contingency: The registered test.
        no_prediction: Why it is called.
        why: The same in a sentence.
    """

    product: str = Field(min_length=1)
    contingency: ContingencyTest
    no_prediction: NoPrediction
    why: str = Field(min_length=1)


@record_type
class LaboratoryResultLinked(_OfTest):
    """A laboratory's result of the registered contingency test was put beside the release test.

    Attributes:
        sample: Sample that was tested.
        test: Test within the sample.
        record: Event that reported it, `stream@version`.
        digest: Leaf hash of that event.
        value: As it was reported, with its unit.
        within: Whether it is surely within the registered limit.
        outside: Whether it is surely outside; both false: it decides nothing.
        statement: The comparison in words.
    """

    sample: str = Field(min_length=1)
    test: str = Field(min_length=1)
    record: str = Field(min_length=1)
    digest: str = Field(pattern=DIGEST)
    value: str = Field(min_length=1)
    within: bool
    outside: bool
    statement: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_one(self) -> LaboratoryResultLinked:
        if self.within and self.outside:
            raise ValueError("a result is not within and outside at once")
        return self


@record_type
class ReleaseInvestigationConcluded(_OfTest):
    """Quality ended an investigation; signed with it, as approved. It makes nothing pass.

    Attributes:
        investigation: Version of the opening in this stream.
        finding: The failure is real, or a cause that is none of the product's was shown.
        root_cause: What led to it.
        evidence: Records that show it, `stream@version`.
        actions: What follows, and under which numbers.
    """

    signed_as: ClassVar[str] = "approved"

    investigation: int = Field(ge=1)
    finding: Literal["confirmed", "assignable_cause"]
    root_cause: str = Field(min_length=10)
    evidence: tuple[str, ...] = ()
    actions: str = ""

    @model_validator(mode="after")
    def _is_shown(self) -> ReleaseInvestigationConcluded:
        if self.finding == "assignable_cause" and not self.evidence:
            raise ValueError("an assignable cause is shown by records: name them")
        return self
