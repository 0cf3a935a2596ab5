from __future__ import annotations

import copy
import json

import pytest

from goldenbatch.core.errors import NotFoundError
from goldenbatch.stores.ledger import ProofError, Signer
from goldenbatch.stores.ledger.bundle import check_bundle


@pytest.fixture
def bundle(kit, ledger):
    kit.fill(ledger, 9)
    return json.loads(json.dumps(ledger.proof_bundle([7, 2, 2, 9])))


def test_a_bundle_proves_its_events_to_an_outsider(bundle, ledger):
    check = check_bundle(bundle, str(ledger.keys.known()[0]))
    assert check.problems == () and check.checkpoint.size == 9
    assert list(check.events) == [e for e in ledger.events() if e.seq in (2, 7, 9)]
    with pytest.raises(NotFoundError, match="covers event 10"):
        ledger.proof_bundle([10])


@pytest.mark.parametrize(
    ("field", "old", "new", "message"),
    [
        ("envelope", "u-", "v-", "not the one that was recorded"),
        ("body", "thing", "thimg", "is not what was recorded"),
        ("salt", "", "00", "is not what was recorded"),
        ("seq", None, 5, "not in the tree"),
        ("inclusion", None, [], "not in the tree"),
        ("leaf", None, "00" * 32, "not the one that was recorded"),
    ],
)
def test_each_change_is_named(bundle, field, old, new, message):
    changed = copy.deepcopy(bundle)
    entry = changed["events"][1]
    entry[field] = new if old is None else entry[field].replace(old, new, 1)
    problems = check_bundle(changed).problems
    assert message in problems[0]
    assert len(problems) == 1 + (field == "seq")  # it is not in the list of events either


def test_an_event_that_was_taken_out_is_missed(bundle):
    for place in (0, 1, 2):
        changed = copy.deepcopy(bundle)
        del changed["events"][place]
        assert check_bundle(changed).problems == (
            "Events are missing or were added: it was made with 3, 2 are here.",
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda listed: listed["seqs"].pop(),
        lambda listed: listed["heads"].update({"thing/t1": 1}),
        lambda listed: listed.clear(),
        lambda listed: listed.update(more=0.5),
    ],
)
def test_the_list_of_events_cannot_be_changed(bundle, change):
    changed = copy.deepcopy(bundle)
    change(changed["list"])
    (problem,) = check_bundle(changed).problems
    assert "list of its events was altered, removed" in problem


def test_the_list_says_how_far_records_went(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        ledger.append([kit.weighed("a", 0), kit.weighed("b", 0), kit.weighed("a", 1)])
        bundle = ledger.proof_bundle([1, 2])
        ledger.append([kit.weighed("b", 1)])
    check = check_bundle(bundle)
    assert check.problems == () and check.heads == {"thing/a": 2, "thing/b": 1}
    assert (check.n_missing("thing/a"), check.n_missing("thing/b")) == (1, 0)


def test_a_bundle_of_before_there_were_lists_is_read(bundle, ledger):
    size = bundle["list"]["seqs"][-1]
    plain = {**bundle, "checkpoint": ledger.checkpoint().note}
    del plain["list"]
    check = check_bundle(plain, str(ledger.keys.known()[0]))
    assert check.problems == () and check.heads is None and len(check.events) == 3
    assert check.checkpoint.size == size == 9 and check.checkpoint.extensions == ()


def test_another_key_and_another_document_are_refused(bundle, kit, tmp_path):
    other = Signer.create(tmp_path / "other.pem", kit.ORIGIN)
    with pytest.raises(ProofError, match="no known key"):
        check_bundle(bundle, str(other.verifier))
    with pytest.raises(ProofError, match="lacks"):
        check_bundle({"schema": "x"})
    with pytest.raises(ProofError, match="not a"):
        check_bundle({**bundle, "schema": "x"})
