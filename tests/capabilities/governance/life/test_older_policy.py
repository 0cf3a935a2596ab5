"""Homes whose policy knows nothing of models: they open, and say what to do."""

import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import team

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.policy import first_policy, first_policy_text, load_policy
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

NOW = first_policy().version


def older():
    """The policy as it was before models were under control."""
    head, *rules = first_policy_text().split("[[rules]]")
    kept = [one for one in rules if '"model:' not in one and '"plan:' not in one]
    text = "[[rules]]".join([head, *kept]).replace(f'version = "{NOW}"', 'version = "3"', 1)
    start = text.index("judgements = [")
    end = text.index("]", start)
    kinds = 'judgements = ["DecisionMade", "TrailOpened", "TrailReviewed"'
    return text[:start] + kinds + text[end:]


def test_an_older_policy_denies_clearly_and_the_shipped_one_brings_the_rules(
    tmp_path, cheap_hashes
):
    text = older()
    assert not load_policy(text).rules_for("model:draft")
    create_home(tmp_path / "home", HomeSettings("Old", "site", PLANT, policy=text))
    with LocalSite.open(tmp_path / "home", clock=Clock()) as site:
        assert site.people.policy().version == "3"
        team.people(site)
        with pytest.raises(DeniedError, match=r"version 3.*no rule for model:draft") as denied:
            team.act(site, "draft", "dana", **team.CARD)
        assert "goldenbatch policy show --shipped" in denied.value.hint
        assert site.ledger.version(f"model/{team.USE}/1") == 0
        proposed = site.policies.propose(
            site.people.find("dana"), first_policy_text(), "models come under control"
        )
        asked = site.policies.asked_adoption(proposed.stream.removeprefix("policy/"))
        site.signing.sign_asked(asked, "quinn", team.PASSWORD)
        assert site.people.policy().version == NOW
        team.seal(site)
        team.to(site, "activate")
        assert site.verify().is_ok
