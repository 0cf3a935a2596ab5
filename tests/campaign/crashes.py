"""The program is killed (kill -9) at random moments; nothing acknowledged may be lost or doubled.

One life: files come in one after the other and are imported, analysts woken, the log handed
over. Each command is started as a process and killed at a moment that the seed chooses; the
same command then runs to its end. After each death what was there before must be there still,
nothing may be there twice or with another value, and verification must pass.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration import mill

N_ROWS = 1500
"""Rows of a press file: an import of it takes a good part of the program's run."""


@dataclass
class Truth:
    """What the files say, read by nothing but this."""

    readings: dict[str, dict[int, Any]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    def press(self, rows: list[list[str]]) -> None:
        """Take the rows of a press file: local time in Ljubljana (winter) is UTC+1."""
        for at, force, speed, state in rows:
            hour, minute, second = (int(part) for part in at.split(" ")[1].split(":"))
            time_us = _MARCH + ((hour - 1) * 3600 + minute * 60 + second) * 1_000_000
            newtons = round(float(force.replace(",", ".")) * 1000, 6) if force else None
            self.readings.setdefault(mill.FORCE, {})[time_us] = newtons
            self.readings.setdefault(mill.SPEED, {})[time_us] = float(speed)
            self.readings.setdefault(mill.STATE, {})[time_us] = state

    def laboratory(self, rows: list[list[str]]) -> None:
        """Take the rows of a laboratory file."""
        self.results |= {row[0]: row[3] for row in rows}


_MARCH = 1_614_556_800_000_000
"""2021-03-01 at midnight UTC."""


@dataclass
class Deaths:
    """What a campaign counted."""

    n_deaths: int = 0
    n_survived: int = 0
    by_command: Counter[str] = field(default_factory=Counter)
    n_unfinished: int = 0
    seeds: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Life:
    """A home, its files, and what ought to be in it."""

    def __init__(self, folder: Path, seed: str, empty: Path | None = None) -> None:
        import shutil

        self.home, self.files = folder / "home", folder / "files"
        if empty is None:
            mill.new_home(self.home, self.files)
        else:
            shutil.copytree(empty, self.home)
        self.draw, self.truth = random.Random(seed), Truth()
        self.n_files, self.duration_s = 0, 1.5
        mill.here("adopt", "hardness", "hardness", home=self.home)
        self.before = self.state()

    def new_file(self) -> list[str]:
        """Make the next file; gives the command that imports it."""
        number, folder = self.n_files, self.files / str(self.n_files)
        self.n_files += 1
        if number % 3 == 2:
            rows = mill.lab_rows(range(number * 20, number * 20 + 20), number, **{
                f"b{number * 20 + 15}": 60.0
            })  # fmt: skip
            mill.write(folder / "lab.csv", [mill.LAB_HEAD, *rows])
            self.truth.laboratory(rows)
            return ["import", "lab", "--data", str(folder)]
        rows = mill.press_rows(3600 + number * N_ROWS, N_ROWS, number)
        mill.write(folder / "press.csv", [mill.PRESS_HEAD, *rows])
        self.truth.press(rows)
        return ["import", "press", "--data", str(folder)]

    def next_command(self) -> list[str]:
        """What a site would do next."""
        chance = self.draw.random()
        if chance < 0.6 or not self.n_files:
            return self.new_file()
        return ["run"] if chance < 0.8 else ["flush"]

    def die(self, command: list[str]) -> bool:
        """Start a command and kill it; False if it had ended before."""
        process = subprocess.Popen(
            mill.command(*command, "--json", home=self.home), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=mill.environment(),
        )  # fmt: skip
        began = time.monotonic()
        if self.draw.random() < 0.7:  # most work is done after the first write: from there on
            self._await_first_write(process)
            time.sleep(self.draw.uniform(0, 0.35) ** 1.5)
        else:
            time.sleep(self.draw.uniform(0, self.duration_s))
        has_ended = process.poll() is not None
        process.kill()
        out, err = process.communicate(timeout=60)
        if has_ended:
            assert process.returncode == 0, (command, out, err)
            self.duration_s = 0.8 * self.duration_s + 0.2 * (time.monotonic() - began)
        return not has_ended

    def _await_first_write(self, process: subprocess.Popen[str]) -> None:
        start, deadline = self._sizes(), time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and self._sizes() == start:
            time.sleep(0.002)

    def _sizes(self) -> list[tuple[str, int, int]]:
        paths = [
            *self.home.glob("historian/log/*"), *self.home.glob("ledger/*"),
            *self.home.glob("registry/sha256"), *self.home.glob("historian/chunks"),
        ]  # fmt: skip
        found = []
        for path in paths:
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.name, stat.st_size, stat.st_mtime_ns))
        return sorted(found)

    def state(self) -> dict[str, Any]:
        """All that is stored, in a form in which it can be compared."""
        readings = mill.contents(self.home)
        with mill.opened(self.home) as site:
            events = [(one.stream, one.envelope.version, one.leaf) for one in site.ledger.events()]
            results = {row["batch"]: row["value"] for row in site.ledger.select("result")}
            n_results = len(site.ledger.select("result"))
        return {"readings": readings, "events": events, "results": results, "n": n_results}

    def check(self, command: list[str]) -> bool:
        """After a death: nothing lost, nothing doubled, nothing invented. True: all is there."""
        after, before = self.state(), self.before
        for tag, rows in after["readings"].items():
            found = {at: value for at, value, _ in rows}
            assert len(found) == len(rows), f"after {command}: {tag} has readings twice"
            for at, value, _ in before["readings"][tag]:
                assert found.get(at, "lost") == value, f"after {command}: {tag} at {at} is lost"
            for at, value in found.items():
                assert _is_same(self.truth.readings[tag][at], value), (tag, at, value)
        n_before = len(before["events"])
        assert after["events"][:n_before] == before["events"], f"after {command}: events lost"
        assert len(set(after["events"])) == len(after["events"])
        assert after["n"] == len(after["results"]), "results twice"
        assert before["results"].items() <= after["results"].items()
        for batch, value in after["results"].items():
            assert self.truth.results[batch] == value
        report = mill.here("verify", home=self.home, expect=None)
        assert report.code == 0, (command, report.out)
        self.before = after
        return self._is_complete(after)

    def _is_complete(self, state: dict[str, Any]) -> bool:
        force = state["readings"][mill.FORCE]
        n_told = len(self.truth.readings.get(mill.FORCE, {}))
        return len(force) == n_told and len(state["results"]) == len(self.truth.results)

    def finish(self, command: list[str]) -> None:
        """The same command again, to its end; then all is there."""
        mill.here(*command, home=self.home)
        assert self.check(command), f"{command} again did not bring everything"

    def replay(self) -> None:
        """What was found between the deaths is what a replay finds."""
        mill.here("run", home=self.home)
        seen = mill.here("run", "--replay", "all", "--as-seen", home=self.home).json
        assert seen["is_equal"], seen["differences"]
        numbers = [int(batch[1:]) for batch, value in self.truth.results.items() if value == "60.0"]
        if any(number > 12 for number in numbers):
            assert seen["n_live"] > 0


def _is_same(told: Any, stored: Any) -> bool:
    if told is None or isinstance(told, str):
        return bool(told == stored)
    return stored is not None and abs(told - stored) < 1e-6


def campaign(
    folder: Path, n_deaths: int, seed: str, empty: Path | None = None, a_life: int = 25,
    on_death: Any = None,
) -> Deaths:  # fmt: skip
    """Let the program die `n_deaths` times, over lives of `a_life` deaths each."""
    counted, began = Deaths(), time.monotonic()
    while counted.n_deaths < n_deaths:
        name = f"{seed}/{len(counted.seeds)}"
        counted.seeds.append(name)
        life = Life(folder / f"life{len(counted.seeds)}", name, empty)
        upto = min(n_deaths, counted.n_deaths + a_life)
        while counted.n_deaths < upto:
            command = life.next_command()
            if not life.die(command):
                counted.n_survived += 1
            else:
                counted.n_deaths += 1
                counted.by_command[command[0]] += 1
                counted.n_unfinished += not life.check(command)
                if on_death is not None:
                    on_death(counted.n_deaths, n_deaths)
            life.finish(command)
        life.replay()
    counted.seconds = time.monotonic() - began
    return counted
