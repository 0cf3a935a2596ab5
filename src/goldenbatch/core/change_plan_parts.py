"""Parts of a change plan: what may change, how it is shown to be good, and how far in all.

References:
    FDA, Marketing Submission Recommendations for a Predetermined Change Control Plan (December
    2024), V to VIII; ICH Q12, 4 (post-approval change management protocol); EU GMP Annex 22,
    draft of July 2025, 10.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from goldenbatch.core.model_card import DIGEST
from goldenbatch.core.records import Micros, from_iso

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"
Name = Annotated[str, Field(pattern=NAME)]
Words = Annotated[str, Field(min_length=10)]


def _moment(value: object) -> object:
    """A time of TOML as text with offset; other values pass."""
    if isinstance(value, datetime):
        return from_iso(value.isoformat())
    return value


def _number(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


AlarmName = Literal["input drift", "output drift", "share out of domain", "residual drift"]
"""Alarms of `governance.watch`: a clause for another one would never act."""

Moment = Annotated[Micros, BeforeValidator(_moment)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Choice = Annotated[bool | int | float | str, BeforeValidator(_number)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Regulatory(_Part):
    """How an update under the plan is reported (ICH Q12, 2 and 4).

    Attributes:
        category: How the authority hears of each update.
        established_conditions: Those that an update touches, as they are registered.
        rationale: Why this category, and why these conditions or none.
    """

    category: Literal["prior_approval", "notification_moderate", "notification_low", "not_reported"]
    established_conditions: tuple[str, ...] = ()
    rationale: Words


class DataBounds(_Part):
    """What a version may be trained on.

    Attributes:
        not_before: No data from before it.
        window_days: No data older than this at the judgement.
        least_batches: At least so many batches.
        least_lots: At least so many lots of materials.
        least_samples: At least so many samples with results.
    """

    not_before: Moment | None = None
    window_days: float | None = Field(default=None, gt=0, le=36_525, allow_inf_nan=False)
    least_batches: int = Field(default=0, ge=0)
    least_lots: int = Field(default=0, ge=0)
    least_samples: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounds(self) -> DataBounds:
        if self.not_before is None and self.window_days is None:
            raise ValueError("the window of the data has no beginning: not_before or window_days")
        if not (self.least_batches or self.least_lots):
            raise ValueError("say least_batches or least_lots: how much data an update needs")
        return self


class SettingBound(_Part):
    """What a setting of the method may be; a setting without one stays as it is.

    Attributes:
        name: Setting, parts joined by dots.
        lower: Least value.
        upper: Greatest value.
        choices: Or one of these.
    """

    name: str = Field(min_length=1)
    lower: float | None = Field(default=None, allow_inf_nan=False)
    upper: float | None = Field(default=None, allow_inf_nan=False)
    choices: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _is_bounded(self) -> SettingBound:
        has_range = self.lower is not None and self.upper is not None
        if bool(self.choices) == has_range or (self.lower is None) != (self.upper is None):
            raise ValueError(f"{self.name!r} needs lower and upper, or choices")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"the range of {self.name!r} ends before it begins")
        return self

    def allows(self, value: object) -> bool:
        """Whether a value is within."""
        if self.choices:
            return any(type(one) is type(value) and one == value for one in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.lower is not None and self.upper is not None and (
            self.lower <= value <= self.upper
        )  # fmt: skip

    def words(self) -> str:
        """In words."""
        if self.choices:
            return f"one of {', '.join(map(repr, self.choices))}"
        return f"{self.lower:g} to {self.upper:g}"


class Threshold(_Part):
    """A threshold that may be moved, all else staying as it is.

    Attributes:
        setting: Setting that it is.
        lower: Least value.
        upper: Greatest value.
        step: How far one update may move it.
    """

    setting: str = Field(min_length=1)
    lower: float = Field(allow_inf_nan=False)
    upper: float = Field(allow_inf_nan=False)
    step: Positive

    @model_validator(mode="after")
    def _is_range(self) -> Threshold:
        if not self.lower < self.upper:
            raise ValueError("the range of the threshold has no room")
        return self


class SensorSwap(_Part):
    """A sensor that may be replaced by another of the same type.

    Attributes:
        inputs: Inputs of the model that it gives.
        type: Type that the new one must be of, to the letter.
    """

    inputs: tuple[str, ...] = Field(min_length=1)
    type: str = Field(min_length=3)


class StepLimit(_Part):
    """How far one update may move from the version that it follows.

    Attributes:
        prediction_rms: Root mean square distance on the reference set, in the output's unit.
        prediction_max: Largest distance on it.
    """

    prediction_rms: Positive
    prediction_max: Positive

    @model_validator(mode="after")
    def _is_ordered(self) -> StepLimit:
        if self.prediction_rms > self.prediction_max:
            raise ValueError("no root mean square is above its largest value")
        return self


class Modification(_Part):
    """One kind of change that the plan permits.

    Attributes:
        name: How a draft names it.
        kind: Re-training on new batches, a new sensor of the same type, or a threshold.
        rationale: Why it will be needed.
        trigger: What leads to one.
        execution: Whether people begin it or the platform does; it never activates itself.
        reach: For all equipment alike, or for one place.
        methods: Methods that the new version may be of.
        media_types: Types that its artefact may have.
        products: Products; empty: those of the intended use, which none may leave.
        places: Places, likewise.
        phases: Phases, likewise.
        data: What a version may be trained on.
        settings: Boxes of settings that may change.
        threshold: Of kind `threshold`: what may be moved.
        sensor: Of kind `sensor`: what may be replaced.
        step: How far one update may move from the version that it follows.
    """

    name: Name
    kind: Literal["retrain", "sensor", "threshold"]
    rationale: Words
    trigger: Words
    execution: Literal["manual", "automatic"] = "manual"
    reach: Literal["local", "global"] = "global"
    methods: tuple[str, ...] = Field(min_length=1)
    media_types: tuple[str, ...] = Field(min_length=1)
    products: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    data: DataBounds
    settings: tuple[SettingBound, ...] = ()
    threshold: Threshold | None = None
    sensor: SensorSwap | None = None
    step: StepLimit

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Modification:
        if (self.kind == "threshold") != (self.threshold is not None):
            raise ValueError("a modification of kind threshold, and no other, has a threshold")
        if (self.kind == "sensor") != (self.sensor is not None):
            raise ValueError("a modification of kind sensor, and no other, has a sensor")
        if self.threshold is not None and self.settings:
            raise ValueError("with a threshold nothing else changes: leave the settings out")
        return self


class Risk(_Part):
    """A risk that updates bring.

    Attributes:
        id: How mitigations name it.
        text: In words.
    """

    id: Name
    text: Words


class Mitigation(_Part):
    """What is done about risks.

    Attributes:
        id: How the trace matrix names it.
        text: In words.
        risks: Risks that it is against.
    """

    id: Name
    text: Words
    risks: tuple[Name, ...] = Field(min_length=1)


class Trace(_Part):
    """One cell of the trace matrix: for this change, this step carries this mitigation.

    Attributes:
        modification: Name of the modification.
        step: Id of the step of the protocol.
        mitigation: Id of the mitigation.
    """

    modification: Name
    step: Name
    mitigation: Name


class Impact(_Part):
    """Benefit and risk of the changes, each and together.

    Attributes:
        benefit: What the updates are good for.
        together: What they may do together that none does alone.
        risks: What they may do wrong; each has a mitigation.
        mitigations: What is done about it.
        trace: The matrix: each modification has a step of each part of the protocol, and each
            step and mitigation stands in it.
    """

    benefit: Words
    together: Words
    risks: tuple[Risk, ...] = Field(min_length=1)
    mitigations: tuple[Mitigation, ...] = Field(min_length=1)
    trace: tuple[Trace, ...] = Field(min_length=1)


class ParameterBound(_Part):
    """How far a coefficient, limit or threshold may move from the original.

    Attributes:
        name: Setting by its dotted name, `coefficient.<input>` or `intercept`.
        most: Largest difference from the original.
    """

    name: str = Field(min_length=1)
    most: Positive


class PerformanceBound(_Part):
    """How much a measure may be worse than the original's own, whatever the chain.

    Attributes:
        measure: One that a criterion over all rows compares with the original.
        most: Largest loss, in the unit of the measure.
    """

    measure: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    most: Positive


class CumulativeBound(_Part):
    """How far any chain of updates may move from the originally validated version.

    Attributes:
        reference: SHA-256 of the reference set, rows that never change.
        unit: UCUM code of the distances: that of the intended use's output.
        prediction_rms: Root mean square distance from the original.
        prediction_max: Largest distance from it.
        parameters: Coefficients, limits and thresholds.
        performance: Loss against the original on the same rows; the estimate, as a floor
            below all margins.
        n_updates: How many updates may follow one another.
        expires: From then on nothing is in plan.
        counts_path: Add up the steps instead: a way back counts as a way.
    """

    reference: str = Field(pattern=DIGEST)
    unit: str = Field(min_length=1)
    prediction_rms: Positive
    prediction_max: Positive
    parameters: tuple[ParameterBound, ...] = ()
    performance: tuple[PerformanceBound, ...] = Field(min_length=1)
    n_updates: int = Field(ge=1, le=100)
    expires: Moment
    counts_path: bool = False

    @model_validator(mode="after")
    def _is_ordered(self) -> CumulativeBound:
        if self.prediction_rms > self.prediction_max:
            raise ValueError("no root mean square is above its largest value")
        return self


class Suspension(_Part):
    """A clause by which the platform may take a version from its work.

    Attributes:
        clause: How the suspension names it, `plan@version#clause`.
        alarm: Alarm of the watch that leads to it.
        fallback: The version that was active before, or the contingency of the intended use.
        text: In words, as it is signed.
    """

    clause: Name
    alarm: AlarmName
    fallback: Literal["previous", "contingency"]
    text: Words
