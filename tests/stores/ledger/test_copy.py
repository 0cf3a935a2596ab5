"""A copy of a ledger on either database is one file with the same root."""

import pytest

from goldenbatch.stores.ledger import Ledger
from goldenbatch.stores.ledger.errors import StorageError


def test_a_copy_has_the_same_root_and_verifies(ledger, kit, tmp_path):
    kit.fill(ledger, 40)
    ledger.copy_to(tmp_path / "copy.sqlite")
    before = ledger.root()
    with Ledger.open(
        tmp_path / "copy.sqlite",
        ledger.home,
        lambda: 0,
        [kit.things(), kit.TRAIL],
        keys=ledger.keys,
    ) as copy:
        assert copy.root() == before
        assert copy.head() == ledger.head()
        assert [p for p in copy.verify() if not p.is_note] == []
    with pytest.raises(StorageError, match="exists already"):
        ledger.copy_to(tmp_path / "copy.sqlite")
