"""A contaminated culture: any cell model with an organism in it that nobody wanted.

A contaminant is not a wrong parameter: it begins as a few cells, doubles within the hour and
starves the culture days later. So it is a state of its own, put into an existing model: it grows
on a substrate by Monod's law, takes it from the cells, and comes in by a jump.
"""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.declarations import Jump, Parameter, State
from goldenbatch.science.process.model import Expressions, Model, ModelRef

if TYPE_CHECKING:
    from goldenbatch.science.process.declarations import Quantity

STATE, JUMP = "contaminant", "contamination"
NOBODY = 1e-12


def contaminated(
    *,
    target: str,
    settings: tuple[tuple[str, Any], ...] = (),
    substrate: str,
    volume: str = "",
    doubling_h: float = 0.5,
    cell_yield: float = 0.5,
    affinity: float = 0.0,
) -> Model:
    """A model with a contaminant that grows on one of its substrates.

    The contaminant is stated in the unit of the substrate, as what it has taken up; its yield is
    what it keeps of that. Growth `mu c S / (K + S)` with `mu = ln 2 / doubling time`; the
    substrate is used at growth over yield. Where a volume is named, inflow dilutes it as it
    dilutes the cells.

    Args:
        target: Function that builds the model, `package.module:function`.
        settings: Its keyword arguments.
        substrate: State that it eats.
        volume: State of the volume; empty: a batch without inflow.
        doubling_h: Doubling time at plenty, in hours; half an hour is that of many bacteria.
        cell_yield: Contaminant made of substrate, in the same unit.
        affinity: Substrate at half the growth, in its unit; 0: a hundredth of its scale.

    Raises:
        DesignError: The model has no such state, or no time.

    References:
        Monod (1949), Annu. Rev. Microbiol. 3:371, doi:10.1146/annurev.mi.03.100149.002103.
    """
    model = ModelRef(target, tuple(settings)).load()
    food = _state(model, substrate)
    if not (doubling_h > 0.0 and 0.0 < cell_yield <= 1.0):
        raise DesignError(
            f"a contaminant doubles in {doubling_h} h with a yield of {cell_yield}.",
            hint="The time is positive, the yield above 0 and at most 1.",
        )
    mu = log(2.0) * _hours(model) / doubling_h
    added = (
        _parameter("contaminant_mu", f"1/{model.time_unit}", mu),
        _parameter("contaminant_K", food.unit, affinity or 0.01 * food.scale),
        _parameter("contaminant_yield", "1", cell_yield),
    )
    state = State(STATE, food.unit, (0.0,), lower=0.0, scale=food.scale,
                  help="substrate that a contaminant has turned into itself")  # fmt: skip
    return replace(
        model,
        name=f"{model.name}+contaminant",
        states=(*model.states, state),
        parameters=(*model.parameters, *added),
        jumps=(*model.jumps, Jump(JUMP, (("amount", food.unit),), "a contaminant comes in")),
        expressions=_extended(model, substrate, volume),
    )


def contaminated_ref(ref: ModelRef, substrate: str, **more: Any) -> ModelRef:
    """Reference to a contaminated model; see `contaminated` for what else can be set."""
    given = {"target": ref.target, "settings": ref.settings, "substrate": substrate, **more}
    return ModelRef(f"{__name__}:contaminated", tuple(sorted(given.items())))


def _extended(model: Model, substrate: str, volume: str) -> Expressions:
    """Expressions with the contaminant as the last state and its parameters as the last three."""
    e = model.expressions
    c, mu, affinity, kept = (ca.SX.sym(name) for name in ("c", "mu", "K", "kept"))
    place = model.at("states", substrate).start
    food = ca.fmax(e.x[place], 0.0)
    # Less than this is nobody: a rounding error would double for days as a real cell does.
    alive = ca.if_else(c > NOBODY * model.states[_place(model, substrate)].scale, c, 0.0)
    growth = mu * alive * food / (affinity + food)
    rhs = ca.SX(e.rhs)
    rhs[place] = rhs[place] - growth / kept
    dilution = 0.0
    if volume:
        at = model.at("states", volume).start
        dilution = ca.fmax(e.rhs[at], 0.0) / e.x[at]
    amount = ca.SX.sym("amount")
    own = (amount, ca.vertcat(e.x, c + amount))
    return replace(
        e, x=ca.vertcat(e.x, c), p=ca.vertcat(e.p, mu, affinity, kept),
        rhs=ca.vertcat(rhs, growth - dilution * c),
        starts=ca.vertcat(e.starts, 0.0), laws=_laws(model, place, growth / kept),
        jumps=(*((symbols, ca.vertcat(after, c)) for symbols, after in e.jumps), own),
    )  # fmt: skip


def _laws(model: Model, place: int, uptake: Any) -> Any:
    """Laws of the model; what the contaminant takes is a loss of those that count substrate."""
    e = model.expressions
    n = len(model.laws)
    if not n:
        return e.laws
    lost = ca.jacobian(e.laws[:n], e.x[place]) * uptake
    return ca.vertcat(e.laws[:n], e.laws[n:] - lost)


def _state(model: Model, name: str) -> Quantity:
    for one in model.states:
        if one.name == name and one.size == 1:
            return one
    names = ", ".join(one.name for one in model.states if one.size == 1)
    raise DesignError(f"{model.name} has no scalar state {name!r}.", hint=f"It has: {names}.")


def _place(model: Model, name: str) -> int:
    return [one.name for one in model.states].index(name)


def _parameter(name: str, unit: str, value: float) -> Parameter:
    return Parameter(name, unit, (value,), lower=0.0, scale=value, source="of the contaminant")


def _hours(model: Model) -> float:
    """Length of the model's time unit in hours."""
    from goldenbatch.core.quantities import conversion

    try:
        return float(conversion(model.time_unit, "h")[0])
    except ValueError as error:
        raise DesignError(
            f"the time unit of {model.name} is {model.time_unit!r}: {error}", hint=""
        ) from error
