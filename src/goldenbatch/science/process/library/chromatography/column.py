"""What a column is: geometry, flow, particles, isotherm, and what is fed section by section.

Which model of the family is meant follows from what is given: a `Particle` without film
transfer is the lumped rate model (its pores belong to the column's porosity), with film
transfer the lumped rate model with pores, with pore diffusion the general rate model.

References:
    Guiochon et al. 2006, Fundamentals of Preparative and Nonlinear Chromatography, 2nd ed.;
    Leweke and von Lieres 2018, doi:10.1016/j.compchemeng.2018.02.025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite, nan
from typing import Literal

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.chromatography.bindings import Binding, Value

Shape = Literal["sphere", "cylinder", "slab"]
SHAPES: dict[Shape, int] = {"sphere": 3, "cylinder": 2, "slab": 1}
FLOW_TOLERANCE = 0.01


@dataclass(frozen=True)
class Particle:
    """One kind of particle in the packing.

    Attributes:
        binding: Isotherm; None: nothing binds.
        porosity: Pores of the particle's volume; 1 is taken where there is no film transfer.
        radius_m: Outer radius.
        film_m_s: Film transfer coefficient of each component; empty: none, the liquid of the
            pores is that of the column (lumped rate model).
        pore_m2_s: Pore diffusion coefficient of each component; empty: the pore liquid of a
            particle is mixed (lumped rate model with pores).
        surface_m2_s: Surface diffusion coefficient of each component; empty: none.
        core_radius_m: Radius of an impermeable core.
        shape: Sphere, cylinder (through its lateral surface) or slab.
        fraction: Share of this kind in the volume of all particles.
        initial_pore: Pore concentrations at the start; empty: those of the column.
        initial_bound: Bound concentrations at the start, of each bound state; empty: 0.
    """

    binding: Binding | None = None
    porosity: float = 1.0
    radius_m: float = nan
    film_m_s: tuple[float, ...] = ()
    pore_m2_s: tuple[float, ...] = ()
    surface_m2_s: tuple[float, ...] = ()
    core_radius_m: float = 0.0
    shape: Shape = "sphere"
    fraction: float = 1.0
    initial_pore: tuple[float, ...] = ()
    initial_bound: tuple[float, ...] = ()

    @property
    def is_lumped(self) -> bool:
        """Whether there is no film transfer."""
        return not self.film_m_s

    def check(self, n_components: int, where: str) -> None:
        """Refuse what cannot be.

        Raises:
            DesignError: A coefficient is missing, negative, or contradicts another.
        """
        for name in ("film_m_s", "pore_m2_s", "surface_m2_s", "initial_pore"):
            _vector(getattr(self, name), n_components, f"{where}: {name}")
        n_states = len(self.binding.owners()) if self.binding else 0
        _vector(self.initial_bound, n_states, f"{where}: initial_bound")
        if self.is_lumped and (self.pore_m2_s or self.surface_m2_s):
            raise DesignError(
                f"{where} has diffusion in its pores, but no film transfer.",
                hint="Give film_m_s, or leave pore_m2_s and surface_m2_s out.",
            )
        if not 0.0 < self.porosity <= 1.0 or not 0.0 < self.fraction <= 1.0:
            raise DesignError(
                f"{where} has porosity {self.porosity} and fraction {self.fraction}.",
                hint="Both lie above 0 and up to 1.",
            )
        if not self.is_lumped and not 0.0 <= self.core_radius_m < self.radius_m:
            raise DesignError(
                f"{where} has radius {self.radius_m} m and core radius {self.core_radius_m} m.",
                hint="Give a radius above zero, and a core smaller than it.",
            )
        if self.surface_m2_s and not self.pore_m2_s:
            raise DesignError(f"{where} has surface but no pore diffusion.", hint="Give pore_m2_s.")


@dataclass(frozen=True)
class Column:
    """A packed bed with axial flow.

    >>> Column(("tracer",), 0.1, 1e-3, (1e-7,), 0.4).residence_s
    100.0

    Attributes:
        components: Their names; the first is the salt where the isotherm needs one.
        length_m: Length of the bed.
        velocity_m_s: Interstitial velocity.
        dispersion_m2_s: Axial dispersion coefficient of each component.
        porosity: Liquid between the particles, of the column's volume; in the lumped rate
            model all liquid, pores included.
        particles: Kinds of particle; none: an empty or non-porous, non-binding bed.
        initial: Concentrations in the column at the start; empty: 0.
        unit: Unit of concentrations (UCUM).
        cross_section_m2: Area of the column, for flows and amounts; NaN where it is not told.
        flow_m3_s: Volumetric flow, checked against the velocity; NaN where it is not told.
    """

    components: tuple[str, ...]
    length_m: float
    velocity_m_s: float
    dispersion_m2_s: tuple[float, ...]
    porosity: float
    particles: tuple[Particle, ...] = ()
    initial: tuple[float, ...] = ()
    unit: str = "mol/m3"
    cross_section_m2: float = nan
    flow_m3_s: float = nan

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        n = len(self.components)
        names = [name for name in self.components if not name.isidentifier()]
        if n == 0 or len(set(self.components)) != n or names:
            raise DesignError(
                f"column has components {self.components}.",
                hint="Give each a name of its own, of letters, digits and underscores.",
            )
        for what, value in (("length_m", self.length_m), ("velocity_m_s", self.velocity_m_s)):
            if not (isfinite(value) and value > 0.0):
                raise DesignError(
                    f"column has {what} = {value}.",
                    hint="Give a value above zero; reversed flow is a column turned round.",
                )
        if not 0.0 < self.porosity <= 1.0:
            raise DesignError(
                f"column has porosity {self.porosity}.", hint="It lies above 0 and up to 1."
            )
        if not self.dispersion_m2_s:
            raise DesignError("column has no dispersion_m2_s.", hint="Give one of each component.")
        _vector(self.dispersion_m2_s, n, "column: dispersion_m2_s")
        _vector(self.initial, n, "column: initial")
        self._check_particles()
        check_flow(self.velocity_m_s, self.flow_m3_s, self.cross_section_m2, self.porosity)

    def _check_particles(self) -> None:
        for index, particle in enumerate(self.particles):
            particle.check(len(self.components), f"particle {index}")
        total = sum(particle.fraction for particle in self.particles)
        if self.particles and not isclose(total, 1.0, abs_tol=1e-6):
            raise DesignError(
                f"fractions of the particles sum to {total:g}.", hint="They must sum to 1."
            )
        if len(self.particles) > 1 and any(particle.is_lumped for particle in self.particles):
            raise DesignError(
                "a particle without film transfer stands beside others.",
                hint="The lumped rate model knows one kind of particle.",
            )

    @property
    def residence_s(self) -> float:
        """Time that the liquid between the particles needs through the column."""
        return self.length_m / self.velocity_m_s

    @property
    def volume_m3(self) -> float:
        """Volume of the bed (one column volume); NaN without a cross-section."""
        return self.length_m * self.cross_section_m2

    @property
    def flow(self) -> float:
        """Volumetric flow in m3/s, of one square metre where no cross-section is told."""
        area = self.cross_section_m2 if isfinite(self.cross_section_m2) else 1.0
        return self.velocity_m_s * self.porosity * area

    def values(self) -> tuple[Value, ...]:
        """All numbers that the balances depend on, with units."""
        found = [
            Value("velocity", "m/s", self.velocity_m_s, "interstitial velocity"),
            Value("length", "m", self.length_m, "length of the bed"),
            Value("porosity", "1", self.porosity, "liquid of the column's volume"),
        ]
        found += [
            Value(f"dispersion_{name}", "m2/s", value, "axial dispersion")
            for name, value in zip(self.components, self.dispersion_m2_s, strict=True)
        ]
        for index, particle in enumerate(self.particles):
            found += self._particle_values(particle, self.prefix(index))
        return tuple(found)

    def prefix(self, index: int) -> str:
        """What the names of a particle's quantities begin with: nothing, if it is the only one."""
        return "" if len(self.particles) == 1 else f"p{index + 1}_"

    def _particle_values(self, particle: Particle, prefix: str) -> list[Value]:
        found: list[Value] = []
        if not particle.is_lumped:
            found += [
                Value("pores", "1", particle.porosity, "pores of the particle's volume"),
                Value("radius", "m", particle.radius_m, "outer radius of the particles"),
                Value("fraction", "1", particle.fraction, "share of this kind of particle"),
            ]
        for name, unit, values in (
            ("film", "m/s", particle.film_m_s),
            ("pore", "m2/s", particle.pore_m2_s),
            ("surface", "m2/s", particle.surface_m2_s),
        ):
            found += [
                Value(f"{name}_{component}", unit, value, f"{name} transfer")
                for component, value in zip(self.components, values, strict=False)
            ]
        if particle.binding is not None:
            found += particle.binding.values(self.components, self.unit)
        return [one._replace(name=prefix + one.name) for one in found]


@dataclass(frozen=True)
class Grid:
    """How fine the column is cut.

    Attributes:
        n_cells: Cells along the column.
        n_shells: Shells of a particle, where pore diffusion is modelled.
        order: Of the upwind scheme where the solution is smooth: 1, 3 or 5.
        weno_eps: Keeps the weights of the scheme finite, in squared concentration.
        grading: How many times thicker a shell is than the next one outwards.
    """

    n_cells: int = 64
    n_shells: int = 16
    order: int = 5
    weno_eps: float = 1e-10
    grading: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible grids."""
        if self.n_cells < 2 or self.n_shells < 2 or self.order not in (1, 3, 5):
            raise DesignError(
                f"grid of {self.n_cells} cells, {self.n_shells} shells, order {self.order}.",
                hint="Give at least 2 cells and 2 shells, and order 1, 3 or 5.",
            )


@dataclass(frozen=True)
class Section:
    """A stretch of time in which the inlet follows one polynomial for each component.

    Attributes:
        start_s: Its start.
        end_s: Its end.
        inlet: For each component up to four coefficients of the time since the start of the
            section: constant, linear (1/s), quadratic, cubic.
    """

    start_s: float
    end_s: float
    inlet: tuple[tuple[float, ...], ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a section that ends before it starts."""
        if not self.end_s > self.start_s or any(not 1 <= len(c) <= 4 for c in self.inlet):
            raise DesignError(
                f"section from {self.start_s} s to {self.end_s} s with inlet {self.inlet}.",
                hint="Let it end after its start; give 1 to 4 coefficients a component.",
            )

    @classmethod
    def steady(cls, start_s: float, end_s: float, values: Sequence[float]) -> Section:
        """Constant concentrations.

        >>> Section.steady(0.0, 10.0, (50.0, 1.0)).at(5.0)
        (50.0, 1.0)
        """
        return cls(start_s, end_s, tuple((float(value),) for value in values))

    @classmethod
    def gradient(
        cls, start_s: float, end_s: float, first: Sequence[float], last: Sequence[float]
    ) -> Section:
        """Linear from one composition to another.

        >>> Section.gradient(90.0, 190.0, (50.0,), (70.0,)).at(140.0)
        (60.0,)
        """
        span = end_s - start_s
        pairs = zip(first, last, strict=True)
        return cls(start_s, end_s, tuple((a, (b - a) / span) for a, b in pairs))

    def at(self, time_s: float) -> tuple[float, ...]:
        """Inlet concentrations at a time."""
        local = time_s - self.start_s
        return tuple(sum(c * local**k for k, c in enumerate(one)) for one in self.inlet)


def check_flow(velocity_m_s: float, flow_m3_s: float, area_m2: float, porosity: float) -> None:
    """Refuse a flow, an area and a velocity that contradict one another.

    Some simulators take the flow and silently forget the velocity; a factor of a thousand in an
    area then lets everything break through at once.

    Raises:
        DesignError: They differ by more than 1 %.

    >>> check_flow(5.75e-4, 6e-5, 0.28202115, 0.37)
    """
    if not (isfinite(flow_m3_s) and isfinite(area_m2)):
        return
    implied = flow_m3_s / (area_m2 * porosity)
    if not isclose(implied, velocity_m_s, rel_tol=FLOW_TOLERANCE):
        raise DesignError(
            f"velocity {velocity_m_s:g} m/s contradicts the flow: {flow_m3_s:g} m3/s through "
            f"{area_m2:g} m2 of porosity {porosity:g} is {implied:g} m/s.",
            hint="Correct one of them so that u = F/(A eps), or leave the area or the flow out.",
        )


def _vector(values: Sequence[float], n_expected: int, where: str) -> None:
    if values and len(values) != n_expected:
        raise DesignError(
            f"{where} has {len(values)} values, not {n_expected}.", hint="Give one of each."
        )
    bad = [one for one in values if not (isfinite(one) and one >= 0.0)]
    if bad:
        raise DesignError(f"{where} has a value of {bad[0]}.", hint="Give finite values from 0 up.")
