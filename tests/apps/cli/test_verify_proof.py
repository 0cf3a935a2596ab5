"""`verify --proof`: an outsider checks the proof file of a dossier, without the home."""

import json
from pathlib import Path

import pytest

from goldenbatch.stores.ledger.notes import VerifierKey


@pytest.fixture
def proof(home, tmp_path, cli):
    written = cli("batch", "report", "7", "--out", tmp_path / "given", "--home", home, "--json")
    return written.json["proof"]


def test_it_needs_no_home_and_says_what_it_shows(proof, home, cli):
    answer = cli("verify", "--proof", proof, "--json").json
    assert answer["is_ok"] and not answer["is_key_given"]
    assert answer["batch"] == "7" and answer["n_events"] > 2
    assert "Consistent in itself" in cli("verify", "--proof", proof).out
    key = (home / "keys" / "home.pub").read_text().strip()
    assert VerifierKey.parse(key)
    done = cli("verify", "--proof", proof, "--key", key)
    assert done.code == 0 and "under the key that you gave" in done.out


def test_a_record_that_was_cut_off_is_missed(proof, tmp_path, cli):
    assert "to their end" in cli("verify", "--proof", proof, "--json").json["notes"][0]
    bundle = json.loads(Path(proof).read_text())
    bundle["events"].pop()
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(bundle))
    done = cli("verify", "--proof", cut)
    assert done.code == 7 and "Events are missing or were added" in done.out


def test_a_filtered_print_is_not_called_altered(home, tmp_path, cli):
    written = cli("trail", "print", "kind=BatchCreated", "--out", tmp_path / "print",
                  "--home", home, "--json")  # fmt: skip
    done = cli("verify", "--proof", written.json["proof"])
    assert done.code == 0, done.out
    assert "were asked for. What the others say, and whether" in " ".join(done.out.split())


def test_a_changed_event_is_named(proof, tmp_path, cli):
    bundle = json.loads(Path(proof).read_text())
    event = next(one for one in bundle["events"] if '"42.0"' in (one["body"] or ""))
    event["body"] = event["body"].replace('"42.0"', '"24.0"')
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(bundle))
    done = cli("verify", "--proof", forged)
    assert done.code == 7 and f"Event {event['seq']}" in done.out
    assert cli("verify", "--proof", forged, "--json").json["problems"]


def test_another_key_a_wrong_file_and_a_key_alone_are_refused(proof, tmp_path, home, cli):
    cli("init", tmp_path / "other")
    other = (tmp_path / "other" / "keys" / "home.pub").read_text().strip()
    assert cli("verify", "--proof", proof, "--key", other).code == 7
    assert cli("verify", "--proof", tmp_path / "none.json").code == 4
    (tmp_path / "odd.json").write_text("{")
    assert cli("verify", "--proof", tmp_path / "odd.json").code == 3
    done = cli("verify", "--key", other, "--home", home)
    assert done.code == 3 and "--proof" in done.err
