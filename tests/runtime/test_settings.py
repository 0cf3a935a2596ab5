"""Signing settings are those of the ledger: a changed file is recorded, in production refused."""

import re

import pytest
from gbx_bench import FOUND, PLANT, START, Clock
from gbx_ceremony import PASSWORD, by_password
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.log import Log

from goldenbatch.core.config import HomeCreated, SigningSettings, signing_text
from goldenbatch.core.errors import ConflictError, DeniedError
from goldenbatch.core.people import statement_for
from goldenbatch.core.records import HomeKind
from goldenbatch.core.settings_standing import (
    settings_adopted,
    settings_changes,
    settings_digest,
    settings_standing,
)
from goldenbatch.core.signatures import proposal_digest
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite


def set_idle(path, seconds):
    """Edit home.toml, as anybody who holds the machine can."""
    file = path / "home.toml"
    text, n = re.subn(r"^idle_s = \d+", f"idle_s = {seconds}", file.read_text(), flags=re.M)
    assert n == 1
    file.write_text(text)


def changes(site):
    kinds = {"SigningSettingsAdopted"}
    return list(site.ledger.events(kinds=kinds))


def test_a_new_home_has_them_on_record_and_opens_without_another(bench, site):
    assert changes(site) == []
    told = site.signing_rules.as_json()
    assert told["standing"] == "recorded in event 1, unsigned"
    assert (told["pending"], told["in_force"]) == ([], told["in_file"])


def test_a_change_is_recorded_with_who_opened_the_home(bench):
    with bench.open() as site:
        uid = site.people.add("ann", "Ann", PASSWORD)
    set_idle(bench.path, 60)
    with bench.open(actor="ann") as site:
        (event,) = changes(site)
        assert event.envelope.actor == uid
        assert event.body["changes"] == ["idle_s: 300 -> 60"]
        assert site.settings.signing.idle_s == 60
        assert site.signing.series.idle_s == 60
        assert site.verify().is_ok
    with bench.open() as site:
        assert len(changes(site)) == 1
    set_idle(bench.path, 300)
    with bench.open() as site:
        assert changes(site)[-1].envelope.actor == "operator"
        assert changes(site)[-1].body["changes"] == ["idle_s: 60 -> 300"]


def test_reading_only_records_nothing(bench):
    set_idle(bench.path, 60)
    with bench.open(read_only=True) as site:
        assert site.settings.signing.idle_s == 60
        assert changes(site) == []


@pytest.fixture
def production(tmp_path, cheap_hashes):
    path, clock = tmp_path / "gmp", Clock(START)
    create_home(path, HomeSettings("G", "s", PLANT, kind=HomeKind.PRODUCTION), clock=clock)

    def opened(**more):
        return LocalSite.open(path, clock=clock, discovery=FOUND, **more)

    with opened() as site:
        for login, role in (("root", "administrator"), ("ann", "quality_reviewer")):
            site.people.add(login, login.title())
            site.people.grant(login, role, "test")
            token = site.credentials.offer(login, "password", "new")
            begun = site.credentials.begin(login, token)
            site.credentials.finish(login, token, begun["enrolment"], {"password": PASSWORD})
        find = site.people.find
        site.rights.verify_identity(find("root"), "ann", "passport")
        site.rights.accept_accountability(find("ann"))
    return path, opened


def test_production_goes_on_with_what_was_adopted_until_somebody_signs(production):
    path, opened = production
    set_idle(path, 3600)
    with opened() as site:
        assert site.settings.signing.idle_s == 300
        assert changes(site) == []
        assert site.signing_rules.as_json()["pending"] == ["idle_s: 300 -> 3600"]
        policy = site.people.policy()
        asked = site.signing_rules.asked_adoption(policy)
        with pytest.raises(DeniedError, match="nothing else can be signed before it"):
            site.signing.sign_asked(asked, "ann", PASSWORD)
        site.signing.sign_asked(site.policies.asked_adoption(), "ann", PASSWORD)
        with pytest.raises(DeniedError, match="is denied"):
            site.signing.sign_asked(asked, "root", PASSWORD)
        prepared = site.signing.prepare(asked, "ann")
        set_idle(path, 1800)
        with pytest.raises(ConflictError, match="has changed since"):
            site.signing.complete(prepared.id, by_password("ann"))
        asked = site.signing_rules.asked_adoption(policy)
        event, _ = site.signing.sign_asked(asked, "ann", PASSWORD)
        assert event.body["changes"] == ["idle_s: 300 -> 1800"]
        assert site.verify().is_ok
    with opened() as site:
        assert site.settings.signing.idle_s == 1800
        assert "signed by Ann" in site.signing_rules.standing().label()
        with pytest.raises(ConflictError, match="in force, and signed"):
            site.signing_rules.asked_adoption(site.people.policy())
    set_idle(path, 30)
    with opened() as site:
        assert site.settings.signing.idle_s == 1800
        assert "NOT IN FORCE" in status(site)


def status(site):
    from goldenbatch.apps.local_desk import LocalDesk

    return LocalDesk(site).status()["signing"]


def test_an_older_home_is_recorded_at_its_first_opening():
    log = Log()
    made = HomeCreated(uid="h1", name="H", home_kind="production", site="s", zone="UTC")
    log.add("home/h1", made, actor="node")
    assert not settings_standing(log.events, needs_signature=True).seq
    other = SigningSettings(idle_s=60)
    log.add("home/h1", settings_adopted(SigningSettings(), other, "found"), actor="operator")
    found = settings_standing(log.events, needs_signature=True)
    assert (found.settings.idle_s, found.signature) == (60, None)


steps = st.lists(
    st.tuples(st.sampled_from([30, 60, 900]), st.sampled_from(["", "signed", "other", "forged"])),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(steps)
def test_no_sequence_changes_the_settings_of_production_unsigned(sequence):
    log = Log()
    made = HomeCreated(
        uid="h1", name="H", home_kind="production", site="s", zone="UTC",
        signing=signing_text(SigningSettings()),
    )  # fmt: skip
    record = log.add("home/h1", made, actor="node")
    wanted = 300
    for idle_s, how in sequence:
        body = settings_adopted(SigningSettings(), SigningSettings(idle_s=idle_s), "r")
        before = log.events[-1]
        log.add("home/h1", body, actor="ann")
        if how:
            covered = body if how != "other" else made
            statement = statement_for(
                before, "0" * 64, meaning="approved", signer="ann", printed_name="Ann",
                role="quality_reviewer", at=1,
                proposal=proposal_digest(covered.kind, covered.as_json()),
            )  # fmt: skip
            log.add("home/h1", statement.signed("x" if how == "forged" else "ok"), actor="ann")
        if how == "signed":
            wanted = idle_s
        found = settings_standing(
            log.events, needs_signature=True,
            fault=lambda one, _seq: "" if one.method == "ok" else "forged",
        )  # fmt: skip
        assert found.settings.idle_s == wanted
    assert record.seq == 1


def test_the_digest_leaves_out_what_is_the_default():
    plain = SigningSettings()
    assert signing_text(plain) == "{}"
    assert settings_digest(plain) == settings_digest(SigningSettings(idle_s=300))
    other = SigningSettings(idle_s=60, tries_per_minute=5)
    assert settings_changes(plain, other) == ("idle_s: 300 -> 60", "tries_per_minute: 30 -> 5")
