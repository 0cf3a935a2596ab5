from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.stores.ledger.canonical import canonical, is_plain

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_published_vectors(real_data):
    folder = real_data("jcs")
    names = [path.name for path in (folder / "input").glob("*.json")]
    assert len(names) == 6
    for name in names:
        value = json.loads((folder / "input" / name).read_text(encoding="utf-8"))
        assert canonical(value) == (folder / "output" / name).read_bytes(), name


@given(JSON)
def test_it_is_the_form_of_rfc_8785_whichever_encoder_writes_it(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON)
def test_what_is_plain_comes_back_as_it_was(value):
    if is_plain(value):
        back = json.loads(canonical(value))
        assert back == value and repr(type(back)) == repr(type(value))


def test_control_characters_and_quotes():
    text = "".join(map(chr, range(0x80))) + "\u2028\U0001f600"
    assert canonical({"k": text}) == rfc8785.dumps({"k": text})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"a": b"x"}, {1: 2}, {"\ud800"}],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(BadInputError, match="no canonical JSON"):
        canonical([value])
