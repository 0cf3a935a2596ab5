"""The dated report of a campaign: what was tried, how often, and what that bounds."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path

from goldenbatch import __version__
from goldenbatch.science.statistics import clopper_pearson

N_FULL = 1000
"""Deaths of each kind in a full campaign."""


@dataclass
class Part:
    """One kind of trial.

    Attributes:
        name: What was done.
        what_fails: What would have been a failure.
        n: Independent trials.
        failures: What failed, in words.
        seeds: By which it can be done again.
        details: More lines.
        has_bound: Whether trials are alike and random, so that a bound means something.
    """

    name: str
    what_fails: str
    n: int = 0
    failures: list[str] = field(default_factory=list)
    seeds: str = ""
    seconds: float = 0.0
    details: list[str] = field(default_factory=list)
    has_bound: bool = True

    def verdict(self) -> str:
        """Failures of trials, with the exact one-sided upper 95 % bound of their rate."""
        n_failed = len(self.failures)
        said = f"{'none' if not n_failed else n_failed} of {self.n:,}"
        if not self.has_bound or not self.n:
            return said
        upper = clopper_pearson(min(n_failed, self.n), self.n, confidence=0.90).upper
        return f"{said}, exact upper 95 % bound {100 * upper:.3g} %"


def facts() -> list[str]:
    """What the result depends on; nothing that names the machine."""
    return [
        f"goldenbatch {__version__}, Python {platform.python_version()}",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores,"
        f" {'root' if os.geteuid() == 0 else 'a user without rights'}",
        "A kill -9 ends a process; what the operating system holds is written all the same, so it"
        " says nothing of a power cut. Torn and missing writes have tests of their own.",
    ]


def render(parts: list[Part], date: str, n_crashes: int, command: str) -> str:
    """The report as Markdown."""
    is_whole = n_crashes >= N_FULL
    failed = [part for part in parts if part.failures]
    size = (
        "A full campaign."
        if is_whole
        else f"**A small run, {n_crashes} crashes where a full campaign has {N_FULL:,}: it shows"
        " that the campaign works, and bounds little.**"
    )
    if not any(part.has_bound for part in parts):
        size = "No random trials: each part is done whole, once."
    lines = [
        f"# Campaign of {date}", "", size,
        "Nothing failed." if not failed else f"**{len(failed)} of {len(parts)} parts failed.**",
        "", f"Run by `{command}`.", "", *(f"- {one}" for one in facts()), "",
        "| what was done | what would be a failure | failures | minutes |",
        "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for part in parts:
        minutes = f"{part.seconds / 60:.1f}"
        lines.append(f"| {part.name} | {part.what_fails} | {part.verdict()} | {minutes} |")
    lines.append("")
    for part in parts:
        lines += [f"## {part.name}", ""]
        if part.seeds:
            lines += [f"Seeds: {part.seeds}.", ""]
        lines += [f"- {one}" for one in part.details]
        lines += [f"- FAILED: {one}" for one in part.failures]
        lines += [""] if part.details or part.failures else []
    lines += [
        "The bound is the exact (Clopper-Pearson) one-sided upper 95 % limit of the rate of",
        "failures among trials such as these. It bounds what the trials draw from, no more.",
    ]
    return "\n".join(lines).rstrip() + "\n"


def store(text: str, folder: Path, date: str) -> Path:
    """Write a report; one of the same day is kept, the next gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    path, number = folder / f"{date}.md", 1
    while path.exists():
        number += 1
        path = folder / f"{date}-{number}.md"
    path.write_text(text, encoding="utf-8")
    return path


def progress(name: str, done: int, total: int) -> None:
    """One line that is written over on a terminal; a line each tenth elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{name}: {done:,} of {total:,}   ")
        sys.stderr.write("\n" if done == total else "")
    elif done == total or done % max(1, total // 10) == 0:
        sys.stderr.write(f"{name}: {done:,} of {total:,}\n")
    sys.stderr.flush()
