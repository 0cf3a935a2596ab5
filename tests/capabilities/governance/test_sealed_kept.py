"""Sealed rows through backup and restore, and out of reach of who has a copy without the keys."""

import pytest
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.core.model_access import load_test_set
from goldenbatch.core.site import Actor
from goldenbatch.runtime.backup import backup, restore
from goldenbatch.runtime.home import Layout, home_info, load_home, make_keys
from goldenbatch.runtime.local import LocalSite

PASSPHRASE = "a sentence that nobody guesses"


@pytest.fixture
def kept(governed, tmp_path):
    """A backup of a home in which a set was opened for a trained version."""
    case.seal(governed)
    at = case.to_sealed(governed)
    case.train(governed, at)
    case.unseal(governed, at)
    backup(governed, tmp_path / "backups", passphrase=PASSPHRASE)
    return tmp_path / "backups", at


def test_a_restored_home_opens_its_sets(kept, tmp_path):
    source, at = kept
    assert restore(source, tmp_path / "again", passphrase=PASSPHRASE).is_ok
    with LocalSite.open(tmp_path / "again", clock=Clock()) as site:
        body = case.act(site, "test", "tess", **at)[0].decode()
        assert body.is_passed
        assert load_test_set(site.ledger, "T1").accesses[0].is_lawful


def test_without_the_keys_the_rows_stay_shut(kept, tmp_path):
    source, _ = kept
    path = tmp_path / "copy"
    restore(source, path)
    with pytest.raises(GoldenbatchError, match="signing key"):
        LocalSite.open(path, clock=Clock())
    # Who has the copy and makes keys of their own can read the ledger, but not the rows.
    (Layout(path).public_key).unlink()
    make_keys(path, home_info(load_home(path)))
    with LocalSite.open(path, clock=Clock(), read_only=True) as site:
        digest = load_test_set(site.ledger, "T1").selected.digest
        with pytest.raises(IntegrityError, match="no rows"):
            Rows.from_bytes(site.registry.get(digest))
        user = site.people.find("tess")
        with pytest.raises(GoldenbatchError):
            site.sealing.open("T1", case.USE, 1, Actor(user.uid, user.roles))
        with pytest.raises(IntegrityError, match="which is not the home's"):
            site.sealing._opened(load_test_set(site.ledger, "T1"))


def test_marks_of_rows_are_keyed_by_the_home(governed, tmp_path):
    from goldenbatch.core.overlap import row_tokens

    tokens = row_tokens([37.123456, 7.0123456], 61.234)
    mine = governed.sealing.marks(tokens)
    assert mine == governed.sealing.marks(tokens)
    assert len(set(mine)) == len(tokens) == 2
    other = LocalSite.open
    path = tmp_path / "other"
    from goldenbatch.runtime.home import HomeSettings, create_home

    create_home(path, HomeSettings("other", "Site A", (governed.path / "plant.toml").read_text()))
    with other(path, clock=Clock()) as site:
        assert not set(mine) & set(site.sealing.marks(tokens))
