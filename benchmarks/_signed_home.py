"""A home of many events with real signatures, kept in `benchmarks/out` for the next run.

Batches of twenty records each: head, phases, materials, samples and results. One record in a
hundred is signed, by turns attested by the server (password) and bound to the signer (an
authenticator in software, whose answers go through the platform's own check). Statements,
evidence, credentials and their uses are what the ceremony writes.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    MaterialConsumed,
    PhaseEnded,
    PhaseStarted,
    SampleTaken,
)
from goldenbatch.core.credentials import CredentialUsed
from goldenbatch.core.people import statement_for
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.runtime import _ceremony_webauthn as webauthn
from goldenbatch.runtime._evidence import attested
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "out"
SUPPORT = str(ROOT / "tests" / "runtime" / "support")
START, BLOCK, N_SIGNERS = 1_700_000_000_000_000, 50, 20
PASSWORD = "a long password"
TANK = "site/area/cell/tank"


class Clock:
    """A clock that goes one millisecond at each look."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        self.now += 1_000
        return self.now


def records(batch, number):
    """The twenty records of a batch as (stream, body), the last one to be signed."""
    stream, at = f"batch/{batch}", START + number * 1_000_000
    yield stream, BatchCreated(batch=batch, product="tablets 5 mg", recipe="R-17 version 4",
                               size="240000 {tbl}", place=TANK, started_at=at)  # fmt: skip
    for phase in ("charge", "granulate", "dry", "sieve"):
        run = {"batch": batch, "place": TANK, "phase": phase}
        yield stream, PhaseStarted(**run, at=at)
        yield stream, PhaseEnded(**run, at=at + 3_600_000_000)
    for material in ("lactose", "starch", "povidone", "active", "stearate"):
        lot = f"L{number % 977}"
        yield stream, MaterialConsumed(batch=batch, material=material, lot=lot, quantity="41.5 kg")
    for n in range(2):
        sample = f"{batch}-{n}"
        taken = SampleTaken(sample=sample, batch=batch, point="discharge", plan="P-3", taken_at=at)
        yield f"sample/{sample}", taken
        result = Result(test="assay", attribute="assay", value=f"99.{number % 10}", unit="%",
                        replicates=("99.1", "99.4"), method="AM-11", method_version="3",
                        performed_at=at)  # fmt: skip
        reported = ResultsReported(sample=sample, batch=batch, results=(result,))
        yield f"sample/{sample}", reported
    yield stream, MaterialConsumed(batch=batch, material="coating", lot="C1", quantity="2.1 kg")
    yield stream, BatchEnded(batch=batch, ended_at=at + 9_000_000_000, outcome="completed")


class Signer:
    """A person of the home, with an authenticator or with a password only."""

    def __init__(self, site, number, device):
        self.login, self.device, self.credential = f"s{number}", device, None
        self.uid = site.people.add(self.login, f"Ana Novak {number}", PASSWORD)
        site.people.grant(self.login, "quality_reviewer", "bench")
        if device is not None:
            self._enrol(site)
        user = site.people.user(self.uid)
        self.name, self.version = user.printed_name, user.version
        decision = site.people.decide_may(user, "sign:reviewed", "batch/none")
        self.allowed = decision

    def _enrol(self, site):
        token = site.credentials.offer(self.login, "webauthn", "new key", by="root")
        begun = site.credentials.begin(self.login, token)
        answer = {"response": self.device.create(begun["options"]), "label": "key"}
        name = site.credentials.finish(self.login, token, begun["enrolment"], answer)
        site.credentials.confirm(self.login, name, "passport", by="ruth")
        self.credential = site.credentials.wallet(self.login).credentials[name]

    def sign(self, site, event):
        """The new events of a signature on a record, as the ceremony appends them."""
        allowed = self.allowed
        statement = statement_for(
            event, allowed.policy_hash, meaning="reviewed", signer=self.uid,
            printed_name=self.name, role=allowed.role, facts=allowed.records, at=site.clock(),
        )  # fmt: skip
        digest, place = statement.digest(), event.envelope.version
        if self.device is None:
            evidence = {"class": "server-attested", **attested(site.keys.signers[0], digest),
                        "components": "login password", "series": "begun",
                        "credential": "password"}  # fmt: skip
            body = statement.signed("password+home-key", evidence)
            return [NewEvent(event.stream, body, place, self.uid)]
        settings, challenge = site.settings.signing, bytes.fromhex(digest)
        options = webauthn.assertion_options(challenge, settings, [self.credential])
        response = self.device.get(options)
        evidence, counter = webauthn.asserted(response, challenge, settings, self.credential)
        self.credential = replace(self.credential, counter=counter)
        body = statement.signed("webauthn", {"class": "signer-bound", **evidence})
        used = CredentialUsed(
            uid=self.uid,
            credential=self.credential.credential,
            purpose="signature",
            counter=counter,
            statement_hash=digest,
        )
        self.version += 1
        return [NewEvent(event.stream, body, place, self.uid),
                NewEvent(f"user/{self.uid}", used, self.version - 1, self.uid)]  # fmt: skip


def people(site):
    """Two administrators and the signers, every second one with an authenticator."""
    if SUPPORT not in sys.path:
        sys.path.insert(0, SUPPORT)
    from gbx_authenticator import Authenticator

    for login in ("root", "ruth"):
        site.people.add(login, login, PASSWORD)
        site.people.grant(login, "administrator", "bench")
    return [Signer(site, n, Authenticator() if n % 2 else None) for n in range(N_SIGNERS)]


def fill(site, signers, n_events):
    """Append until there are so many events; of every block one record in a hundred is signed."""
    number = n_signed = 0
    while (head := site.ledger.head()) < n_events:
        events, versions = [], {}
        for _ in range(BLOCK):
            for stream, body in records(f"B{number:06}", number):
                version = versions.get(stream, 0)
                events.append(NewEvent(stream, body, version, f"op{number % 30}"))
                versions[stream] = version + 1
            number += 1
        added = site.ledger.append(events[: n_events - head])
        ended = [one for one in added if one.kind == "BatchEnded"]
        chosen = ended[: round(len(added) / 100)]
        signed = []
        for one in chosen:
            signed += signers[n_signed % len(signers)].sign(site, one)
            n_signed += 1
        if signed:
            site.ledger.append(signed)
    return n_signed


def plant():
    """Text of the plant in which it all happens."""
    if SUPPORT not in sys.path:
        sys.path.insert(0, SUPPORT)
    from gbx_bench import PLANT

    return PLANT


def home(n_events):
    """Folder of the home, made once and kept; its size is part of its name."""
    path = Path(os.environ.get("GOLDENBATCH_BENCH_DIR", OUT)) / f"signed-{n_events}"
    if path.is_dir():
        return path
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    clock = Clock(START)
    create_home(partial, HomeSettings("Bench", "bench", plant()), clock=clock)
    with LocalSite.open(partial, clock=clock) as site:
        fill(site, people(site), n_events)
    partial.rename(path)
    return path


if __name__ == "__main__":
    print(home(int(sys.argv[1])))
