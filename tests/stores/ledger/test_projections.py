from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.core.records import Projection
from goldenbatch.stores.ledger import ProjectionError


def broken(problems):
    return [problem for problem in problems if not problem.is_note]


def test_rows_are_kept_with_the_events_and_selected(kit, ledger):
    kit.fill(ledger)
    rows = ledger.select("thing")
    assert [row["thing"] for row in rows] == ["t0", "t1", "t2", "t3", "t4"]
    assert list(rows[0]) == ["thing", "n_weighed", "amount", "score", "place", "changed_at"]
    assert ledger.select("thing", {"thing": "t3"}) == [rows[3]]
    assert ledger.select("thing", {"thing": ["t3", "t0", "no"]}) == [rows[0], rows[3]]
    assert ledger.select("thing", {"thing": []}) == []
    assert ledger.select("thing", order_by=["-thing"], limit=2) == [rows[4], rows[3]]
    ledger.append([kit.weighed("new", 0)])
    assert [r["thing"] for r in ledger.select("thing", {"place": None})] == ["new"]
    found = ledger.select("thing", {"place": [None, rows[1]["place"]]})
    assert [row["thing"] for row in found] == ["new", "t1"]


def test_what_cannot_be_selected_is_said(kit, ledger):
    with pytest.raises(NotFoundError, match="no projection 'none'"):
        ledger.select("none")
    for where, order in (({"a; DROP TABLE event": 1}, ()), ({}, ["-x"]), ({}, ["--thing"])):
        with pytest.raises(NotFoundError, match="has no column"):
            ledger.select("thing", where, order)
    with pytest.raises(BadInputError, match="negative"):
        ledger.select("thing", limit=-1)
    with pytest.raises(BadInputError, match="cannot be compared"):
        ledger.select("thing", {"thing": {"a": 1}})


def test_a_new_version_and_a_new_projection_are_rebuilt_on_opening(kit, tmp_path):
    with kit.open_ledger(tmp_path, projections=[kit.things()]) as ledger:
        kit.fill(ledger)
        before = ledger.select("thing")

    def doubled(event, lookup):
        yield {"thing": event.stream, "n_weighed": 2 * event.envelope.version}

    newer = kit.things(version=2, fold=doubled)
    with kit.open_ledger(tmp_path, projections=[newer, kit.TRAIL], read_only=True) as ledger:
        with pytest.raises(IntegrityError, match="not stored in its version 2"):
            ledger.select("thing")
        assert "is stored as version 1" in str(broken(ledger.check_projections())[0])
    with kit.open_ledger(tmp_path, projections=[newer, kit.TRAIL]) as ledger:
        assert ledger.select("thing", {"thing": "thing/t0"})[0]["n_weighed"] == 10
        assert len(ledger.select("trail")) == 23
        assert broken(ledger.verify()) == []
    with kit.open_ledger(tmp_path) as ledger:
        assert ledger.select("thing") == before


def test_a_projection_that_nobody_folded_meanwhile_is_rebuilt(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger, 8)
    with kit.open_ledger(tmp_path, projections=[kit.TRAIL]) as ledger:
        assert broken(ledger.verify()) == []
        ledger.append([kit.weighed("late", 0)])
        assert broken(ledger.verify()) == []
    with kit.open_ledger(tmp_path) as ledger:
        assert ledger.select("thing", {"thing": "late"})[0]["n_weighed"] == 1
        assert broken(ledger.verify()) == []


def test_rebuilding_gives_what_was_kept_live(kit, ledger):
    kit.fill(ledger)
    before = ledger.select("thing"), ledger.select("trail")
    assert ledger.rebuild("thing") == 5 and ledger.rebuild("trail") == 23
    assert (ledger.select("thing"), ledger.select("trail")) == before
    assert ledger.check_projections() == []


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ("UPDATE p_thing SET place='x' WHERE thing='t1'", "p_thing thing=t1", "place is 'x'"),
        ("UPDATE p_thing SET score=NULL WHERE thing='t0'", "p_thing thing=t0", "score is None"),
        ("DELETE FROM p_thing WHERE thing='t2'", "p_thing thing=t2", "row is missing"),
        ("INSERT INTO p_trail VALUES (99,'k','u')", "p_trail seq=99", "no event gives it"),
        (
            "UPDATE projection SET version=7 WHERE name='trail'",
            "projection name=trail",
            "version 7",
        ),
        (
            "UPDATE projection SET definition='x' WHERE name='trail'",
            "projection name=trail",
            "other",
        ),
        ("DELETE FROM projection WHERE name='trail'", "projection name=trail", "not stored"),
        ("DROP TABLE p_trail", "table p_trail", "missing"),
        ("DROP INDEX p_thing_i0", "index p_thing_i0", "missing"),
        ("CREATE TABLE stray(x)", "table stray", "not part"),
        ("DROP TRIGGER event_no_update", "trigger event_no_update", "missing"),
    ],
)
def test_each_difference_is_named(kit, tmp_path, change, where, message):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger)
    raw = kit.raw(tmp_path, is_guarded=True)
    raw.execute(change)
    raw.close()
    with kit.open_ledger(tmp_path, read_only=True) as ledger:
        found = [p for p in broken(ledger.verify()) if p.where == where and message in p.message]
        assert found, list(map(str, ledger.verify()))


def test_a_fold_that_fails_refuses_the_event_and_names_itself(kit, tmp_path):
    def failing(event, lookup):
        if event.body["thing"] == "bad":
            raise KeyError("place")
        yield {"thing": event.body["thing"], "n_weighed": 1}

    with kit.open_ledger(tmp_path, projections=[kit.things(fold=failing)]) as ledger:
        ledger.append([kit.weighed("good", 0)])
        with pytest.raises(ProjectionError, match="thing cannot fold LedgerThingWeighed 1 of"):
            ledger.append([kit.weighed("good", 1), kit.weighed("bad", 0)])
        assert ledger.head() == 1
        ledger.append([kit.weighed("good", 1)])
        assert broken(ledger.verify()) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"thing": "a", "no": 1}, "no column 'no'"),
        ({"n_weighed": 1}, "None does not fit column thing"),
        ({"thing": "a", "n_weighed": "1"}, "'1' does not fit"),
        ({"thing": "a", "n_weighed": 2**63}, "does not fit"),
        ({"thing": "a", "amount": 1.5}, "does not fit"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(kit, tmp_path, row, message):
    projection = kit.things(fold=lambda event, lookup: [row])
    with kit.open_ledger(tmp_path, projections=[projection]) as ledger:
        with pytest.raises(ProjectionError, match=message):
            ledger.append([kit.weighed("x", 0)])
        assert ledger.head() == 0


@pytest.mark.parametrize(
    "change", [{"name": "a b"}, {"key": ()}, {"key": ("no",)}, {"columns": {"x": "BLOB"}}]
)
def test_a_bad_projection_is_refused(kit, tmp_path, change):
    parts = {**vars(kit.TRAIL), **change}
    with pytest.raises(ProjectionError, match="no good name, type or column"):
        kit.open_ledger(tmp_path, projections=[Projection(**parts)])


@given(st.lists(st.floats() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1), max_size=6))
def test_what_is_stored_is_what_a_new_fold_gives(kit, tmp_path_factory, values):
    columns = {"seq": "INTEGER", "value": "REAL", "whole": "INTEGER"}

    def fold(event, lookup):
        value = values[event.seq - 1]
        whole = None if isinstance(value, float) else value
        yield {"seq": event.seq, "value": value, "whole": whole}

    p = Projection("odd", 1, columns, ("seq",), frozenset(), fold)
    with kit.open_ledger(tmp_path_factory.mktemp("home"), projections=[p]) as ledger:
        ledger.append([kit.weighed("a", i) for i in range(len(values))])
        assert ledger.check_projections() == []
        assert len(ledger.select("odd", {"seq": list(range(1, 9))})) == len(values)


def test_parts_of_texts_and_ranges_are_found_alike_on_both_databases(kit, ledger):
    from goldenbatch.core.records import Between, Containing

    ledger.append([kit.weighed(name, 0) for name in ("Alpha%x", "alphabet", "beta_1", "beta11")])
    found = [row["thing"] for row in ledger.select("thing", {"thing": Containing("ALPHA")})]
    assert found == ["Alpha%x", "alphabet"]
    assert len(ledger.select("thing", {"thing": Containing("a%")})) == 1
    assert len(ledger.select("thing", {"thing": Containing("a_1")})) == 1
    assert [r["seq"] for r in ledger.select("trail", {"seq": Between(2, 4)})] == [2, 3]


def test_a_large_append_that_a_fold_refuses_leaves_no_trace(kit, place):
    """Its rows were sent already when it is refused; who came with it is served all the same."""

    def fold(event, lookup):
        if event.body.get("note") == "bad":
            raise ValueError("no")
        yield from kit.fold_things(event, lookup)

    with place.open(projections=[kit.things(fold=fold), kit.TRAIL]) as ledger:
        large = [kit.weighed("big", n, note="bad" if n == 70 else "") for n in range(80)]
        found = {}

        def append(name, events):
            try:
                found[name] = len(ledger.append(events))
            except ProjectionError as error:
                found[name] = error

        calls = [("big", large), *((f"t{n}", [kit.weighed(f"t{n}", 0)]) for n in range(12))]
        threads = [threading.Thread(target=append, args=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert isinstance(found.pop("big"), ProjectionError)
        assert list(found.values()) == [1] * 12
        assert ledger.head() == 12 and ledger.version("thing/big") == 0
        assert len(ledger.append([kit.weighed("big", n) for n in range(80)])) == 80
        assert ledger.count("thing") == 13 and ledger.select("thing", {"thing": "big"})
        assert [problem for problem in ledger.verify() if not problem.is_note] == []


def test_ones_own_appends_make_nothing_forgotten(kit, place, monkeypatch):
    """What is known of stored rows is forgotten when another process wrote, and only then."""
    from goldenbatch.stores.ledger import _writer

    loads, load = [], _writer.Head.load
    monkeypatch.setattr(_writer.Head, "load", lambda c: loads.append(1) or load(c))
    with place.open() as ledger:
        kit.fill(ledger, 2)
        n_before = len(loads)
        for number in range(6):
            ledger.append([kit.weighed("x", number)])
        assert len(loads) == n_before
        with place.open() as other:
            other.append([kit.weighed("x", 6)])
        ledger.append([kit.weighed("x", 7)])
        assert ledger.select("thing", {"thing": "x"})[0]["n_weighed"] == 8
        assert ledger.check_projections() == []


VALUES = st.sampled_from(
    [None, "a", "", 0, 7, True, 2**62, -(2**63), 2**63, 1.5, float("nan"), float("inf")]
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(("thing", "n_weighed", "score"), VALUES))))
def test_a_row_is_taken_alike_whatever_rows_came_before_it(kit, rows):
    """Rows like those before are not gone through value by value; that must not show."""
    from goldenbatch.stores.ledger._projections import Table

    def taken(table, row):
        whole = {"amount": None, "place": "x", "changed_at": 1, **row}
        try:
            return repr(table.values(whole))
        except ProjectionError as error:
            return str(error)

    table = Table(kit.things())
    for row in [*rows, *rows]:
        assert taken(table, row) == taken(Table(kit.things()), row)
