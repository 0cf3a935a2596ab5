"""A soft sensor under control: only what is active serves, live and on replay as seen."""

import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.artefacts import SCORING_PLAN
from goldenbatch.core.batches import BatchCorrected
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.prediction_log import log_records, logged_numbers
from goldenbatch.runtime.prediction_replay import replay_log
from tests.capabilities.conftest import PLANT, Bench, Clock
from tests.capabilities.governance import team
from tests.capabilities.monitoring import test_soft_sensor as plain
from tests.capabilities.monitoring.test_soft_sensor import PLACE, TAG, live
from tests.core import lives

sensor = plain.sensor
USE = team.USE
CONTEXT = {"products": ["P"], "places": ["site/fermentation"], "site": "site"}


@pytest.fixture
def controlled(sensor, monkeypatch):
    """The sensor with people and a sealed set; its fit is not under control yet."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    team.people(sensor.site)
    team.seal(sensor.site)
    return sensor


def approved(site, version=1, context=CONTEXT, **draft):
    """A version of the newest fit, from the draft to the approval."""
    intended = {**team.INTENDED, "context": context}
    (fitted,) = fit(site, "glucose")
    digest = fitted.digest
    team.act(site, "draft", "dana", **({} if draft else team.CARD), analyst="glucose", **draft)
    at = {"version": version}
    if not draft:
        team.act(site, "intend", "sam", **at, intended=intended)
        team.act(site, "criteria", "sam", **at, criteria=team.CRITERIA, n_least=5, reason="risk")
    team.act(site, "bind", "sam", **at, test_set="T1")
    body = lives.trained(version, digest).model_copy(update={"media_type": SCORING_PLAN})
    team.sign(site, body, "dana", actions=("model:train",))
    team.test(site, version=version, digest=digest)
    evidence = [team.verification(site)]
    team.act(site, "validate", "vera", **at, evidence=evidence, statement="fit for its use")
    more = {"change": "CC-1"} if draft else {}
    team.act(site, "approve", "quinn", **at, reason="fit", **more)
    return digest


def values(site):
    tag = f"{PLACE}/glucose_value"
    if tag not in site.historian.tags():
        return []
    return site.historian.since([tag], 0).table.column("value").to_pylist()


def test_a_drafted_model_serves_only_once_it_is_active(controlled):
    site = controlled.site
    approved(site)
    found = live(site, [0.0, 0.0])
    assert values(site) == []
    assert [one.step for one in found] == ["opened"]
    assert "was ever activated" in found[0].finding.statement
    team.act(site, "activate", "sam", reason="ready")
    found = live(site, [0.0, 0.0, 0.0], first=2)
    assert [one.step for one in found] == ["closed"]
    assert len(values(site)) == 3
    records = list(log_records(site.historian, USE))
    assert [one.n for one in records] == [1, 1, 1]
    assert (records[0].version, records[0].tag) == (1, TAG)
    logged = [float(logged_numbers(site.historian, [one])[0]["value"][0]) for one in records]
    assert logged == values(site)
    assert site.replay("as-seen").is_equal
    again = replay_log(site, USE)  # from the spectra themselves, as they were known then
    assert (again.n_bits, again.problems) == (3, ())


def test_a_suspension_ends_it_and_names_the_contingency(controlled):
    site = controlled.site
    approved(site)
    team.act(site, "activate", "sam", reason="ready")
    live(site, [0.0])
    team.act(site, "suspend", "sam", reason="the probe was moved")
    (told,) = live(site, [0.0, 0.0], first=1)
    assert "the probe was moved" in told.finding.statement
    assert "HPLC of a sample within one hour" in told.finding.statement
    assert len(values(site)) == 1
    assert site.replay("as-seen").is_equal


def test_replay_as_seen_uses_the_version_that_was_active_then(controlled):
    site = controlled.site
    first = approved(site)
    team.act(site, "activate", "sam", reason="ready")
    live(site, [0.0])
    rng = random.Random(6)
    for i in range(16, 19):
        at = plain.START - 100 * plain.MINUTE + i * plain.MINUTE
        plain.write(site, plain.CALIBRATION, [(at, plain.spectrum(2.0 * i, rng))], f"c{i}")
        plain.sample(site, f"calibration/{i:02d}", at, 2.0 * i)
    second = approved(site, 2, follows=1)
    assert second != first
    live(site, [0.0], first=1)
    team.act(site, "activate", "sam", version=2, reason="newer")
    live(site, [0.0], first=2)
    records = list(log_records(site.historian, USE))
    assert [(one.version, one.model) for one in records] == [(1, first), (1, first), (2, second)]
    report = site.replay("as-seen")
    assert report.is_equal, report.differences
    assert report.n_derived == 3 * 5 + 3


def test_a_log_that_says_another_thing_is_found_by_replay(controlled, monkeypatch):
    site = controlled.site
    approved(site)
    team.act(site, "activate", "sam", reason="ready")
    live(site, [0.0, 0.0])
    from goldenbatch.runtime import prediction_log

    real = prediction_log.logged_numbers

    def altered(historian, records):
        found = real(historian, records)
        return [{**one, "value": one["value"] * (1 + 1e-15)} for one in found]

    monkeypatch.setattr(prediction_log, "logged_numbers", altered)
    report = site.replay("as-seen")
    assert [one.what for one in report.differences] == ["derived", "derived"]
    assert "say another thing than the log" in report.differences[0].words


@pytest.mark.parametrize("step", ["derived written", "transitions appended"])
def test_killed_between_the_historian_and_the_state_nothing_is_doubled(controlled, step):
    """The tick runs again after the crash, and each of its frames is there once."""
    site = controlled.site
    approved(site)
    team.act(site, "activate", "sam", reason="ready")
    runner = site.runner

    def dying(name):
        if name == step:
            raise KeyboardInterrupt

    runner._on_step = dying
    with pytest.raises(KeyboardInterrupt):
        live(site, [0.0])
    path = site.path
    site.close()
    with LocalSite.open(path, clock=Clock()) as again:
        again.wake()
        again.wake()
        assert [one.n for one in log_records(again.historian, USE)] == [1]
        assert len(values(again)) == 1
        assert again.ledger.version("tick/analysts") == len(
            {event.seq for event in again.ledger.stream("tick/analysts")}
        )
        assert again.replay("as-seen").is_equal


@pytest.mark.parametrize("kind", [HomeKind.VALIDATION, HomeKind.DEVELOPMENT])
def test_a_fit_that_nobody_approved_serves_only_where_its_word_does_not_count(tmp_path, kind):
    path = tmp_path / "home"
    settings = HomeSettings(name="t", site="Site A", plant=PLANT, kind=kind, zone="UTC")
    create_home(path, settings)
    with LocalSite.open(path, clock=Clock()) as site:
        plain.sensor.__wrapped__(Bench(site))
        fit(site, "glucose")
        found = live(site, [0.0, 0.0])
        if kind is HomeKind.DEVELOPMENT:
            assert found == []
            assert len(values(site)) == 2
            return
        assert [one.step for one in found] == ["opened"]
        assert "was fitted and never approved" in found[0].finding.statement
        assert values(site) == []
        assert site.replay("as-seen").is_equal


def test_a_batch_of_another_product_is_predicted_by_nobody(controlled):
    site = controlled.site
    approved(site)
    team.act(site, "activate", "sam", reason="ready")
    live(site, [0.0])
    wrong = BatchCorrected(
        batch="F", field="product", old="P", new="Q", reason="the order was of the other product"
    )
    site.ledger.append([NewEvent("batch/F", wrong, site.ledger.version("batch/F"), "t")])
    (told,) = live(site, [0.0, 0.0], first=1)
    assert "batch F is of Q, and its intended use is for P" in told.finding.statement
    assert "HPLC of a sample within one hour" in told.finding.statement
    assert len(values(site)) == 1
    right = wrong.model_copy(update={"old": "Q", "new": "P"})
    site.ledger.append([NewEvent("batch/F", right, site.ledger.version("batch/F"), "t")])
    assert [one.step for one in live(site, [0.0], first=3)] == ["closed"]
    assert len(values(site)) == 2
    assert site.replay("as-seen").is_equal


def test_a_place_that_the_intended_use_does_not_name_has_no_model(controlled):
    site = controlled.site
    approved(site, context={**CONTEXT, "places": ["site/ferment"]})
    team.act(site, "activate", "sam", reason="ready")
    (told,) = live(site, [0.0])
    assert "site/fermentation is no place of its intended use" in told.finding.statement
    assert values(site) == []
