"""Results: what a test of a sample gave, and its comparison with a limit in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.quantities import Operator, Quantity, is_number
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

_WIDE = Context(prec=60)


class ResultKind(StrEnum):
    """What a result is: a number, a number beyond a reporting limit, a category, or words."""

    NUMBER = "number"
    CENSORED = "censored"
    CATEGORY = "category"
    TEXT = "text"


class ResultStatus(StrEnum):
    """Standing of a result; `invalidated` needs a cause."""

    VALID = "valid"
    INVALIDATED = "invalidated"
    OOS = "oos"
    OOT = "oot"


class LimitKind(StrEnum):
    """Which kind of limit an attribute or material is held to (ICH Q6A, Q6B)."""

    IN_PROCESS = "in_process"
    ALERT = "alert"
    ACTION = "action"
    RELEASE = "release"
    SHELF_LIFE = "shelf_life"


def _as_text(value: object) -> object:
    # TOML numbers arrive as int or Decimal: their digits are the limit's digits.
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return value


NumberText = Annotated[str, BeforeValidator(_as_text)]
"""A number as text, so that its digits are kept; integers and decimals are taken too."""


class Limit(BaseModel):
    """What a result must be: bounds (both inclusive) or a set of allowed categories.

    The digits of a bound are part of it: results are rounded to them before comparison.

    Attributes:
        lower: Smallest conforming value as text; empty: none.
        upper: Largest conforming value as text; empty: none.
        unit: UCUM code of both bounds.
        allowed: Conforming categories, compared letter by letter.
        source: Document and clause that set the limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: LimitKind
    lower: NumberText = ""
    upper: NumberText = ""
    unit: str = "1"
    allowed: tuple[str, ...] = ()
    source: str = ""

    @model_validator(mode="after")
    def _check(self) -> Limit:
        if not (self.lower or self.upper or self.allowed):
            raise ValueError("a limit needs lower, upper or allowed")
        if self.allowed and (self.lower or self.upper):
            raise ValueError("a limit has either bounds or allowed categories, not both")
        for name, bound in (("lower", self.lower), ("upper", self.upper)):
            if bound and not is_number(bound):
                raise ValueError(f"{name} {bound!r} is not a number")
        if self.lower and self.upper and Decimal(self.lower) > Decimal(self.upper):
            raise ValueError(f"lower {self.lower} is above upper {self.upper}")
        return self

    def as_text(self) -> str:
        """The limit in the words of a specification.

        >>> Limit(kind="release", lower="98.0", upper="102.0", unit="%").as_text()
        '98.0 to 102.0 %'
        """
        if self.allowed:
            return " or ".join(self.allowed)
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.lower and self.upper:
            return f"{self.lower} to {self.upper}{unit}"
        return (
            f"not less than {self.lower}{unit}"
            if self.lower
            else f"not more than {self.upper}{unit}"
        )


class Result(BaseModel):
    """What one test of a sample gave; values are text, so that their digits are kept.

    Attributes:
        test: Identifies the test within the sample.
        attribute: Name of the quality attribute that was tested.
        value: Reportable value; of a censored number, the limit that it lies beyond.
        unit: UCUM code; empty for categories and text.
        operator: On which side of the limit a censored number lies.
        replicates: Values behind the reportable value, as they were read.
        loq: Limit of quantitation in the unit of the result; empty when not stated.
        cause: Why it is not simply valid; an invalidated result must have one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: str = Field(min_length=1)
    attribute: str = Field(min_length=1)
    value: NumberText = Field(min_length=1)
    unit: str = ""
    kind: ResultKind = ResultKind.NUMBER
    operator: Operator = ""
    replicates: tuple[NumberText, ...] = ()
    method: str = ""
    method_version: str = ""
    loq: NumberText = ""
    status: ResultStatus = ResultStatus.VALID
    cause: str = ""
    performed_at: Micros | None = None

    @model_validator(mode="after")
    def _check(self) -> Result:
        is_numeric = self.kind in (ResultKind.NUMBER, ResultKind.CENSORED)
        if is_numeric and not is_number(self.value):
            raise ValueError(f"value {self.value!r} of test {self.test!r} is not a number")
        if (self.kind is ResultKind.CENSORED) != bool(self.operator):
            raise ValueError(f"test {self.test!r}: exactly a censored result has an operator")
        if self.loq and not is_number(self.loq):
            raise ValueError(f"loq {self.loq!r} of test {self.test!r} is not a number")
        if self.status is ResultStatus.INVALIDATED and not self.cause:
            raise ValueError(f"test {self.test!r}: an invalidated result needs its cause")
        return self

    @property
    def number(self) -> float | None:
        """Value as a float for charts; of a censored number, its limit; else None."""
        is_numeric = self.kind in (ResultKind.NUMBER, ResultKind.CENSORED)
        return float(self.value) if is_numeric else None

    @property
    def text(self) -> str:
        """Value as reported: `<0.05`, `7.10`, `complies`."""
        return f"{self.operator}{self.value}"


@record_type
class ResultsReported(Body):
    """The laboratory reported results of tests of one sample."""

    sample: str = Field(min_length=1)
    batch: str = ""
    material: str = ""
    lot: str = ""
    results: tuple[Result, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> ResultsReported:
        tests = [result.test for result in self.results]
        doubled = sorted({test for test in tests if tests.count(test) > 1})
        if doubled:
            raise ValueError(f"sample {self.sample!r} has test {doubled[0]!r} twice")
        return self


@record_type
class ResultCorrected(Body):
    """A reported result was corrected or invalidated; old value and reason stand with it."""

    sample: str = Field(min_length=1)
    test: str = Field(min_length=1)
    old: Result
    new: Result
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> ResultCorrected:
        if not self.old.test == self.new.test == self.test:
            raise ValueError(f"a correction of test {self.test!r} is about that test alone")
        return self


_Lookup = Callable[[tuple[Any, ...]], Row | None]


def _row(event: Event, sample: str, result: Result, carried: Row) -> Row:
    return {
        "sample": sample,
        "test": result.test,
        "batch": carried.get("batch", ""),
        "material": carried.get("material", ""),
        "lot": carried.get("lot", ""),
        "attribute": result.attribute,
        "kind": result.kind.value,
        "value": result.value,
        "operator": result.operator,
        "unit": result.unit,
        "number": result.number,
        "method": result.method,
        "method_version": result.method_version,
        "loq": result.loq,
        "status": result.status.value,
        "cause": result.cause,
        "n_corrections": carried.get("n_corrections", 0),
        "performed_at": result.performed_at,
        "seq": event.seq,
        "stream_version": event.envelope.version,
    }


def _fold(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if isinstance(body, ResultsReported):
        carried: Row = {"batch": body.batch, "material": body.material, "lot": body.lot}
        return [_row(event, body.sample, result, carried) for result in body.results]
    if isinstance(body, ResultCorrected):
        stored = lookup((body.sample, body.test)) or {}
        carried = {**stored, "n_corrections": stored.get("n_corrections", 0) + 1}
        return [_row(event, body.sample, body.new, carried)]
    return []


RESULTS = Projection(
    name="result",
    version=1,
    columns={
        **dict.fromkeys(("sample", "test", "batch", "material", "lot", "attribute"), "TEXT"),
        **dict.fromkeys(("kind", "value", "operator", "unit"), "TEXT"),
        "number": "REAL",
        **dict.fromkeys(("method", "method_version", "loq", "status", "cause"), "TEXT"),
        **dict.fromkeys(("n_corrections", "performed_at", "seq", "stream_version"), "INTEGER"),
    },
    key=("sample", "test"),
    kinds=frozenset({"ResultsReported", "ResultCorrected"}),
    fold=_fold,
    indexes=(("batch",), ("attribute", "performed_at"), ("material", "lot")),
)


@dataclass(frozen=True)
class Comparison:
    """Verdict of a result against a limit.

    Attributes:
        outcome: `undecidable` never counts as conforming.
        why: One sentence with the rounded value and the limit.
        rounded: Result rounded to the digits of the bound that decided; empty if none.
    """

    outcome: Literal["within", "outside", "undecidable"]
    why: str
    rounded: str = ""

    @property
    def is_within(self) -> bool:
        """Whether the result conforms, decided beyond doubt."""
        return self.outcome == "within"


def round_to_digits(value: Decimal, pattern: str) -> Decimal:
    """Round half up to the decimal places of a limit.

    References:
        USP General Notices 7.20, Rounding Rules.

    >>> round_to_digits(Decimal("97.95"), "98.0")
    Decimal('98.0')
    """
    exponent = min(0, int(Decimal(pattern).as_tuple().exponent))
    return value.quantize(Decimal(1).scaleb(exponent), rounding=ROUND_HALF_UP, context=_WIDE)


def reportable(replicates: Sequence[str], n_decimals: int) -> str:
    """Mean of the replicates, rounded once, half up, as the method declares.

    Args:
        replicates: Values as they were read; none may be censored.
        n_decimals: Decimal places that the method reports.

    Raises:
        BadInputError: There are no replicates, or one is not a number.

    >>> reportable(["99.12", "99.13", "99.30"], 1)
    '99.2'
    """
    for text in replicates:
        if not is_number(text):
            raise BadInputError(
                f"replicate {text!r} is not a number, so there is no mean.",
                hint="Report a censored result by hand, with the rule of the method.",
            )
    if not replicates:
        raise BadInputError("there are no replicates.", hint="Give at least one value.")
    mean = sum((Fraction(Decimal(text)) for text in replicates), Fraction(0)) / len(replicates)
    scaled = abs(mean) * 10**n_decimals
    whole = int(scaled + Fraction(1, 2)) * (-1 if mean < 0 else 1)
    return str(Decimal(whole).scaleb(-n_decimals, context=_WIDE))


def compare(result: Result, limit: Limit) -> Comparison:
    """Compare a result with a limit, after rounding to the digits of the limit.

    A censored result is within or outside only if every value it may stand for is.

    References:
        USP General Notices 7.20, Rounding Rules.

    >>> upper = Limit(kind="release", upper="0.10", unit="%")
    >>> compare(Result(test="i", attribute="impurity", value="0.104", unit="%"), upper).outcome
    'within'
    """
    if result.status is ResultStatus.INVALIDATED:
        return Comparison("undecidable", f"the result was invalidated: {result.cause}.")
    if limit.allowed:
        return _compare_category(result, limit)
    if result.kind not in (ResultKind.NUMBER, ResultKind.CENSORED):
        return Comparison(
            "undecidable", f"{result.text!r} is no number to hold to {limit.as_text()}."
        )
    if not result.unit and limit.unit != "1":
        return Comparison(
            "undecidable", f"{result.text} has no unit, the limit has {limit.unit!r}."
        )
    try:
        value = Quantity(result.value, result.unit or "1").to(limit.unit).decimal
    except GoldenbatchError as error:
        return Comparison("undecidable", str(error))
    return _compare_range(result, limit, value)


def _compare_category(result: Result, limit: Limit) -> Comparison:
    if result.kind is not ResultKind.CATEGORY:
        return Comparison(
            "undecidable", f"a result of kind {result.kind.value} has no category to compare."
        )
    if result.value in limit.allowed:
        return Comparison("within", f"{result.value!r} is allowed.", result.value)
    return Comparison("outside", f"{result.value!r} is not {limit.as_text()}.", result.value)


def _extremes(operator: Operator, value: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Smallest and largest value that a result may stand for; None: no bound.

    A strict operator ends a hair beside its limit, because "<0.105" never rounds to 0.11.
    """
    if operator in ("<", "<="):
        return None, value.next_minus(_WIDE) if operator == "<" else value
    if operator in (">", ">="):
        return value.next_plus(_WIDE) if operator == ">" else value, None
    return value, value


def _compare_range(result: Result, limit: Limit, value: Decimal) -> Comparison:
    smallest, largest = _extremes(result.operator, value)
    is_surely_within, rounded = True, ""
    for bound, worst, best, sign in (
        (limit.lower, smallest, largest, 1),
        (limit.upper, largest, smallest, -1),
    ):
        if not bound:
            continue
        edge = Decimal(bound)
        shown = str(round_to_digits(value, bound))
        rounded = rounded or shown
        if best is not None and sign * round_to_digits(best, bound) < sign * edge:
            why = f"{result.operator}{shown} is outside {limit.as_text()}."
            return Comparison("outside", why, shown)
        if worst is None or sign * round_to_digits(worst, bound) < sign * edge:
            is_surely_within = False
    if is_surely_within:
        why = f"{result.operator}{rounded} is within {limit.as_text()}."
        return Comparison("within", why, rounded)
    why = f"{result.text} {result.unit} may lie within or outside {limit.as_text()}."
    return Comparison("undecidable", why, rounded)
