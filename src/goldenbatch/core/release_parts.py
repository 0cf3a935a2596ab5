"""Parts of a registration for real-time release testing, and the rules that are pure.

References:
    EU GMP Annex 17 (2018), 3 and 4; EU GMP Annex 1 (2022), 10.5; ICH Q8(R2), 2.5; USP General
    Notices 7.20 (rounding); Ph. Eur. 5.1.1 and 2.6.1.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.model_card import USE_PATTERN
from goldenbatch.core.quantities import check_unit, is_number
from goldenbatch.core.records import Micros
from goldenbatch.core.results import Limit, LimitKind, NumberText, Result, compare

Bound = Literal["interval", "lower", "upper"]
NAME: Final = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
"""A name that begins and ends with no space, so that no two look the same."""


class Part(BaseModel):
    """Base of the parts: closed, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Manufacture(StrEnum):
    """How sterility of a product comes about, if it does."""

    ASEPTIC = "aseptic"
    TERMINALLY_STERILISED = "terminally_sterilised"
    NON_STERILE = "non_sterile"


# ---- sterility --------------------------------------------------------------------------------

_STERILITY: Final = (
    "steril",  # sterility, sterilita, esterilidad, sterilnost
    "steryl",
    "steriil",  # Finnish, Estonian
    "στειρ",
    "asepti",
    "asepsi",
    "keimfrei",
    "jalowos",
    "стерил",
    "асепти",
    "無菌",
    "无菌",
    "무균",
    "viablemicroorganism",
    "viableorganism",
    "viablecontaminat",
    "microbialgrowth",
    "nogrowth",
    "absenceofgrowth",
    "freefromgrowth",
    "freedomfrommicro",
    "freefrommicro",
    "germfree",
    "directinoculation",
    "sal106",
)
_METHODS: Final = re.compile(
    r"(?<!\d)(?<!\d\.)2\.6\.1(?!\.?\d)|(?<!\d)20601(?!\d)"
    r"|<71>|\busp\s*(?:chapter|general chapter)?\s*<?71>?(?!\d)|(?<!\d)(?<!\d\.)4\.06(?!\d)"
)
"""Ph. Eur. 2.6.1 (text 20601), USP <71>, JP 4.06: the test for sterility."""
_LOOKALIKES: Final = str.maketrans("аеорсухіѕјντ", "aeopcyxisjvt")
"""Cyrillic and Greek letters that look like Latin ones."""


def is_sterility(*names: str) -> bool:
    """Whether a name of an attribute, a test or a method is of sterility, in whatever words.

    >>> is_sterility("Sterility test"), is_sterility("stérilité"), is_sterility("assay")
    (True, True, False)
    >>> is_sterility("Ph. Eur. 2.6.1"), is_sterility("Ph. Eur. 2.6.14")
    (True, False)
    """
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        plain = "".join(
            one
            for one in unicodedata.normalize("NFD", folded.replace("ł", "l"))
            if not unicodedata.combining(one)
        )
        if _METHODS.search(plain):
            return True
        letters = "".join(one for one in plain if one.isalnum())
        seen = letters.translate(_LOOKALIKES)
        if any(word in letters or word in seen for word in _STERILITY):
            return True
    return False


def sterility_fault(declared: Manufacture, in_plant: str, *names: str) -> str:
    """Why an attribute may not be predicted for its sterility; empty where it may.

    Args:
        declared: How the product is made, as the registration says.
        in_plant: The same as the plant's master data say; empty: they do not.
        names: Attribute, its title, output of the model, contingency test and its method.

    >>> sterility_fault(Manufacture.ASEPTIC, "", "assay")
    ''
    >>> sterility_fault(Manufacture.NON_STERILE, "aseptic", "assay").partition(":")[0]
    'the registration says non_sterile, the master data say aseptic'
    """
    if in_plant and in_plant != declared:
        return f"the registration says {declared}, the master data say {in_plant}: which is it?"
    if not is_sterility(*names):
        return ""
    if declared == Manufacture.ASEPTIC:
        return "sterility of an aseptic product is never predicted (EU GMP Annex 17, 4)"
    if declared != Manufacture.TERMINALLY_STERILISED:
        return "sterility is predicted of terminally sterilised products alone (EU GMP Annex 17, 4)"
    if not in_plant:
        return "the master data do not say that the product is terminally sterilised"
    return ""


# ---- the registration -------------------------------------------------------------------------


class InputSource(Part):
    """Where one input of the model comes from, for a batch.

    Attributes:
        name: Name of the input, as the model knows it.
        kind: Readings of a tag, a laboratory's result of the batch, a result of the lot of a
            material that went in, or a fact of the batch.
        of: Tag, or name of the attribute.
        phase: Phase whose readings count; empty: the whole batch. For readings alone.
        how: What is made of the readings: time-weighted mean, least, greatest or last one.
        material: Material whose lot it is, for lots alone.
        least_good: Least share of the time with good readings; a tag that fell silent is not good.
    """

    name: str = Field(min_length=1)
    kind: Literal["readings", "result", "lot", "batch"]
    of: str = Field(min_length=1)
    phase: str = ""
    how: Literal["mean", "minimum", "maximum", "last"] = "mean"
    material: str = ""
    least_good: float = Field(default=0.95, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> InputSource:
        if (self.kind == "lot") != bool(self.material):
            raise ValueError(
                f"input {self.name!r}: a result of a lot, and no other, names a material"
            )
        if self.phase and self.kind != "readings":
            raise ValueError(f"input {self.name!r}: readings alone are of a phase")
        return self

    @property
    def words(self) -> str:
        """In words, for the record."""
        if self.kind == "readings":
            where = f"phase {self.phase}" if self.phase else "the batch"
            return f"{self.how} of {self.of} over {where}"
        if self.kind == "lot":
            return f"{self.of} of the lot of {self.material}"
        return f"{'result of' if self.kind == 'result' else 'fact of the batch:'} {self.of}"


class ContingencyTest(Part):
    """The test that decides where there is no valid prediction, registered in advance.

    Attributes:
        test: Name of the test, as results carry it.
        method: Method, as results carry it.
        method_version: Its version, as results carry it.
    """

    test: str = Field(min_length=1)
    method: str = Field(min_length=1)
    method_version: str = Field(min_length=1)

    @property
    def label(self) -> str:
        """Test, method and version in a line."""
        return f"{self.test} by {self.method}, version {self.method_version}"


class TrendRules(Part):
    """When a prediction within its limit trends to failure all the same.

    Attributes:
        lower: Action limit below, in the unit of the registered limit; empty: none.
        upper: Action limit above.
        centre: Usual value, for run rules.
        sigma: Usual spread of batches, for run rules.
        rules: Run rules over successive batches, such as `nelson-2`.
    """

    lower: NumberText = ""
    upper: NumberText = ""
    centre: NumberText = ""
    sigma: NumberText = ""
    rules: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> TrendRules:
        for name in ("lower", "upper", "centre", "sigma"):
            text = getattr(self, name)
            if text and not is_number(text):
                raise ValueError(f"{name} {text!r} is not a number")
        if self.rules and not (self.centre and self.sigma):
            raise ValueError("run rules need centre and sigma")
        if self.sigma and Decimal(self.sigma) <= 0:
            raise ValueError(f"sigma {self.sigma} is not above 0")
        if self.lower and self.upper and Decimal(self.lower) > Decimal(self.upper):
            raise ValueError(f"lower {self.lower} is above upper {self.upper}")
        if not (self.lower or self.upper or self.rules):
            raise ValueError("there is neither an action limit nor a run rule")
        return self


class Registration(Part):
    """What an authority approved: for one product, market and attribute a prediction may decide.

    Attributes:
        market: Where it is approved, such as `EU`.
        dossier: Section of the dossier that describes it.
        variation: Number of the variation or supplement that brought it in.
        manufacture: How sterility of the product comes about.
        use: Intended use of the model, `model/<use>`.
        limit: Registered limit, of the kind release.
        bound: What of the interval must lie within the limit: all of it, or its stated bound.
        confidence: Least confidence of the interval.
        inputs: Where each input of the model comes from.
        contingency: Test that decides where there is no valid prediction.
        most_contingency: Share of batches without valid prediction that is thought of.
        trend: When a prediction within its limit trends to failure.
        effective_from: From when it counts, approved before.
    """

    product: str = Field(pattern=NAME, max_length=60)
    market: str = Field(pattern=NAME, max_length=40)
    attribute: str = Field(pattern=NAME, max_length=60)
    dossier: str = Field(min_length=3)
    variation: str = Field(min_length=3)
    manufacture: Manufacture
    use: str = Field(pattern=USE_PATTERN)
    limit: Limit
    bound: Bound = "interval"
    confidence: float = Field(default=0.95, ge=0.8, lt=1)
    inputs: tuple[InputSource, ...] = Field(min_length=1)
    contingency: ContingencyTest
    most_contingency: float = Field(default=0.05, gt=0, le=0.5)
    trend: TrendRules | None = None
    effective_from: Micros

    @model_validator(mode="after")
    def _is_possible(self) -> Registration:
        if self.limit.kind is not LimitKind.RELEASE or self.limit.allowed:
            raise ValueError("the registered limit is one of the kind release, with bounds")
        other = {"lower": self.limit.upper, "upper": self.limit.lower}.get(self.bound, "")
        own = {"lower": self.limit.lower, "upper": self.limit.upper}.get(self.bound, "x")
        if other or not own:
            raise ValueError(f"the {self.bound} bound alone does not answer {self.limit.as_text()}")
        names = [one.name for one in self.inputs]
        doubled = sorted({one for one in names if names.count(one) > 1})
        if doubled:
            raise ValueError(f"input {doubled[0]!r} stands there twice")
        answers = [
            one
            for one in self.inputs
            if one.kind in ("result", "batch") and one.of.casefold() == self.attribute.casefold()
        ]
        if answers:
            raise ValueError(f"input {answers[0].name!r} is the answer: a result of the attribute")
        check_unit(self.limit.unit)
        return self


# ---- a prediction beside its limit ------------------------------------------------------------


class Interval(Protocol):
    """A value with its interval, as texts."""

    @property
    def value(self) -> str:
        """The value; empty: none."""

    @property
    def lower(self) -> str:
        """Lower end; empty: none."""

    @property
    def upper(self) -> str:
        """Upper end; empty: none."""

    @property
    def unit(self) -> str:
        """UCUM code."""


def stands(attribute: str, value: str, unit: str, limit: Limit) -> str:
    """How a number stands to a limit after rounding: `within`, `outside` or `undecidable`."""
    if not value:
        return "undecidable"
    return compare(
        Result(test=attribute, attribute=attribute, value=value, unit=unit), limit
    ).outcome


def holds_within(attribute: str, said: Interval, limit: Limit, bound: Bound) -> str:
    """Why a prediction does not lie within a limit with its interval; empty where it does.

    The ends that count are rounded to the digits of the limit, as a result would be.
    """
    ends = {"value": said.value}
    if bound in ("interval", "lower"):
        ends["lower end"] = said.lower
    if bound in ("interval", "upper"):
        ends["upper end"] = said.upper
    for name, text in ends.items():
        if stands(attribute, text, said.unit, limit) != "within":
            found = f"{text} {said.unit}" if text else "not known"
            return f"its {name} ({found}) is not within {limit.as_text()}"
    return ""
