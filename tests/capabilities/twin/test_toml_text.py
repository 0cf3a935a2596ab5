import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.capabilities.twin.toml_text import to_toml

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
PLAIN = st.one_of(TEXT, st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False))
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3),
        st.lists(st.dictionaries(TEXT, inner, max_size=2), min_size=1, max_size=2),
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(TEXT, VALUES, max_size=4))
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_again(document):
    assert tomllib.loads(to_toml(document)) == document
