"""Every check of the qualification passes, and fails in plain words once its control is broken."""

import re

import pytest
from gbx_mutations import CASES, broken, home_on
from tests.stores.ledger import postgres_kit

from goldenbatch.core.config import SigningSettings
from goldenbatch.core.policy import first_policy_text
from goldenbatch.runtime import _oq_checks
from goldenbatch.runtime._oq_bench import Bench
from goldenbatch.runtime._oq_provider import LoopbackProvider
from goldenbatch.runtime.local import LocalSite


@pytest.fixture(scope="module")
def oq_bench(tmp_path_factory):
    """One bench for all checks; each takes a copy of its scratch home."""
    import argon2

    with pytest.MonkeyPatch.context() as patch:
        real = argon2.PasswordHasher
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        made = Bench.make(tmp_path_factory.mktemp("oq"), first_policy_text())
        with LocalSite.open(made.home(), clock=made.clock) as site:
            made.home_site = site
            yield made


def test_the_database_of_a_home_is_asked(oq_bench, monkeypatch, postgres):
    _, url, schema = postgres_kit.new_schema(postgres)
    monkeypatch.setattr(oq_bench, "home_site", home_on(url))
    result = _oq_checks._run(oq_bench, "database-only-adds")
    postgres_kit.drop_schema(postgres, schema)
    assert result.outcome == "passed", result.evidence
    assert f"role {postgres_kit.ROLE}: 8 forbidden statements refused" in result.evidence


def test_the_provider_of_a_home_is_asked(oq_bench, monkeypatch):
    with LoopbackProvider() as provider:
        signing = SigningSettings.model_validate({"providers": [provider.settings()]})
        settings = oq_bench.home_site.settings.model_copy(update={"signing": signing})
        monkeypatch.setattr(oq_bench.home_site, "settings", settings)
        result = _oq_checks._run(oq_bench, "openid-provider-answers")
    assert (result.outcome, "1 keys" in result.evidence) == ("passed", True), result.evidence
    result = _oq_checks._run(oq_bench, "openid-provider-answers")
    assert result.outcome == "failed"
    assert "does not answer" in result.evidence


@pytest.mark.parametrize(
    ("control", "words"),
    [
        ("require_policy", "whose policy two people of this home did not bring into force"),
        ("require_key", "under another key than the one before"),
    ],
)
def test_what_one_approval_cannot_change_is_looked_at(oq_bench, monkeypatch, control, words):
    monkeypatch.setattr(f"goldenbatch.runtime.promotion.{control}", lambda *_: None)
    result = _oq_checks._run(oq_bench, "promotion-needs-order-and-approval")
    assert (result.outcome, f"{words} was not refused" in result.evidence) == ("failed", True)


def test_no_check_lacks_its_mutation():
    assert CASES.keys() == _oq_checks.CHECKS.keys()


@pytest.mark.parametrize("name", list(_oq_checks.CHECKS))
def test_a_check_fails_when_its_control_is_broken(oq_bench, name, monkeypatch, request):
    with broken(name, monkeypatch, oq_bench, lambda: request.getfixturevalue("postgres")):
        result = _oq_checks._run(oq_bench, name)
    assert result.outcome == "failed", f"it still says: {result.evidence}"
    assert re.search(CASES[name].words, result.evidence), result.evidence
    assert "could not be carried out" not in result.evidence
