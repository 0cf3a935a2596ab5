"""The demonstration site for half an hour: no error, memory flat, findings appear, trail verifies.

python -m tests.campaign.demo [--minutes 30]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np

from goldenbatch.apps.demo.check import Checker
from goldenbatch.apps.demo.folder import DemoFolder
from goldenbatch.apps.demo.processes import workers_of
from goldenbatch.apps.demo.run import Up, restarts, site_up
from tests.campaign.report import Part

MOST_MB_PER_H = 40.0
"""A process whose memory surely grows faster than this is not flat."""
LOOK_S, SETTLED = 10.0, 0.4
"""Time between two looks; share of the time that caches are given to fill."""


def part(folder: Path, minutes: float) -> Part:
    """Run the site, look at it all the while, and check it at the end."""
    found = Part("the demonstration site", "an error in a log, growing memory, no finding, a break",
                 n=1, has_bound=False, seeds="`1`")  # fmt: skip
    began, site = time.monotonic(), DemoFolder(folder / "site")
    with site_up(site, site.begin(1), lambda *_: None) as up:
        found.details.append(f"page up after {up.seconds:.0f} s, seeding included")
        checker = Checker(site, up.state, lambda line: sys.stderr.write(f"{line}\n"))
        first = checker.run()
        found.failures += [f"at the start: {one}" for one in first.problems]
        found.details.append(
            "after the page was up: "
            + ", ".join(f"{what} {seconds:.0f} s" for what, seconds in first.seconds.items())
        )
        memory = _watch(up, minutes)
        checker.found.problems.clear()
        found.failures += [f"at the end: {one}" for one in checker.run().problems]
        found.failures += restarts(up)
        found.details += _findings(up)
    for name, (times, megabytes) in memory.items():
        said, is_growing = slope_words(name, times, megabytes)
        found.details.append(said)
        if is_growing:
            found.failures.append(said)
    found.seconds = time.monotonic() - began
    return found


def _watch(up: Up, minutes: float) -> Mapping[str, tuple[list[float], list[float]]]:
    """Memory of each process over time (s, MB), read while people would look at pages."""
    memory: dict[str, tuple[list[float], list[float]]] = {}
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < 60.0 * minutes:
        pids = {name: one.process.pid for name, one in up.watched.items() if one.process}
        pids |= {name: int(one["pid"] or 0) for name, one in workers_of(up.folder).items()}
        for name, pid in pids.items():
            times, megabytes = memory.setdefault(name, ([], []))
            times.append(passed)
            megabytes.append(resident_mb(pid))
        for one in up.watched.values():
            one.look()
        with suppress(httpx.HTTPError):
            httpx.get(f"{up.url}/login", timeout=10.0)
        sys.stderr.write(f"\rdemonstration site: {passed / 60:.1f} of {minutes:g} min ")
        time.sleep(LOOK_S)
    return memory


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB; NaN where the system does not say."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return float("nan")


def slope_words(name: str, times: list[float], megabytes: list[float]) -> tuple[str, bool]:
    """How fast memory grows once caches are full, with its interval; and whether that is too much.

    Neighbouring looks are alike, so the error is taken from means of twelve stretches.
    """
    t, m = np.array(times), np.array(megabytes)
    late = (t > SETTLED * t[-1]) & np.isfinite(m)
    if late.sum() < 24:
        return f"memory of the {name}: too few looks", False
    hours = np.array([one.mean() for one in np.array_split(t[late], 12)]) / 3600.0
    means = np.array([one.mean() for one in np.array_split(m[late], 12)])
    (slope, _), covariance = np.polyfit(hours, means, 1, cov=True)
    half = 2.228 * float(np.sqrt(covariance[0, 0]))  # Student, 10 degrees of freedom
    words = (
        f"memory of the {name}: {m[late].mean():.0f} MB, highest {np.nanmax(m):.0f}, slope "
        f"{slope:+.0f} +- {half:.0f} MB/h (95 %), {m[-1] - m[0]:+.0f} MB over all"
    )
    return words, bool(slope - half > MOST_MB_PER_H)


def _findings(up: Up) -> list[str]:
    checker = Checker(up.folder, up.state, lambda _: None)
    rows = checker.findings()
    by_analyst: dict[str, int] = {}
    for one in rows:
        by_analyst[one["analyst"]] = by_analyst.get(one["analyst"], 0) + 1
    said = ", ".join(f"{name} {n}" for name, n in sorted(by_analyst.items()))
    batches = sorted({str(one["batch"]) for one in rows})
    return [f"findings: {said or 'none'}; of {', '.join(batches)}"]


def main() -> int:
    """Run it alone and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="demo-site-") as name:
        found = part(Path(name), given.minutes)
    print(f"\n{found.name}, {found.seconds / 60:.1f} min: {found.verdict()}")
    print(
        "\n".join(
            [*(f"  {one}" for one in found.details), *(f"  FAILED {one}" for one in found.failures)]
        )
    )
    return int(bool(found.failures))


if __name__ == "__main__":
    sys.exit(main())
