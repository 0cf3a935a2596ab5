"""Lines: two unreliable machines with a finite buffer, solved exactly by others."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.two_machine import (
    TwoMachines,
    exact_two_machine,
    simulate_two_machine,
)

_COLUMNS = ("r1", "p1", "r2", "p2", "buffer", "throughput")
CONFIDENCE = 0.99


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Each line of the table: our exact solution, and the interval of our simulation."""
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    # Each simulated interval misses one time in a hundred: Bonferroni holds the whole table to it.
    confidence = 1.0 - (1.0 - CONFIDENCE) / max(len(rows), 1)
    for number, row in enumerate(rows, start=2):
        yield from _replayed(row, files[0], number, confidence)


def _replayed(row: dict[str, str], path: Path, line: int, confidence: float) -> Iterator[Row]:
    try:
        r1, p1, r2, p2, buffer, wanted = (float(row[name]) for name in _COLUMNS)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"a line of the table needs {', '.join(_COLUMNS)}: {error}.", file=str(path), line=line
        ) from error
    machines = TwoMachines(r1, p1, r2, p2, int(buffer))
    name = f"throughput, r {r1:g}/{r2:g} p {p1:g}/{p2:g} buffer {buffer:g}"
    exact = exact_two_machine(machines).throughput
    yield Row(f"{name}, exact", f"{wanted:.9f}", f"{exact:.9f}", exact - wanted, "difference", 1e-8)
    found = simulate_two_machine(machines, confidence=confidence, seed=20261123 + line).throughput
    half = found.half_width
    yield Row(
        f"{name}, simulated", f"{wanted:.6f}", f"{found.mean:.6f} +- {half:.6f}",
        (found.mean - wanted) / half, "difference / half width of the 99 % interval", 1.0,
        note="" if confidence == CONFIDENCE else "interval of the whole table together",
    )  # fmt: skip


CASES = (
    Case(
        name="lines",
        model="lines.two_machine",
        title="Two machines with a finite buffer",
        kind="verification",
        against="exact solution",
        context_of_use="Blocking and starving of two geometric machines in the long run; says "
        "nothing about failure data of a real line.",
        source="exact throughput of the Markov chain, computed independently",
        folder="line",
        pattern="two_machine*.csv",
        replay="lines:replay",
    ),
)
