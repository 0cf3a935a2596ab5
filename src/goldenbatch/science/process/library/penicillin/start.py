"""What differs from batch to batch: the start, drawn parameters, length and disturbances.

The draws follow the reference's distributions, not its random numbers, which only MATLAB makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.variables import DISTURBANCE_NAMES

_MEMORY = 0.995
_SIZES = {
    "distMuP": 0.03, "distMuX": 0.25, "distcs": 1500.0, "distcoil": 300.0, "distabc": 0.2,
    "distPAA": 300000.0, "distTcin": 100.0, "distO_2in": 0.02,
}  # fmt: skip
_MEANS: dict[str, tuple[float, float]] = {
    "S": (1.0, 0.1), "DO2": (15.0, 0.5), "V": (58000.0, 500.0), "Wt": (62000.0, 500.0),
    "CO2outgas": (0.038, 0.001), "O2": (0.20, 0.05), "pH": (6.5, 0.1), "T": (297.0, 0.5),
    "PAA": (1400.0, 50.0), "NH3": (1700.0, 50.0),
}  # fmt: skip
_DRAWN: dict[str, tuple[float, float]] = {
    "mu_x": (0.41, 0.025), "mu_p": (0.041, 0.0025), "alpha_kla": (85.0, 10.0),
    "c_paa": (530000.0, 20000.0), "n_paa": (150000.0, 2000.0),
}  # fmt: skip
_RENAMED = {"mup": "mu_p", "mux": "mu_x", "PAA_c": "c_paa", "N_conc_paa": "n_paa"}
LENGTH_H = 230.0


@dataclass(frozen=True)
class BatchStart:
    """All that makes one batch differ from another under the same recipe.

    Attributes:
        initial: Initial states by their column, with `pH` in place of `H`; the rest are 0.
        parameters: `mu_p`, `mu_x`, `alpha_kla`, `c_paa`, `n_paa`.
        length_h: Length of the batch.
        disturbances: By name, one value for each control interval; shape `(n,)`, n at least
            `n_intervals`. Empty: none.
        seed: That it was drawn by; None for one that was given.
    """

    initial: Mapping[str, float]
    parameters: Mapping[str, float]
    length_h: float = LENGTH_H
    disturbances: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse disturbances that are too short or are none."""
        for name, values in self.disturbances.items():
            if name not in DISTURBANCE_NAMES:
                raise DataError(
                    f"there is no disturbance {name!r}.",
                    hint=f"There are {', '.join(DISTURBANCE_NAMES)}.",
                )
            if len(values) < self.n_intervals or not np.all(np.isfinite(values)):
                raise DataError(
                    f"disturbance {name!r} has {len(values)} values, or gaps, for "
                    f"{self.n_intervals} intervals.",
                    hint="Give one finite value for each interval of 0.2 h.",
                )

    @property
    def n_intervals(self) -> int:
        """Number of control intervals."""
        return round(self.length_h / SAMPLE_H)

    def states(self) -> dict[str, float]:
        """Initial states of the model."""
        named = {name: value for name, value in self.initial.items() if name != "pH"}
        if "pH" in self.initial:
            named["H"] = 10.0 ** -self.initial["pH"]
        return named


def _filtered(rng: np.random.Generator, n: int, size: float) -> NDArray[np.float64]:
    """A slow random walk that returns to 0: first-order low pass of white noise."""
    noise = size * rng.standard_normal(n)
    return np.asarray(lfilter([1.0 - _MEMORY], [1.0, -_MEMORY], noise), dtype=float)


def draw(seed: int, *, is_fixed_length: bool = True, spread_h: float = 6.0) -> BatchStart:
    """A batch of the reference's population.

    Args:
        seed: Of NumPy's generator.
        is_fixed_length: 230 h; otherwise normal about it, to the whole hour.
        spread_h: Standard deviation of the length.

    >>> start = draw(1)
    >>> start.n_intervals, sorted(start.parameters)
    (1150, ['alpha_kla', 'c_paa', 'mu_p', 'mu_x', 'n_paa'])
    """
    rng = np.random.default_rng(seed)
    biomass = rng.normal(0.5, 0.05)
    initial = {name: float(rng.normal(*at)) for name, at in _MEANS.items()}
    initial |= {"a0": biomass / 3.0, "a1": 2.0 * biomass / 3.0}
    parameters = {name: float(rng.normal(*at)) for name, at in _DRAWN.items()}
    length = LENGTH_H if is_fixed_length else float(round(rng.normal(LENGTH_H, spread_h)))
    n = round(length / SAMPLE_H) + 1
    upsets = {name: _filtered(rng, n, size) for name, size in _SIZES.items()}
    return BatchStart(initial, parameters, length, upsets, seed)


def nominal(length_h: float = LENGTH_H) -> BatchStart:
    """The mean batch, without disturbances.

    >>> nominal().initial["V"]
    58000.0
    """
    initial = {name: mean for name, (mean, _) in _MEANS.items()}
    initial |= {"a0": 0.5 / 3.0, "a1": 1.0 / 3.0}
    return BatchStart(initial, {name: mean for name, (mean, _) in _DRAWN.items()}, length_h)


def captured(
    x0: Mapping[str, float],
    drawn: Mapping[str, float],
    disturbances: Mapping[str, NDArray[np.float64]],
    length_h: float,
) -> BatchStart:
    """A batch of the reference from what was saved of it, under the reference's names.

    Args:
        x0: `S`, `DO2`, `X`, `P`, `V`, ..., `mup`, `mux`.
        drawn: `alpha_kla`, `PAA_c`, `N_conc_paa`.
        disturbances: `distMuP`, ..., each of shape `(n,)`.
        length_h: Length of the batch.

    Raises:
        DataError: Something is missing.
    """
    found = {**x0, **drawn}
    needed = {*_MEANS, "a0", "a1", "a3", "a4", "P", "Culture_age", "alpha_kla", *_RENAMED}
    missing = sorted(needed - set(found))
    if missing:
        raise DataError(
            f"the start of the batch lacks {', '.join(missing)}.", hint="Give each of them."
        )
    renamed = {_RENAMED.get(name, name): float(found[name]) for name in needed}
    initial = {name: value for name, value in renamed.items() if name not in _DRAWN}
    upsets = {name: np.asarray(v, dtype=float).ravel() for name, v in disturbances.items()}
    return BatchStart(initial, {n: renamed[n] for n in _DRAWN}, float(length_h), upsets)
