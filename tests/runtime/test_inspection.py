"""Inspection: access that ends by itself, and a copy that is checked with nothing but itself."""

import json
import subprocess
import sys

import pytest
from gbx_bench import PLANT, START, Clock

from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.inspection import CopyTaken
from goldenbatch.core.people import RoleGranted, UserAdded
from goldenbatch.core.records import DataClass, HomeKind, NewEvent
from goldenbatch.runtime import inspection
from goldenbatch.runtime.archive import check_archive
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.inspection import CopyScope, Visit
from goldenbatch.runtime.local import LocalSite

PASSWORD = "a long password"
DAY = 86_400_000_000


@pytest.fixture
def clock():
    return Clock(START)


@pytest.fixture
def home(tmp_path, clock, cheap_hashes):
    """A home of validation: an administrator, a reviewer, and a batch that was signed."""
    path = tmp_path / "home"
    settings = HomeSettings("P", "site", PLANT, kind=HomeKind.VALIDATION)
    create_home(path, settings, clock=clock)
    with LocalSite.open(path, clock=clock) as site:
        for login, role in (("root", "administrator"), ("rita", "quality_reviewer")):
            enrol(site, login)
            site.people.grant(login, role, "test")
        for name in ("B 1/é", "B2"):
            batch(site, name)
    return path


def enrol(site, login, token=""):
    if not token:
        site.people.add(login, login.title())
        token = site.credentials.offer(login, "password", "new")
    begun = site.credentials.begin(login, token)
    site.credentials.finish(login, token, begun["enrolment"], {"password": PASSWORD})


def batch(site, name):
    stream = "batch/" + name
    bodies = [BatchCreated(batch=name, product="P", started_at=START),
              BatchEnded(batch=name, ended_at=START + 1, outcome="completed")]  # fmt: skip
    site.ledger.append([NewEvent(stream, one, n, actor="x") for n, one in enumerate(bodies)])


def visit(site, **more):
    now = site.clock()
    entries = {"login": "ines", "printed_name": "Ines Pector", "start": now, "end": now + DAY,
               "reason": "routine"}  # fmt: skip
    return Visit(**{**entries, **more})


def opened(site):
    """Access was opened by one person and confirmed by another; the inspector has a password."""
    answer = inspection.open_access(site, site.people.find("root"), visit(site))
    site.rights.confirm_role(site.people.find("rita"), "ines", answer["role"], "routine")
    enrol(site, "ines", answer["token"])
    return site.people.authenticate("ines", PASSWORD)


def may(site, action, stream="batch/B2"):
    return site.people.decide_may(site.people.find("ines"), action, stream).is_allowed


def test_access_takes_two_people_and_ends_by_itself(home, clock):
    with LocalSite.open(home, clock=clock) as site:
        answer = inspection.open_access(site, site.people.find("root"), visit(site))
        assert (answer["role"], answer["is_confirmed"]) == ("inspector", False)
        assert not may(site, "read")
        site.rights.confirm_role(site.people.find("rita"), "ines", "inspector", "routine")
        assert may(site, "read")
        assert may(site, "export")
        for action in ("sign:reviewed", "record", "correct", "import", "user:add", "adopt"):
            assert not may(site, action)
        clock.now += 2 * DAY
        assert not may(site, "read")
        again = inspection.open_access(site, site.people.find("root"), visit(site))
        assert again["is_confirmed"]
        assert may(site, "export")
        inspection.close_access(site, site.people.find("root"), "ines", "they left")
        assert not may(site, "read")
        with pytest.raises(NotFoundError, match="no access that is open"):
            inspection.close_access(site, site.people.find("root"), "ines", "again")
        assert site.verify().is_ok


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"end": START}, "is over"),
        ({"end": START + 400 * DAY}, "90 days at most"),
        ({"role": "quality_reviewer"}, "no time-boxed role"),
        ({"printed_name": ""}, "needs the person's name"),
    ],
)
def test_access_that_is_refused(home, clock, more, words):
    with LocalSite.open(home, clock=clock) as site, pytest.raises(BadInputError, match=words):
        inspection.open_access(site, site.people.find("root"), visit(site, **more))


def test_only_those_whom_the_policy_lets_open_it(home, clock):
    with LocalSite.open(home, clock=clock) as site, pytest.raises(DeniedError):
        inspection.open_access(site, site.people.find("rita"), visit(site))


def run(folder, subject, key):
    """The verifier of a copy, in an empty environment, that can import nothing of ours."""
    command = [sys.executable, "-I", "goldenbatch_verify.py", subject, "--key", key]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode()


def test_a_copy_is_checked_alone_and_names_a_change(home, clock, tmp_path):
    out = tmp_path / "stick"
    with LocalSite.open(home, clock=clock) as site:
        user = opened(site)
        made = inspection.take_copy(
            site, user, out, CopyScope(), recipient="Ines Pector, agency", reason="routine"
        )
        key = str(site.keys.signers[0].verifier)
        (told,) = inspection.copies(site)
        assert site.verify().is_ok
    body = made.event.decode()
    assert isinstance(body, CopyTaken)
    assert (body.handed_by, body.recipient) == (user.uid, "Ines Pector, agency")
    assert told["sums_digest"] == body.sums_digest
    assert check_archive(out) == []
    text = (out / "README.txt").read_text(encoding="utf-8")
    for words in (body.copy_id, "Ines Pector, agency", "export --key KEY", key, "WRONG"):
        assert words in text
    assert list(out.glob("trail/*.pdf"))
    code, said = run(out, "export", key)
    assert (code, "All of it is what was recorded" in said) == (0, True), said
    events = out / "export" / "events.jsonl"
    lines = events.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if "BatchEnded" in line and "completed" in line)
    entry = json.loads(lines[at])
    entry["body"] = entry["body"].replace("completed", "aborted")
    lines[at] = json.dumps(entry)
    events.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, said = run(out, "export", key)
    assert code == 1
    assert f"WRONG: Event {entry['seq']}: its content (BatchEnded) was altered" in said
    assert check_archive(out) == ["export/events.jsonl is not what was written."]


def test_no_secret_leaves_with_a_copy(home, clock, tmp_path):
    with LocalSite.open(home, clock=clock) as site:
        made = inspection.take_copy(
            site, site.people.find("rita"), tmp_path / "c", CopyScope(), recipient="x", reason="y"
        )
        hashes = [e.body["hash"] for e in site.ledger.events(kinds={"PasswordSet"})]
    assert hashes
    for path in made.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(one.encode() in data for one in hashes), path
            assert b"PRIVATE KEY" not in data


def test_the_prints_of_a_copy_hold_no_more_than_its_export(home, clock, tmp_path):
    out = tmp_path / "stick"
    with LocalSite.open(home, clock=clock) as site:
        account = (
            UserAdded(uid="u-eve", login="eve", printed_name="Eve"),
            RoleGranted(uid="u-eve", role="process_engineer", reason="reads nothing personal"),
        )
        site.ledger.append(
            [NewEvent("user/u-eve", one, n, actor="x") for n, one in enumerate(account)]
        )
        body = BatchCreated(batch="P1", product="P", attributes={"patient": "SECRETPATIENT"})
        site.ledger.append(
            [NewEvent("batch/P1", body, 0, actor="x", data_class=DataClass.PERSONAL)]
        )
        made = inspection.take_copy(
            site, site.people.find("eve"), out, CopyScope(), recipient="A", reason="r"
        )
    assert made.taken.withheld == ("personal",)
    files = [one for one in out.rglob("*") if one.is_file()]
    assert any(one.name == "trail.jsonl" for one in files)
    assert not [one.name for one in files if b"SECRETPATIENT" in one.read_bytes()]


def test_a_copy_of_batches_holds_each_whole_and_nothing_else(home, clock, tmp_path):
    out = tmp_path / "copy"
    with LocalSite.open(home, clock=clock) as site:
        user, scope = opened(site), CopyScope(batches=("B 1/é",))
        made = inspection.take_copy(site, user, out, scope, recipient="x", reason="y")
        key = str(site.keys.signers[0].verifier)
        assert made.taken.batches == ("B 1/é",)
    (place,) = (out / "batches").iterdir()
    assert {"export", "trail", "dossier"} == {one.name for one in place.iterdir()}
    code, said = run(out, f"batches/{place.name}/export", key)
    assert code == 0, said
    everything = "".join(p.read_text("utf-8") for p in place.rglob("*.jsonl"))
    assert "B 1/é" in everything
    assert "B2" not in everything
    assert f"batches/{place.name}/export --key KEY" in (out / "README.txt").read_text("utf-8")


def test_a_copy_since_a_time(home, clock, tmp_path):
    with LocalSite.open(home, clock=clock) as site:
        clock.now += DAY
        since = site.clock()
        batch(site, "B3")
        user = site.people.find("rita")
        scope = CopyScope(since=since)
        made = inspection.take_copy(site, user, tmp_path / "c", scope, recipient="x", reason="y")
        assert made.taken.n_events == 2
        code, said = run(tmp_path / "c", "export", str(site.keys.signers[0].verifier))
        assert code == 0, said
        clock.now += DAY
        late = CopyScope(since=site.clock())
        with pytest.raises(NotFoundError, match="nothing was recorded since"):
            inspection.take_copy(site, user, tmp_path / "d", late, recipient="x", reason="y")
    assert not (tmp_path / "d").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_copy_that_is_refused(home, clock, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    with LocalSite.open(home, clock=clock) as site:
        user = opened(site)
        rita, root = site.people.find("rita"), site.people.find("root")

        def copy(by, folder=tmp_path / "new", **more):
            entries = {"recipient": "x", "reason": "y", **more}
            return inspection.take_copy(site, by, folder, CopyScope(("B9",)), **entries)

        with pytest.raises(ConflictError, match="not empty"):
            copy(rita, full)
        with pytest.raises(BadInputError, match="names who takes it"):
            copy(rita, recipient=" ")
        with pytest.raises(NotFoundError, match="batch/B9"):
            copy(rita)
        with pytest.raises(DeniedError):
            inspection.take_copy(
                site, root, tmp_path / "new", CopyScope(), recipient="x", reason="y"
            )
        clock.now += 2 * DAY
        with pytest.raises(DeniedError, match="until"):
            inspection.take_copy(
                site, user, tmp_path / "new", CopyScope(), recipient="x", reason="y"
            )
        assert inspection.copies(site) == []


def test_the_commands(home, tmp_path, monkeypatch, capsys):
    from goldenbatch.apps.cli import main

    def call(*words, lines=PASSWORD):
        import io

        monkeypatch.setattr("sys.stdin", io.StringIO(lines + "\n"))
        command = ["goldenbatch", *words, "--home", str(home), "--json"]
        monkeypatch.setattr("sys.argv", command)
        try:
            code = main() or 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, json.loads(capsys.readouterr().out or "{}")

    who = ("--who", "ines", "--reason", "routine", "--by", "root", "--password-stdin")
    until = ("--until", "2999-01-01T00:00:00Z")
    code, answer = call("inspect", "open", *who, *until, "--name", "Ines Pector")
    assert code != 0  # far too long
    with LocalSite.open(home) as site:
        from goldenbatch.core.records import to_iso

        until = ("--until", to_iso(site.clock() + DAY))
    code, answer = call("inspect", "open", *who, *until, "--name", "Ines Pector")
    assert (code, answer["is_confirmed"], bool(answer["token"])) == (0, False, True)
    out = tmp_path / "copy"
    by = ("--by", "rita", "--for", "Ines Pector", "--reason", "routine", "--password-stdin")
    code, answer = call("inspect", "copy", str(out), "--batch", "B2", *by)
    assert (code, answer["batches"]) == (0, ["B2"])
    code, listed = call("inspect", "list")
    assert listed["copies"][0]["sums_digest"] == answer["sums_digest"]
    code, answer = call("inspect", "close", *who)
    assert code == 0
