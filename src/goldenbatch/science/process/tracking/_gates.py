"""Which readings are believed: each by its innovation, a sensor by its last ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.belief import Belief
    from goldenbatch.science.process.tracking.setup import Gate

Standing = Mapping[str, tuple[int, int, bool, float]]


def gated(
    gate: Gate, standing: Standing, names: Sequence[str], far: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which readings are taken in. Shape `(n_names,)`.

    Args:
        gate: Its limits.
        standing: Of each output after the last readings.
        names: Of the readings.
        far: Their innovations in standard deviations.
    """
    inside = far <= gate.limit
    now = dict(zip(names, inside, strict=True))
    away = {name for name, one in standing.items() if one[0] > 0 and now.get(name, False) is False}
    away |= {name for name, is_in in now.items() if not is_in}
    # One sensor alone says nothing on whether it or the process is wrong: it is gated.
    if len(away) > 1 and len(away) > gate.common * len(away | set(names)):
        return np.ones(len(names), dtype=bool)
    doubted = np.array([standing.get(name, (0, 0, False, 0.0))[2] for name in names], dtype=bool)
    found: NDArray[np.bool_] = inside & ~doubted
    return found


def next_gates(
    gate: Gate, belief: Belief, names: Sequence[str], far: NDArray[np.float64]
) -> dict[str, tuple[int, int, bool, float]]:
    """Standing of each output after these readings."""
    found = dict(belief.gates)
    for name, one in zip(names, far, strict=True):
        n_out, n_in, is_doubted, since = found.get(name, (0, 0, False, belief.time))
        if one > gate.limit:
            since = since if n_out else belief.time
            found[name] = (n_out + 1, 0, is_doubted or n_out + 1 >= gate.n_doubt, since)
        else:
            still = is_doubted and n_in + 1 < gate.n_trust
            found[name] = (n_out if still else 0, n_in + 1, still, since)
    return found
