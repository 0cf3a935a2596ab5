"""Time stamps of an authority that runs here on loopback, with OpenSSL."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.runtime.timestamps import check_token, stamp

pytestmark = [
    pytest.mark.service("openssl"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on the path"),
]
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def certificate(subject, key, issuer, issuer_key, *, is_root):
    now = dt.datetime.now(dt.UTC)
    name = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (subject, issuer)]
    own, above = key.public_key(), issuer_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name[0]).issuer_name(name[1]).public_key(own)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    )  # fmt: skip
    if not is_root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    made = builder.sign(issuer_key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """(url, root certificate) of a real authority."""
    folder = tmp_path_factory.mktemp("tsa")
    root, own = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    (folder / "root.pem").write_bytes(certificate("Root", root, "Root", root, is_root=True))
    (folder / "tsa.pem").write_bytes(certificate("TSA", own, "Root", root, is_root=False))
    pem = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tsa.key").write_bytes(pem)
    (folder / "serial").write_text("01")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile",
                 folder / "query", "-out", folder / "reply"],
                check=True, capture_output=True,
            )  # fmt: skip
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", (folder / "root.pem").read_bytes()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_checkpoint_is_stamped_and_its_token_checked(site, authority):
    url, roots = authority
    made = stamp(site, url, roots)
    note, token = site.ledger.checkpoint().note, made.path.read_bytes()
    assert check_token(note, token, roots) == made.at
    assert abs(made.at / 1e6 - dt.datetime.now(dt.UTC).timestamp()) < 300
    with pytest.raises(IntegrityError, match="does not hold"):
        check_token(note.replace("\n", "\n\n", 1), token, roots)
    damaged = bytearray(token)
    damaged[len(token) // 2] ^= 1
    with pytest.raises(IntegrityError):
        check_token(note, bytes(damaged), roots)


def test_another_root_is_not_trusted(site, authority):
    url, _ = authority
    key = rsa.generate_private_key(65537, 2048)
    other = certificate("Other", key, "Other", key, is_root=True)
    with pytest.raises(IntegrityError):
        stamp(site, url, other)
    with pytest.raises(BadInputError):
        stamp(site, url, b"no certificate")


def test_an_authority_that_is_not_there_is_said(site):
    with pytest.raises(NotFoundError, match="does not answer"):
        stamp(site, "http://127.0.0.1:9/", b"")
