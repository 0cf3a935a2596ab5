"""A site through its node gives what the site itself gives, port by port."""

import os
import stat

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.core import errors
from goldenbatch.core.aggregates import AggregateSettings
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import (
    BadInputError,
    IntegrityError,
    LockedError,
    NotFoundError,
    VersionConflictError,
)
from goldenbatch.core.records import NewEvent
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.runtime import _wire as wire
from goldenbatch.runtime.remote import (
    NODE_FILE,
    NodeAddress,
    NodeClient,
    NodeError,
    RemoteSite,
    connect,
)

TEMP = "site/area/cell/tank/temp"
START = 1_700_000_000_000_000
MINUTE = 60_000_000
WINDOW = (START, START + 60 * MINUTE)


@pytest.fixture
def both(node):
    """The site, and the same through its node."""
    with RemoteSite(NodeClient(node.url, node.token)) as remote:
        yield node.state.desk.site, remote


def test_identity_plant_and_windows(both):
    local, remote = both
    assert remote.home == local.home
    assert remote.actor == local.actor
    assert remote.plant == local.plant
    assert list(remote.windows("7")) == list(local.windows("7"))
    assert list(remote.windows("7", "make")) == list(local.windows("7", "make"))
    assert abs(remote.clock() - local.clock()) > 0


def test_the_ledger_reads_alike(both):
    local, remote = both
    assert remote.ledger.head() == local.ledger.head()
    assert list(remote.ledger.events()) == list(local.ledger.events())
    kinds = {"BatchCreated", "FindingOpened"}
    assert list(remote.ledger.events(3, 20, kinds)) == list(local.ledger.events(3, 20, kinds))
    prefix = list(remote.ledger.events(stream_prefix="batch/"))
    assert prefix == list(local.ledger.events(stream_prefix="batch/"))
    assert tuple(remote.ledger.stream("batch/7", 1)) == tuple(local.ledger.stream("batch/7", 1))
    assert remote.ledger.version("batch/7") == local.ledger.version("batch/7") == 4
    for name in ("batch", "phase", "finding", "result", "user"):
        assert list(remote.ledger.select(name)) == list(local.ledger.select(name))
    where = {"batch": ["7", "8"]}
    one = remote.ledger.select("batch", where, ("-batch",), 1)
    assert list(one) == list(local.ledger.select("batch", where, ("-batch",), 1))


def test_many_events_come_page_by_page(both, monkeypatch):
    local, remote = both
    monkeypatch.setattr("goldenbatch.runtime.remote_ports.PAGE", 2)
    assert list(remote.ledger.events()) == list(local.ledger.events())
    assert tuple(remote.ledger.stream("batch/7")) == tuple(local.ledger.stream("batch/7"))


def test_what_is_appended_remotely_is_there(both):
    local, remote = both
    body = BatchCreated(batch="ščž 9", product="P")
    event = remote.ledger.append([NewEvent("batch/ščž 9", body, 0, actor="me")])[0]
    assert local.ledger.stream("batch/ščž 9") == (event,)
    with pytest.raises(VersionConflictError) as caught:
        remote.ledger.append([NewEvent("batch/ščž 9", body, 0, actor="me")])
    assert (caught.value.expected, caught.value.actual) == (0, 1)


def test_the_historian_reads_alike(both):
    local, remote = both
    here, there = local.historian, remote.historian
    assert there.head() == here.head()
    assert dict(there.tags()) == dict(here.tags())
    for name, arguments in (
        ("read", ([TEMP], WINDOW)),
        ("read", ([TEMP], WINDOW, 1)),
        ("since", ([TEMP], 0)),
        ("since", ([TEMP], 0, 1)),
        ("latest", ([TEMP],)),
        ("downsample", ([TEMP], WINDOW, 5)),
    ):
        left, right = getattr(here, name)(*arguments), getattr(there, name)(*arguments)
        assert left.kind == right.kind
        assert left.table.equals(right.table), name
    assert there.digest(TEMP, WINDOW) == here.digest(TEMP, WINDOW)


def test_aggregates_alike(both):
    local, remote = both
    (start, end), *_ = local.windows("7")
    windows = [(start, end), (start, start + 1), (start - 10, start)]
    asked = ([TEMP], windows, "TimeAverage", AggregateSettings(is_stepped=True))
    left, right = local.historian.aggregate(*asked), remote.historian.aggregate(*asked)
    assert (left.kind, left.tags, left.windows) == (right.kind, right.tags, right.windows)
    assert left.settings == right.settings
    for name in ("values", "quality", "times"):
        assert np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True)
    with pytest.raises(BadInputError):
        remote.historian.aggregate([TEMP], [(end, start)], "Count")
    with pytest.raises(BadInputError):
        remote.historian.aggregate([TEMP], [(start, end)], "Median")


def test_aligned_reads_alike(both):
    import numpy as np

    local, remote = both
    arguments = ([TEMP], [WINDOW, (START, START + 5 * MINUTE)], 2 * MINUTE)
    left, right = local.historian.aligned(*arguments), remote.historian.aligned(*arguments)
    for name in ("values", "quality", "n_readings", "elapsed_us"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    assert tuple(left.tags) == tuple(right.tags)


@pytest.mark.parametrize(
    ("kind", "values"),
    [("number", [1.5, None]), ("text", ["a", None]), ("array", [[1.0, 2.0], None]),
     ("reference", ["file:x", None])],
)  # fmt: skip
def test_frames_of_all_kinds_are_written(kind, values, both):
    local, remote = both
    schema = frame_schema(kind)
    columns = [
        pa.array([START, START + 1], pa.int64()).cast(schema.field("time").type),
        pa.array([f"site/{kind}"] * 2),
        pa.array(values, schema.field("value").type),
        pa.array([0, 0], pa.int64()),
    ]
    frame = Frame("s", "k", kind, pa.Table.from_arrays(columns, schema=schema), START, "", "why")
    written = remote.historian.write(frame)
    assert written.is_new and written.n_readings == 2
    assert not remote.historian.write(frame).is_new
    assert (
        local.historian.read([f"site/{kind}"], WINDOW).table.column("value").to_pylist() == values
    )


def test_the_registry_keeps_bytes(both):
    local, remote = both
    digest = remote.registry.put(b"\x00\xff picture", "image/png")
    assert remote.registry.get(digest) == local.registry.get(digest) == b"\x00\xff picture"
    assert remote.registry.media_type(digest) == "image/png"
    assert list(remote.registry.check()) == []
    assert remote.registry.get_approved(digest, "image/png") == b"\x00\xff picture"
    with pytest.raises(IntegrityError, match="what was approved is application/onnx"):
        remote.registry.get_approved(digest, "application/onnx")
    with pytest.raises(NotFoundError):
        remote.registry.get("0" * 64)


def test_errors_come_back_as_their_own_class(both):
    _, remote = both
    with pytest.raises(NotFoundError, match="no batch 'none'"):
        remote.windows("none")
    with pytest.raises(BadInputError):
        remote.historian.read([TEMP], (WINDOW[1], WINDOW[0]))


@pytest.mark.parametrize("name", sorted(
    name for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, errors.GoldenbatchError)
))  # fmt: skip
def test_every_error_survives_the_journey(name):
    cls = getattr(errors, name)
    error = cls("batch/7", 1, 2) if cls is VersionConflictError else cls("what", hint="do")
    again = wire.error_from_json(wire.error_to_json(error))
    assert type(again) is cls
    assert (again.message, again.hint) == (error.message, error.hint)


@pytest.mark.parametrize("odd", ["", "Exception", "__builtins__", "annotations", "BadInputErr"])
def test_unknown_errors_are_plain_ones(odd):
    assert type(wire.error_from_json({"error": odd, "message": "m"})) is errors.GoldenbatchError


def test_the_address_is_the_owners_alone(tmp_path):
    path = NodeAddress("http://127.0.0.1:1", "secret", os.getpid()).save(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dead_nodes_address_leads_nowhere(home, tmp_path):
    assert connect(home) is None
    NodeAddress("http://127.0.0.1:1", "secret", 1).save(home)
    assert connect(home) is None
    (home / NODE_FILE).write_text("not json")
    assert connect(home) is None


def test_another_node_at_the_address_is_refused(node, home):
    NodeAddress(node.url, "of another home", os.getpid()).save(home)
    with pytest.raises(LockedError, match="is not the node of this home"):
        connect(home)


def test_a_node_that_went_away_is_an_error_with_a_hint():
    with pytest.raises(NodeError, match="does not answer"):
        NodeClient("http://127.0.0.1:1", "x").get("/health")
