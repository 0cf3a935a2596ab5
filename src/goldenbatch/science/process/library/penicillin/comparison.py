"""Comparing the twin with batches that others computed: the published MATLAB simulator's.

Pure: whoever has the files reads them and passes dictionaries of numbers and arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.library.penicillin.modes import Corrections, Mode
from goldenbatch.science.process.library.penicillin.record import columns, yields
from goldenbatch.science.process.library.penicillin.start import BatchStart, captured
from goldenbatch.science.process.library.penicillin.twin import Plan, batch
from goldenbatch.science.process.result import Simulation

LIMIT_PERCENT = 0.1
"""Of peak penicillin and of volume, where the reference was solved tightly enough."""
LOOSE_PERCENT = 3.0
"""Where it was not."""
_ASKED = {"SBC": 0.0, "Inhib": 2.0, "Vis": 0.0}
"""Flags that only these values of have a meaning without the plant's own data."""


@dataclass(frozen=True)
class Capture:
    """A batch of the reference: what it began with, how it was run, and what came out.

    Attributes:
        start: From `captured`.
        plan: From its control flags.
        record: Columns by the reference's names, shape `(n_intervals,)`.
        name: For tables.
    """

    start: BatchStart
    plan: Plan
    record: Mapping[str, NDArray[np.float64]]
    name: str = ""


@dataclass(frozen=True)
class Comparison:
    """How far the twin is from a batch of the reference.

    Attributes:
        name: Of the capture.
        errors_percent: Column to the greatest difference, % of the column's greatest magnitude.
        final_p: Penicillin at the end, g/L: twin's and reference's.
        total_kg: Harvested and at the end, by the reference's own count: likewise.
        status: Of the run; `reason` says why it did not come to its end.
        reason: Likewise.
    """

    name: str
    errors_percent: dict[str, float]
    final_p: tuple[float, float]
    total_kg: tuple[float, float]
    status: str
    reason: str

    @property
    def product_percent(self) -> float:
        """Error of penicillin, % of its peak."""
        return self.errors_percent["P"]

    @property
    def volume_percent(self) -> float:
        """Error of the volume, % of its greatest."""
        return self.errors_percent["V"]

    @property
    def is_within(self) -> bool:
        """Whether the run came to its end and both are within 0.1 %."""
        worst = max(self.product_percent, self.volume_percent)
        return self.status == "complete" and worst <= LIMIT_PERCENT


def plan_of(flags: Mapping[str, float]) -> Plan:
    """How a batch of the reference was run, from its control flags.

    Raises:
        DataError: It was run in a way that cannot be replayed: by an operator's random moves
            that were not saved, or by industrial data.

    >>> plan_of({"Faults": 3, "T_sp": 298, "pH_sp": 6.5}).fault
    3
    """
    for name, needed in _ASKED.items():
        if flags.get(name, needed) != needed:
            raise DataError(
                f"control flag {name} is {flags[name]:g}; only {needed:g} can be replayed.",
                hint="Leave this batch out.",
            )
    if flags.get("PRBS", 0.0):
        raise DataError(
            "the batch was steered by random moves of the reference, which it does not save.",
            hint="Replay batches with PRBS 0; run operated ones by Plan(operator_seed=...).",
        )
    return Plan(
        fault=int(flags.get("Faults", 0)),
        holds_paa=flags.get("Raman_spec", 0) == 2,
        ph=float(flags.get("pH_sp", 6.5)),
        temperature_k=float(flags.get("T_sp", 298.0)),
    )


def capture(
    saved: Mapping[str, object],
    record: Mapping[str, NDArray[np.float64]],
    name: str = "",
) -> Capture:
    """A capture from what its two files hold.

    Args:
        saved: `x0` and `Ctrl_flags` (mappings of numbers), `alpha_kla`, `PAA_c`, `N_conc_paa`,
            `T`, `h` and the eight disturbances.
        record: Columns of the trajectory.
        name: For tables.

    Raises:
        DataError: Something is missing, or the sample interval is not 0.2 h.
    """
    x0, flags = saved.get("x0"), saved.get("Ctrl_flags")
    if not isinstance(x0, Mapping) or not isinstance(flags, Mapping):
        raise DataError("the capture has no x0 or no Ctrl_flags.", hint="Pass both as mappings.")
    if abs(_number(saved, "h") - 0.2) > 1e-9:
        raise DataError("the capture's interval is not 0.2 h.", hint="Leave it out.")
    drawn = {key: _number(saved, key) for key in ("alpha_kla", "PAA_c", "N_conc_paa")}
    upsets = {
        key: np.asarray(value, dtype=float)
        for key, value in saved.items()
        if key.startswith("dist") and flags.get("Dis", 1)
    }
    start = captured(x0, drawn, upsets, _number(saved, "T"))
    return Capture(start, plan_of(flags), record, name)


def _number(saved: Mapping[str, object], name: str) -> float:
    value = saved.get(name)
    if value is None:
        raise DataError(f"the capture lacks {name}.", hint="It is no whole capture.")
    return float(np.asarray(value).item())


def replay(
    one: Capture,
    *,
    mode: Mode | Corrections = "compatible",
    settings: Settings | None = None,
) -> Comparison:
    """Run the twin from the start of a capture and compare.

    Args:
        one: From `capture`.
        mode: `compatible`, unless the effect of a correction is asked for.
        settings: Of the solver.
    """
    return compared(one, batch(one.start, mode=mode, plan=one.plan, settings=settings))


def compared(one: Capture, run: Simulation) -> Comparison:
    """A run beside the capture that it began as; one that did not end is infinitely far.

    Raises:
        DataError: The trajectory has another length than the batch, or gaps.
    """
    theirs = {name: np.asarray(column, dtype=float) for name, column in one.record.items()}
    n = one.start.n_intervals
    for name, column in theirs.items():
        if len(column) != n or not np.isfinite(column).all():
            raise DataError(
                f"column {name} of {one.name or 'the capture'} has {len(column)} values, or gaps, "
                f"for {n} intervals.",
                hint="Pass the whole trajectory of the batch.",
            )
    found = columns(run)
    is_whole = run.status == "complete" and len(found["P"]) == n
    errors = {
        name: _percent(found[name], column) if is_whole else float("inf")
        for name, column in theirs.items()
        if name in found and name != "time_h"
    }
    return Comparison(
        one.name,
        errors,
        (run.final("P"), float(theirs["P"][-1])),
        (yields(found).total if is_whole else float("nan"), yields(theirs).total),
        run.status,
        run.reason,
    )


def _percent(found: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Greatest difference, % of the reference's greatest magnitude."""
    peak = max(float(np.abs(reference).max()), 1e-30)
    return 100.0 * float(np.abs(found - reference).max()) / peak
