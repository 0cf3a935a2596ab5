"""The constants of the IndPenSim fermentation, each with its unit and what it stands for.

Values: Goldrick et al., "The development of an industrial-scale fed-batch fermentation
simulation", J. Biotechnol. 193 (2015) 70-82, doi:10.1016/j.jbiotec.2014.10.029; second version:
Comput. Chem. Eng. 130 (2019) 106471, doi:10.1016/j.compchemeng.2019.05.037. Where the published
simulator leaves a unit out or uses one number for two quantities, the unit here is the one that
makes its balances close, and the help says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

SAMPLE_H = 0.2
"""The control interval, h."""


@dataclass(frozen=True)
class Constant:
    """A number with its unit; `spread` (relative) makes it a parameter with a lognormal prior."""

    name: str
    value: float
    unit: str
    help: str
    spread: float = 0.0


KINETICS = (
    Constant("ratio_branching", 0.4, "1", "growth rate of branching over that of extension"),
    Constant("p_spread", 0.0015, "g/L", "width of the production optimum over substrate", 0.1),
    Constant("p_mean", 0.002, "g/L", "substrate at the production optimum", 0.1),
    Constant("p_gain", 2.5, "1", "height of the production optimum"),
    Constant("mu_v", 1.71e-4, "g/L/h", "vacuole formation", 0.1),
    Constant("mu_a", 3.5e-3, "1/h", "autolysis", 0.1),
    Constant("mu_diff", 5.36e-3, "g/L/h", "differentiation of tips into trunk", 0.1),
    Constant("beta_1", 0.006, "g/L/h", "fall of the differentiation constant with culture age"),
    Constant("k_b", 0.05, "g/L", "half saturation of branching", 0.1),
    Constant("k_diff", 0.75, "g/L", "half saturation of differentiation, young culture", 0.1),
    Constant("k_diff_low", 0.09, "g/L", "half saturation of differentiation, old culture"),
    Constant("k_e", 0.009, "g/L", "half saturation of extension", 0.1),
    Constant("k_vac", 0.05, "g/L", "half saturation of vacuole formation"),
    Constant("rho_a0", 0.35, "g/cm3", "density of growing regions"),
    Constant("rho_d", 0.18, "g/cm3", "density of degenerated regions"),
    Constant("y_sx", 1.85, "g/g", "substrate for biomass", 0.1),
    Constant("y_sp", 0.9, "g/g", "substrate for penicillin", 0.1),
    Constant("m_s0", 0.029, "g/L/h", "maintenance of growing regions"),
    Constant("s_trace", 1e-6, "g/L", "substrate below which cells starve, if set right"),
    Constant("m_s1", 0.029, "1/h", "maintenance of non-growing regions (same number, other unit)"),
)
VACUOLES = (
    Constant("delta_r", 7.5e-5, "cm", "spacing of the radius grid"),
    Constant("k_v", 3.22e-5, "cm/h", "growth of a vacuole's radius"),
    Constant("d_v", 2.66e-11, "cm2/h", "spread of vacuole growth"),
    Constant("r_0", 1.5e-4, "cm", "radius of the first bin"),
    Constant("delta_0", 1e-4, "cm", "offset of the radius at birth"),
    Constant("birth_width", 1.0, "cm", "hidden in the published birth term, which lacks a length"),
)
OXYGEN = (
    Constant("y_o2_x", 650.0, "mg/g", "oxygen for biomass", 0.1),
    Constant("y_o2_p", 160.0, "mg/g", "oxygen for penicillin", 0.1),
    Constant("m_o2_x", 17.5, "mg/g/h", "oxygen for maintenance", 0.1),
    Constant("henry_o2", 0.0251, "bar.L/mg", "Henry's constant of oxygen"),
    Constant("o2_in", 0.21, "1", "oxygen in the inlet gas, mole fraction"),
    Constant("n2_in", 0.79, "1", "nitrogen in the inlet gas, mole fraction"),
    Constant("co2_in", 0.033, "%", "carbon dioxide in the inlet gas"),
    Constant("kla_gas", 0.38, "1", "exponent of the superficial gas velocity"),
    Constant("kla_power", 0.34, "1", "exponent of the specific power"),
    Constant("kla_viscosity", -0.38, "1", "exponent of the viscosity"),
    Constant("kla_oil", 0.25, "1", "exponent of the oil fraction"),
    Constant("n_imp", 3.0, "1", "impellers"),
    Constant("radius", 2.1, "m", "radius of the vessel"),
    Constant("r_imp", 0.85, "m", "radius of an impeller"),
    Constant("power_number", 5.0, "1", "power number of an impeller"),
    Constant("hold_up", 0.1, "1", "gas hold-up"),
    Constant("do_x", 0.1, "1", "critical fraction of oxygen saturation for growth"),
    Constant("do_p", 0.3, "1", "critical fraction of oxygen saturation for production"),
    Constant("do_width", 1.0, "mg/L", "width of the oxygen inhibitions"),
    Constant("co2_kla", 0.89, "1", "transfer of carbon dioxide over that of oxygen"),
    Constant("q_co2", 0.123 * 1.1, "g/g/h", "carbon dioxide of active biomass"),
    Constant("co2_crit", 7570.0, "mg/L", "critical dissolved carbon dioxide"),
    Constant("co2_width", 1.0, "mg/L", "width of the carbon dioxide inhibition"),
)
HEAT = (
    Constant("t_feed", 288.0, "K", "feed"),
    Constant("t_water", 288.0, "K", "water for dilution"),
    Constant("t_coolant", 285.0, "K", "coolant inlet"),
    Constant("t_heating", 333.0, "K", "heating water inlet"),
    Constant("t_air", 290.0, "K", "surroundings"),
    Constant("c_ps", 5.9, "kJ/kg/K", "heat capacity of the feed"),
    Constant("c_pw", 4.18, "kJ/kg/K", "heat capacity of water and broth"),
    Constant("h_evp", 2430.7, "kJ/kg", "heat of evaporation"),
    Constant("u_jacket", 36.0, "kJ/h/m2/K", "heat loss of the jacket (published as kW/m2/K)", 0.1),
    Constant("a_jacket", 105.0, "m2", "area of the jacket"),
    Constant("e_g", 1.488e4, "J/mol", "activation energy of growth"),
    Constant("e_d", 1.7325e5, "J/mol", "activation energy of death"),
    Constant("gas", 8.314, "J/mol/K", "gas constant"),
    Constant("k_g", 450.0, "1", "factor of growth"),
    Constant("k_d", 0.25e30, "1", "factor of death"),
    Constant("y_qx", 25.0, "kJ/g", "heat of reaction over oxygen"),
    Constant("alpha_1", 2451.8, "1", "factor of the heat exchange correlation"),
    Constant("beta_t", 2.88, "1", "exponent of the heat exchange correlation"),
    Constant("alpha_evp", 5.24e-4, "1/h", "evaporation"),
    Constant("t_boil", 373.0, "K", "boiling point in the evaporation correlation"),
    Constant("t_zero", 273.0, "K", "zero of the evaporation correlation"),
)
IONS = (
    Constant("acid_base", 0.033, "mol/L", "acid and base feeds"),
    Constant("gamma_1", 3.25e-7, "mol/g", "hydrogen ions of biomass and product"),
    Constant("gamma_2", 2.5e-11, "mol/L2", "hydrogen ions of the flows"),
    Constant("m_ph", 0.0025, "1/h", "hydrogen ions of maintenance"),
    Constant("k_1", 1e-5, "mol/L", "upper break of the pH inhibition"),
    Constant("k_2", 2.5e-8, "mol/L", "lower break of the pH inhibition"),
    Constant("ion_step", SAMPLE_H / 20, "h", "step for which the published ion balance is written"),
    Constant("b_1", -64.29, "1", "hydrolysis, constant"),
    Constant("b_2", -1.825, "1", "hydrolysis, pH"),
    Constant("b_3", 0.3649, "1", "hydrolysis, T"),
    Constant("b_4", 0.1280, "1", "hydrolysis, pH squared"),
    Constant("b_5", -4.9496e-4, "1", "hydrolysis, T squared"),
)
FEEDS = (
    Constant("c_s", 600.0, "g/L", "sugar in the feed"),
    Constant("c_oil", 1000.0, "g/L", "substrate in the oil"),
    Constant("n_oil", 20000.0, "mg/L", "nitrogen in the oil"),
    Constant("n_shot", 400000.0, "mg/kg", "nitrogen in an ammonia shot"),
    Constant("y_nx", 10.0, "mg/g", "nitrogen for biomass"),
    Constant("y_np", 80.0, "mg/g", "nitrogen for penicillin"),
    Constant("m_n", 0.03, "mg/g/h", "nitrogen for maintenance"),
    Constant("n_crit", 150.0, "mg/L", "critical nitrogen"),
    Constant("n_width", 1.0, "mg/L", "width of the nitrogen inhibition"),
    Constant("y_paa_p", 187.5, "mg/g", "phenylacetic acid for penicillin", 0.1),
    Constant("y_paa_x", 37.5 * 1.2, "mg/g", "phenylacetic acid for biomass", 0.1),
    Constant("m_paa", 1.05, "mg/g/h", "phenylacetic acid for maintenance"),
    Constant("paa_x", 2400.0, "mg/L", "critical phenylacetic acid for growth (above it none)"),
    Constant("paa_p", 200.0, "mg/L", "critical phenylacetic acid for production (below it none)"),
    Constant("paa_width", 1.0, "mg/L", "width of the phenylacetic acid inhibitions"),
    Constant("visc_water", 0.005, "cP/L", "fall of the viscosity with water"),
    Constant("visc_1", 0.001, "1/h", "first slope of the viscosity's rise"),
    Constant("visc_2", 0.0001, "1/h", "second slope of the viscosity's rise"),
    Constant("visc_t1", 1.0, "h", "first time of the viscosity's rise"),
    Constant("visc_t2", 250.0, "h", "second time of the viscosity's rise"),
    Constant("visc_low", 4.0, "cP", "below this the transfer sees a thin broth"),
    Constant("visc_thin", 1.0, "cP", "viscosity of a thin broth"),
)
DENSITY = (
    Constant("rho_broth", 1100.0, "g/L", "broth without solids and product"),
    Constant("rho_sugar", 1540.0, "g/L", "sugar"),
    Constant("rho_oil", 900.0, "g/L", "oil"),
    Constant("rho_water", 1000.0, "g/L", "water, acid, base"),
    Constant("rho_paa", 1000.0, "g/L", "phenylacetic acid feed"),
    Constant("full", 1000.0, "g/L", "sugar at which the published feed has no water left"),
    Constant("g_per_kg", 1000.0, "g/kg", "conversion"),
    Constant("mg_per_g", 1000.0, "mg/g", "conversion"),
    Constant("l_per_m3", 1000.0, "L/m3", "conversion"),
    Constant("pa_per_bar", 1e5, "Pa/bar", "conversion"),
    Constant("gravity", 9.81, "m/s2", "gravity"),
    Constant("atmosphere", 1.0, "bar", "pressure of the surroundings"),
)
CONSTANTS: tuple[Constant, ...] = KINETICS + VACUOLES + OXYGEN + HEAT + IONS + FEEDS + DENSITY

DRAWN = (
    Constant("mu_p", 0.041, "1/h", "greatest specific rate of production", 0.0025 / 0.041),
    Constant("mu_x", 0.41, "1/h", "greatest specific growth rate", 0.025 / 0.41),
    Constant("alpha_kla", 85.0, "1/h", "factor of the oxygen transfer correlation", 10 / 85),
    Constant("n_paa", 150000.0, "mg/L", "nitrogen in the phenylacetic acid feed", 2 / 150),
    Constant("c_paa", 530000.0, "mg/L", "phenylacetic acid in its feed", 2 / 53),
)
"""What differs from batch to batch."""


def numbers() -> SimpleNamespace:
    """The constants as plain numbers.

    >>> numbers().c_s
    600.0
    """
    return SimpleNamespace(**{constant.name: constant.value for constant in CONSTANTS})
