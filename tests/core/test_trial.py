"""Trial files and the columns that they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Split, TrialData, TrialFile, select_columns

ENTRIES = {
    "trial": "monitoring.charts",
    "title": "T",
    "source": "S",
    "files": {"table": {"glob": "*.csv"}},
    "columns": {"target": "y", "predictors": "600..700"},
    "split": {"by": "time"},
}
FILE = TrialFile(**ENTRIES)
DATA = TrialData({"table": {"y": [1], "600": [2], "650.5": [3], "701": [4]}}, {})


def test_defaults_of_a_trial_file():
    role = FILE.files["table"]
    assert (role.separator, role.decimal, role.header, role.transpose) == (",", ".", True, "never")
    assert FILE.split.train_share == 0.7


@pytest.mark.parametrize(
    "change",
    [
        {"split": {"by": "random"}},
        {"split": {"by": "time", "train_share": 1.0}},
        {"split": {"by": "time", "train_share": 0}},
        {"files": {"table": {"glob": "*", "decimal": ";"}}},
        {"surplus": 1},
        {"trial": None},
    ],
)
def test_a_trial_file_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValidationError):
        TrialFile(**{**ENTRIES, **change})


def test_a_trial_file_is_frozen_and_survives_json():
    with pytest.raises(ValidationError):
        FILE.title = "other"
    assert TrialFile.model_validate_json(FILE.model_dump_json()) == FILE
    assert Split(by="group", column="lot").train == ()


def test_names_of_columns():
    assert DATA.names(FILE, "target", "table") == ("y",)
    assert DATA.names(FILE, "predictors", "table") == ("600", "650.5")
    for key, role in (("nothing", "table"), ("target", "nowhere")):
        with pytest.raises(BadInputError, match=f"{key!r}") as caught:
            DATA.names(FILE, key, role)
        assert caught.value.key == f"columns.{key}"


names = st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), unique=True, max_size=6)


@given(names, st.lists(st.sampled_from(["*", "a*", "b", "?", "zzzz"]), max_size=4))
def test_patterns_choose_present_columns_once(available, patterns):
    chosen = select_columns(available, patterns)
    assert set(chosen) <= set(available)
    assert len(set(chosen)) == len(chosen)
    if "*" in patterns:
        assert set(chosen) == set(available)


@given(st.lists(st.integers(-50, 50), unique=True), st.integers(-60, 60), st.integers(0, 60))
def test_a_numeric_range_is_closed_and_in_order(numbers, low, width):
    available = ["id", *map(str, numbers)]
    chosen = select_columns(available, f"{low}..{low + width}")
    assert list(map(int, chosen)) == sorted(n for n in numbers if low <= n <= low + width)


def test_a_literal_name_wins_over_its_meaning_as_a_pattern():
    assert select_columns(["1..3", "2", "a*", "ab"], ("1..3", "a*")) == ("1..3", "a*")
