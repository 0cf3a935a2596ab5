"""The dictionary of tags: durable numbers, one kind a tag, damage seen."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.stores.historian._tags import TagDictionary

names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.lists(names, min_size=1, max_size=4, unique=True), max_size=5))
def test_numbers_stay(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("tags") / "tags.log"
    tags, known = TagDictionary(path), {}
    for step in steps:
        for name, number in zip(step, tags.ids(step, "number"), strict=True):
            assert known.setdefault(name, number) == number
    again = TagDictionary(path)
    assert {name: again.find(name) for name in known} == known
    assert sorted(known.values()) == list(range(len(known)))
    assert tags.same_as_file()


def test_every_changed_byte_is_seen(tmp_path):
    path = tmp_path / "tags.log"
    tags = TagDictionary(path)
    tags.ids(["a", "b"], "number")
    tags.ids(["c"], "text")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(IntegrityError, match=r"tags\.log"):
            TagDictionary(path)
    path.write_bytes(whole)
    assert len(TagDictionary(path)) == 3


def test_torn_block_gives_way_to_the_next(tmp_path):
    path = tmp_path / "tags.log"
    TagDictionary(path).ids(["a"], "number")
    first = path.read_bytes()
    TagDictionary(path).ids(["b"], "number")
    whole = path.read_bytes()
    for size in range(len(first), len(whole)):
        path.write_bytes(whole[:size])
        tags = TagDictionary(path)
        assert len(tags) == 1
        assert tags.ids(["b"], "number") == [1]
        assert path.read_bytes() == whole


def test_another_kind_and_bad_names_are_refused(tmp_path):
    tags = TagDictionary(tmp_path / "tags.log")
    tags.ids(["a"], "number")
    with pytest.raises(BadInputError, match=r"'a'.*'number', not 'text'"):
        tags.ids(["new", "a"], "text")
    for name in ("", "x" * 401, "a\nb"):
        with pytest.raises(BadInputError, match="name of a tag"):
            tags.ids([name], "number")
    assert len(tags) == 1
