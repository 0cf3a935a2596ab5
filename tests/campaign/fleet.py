"""Many units at 10 Hz through historian and wakes, killed at random; every alarm there once.

    python -m tests.campaign.fleet [--units 200] [--tags 8] [--seconds 60] [--kills 5]

A feeder (`_fleet_feeder`) writes what the units send, a second at a time, and wakes the analyst
after each. It is killed by SIGKILL at random moments and started again. Afterwards each unit's
rows are scored as one block by its frozen plan, and the rule for findings is followed row by row
by the code here: each event must be in the ledger exactly once with the same numbers, and each
row's statistics in the historian with the same bits.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.core.findings import FindingClosed, FindingOpened
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.science.latent.fleet_model import FleetModel
from tests.campaign._fleet_feeder import GAP, HERTZ, N_REFERENCE, STEP, Fleet, frame_of
from tests.campaign.report import Part
from tests.capabilities.monitoring.process.plant import START, plant, unit

N_OVER, N_OF, CLOSE_BELOW, N_BACK = 3, 4, 0.8, 5
LOST_S = 5.0
ROOT = Path(__file__).resolve().parents[2]


def settings_of(fleet: Fleet) -> dict[str, Any]:
    """Settings of the analyst."""
    return {
        "units": ["site/line/*"], "tags": list(fleet.tags), "interval_s": 1 / HERTZ,
        "wait_s": 0.0, "max_age_s": 0.0, "lost_after_s": LOST_S, "is_always": True,
        "n_over": N_OVER, "n_of": N_OF, "close_below": CLOSE_BELOW, "n_back": N_BACK,
        "fit": {
            "n_components": 2, "end": "2023-11-14T22:13:19Z",
            "rate": 0.001 if fleet.n_units >= 20 else 0.005,
        },
    }  # fmt: skip


def prepare(home: Path, fleet: Fleet) -> None:
    """A home with a reference and a fitted model."""
    from goldenbatch.capabilities.monitoring import fit

    settings = HomeSettings(
        name="fleet", site="S", plant=plant(fleet.n_units), kind=HomeKind.DEMONSTRATION
    )
    create_home(home, settings)
    with LocalSite.open(home) as site:
        blocks = np.stack([fleet.reference(i) for i in range(fleet.n_units)])
        site.historian.write(frame_of(fleet, blocks, -N_REFERENCE - GAP, "reference"))
        site.adopt("watch", "monitoring.process", settings_of(fleet))
        fit(site, "watch")
        site.wake()


@dataclass
class Outcome:
    """What a campaign counted."""

    n_kills: int = 0
    n_restarts: int = 0
    n_findings: int = 0
    n_rows: int = 0
    cpu_s: float = 0.0
    steady_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    failures: list[str] = field(default_factory=list)

    def to_json(self, fleet: Fleet) -> dict[str, Any]:
        """As plain JSON."""
        known = {k: v for k, v in vars(self).items() if k not in ("failures", "steady_s")}
        steady = sorted(self.steady_s) or [math.nan]
        return {
            "units": fleet.n_units, "tags": fleet.n_tags, "seconds": fleet.n_seconds, **known,
            "readings_per_second": fleet.n_units * fleet.n_tags * HERTZ,
            "cpu_s_per_second_of_data": round(statistics.fmean(steady), 3),
            "cpu_s_median": round(statistics.median(steady), 3),
            "cpu_s_worst": round(steady[-1], 3),
            "cpu_s_with_starts": round(self.cpu_s / max(1, fleet.n_seconds), 3),
            "failures": self.failures,
        }  # fmt: skip


def feed(home: Path, fleet: Fleet, n_kills: int, seed: str) -> Outcome:
    """Let the feeder run to its end, killing it so often on its way."""
    draw, outcome, began = random.Random(seed), Outcome(), time.monotonic()
    # The last two seconds of data stay free: a kill has to come before the feeder's own end.
    moments = sorted(draw.uniform(0, fleet.n_seconds - 2) for _ in range(n_kills))
    while True:
        command = [sys.executable, "-m", "tests.campaign._fleet_feeder", str(home),
                   str(fleet.n_units), str(fleet.n_tags), str(fleet.n_seconds)]  # fmt: skip
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        outcome.n_restarts += 1
        done = 0
        for line in process.stdout or ():
            told = json.loads(line)
            done = int(told["second"])
            outcome.steady_s.append(told["cpu_s"])
            if moments and done >= moments[0]:
                # Somewhere within the next second of data; Popen's own kill would reap it.
                time.sleep(draw.uniform(0, min(0.25, told["cpu_s"])))
                os.kill(process.pid, signal.SIGKILL)
                moments = moments[1:]
                break
        if process.stdout is not None:
            process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode, is_killed = status, os.WIFSIGNALED(status)
        outcome.cpu_s += usage.ru_utime + usage.ru_stime
        outcome.n_kills += is_killed
        if not is_killed:
            if status:
                outcome.failures.append(f"the feeder ended with {status} at second {done}")
            break
    outcome.wall_s = round(time.monotonic() - began, 1)
    outcome.cpu_s = round(outcome.cpu_s, 2)
    return outcome


def check(home: Path, fleet: Fleet, outcome: Outcome) -> None:
    """Compare what is in the home with what blocks and the rule say."""
    with LocalSite.open(home) as site:
        (model,) = site.ledger.select("model", {"name": "watch"})
        plan = FleetModel.from_bytes(site.registry.get(model["digest"])).plan_of("")
        found = _findings(site)
        for i in range(fleet.n_units):
            severity, wanted = _expected(plan, fleet, i)
            outcome.n_rows += len(severity)
            logged = _logged(site, i)
            if logged != severity:
                outcome.failures.append(f"{unit(i)}: other rows or bits are logged than scored")
            if found.get(unit(i), []) != wanted:
                outcome.failures.append(f"{unit(i)}: findings {found.get(unit(i))}, not {wanted}")
            outcome.n_findings += len(wanted)
        if not site.replay("as-seen").is_equal:
            outcome.failures.append("a replay as seen is different")


def _findings(site: LocalSite) -> dict[str, list[tuple[Any, ...]]]:
    """Start, end and statistics of the findings of each unit, by their start."""
    opened: dict[str, list[Any]] = {}
    for event in site.ledger.events(kinds=("FindingOpened", "FindingClosed")):
        body = event.decode()
        if not body.finding.subject.key.startswith("process"):
            continue
        if isinstance(body, FindingOpened):
            if body.uid in opened:
                raise AssertionError(f"{body.uid} was opened twice")
            values = tuple(one.value.hex() for one in body.finding.measures[:2])
            opened[body.uid] = [body.finding.subject.place, body.finding.start, None, values]
        elif isinstance(body, FindingClosed):
            opened[body.uid][2] = body.finding.end
    found: dict[str, list[tuple[Any, ...]]] = {}
    for place, *rest in sorted(opened.values(), key=lambda one: one[1]):
        found.setdefault(place, []).append(tuple(rest))
    return found


def _logged(site: LocalSite, i: int) -> dict[int, str]:
    tag = f"{unit(i)}/watch_severity"
    series = site.historian.read([tag], (START - 10**12, START + 10**12))
    pairs = zip(series.times().tolist(), series.values().tolist(), strict=True)
    return {time: value.hex() for time, value in pairs}


def _expected(plan: Any, fleet: Fleet, i: int) -> tuple[dict[int, str], list[tuple[Any, ...]]]:
    """Severity of each row of a unit, and its events by the rule."""
    events: list[list[Any]] = []
    severity: dict[int, str] = {}
    recent: list[tuple[int, bool]] = []
    n_back, event = 0, None
    for first, rows in ((-N_REFERENCE - GAP, fleet.reference(i)), (0, fleet.rows(i))):
        scores, _ = plan.score(rows)
        recent, n_back = [], 0  # the gap between is longer than a silence may be
        for k, is_scored in enumerate(scores.is_scored.tolist()):
            at, one = START + (first + k) * STEP, float(scores.severity[k])
            if np.isnan(rows[k]).all():
                continue
            severity[at] = one.hex() if is_scored else "nan"
            if not is_scored:
                continue
            is_over = bool(scores.is_alarm[k])
            recent = [*recent, (at, is_over)][-N_OF:]
            n_back = n_back + 1 if one <= CLOSE_BELOW else 0
            if event is not None:
                if n_back >= N_BACK:
                    event[1], event, recent, n_back = at, None, [], 0
            elif is_over and sum(flag for _, flag in recent) >= N_OVER:
                since = next(time for time, flag in recent if flag)
                event = [since, None, tuple(float(v).hex() for v in scores.values[k])]
                events.append(event)
    return severity, [tuple(one) for one in events]


def campaign(folder: Path, fleet: Fleet, n_kills: int, seed: str) -> Outcome:
    """Prepare, feed and check."""
    home = folder / "fleet"
    prepare(home, fleet)
    outcome = feed(home, fleet, n_kills, seed)
    check(home, fleet, outcome)
    return outcome


def part(folder: Path, n_kills: int, seed: str) -> Part:
    """The part of a report: the whole fleet of 40 tags a unit."""
    fleet = Fleet(200, 40, 60)
    found = Part(
        "kill -9 of a node that watches 200 units at 10 Hz",
        "a finding lost, doubled or with other numbers than block scoring gives, or a statistic",
        n_kills,
        seeds=f"`{seed}`",
    )
    began = time.monotonic()
    try:
        outcome = campaign(folder, fleet, n_kills, seed)
    except Exception as error:
        found.failures.append(f"{type(error).__name__}: {str(error)[:300]}")
    else:
        figures = outcome.to_json(fleet)
        found.failures += outcome.failures
        found.details = [
            f"{figures['readings_per_second']:,} readings a second for {fleet.n_seconds} s of "
            f"data: {figures['cpu_s_per_second_of_data']:g} CPU seconds a second, at most "
            f"{figures['cpu_s_worst']:g} in one, {figures['cpu_s_with_starts']:g} with the starts "
            "after deaths",
            f"{outcome.n_findings} findings and {outcome.n_rows:,} rows held against blocks",
        ]
    found.seconds = time.monotonic() - began
    return found


def main() -> int:
    """Run it; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--tags", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", default="fleet")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    fleet = Fleet(options.units, options.tags, options.seconds)
    with tempfile.TemporaryDirectory(prefix="fleet-", dir=options.folder) as name:
        outcome = campaign(Path(name), fleet, options.kills, options.seed)
    print(json.dumps(outcome.to_json(fleet), indent=2))
    return int(bool(outcome.failures))


if __name__ == "__main__":
    sys.exit(main())
