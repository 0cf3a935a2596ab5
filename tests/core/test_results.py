from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import Body, DataClass, Envelope, Event, HomeKind
from goldenbatch.core.results import (
    RESULTS,
    Limit,
    Result,
    ResultCorrected,
    ResultsReported,
    compare,
    reportable,
    round_to_digits,
)


def number(value: str, unit: str = "%", operator: str = "") -> Result:
    kind = "censored" if operator else "number"
    return Result.model_validate(
        {"test": "t", "attribute": "a", "value": value, "unit": unit, "kind": kind}
        | {"operator": operator}
    )


def limit(lower: str = "", upper: str = "", unit: str = "%") -> Limit:
    return Limit.model_validate({"kind": "release", "lower": lower, "upper": upper, "unit": unit})


# The illustration of USP General Notices 7.20: limit, unrounded, rounded, conforms.
USP = [
    (limit(lower="98.0"), "97.96", "98.0", True),
    (limit(lower="98.0"), "97.92", "97.9", False),
    (limit(lower="98.0"), "97.95", "98.0", True),
    (limit(upper="101.5"), "101.55", "101.6", False),
    (limit(upper="101.5"), "101.46", "101.5", True),
    (limit(upper="101.5"), "101.45", "101.5", True),
    (limit(upper="0.02"), "0.025", "0.03", False),
    (limit(upper="0.02"), "0.015", "0.02", True),
    (limit(upper="0.02"), "0.027", "0.03", False),
    (limit(upper="3", unit="[ppm]"), "0.00035", "4", False),
    (limit(upper="3", unit="[ppm]"), "0.00025", "3", True),
    (limit(upper="3", unit="[ppm]"), "0.00028", "3", True),
]


@pytest.mark.parametrize(("held_to", "value", "rounded", "is_within"), USP)
def test_usp_illustration_of_rounding(
    held_to: Limit, value: str, rounded: str, is_within: bool
) -> None:
    verdict = compare(number(value), held_to)
    assert (verdict.rounded, verdict.is_within) == (rounded, is_within)
    assert rounded in verdict.why


@pytest.mark.parametrize(
    ("operator", "value", "lower", "upper", "outcome"),
    [
        ("<", "0.05", "", "0.10", "within"),
        ("<", "0.05", "", "0.02", "undecidable"),
        ("<", "0.05", "", "0.05", "within"),
        ("<", "0.105", "", "0.10", "within"),
        ("<=", "0.105", "", "0.10", "undecidable"),
        ("<", "0.05", "0.10", "", "outside"),
        ("<", "0.10", "0.10", "", "undecidable"),
        (">", "100", "", "50", "outside"),
        (">", "100", "90", "", "within"),
        (">=", "90", "90", "", "within"),
        (">", "100", "90", "110", "undecidable"),
        ("<", "5", "0", "10", "undecidable"),
    ],
)
def test_censored_results_are_compared_honestly(
    operator: str, value: str, lower: str, upper: str, outcome: str
) -> None:
    assert compare(number(value, operator=operator), limit(lower, upper)).outcome == outcome


def test_what_cannot_be_compared_is_undecidable() -> None:
    upper = limit(upper="0.10")
    invalid = Result.model_validate(
        number("0.05").model_dump() | {"status": "invalidated", "cause": "column leak"}
    )
    assert "column leak" in compare(invalid, upper).why
    assert compare(invalid, upper).outcome == "undecidable"
    words = Result(test="t", attribute="a", value="cloudy", kind="text")
    assert compare(words, upper).outcome == "undecidable"
    wrong = compare(number("5", unit="mL"), limit(upper="5", unit="mg"))
    assert wrong.outcome == "undecidable"
    assert "'mL'" in wrong.why
    assert "'mg'" in wrong.why


def test_a_number_without_unit_is_not_taken_for_percent() -> None:
    verdict = compare(number("0.05", unit=""), limit(upper="5.0"))
    assert (verdict.outcome, "no unit" in verdict.why) == ("undecidable", True)
    assert compare(number("4", unit=""), limit(upper="5", unit="1")).is_within


def test_categories_are_compared_by_letter() -> None:
    allowed = Limit(kind="release", allowed=("complies",))
    good = Result(test="id", attribute="identity", value="complies", kind="category")
    assert compare(good, allowed).is_within
    bad = good.model_copy(update={"value": "does not comply"})
    assert compare(bad, allowed).outcome == "outside"
    assert compare(number("1"), allowed).outcome == "undecidable"


def test_units_are_converted_before_rounding() -> None:
    assert compare(number("1049", unit="ug"), limit(upper="1.0", unit="mg")).is_within
    assert compare(number("1050", unit="ug"), limit(upper="1.0", unit="mg")).outcome == "outside"


values = st.decimals(min_value=-1000, max_value=1000, places=5).map(str)
bounds = st.decimals(min_value=-1000, max_value=1000, places=2).map(str)


@given(values, values, st.sampled_from(["1", "1.0", "1.00", "1.000"]))
def test_rounding_is_monotone_and_idempotent(one: str, other: str, digits: str) -> None:
    low, high = sorted((Decimal(one), Decimal(other)))
    assert round_to_digits(low, digits) <= round_to_digits(high, digits)
    rounded = round_to_digits(low, digits)
    assert round_to_digits(rounded, digits) == rounded
    step = Decimal(1).scaleb(int(Decimal(digits).as_tuple().exponent))
    assert abs(rounded - low) <= step / 2


@given(values, bounds, bounds, st.sampled_from(["<", ">", "<=", ">="]), values)
def test_a_censored_verdict_holds_for_every_value_it_may_stand_for(
    edge: str, one: str, other: str, operator: str, value: str
) -> None:
    lower, upper = sorted((one, other), key=Decimal)
    held_to = limit(lower, upper)
    verdict = compare(number(edge, operator=operator), held_to).outcome
    a, b = Decimal(value), Decimal(edge)
    may_stand = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
    if may_stand and verdict != "undecidable":
        assert compare(number(value), held_to).outcome == verdict


@given(values, bounds)
def test_a_number_is_always_decided(value: str, bound: str) -> None:
    assert compare(number(value), limit(upper=bound)).outcome in ("within", "outside")


@pytest.mark.parametrize(
    ("replicates", "n_decimals", "expected"),
    [
        (["99.12", "99.13", "99.30"], 1, "99.2"),
        (["0.05", "0.06"], 2, "0.06"),
        (["-0.05", "-0.06"], 2, "-0.06"),
        (["1", "2"], 0, "2"),
        (["10"], 2, "10.00"),
        (["1", "1", "2"], 4, "1.3333"),
    ],
)
def test_reportable_value_is_rounded_once(
    replicates: list[str], n_decimals: int, expected: str
) -> None:
    assert reportable(replicates, n_decimals) == expected


@pytest.mark.parametrize("replicates", [[], ["<0.05", "0.06"]])
def test_no_mean_of_nothing_or_of_censored_values(replicates: list[str]) -> None:
    with pytest.raises(BadInputError):
        reportable(replicates, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"value": "high"},
        {"kind": "censored"},
        {"operator": "<"},
        {"loq": "low"},
        {"status": "invalidated"},
        {"colour": "red"},
    ],
)
def test_an_impossible_result_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Result.model_validate(number("1").model_dump() | change)


@pytest.mark.parametrize(
    "change", [{}, {"lower": "2", "upper": "1"}, {"lower": "x"}, {"lower": "1", "allowed": ("a",)}]
)
def test_an_impossible_limit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Limit.model_validate({"kind": "release", **change})


def event(seq: int, body: Body) -> Event:
    envelope = Envelope(
        home="h",
        home_kind=HomeKind.DEVELOPMENT,
        site="s",
        owner="",
        data_class=DataClass.OPERATIONAL,
        stream="sample/S1",
        version=seq,
        kind=body.kind,
        body_version=1,
        actor="u",
        recorded_at=seq,
        body_digest="0" * 64,
        previous="",
    )
    return Event(seq, envelope, body.as_json(), "0" * 64)


def test_a_correction_updates_the_row_and_keeps_its_batch() -> None:
    first, second = number("1.20"), number("0.05", operator="<").model_copy(update={"test": "u"})
    reported = ResultsReported(sample="S1", batch="7", results=(first, second))
    rows = {
        (row["sample"], row["test"]): row
        for row in RESULTS.fold(event(1, reported), lambda _: None)
    }
    assert rows["S1", "t"]["number"] == 1.2
    assert (rows["S1", "u"]["number"], rows["S1", "u"]["operator"]) == (0.05, "<")
    assert all(set(row) == set(RESULTS.columns) for row in rows.values())
    new = number("1.02")
    corrected = ResultCorrected(sample="S1", test="t", old=first, new=new, reason="transposed")
    (row,) = RESULTS.fold(event(2, corrected), rows.get)
    assert (row["value"], row["batch"], row["n_corrections"], row["seq"]) == ("1.02", "7", 1, 2)


def test_a_sample_has_each_test_once() -> None:
    with pytest.raises(ValidationError, match="twice"):
        ResultsReported(sample="S1", results=(number("1"), number("2")))
    with pytest.raises(ValidationError, match="that test alone"):
        ResultCorrected(sample="S", test="other", old=number("1"), new=number("2"), reason="r")
