"""Readings that were deleted are gone, on somebody's word, and everything else still holds."""

from __future__ import annotations

import shutil

import pytest

from goldenbatch.core.chunks import leaf_hash, merkle_root
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.stores.historian import _deleting, _gone
from goldenbatch.stores.historian.copies import chunk_copies

DAY = 86_400_000_000
WHOLE = (0, 100 * DAY)


def free(_):
    return ()


@pytest.fixture
def filled(opened, frame):
    """Three hand-overs of two frames, one day each, and a frame in the log."""
    store = opened()
    for number in range(3):
        rows = [(f"x/{i}", number * DAY + i, number + i / 7) for i in range(3)]
        store.write(frame(f"n{number}", rows, source="line"))
        store.write(frame(f"t{number}", [("t", number * DAY, f"secret {number}")], "text", "lab"))
        store.flush()
    store.write(frame("hot", [("x/0", 9 * DAY, 1.0)], source="line"))
    return store


def values(store, tag="x/0"):
    return store.read([tag], WHOLE).table.column("value").to_pylist()


def test_what_is_closed_is_listed_with_its_time_and_tags(filled):
    first, second, third = filled.closed()
    assert [one.n for one in (first, second, third)] == [2, 4, 6]
    assert second.ref == "hand-over/4"
    assert second.window == (DAY, DAY + 3)
    assert second.tags == {"x/0", "x/1", "x/2", "t"}
    assert {chunk.source for chunk in second.chunks} == {"line", "lab"}
    assert (second.n_readings, second.deleted) == (4, "")
    assert [one.n for one in filled.closed((DAY, DAY + 1))] == [4]
    assert list(filled.closed((DAY + 3, 2 * DAY))) == []


def test_deleted_readings_are_gone_and_all_else_verifies(filled, opened, recorder):
    assert filled.delete([2], "deletion D-7", free) == 4
    assert values(filled) == [1.0, 2.0, 1.0]
    found = [path.read_bytes() for path in filled._folder.rglob("*") if path.is_file()]
    assert not list((filled._folder / "text").glob("date=1970-01-01/*.parquet"))
    assert not any(b"secret 0" in data for data in found)
    assert next(filled.closed()).deleted == "deletion D-7"
    assert filled.verify(recorder.chunks(), {2: "deletion D-7"}) == []
    filled.close()
    again = opened()
    assert values(again) == [1.0, 2.0, 1.0]
    assert again.verify(recorder.chunks(), {2: "deletion D-7"}) == []
    assert again.delete([2], "deletion D-8", free) == 0
    assert next(again.closed()).deleted == "deletion D-7"
    reader = opened(recorder=None, read_only=True)
    assert values(reader) == [1.0, 2.0, 1.0]


def test_the_newest_hand_over_may_go_too_with_its_part_of_the_log(filled, opened, recorder):
    filled.flush()
    assert filled.delete([2, 4, 6, 7], "deletion D-7", free) == 13
    assert values_of_all(filled) == []
    found = [path.read_bytes() for path in filled._folder.rglob("*") if path.is_file()]
    assert not any(b"secret" in data for data in found)
    filled.close()
    again = opened()
    assert values_of_all(again) == []
    everything = dict.fromkeys((2, 4, 6, 7), "deletion D-7")
    assert again.verify(recorder.chunks(), everything) == []
    assert again.head() == 7


def values_of_all(store):
    return list(store.tags())


def test_the_newest_reading_becomes_the_newest_that_is_left(filled, frame, opened):
    assert filled.latest(["x/1"]).table.column("value").to_pylist() == [2 + 1 / 7]
    filled.delete([6], "deletion D-7", free)
    assert filled.latest(["x/1"]).table.column("value").to_pylist() == [1 + 1 / 7]
    assert filled.latest(["t"]).table.column("value").to_pylist() == ["secret 1"]
    assert filled.latest(["x/0"]).table.column("value").to_pylist() == [1.0]
    filled.close()
    assert opened().latest(["x/1"]).table.column("value").to_pylist() == [1 + 1 / 7]


def test_what_must_be_kept_is_kept_wholly(filled, recorder):
    def guard(one):
        return [f"hold H1 covers {one.ref}"] if one.n == 4 else ()

    with pytest.raises(DeniedError, match="hold H1 covers hand-over/4"):
        filled.delete([2, 4], "deletion D-7", guard)
    assert values(filled) == [0.0, 1.0, 2.0, 1.0]
    assert filled.verify(recorder.chunks(), {}) == []
    for wrong in (3, 7, 99):
        with pytest.raises(NotFoundError, match=f"no hand-over {wrong}"):
            filled.delete([wrong], "deletion D-7", free)


def test_a_reader_cannot_delete(filled, opened):
    filled.close()
    with pytest.raises(BadInputError, match="reading only"):
        opened(recorder=None, read_only=True).delete([2], "x", free)


def test_without_an_event_a_deletion_is_a_problem(filled, recorder):
    filled.delete([2], "deletion D-7", free)
    (problem,) = filled.verify(recorder.chunks(), {})
    assert "no event says so" in problem.message
    (problem,) = filled.verify(recorder.chunks(), {2: "deletion D-7", 4: "deletion D-7"})
    assert (problem.where, "but it is there" in problem.message) == ("hand-over 4", True)


def test_a_file_that_is_missing_without_a_word_stays_a_problem(filled, recorder):
    filled.delete([2], "deletion D-7", free)
    next((filled._folder / "number").glob("date=1970-01-02/*.parquet")).unlink()
    found = filled.verify(recorder.chunks(), {2: "deletion D-7"})
    assert any("the file is missing" in one.message for one in found)
    path = filled._folder / _gone.GONE
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"D-7", b"D-8"))
    assert any(str(path) in one.where for one in filled.verify(recorder.chunks(), {2: "D"}))
    path.write_bytes(whole)


def test_a_forged_removal_in_the_delta_log_is_named(filled, recorder):
    filled.delete([2], "deletion D-7", free)
    log = filled._folder / "number" / "_delta_log"
    newest = sorted(log.glob("*.json"))[-1]
    text = newest.read_text()
    assert '"remove"' in text
    newest.write_text(text.replace("0002-number", "0004-number"))
    found = filled.verify(recorder.chunks(), {2: "deletion D-7"})
    assert any("which was not deleted" in one.message for one in found)


@pytest.mark.parametrize("step", ["take_out", "unlink", "cut_log"])
def test_a_deletion_that_was_cut_short_is_finished_at_the_next_opening(
    filled, opened, recorder, monkeypatch, step
):
    filled.flush()

    class KilledError(Exception):
        pass

    def killed(*_):
        raise KilledError

    where = _deleting._transfer if step == "cut_log" else _gone
    monkeypatch.setattr(where, step, killed)
    with pytest.raises(KilledError):
        filled.delete([6], "deletion D-7", free)
    monkeypatch.undo()
    filled.close()
    again = opened()
    assert values(again) == [0.0, 1.0, 1.0]
    assert again.verify(recorder.chunks(), {6: "deletion D-7"}) == []
    found = [path.read_bytes() for path in again._folder.rglob("*") if path.is_file()]
    assert not any(b"secret 2" in data for data in found)


def test_copies_for_outsiders_keep_the_hashes_of_what_went(filled, recorder):
    whole = {(one.source, one.chunk): one for one in chunk_copies(filled._folder)}
    filled.delete([2], "deletion D-7", free)
    left = {(one.source, one.chunk): one for one in chunk_copies(filled._folder)}
    assert left.keys() == whole.keys()
    one = left["line", 1]
    assert one.is_withheld == (False, True, True, True)
    hashes = [leaf_hash(one.leaves[0]), *one.leaves[1:]]
    assert merkle_root(hashes).hex() == one.root == whole["line", 1].root
    assert left["line", 2] == whole["line", 2]


def test_what_was_deleted_does_not_come_back_with_the_same_key(filled, frame):
    filled.delete([2], "deletion D-7", free)
    again = filled.write(frame("n0", [("x/0", 0, 0.0)], source="line"))
    assert not again.is_new
    assert values(filled) == [1.0, 2.0, 1.0]


def test_a_checkpoint_of_the_delta_log_may_follow_a_deletion(filled, frame, recorder):
    from deltalake import DeltaTable

    table = str(filled._folder / "number")
    DeltaTable(table).create_checkpoint()
    filled.delete([2], "deletion D-7", free)
    assert filled.verify(recorder.chunks(), {2: "deletion D-7"}) == []
    filled.flush()
    DeltaTable(table).create_checkpoint()
    assert filled.verify(recorder.chunks(), {2: "deletion D-7"}) == []
    assert values(filled) == [1.0, 2.0, 1.0]
    problems = filled.verify(recorder.chunks(), {})
    assert [one.where for one in problems] == ["hand-over 2"]


def test_a_copy_of_a_folder_keeps_what_was_deleted_away(filled, opened, recorder, tmp_path):
    filled.delete([2], "deletion D-7", free)
    with filled.still() as paths:
        for path in paths:
            target = tmp_path / "copy" / path.relative_to(filled._folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    copy = opened(tmp_path / "copy")
    assert values(copy) == [1.0, 2.0, 1.0]
    assert copy.verify(recorder.chunks(), {2: "deletion D-7"}) == []
