"""What serves: the version that its line names, held to its approval, until it serves no more."""

import hashlib
import json
import threading
import time

import numpy as np
import pytest
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.errors import ConflictError, IntegrityError, NotFoundError
from goldenbatch.core.model_records import ModelActivated, line_stream
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.serving import Models

USE, ROW = case.USE, {case.TEMP: 37.0, case.PH: 7.0}
AT = {"use": USE, "version": 1}


def files_of(site, digest):
    folder = site.layout.registry / "sha256" / digest[:2]
    return folder / digest[2:], folder / f"{digest[2:]}.json"


def second(site):
    """Version 2 by change control, other numbers, approved."""
    at = {"use": USE, "version": 2}
    case.act(site, "draft", "dev", **at, follows=1)
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at, settings={"ridge": 0.2})
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="newer", change="CC-12")
    return at


def test_the_active_version_says_all_that_rule_7_asks_for(site):
    found = site.models.active(USE).predict_one(ROW)
    assert found.lower < found.value < found.upper
    assert found.confidence == 0.9
    assert (found.model.use, found.model.version) == (USE, 1)
    assert set(found.contributions) == set(ROW)
    assert found.is_in_domain and not found.reason
    assert len(found.input_digest) == 64


def test_a_use_that_nobody_activated(site):
    with pytest.raises(NotFoundError, match="no version of 'other' was ever activated"):
        site.models.active("other")
    with pytest.raises(NotFoundError, match="no version 7"):
        site.models.version(USE, 7)


def test_an_activation_counts_from_the_next_row_on(site):
    before = site.models.active(USE)
    old = before.predict_one(ROW)
    case.act(site, "activate", "sme", **second(site), reason="newer")
    with pytest.raises(ConflictError, match=r"assay@1 .* serves no more: assay@2"):
        before.predict_one(ROW)
    new = site.models.active(USE).predict_one(ROW)
    assert new.model.version == 2
    assert new.value != old.value
    assert site.models.version(USE, 1).predict_one(ROW) == old


def test_a_suspended_model_stops_in_the_hands_of_its_holder(site):
    held = site.models.active(USE)
    held.predict_one(ROW)
    case.act(site, "suspend", "sme", use=USE, reason="the probe was moved")
    with pytest.raises(NotFoundError, match="the probe was moved") as caught:
        held.predict_one(ROW)
    assert "Contingency: sample and assay in the laboratory" in caught.value.hint


def test_a_fallback_serves_in_its_place(site):
    at = second(site)
    case.act(site, "activate", "sme", **at, reason="newer")
    case.act(site, "suspend", "sme", use=USE, reason="drift", fallback="previous")
    assert site.models.active(USE).ref.version == 1


def test_retired_in_the_middle_of_many_threads(site):
    """Rows before the retirement are all of version 1; after it there are none."""
    held, rows = site.models.active(USE), np.full((50, 2), 7.0)
    wanted = held.predict(rows).values.tobytes()
    found, stopped, start = [], [], threading.Barrier(5)

    def ask():
        start.wait()
        ends = time.monotonic() + 60  # however fast it predicts, it is still at it when they act
        while time.monotonic() < ends:
            try:
                found.append(held.predict(rows).values.tobytes())
            except NotFoundError:
                stopped.append(True)
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    start.wait()
    case.act(site, "retire", "qa", **AT, reason="the line is closed")
    for one in threads:
        one.join()
    assert len(stopped) == 4
    assert set(found) <= {wanted}
    with pytest.raises(NotFoundError, match="version 1 was retired"):
        site.models.active(USE)


def test_as_of_an_event(site):
    before = site.ledger.head()
    case.act(site, "activate", "sme", **second(site), reason="newer")
    assert site.models.at(USE, before).ref.version == 1
    assert site.models.at(USE, site.ledger.head()).ref.version == 2
    with pytest.raises(NotFoundError, match="ever activated"):
        site.models.at(USE, 3)


# ---- what was swapped ---------------------------------------------------------------------------


def damaged_content(site, digest):
    content, _ = files_of(site, digest)
    other = content.read_bytes().replace(b'"coverage":0.9', b'"coverage":0.8')
    content.write_bytes(other)


def damaged_type(site, digest):
    _, sidecar = files_of(site, digest)
    sidecar.write_text(sidecar.read_text().replace("linear", "parameters"))


def another_type(site, digest):
    """A sidecar that is whole in itself, and says another type."""
    content, sidecar = files_of(site, digest)
    size, kind = len(content.read_bytes()), "application/json"
    seal = hashlib.sha256(f"{digest}\n{kind}\n{size}".encode()).hexdigest()
    body = {"media_type": kind, "seal": seal, "size": size}
    sidecar.write_text(json.dumps(body, sort_keys=True) + "\n")


def swapped(site, digest):
    """Another model, with a sidecar of its own, in the place of the approved one."""
    other = files_of(site, site.registry.put(
        site.registry.get(digest).replace(b'"coverage":0.9', b'"coverage":0.8'),
        site.registry.media_type(digest),
    ))  # fmt: skip
    for mine, its in zip(files_of(site, digest), other, strict=True):
        mine.write_bytes(its.read_bytes())


def gone(site, digest):
    for one in files_of(site, digest):
        one.unlink()


@pytest.mark.parametrize("fault", [damaged_content, damaged_type, another_type, swapped, gone])
def test_an_artefact_that_is_not_the_approved_one_is_refused(site, fault):
    digest = site.models.active(USE).ref.digest
    fault(site, digest)
    site.models.forget()
    with pytest.raises(IntegrityError, match="the artefact of assay@1") as caught:
        site.models.active(USE)
    assert "Contingency: sample and assay in the laboratory" in caught.value.hint


def test_a_line_that_names_another_artefact_serves_nothing(site):
    """Who can append to the ledger cannot make what was not approved serve."""
    other = site.registry.put(b'{"a": 1}', "application/json")
    body = ModelActivated(**AT, digest=other, media_type="application/json", reason="quick",
                          approval="model/assay/1@11", replaces=1)  # fmt: skip
    line = line_stream(USE)
    site.ledger.append([NewEvent(line, body, site.ledger.version(line), actor="x")])
    with pytest.raises(IntegrityError, match="the line names another"):
        site.models.active(USE)


def test_an_approval_whose_signature_does_not_stand_serves_nothing(site):
    models = Models(site.ledger, site.registry, lambda signature: "its key is not known")
    with pytest.raises(IntegrityError, match=r"model/assay cannot serve: version 1 is drafted"):
        models.active(USE)


def test_what_was_loaded_stays_the_approved_one_though_the_file_is_swapped(site):
    held = site.models.active(USE)
    before = held.predict_one(ROW)
    damaged_content(site, held.ref.digest)
    assert site.models.active(USE).predict_one(ROW) == before
