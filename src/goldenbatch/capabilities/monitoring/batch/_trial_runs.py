"""Batches of a trial: from its tables, or simulated by the penicillin twin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.monitoring._trial_columns import as_number, is_fault
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData, TrialFile
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent.batch import BatchRun, runs_from_table


class TwinPopulation(BaseModel):
    """Batches of the penicillin twin that stand in for golden batches that nobody has.

    Attributes:
        n_train: That the plan is made from.
        n_test: Further ones that the false-alarm rate is measured on.
        n_faulty: Batches of each of the faults 1 to 8.
        seed: Of the first batch; each takes the next.
        length_sd: Standard deviation of the length in hours; 0: all of 230 h.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_train: int = Field(default=60, ge=6)
    n_test: int = Field(default=30, ge=0)
    n_faulty: int = Field(default=2, ge=0)
    seed: int = 2000
    length_sd: float = Field(default=6.0, ge=0)

    def train(self, variables: Sequence[str], outcomes: Sequence[str]) -> list[BatchRun]:
        """Batches for the plan."""
        return self._good(self.seed, self.n_train, variables, outcomes)

    def test(self, variables: Sequence[str], outcomes: Sequence[str]) -> list[BatchRun]:
        """Good batches that come after those for the plan."""
        return self._good(self.seed + self.n_train, self.n_test, variables, outcomes)

    def faulty(
        self, variables: Sequence[str], outcomes: Sequence[str]
    ) -> Iterable[tuple[str, BatchRun]]:
        """Names of faults with batches that have them."""
        from goldenbatch.science.process.library.penicillin import FAULTS

        first = self.seed + self.n_train + self.n_test
        for number in range(1, len(FAULTS)):
            for k in range(self.n_faulty):
                run = self._one(first + k, number, variables, outcomes)
                yield f"{number} {FAULTS[number]}", run

    def _good(
        self, first: int, n: int, variables: Sequence[str], outcomes: Sequence[str]
    ) -> list[BatchRun]:
        return [self._one(first + k, 0, variables, outcomes) for k in range(n)]

    def _one(
        self, seed: int, fault: int, variables: Sequence[str], outcomes: Sequence[str]
    ) -> BatchRun:
        from goldenbatch.science.process.library.penicillin import batch, columns, draw

        start = draw(seed, is_fixed_length=not self.length_sd, spread_h=self.length_sd or 1.0)
        simulated = batch(start, fault=fault)
        if simulated.status != "complete":
            raise DataError(f"the twin's batch of seed {seed} is {simulated.status}.")
        found = columns(simulated)
        missing = [name for name in (*variables, *outcomes) if name not in found]
        if missing:
            raise BadInputError(
                f"the twin has no column {missing[0]!r}.",
                hint=f"It has: {', '.join(found)}.",
                key="columns.values",
            )
        rows = np.column_stack([found[name] for name in variables])
        ends = tuple((name, float(found[name][-1])) for name in outcomes)
        name = f"twin {seed}" + (f" fault {fault}" if fault else "")
        return BatchRun(name, found["time_h"], rows, (), ends)


def read_runs(
    file: TrialFile, side: TrialData, variables: Sequence[str], outcomes: Sequence[str]
) -> list[BatchRun]:
    """Batches of one side, in the order of their first rows.

    `columns.batch` (the name of the file where it is left out), `columns.phase` (one phase,
    `batch`, where it is left out), `columns.time`. Rows whose time is no number say units.

    Raises:
        BadInputError: A column is missing, or a cell is no number; it is named.
    """
    roles = [role for role in side.tables if not role.split("_", 1)[-1].startswith("label")]
    if not roles:
        return []
    found: list[BatchRun] = []
    for role in roles:
        table, decimal = side.tables[role], file.files[role].decimal
        time = side.names(file, "time", role)[0]
        at = [as_number(one, decimal) for one in table[time]]
        kept = [i for i, one in enumerate(at) if math.isfinite(one)]
        names = _texts(file, side, role, "batch") or [str(one) for one in table["file"]]
        phases = _texts(file, side, role, "phase")
        rows = np.array([_numbers(table, name, kept, decimal) for name in variables]).T
        runs = _runs(
            [names[i] for i in kept], [at[i] for i in kept], rows.reshape(len(kept), -1),
            [phases[i] for i in kept] if phases else [],
        )  # fmt: skip
        last = {name: i for i in kept for name in (names[i],)}
        found += [
            replace(run, outcomes=_ends(table, outcomes, last[run.name], decimal)) for run in runs
        ]
    return found


def _runs(
    names: Sequence[str], time: Sequence[float], rows: Any, phases: Sequence[str]
) -> list[BatchRun]:
    try:
        return runs_from_table(names, time, rows, phases)
    except DataError as error:
        raise BadInputError(f"{error}", key="columns.time") from error


def _texts(file: TrialFile, side: TrialData, role: str, key: str) -> list[str]:
    if key not in file.columns:
        return []
    return [_text(one) for one in side.tables[role][side.names(file, key, role)[0]]]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbers(
    table: Mapping[str, Sequence[Any]], name: str, rows: Sequence[int], decimal: str
) -> list[float]:
    if name not in table:
        raise BadInputError(
            f"no column {name!r}.", hint=f"There are: {', '.join(table)}.", key="columns.values"
        )
    return [as_number(table[name][i], decimal) for i in rows]


def _ends(
    table: Mapping[str, Sequence[Any]], outcomes: Sequence[str], row: int, decimal: str
) -> tuple[tuple[str, float], ...]:
    return tuple((name, _numbers(table, name, [row], decimal)[0]) for name in outcomes)


def labels(file: TrialFile, side: TrialData, runs: Sequence[BatchRun]) -> dict[str, str]:
    """Batch to the fault that it is known to have; empty: good, or nothing is known.

    The column `columns.label` stands in the table of the batches, or in one whose role has
    `label` in its name: then a row belongs to the batch whose file begins like its own.
    """
    found = {run.name: "" for run in runs}
    if "label" not in file.columns:
        return found
    for role, table in side.tables.items():
        wanted = file.columns["label"]
        name = next((one for one in ([wanted] if isinstance(wanted, str) else wanted)
                     if one in table), None)  # fmt: skip
        if name is None:
            continue
        own = _texts(file, side, role, "batch") if "label" not in role else []
        for i, value in enumerate(table[name]):
            batch = own[i] if own else _belonging(str(table["file"][i]), list(found))
            if batch in found and is_fault(value):
                found[batch] = _text(value)
    return found


def _belonging(file: str, names: Sequence[str]) -> str:
    """The name that shares the longest beginning with a file's name, up to its last `_`."""
    head = file.rsplit("_", 1)[0]
    return next((name for name in names if name.rsplit("_", 1)[0] == head), "")
