"""What is believed at a time: mean and covariance of states, parameters and a fault's amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DesignError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.setup import Setup


@dataclass(frozen=True)
class Belief:
    """Mean and covariance of `[states / scale, free parameters, amount]` at a time.

    Attributes:
        time: In the model's time unit since the start of the run.
        mean: Shape `(n,)`.
        cov: Shape `(n, n)`.
        z: Algebraic variables, the next guess. Shape `(n_z,)`.
        gates: Output to rejections in a row, readings inside in a row, whether it is doubted,
            and the time since which it is rejected.
        n_clipped: How often a state was put back to its physical bound: its covariance is then
            too wide or too narrow, and is not corrected.
        n_failed: Steps that no solver got through; the state was held.
    """

    time: float
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]
    z: NDArray[np.float64]
    gates: Mapping[str, tuple[int, int, bool, float]] = field(default_factory=dict)
    n_clipped: int = 0
    n_failed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; numbers come back bit by bit."""
        return {
            "time": self.time, "mean": self.mean.tolist(),
            "cov": self.cov[np.tril_indices(len(self.mean))].tolist(), "z": self.z.tolist(),
            "gates": {name: list(one) for name, one in self.gates.items()},
            "n_clipped": self.n_clipped, "n_failed": self.n_failed,
        }  # fmt: skip

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Belief:
        """Read what `to_json` wrote."""
        mean = np.array(plain["mean"], dtype=float)
        cov = np.zeros((mean.size, mean.size))
        cov[np.tril_indices(mean.size)] = plain["cov"]
        return cls(
            float(plain["time"]), mean, cov + np.tril(cov, -1).T,
            np.array(plain["z"], dtype=float),
            {name: (one[0], one[1], one[2], one[3]) for name, one in plain["gates"].items()},
            int(plain["n_clipped"]), int(plain["n_failed"]),
        )  # fmt: skip

    def doubted(self) -> tuple[str, ...]:
        """Outputs whose sensors are not believed at present."""
        return tuple(name for name, one in self.gates.items() if one[2])


@dataclass(frozen=True)
class Unpacked:
    """A belief's mean in the model's own units."""

    x: NDArray[np.float64]
    p: NDArray[np.float64]
    amount: float


def n_augmented(setup: Setup, hypothesis: Hypothesis) -> int:
    """Number of elements of a belief."""
    return setup.model.n_x + len(setup.moving) + (hypothesis.fault is not None)


def unpack(setup: Setup, hypothesis: Hypothesis, mean: NDArray[np.float64]) -> Unpacked:
    """States and parameters in their units; parameters as they are without the fault."""
    n_x = setup.model.n_x
    p = setup.p0.copy()
    for place, one in enumerate(setup.moving):
        p[one.index] = one.value(float(mean[n_x + place]))
    amount = float(mean[-1]) if hypothesis.fault is not None else 0.0
    return Unpacked(mean[:n_x] * setup.scale, p, amount)


def start_belief(setup: Setup, hypothesis: Hypothesis, time: float = 0.0) -> Belief:
    """What is believed before the first reading.

    Raises:
        DesignError: An initial standard deviation is negative.
    """
    model = setup.model
    x0 = model.x0(setup.p0, setup.initial)
    sd = np.array([
        setup.initial_sd.get(name, 0.05 * scale)
        for name, scale in zip(model.columns("states"), setup.scale, strict=True)
    ])  # fmt: skip
    if (sd < 0).any():
        raise DesignError("an initial standard deviation is negative.", hint="Correct it.")
    mean = [*(x0 / setup.scale), *(one.start for one in setup.moving)]
    spread = [*(sd / setup.scale), *(one.sd for one in setup.moving)]
    if hypothesis.fault is not None:
        mean, spread = [*mean, 0.0], [*spread, 0.0]
    return Belief(
        float(time), np.array(mean, dtype=float), np.diag(np.array(spread) ** 2),
        model.guess_vector(),
    )  # fmt: skip
