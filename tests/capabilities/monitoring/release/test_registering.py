"""Registrations: who enters and who approves; sterility of an aseptic product never."""

import pytest

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.policy import first_policy_text
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.monitoring.release import bench

KEY = {**bench.AT, "product": "P"}


def test_nobody_approves_what_they_entered(plain_home):
    site = plain_home
    bench.register(site, login="qa", approver="")
    with pytest.raises(DeniedError, match="approves nothing of it"):
        bench.act(site, "register-approve", "qa", **KEY, reason="as in the dossier")
    with pytest.raises(DeniedError, match="needs role"):
        bench.act(site, "register-approve", "sme", **KEY, reason="as in the dossier")
    _, signature = bench.act(site, "register-approve", "quinn", **KEY, reason="as in the dossier")
    assert signature.body["meaning"] == "approved"
    row = site.ledger.select("release_registration", {"product": "P"})[0]
    assert (row["proposed"], row["approved"], row["withdrawn"]) == (1, 1, 0)
    with pytest.raises(ConflictError, match="is in force"):
        bench.act(site, "register-approve", "quinn", **KEY, reason="once more")


def test_versions_follow_one_another_and_the_newest_is_approved(site):
    bench.register(site, approver="", dossier="3.2.P.5.6 (2)")
    bench.register(site, approver="", dossier="3.2.P.5.6 (3)")
    with pytest.raises(ConflictError, match="not the newest"):
        bench.act(site, "register-approve", "qa", **KEY, version=2, reason="as in the dossier")
    bench.act(site, "register-approve", "qa", **KEY, reason="as in the dossier")
    bench.batch(site, "R1")
    assert bench.ask(site, "R1")[0].registration.endswith("@6")
    with pytest.raises(NotFoundError, match="no version 9"):
        bench.act(site, "register-withdraw", "qa", **KEY, version=9, reason="mistake")
    with pytest.raises(DeniedError, match="needs role"):
        bench.act(site, "register-withdraw", "dev", **KEY, reason="mistake")


@pytest.mark.parametrize(
    "changes",
    [
        {"attribute": "purity of air"},  # its title in the master data is Sterility
        {"attribute": "sterility"},
        {"contingency": {**bench.METHOD, "method": "Ph. Eur. 2.6.1"}},
        {"contingency": {**bench.METHOD, "test": "Sterility test"}},
    ],
)
def test_sterility_of_an_aseptic_product_is_never_registered(plain_home, changes):
    with pytest.raises(DeniedError, match="sterility of an aseptic product is never predicted"):
        bench.register(plain_home, **changes)
    assert not plain_home.ledger.select("release_registration")


def test_to_declare_another_manufacture_than_master_data_opens_no_door(plain_home):
    changes = {"attribute": "purity of air", "manufacture": "terminally_sterilised"}
    with pytest.raises(DeniedError, match="master data say aseptic"):
        bench.register(plain_home, **changes)


def test_master_data_that_call_it_sterility_later_end_it(site):
    text = bench.PLANT.replace('name = "assay"', 'name = "assay"\ntitle = "Sterility by assay"')
    site.adopt_plant(text.replace('version = "1"', 'version = "2"'))
    bench.batch(site, "R1")
    with pytest.raises(DeniedError, match="never predicted"):
        bench.ask(site, "R1")


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"attribute": "purity"}, NotFoundError, "no attribute"),
        ({"product": "Q"}, NotFoundError, "no product|no material"),
        ({"limit": {**bench.REGISTRATION["limit"], "unit": "mm"}}, BadInputError, "limit is in mm"),
        ({"trend": {"centre": "1", "sigma": "1", "rules": ["nelson-99"]}}, BadInputError, "nelson"),
        ({"inputs": [{"name": "x", "kind": "readings", "of": "site/none"}]}, NotFoundError, "tag"),
        ({"manufacture": ""}, BadInputError, "manufacture"),
        ({"variation": ""}, BadInputError, "variation"),
        ({"contingency": {"test": "assay", "method": "HPLC-7"}}, BadInputError, "method_version"),
        ({"market": "E" * 41}, BadInputError, "market"),
        ({"sterility": "yes"}, BadInputError, "sterility"),
    ],
)
def test_an_impossible_registration_is_refused_and_named(plain_home, changes, error, why):
    with pytest.raises(error, match=why):
        bench.register(plain_home, **changes)
    assert not plain_home.ledger.select("release_registration")


def test_what_is_no_registration_is_refused(plain_home):
    with pytest.raises(BadInputError, match="registration is no table"):
        bench.act(plain_home, "register", "dev", registration="EU", reason="variation approved")


def test_an_older_policy_denies_clearly(tmp_path, monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    head, *rules = first_policy_text().split("[[rules]]")
    kept = [one for one in rules if '"release:' not in one]
    settings = HomeSettings("Old", "Site A", bench.PLANT, policy="[[rules]]".join([head, *kept]))
    create_home(tmp_path / "home", settings)
    with LocalSite.open(tmp_path / "home", clock=Clock()) as site:
        case.people(site)
        with pytest.raises(DeniedError, match="no rule for release:register") as denied:
            bench.register(site)
        assert "policy show --shipped" in denied.value.hint
