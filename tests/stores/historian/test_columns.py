"""The vectorised bytes are those of the slow reference in core.chunks."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.chunks import leaf_hash, readings_bytes
from goldenbatch.stores.historian._columns import stored_order, stored_schema
from goldenbatch.stores.historian._leaves import leaves, window_digest

floats = st.floats(width=64, allow_nan=False)
VALUES = {
    "number": st.none() | floats,
    "text": st.none() | st.text(max_size=6),
    "reference": st.none() | st.text(max_size=6),
    "array": st.none() | st.lists(floats | st.just(math.nan), max_size=4),
}


def table_of(kind, rows):
    columns = zip(*rows, strict=True) if rows else [[]] * 6
    schema = stored_schema(kind)
    arrays = [
        pa.array(list(column), pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array(list(column), field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


@pytest.mark.parametrize("kind", sorted(VALUES))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_leaves_equal_the_reference(kind, data):
    ints = st.integers(-(10**15), 10**15)
    row = st.tuples(
        ints, st.integers(0, 3), VALUES[kind], st.integers(0, 2**32 - 1), st.integers(1, 99), ints
    )
    rows = sorted(
        data.draw(st.lists(row, max_size=20, unique_by=lambda r: (r[0], r[1], r[4]))),
        key=lambda r: (r[1], r[0], r[4]),
    )
    cut = data.draw(st.integers(0, len(rows)))
    table = table_of(kind, rows)
    # In pieces, and sliced out of something longer, as tables come.
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    for form in (table, pieces, pa.concat_tables([table, table]).slice(len(rows))):
        found = list(leaves(form.combine_chunks(), kind, lambda tag: f"tag{tag}"))
        assert [leaf.tag for leaf in found] == [f"tag{t}" for t in sorted({r[1] for r in rows})]
        for leaf in found:
            own = [(r[0], r[4], r[5], r[3], r[2]) for r in rows if f"tag{r[1]}" == leaf.tag]
            assert leaf.digest == leaf_hash(readings_bytes(leaf.tag, kind, own)).hex()
            assert leaf.n_readings == len(own)


def test_window_digest_is_plain_sha256():
    table = table_of("text", [(1, 0, "a", 0, 1, 5)])
    expected = hashlib.sha256(readings_bytes("t", "text", [(1, 1, 5, 0, "a")])).hexdigest()
    assert window_digest(table, "text", "t") == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=20))
def test_order_is_by_tag_time_seq(rows):
    tag, time, seq = (np.array([r[i] for r in rows], dtype=np.int64) for i in range(3))
    order = stored_order(tag, time, seq)
    ordered = rows if order is None else [rows[i] for i in order.tolist()]
    assert ordered == sorted(rows)
