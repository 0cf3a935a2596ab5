"""One person alone changes neither the policy of a home by promotion, nor whose packages count."""

import shutil

import pytest
from gbx_chain import PASSWORD, RELAXED, Chain

from goldenbatch.core.errors import BadInputError, DeniedError
from goldenbatch.core.policy import adopted, first_policy_text, load_policy
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime import promotion
from goldenbatch.runtime._promotion_force import newest
from goldenbatch.runtime._promotion_trust import require_policy

VERSION = load_policy(RELAXED).version
BENT = RELAXED.replace(f'version = "{VERSION}"', 'version = "bent"').replace(
    "review_days = 180", "review_days = 360"
)
STRICT = first_policy_text().replace(f'version = "{VERSION}"', 'version = "strict"')


def received(site):
    return [event for event in site.ledger.events() if event.kind == "PackageReceived"]


@pytest.fixture
def foreign(tmp_path, cheap_hashes, monkeypatch):
    """Homes that one person, `qa`, made with a policy of their own."""
    # Of the module that the class is of: it may stand in `sys.modules` under two names.
    monkeypatch.setitem(Chain.__init__.__globals__, "RELAXED", BENT)
    made = Chain(tmp_path / "foreign")
    made.change()
    return made


def is_untouched(chain, kind):
    with chain.open(kind) as site:
        assert site.people.policy().version == VERSION
        assert site.plant.name == "Test plant"
        assert received(site) == []
        assert newest(site) is None
        assert site.verify().is_ok


def test_one_person_brings_no_policy_into_force(chain, foreign):
    """The same `qa` made the sources, approves there and here, and names the key."""
    path, found = foreign.pack("development")
    with pytest.raises(DeniedError, match="policy bent is not the one in force here"):
        chain.apply("validation", path, found["public_key"])
    is_untouched(chain, "validation")
    foreign.apply("validation", path, found["public_key"])
    foreign.validated()
    path, found = foreign.pack("validation")
    with pytest.raises(DeniedError, match="policy bent is not the one in force here"):
        chain.apply("production", path, found["public_key"])
    is_untouched(chain, "production")


def test_a_record_past_the_command_brings_none_either(chain, foreign):
    """The approved record and the adoption, appended by hand as the older code made them."""
    from goldenbatch.runtime.promotion import _received

    path, found = foreign.pack("development")
    with chain.open("validation") as site:
        package = promotion.load(path, found["public_key"])
        stream = f"promotion/{package.digest}"
        site.ledger.append([NewEvent(stream, _received(package, ""), 0, actor="operator")])
        site.sign(stream, "approved", "qa", PASSWORD)
        body = adopted(BENT, site.clock(), f"package {package.digest}")
        head = site.ledger.version("master/policy")
        site.ledger.append([NewEvent("master/policy", body, head, actor="operator")])
        assert site.people.policy().version == VERSION
        assert not site.verify().is_ok


def test_who_proposed_it_does_not_adopt_it(chain):
    with chain.open("validation") as site:
        site.people.grant("qa", "process_engineer", "test")
        site.people.add("eva", "Eva")
        site.people.grant("eva", "process_engineer", "test")
        event = site.policies.propose(site.people.find("qa"), STRICT, "change 7")
        with pytest.raises(DeniedError, match="is among those who did the work"):
            site.signing.sign_asked(
                site.policies.asked_adoption(event.body["digest"]), "qa", PASSWORD
            )


def test_two_people_do_and_the_package_follows(chain):
    """All the way, into a fresh production home that nobody has signed anything in."""
    chain.policy("development", STRICT)
    path, found = chain.pack("development")
    with pytest.raises(DeniedError, match="policy strict is not the one in force here"):
        chain.apply("validation", path, found["public_key"])
    chain.policy("validation", STRICT)
    _, changes = chain.apply("validation", path, found["public_key"])
    assert "policy.toml" not in {one.path for one in changes}
    chain.validated()
    path, found = chain.pack("validation")
    shutil.rmtree(chain.folder / "production")
    chain.made("production", is_signed=False)
    with pytest.raises(DeniedError, match="policy strict is not the one in force here") as caught:
        chain.apply("production", path, found["public_key"])
    assert "policy propose" in caught.value.hint
    chain.policy("production", STRICT)
    chain.apply("production", path, found["public_key"])
    with chain.open("production") as site:
        assert (site.plant.name, site.people.policy().version) == ("New plant", "strict")
        assert site.policies.standing().label().startswith("signed by Q. A.")
        assert promotion.status(site)["is_as_promoted"]
        assert site.verify().is_ok


def test_an_unsigned_policy_of_production_is_signed_first(chain):
    path, found = chain.pack("development")
    chain.apply("validation", path, found["public_key"])
    chain.validated()
    path, found = chain.pack("validation")
    shutil.rmtree(chain.folder / "production")
    chain.made("production", is_signed=False)
    with pytest.raises(DeniedError, match="policy of this production home is unsigned since"):
        chain.apply("production", path, found["public_key"])
    with chain.open("production") as site:
        assert received(site) == []
        site.signing.sign_asked(site.policies.asked_adoption(), "qa", PASSWORD)
    chain.apply("production", path, found["public_key"])


def test_the_same_table_in_other_words_is_said_to_be(chain):
    with chain.open("validation") as site, pytest.raises(DeniedError) as caught:
        require_policy(site, RELAXED + "\n# more\n")
    assert "same table in other words" in caught.value.hint


def second_source(chain):
    """Another development home under the same policy: its key is another."""
    other = Chain.__new__(Chain)
    other.folder, other.clock = chain.folder.with_name("others"), chain.clock
    other.made("development")
    other.change(version="3")
    return other.pack("development")


def test_another_key_takes_an_approval_of_its_own(chain):
    path, first = chain.pack("development")
    chain.apply("validation", path, first["public_key"])
    path, second = second_source(chain)
    old, new = first["public_key"], second["public_key"]
    with pytest.raises(DeniedError, match="the package in force came under the key") as caught:
        chain.apply("validation", path, new)
    assert old in caught.value.message
    assert new in caught.value.message
    with pytest.raises(BadInputError, match="is not that of the package in force"):
        chain.apply("validation", path, new, replaces_key=new)
    with chain.open("validation") as site:
        assert len(received(site)) == 1
    chain.apply("validation", path, new, replaces_key=old)
    with chain.open("validation") as site:
        said = received(site)[-1]
        assert (said.body["source_key"], said.body["replaces_key"]) == (new, old)
        signature = site.ledger.stream(said.stream)[-1]
        assert signature.body["record_hash"] == said.leaf
        assert site.plant.version == "3"
    again, changes = chain.apply("validation", path, new, login="")
    assert (changes, again.kind) == ((), "ConfigurationPromoted")
    with pytest.raises(DeniedError, match="the package in force came under the key"):
        chain.apply("validation", chain.folder / "development.gbpack", old)


def test_a_first_package_replaces_no_key(chain):
    path, found = chain.pack("development")
    with pytest.raises(BadInputError, match="is not that of the package in force"):
        chain.apply("validation", path, found["public_key"], replaces_key="some key")
