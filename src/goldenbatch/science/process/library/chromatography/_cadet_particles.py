"""Particles and isotherms of a configuration in CADET's form, in both spellings of columns."""

from __future__ import annotations

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.chromatography._cadet_keys import Group
from goldenbatch.science.process.library.chromatography.bindings import (
    Binding,
    Langmuir,
    Linear,
    StericMassAction,
)
from goldenbatch.science.process.library.chromatography.column import SHAPES, Particle, Shape

RAPID_RATE = 1e4
"""Desorption rate constant (1/s) that stands for equilibrium: `IS_KINETIC` 0.

Binding at equilibrium is approached by rates so fast that what they add to the width of a peak
is far below the grid's: `2 k'/(1 + k')^2 u/kd` of plate height, 1e-7 m at 1 mm/s.
"""
RAPID_RATE_AT_REFERENCE = 100.0
"""The same for steric mass action, at the reference salt concentration; faster ones only cost."""
_OLD = {
    "LUMPED_RATE_MODEL_WITHOUT_PORES": (False, False),
    "LUMPED_RATE_MODEL_WITH_PORES": (True, False),
    "GENERAL_RATE_MODEL": (True, True),
}


def is_rapid(binding: Binding) -> bool:
    """Whether an isotherm stands for equilibrium or comes near it."""
    least = RAPID_RATE_AT_REFERENCE if isinstance(binding, StericMassAction) else RAPID_RATE
    return any(kd >= least for kd in getattr(binding, "kd", ()))


def particles(unit: Group, n: int) -> tuple[tuple[Particle, ...], tuple[str, ...]]:
    """Particles of a column, and notes on what was read otherwise."""
    kind = unit.text("UNIT_TYPE")
    if kind in _OLD:
        n_types = max(1, int(unit.number("NPARTYPE", 1.0)))
        if n_types > 1:
            raise DesignError(
                f"{unit.path}: several particle types of a {kind} are not covered.",
                hint="Write the column as COLUMN_MODEL_1D, where they are.",
            )
        found = [_particle(_old_group(unit), unit, n, *_OLD[kind], 1.0)]
    else:
        found = _new_particles(unit, n)
    notes = [note for _, own in found for note in own]
    return tuple(one for one, _ in found), tuple(dict.fromkeys(notes))


def _new_particles(unit: Group, n: int) -> list[tuple[Particle, tuple[str, ...]]]:
    n_types = int(unit.number("NPARTYPE", 0.0))
    shares = unit.numbers("PAR_TYPE_VOLFRAC", (1.0,)) if n_types else ()
    if len(shares) != n_types:
        raise DesignError(
            f"{unit.path}/PAR_TYPE_VOLFRAC has {len(shares)} values for {n_types} types.",
            hint="Give one for each; shares that change along the column are not covered.",
        )
    found = []
    for number in range(n_types):
        own = unit.inner(f"particle_type_{number:03d}")
        film = bool(own.number("HAS_FILM_DIFFUSION", 0.0))
        pore = film and bool(own.number("HAS_PORE_DIFFUSION", 0.0))
        found.append(_particle(own, unit, n, film, pore, shares[number]))
    return found


def _old_group(unit: Group) -> Group:
    """The older spelling, in the names of the newer one."""
    names = {
        "PAR_DIFFUSION": "PORE_DIFFUSION", "PAR_SURFDIFFUSION": "SURFACE_DIFFUSION",
        "INIT_Q": "INIT_CS", "DISCRETIZATION/NBOUND": "NBOUND",
    }  # fmt: skip
    renamed = {}
    # Some write the older name of a column with the newer group of its particles.
    mixed = {**unit.values, **unit.inner("particle_type_000").values}
    for key, value in mixed.items():
        name = key.replace("ADSORPTION_000/", "ADSORPTION/")
        renamed[names.get(name, name)] = value
    if "SURFACE_DIFFUSION" in renamed:
        renamed.setdefault("HAS_SURFACE_DIFFUSION", 1)
    return Group(renamed, unit.path)


def _particle(
    own: Group, unit: Group, n: int, has_film: bool, has_pore: bool, share: float
) -> tuple[Particle, tuple[str, ...]]:
    _refuse(own, unit)
    binding, notes = _binding(own, n)
    starts = _initial_bound(own, binding, n)
    if not has_film:
        pores = own.spread("INIT_CP", n, ()) if own.has("INIT_CP") else ()
        return Particle(binding, initial_bound=starts, initial_pore=pores), notes
    shape = own.text("PAR_GEOM", "SPHERE").lower()
    if shape not in SHAPES:
        raise DesignError(f"{own.path}/PAR_GEOM {shape} is not covered.", hint=f"Known: {SHAPES}.")
    return Particle(
        binding, own.number("PAR_POROSITY"), own.number("PAR_RADIUS"),
        own.spread("FILM_DIFFUSION", n),
        own.spread("PORE_DIFFUSION", n) if has_pore else (),
        _surface_diffusion(own, n) if has_pore else (),
        own.number("PAR_CORERADIUS", 0.0) if has_pore else 0.0,
        _shape(shape), share,
        own.spread("INIT_CP", n) if own.has("INIT_CP") else unit.spread("INIT_C", n, (0.0,) * n),
        starts,
    ), notes  # fmt: skip


def _surface_diffusion(own: Group, n: int) -> tuple[float, ...]:
    """Coefficients, or nothing where all are zero."""
    if not own.number("HAS_SURFACE_DIFFUSION", 0.0):
        return ()
    found = own.spread("SURFACE_DIFFUSION", n)
    return found if any(found) else ()


def _shape(name: str) -> Shape:
    return next(shape for shape in SHAPES if shape == name)


def _refuse(own: Group, unit: Group) -> None:
    for key in ("NREAC_LIQUID", "NREAC_SOLID", "NREAC_CROSS_PHASE", "REACTION_MODEL"):
        for where in (own, unit):
            if where.has(key) and where.text(key) not in ("0", "0.0", "NONE"):
                raise DesignError(
                    f"{where.path}/{key} asks for reactions, which are not covered.",
                    hint="Leave them out.",
                )
    if any(one != 1.0 for one in own.numbers("PORE_ACCESSIBILITY", ())):
        raise DesignError(
            f"{own.path}/PORE_ACCESSIBILITY other than 1 (size exclusion) is not covered.",
            hint="Leave it out.",
        )


def _initial_bound(own: Group, binding: Binding | None, n: int) -> tuple[float, ...]:
    if binding is None or not own.has("INIT_CS"):
        return ()
    given = own.numbers("INIT_CS")
    bound = [index for index, count in enumerate(_counts(own, n)) if count]
    by_component = dict(zip(bound, given, strict=False))
    return tuple(by_component.get(owner, 0.0) for owner in binding.owners())


def _counts(own: Group, n: int) -> tuple[int, ...]:
    counts = tuple(int(one) for one in own.spread("NBOUND", n, (1.0,) * n))
    if any(count not in (0, 1) for count in counts):
        raise DesignError(
            f"{own.path}/NBOUND asks for several bound states, which is not covered.",
            hint="Give 0 or 1 for each component.",
        )
    return counts


def _binding(own: Group, n: int) -> tuple[Binding | None, tuple[str, ...]]:
    kind = own.text("ADSORPTION_MODEL", "NONE")
    if kind == "NONE":
        if own.inner("adsorption").values and not own.has("ADSORPTION_MODEL"):
            raise DesignError(
                f"{own.path} has numbers of an isotherm, but no ADSORPTION_MODEL.", hint="Name it."
            )
        return None, ()
    builders = {
        "LINEAR": _linear, "MULTI_COMPONENT_LANGMUIR": _langmuir, "STERIC_MASS_ACTION": _sma,
    }  # fmt: skip
    if kind not in builders:
        raise DesignError(
            f"{own.path}: isotherm {kind} is not covered.",
            hint=f"Covered are NONE, {', '.join(builders)}.",
        )
    adsorption = own.inner("adsorption")
    rapid = not all(adsorption.numbers("IS_KINETIC", (1.0,)))
    note = ("equilibrium is approached by rates far above those of transport",) if rapid else ()
    return builders[kind](adsorption, own, n, rapid), note


def _full(own: Group, adsorption: Group, key: str, n: int) -> tuple[float, ...]:
    """One value for each component, 0 for one that does not bind."""
    counts = _counts(own, n)
    given = adsorption.numbers(key)
    if len(given) == sum(counts) != n:
        places = iter(given)
        return tuple(next(places) if count else 0.0 for count in counts)
    spread = adsorption.spread(key, n)
    return tuple(value if count else 0.0 for value, count in zip(spread, counts, strict=True))


def _sped(
    ka: tuple[float, ...], kd: tuple[float, ...], is_rapid: bool, fast: float = RAPID_RATE
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rate constants of the same equilibrium, each fast enough where they stand for it."""
    factors = [max(1.0, fast / one) if is_rapid and one > 0.0 else 1.0 for one in kd]
    return (
        tuple(one * f for one, f in zip(ka, factors, strict=True)),
        tuple(one * f for one, f in zip(kd, factors, strict=True)),
    )


def _linear(adsorption: Group, own: Group, n: int, is_rapid: bool) -> Binding:
    ka, kd = _sped(
        _full(own, adsorption, "LIN_KA", n), _full(own, adsorption, "LIN_KD", n), is_rapid
    )
    return Linear.of(ka=ka, kd=kd)


def _langmuir(adsorption: Group, own: Group, n: int, is_rapid: bool) -> Binding:
    ka, kd = _sped(
        _full(own, adsorption, "MCL_KA", n), _full(own, adsorption, "MCL_KD", n), is_rapid
    )
    return Langmuir.of(ka=ka, kd=kd, qmax=_full(own, adsorption, "MCL_QMAX", n))


def _sma(adsorption: Group, own: Group, n: int, is_rapid: bool) -> Binding:
    if not all(_counts(own, n)):
        raise DesignError(
            f"{own.path}: steric mass action with components that do not bind is not covered.",
            hint="Give NBOUND 1 for each.",
        )
    given = adsorption.spread("SMA_KA", n)[1:], adsorption.spread("SMA_KD", n)[1:]
    ka, kd = _sped(*given, is_rapid, RAPID_RATE_AT_REFERENCE)
    references = adsorption.number("SMA_REFC0", 1.0), adsorption.number("SMA_REFQ", 1.0)
    return StericMassAction.of(
        ka=ka, kd=kd, nu=adsorption.spread("SMA_NU", n)[1:],
        sigma=adsorption.spread("SMA_SIGMA", n)[1:],
        capacity=adsorption.number("SMA_LAMBDA"), references=references,
    )  # fmt: skip
