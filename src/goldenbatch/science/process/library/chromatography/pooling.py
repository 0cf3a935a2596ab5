"""What is collected: pools and fractions, with yield, purity, concentration and productivity.

References:
    Carta and Jungbauer 2020, Protein Chromatography, 2nd ed., ch. 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.chromatography.chromatogram import Chromatogram

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """What leaves between two times.

    Attributes:
        start_s: First time.
        end_s: Last time.
        volume_m3: Collected volume.
        amounts: Of each component, concentration times m3.
        yield_: Share of the product fed that is in the pool.
        purity: Share of the product in the amounts of all components that count.
        concentration: Of the product in the pool.
    """

    start_s: float
    end_s: float
    volume_m3: float
    amounts: dict[str, float]
    yield_: float
    purity: float
    concentration: float


def pool(
    made: Chromatogram, product: str, start_s: float, end_s: float, *,
    counted: Sequence[str] | None = None,
) -> Pool:  # fmt: skip
    """Collect between two times.

    Args:
        made: The chromatogram.
        product: Component that is wanted.
        start_s: First time.
        end_s: Last time.
        counted: Components that purity counts; None: all but the first where that is called
            `salt`, else all.

    Raises:
        DataError: The times lie outside the chromatogram, or in the wrong order.

    >>> from goldenbatch.science.process.library.chromatography import Column, Grid, Section, run
    >>> pipe = Column(("a",), 0.1, 1e-3, (1e-6,), 0.4)
    >>> sections = [Section.steady(0.0, 50.0, (1.0,)), Section.steady(50.0, 400.0, (0.0,))]
    >>> made = run(pipe, sections, grid=Grid(n_cells=32))
    >>> collected = pool(made, "a", 0.0, 400.0)
    >>> round(collected.yield_, 3), collected.purity
    (1.0, 1.0)
    """
    if not made.time_s[0] <= start_s < end_s <= made.time_s[-1]:
        raise DataError(
            f"a pool from {start_s:g} to {end_s:g} s does not lie in the chromatogram of "
            f"{made.time_s[0]:g} to {made.time_s[-1]:g} s.",
            hint="Let it start and end within it.",
        )
    gone = _cumulated(made)
    ends = np.array([[np.interp(t, made.time_s, one) for one in gone.T] for t in (start_s, end_s)])
    amounts = dict(zip(made.components, (ends[1] - ends[0]).tolist(), strict=True))
    whole = sum(amounts[name] for name in _counted(made, counted))
    place = made.index(product)
    given = made.balance.fed[place] + made.balance.start[place]
    volume = (end_s - start_s) * made.flow_m3_s
    return Pool(
        start_s, end_s, volume, amounts,
        amounts[product] / float(given) if given > 0.0 else 0.0,
        amounts[product] / whole if whole > 0.0 else 0.0,
        amounts[product] / volume,
    )  # fmt: skip


def fractions(made: Chromatogram, product: str, edges_s: Sequence[float]) -> tuple[Pool, ...]:
    """Pools between successive times.

    Args:
        made: The chromatogram.
        product: Component that is wanted.
        edges_s: Rising.
    """
    return tuple(pool(made, product, start, end) for start, end in pairwise(edges_s))


def best_pool(
    made: Chromatogram, product: str, min_purity: float, *,
    counted: Sequence[str] | None = None, n_edges: int = 400,
) -> Pool:  # fmt: skip
    """The single window of highest yield whose purity is high enough.

    Args:
        made: The chromatogram.
        product: Component that is wanted.
        min_purity: Between 0 and 1.
        counted: As for `pool`.
        n_edges: Times that may be edges, spread evenly over the product's outflow.

    Raises:
        DataError: No window is pure enough; the message says what is reached.
    """
    gone = _cumulated(made)
    wanted = gone[:, made.index(product)]
    inside = np.flatnonzero((wanted > 1e-6 * wanted[-1]) & (wanted < (1.0 - 1e-6) * wanted[-1]))
    if not inside.size:
        raise DataError(f"no {product} leaves the column.", hint="Run it for longer.")
    edges = np.linspace(made.time_s[max(inside[0] - 1, 0)], made.time_s[inside[-1]], n_edges)
    columns = [made.index(name) for name in _counted(made, counted)]
    own = np.interp(edges, made.time_s, wanted)
    whole = np.interp(edges, made.time_s, gone[:, columns].sum(axis=1))
    amount, total = own[None, :] - own[:, None], whole[None, :] - whole[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        purity = np.where(amount > 0.0, amount / total, 0.0)
    allowed = np.where((purity >= min_purity) & (amount > 0.0), amount, -1.0)
    first, last = np.unravel_index(int(allowed.argmax()), allowed.shape)
    if allowed[first, last] < 0.0:
        raise DataError(
            f"no window reaches a purity of {min_purity:g} of {product}; the best is "
            f"{purity.max():.4f}.",
            hint="Ask for less, or change the gradient or the load.",
        )
    return pool(made, product, float(edges[first]), float(edges[last]), counted=counted)


def productivity(amount: float, cycle_s: float, resin_m3: float) -> float:
    """Product per time and resin volume, in the amount's unit per (m3 s).

    Args:
        amount: Collected in a cycle.
        cycle_s: Length of a cycle, with cleaning and equilibration.
        resin_m3: Volume of the bed.

    >>> productivity(0.5, 1000.0, 1e-3)
    0.5
    """
    if not (cycle_s > 0.0 and resin_m3 > 0.0):
        raise DataError(
            f"a cycle of {cycle_s:g} s on {resin_m3:g} m3 of resin.", hint="Give both above zero."
        )
    return amount / (cycle_s * resin_m3)


def _cumulated(made: Chromatogram) -> Floats:
    """Amounts that have left by each time. Shape `(n, n_components)`."""
    steps = np.diff(made.time_s)[:, None] * 0.5 * (made.outlet[1:] + made.outlet[:-1])
    gone = np.zeros_like(made.outlet)
    np.cumsum(steps, axis=0, out=gone[1:])
    scaled: Floats = gone * made.flow_m3_s
    return scaled


def _counted(made: Chromatogram, counted: Sequence[str] | None) -> tuple[str, ...]:
    if counted is not None:
        return tuple(made.components[made.index(name)] for name in counted)
    is_salted = made.components[0] == "salt" and len(made.components) > 1
    return made.components[1:] if is_salted else made.components
