"""Full verification of a home of a million events, one in a hundred signed; proofs and lists.

    python -m benchmarks.verification [--events N] [--rounds N] [--projections] [--out FILE]

The home is real and made once (`benchmarks/_signed_home.py`, some minutes; kept in
`benchmarks/out`); making and exporting it is not timed with the rest. The platform verifies in a
process of its own, as `goldenbatch verify --no-projections` does: file, events, payloads, links,
tree, checkpoints, signatures with their evidence, artefacts; with `--projections` a further run
folds all tables anew and compares them. The verifier runs as an inspector runs it: a copy of its
one file. Peak memory is that of the largest process. The list is that of `benchmarks/authority.py`:
all of 100,000 records that a reviewer may sign.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._signed_home import home
from benchmarks.authority import lists_ms
from goldenbatch.runtime.export import ExportSettings, export
from goldenbatch.runtime.local import LocalSite

FILE = Path(__file__).parents[1] / "src/goldenbatch/verifier/goldenbatch_verify.py"
TARGETS = {"platform_s": 12, "verifier_s": 25, "proof_ms": 1, "list_ms": 100}
N_PROOFS, N_RECORDS = 1_000, 100_000
PLATFORM = """
import json, resource, sys, time
from goldenbatch.runtime.verify import verify
began = time.perf_counter()
report = verify(sys.argv[1], has_projections=sys.argv[2] == "1")
wall = time.perf_counter() - began
if not report.is_ok:
    sys.exit("\\n".join(map(str, report.problems[:20])))
use = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "wall_s": wall, "cpu_s": sum(one.ru_utime + one.ru_stime for one in use),
    "peak_mib": max(one.ru_maxrss for one in use) / 1024, "counts": dict(report.counts),
}))
"""


def platform(path, *, has_projections):
    """One verification by the platform."""
    done = subprocess.run(
        [sys.executable, "-c", PLATFORM, str(path), str(int(has_projections))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout[-2_000:] + done.stderr[-2_000:])
    return json.loads(done.stdout)


def verifier(folder):
    """One verification of an export by the stand-alone verifier."""
    began = time.perf_counter()
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-I", str(folder / "check.py"), str(folder / "export")],
            stdout=said, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        _, status, use = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, lines = time.perf_counter() - began, (folder / "said.txt").read_text().splitlines()
    if process.returncode:
        sys.exit("\n".join(lines[-20:]))
    cpu, peak = use.ru_utime + use.ru_stime, use.ru_maxrss / 1024
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": peak, "said": lines[1:6]}


def proofs(site):
    """Milliseconds of one inclusion proof at random places, median and 99th percentile."""
    draw, head, took = random.Random(1), site.ledger.head(), []
    for _ in range(N_PROOFS):
        seq = draw.randint(1, head)
        began = time.perf_counter()
        site.ledger.proof(seq)
        took.append((time.perf_counter() - began) * 1e3)
    return {"median": statistics.median(took), "p99": sorted(took)[int(N_PROOFS * 0.99)]}


def rounds_of(path, folder, n_rounds):
    """Platform and verifier in turn, each some times."""
    by_platform, by_verifier = [], []
    for _ in range(n_rounds):
        by_platform.append(platform(path, has_projections=False))
        by_verifier.append(verifier(folder))
    return by_platform, by_verifier


def summary(runs):
    """Best and all of some runs: the best is least disturbed by others on the machine."""
    return {
        "wall_s": round(min(one["wall_s"] for one in runs), 1),
        "all_wall_s": [round(one["wall_s"], 1) for one in runs],
        "cpu_s": round(min(one["cpu_s"] for one in runs), 1),
        "peak_mib": round(max(one["peak_mib"] for one in runs)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--projections", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    path = home(options.events)
    with tempfile.TemporaryDirectory(prefix="verification-") as name:
        folder = Path(name)
        began = time.perf_counter()
        export(path, folder / "export", ExportSettings(has_chunks=False))
        exported = time.perf_counter() - began
        shutil.copy(FILE, folder / "check.py")
        by_platform, by_verifier = rounds_of(path, folder, options.rounds)
        size = sum(one.stat().st_size for one in (folder / "export").rglob("*") if one.is_file())
    with LocalSite.open(path, read_only=True) as site:
        measured = {"proof_ms": proofs(site), "list_ms": lists_ms(N_RECORDS)}
    answer = {
        **by_platform[0]["counts"], "n_cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1), "targets_at_1M_events": TARGETS,
        "export_s": round(exported, 1), "export_mb": round(size / 1e6),
        "platform": summary(by_platform),
        "verifier": summary(by_verifier) | {"said": by_verifier[0]["said"]},
        **measured,
    }  # fmt: skip
    if options.projections:
        LocalSite.open(path).close()  # renews those that this version keeps in another form
        answer["platform_with_projections"] = summary([platform(path, has_projections=True)])
    text = json.dumps(answer, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
