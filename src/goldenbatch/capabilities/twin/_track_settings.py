"""Settings of `twin.track`: which model follows which place, by which tags and results."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from goldenbatch.core.findings import Severity

Value = float | str


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrackedModel(_Part):
    """Which model, and with what values.

    Attributes:
        use: Name in the library, such as `cho.monod`.
        target: `package.module:function` of a model of your own, in place of `use`.
        settings: Arguments of the function that builds it.
        parameters: Parameters that differ from the declared ones.
        posterior: Digest of a posterior in the registry: its means are the parameters, its
            spread that of the varied ones.
        initial: Initial states that differ from the declared ones.
        initial_sd: Their standard deviations, in the declared units.
        noise: State to its process noise per square root of time: `sd` in its unit, `relative`
            in proportion to it.
    """

    use: str = ""
    target: str = ""
    settings: dict[str, str | float | int | bool] = {}
    parameters: dict[str, Value] = {}
    posterior: str = ""
    initial: dict[str, Value] = {}
    initial_sd: dict[str, float] = {}
    noise: dict[str, dict[Literal["sd", "relative"], float]] = {}

    @model_validator(mode="after")
    def _one_of_two(self) -> TrackedModel:
        if bool(self.use) == bool(self.target):
            raise ValueError("name the model by `use` (library) or by `target`, not by both")
        return self


class VariedParameter(_Part):
    """A parameter that is estimated along; see `science.process.tracking.Varied`.

    Attributes:
        name: Of the parameter.
        sd: What is believed of it at the start; empty: the posterior's, else the prior's.
        walk: How much it may wander, per square root of time.
        transform: How its bounds are kept.
    """

    name: str
    sd: float | None = Field(default=None, gt=0)
    walk: float = Field(default=0.0, ge=0)
    transform: Literal["auto", "none", "log", "logit"] = "auto"


class TagOf(_Part):
    """A tag of the historian.

    Attributes:
        tag: Its name.
        unit: UCUM code of its readings; empty: the declared unit.
        expected: Of a sensor: tag under which is logged what the twin expects it to show, in the
            same unit; empty: it is not logged.
    """

    tag: str
    unit: str = ""
    expected: str = ""

    @model_serializer(mode="wrap")
    def _leave_out_unstated(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Analysts that were adopted before there was this entry keep their version.
        values: dict[str, Any] = dump(self)
        if not self.expected:
            values.pop("expected", None)
        return values


class Suspect(_Part):
    """Something that may be wrong; when it begins and how much of it there is, is found.

    Attributes:
        kind: `sensor` (an `output` shows too much or too little), `stuck` (an `input` stays at
            a `value`), `weakened` (`inputs` reach the process by a `factor`), `altered`
            (`parameters` are multiplied by factors).
        what: How findings call it.
        output: Of a `sensor`: what it measures.
        size: Error of a sensor that counts as one; 0: six standard deviations of its noise.
        input: What is `stuck`.
        value: At which value.
        inputs: What is `weakened`.
        factor: What is left of them where all of the fault is there; 0: nothing.
        parameters: What is `altered`: parameter to its factor.
        walk: Of the amount, per square root of time.
        most: Greatest amount, of what is stated here.
        prior: Weight before any evidence, relative to the others.
    """

    kind: Literal["sensor", "stuck", "weakened", "altered"]
    what: str = ""
    output: str = ""
    size: float = Field(default=0.0, ge=0)
    input: str = ""
    value: float = 0.0
    inputs: tuple[str, ...] = ()
    factor: float = 0.0
    parameters: dict[str, float] = {}
    walk: float = Field(default=0.1, gt=0)
    most: float = Field(default=1.0, gt=0)
    prior: float = Field(default=1.0, gt=0)


class Planned(_Part):
    """What is still planned of an input.

    Attributes:
        times: Since the start of the run, rising, in the model's time unit.
        values: From each time on, in the declared unit.
    """

    times: tuple[float, ...] = Field(min_length=1)
    values: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fit(self) -> Planned:
        if len(self.times) != len(self.values) or sorted(set(self.times)) != list(self.times):
            raise ValueError("give rising times, and a value for each")
        return self


class EndSettings(_Part):
    """How the end of the batch is predicted.

    Attributes:
        output: State or output that is looked at.
        planned: Planned end, in the model's time unit since the start.
        level: The batch ends where the output meets it; empty: at its planned end.
        direction: Whether it rises or falls to the level.
        lower: The value at the end must not be below.
        upper: Nor above.
        latest: The level must be met by then; empty: by the planned end.
        every: Time between two predictions.
        step: Intervals of the prediction; 0: four times the cadence.
        plan: Inputs still to come; those not named keep their last value.
        members: Of the ensemble.
        probability: Of the interval.
        seed: Of the draws.
    """

    output: str
    planned: float = Field(gt=0)
    level: float | None = None
    direction: Literal["rises", "falls"] = "rises"
    lower: float | None = None
    upper: float | None = None
    latest: float | None = None
    every: float = Field(default=12.0, gt=0)
    step: float = Field(default=0.0, ge=0)
    plan: dict[str, Planned] = {}
    members: int = Field(default=40, ge=8, le=2000)
    probability: float = Field(default=0.9, gt=0, lt=1)
    seed: int = 1


class TrackSettings(_Part):
    """Settings of `twin.track`.

    Attributes:
        model: Which model, and how far it is trusted.
        place: Where the batches run.
        product: Only batches of it; empty: of all.
        phases: The run lasts from the first to the last of these phases; none: all of the batch.
        cadence: Distance of the grid, in the model's time unit.
        window: How far back a late result may reach, in the model's time unit.
        outputs: Output to the tag of its sensor.
        inputs: Input to the tag that says what was commanded or flowed.
        laboratory: Output to the attribute under which the laboratory reports it; results
            count at the time when their sample was taken.
        varied: Parameters estimated along.
        gate: Innovation, in standard deviations, beyond which a reading is not believed.
        kind: `ekf` or `ukf`.
        suspects: What may be wrong; none: every measured output's sensor.
        limit: Evidence above it is a finding.
        sure: Probability that those named in a finding hold together.
        n_clear: Steps below half of the limit that end a finding.
        end: How the end is predicted; empty: not at all.
        output: Prefix of the tags that it writes; the place by default.
        pace: Hours of the process in an hour of the clock: 1 for a plant, 600 for a simulated one
            that is sped up and tells the time of the clock.
        severity: Of a departure of the process.
        severity_of_sensors: Of a faulty sensor.
    """

    model: TrackedModel
    place: str = Field(min_length=1)
    product: str = ""
    phases: tuple[str, ...] = ()
    cadence: float = Field(gt=0)
    window: float = Field(default=72.0, gt=0)
    outputs: dict[str, TagOf] = {}
    inputs: dict[str, TagOf] = {}
    laboratory: dict[str, str] = {}
    varied: tuple[VariedParameter, ...] = ()
    gate: float = Field(default=4.0, gt=0)
    kind: Literal["ekf", "ukf"] = "ekf"
    suspects: tuple[Suspect, ...] = ()
    limit: float = Field(default=12.0, gt=0)
    sure: float = Field(default=0.95, gt=0.5, lt=1)
    n_clear: int = Field(default=12, ge=1)
    end: EndSettings | None = None
    output: str = ""
    pace: float = Field(default=1.0, gt=0)
    severity: Severity = Severity.MAJOR
    severity_of_sensors: Severity = Severity.MINOR

    @model_serializer(mode="wrap")
    def _leave_out_unstated(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Analysts that were adopted before there was this entry keep their version.
        values: dict[str, Any] = dump(self)
        if self.pace == 1.0:
            values.pop("pace", None)
        return values

    @model_validator(mode="after")
    def _sees_something(self) -> TrackSettings:
        if not self.outputs and not self.laboratory:
            raise ValueError("name at least one output's tag or laboratory attribute")
        return self

    def tag(self, name: str) -> str:
        """Tag of a number that the analyst computes."""
        return f"{self.output or self.place}/twin_{name}"
