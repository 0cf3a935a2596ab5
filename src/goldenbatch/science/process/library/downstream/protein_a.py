"""Protein A capture: load on two kinds of site, wash, elution by a modifier, cycle figures.

Loading is the general rate model with a fast and a slow Langmuir site,
`dq_i/dt = k_i ((qmax_i - q_i) cp - q_i/K)`, by a published resin; elution is the lumped rate
model with `dq/dt = k (H0 s^-beta (1 - q/qmax) c - q)`, s being the eluent's modifier, starting
from what the load and the wash have left along the column. Host cell proteins pass with the
flow-through, but for shares that stick to the resin and wash out slowly, or come with the product.

References:
    Gomis-Fons et al. 2020, Biotechnol. Prog. 36, e2995 (model); its numbers as printed in the
    mAb environment of smpl (Quartic, 2022); Gomis Fons 2022, doctoral thesis, Lund University;
    Shukla and Hinckley 2008, doi:10.1002/btpr.50 (host cell proteins).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log10, pi

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography.bindings import Langmuir
from goldenbatch.science.process.library.chromatography.breakthrough import (
    BindingCapacity,
    dynamic_binding_capacity,
)
from goldenbatch.science.process.library.chromatography.chromatogram import Chromatogram
from goldenbatch.science.process.library.chromatography.column import (
    Column,
    Grid,
    Particle,
    Section,
)
from goldenbatch.science.process.library.chromatography.model import column_model
from goldenbatch.science.process.library.chromatography.pooling import Pool, pool
from goldenbatch.science.process.library.chromatography.running import run
from goldenbatch.science.process.library.downstream.flows import Flows
from goldenbatch.science.process.library.downstream.resin import Elution, Impurity, Resin
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Recipe, Steps

Floats = NDArray[np.float64]
UNIT = "g/L"


@dataclass(frozen=True)
class Capture:
    """A capture step.

    Attributes:
        length_m: Of the bed.
        diameter_m: Of the column.
        residence_s: Column volumes per flow, in the load.
        feed_g_l: Product in the feed.
        load_share: Load, as a share of the dynamic binding capacity at 10 % breakthrough.
        wash_cv: Column volumes of wash.
        elution_cv: Column volumes of elution buffer.
        cleaning_cv: Column volumes of cleaning and equilibration together.
        modifier: Of the elution buffer, in the unit of the resin's fit.
        elution_residence_s: Column volumes per flow, in elution and cleaning; the wash runs as the
            load.
    """

    length_m: float = 0.2
    diameter_m: float = 0.3
    residence_s: float = 360.0
    feed_g_l: float = 3.0
    load_share: float = 0.8
    wash_cv: float = 5.0
    elution_cv: float = 4.0
    cleaning_cv: float = 8.0
    modifier: float = 0.9
    elution_residence_s: float = 360.0

    @property
    def area_m2(self) -> float:
        """Cross-section."""
        return pi * self.diameter_m**2 / 4.0

    @property
    def bed_m3(self) -> float:
        """One column volume.

        >>> round(Capture().bed_m3, 5)
        0.01414
        """
        return self.area_m2 * self.length_m


@dataclass(frozen=True)
class Captured:
    """A cycle.

    Attributes:
        capacity: Dynamic and equilibrium capacity, in g per L of bed.
        loaded_g: Product fed.
        lost_g: In the flow-through and the wash.
        pool: The eluate.
        yield_: Share of the product fed.
        hcp_ppm: ng host cell protein per mg of product in the pool.
        hcp_log_reduction: log10 of host cell protein fed over that in the pool.
        cycle_s: Length of the cycle.
        productivity: g of product per L of bed and hour.
        flows: For the footprint.
        load: Chromatogram of load and wash.
        elution: Chromatogram of the elution.
    """

    capacity: BindingCapacity
    loaded_g: float
    lost_g: float
    pool: Pool
    yield_: float
    hcp_ppm: float
    hcp_log_reduction: float
    cycle_s: float
    productivity: float
    flows: Flows
    load: Chromatogram = field(repr=False)
    elution: Chromatogram = field(repr=False)


def loading_column(resin: Resin, step: Capture, residence_s: float | None = None) -> Column:
    """The column while it is loaded and washed: general rate model with two sites.

    >>> round(loading_column(Resin(), Capture()).velocity_m_s * 1e3, 3)
    1.792
    """
    superficial = step.length_m / (residence_s or step.residence_s)
    solid = 1.0 / (1.0 - resin.pores)
    binding = Langmuir.two_sites(
        0, 1, ka=resin.k, kd=tuple(k / resin.K for k in resin.k),
        qmax=tuple(q * solid for q in resin.qmax),
    )  # fmt: skip
    particle = Particle(
        binding, resin.pores, resin.radius_m, (resin.film_m_s(superficial),), (resin.pore_m2_s,)
    )
    velocity = superficial / resin.bed
    return Column(
        ("mab",), step.length_m, velocity, (resin.dispersion_m * superficial,), resin.bed,
        (particle,), unit=UNIT, cross_section_m2=step.area_m2,
    )  # fmt: skip


def elution_column(resin: Resin, step: Capture) -> Column:
    """The column while it elutes: lumped rate model with the modifier."""
    superficial = step.length_m / step.elution_residence_s
    solid = (1.0 - resin.bed) / (1.0 - resin.elution_porosity)
    binding = Elution(
        2, resin.elution_1_s, resin.elution_qmax, resin.elution_h0, resin.elution_beta, solid
    )
    return Column(
        ("modifier", "mab"), step.length_m, superficial / resin.elution_porosity,
        (resin.dispersion_m * superficial,) * 2, resin.elution_porosity, (Particle(binding),),
        unit=UNIT, cross_section_m2=step.area_m2,
    )  # fmt: skip


def breakthrough(
    resin: Resin, step: Capture, grid: Grid | None = None, *, bed_volumes: float = 60.0
) -> tuple[Chromatogram, BindingCapacity]:
    """Load until breakthrough; capacity at 10 % of the feed, in g per L of bed.

    Args:
        resin: Its numbers.
        step: Flow and feed.
        grid: Of the column.
        bed_volumes: Loaded at most.

    Raises:
        DataError: 10 % are not reached within them.
    """
    column = loading_column(resin, step)
    end = bed_volumes * step.residence_s
    made = run(column, [Section.steady(0.0, end, (step.feed_g_l,))], grid=grid or Grid(32, 6))
    void = resin.bed + (1.0 - resin.bed) * resin.pores
    found = dynamic_binding_capacity(
        made.volume_m3, made["mab"], step.feed_g_l, step.bed_m3, dead_volume=void * step.bed_m3
    )
    return made, found


def capture(
    step: Capture | None = None, resin: Resin | None = None, impurity: Impurity | None = None,
    grid: Grid | None = None,
) -> Captured:  # fmt: skip
    """A whole cycle: capacity at this flow, load to its share, wash, elution, figures.

    Args:
        step: What is done.
        resin: Its numbers.
        impurity: Host cell proteins.
        grid: Of the column.

    Raises:
        DataError: The solver gave up, or the load is no share.
    """
    what, own, foreign = step or Capture(), resin or Resin(), impurity or Impurity()
    if not 0.0 < what.load_share <= 1.5:
        raise DataError(
            f"a load of {what.load_share} of the dynamic capacity.", hint="Give 0 to 1.5."
        )
    cut = grid or Grid(32, 6)
    _, capacity = breakthrough(own, what, cut, bed_volumes=_enough(own, what))
    load = _load(own, what, cut, what.load_share * capacity.volume)
    eluted = _elute(own, what, cut, load)
    collected = pool(eluted, "mab", 0.0, float(eluted.time_s[-1]), counted=("mab",))
    loaded = float(load.balance.fed[0]) * 1e3
    eluate = collected.amounts["mab"] * 1e3
    hcp = _hcp(foreign, what, loaded)
    cycle = float(load.time_s[-1]) + (what.elution_cv + what.cleaning_cv) * what.elution_residence_s
    return Captured(
        capacity, loaded, float(load.balance.left[0]) * 1e3, collected, eluate / loaded,
        1e6 * hcp / eluate, log10(foreign.feed_ppm * 1e-6 * loaded / hcp) if hcp > 0.0 else inf,
        cycle, eluate / (what.bed_m3 * 1e3) / (cycle / 3600.0),
        _flows(what, eluate, load), load, eluted,
    )  # fmt: skip


def _enough(resin: Resin, step: Capture) -> float:
    """Bed volumes that fill the bed once and a half."""
    return 1.5 * (1.0 - resin.bed) * sum(resin.qmax) / step.feed_g_l + 3.0


def _load(resin: Resin, step: Capture, grid: Grid, volume_m3: float) -> Chromatogram:
    column = loading_column(resin, step)
    end = volume_m3 / column.flow
    wash = step.wash_cv * step.residence_s
    sections = [
        Section.steady(0.0, end, (step.feed_g_l,)),
        Section.steady(end, end + wash, (0.0,)),
    ]
    return _whole(run(column, sections, grid=grid))


def _whole(made: Chromatogram) -> Chromatogram:
    if made.status != "complete":
        raise DataError(f"the column could not be solved: {made.reason}.", hint="Refine the grid.")
    return made


def _elute(resin: Resin, step: Capture, grid: Grid, load: Chromatogram) -> Chromatogram:
    """Elute what is in the column, pores included, by cell."""
    loaded = loading_column(resin, step)
    held = _held_by_cell(column_model(loaded, grid), load.state, grid.n_cells)
    column = elution_column(resin, step)
    lumped = column_model(column, grid)
    start = lumped.x0()
    start[lumped.at("states", "q_mab")] = held / (1.0 - column.porosity)
    end = step.elution_cv * step.elution_residence_s
    return _whole(
        run(column, [Section.steady(0.0, end, (step.modifier, 0.0))], grid=grid, start=start)
    )


def _held_by_cell(model: Model, state: Floats, n_cells: int) -> Floats:
    """Product per volume of bed in each cell, by the model's own law of conservation."""
    e = model.expressions
    weight = ca.jacobian(e.laws[0], e.x)
    numbers = ca.Function("weights", [e.p], [weight])(model.parameter_vector())
    whole = np.array(numbers, float).ravel() * state
    length = model.parameter_vector()[model.at("parameters", "length")][0]
    by_cell: Floats = whole.reshape(-1, n_cells).sum(axis=0) / (length / n_cells)
    return by_cell


def _hcp(impurity: Impurity, step: Capture, loaded_g: float) -> float:
    """Grams of host cell protein in the pool."""
    stuck = impurity.stuck * exp(-step.wash_cv / impurity.wash_cv)
    return impurity.feed_ppm * 1e-6 * loaded_g * (stuck + impurity.with_product)


def _flows(step: Capture, eluate_g: float, load: Chromatogram) -> Flows:
    bed = step.bed_m3
    buffers = {
        "wash": step.wash_cv * bed, "elution": step.elution_cv * bed,
        "cleaning": step.cleaning_cv * bed,
    }  # fmt: skip
    through = float(load.volume_m3[-1]) - step.wash_cv * bed
    waste = through + (step.wash_cv + step.cleaning_cv) * bed
    return Flows(eluate_g * 1e-3, buffers, waste_m3=waste)


def loading(*, n_cells: int = 16, n_shells: int = 4) -> Model:
    """The loading of the declared step as a model: input `in_mab` in g/L, time in seconds.

    Args:
        n_cells: Along the column.
        n_shells: Of a particle.

    >>> loading(n_cells=4, n_shells=2).n_x
    28
    """
    return column_model(loading_column(Resin(), Capture()), Grid(n_cells, n_shells))


def default_recipe() -> Recipe:
    """Load for two hours, wash for half an hour."""
    return Recipe(
        duration=9000.0, interval=300.0, inputs={"in_mab": Steps((0.0, 7200.0), (3.0, 0.0))}
    )
