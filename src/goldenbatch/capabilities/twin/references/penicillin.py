"""Penicillin: batches of the published simulator, computed in MATLAB by others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.capabilities.twin.references._tables import number_table
from goldenbatch.core.errors import BadInputError

LIMIT, LOOSE = 1e-3, 3e-2
_MATLAB_RTOL = 1e-3
"""Relative tolerance that ode15s has where nobody sets one (MATLAB documentation, odeset)."""


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Penicillin, volume and yield of a captured batch, from its start on."""
    from goldenbatch.science.process.integrate import Settings
    from goldenbatch.science.process.library.penicillin import comparison

    states, conditions, about = files
    one = comparison.capture(_saved(conditions), number_table(states, has_units=True), states.stem)
    tight = comparison.replay(one)
    if tight.status != "complete":
        raise BadInputError(f"the run is {tight.status}: {tight.reason}", file=str(states))
    limit, note = LIMIT, ""
    error = tight.product_percent / 100.0
    if error > LIMIT:
        # Solved as loosely as the reference was, does this batch move by as much?
        loose = comparison.replay(one, settings=Settings(rtol=_MATLAB_RTOL, atol=_MATLAB_RTOL))
        moved = abs(loose.final_p[0] - tight.final_p[0]) / float(np.max(one.record["P"]))
        if moved > LIMIT:
            limit = LOOSE
            note = (
                f"at MATLAB's default tolerance of {_MATLAB_RTOL:g} our own end moves by "
                f"{moved:.2%} of the peak: this reference is not solved to 0.1 %"
            )
    fault = json.loads(about.read_text(encoding="utf-8")).get("faults", 0)
    yield Row(
        f"penicillin, g/L (fault {fault})", f"{tight.final_p[1]:.3f} at the end",
        f"{tight.final_p[0]:.3f} at the end", error, "largest difference / peak", limit, note=note,
    )  # fmt: skip
    yield Row(
        "volume, L", f"{one.record['V'][-1]:.0f} at the end", "", tight.volume_percent / 100.0,
        "largest difference / largest volume", limit,
    )  # fmt: skip
    theirs, ours = tight.total_kg[1], tight.total_kg[0]
    yield Row(
        "penicillin made, kg", f"{theirs:.1f}", f"{ours:.1f}", ours / theirs - 1.0,
        "relative difference",
    )  # fmt: skip


def _saved(path: Path) -> dict[str, Any]:
    """Initial conditions, flags and disturbances from a MATLAB file (level 5)."""
    from scipy.io import loadmat

    try:
        read = loadmat(path, squeeze_me=True, struct_as_record=False)
    except (ValueError, NotImplementedError, TypeError) as error:
        raise BadInputError(f"no MATLAB file of level 5: {error}.", file=str(path)) from error
    return {name: _plain(value) for name, value in read.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    if hasattr(value, "_fieldnames"):
        fields: Mapping[str, Any] = vars(value)
        return {
            name: float(np.asarray(one).item()) for name, one in fields.items() if name[0] != "_"
        }
    return value


CASES = (
    Case(
        name="penicillin",
        model="penicillin.indpensim",
        title="Industrial penicillin fed-batch (IndPenSim 2.02)",
        kind="verification",
        against="other code",
        context_of_use="The twin reproduces the published simulator, faults included; says nothing "
        "about a real plant, as the simulator's own validity is its authors' (Goldrick 2015).",
        source="IndPenSim 2.02 run in MATLAB R2026a; reference only, no licence",
        folder="indpensim",
        pattern="*_states.csv",
        beside=(("_states.csv", "_initconds.mat"), ("_states.csv", "_meta.json")),
        replay="penicillin:replay",
    ),
)
