"""An archive stands by itself: read with plain tools, checked with what lies in it."""

import csv
import json
import random
import shutil
import subprocess
import sys

import pytest
from gbx_bench import START, TEMP

from goldenbatch.core.batches import BatchCorrected
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.runtime.archive import archive, check_archive
from goldenbatch.runtime.events import BatchArchived

HOUR = 3_600_000_000


@pytest.fixture
def lived(bench, site):
    bench.batch(site, "B1", START, START + HOUR)
    bench.batch(site, "B2", START)
    bench.result(site, "S1", "B1", "98.1", START + HOUR)
    size = BatchCorrected(batch="B1", field="size", old="", new="12 kg", reason="not entered")
    bench.record(site, "batch/B1", size)
    bench.write(site, [(START + 10 * n, 20.1 + n / 7) for n in range(50)] + [(START - 5, 1.0)])
    return site


def table(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def check(folder):
    key = (folder / "public_key.txt").read_text().strip()
    return subprocess.run(
        [sys.executable, "-I", folder / "goldenbatch_verify.py", folder / "export", "--key", key],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip


def test_an_archive_is_whole_and_verifies_alone(lived, bench, tmp_path):
    held = lived.historian.read([TEMP], (START, START + HOUR)).table.to_pylist()
    done = archive(lived, "B1", tmp_path / "archive")
    body = lived.ledger.stream("archive/B1")[0].decode()
    assert isinstance(body, BatchArchived)
    assert (body.sums_digest, body.n_readings) == (done.digest, 50)
    alone = tmp_path / "elsewhere"
    shutil.move(done.path, alone)
    assert check_archive(alone) == []
    sums = shutil.which("sha256sum")
    if sums:
        subprocess.run([sums, "--quiet", "-c", "SHA256SUMS"], cwd=alone, check=True)
    verified = check(alone)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    rows = table(alone / "readings.csv")
    assert [float(row["value"]) for row in rows] == [one["value"] for one in held]
    assert {(row["tag"], row["unit"]) for row in rows} == {(TEMP, "Cel")}
    assert all(row["time"].endswith("Z") for row in rows)
    (result,) = table(alone / "results.csv")
    assert (result["value"], result["unit"], result["test"]) == ("98.1", "mg", "assay")
    records = json.loads((alone / "records.json").read_text())
    kinds = [one["envelope"]["kind"] for one in records["events"]]
    assert {"BatchCreated", "BatchCorrected", "ResultsReported"} <= set(kinds)
    change = next(one for one in records["entries"] if one["act"] == "corrected")
    assert change["changes"] == [{"field": "size", "old": "", "new": "12 kg"}]
    pdf = next((alone / "dossier").glob("*.pdf")).read_bytes()
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"/BaseFont /Helvetica" not in pdf
    assert "1 of 7 events changed data" in next((alone / "dossier").glob("*.html")).read_text()
    assert "sha256sum -c" in (alone / "README.txt").read_text()


def test_every_changed_file_is_named(lived, tmp_path):
    folder = archive(lived, "B1", tmp_path / "archive").path
    draw = random.Random(3)
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS"
    )
    for path in paths:
        whole = path.read_bytes()
        place = draw.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert check_archive(folder) == [
            f"{path.relative_to(folder).as_posix()} is not what was written."
        ]
        path.write_bytes(whole)
    (folder / "more.txt").write_text("x")
    (folder / "results.csv").unlink()
    assert check_archive(folder) == ["results.csv is missing.", "more.txt was added."]


def test_changed_proof_is_found_by_the_verifier(lived, tmp_path):
    folder = archive(lived, "B1", tmp_path / "archive").path
    path = folder / "export" / "events.jsonl"
    path.write_text(path.read_text().replace("98.1", "99.9"))
    assert check(folder).returncode == 1


def test_what_is_refused(lived, tmp_path):
    with pytest.raises(BadInputError, match="'B2' has not ended"):
        archive(lived, "B2", tmp_path / "a")
    with pytest.raises(NotFoundError, match="no batch 'B9'"):
        archive(lived, "B9", tmp_path / "a")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(ConflictError, match="not empty"):
        archive(lived, "B1", tmp_path / "full")
    assert not list(tmp_path.glob("a*"))
