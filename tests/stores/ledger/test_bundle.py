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
    assert len(problems) == 1 and message in problems[0]


def test_another_key_and_another_document_are_refused(bundle, kit, tmp_path):
    other = Signer.create(tmp_path / "other.pem", kit.ORIGIN)
    with pytest.raises(ProofError, match="no known key"):
        check_bundle(bundle, str(other.verifier))
    with pytest.raises(ProofError, match="lacks"):
        check_bundle({"schema": "x"})
    with pytest.raises(ProofError, match="not a"):
        check_bundle({**bundle, "schema": "x"})
