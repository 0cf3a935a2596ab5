"""A home is killed (kill -9) while it activates a model: one version is active, never two or none.

A process activates, rolls back and suspends to a fallback without a rest, and is killed at a
moment that the seed chooses. What it said was done must be so; what it had begun is done whole or
not at all; exactly one version serves, and the artefact that the line names is the approved one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldenbatch.capabilities.governance._reading import line_of, version_of
from goldenbatch.core.model_line import serving_fault
from goldenbatch.runtime.local import LocalSite
from tests.campaign.report import Part
from tests.capabilities.governance import team
from tests.integration import mill

ROOT = Path(__file__).resolve().parents[2]
PLANT = """name = "plant"
version = "1"
[[places]]
path = "site"
level = "site"
"""


@dataclass
class Told:
    """What a campaign counted."""

    n_deaths: int = 0
    n_acts: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def new_home(path: Path) -> None:
    """A home in which version 1 serves and version 2 is approved, both really signed."""
    import argon2

    from goldenbatch.runtime.home import HomeSettings, create_home

    real = argon2.PasswordHasher
    argon2.PasswordHasher = lambda: real(1, 8, 1)  # type: ignore[misc,assignment]
    try:
        create_home(path, HomeSettings("Models", "site", PLANT))
        with LocalSite.open(path) as site:
            team.people(site)
            team.seal(site)
            team.to(site, "activate")
            team.to(site, "validate", 2, follows=1)
            team.act(site, "approve", "quinn", version=2, reason="fit", change="CC-1")
    finally:
        argon2.PasswordHasher = real  # type: ignore[misc]


class Activator:
    """The process that works and dies."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "tests.campaign._activator", str(home)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=mill.environment(), text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._act_s = 0.1
        self._await("ready")

    def _await(self, word: str) -> list[str]:
        """Lines up to one that begins with a word, that one last."""
        found: list[str] = []
        while not found or not found[-1].startswith(word):
            line = self._process.stdout.readline()  # type: ignore[union-attr]
            if not line:
                raise AssertionError(self._process.stderr.read())  # type: ignore[union-attr]
            found.append(line.strip())
        return found

    def live_and_die(self, draw: random.Random) -> list[str]:
        """Work for a while and be killed; what the process had said by then."""
        self._process.stdin.write(f"{draw.random()}\n")  # type: ignore[union-attr]
        child = int(self._await("pid")[-1].split()[1])
        said: list[str] = []
        if draw.random() < 0.9:  # the others die while they open the home
            for number in range(draw.randint(1, 3)):
                began = time.monotonic()
                said += self._await("begin")
                if number:
                    self._act_s = 0.5 * self._act_s + 0.5 * (time.monotonic() - began)
        near = draw.uniform(0.8, 1.1) if draw.random() < 0.5 else draw.uniform(0, 1.3)
        time.sleep(near * self._act_s if said else draw.uniform(0, 0.4))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        return [*said, *self._await("dead")[:-1]]

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.stderr.close()  # type: ignore[union-attr]


def campaign(
    folder: Path, n_deaths: int, seed: str, on_death: Callable[[int], Any] = lambda _: None
) -> Told:
    """Kill so many processes and look after each; raises where anything is not as it must be."""
    home, told, draw = folder / "home", Told(), random.Random(seed)
    new_home(home)
    active, head = 1, 1
    process = Activator(home)
    try:
        for number in range(n_deaths):
            said = process.live_and_die(draw)
            assert not any(line.startswith("Traceback") for line in said), said
            with LocalSite.open(home) as site:
                active, head = _judged(site, said, active, head, told)
                if number in (0, n_deaths - 1):
                    assert site.verify().is_ok
            told.n_deaths += 1
            on_death(told.n_deaths)
    finally:
        process.close()
    return told


def _judged(
    site: LocalSite, said: list[str], active: int, head: int, told: Told
) -> tuple[int, int]:
    """Hold the home against what its process said; what serves now, and the line's length."""
    done = [int(line.split()[1]) for line in said if line.startswith("done")]
    begun = [line for line in said if line.startswith("begin")]
    before = done[-1] if done else active
    allowed = {before}
    is_open = len(begun) > len(done)
    if is_open:
        allowed.add(int(begun[-1].split()[2]))
    line = line_of(site, team.USE)
    assert line.serving is not None
    assert line.active in allowed, (said, line)
    assert line.active in (1, 2)
    n_more = line.head - head - len(done)
    assert n_more == (line.active != before), (said, line, head)
    assert line.faults == ()
    state = version_of(site, team.USE, line.active)
    assert serving_fault(line.serving, state) == ""
    assert site.registry.get(line.serving.digest)
    (row,) = site.ledger.select("model_line", {"use": team.USE})
    assert (row["active"], row["head"]) == (line.active, line.head)
    told.n_acts += len(done) + n_more
    outcome = "between two acts" if not is_open else "kept whole" if n_more else "not begun"
    told.outcomes[outcome if begun else "before the first act"] += 1
    return line.active, line.head


def part(folder: Path, n: int, seed: str) -> Part:
    """The part of a report."""
    from tests.campaign import report

    name = "kill -9 while a model is activated"
    found = Part(name, "two versions active, or none, or one that was not approved", n)
    began, told = time.monotonic(), Told()
    try:
        (folder / "models").mkdir()
        told = campaign(folder / "models", n, seed, lambda done: report.progress(name, done, n))
    except Exception as error:
        found.failures.append(f"{type(error).__name__}: {str(error)[:300]}")
    found.seconds, found.seeds = time.monotonic() - began, f"`{seed}`"
    counts = ", ".join(f"{one} {count}" for one, count in sorted(told.outcomes.items()))
    found.details = [
        f"{told.n_acts} acts; the act that was under way: {counts or 'none was counted'}",
        "after each death: one version active, the one that was acknowledged or the one that was "
        "begun; its artefact is the approved one; the table equals the fold",
    ]
    return found
