"""Columns of the literature that others can be held against, ready to run.

References:
    Breuer et al. 2023, doi:10.1016/j.compchemeng.2023.108340 (both settings).
"""

from __future__ import annotations

from goldenbatch.science.process.library.chromatography.bindings import Linear, StericMassAction
from goldenbatch.science.process.library.chromatography.column import (
    Column,
    Grid,
    Particle,
    Section,
)
from goldenbatch.science.process.library.chromatography.model import column_model
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Recipe, Steps

_LENGTH_M, _VELOCITY_M_S, _POROSITY = 0.014, 5.75e-4, 0.37
_RADIUS_M, _PORES, _FILM_M_S, _DISPERSION_M2_S = 4.5e-5, 0.75, 6.9e-6, 5.75e-8
_PROTEIN_PORE_M2_S, _SALT_PORE_M2_S = 6.07e-11, 7e-10


def linear_column(*, has_shells: bool = True, surface_m2_s: float = 0.0) -> Column:
    """One component that binds linearly: the semi-analytical benchmark.

    Args:
        has_shells: Whether pore diffusion is modelled (general rate model).
        surface_m2_s: Surface diffusion coefficient; 0: none.

    >>> round(linear_column().residence_s, 2)
    24.35
    """
    particle = Particle(
        Linear.of(ka=(3.55,), kd=(0.1,)),
        _PORES,
        _RADIUS_M,
        (_FILM_M_S,),
        (_PROTEIN_PORE_M2_S,) if has_shells else (),
        (surface_m2_s,) if surface_m2_s else (),
    )
    return Column(
        ("solute",), _LENGTH_M, _VELOCITY_M_S, (_DISPERSION_M2_S,), _POROSITY, (particle,)
    )


def pulse(end_s: float = 1500.0) -> tuple[Section, ...]:
    """One unit of concentration for 10 s, then none."""
    return Section.steady(0.0, 10.0, (1.0,)), Section.steady(10.0, end_s, (0.0,))


def ion_exchange_column(*, has_shells: bool = False) -> Column:
    """Salt and three proteins on an ion exchanger, by steric mass action.

    Args:
        has_shells: Whether pore diffusion is modelled.

    >>> ion_exchange_column().components
    ('salt', 'c1', 'c2', 'c3')
    """
    binding = StericMassAction.of(
        ka=(35.5, 1.59, 7.7),
        kd=(1000.0, 1000.0, 1000.0),
        nu=(4.7, 5.29, 3.7),
        sigma=(11.83, 10.6, 10.0),
        capacity=1200.0,
    )
    pore = (_SALT_PORE_M2_S, *(_PROTEIN_PORE_M2_S,) * 3) if has_shells else ()
    particle = Particle(binding, _PORES, _RADIUS_M, (_FILM_M_S,) * 4, pore)
    return Column(
        ("salt", "c1", "c2", "c3"), _LENGTH_M, _VELOCITY_M_S, (_DISPERSION_M2_S,) * 4, _POROSITY,
        (particle,), (50.0, 0.0, 0.0, 0.0),
    )  # fmt: skip


def load_wash_elute() -> tuple[Section, ...]:
    """10 s of load, wash until 90 s, then salt from 100 up by 0.2 a second."""
    return (
        Section.steady(0.0, 10.0, (50.0, 1.0, 1.0, 1.0)),
        Section.steady(10.0, 90.0, (50.0, 0.0, 0.0, 0.0)),
        Section.gradient(90.0, 1500.0, (100.0, 0.0, 0.0, 0.0), (382.0, 0.0, 0.0, 0.0)),
    )


def general_rate(*, n_cells: int = 24, n_shells: int = 8) -> Model:
    """The linear benchmark as a declared model.

    Args:
        n_cells: Along the column.
        n_shells: Of a particle.
    """
    return column_model(linear_column(), Grid(n_cells, n_shells))


def pulse_recipe() -> Recipe:
    """The pulse for the common simulator."""
    return Recipe(
        duration=600.0, interval=10.0, inputs={"in_solute": Steps((0.0, 10.0), (1.0, 0.0))}
    )
