"""Primary drying as a declared model: the balances of `primary`, with the ice's temperature free.

The batch kernel is for a thousand vials at once; this model serves fitting, tracking and export
of one. A test holds both equal.

References:
    Pikal (1985), J. Parenter. Sci. Technol. 39:115.
    Patel, Doen and Pikal (2010), AAPS PharmSciTech 11:73, doi:10.1208/s12249-009-9362-7
    (the Pirani gauge reads water vapour 1.6 times too high).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.library.freeze_drying.containers import (
    RESISTANCE_m_s,
    TRANSFER_W_m2_K,
)
from goldenbatch.science.process.library.freeze_drying.properties import PIKAL, TORR_Pa
from goldenbatch.science.process.recipe import Linear, Recipe
from goldenbatch.science.process.smooth import smooth_max, smooth_min

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Model

_PIKAL_1984 = "doi:10.1002/jps.2600730910"
_PIKAL_1985 = "Pikal 1985, J. Parenter. Sci. Technol. 39:115"


def primary_drying() -> Model:
    """Quasi-steady sublimation from one vial; a thermocouple and a Pirani gauge; time in hours.

    >>> model = primary_drying()
    >>> model.n_x, model.n_z
    (1, 1)
    """
    m = ModelBuilder(
        "freeze_drying.primary", version="1", title="Primary drying of a vial", time_unit="h",
        references=(_PIKAL_1985, _PIKAL_1984, "doi:10.1208/s12249-009-9362-7"),
    )  # fmt: skip
    L = m.state("L", "m", lower=0.0, upper=0.1, scale=0.01, help="thickness of the dried layer")
    ice = m.algebraic("T_ice", "K", guess=240.0, lower=180.0, upper=280.0, scale=100.0,
                      help="ice at the front")  # fmt: skip
    shelf = m.input("T_shelf", "K", value=263.15, lower=200.0, upper=400.0, scale=100.0,
                    valid=(223.0, 313.0), help="temperature of the shelf")  # fmt: skip
    pressure = m.input("P", "Pa", value=0.15 * TORR_Pa, lower=0.5, upper=500.0, scale=10.0,
                       valid=(3.0, 60.0), help="pressure of the chamber")  # fmt: skip
    v = _vial(m)
    resistance = m.define("Rp", v.R0 + v.A1 * L / (1.0 + v.A2 * L), "m/s")
    unit_pressure = m.constant("Pa", 1.0, "Pa")
    vapour = m.define("p_ice", unit_pressure * ca.exp(PIKAL.log_pressure - v.slope / ice), "Pa")
    drive = smooth_max(vapour - pressure, 0.0 * pressure, m.constant("p_round", 1e-3, "Pa"))
    flux = m.define("flux", drive / resistance, "kg/m2/s")
    left = m.define("ice_left", v.height - L, "m")
    bottom = m.define("T_bottom", ice + v.latent * flux * left / v.k_ice, "K")
    heat = m.define("q", v.Kv(pressure) * (v.outer / v.inner) * (shelf - bottom), "W/m2")
    m.equation("heat of sublimation", v.latent * flux - heat, "W/m2")
    hour = m.constant("s_per_h", 3600.0, "s/h")
    rate = flux * hour * v.inner
    m.derivative(L, rate / v.ice * v.height)
    m.conserved("ice", v.ice * (1.0 - L / v.height), inflow=-rate, unit="kg")
    m.stop("ice is gone", L - v.height, help="end of primary drying of this vial")
    _outputs(m, SimpleNamespace(L=L, T=ice, bottom=bottom, flux=flux, hour=hour, v=v))
    return m.build()


def _vial(m: ModelBuilder) -> SimpleNamespace:
    """Parameters of vial, fill, cake and heat transfer; and what follows from them."""
    v = SimpleNamespace(slope=m.constant("B", PIKAL.slope_K, "K"))
    v.latent = m.constant("H", PIKAL.sublimation_J_kg, "J/kg")
    v.k_ice = m.constant("k_ice", PIKAL.conductivity_W_m_K, "W/m/K")
    ice_density = m.constant("rho_ice", PIKAL.density_kg_m3, "kg/m3")
    solution = m.constant("rho_solution", 1000.0, "kg/m3")
    solute = m.constant("rho_solute", 1500.0, "kg/m3")
    v.outer = m.parameter("A_outer", "m2", value=3.80e-4, lower=1e-5, help="outer area of the vial")
    v.inner = m.parameter("A_inner", "m2", value=3.14e-4, lower=1e-5, help="inner area of the vial")
    fill = m.parameter("fill", "m3", value=2e-6, lower=1e-8, help="filled volume")
    solids = m.parameter("solids", "kg/m3", value=50.0, lower=0.0, upper=500.0, help="solids")
    v.ice = m.define("m_ice", fill * solution * (1.0 - solids / solute), "kg")
    swollen = solution - solids * (solution - ice_density) / solute
    v.height = m.define("L0", fill / v.inner * swollen / ice_density, "m")
    R0, A1 = 1.4 * RESISTANCE_m_s, 16.0 * RESISTANCE_m_s * 100.0
    v.R0 = m.parameter("R0", "m/s", value=R0, lower=0.0, prior=Prior.lognormal(1.0, _PIKAL_1985),
                       help="resistance without a dried layer")  # fmt: skip
    v.A1 = m.parameter("A1", "1/s", value=A1, lower=0.0, prior=Prior.lognormal(0.7, _PIKAL_1985),
                       help="rise of the resistance with the layer")  # fmt: skip
    v.A2 = m.parameter("A2", "1/m", value=0.0, lower=0.0, scale=100.0,
                       help="bend of the resistance with the layer")  # fmt: skip
    KC = m.parameter("KC", "W/m2/K", value=2.75e-4 * TRANSFER_W_m2_K, lower=0.0,
                     prior=Prior.lognormal(0.25, _PIKAL_1984),
                     help="heat transfer by contact and radiation")  # fmt: skip
    KP = m.parameter("KP", "W/m2/K/Pa", value=8.93e-4 * TRANSFER_W_m2_K / TORR_Pa, lower=0.0,
                     help="heat transfer by the gas")  # fmt: skip
    KD = m.parameter("KD", "1/Pa", value=0.46 / TORR_Pa, lower=0.0, help="its saturation")
    v.Kv = lambda pressure: KC + KP * pressure / (1.0 + KD * pressure)
    v.n_vials = m.parameter("n_vials", "1", value=400.0, lower=1.0, help="vials in the load")
    v.drawn = m.parameter("drawn", "kg/h", value=0.05, lower=1e-6,
                          help="vapour drawn from a chamber that holds nothing else")  # fmt: skip
    return v


def _outputs(m: ModelBuilder, at: SimpleNamespace) -> None:
    """What gauges show, and what is computed."""
    minute = 1.0 / 60.0
    m.output("T_product", at.bottom, "Cel", noise=Noise(sd=0.5), cadence=minute,
             help="thermocouple at the bottom of the vial")  # fmt: skip
    load = at.flux * at.hour * at.v.inner * at.v.n_vials
    vapour = smooth_min(load / at.v.drawn, 1.0 + 0.0 * load / at.v.drawn, 1e-3)
    m.output("pirani_ratio", 1.0 + 0.6 * vapour, "1", noise=Noise(sd=0.01), cadence=minute,
             help="Pirani over capacitance gauge: 1.6 in water vapour, 1 in nitrogen")  # fmt: skip
    m.output("T_front", at.T, "Cel", help="ice at the front")
    m.output("flux", at.flux * at.hour, "kg/m2/h", help="vapour on the inner area")
    m.output("dried", at.L / at.v.height, "1", help="share of the height that is dry")


def default_recipe() -> Recipe:
    """The published standard case: -35 to 20 degrees Celsius at 1 K/min, 150 mTorr."""
    ramp_h = 55.0 / 60.0
    shelf: Any = Linear((0.0, ramp_h), (238.15, 293.15))
    return Recipe(8.0, 1.0 / 60.0, {"T_shelf": shelf, "P": 0.15 * TORR_Pa})
