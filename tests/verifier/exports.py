"""An export with all that a verifier has to do with, and ways to tamper with it."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.credentials import CredentialAdded
from goldenbatch.core.people import SigningStatement
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.runtime.home import HomeSettings, create_home

SUPPORT = str(Path(__file__).parents[1] / "runtime" / "support")
if SUPPORT not in sys.path:
    sys.path.insert(0, SUPPORT)

HASH = "ab" * 32


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def statement_of(event, signer="u-1", **more):
    return SigningStatement(
        stream=event.stream, version=event.envelope.version, record_hash=event.leaf,
        meaning="reviewed", signer=signer, printed_name="Ana Šušteršič", role="reviewer",
        policy_hash=HASH, at=event.envelope.recorded_at, **more,
    )  # fmt: skip


def der(key) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64(key.public_key().public_bytes(serialization.Encoding.DER, info))


def by_home(statement, signer):
    proof = signer.sign(b"goldenbatch/signing-statement/1\n" + bytes.fromhex(statement.digest()))
    evidence = {"key_id": signer.verifier.id.hex(), "signature": b64(proof)}
    return statement.signed("password+home-key", evidence)


def by_device(statement, key):
    """As an authenticator signs: authenticator data and the hash of the client data."""
    challenge = base64.urlsafe_b64encode(bytes.fromhex(statement.digest())).decode().rstrip("=")
    client = json.dumps({"type": "webauthn.get", "challenge": challenge}).encode()
    data = hashlib.sha256(b"localhost").digest() + b"\x05" + b"\0\0\0\x01"
    signed = data + hashlib.sha256(client).digest()
    evidence = {
        "algorithm": "ES256", "public_key": der(key), "signed_bytes": b64(signed),
        "signature": b64(key.sign(signed, ec.ECDSA(hashes.SHA256()))), "client_data": b64(client),
        "rp_id": "localhost", "credential": "device",
    }  # fmt: skip
    return statement.signed("webauthn", evidence)


def by_provider(statement, key):
    """As an OpenID provider signs an ID token."""
    payload = json.dumps({"iss": "https://id", "sub": "ana", "nonce": statement.digest()}).encode()
    parts = [base64.urlsafe_b64encode(one).rstrip(b"=") for one in (b'{"alg":"RS256"}', payload)]
    signed = b".".join(parts)
    evidence = {
        "algorithm": "RS256", "public_key": der(key), "signed_bytes": b64(signed),
        "signature": b64(key.sign(signed, PKCS1v15(), hashes.SHA256())), "credential": "id",
    }  # fmt: skip
    return statement.signed("oidc", evidence)


@dataclass
class Made:
    """A home and what was exported of it."""

    home: Path
    whole: Path
    key: str
    older: str


def add(site, stream, body, actor="u-1"):
    return site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor=actor)])[0]


def make(folder: Path) -> Made:
    """A home with batches, readings in two chunks, and signatures of three kinds."""
    from gbx_bench import PLANT, START, Bench, Clock

    create_home(folder / "home", HomeSettings("Test", "site", PLANT), clock=Clock(START))
    bench = Bench(folder / "home", Clock(START + 60_000_000))
    device = ec.generate_private_key(ec.SECP256R1())
    provider = rsa.generate_private_key(65537, 2048)
    with bench.open() as site:
        given = {"uid": "u-1", "label": "mine"}
        add(site, "user/u-1", CredentialAdded(
            credential="device", credential_kind="webauthn", public_key=der(device), **given
        ))  # fmt: skip
        add(site, "user/u-1", CredentialAdded(
            credential="id", credential_kind="oidc", **given,
            details={"issuer": "https://id", "subject": "ana"},
        ))  # fmt: skip
        for number in range(4):
            bench.batch(site, f"B{number}", START + number, START + 10_000_000)
        bench.write(site, [(START + i * 1000, float(i)) for i in range(50)])
        site.flush()
        bench.write(site, [(START + 9_000_000 + i * 1000, i / 7) for i in range(30)])
        site.flush()
        older = site.ledger.checkpoint().note
        event = add(site, "batch/S1", BatchCreated(batch="S1", product="P"))
        add(site, "batch/S1", by_home(statement_of(event), site.keys.signers[0]))
        add(site, "batch/S1", by_device(statement_of(event), device))
        add(site, "batch/S1", by_provider(statement_of(event), provider))
    export(folder / "home", folder / "whole", ExportSettings())
    key = (folder / "home" / "keys" / "home.pub").read_text().strip()
    return Made(folder / "home", folder / "whole", key, older)


# ---- tampering ---------------------------------------------------------------------------------
KINDS = (
    "one byte", "a deleted tail", "swapped events", "a replaced payload", "an edited checkpoint",
    "a forged signature", "a changed chunk",
)  # fmt: skip


def reseal(folder: Path) -> None:
    """What a forger does last: the manifest fits the files again."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    files = [one for one in folder.rglob("*") if one.is_file() and one != path]
    manifest["files"] = {
        one.relative_to(folder).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in files
    }
    text = json.dumps({**manifest, "digest": ""}, sort_keys=True, separators=(",", ":"))
    manifest["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(manifest))


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(one) for one in (folder / "events.jsonl").read_text().splitlines()]


def store(folder: Path, events: list[dict]) -> None:
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events)
    (folder / "events.jsonl").write_text(text)


def tamper(folder: Path, kind: str, draw: random.Random) -> str:
    """Change an export as a forger of a kind would; gives what was done, in words."""
    events = lines_of(folder)
    at = draw.randrange(len(events))
    if kind == "one byte":
        path = draw.choice(sorted(one for one in folder.rglob("*") if one.is_file()))
        data = bytearray(path.read_bytes())
        place = draw.randrange(len(data))
        data[place] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(data))
        return f"{path.name} byte {place}"
    if kind == "a changed chunk":
        path = draw.choice(sorted((folder / "chunks").iterdir()))
        data = bytearray(path.read_bytes())
        place = draw.randrange(len(data))
        data[place] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(data))
        reseal(folder)
        return f"{path.name} byte {place}"
    if kind == "an edited checkpoint":
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        which = draw.randrange(len(manifest["checkpoints"]))
        note = manifest["checkpoints"][which]
        origin, size, rest = note.split("\n", 2)
        manifest["checkpoints"][which] = f"{origin}\n{int(size) - 1}\n{rest}"
        path.write_text(json.dumps(manifest))
        reseal(folder)
        return f"checkpoint {which}"
    if kind == "a deleted tail":
        del events[max(1, at) :]
    elif kind == "swapped events":
        other = (at + draw.randrange(1, len(events))) % len(events)
        events[at], events[other] = events[other], events[at]
        if draw.random() < 0.5:  # and numbered as if nothing had happened
            for number, one in enumerate(events, 1):
                one["seq"] = number
    elif kind == "a replaced payload":
        event = events[at]
        event["body"] = (event["body"] or "{}").replace("}", ',"more":"x"}', 1)
        if draw.random() < 0.5:  # and its digest with it
            envelope = json.loads(event["envelope"])
            data = bytes.fromhex(event["salt"]) + event["body"].encode()
            envelope["body_digest"] = hashlib.sha256(data).hexdigest()
            event["envelope"] = json.dumps(envelope, sort_keys=True, separators=(",", ":"))
            event["leaf"] = hashlib.sha256(b"\0" + event["envelope"].encode()).hexdigest()
    else:
        at = draw.choice(
            [i for i, one in enumerate(events) if "SignatureApplied" in one["envelope"]]
        )
        body = json.loads(events[at]["body"])
        proof = bytearray(base64.b64decode(body["evidence"]["signature"]))
        proof[draw.randrange(len(proof))] ^= 1 << draw.randrange(8)
        body["evidence"]["signature"] = b64(bytes(proof))
        events[at]["body"] = json.dumps(body, sort_keys=True, separators=(",", ":"))
    store(folder, events)
    reseal(folder)
    return f"{kind} at event {at + 1}"


def tampered(whole: Path, folder: Path, kind: str, seed: str) -> str:
    """A tampered copy of an export in `folder`; gives what was done."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    return tamper(folder, kind, random.Random(seed))
