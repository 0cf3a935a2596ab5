"""The dossier: what is in it, what is missing in it, and that its files hold."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from goldenbatch.capabilities.execution import collect, write_report
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.runtime.proofs import check_proof_file

SETTINGS = {"attributes": ["imp*"], "n_reference": 8, "autocorrelation": "ignore"}
QUIET = ("0.10", "0.12", "0.11", "0.13", "0.09", "0.12", "0.10", "0.11")


@pytest.fixture
def story(bench):
    """Eight quiet batches, then one with an impurity above its limit, decided and signed."""
    site = bench.site
    site.people.add("rita", "Rita Reviewer <script>", "long enough password")
    site.people.grant("rita", "quality_reviewer", "test")
    site.adopt("quality", "monitoring.charts", SETTINGS)
    for i, text in enumerate(QUIET):
        bench.batch(f"b{i}", {"impurity": text})
    bench.batch("odd/1", {"impurity": "0.61"})
    bench.lot("odd/1", "api", "L-7")
    (opened,) = site.wake()
    site.decide(opened.uid, "confirmed", "A new lot of api.", "rita", "long enough password")
    return bench


def test_it_gathers_materials_results_findings_and_signatures(story):
    dossier = collect(story.site, "odd/1")
    assert [(m.material, m.lot, m.quantity) for m in dossier.materials] == [
        ("api", "L-7", "2.50 kg")
    ]
    (line,) = dossier.results
    assert line.outcome == "outside"
    assert "0.61" in line.checks[0].why
    (finding,) = dossier.findings
    assert finding.decisions[0].decision.verdict.value == "confirmed"
    assert finding.signatures[0].is_signed
    kinds = {event.kind for event in dossier.events}
    assert {"BatchCreated", "ResultsReported", "LotRegistered", "SignatureApplied"} <= kinds


def test_it_names_its_gaps(story):
    story.batch("late", {"impurity": "0.70"})
    story.site.wake()
    gaps = collect(story.site, "late").gaps
    assert any("start of the batch is not recorded" in gap for gap in gaps)


def test_a_signature_on_a_changed_finding_is_a_gap(story):
    story.batch("next", {"impurity": "0.75"})
    (updated,) = story.site.wake()
    assert updated.step == "updated"
    gaps = collect(story.site, "odd/1").gaps
    assert any("unsigned since version" in gap for gap in gaps)


def test_two_batches_never_share_a_file(story, tmp_path):
    story.batch("odd_1", {"impurity": "0.10"})
    one, other = (write_report(story.site, name, tmp_path) for name in ("odd/1", "odd_1"))
    assert not set(one.values()) & set(other.values())


def test_an_unknown_batch_is_named(bench):
    with pytest.raises(NotFoundError, match="'nope'"):
        collect(bench.site, "nope")


def test_the_files_hold_what_they_say(story, tmp_path):
    files = write_report(story.site, "odd/1", tmp_path / "out")
    html = (tmp_path / "out" / "batch-odd_1-7ee86dcc.html").read_text(encoding="utf-8")
    assert "not for GMP use" in html
    assert "Rita Reviewer &lt;script&gt;" in html
    assert "<script" not in html
    assert "0.61 %" in html
    assert html.count("<svg") >= 1
    report = check_proof_file(tmp_path / "out" / "batch-odd_1-7ee86dcc.proof.json")
    assert report.is_ok, report.problems
    assert report.signatures
    assert (tmp_path / "out" / "batch-odd_1-7ee86dcc.pdf").read_bytes()[:5] == b"%PDF-"
    assert set(files) == {"html", "pdf", "proof"}


def test_signatures_on_the_batch_itself_are_printed(story, tmp_path, program):
    files = write_report(story.site, "odd/1", tmp_path)
    html = Path(files["html"])
    assert "Nobody has signed the record of this batch." in html.read_text(encoding="utf-8")
    story.site.sign("batch/odd/1", "reviewed", "rita", "long enough password", reason="complete")
    files = write_report(story.site, "odd/1", tmp_path)
    section = (
        html.read_text(encoding="utf-8").partition('id="signatures"')[2].partition("</section")[0]
    )
    for words in ("Rita Reviewer", "<strong>reviewed</strong>: complete", "signed"):
        assert words in section
    text = subprocess.run(
        [program("pdftotext"), files["pdf"], "-"], capture_output=True, text=True, check=True
    )
    assert "meaning reviewed: complete" in text.stdout.replace("\n", " ")


def test_a_changed_proof_file_is_named(story, tmp_path):
    path = tmp_path / "batch-odd_1-7ee86dcc.proof.json"
    write_report(story.site, "odd/1", tmp_path)
    bundle = json.loads(path.read_text(encoding="utf-8"))
    entry = next(e for e in bundle["events"] if '"0.61"' in e["body"])
    entry["body"] = entry["body"].replace("0.61", "0.41")
    path.write_text(json.dumps(bundle), encoding="utf-8")
    problems = check_proof_file(path).problems
    assert any("ResultsReported" in one and "not what was recorded" in one for one in problems)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": "odd_2"}, "says that it is of batch 'odd_2', and holds no event of it"),
        ({"events": []}, "holds no event: it proves nothing"),
    ],
)
def test_a_proof_of_another_batch_or_of_nothing_is_named(story, tmp_path, change, said):
    path = Path(write_report(story.site, "odd/1", tmp_path)["proof"])
    bundle = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(bundle | change), encoding="utf-8")
    assert any(said in problem for problem in check_proof_file(path).problems)


def test_a_file_that_is_nested_without_end_is_no_proof(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(BadInputError, match="this is no proof"):
        check_proof_file(path)


def test_a_missing_event_is_named(story, tmp_path):
    path = tmp_path / "batch-odd_1-7ee86dcc.proof.json"
    write_report(story.site, "odd/1", tmp_path)
    bundle = json.loads(path.read_text(encoding="utf-8"))
    lost = next(e for e in bundle["events"] if '"kind":"FindingOpened"' in e["envelope"])
    bundle["events"].remove(lost)
    path.write_text(json.dumps(bundle), encoding="utf-8")
    assert any("missing" in one for one in check_proof_file(path).problems)


def test_the_pdf_reads_as_the_page_does(story, tmp_path, program):
    pdftotext = program("pdftotext")
    files = write_report(story.site, "odd/1", tmp_path)
    done = subprocess.run(
        [pdftotext, "-layout", files["pdf"], "-"], capture_output=True, text=True, check=True
    )
    for words in ("Batch odd/1", "not for GMP use", "outside", "Rita Reviewer", "L-7"):
        assert words in done.stdout
