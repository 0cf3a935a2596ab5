"""Comparisons that a plan asks for: which rows, which groups, and what is said to be missing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.core import plan_case as case

from goldenbatch.capabilities.governance.comparisons import (
    ComparedRows,
    compare_for_plan,
    groups_of,
)
from goldenbatch.capabilities.governance.numbers_of import numbers_of
from goldenbatch.capabilities.governance.reference import ReferenceSet, read_reference
from goldenbatch.core.artefacts import LINEAR
from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.science.predictors import LinearModel

WET = """
[[protocol.acceptance]]
id = "A3"
kind = "non_inferiority"
measure = "mae"
subgroup = "wet"
against = ["active"]
margin = 2.0
confidence = 0.9
modifications = ["retrain", "probe"]

[update]"""
PLAN = case.plan(**{"[update]": WET})


def rows(n_wet=12, **others):
    rng = np.random.default_rng(2)
    truth = rng.uniform(0, 10, 24)
    active, new = truth + rng.normal(0, 1, 24), truth + rng.normal(0, 1, 24)
    known = {"active": active, "original": active + 0.5} | others
    strata = [("wet",) if n < n_wet else ("dry",) for n in range(24)]
    groups = [f"B{n // 2}" for n in range(24)]
    return ComparedRows(truth, new, known, groups, strata)


def test_each_criterion_is_compared_with_each_version_on_its_own_rows():
    made = compare_for_plan(PLAN, "retrain", rows())
    found = [(one.criterion, one.against, one.measure, one.n_rows, one.n_groups)
             for one in made.figures]  # fmt: skip
    assert found == [
        ("A2", "active", "rmse", 24, 12),
        ("A2", "original", "rmse", 24, 12),
        ("A3", "active", "mae", 12, 6),
    ]
    assert not made.missing
    assert {one.confidence for one in made.figures} == {0.95, 0.9}
    assert {one.seed for one in made.figures} == {int(PLAN.digest()[:8], 16)}
    assert compare_for_plan(PLAN, "retrain", rows()).figures == made.figures


def test_a_criterion_of_other_modifications_is_left_out():
    made = compare_for_plan(PLAN, "limit", rows())
    assert {one.criterion for one in made.figures} == {"A2"} and not made.missing


def test_what_cannot_be_compared_is_named_and_left_out():
    data = rows(n_wet=4)
    without = ComparedRows(data.truth, data.new, {"active": data.others["active"]},
                           data.groups, data.strata)  # fmt: skip
    made = compare_for_plan(PLAN, "retrain", without)
    assert [(one.criterion, one.against) for one in made.figures] == [("A2", "active")]
    assert made.missing[0] == "A2: the original version was not compared"
    assert "2 groups; 4 groups are needed" in made.missing[1]
    silent = data.new.copy()
    silent[3] = np.nan
    gap = ComparedRows(data.truth, silent, data.others, data.groups, data.strata)
    made = compare_for_plan(PLAN, "retrain", gap)
    assert not made.figures and "missing values" in made.missing[0]


def test_groups_are_batches_or_lots_as_the_plan_says_else_what_the_rows_say():
    table = SimpleNamespace(
        batches=("B1", "B2"), lots=(("m/2", "m/1"), ("m/1",)), groups=("g1", "g2")
    )
    by_lot = case.plan(**{'groups = "batch"': 'groups = "lot"'})
    assert groups_of(PLAN, table) == ["B1", "B2"]
    assert groups_of(by_lot, table) == ["m/1+m/2", "m/1"]
    table.batches = ("B1", "")
    assert groups_of(PLAN, table) == ("g1", "g2")


def test_numbers_of_a_linear_model_are_its_settings_and_coefficients():
    model = LinearModel(("a", "b"), ("y",), ((2.0, -1.0),), (10.0,), (1.0, 1.0))
    trained = case.trained(1, media_type=LINEAR, settings={"ridge": 0.1, "deep": {"on": True,
                           "k": 3}, "name": "x"})  # fmt: skip
    registry = SimpleNamespace(get=lambda _: model.to_bytes())
    assert numbers_of(trained, registry) == {
        "ridge": 0.1, "deep.k": 3.0, "coefficient.a": 2.0, "coefficient.b": -1.0,
        "intercept": 10.0,
    }  # fmt: skip
    other = case.trained(1)
    assert numbers_of(other, None) == {"n_components": 4.0, "spe_limit": 1.0, "treat.window": 15.0}


# ---- the reference set ----------------------------------------------------------------------


def test_a_reference_set_keeps_its_bits_and_its_digest():
    text = "a,b\n" + "\n".join(f"{n / 3!r},{-n}" for n in range(12))
    first = read_reference(text)
    again = ReferenceSet.from_bytes(first.to_bytes())
    assert again == first and again.digest() == first.digest()
    assert read_reference(text.replace("\n", "\r\n") + "\n\n").digest() == first.digest()
    assert read_reference(text.replace("b", "c", 1)).digest() != first.digest()


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "no names", 0),
        ("a,a\n" + "1,2\n" * 12, "one name twice", 0),
        ("a,b\n" + "1,2\n" * 9, "9 rows; 10 at least", 0),
        ("a,b\n1,2\n1\n" + "1,2\n" * 12, "1 values for 2 names", 3),
        ("a,b\n1,2\n1,x\n" + "1,2\n" * 12, "could not convert", 3),
        ("a,b\n1,inf\n" + "1,2\n" * 12, "not finite", 0),
        ("a,b\n1,nan\n" + "1,2\n" * 12, "not finite", 0),
    ],
)
def test_rows_that_are_no_reference_set_are_refused_with_their_place(text, words, line):
    with pytest.raises(BadInputError, match=words) as caught:
        read_reference(text, "rows.csv")
    assert caught.value.file == "rows.csv" and caught.value.line == line


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"format": "x"}', b'{"format": "goldenbatch reference set 1"}',
                b'{"format": "goldenbatch reference set 1", "inputs": ["a"], "rows": [[1]]}']
)  # fmt: skip
def test_stored_bytes_that_are_no_reference_set_are_a_fault_of_integrity(content):
    with pytest.raises(IntegrityError, match="reference set"):
        ReferenceSet.from_bytes(content)
