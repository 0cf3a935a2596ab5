"""A run of the studio as it stands, and what the studio may take of the node's machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Status = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: Final = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class StudioLimits:
    """What the studio takes of the node's machine.

    Attributes:
        n_running: Runs at work at once.
        n_waiting: Runs that wait, of all people.
        n_per_person: Runs of one person that wait or are at work.
        n_kept: Ended runs that are kept; the oldest are cleared.
        bytes_kept: Of all ended runs.
        most_s: Seconds after which a run is ended.
        memory_bytes: Of a run's process.
        n_jobs: Worker processes of one run.
    """

    n_running: int = 1
    n_waiting: int = 20
    n_per_person: int = 4
    n_kept: int = 200
    bytes_kept: int = 2 * 2**30
    most_s: float = 1800.0
    memory_bytes: int = 6 * 2**30
    n_jobs: int = 1


@dataclass(frozen=True)
class StudioRun:
    """A run, as it stands.

    Attributes:
        run: Its name, in the order of asking.
        by: Uid of who asked.
        work: What is asked of the study.
        file: The study's or the line's file in the folder.
        name: Of the study.
        digest: SHA-256 of what the study says.
        model: Name in the library; empty for a line.
        n_runs: Simulations that it takes, as far as it can be told.
        asked_at: Microseconds UTC, as the other times.
        reason: Why it failed, with what to do.
        n_tries: How often it was begun.
    """

    run: str
    by: str
    work: str
    file: str
    name: str
    digest: str
    model: str
    seed: int
    n_runs: int
    options: Mapping[str, Any]
    asked_at: int
    status: Status = "waiting"
    started_at: int | None = None
    ended_at: int | None = None
    reason: str = ""
    hint: str = ""
    n_tries: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


@dataclass(frozen=True)
class AskedRun:
    """What a person asks: the texts of the files, and what of them.

    Attributes:
        files: Name to content; `file` is one of them.
    """

    by: str
    work: str
    file: str
    name: str
    digest: str
    model: str
    seed: int
    n_runs: int
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
