"""What a batch gives as the plant would write it down: columns under the reference's names, yield.

The columns are those of the published batch records, so a historian, a monitoring model or a
comparison reads the twin and the reference alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.modes import Corrections, Mode, corrections
from goldenbatch.science.process.library.penicillin.variables import FLOWS, STATES
from goldenbatch.science.process.result import Simulation

Columns = dict[str, NDArray[np.float64]]
_HEAT = 1000.0

UNITS: dict[str, str] = {
    "time_h": "h",
    **{one.name: one.unit for one in STATES if one.name not in ("H", "Q")},
    "pH": "1",
    "Q": "MJ",
    **{one.name: one.unit for one in FLOWS},
    "OUR": "g/min",
    "CER": "g/min",
}
"""UCUM codes of the columns; the reference's own labels are often wrong (Q is in kJ / 1000)."""


def columns(run: Simulation) -> Columns:
    """A batch as the reference writes it: row k is the end of interval k and what it was given.

    Returns:
        Name to shape `(n_intervals,)`; `time_h` first, units in `UNITS`.
    """
    found: Columns = {"time_h": run.time[1:]}
    for one in STATES:
        if one.name == "H":
            found["pH"] = run["pH"][1:]
        else:
            found[one.name] = run[one.name][1:] / (_HEAT if one.name == "Q" else 1.0)
    found |= {one.name: run[one.name][:-1] for one in FLOWS}
    return found | {name: run[name][1:] for name in ("OUR", "CER")}


@dataclass(frozen=True)
class Yield:
    """Penicillin of a batch, kg.

    Attributes:
        harvested: Drawn off during the batch.
        at_end: In the vessel at its end.
    """

    harvested: float
    at_end: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.harvested + self.at_end


def yields(record: Columns, mode: Mode | Corrections = "compatible") -> Yield:
    """Penicillin of a batch from its columns, the twin's or the reference's.

    Args:
        record: With `P`, `V`, `Fremoved` and, for the corrected mode, the regions `a0`, `a1`,
            `a3`, `a4`.
        mode: As published a kilogram of harvested broth counts as a litre (about 10 % too much).

    Raises:
        DataError: A column is missing.

    >>> import numpy as np
    >>> one = {"P": np.array([20.0]), "V": np.array([7e4]), "Fremoved": np.array([-4000.0])}
    >>> yields(one).harvested
    16.0
    """
    _require(record, ("P", "V", "Fremoved"))
    litres = -record["Fremoved"]
    if corrections(mode).harvest_density:
        _require(record, ("a0", "a1", "a3", "a4"))
        biomass = record["a0"] + record["a1"] + record["a3"] + record["a4"]
        litres = litres * 1000.0 / (1100.0 + record["P"] + biomass)
    harvested = float(np.sum(litres * record["P"]) * SAMPLE_H / 1000.0)
    return Yield(harvested, float(record["P"][-1] * record["V"][-1] / 1000.0))


def _require(record: Columns, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in record]
    if missing:
        raise DataError(
            f"the batch record lacks {', '.join(missing)}.",
            hint="Use the names of the published batch records.",
        )
