"""Validation: checks find what is wrong, each requirement is traced, the run is recorded."""

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from gbx_bench import PLANT, START, Clock

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.records import HomeKind
from goldenbatch.core.requirements import ValidationRun, shipped_names, shipped_pack
from goldenbatch.runtime import _oq_checks, _validation_iq, validation
from goldenbatch.runtime._oq_bench import CheckFailedError, NotRunError
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite


@pytest.fixture(scope="module", autouse=True)
def _cheap_hashes():
    """Argon2id with little memory: the strength is not what is tested here."""
    import argon2

    with pytest.MonkeyPatch.context() as patch:
        real = argon2.PasswordHasher
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        yield


def made(path, kind=HomeKind.VALIDATION):
    create_home(path, HomeSettings("V", "site", PLANT, kind=kind), clock=Clock(START))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One whole validation: the site's path, the report, its files and its event."""
    folder = tmp_path_factory.mktemp("validation")
    path = made(folder / "home")
    with LocalSite.open(path, clock=Clock(START + 60_000_000)) as site:
        before = site.ledger.head()
        found = validation.validate(site, validation.packs_of(path), folder / "out")
        assert site.ledger.head() == before + 1
        assert not list(site.layout.state.glob("qualification-*"))
        for digest in found[2].body["reports"].values():
            assert site.registry.get(digest)
        assert site.verify().is_ok
    return path, *found


def test_every_check_passes_in_a_fresh_home(whole):
    _, report, _, event = whole
    bad = [(one.name, one.evidence) for one in report.checks if one.outcome == "failed"]
    assert not bad
    assert [one.name for one in report.checks] == list(_oq_checks.CHECKS)
    assert report.count("not run") <= 1
    body = event.decode()
    assert isinstance(body, ValidationRun)
    assert body.conclusion == ("passed" if report.is_ok else "failed")
    assert {one.name for one in body.packs} == set(shipped_names())


def test_the_report_traces_each_requirement(whole):
    _, _, paths, event = whole
    text = Path(paths["json"]).read_text(encoding="utf-8")
    assert hashlib.sha256(text.encode()).hexdigest() == event.body["reports"]["json"]
    data = json.loads(text)
    for pack in data["packs"]:
        asked = shipped_pack(pack["name"])
        assert [one["id"] for one in pack["requirements"]] == [one.id for one in asked.requirements]
        counts = pack["summary"]
        assert counts["n_requirements"] == len(asked.requirements)
        verdicts = ("n_met", "n_not_met", "n_not_shown", "n_site", "n_nothing")
        assert sum(counts[name] for name in verdicts) == len(asked.requirements)
        assert (counts["n_not_met"], counts["n_not_shown"]) == (0, 0)
        for one in pack["requirements"]:
            assert one["status"] == asked.status
            assert one["outcomes"].keys() == set(one["checks"])
            assert bool(one["checks"]) == (one["verdict"] not in {"site", "nothing"})
    html = Path(paths["html"]).read_text(encoding="utf-8")
    assert "11.10(a)" in html
    assert "OQ-01 altered-record-named: passed" in html
    order = [pack["name"] for pack in data["packs"]]
    assert order[0] == "user-requirements"
    assert order[1:3] == ["eu-annex11", "fda-part11"]
    assert order[-1] == "annex22-draft-2025"
    for one in data["checks"]:
        assert one["cited_by"]
        assert one["outcome"] in ("passed", "not applicable")
    for risk in data["packs"][0]["risks"]:
        assert risk["answered_by"]
        assert risk["result"] == "met"
    assert "VALIDATION home: not for GMP use" in html
    assert Path(paths["pdf"]).read_bytes().startswith(b"%PDF-")


def test_requirements_name_known_checks_and_all_checks_are_asked_for():
    packs = [shipped_pack(name, _oq_checks.CHECKS) for name in shipped_names()]
    asked = {name for pack in packs for one in pack.requirements for name in one.checks}
    assert asked == set(_oq_checks.CHECKS)


def test_the_starter_set_is_whole():
    """Each risk is answered, each requirement answers one, and names clauses that there are."""
    packs = {name: shipped_pack(name) for name in shipped_names()}
    own = packs["user-requirements"]
    answered = {risk for one in own.requirements for risk in one.risks}
    assert answered == {one.id for one in own.risks}
    for one in own.requirements:
        assert one.risks
        for clause in one.meets:
            name, _, wanted = clause.partition(":")
            assert wanted in {found.id for found in packs[name].requirements}, clause
    ids = [one.id for pack in packs.values() for one in pack.requirements]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("name", "clauses"),
    [
        (
            "fda-part11",
            "11.1(a) 11.1(b) 11.1(c) 11.1(d) 11.1(e) 11.2(a) 11.2(b) 11.3 11.10 11.10(a) 11.10(b) "
            "11.10(c) 11.10(d) 11.10(e) 11.10(f) 11.10(g) 11.10(h) 11.10(i) 11.10(j) 11.10(k)(1) "
            "11.10(k)(2) 11.30 11.50(a) 11.50(b) 11.70 11.100(a) 11.100(b) 11.100(c) "
            "11.200(a)(1)(i) 11.200(a)(1)(ii) 11.200(a)(2) 11.200(a)(3) 11.200(b) 11.300(a) "
            "11.300(b) 11.300(c) 11.300(d) 11.300(e)",
        ),
        (
            "eu-annex11",
            "Principle 1 2 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.8 5 6 7.1 7.2 8.1 8.2 9 "
            "10 11 12.1 12.2 12.3 12.4 13 14(a) 14(b) 14(c) 15 16 17",
        ),
    ],
)
def test_the_rules_in_force_are_there_clause_by_clause(name, clauses):
    pack = shipped_pack(name)
    found = [one.clause for one in pack.requirements]
    assert [one for one in clauses.split() if one not in found] == []
    assert [one for one in found if one in clauses.split()] == clauses.split()
    assert not pack.reviewed  # nobody has compared it word for word


def test_a_failed_check_shows_in_each_requirement(monkeypatch, tmp_path):
    def fails(bench):
        raise CheckFailedError("it does not hold")

    def missing(bench):
        raise NotRunError("not here")

    def crashes(bench):
        raise ValueError("broken")

    some = {"altered-record-named": fails, "deleted-tail-named": missing, "restore-drill": crashes}
    monkeypatch.setattr(_oq_checks, "CHECKS", some)
    with LocalSite.open(made(tmp_path / "home")) as site:
        results = _oq_checks.run_checks(site)
    assert [one.outcome for one in results] == ["failed", "not run", "failed"]
    assert "broken" in results[2].evidence
    lines = {
        one.requirement.id: one for one in validation.trace(shipped_pack("fda-part11"), results)
    }
    assert lines["P11-1"].verdict == "not met"
    assert lines["P11-3"].verdict == "not met"
    assert lines["P11-13"].verdict == "not shown"
    assert lines["P11-A3"].verdict == "nothing"
    assert lines["P11-18"].verdict == "site"


def test_production_is_refused_and_others_are_noted(tmp_path):
    with LocalSite.open(made(tmp_path / "gmp", HomeKind.PRODUCTION)) as site:
        with pytest.raises(DeniedError, match="not run in a home of production"):
            validation.validate(site, (shipped_pack("pics-alcoa"),), tmp_path / "out")
    assert "not for GMP use" in validation.require_kind(HomeKind.DEVELOPMENT)
    assert validation.require_kind(HomeKind.VALIDATION) == ""


def test_packs_of_the_home_come_first(tmp_path):
    home = made(tmp_path / "home")
    path = validation.start_requirements(home)
    other = validation.start_requirements(home, "eu-annex11")
    filled = other.read_text(encoding="utf-8").replace(
        'site_procedure = "Incident procedure and CAPA."',
        'site_procedure = "Incident procedure and CAPA."\nsite_document = "SOP-17"',
    )
    other.write_text(filled, encoding="utf-8")
    (annex,) = validation.packs_of(home, ["eu-annex11"])
    assert [one.site_document for one in annex.requirements if one.site_document] == ["SOP-17"]
    with pytest.raises(ConflictError, match="there already"):
        validation.start_requirements(home)
    text = path.read_text(encoding="utf-8").replace('version = "2"', 'version = "2-own"')
    path.write_text(text, encoding="utf-8")
    (pack,) = validation.packs_of(home, ["user-requirements"])
    assert pack.version == "2-own"
    path.write_text(text.replace('"restore-drill"', '"no-such"'), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"user-requirements.toml:\d+:requirement.5.checks.0"):
        validation.packs_of(home)
    with pytest.raises(NotFoundError, match="no pack 'king'"):
        validation.packs_of(home, ["king"])


def test_a_changed_installation_is_named(monkeypatch, tmp_path):
    files = {"a.py": hashlib.sha256(b"a").hexdigest(), "b.py": hashlib.sha256(b"b").hexdigest()}
    recorded = {name: _validation_iq._as_record(digest) for name, digest in files.items()}
    monkeypatch.setattr(_validation_iq, "recorded_digests", lambda dist: recorded)
    assert _validation_iq._release(None, files).outcome == "passed"
    changed = {**files, "a.py": hashlib.sha256(b"c").hexdigest()}
    item = _validation_iq._release(None, changed)
    assert item.outcome == "failed"
    assert "a.py" in item.found
    assert _validation_iq._release(None, {**files, "c.py": "0" * 64}).outcome == "failed"


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("2.4.6", ">=2.1", True), ("2.4.6", "<3", True), ("3.0", "<3", False),
        ("1.6.1", ">=1.6.1", True), ("1.6", ">=1.6.0", True), ("1.0.0rc1", "==1.0", True),
        ("1.0", "!=1.0", False), ("1.0", "~=1.0", False),
    ],
)  # fmt: skip
def test_versions_are_compared(version, wanted, fits):
    assert _validation_iq._fits(version, wanted) is fits


def test_services_are_found(tmp_path):
    with LocalSite.open(made(tmp_path / "home")) as site:
        found = _validation_iq.qualify_installation(site)
    items = {one.name: one for one in found.items}
    assert items["SQLite"].found == sqlite3.sqlite_version
    assert items["Home under validation"].outcome == "passed"
    assert items["Kind of the home"].outcome == "passed"
    assert items["Package pydantic"].outcome in {"passed", "note"}
    assert found.software.startswith("goldenbatch ")


def test_the_command(monkeypatch, tmp_path, capsys):
    from goldenbatch.apps.cli import main

    home = made(tmp_path / "home")
    few = {name: _oq_checks.CHECKS[name] for name in ("ledger-only-adds", "home-kind-is-shown")}
    command = ["validate", "--home", str(home), "--out", str(tmp_path / "out"), "--json"]
    monkeypatch.setattr("sys.argv", ["goldenbatch", "validate", "--list", *command[1:]])
    assert _code(main) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed["checks"]] == list(_oq_checks.CHECKS)
    own = home / "requirements" / "own.toml"
    own.parent.mkdir()
    own.write_text(OWN, encoding="utf-8")
    monkeypatch.setattr(_oq_checks, "CHECKS", few)
    monkeypatch.setattr("sys.argv", ["goldenbatch", *command, "--pack", "own"])
    code = _code(main)
    answer = json.loads(capsys.readouterr().out)
    assert code == (0 if answer["is_ok"] else 7)
    assert (answer["n_passed"], answer["n_failed"]) == (2, 0)
    assert answer["packs"][0]["requirements"][0]["verdict"] == "met"
    assert Path(answer["files"]["pdf"]).is_file()


def _code(main):
    try:
        return main() or 0
    except SystemExit as end:
        return int(end.code or 0)


OWN = """schema = "goldenbatch/requirements/1"
name = "own"
title = "Own"
version = "1"
authority = "The site"
source = "URS-1"
status = "draft"
dated = 2026-01-31

[[requirement]]
id = "U1"
title = "T"
requirement = "It holds."
control = "technical"
checks = ["ledger-only-adds"]
"""
