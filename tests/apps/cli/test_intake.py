"""`import` and what tells of it, on files made here."""

import io
import json

import pytest

CARD = """name = "scale"
zone = "Europe/Ljubljana"
[[table]]
name = "temps"
files = ["*.csv"]
time = { column = "at" }
[[table.tag]]
tag = "site/area/cell/tank/temp"
column = "temp"
unit = "Cel"
"""
ROWS = "at,temp\n2024-01-01T06:00:00,20.5\n2024-01-01T06:01:00,70\n2024-01-01T06:02:00,warm\n"


@pytest.fixture
def folder(home, tmp_path):
    (home / "cards" / "scale.toml").write_text(CARD)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text(ROWS)
    return folder


def test_import_twice_adds_nothing_and_keeps_what_it_refused(folder, home, cli):
    line = ("import", "scale", "--data", folder, "--home", home)
    report = cli(*line, "--json").json
    assert (report["n_rows"], report["n_accepted"], report["n_rejected"]) == (3, 2, 1)
    again = cli(*line, "--json").json
    assert (again["n_accepted"], again["n_readings"]) == (0, 0)
    assert cli("imports", "--home", home, "--json").json["import_files"][0]["n_rejected"] == 1
    kept = cli("quarantine", "--rows", "--home", home, "--json").json["rows"]
    assert [one["line"] for one in kept] == [4]
    assert "warm" in json.dumps(kept)
    assert "warm" in cli("quarantine", "--rows", "--home", home).out
    assert "a.csv" in cli(*line).out


def test_a_file_of_another_does_nothing_to_the_terminal_that_shows_it(folder, home, cli):
    (folder / "a.csv").write_text(ROWS.replace("warm", "\x1b[8m\x9b2J\u202ewarm"))
    line = ("import", "scale", "--data", folder, "--home", home)
    for shown in (cli(*line).out, cli("quarantine", "--rows", "--home", home).out):
        assert "\\x1b[8m" in shown and not {"\x1b", "\x9b", "\u202e"} & set(shown)
    (kept,) = cli("quarantine", "--rows", "--home", home, "--json").json["rows"]
    assert "\x1b[8m\x9b2J\u202ewarm" in kept["raw"]  # as it was, word by word


def test_a_preview_writes_nothing(folder, home, cli):
    report = cli("import", "scale", "--data", folder, "--preview", "--home", home, "--json").json
    assert report["n_rows"] == 3
    assert cli("imports", "--home", home, "--json").json["n_import_files"] == 0


def test_a_contradiction_is_shown_then_corrected_with_a_reason(folder, home, cli):
    cli("import", "scale", "--data", folder, "--home", home)
    (folder / "a.csv").write_text(ROWS.replace("20.5", "21.5"))
    assert (
        cli("import", "scale", "--data", folder, "--home", home, "--json").json["n_conflicts"] == 1
    )
    found = cli("conflicts", "--home", home, "--json").json["conflicts"]
    assert len(found) == 1 and "21.5" in found[0]["offered"]
    line = ("import", "scale", "--data", folder, "--correct", "misread", "--home", home, "--json")
    assert cli(*line).json["n_conflicts"] == 0
    assert cli("verify", "--home", home).code == 0


def test_live_import_wakes_the_analysts_at_each_step(folder, home, cli):
    """70 Cel is above the limit of the analyst; the finding is there when the import ends."""
    before = cli("findings", "--home", home, "--json").json["n_findings"]
    report = cli("import", "scale", "--data", folder, "--live", "--home", home, "--json").json
    assert report["n_transitions"] >= 1
    assert cli("findings", "--home", home, "--json").json["n_findings"] >= before
    assert cli("run", "--replay", "all", "--home", home, "--json").json["is_equal"]


def test_import_through_a_node_is_the_same(folder, service, home, cli):
    report = cli("import", "scale", "--data", folder, "--home", home, "--json").json
    assert (report["n_accepted"], report["n_rejected"], report["n_readings"]) == (2, 1, 2)
    assert cli("quarantine", "--rows", "--home", home, "--json").json["n_rows"] == 1
    assert cli("verify", "--home", home).code == 0


@pytest.mark.parametrize(
    ("text", "code"), [("name = 3", 3), ("not toml", 3), (CARD.replace('temp"\n', 'none"\n'), 3)]
)
def test_a_bad_card_is_one_line_that_names_it(text, code, folder, home, cli, tmp_path):
    card = tmp_path / "bad.toml"
    card.write_text(text)
    done = cli("import", card, "--data", folder, "--home", home)
    assert done.code in {code, 4}
    assert "Traceback" not in done.err and len(done.err.strip().splitlines()) <= 2
    assert cli("import", "scale", "--data", folder / "none", "--home", home).code == 4


def test_accounts_are_locked_unlocked_closed_and_opened(home, cli, monkeypatch):
    uid = cli("findings", "--home", home, "--json").json["findings"][0]["uid"]
    line = ("decide", uid, "--verdict", "dismissed", "--comment", "no", "--user", "anna")
    for _ in range(5):
        monkeypatch.setattr("sys.stdin", io.StringIO("not the password\n"))
        assert cli(*line, "--password-stdin", "--home", home).code == 5
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "long enough a password")
    assert "locked" in cli(*line, "--home", home).err
    why = ("--reason", "she was here in person", "--home", home)
    assert cli("user", "unlock", "anna", *why).code == 0
    assert not cli("user", "disable", "anna", *why, "--json").json["is_active"]
    assert cli(*line, "--home", home).code == 5
    assert cli("user", "enable", "anna", *why, "--json").json["is_active"]
    monkeypatch.setenv("GOLDENBATCH_NEW_PASSWORD", "another long password")
    assert cli("user", "password", "anna", "--home", home).code == 0
    assert cli(*line, "--home", home).code == 5
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "another long password")
    assert cli(*line, "--home", home).code == 0
    revoked = cli("user", "revoke", "anna", "quality_reviewer", *why, "--json")
    assert revoked.json["roles"] == []


def test_an_analyst_is_retired(home, cli):
    assert cli("retire", "watch", "--reason", "replaced", "--home", home, "--json").json == {
        "name": "watch", "at_work": []
    }  # fmt: skip
    assert cli("retire", "watch", "--reason", "again", "--home", home).code == 4


def test_the_dossier_of_a_batch(home, cli, tmp_path):
    written = cli("batch", "report", "7", "--home", home, "--json").json
    assert written["html"] == str(home / "reports" / "batch-7.html")
    out = tmp_path / "out"
    assert cli("batch", "report", "7", "--out", out, "--home", home).code == 0
    assert {one.suffix for one in out.iterdir()} == {".html", ".pdf", ".json"}
    assert cli("batch", "report", "none", "--home", home).code == 4


def test_examples_make_homes(tmp_path, cli):
    from goldenbatch.apps.examples import example_names

    assert {"fermentation", "tablets"} <= set(example_names())
    for name in example_names():
        path = tmp_path / name
        done = cli("init", path, "--example", name, "--no-import", "--json")
        assert done.code == 0, done.err
        assert done.json["kind"] == "demonstration" and done.json["cards"]
        assert cli("plant", "show", "--home", path, "--json").json["tags"]
        assert cli("verify", "--home", path).code == 0


def test_evaluate_needs_no_home(cli, tmp_path):
    line = ("evaluate", "none.such", "--trial", tmp_path / "none.toml", "--data", tmp_path)
    done = cli(*line, "--json")
    assert done.code == 4
    assert json.loads(done.out)["error"] == "NotFoundError"


def test_watching_ends_well_with_ctrl_c(home):
    import signal
    import subprocess
    import sys

    command = [sys.executable, "-m", "goldenbatch", "run", "--watch", "--every", "0.2", "--json"]
    with subprocess.Popen(
        [*command, "--home", str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert "Ctrl-C" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["n_ticks"] >= 0
    assert "Traceback" not in err
