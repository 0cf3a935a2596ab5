"""What a superuser of the database changes is named by `verify`, and by those who get an export."""

from __future__ import annotations

import json

import pytest

from goldenbatch.core.config import load_settings
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.runtime.verify import verify
from goldenbatch.verifier import goldenbatch_verify as verifier


@pytest.fixture
def lived(bench):
    with bench.open() as site:
        for number in range(4):
            bench.batch(site, f"B{number}", 10 + number, 900)
        bench.write(site, [(10, 40.0), (20, 41.0)])
        site.flush()
    return bench


CHANGES = {
    "one byte of a payload": "UPDATE payload SET bytes = set_byte(bytes, 12, 120) WHERE seq = 6",
    "an envelope": "UPDATE event SET envelope = convert_to(replace(convert_from(envelope, 'UTF8'),"
    " 'tester', 'nobody'), 'UTF8') WHERE seq = 5",
    "a payload that is another's": "UPDATE payload SET (digest, salt, bytes) = (SELECT digest,"
    " salt, bytes FROM payload WHERE seq = 9) WHERE seq = 8",
    "two events swapped": "UPDATE event SET envelope = (SELECT envelope FROM event o WHERE o.seq ="
    " 15 - event.seq) WHERE seq IN (7, 8)",
    "a leaf": "UPDATE node SET h = set_byte(h, 0, get_byte(h, 0) # 1) WHERE level = 0 AND idx = 6",
    "a checkpoint": "UPDATE checkpoint SET note = replace(note, 'goldenbatch/', 'goldenbitch/')",
    "the tail": "DELETE FROM event WHERE seq > 12; DELETE FROM payload WHERE seq > 12;"
    " DELETE FROM node WHERE level = 0 AND idx >= 12",
    "an event in the middle": "DELETE FROM event WHERE seq = 6; DELETE FROM payload WHERE seq = 6",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_by_a_superuser_is_named(lived, schemas, tmp_path, capsys, what):
    key = (lived.path / "keys" / "home.pub").read_text().strip()
    export(lived.path, tmp_path / "before", ExportSettings(has_tiles=True))
    assert verifier.main([str(tmp_path / "before"), "--key", key]) == 0
    newest = json.loads((tmp_path / "before" / "manifest.json").read_text())["checkpoints"][-1]
    (tmp_path / "newest").write_text(newest)
    with schemas.owner(load_settings(lived.path).ledger.url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(CHANGES[what])
    report = verify(lived.path)
    assert not report.is_ok
    capsys.readouterr()
    try:
        export(lived.path, tmp_path / "after", ExportSettings())
    except Exception as error:  # an export of what cannot be read is refused in words
        assert type(error).__module__.startswith("goldenbatch.")
        return
    code = verifier.main([
        str(tmp_path / "after"), "--key", key, "--checkpoint", str(tmp_path / "newest")
    ])  # fmt: skip
    assert code == 1, capsys.readouterr().out
