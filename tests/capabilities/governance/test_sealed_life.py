"""From selecting test data to a recorded test, in a real home with real people."""

import json

import numpy as np
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, IntegrityError
from goldenbatch.core.model_access import load_test_set, load_version
from goldenbatch.core.model_life import Stage
from goldenbatch.core.model_records import line_stream, version_stream
from goldenbatch.core.site import Actor
from goldenbatch.core.test_set_records import sealed_set_stream

SET = sealed_set_stream("T1")


def actor(site, login):
    user = site.people.find(login)
    return Actor(user.uid, user.roles)


@pytest.fixture
def trained(governed):
    """Version 1 is trained on what lies outside of the sealed set T1."""
    case.seal(governed)
    at = case.to_sealed(governed)
    case.train(governed, at)
    return governed, at


def test_the_whole_way_and_what_stands_in_the_ledger(trained):
    site, at = trained
    fitted = load_version(site.ledger, case.USE, 1).trained
    assert fitted.measures["n_rows"] == 36
    assert fitted.measures["n_left_out_for_the_test"] == 36
    assert fitted.measures["rmse_left_out"] < 0.8
    assert site.ledger.version(line_stream(case.USE)) == 0  # nothing serves, nothing was fitted
    assert not list(site.ledger.events(kinds=("ModelFitted",)))
    case.unseal(site, at)
    tested, signature = case.act(site, "test", "tess", **at)
    body = tested.decode()
    assert body.is_passed
    assert [round(one.estimate, 1) for one in body.outcomes] == [0.7, 0.8, 0.3, 0.2, 0.9]
    assert all(one.baseline > 3 * one.estimate for one in body.outcomes[:2])
    assert all(one.practice > 2 * one.estimate for one in body.outcomes[:2])
    assert signature.decode().meaning.value == "performed"
    state = load_version(site.ledger, case.USE, 1)
    assert (state.stage, state.faults) == (Stage.TESTED, ())
    kinds = [e.kind for e in site.ledger.stream(SET) if e.kind != "SignatureApplied"]
    assert kinds == [
        "TestSetSelected", "TestSetSealed", "UnsealingAsked", "UnsealingApproved", "TestSetRead",
    ]  # fmt: skip
    read = site.ledger.stream(SET)[-1]
    assert read.envelope.actor == case.uid(site, "tess")
    assert read.seq < tested.seq
    assert site.verify().is_ok


def test_the_report_has_what_stands_beside_the_model_and_no_row(trained):
    site, at = trained
    case.unseal(site, at)
    body = case.act(site, "test", "tess", **at)[0].decode()
    report = json.loads(site.registry.get(body.report))
    shown = report["shown"]["all"]
    assert shown["baseline"]["rmse"] > 3 * shown["rmse"]["estimate"]
    assert shown["practice"]["rmse_of_the_model_to_it"]["upper"] < 1
    assert report["beside"] == {
        "baseline": "the last result of the laboratory", "practice": "at_line",
    }  # fmt: skip
    assert report["shown"]["line 1"]["n_independent"] == 6
    assert report["test_set"]["opening"] == body.opening
    text = site.registry.get(body.report).decode()
    values = [row["value"] for row in site.ledger.select("result", {"attribute": "assay"})]
    assert not any(value in text for value in values)


def test_a_failed_test_is_recorded_and_ends_the_version(governed):
    site = governed
    case.seal(site)
    strict = [{"measure": "rmse", "relation": "at_most", "limit": 0.1}]
    at = case.to_sealed(site, criteria=strict)
    case.train(site, at)
    case.unseal(site, at)
    body = case.act(site, "test", "tess", **at)[0].decode()
    assert not body.is_passed
    assert load_version(site.ledger, case.USE, 1).stage is Stage.FAILED
    with pytest.raises(ConflictError, match="test failed"):
        case.act(site, "test", "tess", **at)
    with pytest.raises(ConflictError, match="test failed"):
        case.train(site, at)


def test_what_cannot_be_measured_meets_nothing_and_is_recorded(governed):
    site = governed
    data = {**case.DATA, "practice": "never_measured"}
    case.select(site, data=data)
    case.act(site, "seal", "sel", test_set="T1")
    ratio = [{"measure": "rmse_ratio_to_practice", "relation": "at_most", "limit": 1.0}]
    at = case.to_sealed(site, criteria=ratio)
    case.train(site, at)
    case.unseal(site, at)
    event = case.act(site, "test", "tess", **at)[0]
    (outcome,) = event.decode().outcomes
    assert np.isnan(outcome.estimate)
    assert not outcome.is_met
    assert event.body["outcomes"][0]["estimate"] is None


# ---- rows under lock ----------------------------------------------------------------------------


def test_nothing_but_the_port_gives_the_rows(trained):
    site = trained[0]
    selected = load_test_set(site.ledger, "T1").selected
    sealed = site.registry.get(selected.digest)
    assert sealed.startswith(b"GBSEAL\x00\x01")
    for name in (b"B12/0", b"line 1", b"ARROW1", np.float64(case.START).tobytes()):
        assert name not in sealed
    with pytest.raises(IntegrityError, match="no rows"):
        Rows.from_bytes(sealed)
    with pytest.raises(DeniedError, match="was not opened"):
        site.sealing.open("T1", case.USE, 1, actor(site, "tess"))
    assert site.ledger.stream(SET)[-1].kind == "SignatureApplied"  # nobody got anything


def test_each_access_is_an_event_and_is_written_first(trained):
    site, at = trained
    case.unseal(site, at)
    before = site.ledger.version(SET)
    for n in (1, 2):
        opened = site.sealing.open("T1", case.USE, 1, actor(site, "tess"))
        assert site.ledger.version(SET) == before + n
        assert opened.read == f"{SET}@{before + n}"
    rows = Rows.from_bytes(opened.content)
    assert len(rows) == 36
    assert rows.to_bytes() == opened.content
    for login in ("quinn", "sme"):
        with pytest.raises(DeniedError):
            site.sealing.open("T1", case.USE, 1, actor(site, login))


def test_a_blob_of_another_set_or_a_changed_one_is_refused(trained, monkeypatch):
    site, at = trained
    case.unseal(site, at)
    digest = load_test_set(site.ledger, "T1").selected.digest
    blob = site.registry.get(digest)
    other = site.registry.get(site.sealing.seal("T2", b"rows").digest)
    for content in (blob[:-1] + bytes([blob[-1] ^ 1]), blob[:40], b"x" + blob, other):
        monkeypatch.setattr(site.registry, "get", lambda _, found=content: found)
        with pytest.raises(IntegrityError):
            site.sealing.open("T1", case.USE, 1, actor(site, "tess"))
    assert not load_test_set(site.ledger, "T1").accesses


# ---- people -------------------------------------------------------------------------------------


def test_who_trained_neither_asks_nor_approves_nor_tests(trained):
    site, at = trained
    for login in ("sme", "qa"):  # they judged the version before: no work on it is theirs
        with pytest.raises(DeniedError):
            case.act(site, "test", login, **at)
    with pytest.raises(DeniedError, match="has no part in its test"):
        case.act(site, "unseal-ask", "dev", **at, reason="mine")
    case.act(site, "unseal-ask", "tess", **at, reason="first")
    with pytest.raises(DeniedError, match="has no part in its test"):
        case.act(site, "unseal", "dev", test_set="T1")
    with pytest.raises(DeniedError):
        case.act(site, "unseal", "tess", test_set="T1")  # who asked does not approve
    with pytest.raises(DeniedError):
        case.act(site, "unseal", "sel", test_set="T1")  # nor who selected: they did the work
    case.act(site, "unseal", "quinn", test_set="T1")
    with pytest.raises(DeniedError, match="has no part in its test"):
        case.act(site, "test", "dev", **at)
    assert load_version(site.ledger, case.USE, 1).stage is Stage.TRAINED


def test_who_has_seen_the_test_data_does_not_train(governed):
    site = governed
    case.seal(site)
    at = case.to_sealed(site)
    with pytest.raises(DeniedError, match="has seen test-set/T1"):
        case.train(site, at, "sel")
    case.train(site, at)
    case.unseal(site, at, asker="sel", approver="quinn")
    with pytest.raises(DeniedError, match="has seen test-set"):
        case.train(site, at, "sel")


def test_four_eyes_let_who_selected_train(governed):
    site = governed
    case.seal(site, four_eyes="one developer on this site; Dev trains beside them")
    at = case.to_sealed(site)
    case.train(site, at, "sel")
    assert case.uid(site, "sel") in load_version(site.ledger, case.USE, 1).trainers


def test_an_artefact_trained_again_needs_a_new_opening(trained):
    site, at = trained
    case.unseal(site, at)
    case.train(site, at, settings={"ridge": 0.01})
    with pytest.raises(DeniedError, match="as it was trained last"):
        case.act(site, "test", "tess", **at)
    case.act(site, "unseal-ask", "tess", **at, reason="trained again")
    case.train(site, at, settings={"ridge": 0.02})
    with pytest.raises(ConflictError, match="trained again since"):
        case.act(site, "unseal", "quinn", test_set="T1")
    assert load_test_set(site.ledger, "T1").n_openings == 1


def test_lists_are_decided_like_single_records(trained):
    site, at = trained
    case.unseal(site, at)
    streams = (version_stream(case.USE, 1), SET)
    for login in case.PEOPLE:
        user = site.people.find(login)
        asked = site.people.authority.ask(user)
        for action in ("model:test", "model:unseal_ask", "model:train"):
            found = site.people.authority.rows_for(user, action, "record_state")
            listed = {row["stream"] for row in found}
            for stream in streams:
                one = asked.may(action, stream, site.ledger.stream(stream)).is_allowed
                assert one == (stream in listed), (login, action, stream)


# ---- order --------------------------------------------------------------------------------------


def test_steps_out_of_order_are_refused(governed):
    site = governed
    at = case.to_criteria(site)
    case.select(site)
    with pytest.raises(ConflictError, match="is not sealed"):
        case.act(site, "bind", "qa", **at, test_set="T1")
    with pytest.raises(ConflictError, match="no test set is bound"):
        case.train(site, at)
    with pytest.raises(ConflictError, match="was selected by"):
        case.act(site, "seal", "dev", test_set="T1")
    case.act(site, "seal", "sel", test_set="T1")
    with pytest.raises(ConflictError, match="sealed already"):
        case.act(site, "seal", "sel", test_set="T1")
    case.act(site, "bind", "qa", **at, test_set="T1")
    with pytest.raises(ConflictError, match="trained and not tested yet"):
        case.act(site, "unseal-ask", "tess", **at, reason="too early")
    with pytest.raises(ConflictError, match="nobody asks"):
        case.act(site, "unseal", "quinn", test_set="T1")
    with pytest.raises(ConflictError, match="test data sealed"):
        case.act(site, "test", "tess", **at)


def test_criteria_cannot_be_changed_once_the_set_was_open(trained):
    site, at = trained
    lax = [{"measure": "rmse", "relation": "at_most", "limit": 99}]
    case.unseal(site, at)
    with pytest.raises(ConflictError, match="CriteriaFixed cannot follow"):
        case.act(site, "criteria", "qa", **at, criteria=lax, n_least=6, reason="easier")
    # A new version of the same use, with criteria fixed by who could know the result.
    again = case.to_criteria(site, 2, lax)
    with pytest.raises(ConflictError, match="criteria were fixed after"):
        case.act(site, "bind", "qa", **again, test_set="T1")


def test_a_set_is_large_enough_and_has_every_subgroup(governed):
    site = governed
    at = case.to_criteria(site)
    late = {"split": "time", "at": case.START + 20 * case.DAY}
    case.select(site, "small", cut=late)
    case.act(site, "seal", "sel", test_set="small")
    with pytest.raises(BadInputError, match="4 independent groups; the criteria ask for 6"):
        case.act(site, "bind", "qa", **at, test_set="small")
    case.select(site, "plain", data={**case.DATA, "strata": []})
    case.act(site, "seal", "sel", test_set="plain")
    with pytest.raises(BadInputError, match="has no row of line 1; 5 at least"):
        case.act(site, "bind", "qa", **at, test_set="plain")
    uneven = [f"batch/B{n:02d}" for n in (0, 2, 4, 6, 8, 10, 1)]
    case.select(site, "uneven", cut={"split": "lot", "lots": uneven})
    case.act(site, "seal", "sel", test_set="uneven")
    with pytest.raises(BadInputError, match="has 3 rows of line 1; 5 at least let no single row"):
        case.act(site, "bind", "qa", **at, test_set="uneven")
    case.select(site, "other", use="titre")
    case.act(site, "seal", "sel", test_set="other")
    with pytest.raises(ConflictError, match="was selected for 'titre'"):
        case.act(site, "bind", "qa", **at, test_set="other")


def test_what_can_be_refused_is_refused_before_anything_is_opened(governed):
    site = governed
    luck = [{"measure": "luck", "relation": "at_least", "limit": 1}]
    with pytest.raises(BadInputError, match="no test measures 'luck'"):
        case.to_criteria(site, criteria=luck)
    case.select(site, data={**case.DATA, "inputs": [case.TEMP]})
    case.act(site, "seal", "sel", test_set="T1")
    at = {"use": case.USE, "version": 1}
    case.act(site, "criteria", "qa", **at, criteria=case.CRITERIA, n_least=6, reason="as good")
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at)
    case.unseal(site, at)
    before = site.ledger.version(SET)
    with pytest.raises(BadInputError, match="lacks the input 'site/fermentation/ph'"):
        case.act(site, "test", "tess", **at)
    assert site.ledger.version(SET) == before


# ---- what goes wrong ------------------------------------------------------------------------


def test_a_test_that_was_not_recorded_leaves_an_access_and_can_be_done_again(trained):
    site, at = trained
    case.unseal(site, at)
    user = site.people.find("tess")
    site.acts.intent("governance.test", at, user)  # and there the machine stopped
    assert load_version(site.ledger, case.USE, 1).stage is Stage.TRAINED
    assert case.act(site, "test", "tess", **at)[0].decode().is_passed
    accesses = load_test_set(site.ledger, "T1").accesses
    assert [one.is_lawful for one in accesses] == [True, True]


def test_an_artefact_that_was_swapped_is_not_tested_and_opens_nothing(trained):
    site, at = trained
    case.unseal(site, at)
    digest = load_version(site.ledger, case.USE, 1).trained.digest
    files = site.layout.registry.rglob(f"*{digest[4:]}")
    (path,) = (one for one in files if one.is_file())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"assay", b"assax"))
    with pytest.raises(IntegrityError):
        case.act(site, "test", "tess", **at)
    assert not load_test_set(site.ledger, "T1").accesses
    assert not site.verify().is_ok


def test_verify_misses_sealed_rows_that_are_gone(trained):
    site, _ = trained
    digest = load_test_set(site.ledger, "T1").selected.digest
    site.registry.delete(digest, "by mistake")
    found = site.verify()
    assert any("sealed rows of 'T1'" in str(one) for one in found.problems)


def test_nothing_is_fitted_past_a_model_under_change_control(governed):
    site = governed
    settings = {"tag": f"{case.PLACE}/nir", "attribute": "assay"}
    site.adopt("broth", "monitoring.soft_sensor", settings)
    case.to_criteria(site, analyst="broth")
    with pytest.raises(ConflictError, match="under change control"):
        site.fit("broth")


def test_verify_names_a_test_that_nobody_opened_the_set_for(trained):
    """Somebody writes a test by hand and signs it, past the acts: the fold takes the step."""
    from goldenbatch.core.model_records import ModelTested
    from goldenbatch.core.people import Meaning
    from goldenbatch.runtime.signing import Asked

    site, at = trained
    case.unseal(site, at)
    real = site.acts.intent("governance.test", at, site.people.find("tess")).body
    state = load_version(site.ledger, case.USE, 1)
    forged = ModelTested.model_validate({**real.model_dump(), "opening": f"{SET}@2"})
    asked = Asked(state.stream, Meaning.PERFORMED, "passed", body=forged, actions=("model:test",))
    site.signing.sign_asked(asked, "tess", case.PASSWORD)
    assert load_version(site.ledger, case.USE, 1).stage is Stage.TESTED
    problems = [str(one) for one in site.verify().problems]
    assert any("was not opened for what was tested" in one for one in problems), problems


def test_verify_names_accesses_that_no_opening_allowed(trained):
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.test_set_records import TestSetRead

    site, _ = trained
    body = TestSetRead(
        test_set="T1", use=case.USE, version=1, opening=f"{SET}@1", digest="0" * 64, purpose="x"
    )
    site.ledger.append([NewEvent(SET, body, site.ledger.version(SET), case.uid(site, "dev"))])
    problems = [str(one) for one in site.verify().problems]
    assert any("read without an opening" in one for one in problems), problems


def test_who_trained_has_no_part_through_another_person_either(trained):
    """Even under a policy that lets the right to open be lent, it is asked of both people."""
    from goldenbatch.core.authority import StandIn, may
    from goldenbatch.core.facts import record_facts

    site, at = trained
    case.act(site, "unseal-ask", "tess", **at, reason="first test")
    site.people.add("otto", "Otto", case.PASSWORD)
    site.people.grant("otto", "operator", "test")
    otto, stream = site.people.find("otto"), site.ledger.stream(SET)
    shipped = site.people.policy()
    rules = tuple(
        rule.model_copy(update={"is_delegable": rule.action == "model:unseal"})
        for rule in shipped.rules
    )
    policy = type(shipped).model_validate({
        **shipped.model_dump(by_alias=True), "rules": [one.model_dump() for one in rules],
    })  # fmt: skip
    record = record_facts(SET, stream, policy.judgements)
    answers = {}
    for login in ("dev", "sme"):
        lender = site.people.find(login)
        asked = site.people.authority.ask(otto)
        users = {**asked.facts["account_active"].users, lender.uid: lender}
        facts = {**asked.facts}
        for name in ("account_active", "roles_granted"):
            facts[name] = type(facts[name])(users)
        lent = StandIn(Actor(lender.uid, lender.roles), "process_engineer", ref="delegation/D@2")
        actor = Actor(otto.uid, otto.roles)
        answers[login] = may(
            policy, actor, "model:unseal", record, facts, asked.now, stand_ins=[lent]
        )
    assert answers["sme"].is_allowed
    assert answers["sme"].acting_for == case.uid(site, "sme")
    assert not answers["dev"].is_allowed
    # As shipped, nothing of it can be lent at all.
    actions = ("model:unseal_ask", "model:unseal", "model:test", "model:train")
    assert not any(rule.is_delegable for one in actions for rule in shipped.rules_for(one))
