"""A study: which model, which recipe, what is asked of it; one TOML file for every command.

The same file runs, varies, fits, tracks and exports, so that no two answers rest on two recipes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from goldenbatch.capabilities.twin.study_asks import FootprintPart, OptimisePart
from goldenbatch.capabilities.twin.study_data import DataPart, FitPart
from goldenbatch.capabilities.twin.study_parts import InputPart, Part, Value
from goldenbatch.core.errors import BadInputError, NotFoundError

SCHEMA = "goldenbatch/twin/1"
MAX_RUNS = 1_000_000
"""Of one question to a model: more would fill the memory before it is answered."""


class ModelPart(Part):
    """Which model, and with what values.

    Attributes:
        use: Name in the library, such as `hybridoma.amribt`.
        target: `package.module:function` of a model of your own, in place of `use`.
        settings: Arguments of the function that builds it.
        parameters: Parameters that differ from the declared ones.
        initial: Initial states that differ from the declared ones.
        posterior: File of a posterior that `twin fit` wrote, beside the study.
    """

    use: str = ""
    target: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Value | list[Value]] = Field(default_factory=dict)
    initial: dict[str, Value | list[Value]] = Field(default_factory=dict)
    posterior: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> ModelPart:
        if bool(self.use) == bool(self.target):
            raise ValueError("name the model by `use` (library) or by `target`, not by both")
        return self


class EventPart(Part):
    """Something that happens once: exactly one of `jump`, `shift` and `hold`.

    Attributes:
        at: Time.
        jump: Name of the model's jump, with its `arguments`.
        arguments: Of the jump.
        shift: Input or controller that takes `value` from then on.
        value: New value.
        hold: Duration for which the recipe stands still; `inputs` hold meanwhile.
        inputs: Values during a hold.
    """

    at: Value
    jump: str = ""
    arguments: dict[str, Value] = Field(default_factory=dict)
    shift: str = ""
    value: Value | None = None
    hold: Value | None = None
    inputs: dict[str, Value] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one(self) -> EventPart:
        if bool(self.jump) + bool(self.shift) + (self.hold is not None) != 1:
            raise ValueError("an event is one of jump, shift and hold")
        if self.shift and self.value is None:
            raise ValueError("a shift needs a value")
        return self


class PidPart(Part):
    """A PID controller in velocity form; see `science.process.controllers.Pid`.

    Attributes:
        kind: `pid`.
        name: Unique; a shift of this name changes the set point.
        measured: Output that it looks at.
        manipulated: Input that it sets.
        set_point: In the unit of the output.
        gain: Command per unit of error; negative for a command that lowers the output.
        integral_time: In the model's time unit.
        derivative_time: Likewise.
        low: Lowest command.
        high: Highest command.
    """

    kind: Literal["pid"]
    name: str
    measured: str
    manipulated: str
    set_point: Value
    gain: float
    integral_time: float = Field(gt=0)
    derivative_time: float = 0.0
    low: float = 0.0
    high: float = float("inf")


class FaultPart(Part):
    """A fault; see `science.process.faults` for what each kind does with its entries.

    Attributes:
        kind: `sensor-drift` (output, rate, most, offset), `stuck` (input, value), `weakened`
            (inputs, factor), `altered` (parameters) or `mishap` (jump, arguments).
        start: When it begins.
        end: When it is over; never where it is left out.
        output: What the sensor measures.
        rate: Error that it gains per time unit.
        most: Largest error.
        offset: Error from the start on.
        input: What is stuck.
        value: Where it is stuck.
        inputs: What reaches the process in part only.
        factor: What is left of them.
        parameters: Name to factor.
        jump: The model's jump that happens at `start`.
        arguments: Of the jump.
        what: How it is called in tables.
    """

    kind: Literal["sensor-drift", "stuck", "weakened", "altered", "mishap"]
    start: Value = 0.0
    end: Value | None = None
    output: str = ""
    rate: float = 0.0
    most: float = float("inf")
    offset: float = 0.0
    input: str = ""
    value: float = 0.0
    inputs: list[str] = Field(default_factory=list)
    factor: float = 0.0
    parameters: dict[str, float] = Field(default_factory=dict)
    jump: str = ""
    arguments: dict[str, Value] = Field(default_factory=dict)
    what: str = ""


class RecipePart(Part):
    """What is done: in words, or the own recipe of a model of the library with changes.

    Attributes:
        use: `default`: the model's own recipe. What stands below is put in its place (duration,
            inputs) or added to it (events, controllers, faults).
        settings: Of the model's own recipe, such as the published `fault` and the `seed` of a
            batch of penicillin.
        duration: How long; may be left out with `use`.
        interval: Control interval: inputs are set and rows written at its multiples; may be left
            out with `use`, and must be where the own recipe has controllers.
        inputs: By name of input: a value, or a schedule.
        events: Jumps, shifts and holds.
        controllers: In the order in which they act.
        faults: What goes wrong.
    """

    use: Literal["", "default"] = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    duration: Value = ""
    interval: Value = ""
    inputs: dict[str, Value | InputPart] = Field(default_factory=dict)
    events: list[EventPart] = Field(default_factory=list)
    controllers: list[PidPart] = Field(default_factory=list)
    faults: list[FaultPart] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_whole(self) -> RecipePart:
        if not self.use and "" in (self.duration, self.interval):
            raise ValueError("give duration and interval, or use = 'default'")
        if self.settings and not self.use:
            raise ValueError("`settings` go with use = 'default'")
        return self


class MeasurePart(Part):
    """A number taken from a run, with the limits that it must keep.

    Attributes:
        name: For tables.
        column: State, input or output; empty for `end_time`.
        take: What of it; times are in the model's time unit, on straight lines between rows.
        level: For `time_above`, `time_below`, `first_above` and `first_below`.
        at: For `at`: when.
        lower: Criterion: not below; a number in the measure's unit, or text with a unit.
        upper: Criterion: not above.
    """

    name: str
    column: str = ""
    take: Literal[
        "final", "maximum", "minimum", "mean", "integral", "at", "time_of_maximum", "time_above",
        "time_below", "first_above", "first_below", "end_time",
    ] = "final"  # fmt: skip
    level: Value | None = None
    at: Value | None = None
    lower: Value | None = None
    upper: Value | None = None

    @model_validator(mode="after")
    def _needs(self) -> MeasurePart:
        if (self.take in ("time_above", "time_below", "first_above", "first_below")) != (
            self.level is not None
        ):
            raise ValueError("`level` goes with times above or below a level, and only with them")
        if (self.take == "at") != (self.at is not None):
            raise ValueError("`at` goes with take = 'at', and only with it")
        if (self.take == "end_time") == bool(self.column):
            raise ValueError("name the column; `end_time` has none")
        return self


class FactorPart(Part):
    """What is varied: exactly one of the entries below `n`.

    Attributes:
        name: For tables and axes; empty: made from what it varies.
        low: Lowest value, a number in its unit or text with a unit.
        high: Highest value.
        n: Points of a grid along it.
        input: Input that takes the value all the time.
        scale: Input whose whole schedule is multiplied by the value.
        initial: State that starts from it.
        parameter: Parameter that takes it.
        set_point: Controller that takes it as its set point.
        duration: The recipe lasts so long.
        event: Number of the event, from 1; `of` says what of it.
        of: Its `time`, the `duration` of a hold, the `value` of a shift, or an argument of a jump.
    """

    name: str = ""
    low: Value
    high: Value
    n: int = Field(default=11, ge=2, le=1000)
    input: str = ""
    scale: str = ""
    initial: str = ""
    parameter: str = ""
    set_point: str = ""
    duration: bool = False
    event: int = Field(default=0, ge=0)
    of: str = ""

    @model_validator(mode="after")
    def _one(self) -> FactorPart:
        named = (self.input, self.scale, self.initial, self.parameter, self.set_point,
                 self.duration, self.event)  # fmt: skip
        if sum(map(bool, named)) != 1:
            raise ValueError("a factor varies one thing; name exactly one")
        if bool(self.event) != bool(self.of):
            raise ValueError("`event` goes with `of`")
        return self


class Study(Part):
    """A whole study.

    Attributes:
        name: For titles.
        note: What it is for, for people.
        seed: Of everything drawn.
        members: Of ensembles.
        model: Which model.
        recipe: What is done.
        measures: Numbers taken from a run, with their limits.
        factors: What is varied.
        data: Measurements for a fit.
        fit: What is fitted.
        track: How a recorded batch is followed: the settings of `twin.track` (cadence, window,
            varied, suspects, limit, end, ...) without model, place and tags, which the study and
            its data give, and `noise` and `initial_sd` of the model.
        optimise: The best recipe: what is chosen, for what, within what.
        footprint: What a batch takes in and makes.
    """

    name: str
    note: str = ""
    seed: int = Field(default=1, ge=0)
    members: int = Field(default=256, ge=2, le=MAX_RUNS)
    model: ModelPart
    recipe: RecipePart
    measures: list[MeasurePart] = Field(default_factory=list)
    factors: list[FactorPart] = Field(default_factory=list)
    data: list[DataPart] = Field(default_factory=list)
    fit: FitPart = FitPart()
    track: dict[str, Any] = Field(default_factory=dict)
    optimise: OptimisePart = OptimisePart()
    footprint: FootprintPart = FootprintPart()
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _named_once(self) -> Study:
        for what, names in (
            ("measures", [one.name for one in self.measures]),
            ("data of batch", [one.batch for one in self.data]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"two {what} are called {twice[0]!r}")
        return self

    @property
    def folder(self) -> Path:
        """Where it lies; the files that it names are found beside it."""
        return self._folder

    def lying_in(self, folder: Path) -> Study:
        """The same study, its files looked for in a folder."""
        self._folder = folder
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what it says."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load_study(path: Path) -> Study:
    """Read a study.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is no TOML, or an entry is missing, unknown or impossible.
    """
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"study {path} does not exist.", hint="Name a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"no TOML: {error}.", hint="Correct it.", file=str(path)) from error
    if read.pop("schema", None) != SCHEMA:
        raise BadInputError(
            "this is no study.",
            hint=f'Begin with schema = "{SCHEMA}".',
            file=str(path),
            key="schema",
        )
    try:
        study = Study.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{first['msg'].removeprefix('Value error, ')} ({str(first.get('input'))[:60]!r}).",
            hint="See docs/reference/twin-studies.md.",
            file=str(path),
            key=key,
        ) from error
    return study.lying_in(path.parent)
