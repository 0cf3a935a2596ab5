"""A review of the trail by every class of proof: recorded and signed in one append, or never."""

import pytest
from gbx_authenticator import Authenticator
from gbx_ceremony import by_password, enrol, enrol_app
from gbx_provider import Provider, browse
from tests.runtime.test_oidc import BACK, home_of  # noqa: F401  a fixture

from goldenbatch.core.audit import TrailFilter
from goldenbatch.core.batches import MaterialConsumed
from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import signature_state
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.audit import Trail
from goldenbatch.runtime.signing import attestation_fault

ONE = TrailFilter(streams=("batch/B7",))


def opened(site, login="ann", wanted=ONE):
    return Trail(site).open(wanted, site.people.find(login).uid).event


def asked(site, event, login="ann", comment="looked at all of it", **more):
    uid = site.people.find(login).uid
    place = (event.stream, event.envelope.version, uid, comment)
    return Trail(site).asked_review(*place, is_satisfactory=True, **more)


def proof_of(kind, bench, site):
    """How Ann proves who she is, by each class; gives what answers a prepared statement."""
    if kind == "password":
        return lambda _: by_password()
    if kind == "totp":
        app = enrol_app(site, "ann")

        def enter(_):
            bench.clock.now += 60_000_000
            return by_password(code=app.at(bench.clock.now // 1_000_000))

        return enter
    device = Authenticator()
    enrol(site, "ann", device)

    def touch(prepared):
        options = site.signing.options(prepared, "webauthn")["options"]
        return {"kind": "webauthn", "response": device.get(options)}

    return touch


@pytest.mark.parametrize(
    ("kind", "method", "signer_class"),
    [
        ("password", "password+home-key", "server-attested"),
        ("totp", "password+totp+home-key", "server-attested"),
        ("webauthn", "webauthn", "signer-bound"),
    ],
)
def test_each_class_of_proof(bench, team, kind, method, signer_class):
    prove = proof_of(kind, bench, team)
    event = opened(team)
    prepared = team.signing.prepare(asked(team, event), "ann")
    review, signature = team.signing.complete(prepared.id, prove(prepared))
    body = signature.decode()
    assert (body.method, body.signer_class) == (method, signer_class)
    assert attestation_fault(body, team.keys.known()) == ""
    assert (review.kind, review.envelope.actor) == ("TrailReviewed", body.signer)
    assert review.decode().entries_digest == event.decode().entries_digest
    (state,) = signature_state(team.ledger.stream(event.stream))
    assert state.is_signed
    assert state.signed_version == review.envelope.version
    assert team.verify().is_ok
    again = team.signing.prepare(asked(team, opened(team)), "ann")  # a review is no work
    assert team.signing.complete(again.id, prove(again))


def test_through_an_openid_provider(home_of):  # noqa: F811
    with Provider("ES256") as provider, home_of(provider.issuer) as site:
        event = opened(site)
        prepared = site.signing.prepare(asked(site, event), "ann")
        url = site.signing.options(prepared, "oidc", redirect_uri=BACK)["url"]
        review, signature = site.signing.complete(prepared.id, {"kind": "oidc", **browse(url)})
        assert (signature.decode().method, review.kind) == ("oidc", "TrailReviewed")
        assert site.verify().is_ok


@pytest.mark.parametrize("kind", ["password", "totp", "webauthn"])
def test_never_before_the_trail_was_opened_by_the_same_person(bench, team, kind):
    proof_of(kind, bench, team)
    with pytest.raises(NotFoundError, match="shows no entries"):
        Trail(team).asked_review("trail/batch/B7", 1, "x", "fine", is_satisfactory=True)
    event = opened(team, "bob")
    with pytest.raises(DeniedError, match="shown to another person"):
        asked(team, event)
    assert not list(team.ledger.events(kinds={"TrailReviewed"}))


def test_a_wrong_proof_leaves_no_review_behind(bench, team):
    prepared = team.signing.prepare(asked(team, opened(team)), "ann")
    with pytest.raises(DeniedError, match="is wrong"):
        team.signing.complete(prepared.id, {**by_password(), "password": "not her password"})
    assert not list(team.ledger.events(kinds={"TrailReviewed", "SignatureApplied"}))


def test_what_was_done_between_preparing_and_signing(bench, team):
    """Who takes part in what is reviewed while the statement waits does not review it."""
    prepared = team.signing.prepare(asked(team, opened(team)), "ann")
    uid = team.people.find("ann").uid
    body = MaterialConsumed(batch="B7", material="M", lot="L")
    head = team.ledger.version("batch/B7")
    team.ledger.append([NewEvent("batch/B7", body, head, actor=uid)])
    with pytest.raises(DeniedError, match="took part"):
        team.signing.complete(prepared.id, by_password())
    prepared = team.signing.prepare(asked(team, opened(team, "bob"), "bob"), "bob")
    opened(team, "ann")
    with pytest.raises(ConflictError, match="not at the shown"):
        team.signing.complete(prepared.id, {**by_password("bob")})


def test_a_review_covers_what_was_opened_and_no_more(bench, team):
    event = opened(team)
    bench.record(team, "batch/B7", MaterialConsumed(batch="B7", material="M", lot="L"))
    prepared = team.signing.prepare(asked(team, event), "ann")
    review, _ = team.signing.complete(prepared.id, by_password())
    body, shown = review.decode(), event.decode()
    assert (body.to_version, body.n_entries) == (shown.to_version, shown.n_entries)
    assert body.to_version < team.ledger.version("batch/B7")
