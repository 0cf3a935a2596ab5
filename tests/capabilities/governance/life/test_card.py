"""The card of a model version: folded from its events, at every stage, whatever was done to it."""

import html
import json
import re

import pytest
from tests.capabilities.governance import team
from tests.capabilities.governance.team import USE, to
from tests.core import lives

from goldenbatch.capabilities.governance._card_files import write_card
from goldenbatch.capabilities.governance._card_sheet import Proof, gaps_of, sheet_of
from goldenbatch.capabilities.governance.card import events_behind, load_card
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.ui.sheets import Grid, sheet_html

STEPS = ("draft", "intend", "criteria", "bind", "train", "test", "validate", "approve", "activate")
PROOF = Proof("p.json", "0" * 64, "checkpoint", "key", 1)


def section(card, key):
    (found,) = [one for one in sheet_of(card, 0, PROOF).sections if one.key == key]
    return found


def words_of(page):
    """Text of a page, blanks as one."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)
    return html.unescape(re.sub(r"\s+", " ", text))


def words(card, key):
    """Text of a section, as the page shows it."""
    page = sheet_html(sheet_of(card, 0, PROOF))
    part = page[page.index(f'<section aria-labelledby="{key}"') :]
    return words_of(part[: part.index("</section>")])


@pytest.mark.parametrize("step", STEPS)
def test_a_card_can_be_written_at_every_stage(governed, step):
    to(governed, step)
    card = load_card(governed, USE, 1)
    assert card.stage == {
        "draft": "drafted", "intend": "intended use signed", "criteria": "criteria fixed",
        "bind": "test data sealed", "train": "trained", "test": "tested",
        "validate": "validated", "approve": "approved", "activate": "active",
    }[step]  # fmt: skip
    signed = [one.step for one in card.signatures if one.step != "TestSetSealed"]
    order = ["IntendedUseStated", "CriteriaFixed", "ModelTrained", "ModelTested", "ModelValidated",
             "ModelApproved"]  # fmt: skip
    counts = dict(zip(STEPS, (0, 1, 2, 2, 3, 4, 5, 6, 6), strict=True))
    assert signed == order[: counts[step]]
    assert all(one.holds for one in card.signatures)
    assert "demonstration home: not for GMP use" in sheet_html(sheet_of(card, 0, PROOF))
    assert card == load_card(governed, USE)  # the same sources give the same card


def test_what_is_not_there_yet_is_said(governed):
    to(governed, "draft")
    card = load_card(governed, USE, 1)
    for key, told in (
        ("use", "Nobody has stated it yet."), ("model", "It is not trained yet."),
        ("test-data", "No test set is bound yet."), ("validation", "No criteria are fixed yet."),
        ("validation", "Nobody has found it fit yet."), ("signatures", "No step is signed yet."),
        ("plan", "It is a first version"), ("versions", "No version serves"),
        ("watch", "No shadow run is on record."),
    ):  # fmt: skip
        assert told in words(card, key), told


def test_verification_and_validation_are_kept_apart(governed):
    to(governed, "approve")
    card = load_card(governed, USE, 1)
    assert "recomputed by hand" in words(card, "verification")
    assert "report of the sealed test" in words(card, "validation") or (
        "report of the test" in words(card, "validation")
    )
    assert "recomputed by hand" not in words(card, "validation")
    outcomes = next(b for b in section(card, "validation").blocks if isinstance(b, Grid))
    assert [row[-1] for row in outcomes.rows] == ["met"] * len(outcomes.rows)
    assert outcomes.tones == ["good"] * len(outcomes.rows)


def test_a_failed_test_is_the_first_thing_that_is_read(governed):
    to(governed, "train")
    team.test(governed, is_passed=False)
    card = load_card(governed, USE, 1)
    assert gaps_of(card)[0].startswith("It failed its test")
    assert "NOT MET" in words(card, "validation")


def test_what_counts_for_nothing_is_named_and_no_signature_is_made_up(governed):
    to(governed, "draft")
    stream = f"model/{USE}/1"
    governed.ledger.append([NewEvent(stream, lives.approved(), 1, actor="intruder")])
    card = load_card(governed, USE, 1)
    assert card.state.approved is None
    assert card.stage == "drafted"
    gaps = gaps_of(card)
    assert "ModelApproved cannot follow drafted" in gaps[0]
    assert f"{stream}@2 (model approved): not signed." in gaps
    (row,) = section(card, "signatures").blocks[1].rows
    assert row[1:4] == ["nobody", "", ""]


def test_a_step_that_was_taken_again_replaces_the_signature(governed):
    to(governed, "train")
    team.train(governed, digest=team.artefact(governed, 7))
    card = load_card(governed, USE, 1)
    first, second = [one for one in card.signatures if one.step == "ModelTrained"]
    assert first.standing.startswith("replaced by version")
    assert second.holds
    assert not [one for one in gaps_of(card) if "model trained" in one]


def test_evidence_that_does_not_hold_makes_a_signature_void(governed, monkeypatch):
    from goldenbatch.capabilities.governance import _reading, card

    to(governed, "intend")
    for module in (card, _reading):
        monkeypatch.setattr(module, "fault_of", lambda _: lambda _: "the key is unknown")
    view = load_card(governed, USE, 1)
    assert [one.standing for one in view.signatures] == ["void: the key is unknown"]
    assert any("void: the key is unknown" in one for one in gaps_of(view))
    assert view.state.intended is None


def test_files_with_a_proof_that_holds_and_sees_a_change(governed, tmp_path):
    from goldenbatch.runtime.proofs import check_proof_file

    to(governed, "activate")
    files = write_card(governed, USE, 0, tmp_path / "cards")
    names = sorted(path.name for path in (tmp_path / "cards").iterdir())
    assert names == [f"model-{USE}-1.{end}" for end in ("html", "pdf", "proof.json")]
    proof = json.loads((tmp_path / "cards" / f"model-{USE}-1.proof.json").read_text())
    assert len(proof["events"]) == len(events_behind(governed, load_card(governed, USE)))
    report = check_proof_file(tmp_path / "cards" / f"model-{USE}-1.proof.json")
    assert report.is_ok, report.problems
    page = words_of((tmp_path / "cards" / f"model-{USE}-1.html").read_text())
    assert "Quinn qualified_person approved" in page
    assert f"{USE}@1 · active" in page
    text = json.dumps(proof).replace("fit for its use", "unfit for any use")
    (tmp_path / "other.json").write_text(text)
    assert not check_proof_file(tmp_path / "other.json").is_ok
    assert set(files) == {"html", "pdf", "proof"}


def test_a_suspended_version_says_what_serves_instead(governed):
    to(governed, "activate")
    team.act(governed, "suspend", "otto", reason="drift")
    card = load_card(governed, USE, 1)
    assert card.stage == "suspended"
    assert "No version serves: the contingency of the intended use holds." in words(
        card, "versions"
    )


def test_an_imported_draft_says_what_nobody_said_of_it(governed):
    known, missing = {"framework": "scikit-learn 1.4"}, ["seeds", "training data"]
    draft = {**team.CARD, "origin": "imported", "known": known, "missing": missing}
    to(governed, "draft", **draft)
    card = load_card(governed, USE, 1)
    assert "It was imported, and nobody said: seeds, training data." in gaps_of(card)
    assert "framework scikit-learn 1.4" in words(card, "model")


def test_findings_of_the_watch_are_those_of_their_version(governed):
    from goldenbatch.core.findings import Evidence, Finding, FindingOpened, Severity, Subject
    from goldenbatch.core.suspension import watch_key

    to(governed, "activate")
    keys = (watch_key(1, "residual drift"), watch_key(11, "input drift"), f"{USE}@1#7", f"{USE}@12")
    for n, key in enumerate(keys):
        subject = Subject(attribute=USE, key=key)
        finding = Finding(
            subject=subject, title=f"about {key}", statement="it drifts", severity=Severity.MAJOR,
            start=0, analyst="watch", analyst_version="1",
            evidence=(Evidence(kind="artefact", digest="0" * 64),),
        )  # fmt: skip
        uid = f"{n:032x}"
        body = FindingOpened(uid=uid, tick=1, finding=finding)
        governed.ledger.append([NewEvent(f"finding/{uid}", body, 0, actor="watch")])
    found = load_card(governed, USE, 1).findings
    assert {one.finding.title for one in found} == {f"about {keys[0]}", f"about {keys[2]}"}
    assert "about 1/residual drift" in words(load_card(governed, USE, 1), "watch")


@pytest.mark.parametrize(("use", "version"), [(USE, 9), ("nothing", 0)])
def test_no_card_of_what_is_not_there(governed, use, version, tmp_path):
    to(governed, "draft")
    with pytest.raises(NotFoundError, match="model list"):
        write_card(governed, use, version, tmp_path)
    assert not list(tmp_path.glob("model-*"))
