"""What tests of the signing ceremony share: people, an authenticator enrolled, a proof."""

import pyotp
import pytest

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.people import Meaning
from goldenbatch.runtime.signing import Asked

PASSWORD = "a long password"
REVIEW = Asked("batch/B7", Meaning.REVIEWED)


def person(site, login, role="quality_reviewer"):
    uid = site.people.add(login, login.title(), PASSWORD)
    if role:
        site.people.grant(login, role, "test")
    return uid


def enrol(site, login, device, label="key", by="root"):
    """Enrol an authenticator, its identity checked by another person."""
    token = site.credentials.offer(login, "webauthn", "new key", by=by)
    begun = site.credentials.begin(login, token)
    answer = {"response": device.create(begun["options"]), "label": label}
    name = site.credentials.finish(login, token, begun["enrolment"], answer)
    site.credentials.confirm(login, name, "passport", by="ruth")
    return name


def enrol_app(site, login):
    token = site.credentials.offer(login, "totp", "app", by="root")
    begun = site.credentials.begin(login, token)
    app = pyotp.TOTP(begun["secret"])
    answer = {"code": app.at(site.clock() // 1_000_000), "label": "phone"}
    name = site.credentials.finish(login, token, begun["enrolment"], answer)
    with pytest.raises(DeniedError, match="handed over the token"):
        site.credentials.confirm(login, name, "knows her", by="root")
    site.credentials.confirm(login, name, "knows her", by="ruth")
    return app


def by_password(login="ann", **more):
    return {"kind": "password", "login": login, "password": PASSWORD, **more}


def touched(site, login, device, asked=REVIEW, **misdeeds):
    """Prepare, and let the authenticator answer."""
    prepared = site.signing.prepare(asked, login)
    options = site.signing.options(prepared, "webauthn")["options"]
    return prepared, {"kind": "webauthn", "response": device.get(options, **misdeeds)}


def n_signatures(site):
    return len(list(site.ledger.events(kinds={"SignatureApplied"})))


def ready(site, device, login="ann"):
    prepared, proof = touched(site, login, device)
    return prepared.id, proof
