"""The page of evidence: kept as it was signed, by others than asked, and nothing open approved."""

import hashlib
import json
import re
from html import unescape
from pathlib import Path

import pytest

from goldenbatch.capabilities.execution import write_report
from goldenbatch.capabilities.monitoring.release.page import file_name, write_page
from goldenbatch.capabilities.monitoring.release.standing import standing_of, standing_rows
from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from tests.capabilities.monitoring.release import bench
from tests.capabilities.monitoring.release.test_laboratory import called, conclude, link

PAGE = {"batch": "R1", "market": "EU"}


def sign(site, what, login, **more):
    return bench.act(site, what, login, **{**PAGE, "reason": "looked at it all", **more})


def keep(site, login="sel"):
    return bench.act(site, "evidence", login, **PAGE)[0].decode()


def passed(site):
    bench.batch(site, "R1")
    bench.ask(site, "R1")


def shown(path):
    text = re.sub(r"<[^>]+>", " ", Path(path).read_text("utf-8"))
    return re.sub(r"\s+", " ", unescape(text))


def test_the_page_says_all_and_its_files_are_those_that_were_signed(site, tmp_path):
    passed(site)
    kept = keep(site)
    sign(site, "review", "quinn")
    _, signature = sign(site, "approve", "qa")
    assert signature.body["meaning"] == "approved"
    files = write_page(site, "R1", "EU", tmp_path)
    for kind, digest in kept.files.items():
        assert hashlib.sha256(Path(files[kind]).read_bytes()).hexdigest() == digest
    page = shown(files["html"])
    tested = site.ledger.stream("release-test/R1/EU/assay")[0].decode()
    for words in (
        "passes by real-time release testing", "3.2.P.5.6", "EMEA/H/C/0001/II/12",
        "50.0 to 63.0 g/L", "assay@1", tested.model.digest, tested.model.acceptance,
        tested.input_digest, tested.inputs[0].evidence[0].digest, tested.prediction.value,
        "Domain inside", "HPLC-7", "Nothing is open", "goldenbatch verify --proof",
        "DEMONSTRATION home: not for GMP use", "Qa", "it releases no batch",
    ):  # fmt: skip
        assert words in page, words
    pdf = Path(files["pdf"]).read_bytes()
    assert pdf.startswith(b"%PDF") and b"pdfaid" in pdf
    signed = shown(files["signatures"])
    assert "The page is approved" in signed and "Quinn" in signed and kept.files["html"] in signed
    bundle = json.loads(Path(files["proof"]).read_text("utf-8"))
    streams = {json.loads(one["envelope"])["stream"] for one in bundle["events"]}
    assert {"release-test/R1/EU/assay", "model/assay/1", "model/assay", "batch/R1",
            "release-registration/P/EU/assay"} <= streams  # fmt: skip


def test_the_same_record_gives_the_same_page(site):
    passed(site)
    first, second = (
        site.registry.get(one.files["html"]).decode().partition('<h2 id="proof"')
        for one in (keep(site), keep(site))
    )
    # The proof is under the newest checkpoint, all else is of the record.
    assert first[0] == second[0] and first[2] != second[2]


def test_who_asked_or_wrote_signs_nothing(site):
    passed(site)
    site.people.grant("dev", "quality_reviewer", "test")
    keep(site, "qa")
    with pytest.raises(DeniedError, match="does not sign it"):
        sign(site, "review", "qa")
    for what in ("review", "approve"):
        if what == "approve":
            sign(site, "review", "quinn")
        with pytest.raises(DeniedError, match="asked for release-test/R1/EU/assay"):
            sign(site, what, "dev")
    with pytest.raises(DeniedError, match="needs role"):
        sign(site, "approve", "sme")


def test_nothing_open_is_approved(site):
    called(site)
    keep(site)
    with pytest.raises(ConflictError, match="assay is contingency test called"):
        sign(site, "approve", "qa")
    bench.result(site, "R1", "64.2")
    link(site)
    with pytest.raises(ConflictError, match="went on since"):
        sign(site, "review", "quinn")
    keep(site)
    sign(site, "review", "quinn")
    with pytest.raises(ConflictError, match="under investigation"):
        sign(site, "approve", "qa")
    conclude(site, "tess")
    keep(site)
    with pytest.raises(ConflictError, match="nobody has reviewed"):
        sign(site, "approve", "qa")
    sign(site, "review", "quinn")
    sign(site, "approve", "qa")
    row = standing_rows(site, "R1")[0]
    assert row["state"] == "investigation concluded"


def test_a_linked_result_that_was_corrected_settles_nothing(site):
    called(site)
    sample = bench.result(site, "R1", "59.2")
    link(site)
    assert standing_of(site, "R1", "EU")[0].is_settled
    bench.correct(site, sample, "59.2", "58.2")
    one = standing_of(site, "R1", "EU")[0]
    assert not one.is_settled and one.state == "contingency test called"
    assert "corrected since" in one.doubts[0]


def test_a_failure_for_one_market_is_a_doubt_for_the_others(site):
    bench.register(site, market="US", trend=None)
    bench.batch(site, "R1", *bench.ACTION)
    assert bench.ask(site, "R1")[0].outcome == "trends_to_failure"
    assert bench.ask(site, "R1", market="US")[0].outcome == "passes"
    (one,) = standing_of(site, "R1", "US")
    assert one.doubts == ("it is under investigation for EU",) and not one.is_settled


def test_a_registered_attribute_that_nobody_asked_for_is_open(site, tmp_path):
    bench.batch(site, "R1")
    with pytest.raises(NotFoundError, match="nobody asked"):
        keep(site)
    assert standing_rows(site, "R1")[0]["state"] == "not asked"
    with pytest.raises(NotFoundError, match="no page of batch R1 for EU is kept"):
        write_page(site, "R1", "EU", tmp_path)


def test_the_dossier_shows_release_tests_and_what_is_open(site, tmp_path):
    passed(site)
    files = write_report(site, "R1", tmp_path)
    page = shown(files["html"])
    assert "assay for EU: passes by real-time release testing" in page
    assert "59.1738 (58.083 to 60.2646) g/L" in page
    bundle = json.loads(Path(files["proof"]).read_text("utf-8"))
    assert any("release-test/R1/EU/assay" in one["envelope"] for one in bundle["events"])
    called(site, "R2", number=1)
    files = write_report(site, "R2", tmp_path)
    page = shown(files["html"])
    assert "Release test of assay for EU: contingency test called." in page
    assert "none: missing input" in page
    assert Path(files["pdf"]).read_bytes().startswith(b"%PDF")


def test_names_of_files_do_not_meet():
    assert len({file_name(*one) for one in [("A/1", "EU"), ("A_1", "EU"), ("A", "1-EU")]}) == 3
