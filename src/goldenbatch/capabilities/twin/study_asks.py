"""The parts of a study for the best recipe and for the footprint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from goldenbatch.capabilities.twin.study_parts import Part, Value


class ControlPart(Part):
    """An input that is chosen, constant through each interval.

    Attributes:
        input: Its name.
        low: Lowest value, in its unit or as text; empty: the declared one.
        high: Highest value, likewise.
        guess: Where the first start begins; empty: midway.
        move_price: What a change between neighbours costs, times the square of the change as a
            part of the range; a little makes flat optima smooth.
    """

    input: str
    low: Value | None = None
    high: Value | None = None
    guess: Value | None = None
    move_price: float = Field(default=0.0, ge=0.0)


class GoalPart(Part):
    """A part of the goal; their sum is made as large as possible.

    Attributes:
        column: State, output or input; `time` for the end time.
        price: Worth of one unit of it; negative for a cost.
        when: Its value at the end, or its integral over time.
    """

    column: str
    price: float = 1.0
    when: Literal["end", "integral"] = "end"


class LimitPart(Part):
    """A bound that the run must keep.

    Attributes:
        column: State, output or input.
        lower: Not below.
        upper: Not above.
        when: All the time, or at the end.
    """

    column: str
    lower: Value | None = None
    upper: Value | None = None
    when: Literal["path", "end"] = "path"


class OptimisePart(Part):
    """What is chosen, for what, and within what.

    Attributes:
        controls: Inputs that are chosen; the recipe gives the others.
        goal: What is made as large as possible.
        limits: What must be kept, beside the declared bounds of states.
        n: Intervals in which the controls are constant.
        duration: Shortest and longest run, where the end is chosen too; empty: the recipe's.
        starts: Of the search: the guess, and drawn ones.
        elements: Finite elements in each interval.
        draws: Of the posterior (or of the priors, where the study names none), under all of
            which one and the same recipe is judged; 0: the declared parameters only.
        risk: Whether the mean over the draws is made large, or the worst of them.
        most_cpu_s: CPU seconds of each try; each start has up to three. The work grows faster
            than the number of draws.
    """

    controls: list[ControlPart] = Field(default_factory=list)
    goal: list[GoalPart] = Field(default_factory=list)
    limits: list[LimitPart] = Field(default_factory=list)
    n: int = Field(default=10, ge=1, le=500)
    duration: tuple[Value, Value] | None = None
    starts: int = Field(default=3, ge=1, le=200)
    elements: int = Field(default=1, ge=1, le=16)
    draws: int = Field(default=0, ge=0, le=200)
    risk: Literal["mean", "worst"] = "mean"
    most_cpu_s: float = Field(default=120.0, gt=0.0)


class FlowPart(Part):
    """Something that the batch takes in or lets go: exactly one of the entries below `times`.

    Attributes:
        item: Its name in the table of factors.
        stage: Step of the process, for tables.
        times: What the amount is multiplied by to become the item, such as `1 kg/L`.
        input: Input of the model that is summed up over the run.
        jump: Jump of the model, whose `argument` is summed up over the run.
        argument: Of the jump.
        column: State or output, as it is at the end.
        amount: A given amount, such as `12 m3`.
        power: Drawn all the run long, such as `3 kW`.
        steam: Of the site's own boiler at 121.1 Cel, such as `20 kg`; counted as its fuel, so
            `item` is `natural gas`.
    """

    item: str
    stage: str = ""
    times: str = ""
    input: str = ""
    jump: str = ""
    argument: str = ""
    column: str = ""
    amount: str = ""
    power: str = ""
    steam: str = ""

    @model_validator(mode="after")
    def _one(self) -> FlowPart:
        named = (self.input, self.jump, self.column, self.amount, self.power, self.steam)
        if sum(map(bool, named)) != 1:
            raise ValueError("a flow is one of input, jump, column, amount, power and steam")
        if bool(self.jump) != bool(self.argument):
            raise ValueError("`jump` goes with `argument`")
        if self.steam and (self.item != "natural gas" or self.times):
            raise ValueError("steam is counted as item = 'natural gas', without `times`")
        return self


class FootprintPart(Part):
    """What a batch takes in, and what it makes.

    Attributes:
        year: Whose factors are taken.
        product: Column whose last value is the mass of product, or a given mass as `1.2 kg`.
        doses: Of the batch.
        dose: Mass of one dose, in place of `doses`.
        flows: What is taken in and let go.
        factors: File of factors of one's own beside the study; its items go before the shipped.
        left_out: Items that are not counted, each with its reason.
    """

    year: int = 2024
    product: str = ""
    doses: float | None = Field(default=None, gt=0.0)
    dose: str = ""
    flows: list[FlowPart] = Field(default_factory=list)
    factors: str = ""
    left_out: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _doses(self) -> FootprintPart:
        if self.doses is not None and self.dose:
            raise ValueError("give `doses` or the mass of one `dose`, not both")
        return self
