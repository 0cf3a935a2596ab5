"""Reading one file ahead changes nothing of what is written, in which order, or when it fails."""

from __future__ import annotations

import threading

import pytest

from goldenbatch.connectors.tabular import parse_card
from goldenbatch.connectors.tabular._ahead import read_ahead
from goldenbatch.connectors.tabular._files import files_of
from goldenbatch.connectors.tabular._plan import Planner
from goldenbatch.core.errors import BadInputError
from tests.connectors.tabular.test_importing import (
    FORCE,
    PLANT,
    SERIES,
    heads,
    run,
    series,
    stored,
    write,
)


@pytest.fixture()
def site(new_site):
    return new_site(PLANT)


def folder_of(tmp_path, n_files=4):
    for at in range(1, n_files + 1):
        rows = [f"2020-05-0{at} 08:00:{second:02d};{at}.{second};run" for second in range(20)]
        write(tmp_path / "in", f"press{at}.csv", series(*rows))
    return tmp_path / "in"


def test_frames_stand_in_the_order_of_the_files(site, tmp_path):
    report = run(site, SERIES, folder_of(tmp_path))
    assert [one.file for one in report.files] == [f"press{at}.csv" for at in range(1, 5)]
    times = site.historian.since([FORCE], 0).times().tolist()
    assert times == sorted(times)
    assert len(times) == 80


def test_a_bad_file_stops_the_import_only_when_it_is_its_turn(site, tmp_path):
    root = folder_of(tmp_path)
    (root / "press3.csv").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadInputError, match="Excel or ZIP"):
        run(site, SERIES, root)
    assert len(stored(site)) == 40
    assert len(site.ledger.select("import_file")) == 2
    assert not [one for one in threading.enumerate() if one.name.startswith("goldenbatch-read")]
    folder_of(tmp_path)
    assert run(site, SERIES, root).total("n_readings") == 42
    assert len(stored(site)) == 80


def test_the_same_rows_in_the_next_file_are_compared_with_those_of_the_first(site, tmp_path):
    root = folder_of(tmp_path, 1)
    (root / "press2.csv").write_bytes((root / "press1.csv").read_bytes() + b"\r\n")
    report = run(site, SERIES, root)
    assert [one.n_unchanged for one in report.files] == [0, 20]
    before = heads(site)
    assert [one.is_repeated for one in run(site, SERIES, root).files] == [True, True]
    assert heads(site) == before


def test_what_is_done_is_not_read_again(tmp_path):
    card, calls = parse_card(SERIES), []

    class Counting(Planner):
        def read(self, spec, original):
            calls.append((original.file, threading.current_thread().name))
            return original.file

    files = list(files_of(card, folder_of(tmp_path), ()))
    planner = Counting(card, None, None, None)
    found = list(read_ahead(files, planner, lambda file, _: file == "press2.csv"))
    assert [read for _, _, read in found] == ["press1.csv", None, "press3.csv", "press4.csv"]
    assert [file for file, _ in calls] == ["press1.csv", "press3.csv", "press4.csv"]
    assert all(name.startswith("goldenbatch-read") for _, name in calls)
    assert list(read_ahead([], planner, lambda *_: False)) == []
