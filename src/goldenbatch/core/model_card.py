"""Model cards: what a model is for, where it is valid, and how it must prove itself.

Parts of the records of a model version; `core.model_life` has the events that carry them, and
folds them into one card.

References:
    EU GMP Annex 22, draft of July 2025, 3 to 10; FDA, Considerations for the Use of AI to Support
    Regulatory Decision-Making (draft, January 2025), steps 1 to 3.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from goldenbatch.core.records import Micros

DIGEST = r"^[0-9a-f]{64}$"
USE_PATTERN = r"^[a-z][a-z0-9_.-]{0,59}$"


def _nan_if_none(value: Any) -> Any:
    return math.nan if value is None else value


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else value


Estimate = Annotated[
    float,
    BeforeValidator(_nan_if_none),
    PlainSerializer(_none_if_nan, return_type=float | None, when_used="json"),
]
"""A number that may not have been found: NaN in Python, null in JSON, which knows no NaN."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Criticality(StrEnum):
    """What an error of the model may do to patient, product or data (Annex 22, 1 and 3)."""

    CRITICAL = "critical"
    OTHER = "other"


class ModelInput(_Part):
    """One input of a model.

    Attributes:
        name: As the artefact knows it.
        unit: UCUM code.
        tag: Tag or attribute that it is read from, where it is one.
        lower: Least value of the domain; None: no bound.
        upper: Greatest value of the domain.
    """

    name: str = Field(min_length=1)
    unit: str = "1"
    tag: str = ""
    lower: float | None = None
    upper: float | None = None

    @model_validator(mode="after")
    def _is_range(self) -> ModelInput:
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"the range of {self.name!r} ends before it begins")
        return self


class ContextOfUse(_Part):
    """Where a model may be used; a prediction outside it is flagged, never silent.

    Attributes:
        products: Products, at least one.
        places: Places (equipment) of the plant, at least one.
        phases: Phases of the recipe; empty: all.
        site: Site of the plant.
    """

    products: tuple[str, ...] = Field(min_length=1)
    places: tuple[str, ...] = Field(min_length=1)
    phases: tuple[str, ...] = ()
    site: str = Field(min_length=1)

    def covers(self, other: ContextOfUse) -> bool:
        """Whether all of another context lies within this one."""
        phases = not self.phases or (bool(other.phases) and set(other.phases) <= set(self.phases))
        return (
            self.site == other.site
            and set(other.products) <= set(self.products)
            and set(other.places) <= set(self.places)
            and phases
        )


class IntendedUse(_Part):
    """What a model is for, stated by who knows the process before anything is tested.

    Attributes:
        purpose: What it says, and what is done with it.
        criticality: What an error may do.
        risk_record: Risk assessment that it answers to.
        replaces: The present practice that it replaces or supports; its measure is the floor.
        contingency: What is done where there is no valid prediction.
        human: Who looks at its output and what they must do; empty: nobody does.
        procedures: Procedures on which that person must be trained.
        subgroups: Subgroups of the input space that are tested apart, such as `wet season`.
        limitations: What it cannot do.
        influence: What its output decides without anything else: `release` stands in place of a
            test for release, which only such a use may; empty: not stated, so nothing.
    """

    purpose: str = Field(min_length=10)
    criticality: Criticality
    risk_record: str = Field(min_length=1)
    context: ContextOfUse
    inputs: tuple[ModelInput, ...] = Field(min_length=1)
    output: str = Field(min_length=1)
    output_unit: str = "1"
    replaces: str = Field(min_length=1)
    contingency: str = Field(min_length=1)
    human: str = ""
    procedures: tuple[str, ...] = ()
    subgroups: tuple[str, ...] = ()
    limitations: str = ""
    influence: Literal["", "monitoring", "control", "release"] = ""


class Criterion(_Part):
    """One acceptance criterion, fixed before the test data are opened.

    Attributes:
        measure: Such as `rmse`, `bias`, `coverage`, `rmse_ratio_to_baseline`, `sensitivity`.
        subgroup: Subgroup of the test set that it is of; empty: all.
        relation: What it must be.
        limit: In the unit of the measure.
        confidence: The bound of this one-sided confidence must meet the limit; 0: the estimate.
    """

    measure: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    subgroup: str = ""
    relation: Literal["at_most", "at_least"]
    limit: float
    confidence: float = Field(default=0.95, ge=0, lt=1)

    def is_met(self, estimate: float, lower: float | None, upper: float | None) -> bool:
        """Whether a measure with the one-sided bounds at the confidence meets it; NaN does not.

        >>> Criterion(measure="rmse", relation="at_most", limit=2).is_met(1.5, 1.2, 1.9)
        True
        >>> Criterion(measure="rmse", relation="at_most", limit=2).is_met(1.5, 1.2, 2.1)
        False
        """
        bound: float | None = estimate
        if self.confidence:
            bound = upper if self.relation == "at_most" else lower
        if bound is None or math.isnan(bound):
            return False
        return bound <= self.limit if self.relation == "at_most" else bound >= self.limit


class DataRange(_Part):
    """A range of data, by content.

    Attributes:
        what: Tag, or attribute of samples.
        digest: SHA-256 of the canonical readings or results.
        n: Number of readings or results.
    """

    what: str = Field(min_length=1)
    digest: str = Field(pattern=DIGEST)
    n: int = Field(ge=1)
    start: Micros | None = None
    end: Micros | None = None


class DataUsed(_Part):
    """Data that a version was trained on, or that a test set is made of.

    Attributes:
        ranges: Ranges with their digests.
        batches: Batches that they are of.
        lots: Lots of materials, `material/lot`.
        samples: Samples whose results were used.
        places: Equipment that they were measured on.
        rows: SHA-256 of each row (inputs and reference, canonical), so that one row in both
            training and test is found whatever it is called.
    """

    ranges: tuple[DataRange, ...] = Field(min_length=1)
    batches: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


class Measured(_Part):
    """One measure with its interval, and whether a criterion is met.

    Attributes:
        estimate: The measure itself; NaN where it could not be found, which meets nothing.
        lower: Lower one-sided bound at the criterion's confidence.
        upper: Upper one-sided bound.
        n: Number of independent rows that it rests on.
        baseline: The same measure of the naive baseline.
        practice: The same measure of the present practice.
    """

    criterion: Criterion
    estimate: Estimate
    lower: float | None = None
    upper: float | None = None
    n: int = Field(ge=0)
    baseline: float | None = None
    practice: float | None = None
    is_met: bool

    @model_validator(mode="after")
    def _is_true(self) -> Measured:
        if self.is_met != self.criterion.is_met(self.estimate, self.lower, self.upper):
            raise ValueError(f"{self.criterion.measure}: the numbers say otherwise than `is_met`")
        return self


class EvidenceRef(_Part):
    """One piece of evidence for a model.

    Attributes:
        side: Verification (the code solves what it claims to) or validation (it describes the
            plant for its context of use); they are kept apart.
        what: What it shows.
        record: Record it stands in, `stream@version`; empty: an artefact.
        digest: SHA-256 of the artefact, or leaf of the record.
    """

    side: Literal["verification", "validation"]
    what: str = Field(min_length=1)
    record: str = ""
    digest: str = Field(pattern=DIGEST)
