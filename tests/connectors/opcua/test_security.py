"""Who is believed and who is let in: certificates, trust, users."""

from __future__ import annotations

import asyncio
import shutil
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from goldenbatch.connectors.opcua import ensure_identity, thumbprint
from goldenbatch.connectors.opcua.security import Trust, application_uri, certificate_health
from goldenbatch.connectors.opcua.settings import Security
from goldenbatch.core.acquisition import SourceError
from tests.connectors.opcua.kit import (
    SERVER_URI,
    USER,
    a_card,
    certificate,
    der,
    item,
    now,
)


def run(main):
    asyncio.run(asyncio.wait_for(main(), 60))


async def refused(home, card, **more):
    """What the connector says when it gives up."""
    with pytest.raises(SourceError) as found:
        async with home.reading(card, **more):
            await home.until(lambda: False)
    return str(found.value)


# ---- our own certificate --------------------------------------------------------------------


def test_a_certificate_of_our_own_is_made_once(tmp_path):
    made = ensure_identity(tmp_path / "press", "press", now())
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert made.uri.startswith("urn:")
    assert made.uri.endswith(":goldenbatch:press")
    assert 1800 < made.days_left(now()) < 1830
    again = ensure_identity(tmp_path / "press", "press", now())
    assert again.certificate.read_bytes() == made.certificate.read_bytes()
    usage = made.parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.data_encipherment
    assert not usage.key_cert_sign


def test_certificates_that_end_soon_are_said(tmp_path):
    made = ensure_identity(tmp_path / "press", "press", now())
    server, _ = certificate(tmp_path, "server", days=12)
    told = certificate_health(made, der(server), now())
    assert told["server_certificate_days"] == 12 and told["certificate_days"] > 1800
    assert told["certificate_warning"] == "the server's certificate ends in 12 days"
    later = now() + 1815 * 86_400 * 10**6
    told = certificate_health(made, b"", later)
    assert "our certificate ends in 1" in told["certificate_warning"]
    assert "server_certificate_days" not in told
    server, _ = certificate(tmp_path, "server2", days=400)
    assert certificate_health(made, der(server), now())["certificate_warning"] == ""


@pytest.mark.service("node")
def test_until_when_the_certificates_are_good_is_health(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Speed"))):
            await home.connected()
            assert home.health("server_certificate_days") == 365
            assert home.health("certificate_warning") == ""

    run(main)


def test_a_certificate_that_ended_or_lost_its_key_is_said(tmp_path):
    made = ensure_identity(tmp_path, "press", now())
    with pytest.raises(SourceError, match="our certificate ended on"):
        ensure_identity(tmp_path, "press", now() + 6 * 365 * 86_400 * 10**6)
    made.key.unlink()
    with pytest.raises(SourceError, match=r"key\.pem of its certificate is missing"):
        ensure_identity(tmp_path, "press", now())


# ---- the trust list -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    return folder, certificate(folder, "authority", uri="urn:authority", is_ca=True)


def trust(folder, **security):
    return Trust(folder, Security(**security), "press")


def test_nobody_is_trusted_because_he_was_seen_first(tmp_path):
    own, _ = certificate(tmp_path, "server")
    for _ in range(2):
        with pytest.raises(SourceError, match=f"{thumbprint(der(own))} is not trusted"):
            trust(tmp_path).check(der(own), SERVER_URI, now())
    kept = tmp_path / "rejected" / f"{thumbprint(der(own))}.der"
    assert kept.read_bytes() == der(own)
    shutil.copytree(tmp_path / "rejected", tmp_path / "trusted")
    assert trust(tmp_path).check(der(own), SERVER_URI, now()) == der(own)
    by_print = {"server_thumbprints": (thumbprint(der(own)).upper(),)}
    assert trust(tmp_path / "other", **by_print).check(der(own), "", now()) == der(own)


def test_a_certificate_that_ended_or_names_another(tmp_path):
    own, _ = certificate(tmp_path, "server", days=-3)
    pin = {"server_thumbprints": (thumbprint(der(own)),)}
    with pytest.raises(SourceError, match="is valid only until"):
        trust(tmp_path, **pin).check(der(own), SERVER_URI, now())
    allowed = trust(tmp_path, is_expired_trusted=True, **pin)
    assert allowed.check(der(own), SERVER_URI, now()) == der(own)
    with pytest.raises(SourceError, match="but the server is 'urn:somebody-else'"):
        allowed.check(der(own), "urn:somebody-else", now())
    with pytest.raises(SourceError, match="shows no certificate"):
        allowed.check(b"", SERVER_URI, now())


def test_an_authority_and_its_revocations(tmp_path, authority):
    folder, (root, root_key) = authority
    (tmp_path / "trusted").mkdir()
    shutil.copy(folder / "authority.pem", tmp_path / "trusted")
    own, key = certificate(tmp_path, "server", issuer=(root, root_key))
    chain = der(own) + der(root)
    assert trust(tmp_path).check(chain, SERVER_URI, now()) == der(own)
    # A server's certificate is no authority, though it lies among the trusted ones.
    forged, _ = certificate(tmp_path, "forged", issuer=(own, key))
    shutil.copy(tmp_path / "server.pem", tmp_path / "trusted")
    with pytest.raises(SourceError, match="is not trusted"):
        trust(tmp_path).check(der(forged), SERVER_URI, now())
    (tmp_path / "trusted" / "server.pem").unlink()
    (tmp_path / "crl").mkdir()
    moment = own.not_valid_before_utc
    revoked = (
        x509.CertificateRevocationListBuilder(root.subject, moment, own.not_valid_after_utc)
        .add_revoked_certificate(x509.RevokedCertificateBuilder(own.serial_number, moment).build())
        .sign(root_key, hashes.SHA256())
    )
    path = tmp_path / "crl" / "root.crl"
    path.write_bytes(revoked.public_bytes(serialization.Encoding.DER))
    with pytest.raises(SourceError, match="is not trusted"):
        trust(tmp_path).check(chain, SERVER_URI, now())
    (tmp_path / "trusted" / "odd.der").write_bytes(b"odd")
    with pytest.raises(SourceError, match=r"trusted/odd\.der is no certificate"):
        trust(tmp_path).check(chain, SERVER_URI, now())
    assert application_uri(own) == SERVER_URI


# ---- against the server ---------------------------------------------------------------------


@pytest.mark.service("node")
def test_a_server_that_is_not_trusted_hears_no_password(plant, home):
    asked = []

    def find(text):
        asked.append(text)
        return "never sent"

    async def main():
        n_sessions = plant.do("sessions")["n"]
        card = a_card(plant, item("Speed"), security={"server_thumbprints": []})
        said = await refused(home, card, find=find)
        assert f"{plant.thumbprint} is not trusted" in said
        assert asked == []
        assert (home.path / "keys" / "press" / "rejected" / f"{plant.thumbprint}.der").exists()
        assert plant.do("sessions")["n"] <= n_sessions

    run(main)


@pytest.mark.service("node")
def test_a_wrong_password_is_said_and_not_tried_again_and_again(plant, home):
    tries = []

    def find(text):
        tries.append(text)
        return "wrong"

    async def main():
        said = await refused(home, a_card(plant, item("Speed")), find=find)
        assert "the server refuses us: Bad" in said
        assert "secret" in said
        assert len(tries) == 1

    run(main)


@pytest.mark.service("node")
def test_anonymous_users_policies_that_are_not_offered_and_modes(plant, home):
    async def main():
        anonymous = a_card(plant, item("Speed"), user={"kind": "anonymous"})
        assert "refuses us" in await refused(home, anonymous)
        weak = {"policy": "Aes128Sha256RsaOaep", "server_thumbprints": [plant.thumbprint]}
        said = await refused(home, a_card(plant, item("Speed"), security=weak))
        assert "offers no Aes128Sha256RsaOaep with SignAndEncrypt; it offers" in said
        assert "Basic256Sha256 SignAndEncrypt" in said
        sign = {"mode": "Sign", "server_thumbprints": [plant.thumbprint]}
        assert "with Sign" in await refused(home, a_card(plant, item("Speed"), security=sign))

    run(main)


@pytest.mark.service("node")
def test_the_older_policy_and_a_user_by_certificate(plant, home):
    certificate(home.path / "people", "otto", uri="urn:otto")
    user = {"kind": "certificate", "certificate": "people/otto.pem", "key": "people/otto.key"}

    async def main():
        old = {"policy": "Basic256Sha256", "server_thumbprints": [plant.thumbprint]}
        async with home.reading(a_card(plant, item("Speed"), security=old, user=user)):
            await home.connected()
        lost = a_card(plant, item("Speed"), user={**user, "key": "people/lost.key"})
        assert "the user's certificate or key" in await refused(home, lost)
        assert USER["password"].startswith("env:")

    run(main)


@pytest.mark.service("node")
def test_a_server_that_does_not_trust_us_keeps_us_out(plant, home):
    async def main():
        plant.do("trust", all=False)
        said = await refused(home, a_card(plant, item("Speed")))
        ours = home.path / "keys" / "press" / "certificate.der"
        assert "refuses" in said
        assert thumbprint(ours.read_bytes()) in said

    try:
        run(main)
    finally:
        plant.do("trust", all=True)
