"""A watched folder: files at rest are imported once; a bad one is named and holds up nothing."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from goldenbatch.connectors.tabular import CONNECTOR, make_watcher
from goldenbatch.connectors.tabular import watching as module
from goldenbatch.connectors.tabular._folder import MAX_WAITING, Folder, FolderSettings
from goldenbatch.connectors.tabular.card import load_card
from goldenbatch.core.acquisition import ConnectionCard, SourceContext
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.runtime.acquisition import Acquisition, Sources, manifests
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

TAG = "site/dryer/outlet"
PLANT = """name = "test"

[[places]]
path = "site"
level = "site"

[[places]]
path = "site/dryer"
level = "unit"

[[tags]]
name = "site/dryer/outlet"
unit = "Cel"
"""
CARD = """name = "dryer"

[[table]]
name = "dryer"
files = ["*.csv", "*/*.csv"]
time = { column = "at" }

[[table.tag]]
tag = "site/dryer/outlet"
column = "outlet"
unit = "Cel"
"""


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    create_home(path, HomeSettings("T", "site", PLANT))
    (path / "cards").mkdir(exist_ok=True)
    (path / "cards" / "dryer.toml").write_text(CARD)
    (path / "in").mkdir()
    return path


@pytest.fixture
def site(home):
    with LocalSite.open(home) as opened:
        yield opened


def put(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["at,outlet", *rows]) + "\n")
    return path


def row(n: int, value: object = None) -> str:
    return f"2026-01-01 {n // 60:02d}:{n % 60:02d}:00,{n if value is None else value}"


def watch(site, until, home=None, **settings):
    """Run the source until a condition on (its state, the site) holds."""
    given = {"card": "dryer", "folder": "in", "settle_s": 0.02, "poll_s": 0.02} | settings
    card = ConnectionCard(name="arrivals", connector="folder", settings=given)
    acquisition = Acquisition(Sources(site, site.path), [card], health_s=0.05)
    acquisition.start()
    try:
        end = time.monotonic() + 15
        while not until(acquisition.status()[0]):
            assert time.monotonic() < end, acquisition.status()
            time.sleep(0.01)
    finally:
        acquisition.stop()
    return acquisition.status()[0]


def values(site):
    if TAG not in site.historian.tags():
        return []
    return site.historian.read([TAG], (0, 2**62)).values().tolist()


def imported(site):
    return {one["file"]: one["n_times"] for one in site.ledger.select("import_file")}


def gaps(site, cause="rejected"):
    rows = site.ledger.select("gap", {"source": "arrivals"}, ("seq",))
    return [one for one in rows if one["cause"] == cause]


def backfills(site):
    return site.ledger.select("gap", {"source": "arrivals", "is_backfill": 1})


def test_it_is_installed():
    assert manifests()["folder"] == CONNECTOR


def test_files_are_imported_once_also_after_a_restart(site, home):
    put(home / "in", "a.csv", row(1), row(2))
    put(home / "in", "sub/b.csv", row(3))
    watch(site, lambda s: s["health"].get("n_files_imported") == 2)
    assert values(site) == [1, 2, 3]
    put(home / "in", "c.csv", row(4))
    watch(site, lambda _: len(imported(site)) == 3)
    assert imported(site) == {"a.csv": 1, "sub/b.csv": 1, "c.csv": 1}
    assert values(site) == [1, 2, 3, 4]


def test_a_file_that_grows_is_taken_whole_and_what_is_added_later_too(site, home):
    path = put(home / "in", "a.csv", row(1))

    def write(state):
        if path.stat().st_size < 400:  # a writer that flushes in the middle of rows
            with path.open("a") as file:
                file.write(row(len(path.read_text()))[:9])
            return False
        return True

    path.write_text("at,outlet\n")
    watch(site, write, settle_s=30)
    assert imported(site) == {}
    put(home / "in", "a.csv", row(1), row(2))
    watch(site, lambda _: values(site) == [1, 2])
    put(home / "in", "a.csv", row(1), row(2), row(3))
    watch(site, lambda _: values(site) == [1, 2, 3])
    assert len(site.ledger.select("import_file")) == 2


def test_what_changes_while_it_is_read_waits_again(home, monkeypatch):
    path = put(home / "in", "a.csv", row(1))
    now = [0.0]
    folder = Folder(FolderSettings(card="dryer", folder="in"), home / "in", lambda: now[0])
    card = load_card(home / "cards" / "dryer.toml")
    assert folder.look(card, lambda _: False) == ([], 1)
    now[0] = 10.0
    (one,), n_waiting = folder.look(card, lambda _: False)
    assert n_waiting == 0
    with path.open("a") as file:
        file.write(row(2))
    assert folder.read(one) is None
    assert folder.look(card, lambda _: False) == ([], 1)


def test_a_bad_file_is_named_and_tried_again_only_when_it_has_changed(site, home, monkeypatch):
    tried = []
    whole = module.import_original
    monkeypatch.setattr(
        module, "import_original", lambda *a: (tried.append(a[3].file), whole(*a))[1]
    )
    put(home / "in", "bad.csv", row(1)).write_text("time,other\n1,2\n")
    (home / "in" / "worse.csv").write_bytes(b"PAR1 and no more")
    put(home / "in", "good.csv", row(5))

    def is_over(state):
        """All three were told of: they need not be ready at the same look, nor told at once."""
        said = state["health"].get("problem", "")
        named = "bad.csv" in said and "worse.csv" in said
        return named and state["health"].get("n_files_imported") == 1

    state = watch(site, is_over)
    assert "'at'" in state["health"]["problem"] and values(site) == [5]
    assert not state["needs_person"]
    assert sorted("bad" in one["note"] for one in gaps(site)) == [False, True]
    assert all(one["tags"] == f'["{TAG}"]' for one in gaps(site))
    again = watch(site, lambda s: "bad.csv" in s["health"].get("problem", ""))
    assert again["health"]["n_files_waiting"] == 0
    assert sorted(tried) == ["bad.csv", "good.csv", "worse.csv"]
    put(home / "in", "bad.csv", row(1))
    watch(site, lambda _: backfills(site))
    (mended,) = backfills(site)
    assert mended["n_readings"] == 1 and len(values(site)) == 2
    (first,) = [one for one in gaps(site) if "bad" in one["note"]]
    assert (mended["start"], mended["end"]) == (first["start"], first["end"])


def test_rows_that_are_refused_are_said_and_the_rest_is_taken(site, home):
    put(home / "in", "a.csv", row(1), row(2, "l7"), row(3))
    state = watch(site, lambda s: s["health"].get("n_rows_refused"))
    assert state["health"]["n_rows_refused"] == 1 and values(site) == [1, 3]
    assert site.ledger.select("quarantine")[0]["n_rows"] == 1


def test_a_broken_store_makes_a_file_wait_and_loses_nothing(site, home, monkeypatch):
    put(home / "in", "a.csv", row(1))
    write, n_times = site.historian.write, []

    def refuse(frame):
        n_times.append(frame)
        if frame.source == "dryer" and len(n_times) < 4:
            raise OSError(28, "No space left on device")
        return write(frame)

    monkeypatch.setattr(site.historian, "write", refuse)
    watch(site, lambda _: values(site) == [1])
    assert not gaps(site) and imported(site) == {"a.csv": 1}


def test_what_was_taken_is_moved_and_nothing_is_written_over(site, home):
    put(home / "in", "a.csv", row(1))
    put(home / "in", "done/a.csv", row(99))
    put(home / "in", "sub/b.csv", row(2)).with_name("b.csv.ok").touch()
    (home / "in" / "a.csv.ok").touch()
    (home / "in" / "x.csv").write_text("bad\n1\n")
    (home / "in" / "x.csv.ok").touch()
    put(home / "in", "c.csv", row(3))  # its marker has not come yet
    left = {"done", "sub", "x.csv", "x.csv.ok", "c.csv"}
    watch(
        site, lambda _: {one.name for one in (home / "in").iterdir()} == left and gaps(site),
        after="move", marker=".ok",
    )  # fmt: skip
    done = home / "in" / "done"
    assert {one.relative_to(done).as_posix() for one in done.rglob("*.csv")} == {
        "a.csv", "a.2.csv", "sub/b.csv",
    }  # fmt: skip
    assert values(site) == [1, 2] and "99" in (done / "a.csv").read_text()


def test_what_programs_have_not_finished_is_left_alone(site, home):
    for name in (".a.csv", "~$a.csv", "b.csv.part"):
        put(home / "in", name, row(1))
    put(home / "in", "z.csv", row(7))
    watch(site, lambda _: imported(site))
    assert set(imported(site)) == {"z.csv"}


def test_a_share_that_is_down_is_said_and_read_when_it_is_back(site, home):
    (home / "in").rename(home / "away")

    def back(state):
        if state["health"].get("is_connected") == 0 and not (home / "in").exists():
            put(home / "in", "a.csv", row(1))
        return values(site) == [1] and state["health"].get("is_connected") == 1

    watch(site, back)
    assert not gaps(site)


def test_the_time_when_the_node_was_off_is_filled_by_the_files_that_waited(site, home):
    from goldenbatch.core.acquisition import Gap, GapCause
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.sources import GapFound

    off = Gap((1_000, 2_000), GapCause.NODE_DOWN)
    body = GapFound.of("arrivals", off)
    site.ledger.append([NewEvent("source/arrivals", body, 0, actor=site.actor.uid)])
    put(home / "in", "a.csv", row(1))
    watch(site, lambda _: backfills(site))
    assert [(one["start"], one["end"]) for one in backfills(site)] == [(1_000, 2_000)]
    assert values(site) == [1]


def test_a_changed_source_card_is_used_and_a_broken_one_stops_the_source(site, home):
    put(home / "in", "a.csv", row(1))
    watch(site, lambda _: values(site) == [1])
    card = home / "cards" / "dryer.toml"

    def stop(state):
        card.write_text(CARD.replace("column", "colour", 1))
        return state["state"] == "stopped"

    state = watch(site, stop)
    assert "dryer.toml" in state["problem"] and state["needs_person"]


def test_the_event_loop_never_waits_for_an_import(site, home, monkeypatch):
    put(home / "in", "a.csv", row(1))
    whole = module.import_original
    monkeypatch.setattr(module, "import_original", lambda *a: (time.sleep(0.4), whole(*a))[1])
    longest = []

    async def main():
        sources = Sources(site, site.path)
        given = {"card": "dryer", "folder": "in", "settle_s": 0, "poll_s": 0.01}
        card = ConnectionCard(name="arrivals", connector="folder", settings=given)
        spool = sources.spool(card)
        outlet = sources.outlet(card, spool)
        task = asyncio.ensure_future(sources.make(card).run(outlet))
        try:
            while not values(site):
                before = time.monotonic()
                await asyncio.sleep(0.01)
                longest.append(time.monotonic() - before)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await outlet.close()
            spool.close()

    asyncio.run(main())
    assert max(longest) < 0.3 and len(longest) > 5


def test_ten_thousand_files_are_looked_at_within_bounds(home):
    card = load_card(home / "cards" / "dryer.toml")
    folder = Folder(FolderSettings(card="dryer", folder="in", settle_s=0), home / "in", lambda: 0)
    for n in range(MAX_WAITING + 5):
        os.close(os.open(home / "in" / f"f{n}.csv", os.O_CREAT | os.O_WRONLY))
    ready, n_waiting = folder.look(card, lambda _: False)
    assert (len(ready), n_waiting) == (MAX_WAITING, 5)
    assert ready[9].file == "f9.csv" and ready[10].file == "f10.csv"
    names = {one.file for one in ready}
    rest, n_waiting = folder.look(card, lambda one: one.file in names)
    assert (len(rest), n_waiting) == (5, 0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"card": "dryer"}, "folder"),
        ({"card": "../dryer", "folder": "in"}, "card"),
        ({"card": "dryer", "folder": "in", "settle": 3}, "settle"),
        ({"card": "dryer", "folder": "in", "done": "../x"}, "done"),
    ],
)
def test_a_bad_setting_is_named(site, home, settings, words):
    card = ConnectionCard(name="arrivals", connector="folder", settings=settings)
    with pytest.raises(BadInputError, match=words):
        Sources(site, home).make(card)


def test_it_needs_its_card_and_a_site(site, home):
    card = ConnectionCard(
        name="arrivals", connector="folder", settings={"card": "other", "folder": "in"}
    )
    with pytest.raises(NotFoundError, match=r"other\.toml"):
        Sources(site, home).make(card)
    with pytest.raises(BadInputError, match="whole site"):
        make_watcher(SourceContext(card, site.plant, site.clock, str, home, home))


def test_files_that_are_gone_for_long_are_forgotten_and_known_again_by_their_bytes(
    home, site, monkeypatch
):
    monkeypatch.setattr("goldenbatch.connectors.tabular._folder.GONE_S", 0.1)
    for n in range(3):
        put(home / "in", f"{n}.csv", row(n))
    watch(site, lambda state: state["health"].get("n_files_known") == 3)
    (home / "in" / "1.csv").rename(home / "1.csv")
    watch(site, lambda state: state["health"].get("n_files_known") == 2)
    (home / "1.csv").rename(home / "in" / "1.csv")
    watch(site, lambda state: state["health"].get("n_files_known") == 3)
    assert values(site) == [0, 1, 2]
    assert len(site.ledger.select("import_file")) == 3
    n_events = sum(one.kind == "FileImported" for one in site.ledger.events())
    assert n_events == 3


def test_a_share_that_shows_nothing_for_a_moment_makes_nothing_be_read_again(home, site):
    put(home / "in", "0.csv", row(0))
    watch(site, lambda state: state["health"].get("n_files_known") == 1)
    (home / "in" / "0.csv").rename(home / "0.csv")
    state = watch(site, lambda state: state["health"].get("n_files_waiting") == 0)
    assert state["health"]["n_files_known"] == 1
