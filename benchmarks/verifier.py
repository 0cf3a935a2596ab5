"""Speed of the stand-alone verifier on a whole export, a part of the events signed.

    python benchmarks/verifier.py [--events N] [--signed PERCENT] [--out FILE]

The ledger is a real one, filled by its own appends with a checkpoint every 1,000 events; the
verifier runs as an inspector runs it: a copy of its one file, in a process of its own.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from goldenbatch.core.config import Settings, save_settings
from goldenbatch.core.people import SigningStatement
from goldenbatch.core.records import Body, HomeKind, NewEvent, record_type
from goldenbatch.core.site import HomeInfo
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.runtime.home import Layout, make_keys
from goldenbatch.stores.ledger import Ledger

FILE = Path(__file__).parents[1] / "src/goldenbatch/verifier/goldenbatch_verify.py"
BATCH, LIMIT_S = 1_000, 25.0
HASH = "ab" * 32


@record_type
class VerifierStepRecorded(Body):
    """A step of a batch record, about 250 bytes as JSON."""

    batch: str
    step: str
    parameter: str
    value: str
    equipment: str
    procedure: str
    comment: str


def step(batch, number):
    return VerifierStepRecorded(
        batch=batch,
        step=f"U1.P2.O{number % 9}",
        parameter="inlet air temperature",
        value=f"{60 + number % 7}.5 Cel",
        equipment="site/granulation/dryer_1",
        procedure="SOP-00317 version 12",
        comment="as in the master record; nothing unusual was seen by the operator",
    )


def signature(record, signer):
    """A signature as a home makes it with a password, attested by its key."""
    statement = SigningStatement(
        stream=record.stream, version=record.envelope.version, record_hash=record.leaf,
        meaning="reviewed", signer="u-1", printed_name="Ana Novak", role="reviewer",
        policy_hash=HASH, at=record.envelope.recorded_at,
    )  # fmt: skip
    proof = signer.sign(b"goldenbatch/signing-statement/1\n" + bytes.fromhex(statement.digest()))
    key_id = signer.verifier.id.hex()
    evidence = {"key_id": key_id, "signature": base64.b64encode(proof).decode()}
    return statement.signed("password+home-key", evidence)


def make_home(folder, n_events, every):
    """A home of `n_events` events, one of `every` a signature over the event before it."""
    settings = Settings(uid="bench", name="Bench", kind="demonstration", site="bench")
    folder.mkdir()
    save_settings(folder, settings)
    info = HomeInfo("bench", "Bench", HomeKind.DEMONSTRATION, "bench", "UTC")
    keys = make_keys(folder, info)
    now = iter(range(1_700_000_000_000_000, 2_000_000_000_000_000))
    with Ledger.open(Layout(folder).ledger, info, lambda: next(now), (), keys=keys) as ledger:
        done, n_signed = 0, 0
        versions = {}
        while done < n_events:
            n, events = min(BATCH, n_events - done), []
            is_signed = every and n > 100
            n_new = n - n // every if is_signed else n
            for number in range(n_new):
                stream = f"batch/B{(done + number) % 2_000}"
                events.append(NewEvent(stream, step(stream, done + number),
                                       versions.get(stream, 0), "u-1"))  # fmt: skip
                versions[stream] = versions.get(stream, 0) + 1
            added = ledger.append(events)
            if is_signed:
                last = {one.stream: one for one in added}
                chosen = list(last.values())[: n - n_new]
                signed = [NewEvent(one.stream, signature(one, keys.signers[0]),
                                   versions[one.stream], "u-1") for one in chosen]  # fmt: skip
                ledger.append(signed)
                n_signed += len(signed)
                for one in chosen:
                    versions[one.stream] += 1
            done = ledger.head()
            ledger.checkpoint()
    return done, n_signed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--signed", type=float, default=1.0, help="percent of the events")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    every = round(100 / options.signed) if options.signed else 0
    with tempfile.TemporaryDirectory(prefix="verifier-") as name:
        folder = Path(name)
        began = time.perf_counter()
        n_events, n_signed = make_home(folder / "home", options.events, every)
        filled = time.perf_counter() - began
        began = time.perf_counter()
        export(folder / "home", folder / "export", ExportSettings(has_chunks=False))
        exported = time.perf_counter() - began
        shutil.copy(FILE, folder / "check.py")
        runs, cpu = [], []
        for _ in range(2):
            began, before = time.perf_counter(), os.times()
            done = subprocess.run(
                [sys.executable, "-I", str(folder / "check.py"), str(folder / "export")],
                capture_output=True, text=True, check=False, cwd=folder,
            )  # fmt: skip
            runs.append(time.perf_counter() - began)
            after = os.times()
            used = after.children_user + after.children_system
            cpu.append(used - before.children_user - before.children_system)
            if done.returncode:
                sys.exit(done.stdout[-2_000:] + done.stderr[-2_000:])
        size = sum(one.stat().st_size for one in (folder / "export").rglob("*") if one.is_file())
    answer = {
        "n_events": n_events, "n_signed": n_signed, "n_cores": os.cpu_count(),
        "fill_s": round(filled, 1), "export_s": round(exported, 1), "export_bytes": size,
        "verify_s": [round(one, 1) for one in runs],
        "verify_cpu_s": [round(one, 1) for one in cpu],
        "load": round(os.getloadavg()[0], 1), "target_s_at_1M_events": LIMIT_S,
        "answer": done.stdout.splitlines()[:4],
    }  # fmt: skip
    text = json.dumps(answer, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
