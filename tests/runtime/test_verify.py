"""Verification: a sound home passes, and each changed byte is found and named."""

import base64
import shutil
import sqlite3
from contextlib import closing

import pytest
from gbx_bench import FOUND, TEMP, Bench, Clock

from goldenbatch.core.errors import IntegrityError, LockedError, NotFoundError
from goldenbatch.core.findings import Evidence
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.verify import verify
from goldenbatch.testing.injectors import flip_byte, flip_cell, tamperings

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def _lived_home(tmp_path_factory):
    """A home with something of everything, closed."""
    from gbx_bench import PLANT, START

    from goldenbatch.runtime.home import HomeSettings, create_home

    path = tmp_path_factory.mktemp("lived") / "home"
    clock = Clock(START)
    create_home(path, HomeSettings("Test", "site", PLANT), clock=clock)
    bench = Bench(path, clock)
    with bench.open() as site:
        site.adopt("hot", "test.threshold", {"tag": TEMP, "limit": 30.0})
        bench.batch(site, "B1", 0, 100)
        bench.write(site, [(10, 40.0), (20, 10.0)])
        bench.result(site, "S1", "B1", "35.5", 25)
        found = site.wake()
        site.people.add("ann", "Ann", PASSWORD)
        site.people.grant("ann", "quality_reviewer", "test")
        site.decide(found[0].uid, "confirmed", "seen", "ann", PASSWORD)
        digest = site.registry.put(b"coefficients", "application/json")
        bench.record(site, "model/m", model(digest))
        site.flush()
        bench.write(site, [(30, 41.0)])
        site.wake()
    return path


def model(digest):
    training = TrainingData(what=TEMP, digest="0" * 64, n=1)
    return ModelFitted(
        name="m",
        method="test.method",
        code_version="1",
        digest=digest,
        media_type="application/json",
        settings={},
        training=(training,),
        measures={},
    )


@pytest.fixture
def lived(tmp_path, _lived_home):
    shutil.copytree(_lived_home, tmp_path / "home")
    return tmp_path / "home"


def reported(home):
    return [one for one in verify(home).problems if not one.is_note]


def test_a_sound_home(lived):
    report = verify(lived)
    assert report.problems == ()
    assert report.is_ok
    counts = report.as_json()["counts"]
    assert counts["signatures"] == 1
    assert counts["findings"] == 3
    assert counts["models"] == 1
    assert counts["artefacts"] == 1
    assert counts["ticks"] == 2
    assert counts["events"] > 15
    # Anything that verification itself would write is not allowed to hide a change.
    assert verify(lived).as_json() == report.as_json()


def test_a_home_that_was_never_opened(bench):
    assert verify(bench.path).problems == ()


def test_an_unfinished_write_at_the_end_is_no_change(lived):
    log = max((lived / "historian" / "log").glob("*.frames"))
    whole = log.read_bytes()
    for tail in (whole[600:800], b"GB", bytes(300)):
        log.write_bytes(whole + tail)
        assert verify(lived).is_ok


def test_every_kind_of_change_is_found(lived, tmp_path):
    """One seeded change of each kind of thing that is stored; the campaign does many."""
    missed = []
    for place, change in enumerate(list(tamperings(lived, seed=7))):
        copy = tmp_path / f"copy{place}"
        shutil.copytree(lived, copy)
        again = list(tamperings(copy, seed=7))[place]
        assert again.where == change.where
        again.apply()
        if not reported(copy):
            missed.append(change.where)
        shutil.rmtree(copy)
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize(
    ("table", "column", "part"),
    [
        ("event", "envelope", "ledger"),
        ("payload", "bytes", "ledger"),
        ("node", "h", "ledger"),
        ("checkpoint", "note", "ledger"),
        ("p_batch", "product", "ledger"),
        ("p_finding", "verdict", "ledger"),
    ],
)
def test_changes_in_the_ledger_are_named(lived, table, column, part):
    with closing(sqlite3.connect(lived / "ledger" / "ledger.sqlite")) as connection, connection:
        (n_rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    row = next(place for place in range(n_rows) if _is_filled(lived, table, column, place))
    flip_cell(lived / "ledger" / "ledger.sqlite", table, column, row, seed=3)
    problems = reported(lived)
    assert any(one.part == part for one in problems), problems
    name = table.removeprefix("p_")
    assert any(name in one.where for one in problems), problems


def _is_filled(home, table, column, row):
    connection = sqlite3.connect(home / "ledger" / "ledger.sqlite")
    try:
        query = f"SELECT {column} FROM {table} LIMIT 1 OFFSET ?"
        return connection.execute(query, (row,)).fetchone()[0] not in (None, "", b"")
    finally:
        connection.close()


def test_a_stored_reading_that_changed_is_named(lived):
    (path,) = sorted((lived / "historian" / "number").rglob("*.parquet"))[:1]
    flip_byte(path, path.stat().st_size // 2)
    problems = reported(lived)
    assert any(one.part == "historian" and path.name in one.where for one in problems)


def test_a_frame_in_the_log_that_changed_is_named(lived):
    log = max((lived / "historian" / "log").glob("*.frames"))
    flip_byte(log, log.stat().st_size - 20)
    assert any(one.part == "historian" for one in reported(lived))


def test_a_model_that_is_gone_is_named(lived):
    for path in (lived / "registry").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    (problem,) = reported(lived)
    assert problem.part == "links"
    assert "model 'm'" in problem.message
    assert "is not in the registry" in problem.message


def test_a_state_that_is_ahead_is_named(lived, _lived_home):
    bench = Bench(lived, Clock(2 * 10**15))
    older = (lived / "ledger" / "ledger.sqlite").read_bytes()
    with bench.open() as site:
        bench.write(site, [(40, 10.0)])
        site.wake()
    for path in (lived / "ledger").iterdir():
        path.unlink()
    (lived / "ledger" / "ledger.sqlite").write_bytes(older)
    problems = reported(lived)
    assert any(one.part == "analysts" and "stands at tick 3" in one.message for one in problems)


def test_evidence_that_is_another_record_is_named(lived):
    bench = Bench(lived, Clock(2 * 10**15))
    with bench.open() as site:
        from goldenbatch.core.findings import FindingUpdated

        uid = site.ledger.select("finding", {"attribute": "assay"})[0]["uid"]
        (opened,) = site.ledger.stream(f"finding/{uid}")
        body = opened.decode()
        wrong = Evidence(kind="record", digest="0" * 64, stream="sample/S1", version=2)
        finding = body.finding.model_copy(update={"evidence": (wrong,)})
        update = FindingUpdated(uid=uid, tick=2, finding=finding)
        bench.record(site, f"finding/{uid}", update)
        problems = [one for one in site.verify().problems if not one.is_note]
    (problem,) = problems
    assert problem.message == "its evidence sample/S1@2 is not what it names."


def test_a_signature_by_another_key_is_named(lived):
    from goldenbatch.core.people import SignatureApplied
    from goldenbatch.core.records import NewEvent

    with LocalSite.open(lived, discovery=FOUND) as site:
        (event,) = site.ledger.events(kinds={"SignatureApplied"})
        body = event.decode()
        other = bytes(255 - one for one in base64.b64decode(body.evidence["signature"]))
        evidence = {**body.evidence, "signature": base64.b64encode(other).decode()}
        forged = SignatureApplied(**{**body.model_dump(), "evidence": evidence})
        version = site.ledger.version(event.stream)
        site.ledger.append([NewEvent(event.stream, forged, version, actor=body.signer)])
    problems = reported(lived)
    assert {one.part for one in problems} == {"signatures"}
    said = " ".join(one.message for one in problems)
    assert "key of the home has not attested it" in said
    assert "not the one that it proposes" in said


def test_what_is_no_home_or_held(lived, tmp_path):
    with pytest.raises(NotFoundError):
        verify(tmp_path)
    with LocalSite.open(lived, discovery=FOUND), pytest.raises(LockedError):
        verify(lived)


def test_a_draft_of_the_plant_is_only_a_note(lived):
    path = lived / "plant.toml"
    path.write_text(path.read_text().replace("Test plant", "Draft"))
    report = verify(lived)
    assert report.is_ok
    assert [str(one) for one in report.problems] == [
        "home: plant.toml: it is not the plant that is in force."
    ]


def test_the_kind_of_a_home_cannot_be_changed_in_its_file(bench):
    with bench.open():
        pass
    path = bench.path / "home.toml"
    text = path.read_text()
    assert 'kind = "development"' in text
    path.write_text(text.replace('kind = "development"', 'kind = "production"'))
    with pytest.raises(IntegrityError, match="says that this is a production home"):
        bench.open()
    report = verify(bench.path)
    assert not report.is_ok
    assert any("was made as development" in one.message for one in report.problems)


def test_site_and_zone_are_held_against_the_making_of_the_home(bench):
    path = bench.path / "home.toml"
    path.write_text(path.read_text().replace('zone = "UTC"', 'zone = "Asia/Tokyo"'))
    found = [one for one in verify(bench.path).problems if one.where == "home.toml"]
    assert [(one.message, one.is_note) for one in found] == [
        ("zone is 'Asia/Tokyo'; the home was made with 'UTC'.", False)
    ]
