"""Two machines with a finite buffer between them: the exact solution and a simulation of it.

Time goes in steps of one operation. The convention is Gershwin's deterministic processing time
model: in a step the machines' states change first, then the buffer by the new states and the
*old* level. A machine that is up fails with probability `p` only in a step in which it could work
(not blocked, not starved: operation-dependent failures); one that is down is repaired with
probability `r` and works in that same step. The first machine is never starved and the second
never blocked. A part that the second machine works on is still counted in the buffer.

References:
    Gershwin and Schick (1983), Oper. Res. 31:354, doi:10.1287/opre.31.2.354.
    Gershwin (1994), Manufacturing Systems Engineering, Prentice Hall, sec. 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.output_analysis import MeanInterval, mean_interval

_STATES = ((0, 1), (0, 0), (1, 1), (1, 0))
"""Up (1) or down (0) of the two machines. The first one comes back to the empty buffer from
everywhere, as long as the first machine may fail: the elimination ends in it."""

_REACH = 7
"""From the first state of a level to the last one of the next."""

_HUGE = 1e150
_LONGEST_WARM_UP = 200_000


@dataclass(frozen=True, slots=True)
class TwoMachines:
    """Two unreliable machines and the buffer between them; probabilities are per step.

    Attributes:
        repair_1, repair_2: that a machine that is down comes up, over 0, at most 1.
        failure_1, failure_2: that a working machine fails, 0 to under 1.
        buffer: parts that the buffer holds, the one in work on the second machine among them.

    Raises:
        DesignError: a probability outside its range, or no place in the buffer.
    """

    repair_1: float
    failure_1: float
    repair_2: float
    failure_2: float
    buffer: int

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        for name in ("repair_1", "repair_2"):
            if not 0 < getattr(self, name) <= 1:
                raise DesignError(f"{name} is {getattr(self, name)}; give a probability over 0")
        for name in ("failure_1", "failure_2"):
            if not 0 <= getattr(self, name) < 1:
                raise DesignError(f"{name} is {getattr(self, name)}; give a probability under 1")
        if self.buffer < 1:
            raise DesignError(f"a buffer of {self.buffer} parts lets none through; give 1 or more")


@dataclass(frozen=True, slots=True)
class LineRates:
    """What a two-machine line does in the long run.

    Attributes:
        throughput: parts a step.
        mean_buffer: parts in the buffer.
        starved: share of steps in which the second machine is up and finds no part.
        blocked: share of steps in which the first machine is up and finds no place.
        p_empty, p_full: share of steps that begin with an empty and with a full buffer.
    """

    throughput: float
    mean_buffer: float
    starved: float
    blocked: float
    p_empty: float
    p_full: float


@dataclass(frozen=True, slots=True)
class SimulatedRates:
    """Throughput and mean buffer of independent replications, with intervals.

    Attributes:
        throughput, mean_buffer: with their interval.
        n_replications, n_steps, n_warm_up: counted steps a replication, and those before them.
        seed: of the draws.
    """

    throughput: MeanInterval
    mean_buffer: MeanInterval
    n_replications: int
    n_steps: int
    n_warm_up: int
    seed: int


def exact_two_machine(line: TwoMachines) -> LineRates:
    """Solve the Markov chain of 4 (buffer + 1) states for its long-run rates.

    States are eliminated level by level of the buffer, so that any probabilities and any buffer
    are taken; Gershwin's closed form has removable singularities where machines are alike.

    Raises:
        DesignError: two machines that never fail: the buffer stays as it began.

    References:
        Gershwin and Schick (1983). Grassmann, Taksar and Heyman (1985), Oper. Res. 33:1107,
        doi:10.1287/opre.33.5.1107 (elimination without subtraction).

    >>> rates = exact_two_machine(TwoMachines(0.1, 0.01, 0.1, 0.01, 4))
    >>> round(rates.throughput, 6), round(rates.mean_buffer, 6)
    (0.840936, 2.0)
    """
    if line.failure_1 == line.failure_2 == 0:
        raise DesignError("machines that never fail keep whatever buffer they begin with")
    if line.failure_1 == 0:
        # States are eliminated from the full buffer down, which the level must be able to leave;
        # in the mirrored line the second machine, which does fail, has the first one's place.
        return _mirrored(exact_two_machine(_mirror(line)), line.buffer)
    share = _shares(line)
    levels = np.arange(line.buffer + 1)
    by_level = share.sum(axis=1)
    repair = np.where(np.array(_STATES) == 1, 1.0, [line.repair_1, line.repair_2])
    up_2 = np.where(np.array(_STATES)[:, 1] == 1, 1.0 - line.failure_2, line.repair_2)
    return LineRates(
        throughput=float(share[1:].sum(axis=0) @ up_2),
        mean_buffer=float(by_level @ levels),
        # A machine that cannot work cannot fail: what is up stays up.
        starved=float(share[0] @ repair[:, 1]),
        blocked=float(share[-1] @ repair[:, 0]),
        p_empty=float(by_level[0]),
        p_full=float(by_level[-1]),
    )


def simulate_two_machine(
    line: TwoMachines,
    *,
    seed: int,
    n_steps: int = 20_000,
    n_replications: int = 400,
    confidence: float = 0.99,
) -> SimulatedRates:
    """Simulate the line step by step, all replications side by side.

    Replications begin with buffers drawn from the diffusion that the line is like, a random walk
    between two walls, because a wide buffer forgets its beginning slowly. Five relaxation times of
    that walk, at least 1,000 steps and a fifth of the counted ones, at most 200,000, are run in
    addition and not counted.

    Args:
        line: what is simulated.
        seed: of the draws.
        n_steps: counted steps of each replication.
        n_replications: independent ones, 2 or more.
        confidence: of the intervals, by Student's t over replications.

    Raises:
        DesignError: fewer than 2 replications or no steps.

    References:
        Harrison (1985), Brownian Motion and Stochastic Flow Systems, Wiley, sec. 5.5 (stationary
        law and relaxation between two walls).

    >>> line = TwoMachines(0.1, 0.01, 0.1, 0.01, 4)
    >>> found = simulate_two_machine(line, seed=1, n_steps=500, n_replications=200)
    >>> found.throughput.contains(exact_two_machine(line).throughput)
    True
    """
    if n_steps < 1 or n_replications < 2:
        raise DesignError("a simulation needs 1 step and 2 replications or more")
    generator = np.random.default_rng(seed)
    n_warm_up, level = _beginning(line, generator, n_steps, n_replications)
    up_1 = generator.random(n_replications) < _up(line.repair_1, line.failure_1)
    up_2 = generator.random(n_replications) < _up(line.repair_2, line.failure_2)
    made, held = np.zeros(n_replications), np.zeros(n_replications)
    for step in range(n_warm_up + n_steps):
        draws = generator.random((2, n_replications))
        is_free, is_fed = level < line.buffer, level > 0
        up_1 = _next(up_1, is_free, draws[0], line.failure_1, line.repair_1)
        up_2 = _next(up_2, is_fed, draws[1], line.failure_2, line.repair_2)
        leaves = up_2 & is_fed
        if step >= n_warm_up:
            made += leaves
            held += level
        level = level + (up_1 & is_free) - leaves
    return SimulatedRates(
        mean_interval(made / n_steps, confidence),
        mean_interval(held / n_steps, confidence),
        n_replications,
        n_steps,
        n_warm_up,
        seed,
    )


def _up(repair: float, failure: float) -> float:
    return repair / (repair + failure)


def _beginning(
    line: TwoMachines, generator: np.random.Generator, n_steps: int, n_replications: int
) -> tuple[int, Integers]:
    """Steps that are not counted, and the buffers to begin with."""
    drift = _up(line.repair_1, line.failure_1) - _up(line.repair_2, line.failure_2)
    spread = sum(
        _up(r, p) * (1 - _up(r, p)) * (2 - r - p) / (r + p)
        for r, p in ((line.repair_1, line.failure_1), (line.repair_2, line.failure_2))
    )
    spread = max(spread, 1e-9)
    n = line.buffer
    relaxation = 1 / (drift**2 / (2 * spread) + np.pi**2 * spread / (2 * n**2))
    n_warm_up = int(max(1000, n_steps // 5, min(5 * relaxation, _LONGEST_WARM_UP)))
    power = 2 * drift / spread * np.arange(n + 1)
    weights = np.exp(power - power.max())
    return n_warm_up, generator.choice(n + 1, size=n_replications, p=weights / weights.sum())


def _next(is_up: Bools, can_work: Bools, draw: Floats, failure: float, repair: float) -> Bools:
    stays = is_up & ~(can_work & (draw < failure))
    return stays | (~is_up & (draw < repair))


def _mirror(line: TwoMachines) -> TwoMachines:
    return TwoMachines(line.repair_2, line.failure_2, line.repair_1, line.failure_1, line.buffer)


def _mirrored(line: LineRates, buffer: int) -> LineRates:
    """Rates of a line from those of its mirror: holes flow against the parts."""
    return LineRates(
        line.throughput, buffer - line.mean_buffer, line.blocked, line.starved,
        line.p_full, line.p_empty,
    )  # fmt: skip


def _shares(line: TwoMachines) -> Floats:
    """Share of steps that begin in each state, shape (buffer + 1, 4).

    States are eliminated one by one without a subtraction, so that each share is right to its
    last digits however small it is. A state reaches only those of its own level and the next
    ones, at most `_REACH` away.
    """
    rows = _rows(line)
    n = len(rows)
    into: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for k in range(n - 1, 0, -1):
        below = [(j, chance) for j, chance in rows[k].items() if j < k]
        leaving = sum(chance for _, chance in below)
        for i in range(max(0, k - _REACH), k):
            entering = rows[i].pop(k, 0.0)
            if entering:
                weight = entering / leaving
                into[k].append((i, weight))
                for j, chance in below:
                    rows[i][j] = rows[i].get(j, 0.0) + weight * chance
    share = np.zeros(n)
    share[0] = 1.0
    for k in range(1, n):
        share[k] = sum(share[i] * weight for i, weight in into[k])
        if share[k] > _HUGE:
            # Shares may span hundreds of decades; what falls to 0 is under the last digit.
            share[: k + 1] /= _HUGE
    shares: Floats = share.reshape(-1, 4) / share.sum()
    return shares


def _rows(line: TwoMachines) -> list[dict[int, float]]:
    """Chances from each state, numbered level by level, to the others."""
    rows: list[dict[int, float]] = []
    for level in range(line.buffer + 1):
        is_free, is_fed = level < line.buffer, level > 0
        for up_1, up_2 in _STATES:
            row: dict[int, float] = {}
            for j, (next_1, next_2) in enumerate(_STATES):
                chance = _goes(up_1, next_1, is_free, line.failure_1, line.repair_1)
                chance *= _goes(up_2, next_2, is_fed, line.failure_2, line.repair_2)
                target = 4 * (level + next_1 * is_free - next_2 * is_fed) + j
                if chance:
                    row[target] = row.get(target, 0.0) + chance
            rows.append(row)
    return rows


def _goes(up: int, after: int, can_work: bool, failure: float, repair: float) -> float:
    if not up:
        return repair if after else 1 - repair
    fails = failure * can_work
    return 1 - fails if after else fails
