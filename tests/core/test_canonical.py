"""The canonical text of a body with measures is that of the body as the ledger keeps it."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core._canonical import canonical_body_text, canonical_text
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.signatures import proposal_digest

NUMBERS = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda x: not (x.is_integer() and abs(x) > 2**53 - 1)
)
VALUES = st.recursive(
    st.one_of(NUMBERS, st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=5), st.booleans()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_what_the_ledger_gives_back_has_the_same_text(value):
    stored = json.loads(rfc8785.dumps(value))
    assert canonical_body_text(value) == canonical_body_text(stored)
    # So does the stand-alone verifier read it, which knows nothing of floats.
    plain = json.dumps(stored, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    assert canonical_body_text(value) == plain


def test_a_text_without_floats_is_as_it_was():
    value = {"b": ["x", 1, True], "a": {"\xe9": "y"}}
    assert canonical_body_text(value) == canonical_text(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300])
def test_what_has_no_exact_text_is_refused(number):
    with pytest.raises(BadInputError, match="cannot hold the number"):
        proposal_digest("ModelTested", {"x": [number]})
