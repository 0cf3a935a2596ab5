"""OpenID: the provider signs over the statement; stale, foreign and forged proofs are refused."""

import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from gbx_bench import FOUND, PLANT
from gbx_provider import Provider, browse
from tests.conftest import missing

from goldenbatch.core.errors import BadInputError, DeniedError
from goldenbatch.core.people import Meaning
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.signing import Asked, attestation_fault
from goldenbatch.verifier import goldenbatch_verify

PASSWORD = "a long password"
BACK = "http://127.0.0.1:1/callback"
REVIEW = Asked("batch/B7", Meaning.REVIEWED)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


@pytest.fixture
def home_of(tmp_path):
    """Opens a home that takes the log-ins of a provider; Ann has enrolled her account there."""
    from contextlib import contextmanager

    @contextmanager
    def make(issuer, login=browse, **settings):
        provider = {"name": "idp", "issuer": issuer, "client_id": "goldenbatch"}
        more = {"signing": {"providers": [provider], **settings}}
        path = tmp_path / f"home{len(list(tmp_path.iterdir()))}"
        create_home(path, HomeSettings("T", "site", PLANT, more=more))
        with LocalSite.open(path, discovery=FOUND) as site:
            for name, role in (("ann", "quality_reviewer"), ("root", "administrator")):
                site.people.add(name, name.title(), PASSWORD)
                site.people.grant(name, role, "test")
            _batch(site)
            enrol(site, "ann", login)
            yield site

    return make


def _batch(site):
    from goldenbatch.core.batches import BatchCreated
    from goldenbatch.core.records import NewEvent

    body = BatchCreated(batch="B7", product="P")
    site.ledger.append([NewEvent("batch/B7", body, 0, actor="importer")])


def enrol(site, login, browse=browse):
    token = site.credentials.offer(login, "oidc", "account", by=login)
    begun = site.credentials.begin(login, token, redirect_uri=BACK)
    name = site.credentials.finish(login, token, begun["enrolment"], browse(begun["url"]))
    site.credentials.confirm(login, name, "passport", by="root")
    return name


def begun(site, login="ann"):
    prepared = site.signing.prepare(REVIEW, login)
    return prepared, site.signing.options(prepared, "oidc", redirect_uri=BACK)["url"]


def complete(site, prepared, answer):
    return site.signing.complete(prepared.id, {"kind": "oidc", **answer})[-1].decode()


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_the_provider_signs_over_the_statement(home_of, algorithm):
    with Provider(algorithm) as provider, home_of(provider.issuer) as site:
        prepared, url = begun(site)
        assert f"nonce={prepared.statement_hash}" in url
        body = complete(site, prepared, browse(url))
        assert (body.method, body.signer_class) == ("oidc", "signer-bound")
        assert body.evidence["subject"] == "anna-at-idp"
        assert attestation_fault(body, []) == ""
        digest = bytes.fromhex(body.statement_hash)
        goldenbatch_verify.check_bound(body.method, body.evidence, digest)
        with pytest.raises(ValueError, match="another statement"):
            goldenbatch_verify.check_bound(body.method, body.evidence, bytes(32))
        assert site.verify().is_ok
        forged = body.model_copy(update={"statement_hash": "0" * 64})
        assert "another statement" in attestation_fault(forged, [])
        wallet = site.credentials.wallet("root").credentials
        assert "never had" in attestation_fault(body, [], wallet)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "0" * 64}, "another statement"),
        ({"nonce": None}, "another statement"),
        ({"aud": "somebody-else"}, "somebody else"),
        ({"aud": ["goldenbatch", "other"]}, "somebody else"),
        ({"azp": "other"}, "somebody else"),
        ({"iss": "http://127.0.0.1:9/"}, "another provider"),
        ({"exp": 1}, "expired"),
        ({"iat": 1}, "not issued just now"),
        ({"auth_time": None}, "no time auth_time"),
        ({"auth_time": True}, "no time auth_time"),
        ({"sub": "bob-at-idp"}, "somebody else than ann"),
    ],
)
def test_tokens_that_prove_nothing(home_of, claims, why):
    with Provider() as provider, home_of(provider.issuer) as site:
        prepared, url = begun(site)
        provider.claims = claims
        with pytest.raises(DeniedError, match=why):
            complete(site, prepared, browse(url))
        assert not list(site.ledger.events(kinds={"SignatureApplied"}))
        kinds = [one.kind for one in site.ledger.stream(f"user/{prepared.statement.signer}")]
        assert kinds[-1] == "ProofRejected"


def test_an_earlier_log_in_is_not_enough(home_of):
    """`prompt=login` may be stripped on the way; `auth_time` in the signed token may not."""
    with Provider() as provider, home_of(provider.issuer, skew_s=0) as site:
        prepared, url = begun(site)
        provider.logged_in_at = int(time.time()) - 60
        with pytest.raises(DeniedError, match="not logged in again"):
            complete(site, prepared, browse(url))


def test_another_key_another_state_and_a_used_code(home_of):
    with Provider() as provider, home_of(provider.issuer) as site:
        prepared, url = begun(site)
        answer = browse(url)
        with pytest.raises(DeniedError, match="another log-in"):
            complete(site, prepared, answer | {"state": "x"})
        prepared, url = begun(site)
        answer = browse(url)
        complete(site, prepared, answer)
        prepared, url = begun(site)
        with pytest.raises(DeniedError, match="refuses: invalid_grant"):
            complete(site, prepared, {**answer, "state": browse(url)["state"]})
        prepared, url = begun(site)
        answer, real = browse(url), provider.key
        provider.key = type(real).generate_key("P-256", {"kid": "k1"})
        real_get = provider.get
        provider.get = lambda call: _jwks(call, real) if "jwks" in call.path else real_get(call)
        with pytest.raises(DeniedError, match="no key of the provider"):
            complete(site, prepared, answer)


def _jwks(call, key):
    from gbx_provider import answer
    from joserfc.jwk import KeySet

    return answer(call, KeySet([key]).as_dict(private=False))


def test_where_a_log_in_may_lead(home_of):
    with Provider() as provider, home_of(provider.issuer) as site:
        prepared = site.signing.prepare(REVIEW, "ann")
        for bad in ("https://evil.example/x", "javascript:alert(1)", "http://127.0.0.1.evil/x"):
            with pytest.raises(BadInputError, match="leads neither"):
                site.signing.options(prepared, "oidc", redirect_uri=bad)


def test_logging_in_through_the_provider(home_of):
    with Provider() as provider, home_of(provider.issuer) as site:
        name, url = site.proofs.begin_login("idp", BACK)
        user = site.proofs.finish_login(name, browse(url))
        assert user.login == "ann"
        with pytest.raises(DeniedError, match="no such begun log-in"):
            site.proofs.finish_login(name, browse(url))


# ---- an independent provider --------------------------------------------------------------------

PEERS = Path(__file__).parents[1] / "peers"


@pytest.fixture
def peer(program):
    """The provider `oidc-provider` (certified by the OpenID Foundation), run by node."""
    node = program("node")
    if not (PEERS / "node_modules" / "oidc-provider").is_dir():
        missing("oidc-provider is not installed: run `npm ci` in tests/peers")
    process = subprocess.Popen(
        [node, str(PEERS / "provider.mjs"), BACK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with process:
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("http://127.0.0.1:"), line
            yield line
        finally:
            process.kill()


def browse_peer(url):
    """A browser with cookies that follows the provider until it comes back to the home."""
    with httpx.Client(trust_env=False) as client:
        for _ in range(10):
            answer = client.get(url)
            url = urljoin(url, answer.headers["location"])
            if url.startswith(BACK):
                query = parse_qs(urlsplit(url).query)
                return {name: values[0] for name, values in query.items()}
    raise AssertionError(f"it never came back: {url}")


@pytest.mark.service("node")
def test_a_certified_provider_signs_over_the_statement(home_of, peer):
    with home_of(peer, browse_peer) as site:
        prepared, url = begun(site)
        body = complete(site, prepared, browse_peer(url))
        assert body.evidence["subject"] == "anna-at-peer"
        assert body.evidence["algorithm"] == "RS256"
        assert attestation_fault(body, []) == ""
        assert site.verify().is_ok
        again, _ = begun(site)
        with pytest.raises(DeniedError, match="another log-in"):
            complete(site, again, browse_peer(url))
