"""Perfusion of CHO cells: fresh medium in, cell-free harvest and a bleed out, cells held back.

Kinetics as in the integrated antibody plant of the smpl environments; its separator is taken as
a device without volume that holds back a part of cells and antibody, and growth and death are
not multiplied to suit one steady state, as they are there: death is that of the fed-batch.

References:
    Kontoravdi, Pistikopoulos and Mantalaris, Comput. Chem. Eng. 34 (2010) 1192 (kinetics);
    Papathanasiou et al., Biotechnol. Prog. 33 (2017) 966 (growth with temperature);
    smpl-env/smpl, environment mabenv (parameters); Konstantinov et al., Adv. Biochem. Eng.
    Biotechnol. 101 (2006) 75 (perfusion per cell).
"""

from __future__ import annotations

from typing import Any

from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.controllers import Pid
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.library.mammalian import CELLS, DAY, XING, parameters
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Linear, Profile, Recipe, Value

KINETIC = "Kontoravdi, Pistikopoulos and Mantalaris, Comput. Chem. Eng. 34 (2010) 1192"
WARMTH = "Papathanasiou et al., Biotechnol. Prog. 33 (2017) 966"
SMPL = "smpl-env/smpl mabenv"
PER_CELL = "Konstantinov et al., Adv. Biochem. Eng. Biotechnol. 101 (2006) 75"
_Q = "mmol/(10*9.h)"

TABLE: tuple[tuple[str, str, float, str, str], ...] = (
    ("mu_slope", "1/(K.h)", 0.0016, WARMTH, "growth per kelvin"),
    ("T_still", "K", 292.4, WARMTH, "temperature at which growth ends"),
    ("mu_d_max", "1/h", 0.004, XING, "highest specific death rate"),
    ("K_d_amm", "mmol/L", 1.76, SMPL, "ammonium at half death"),
    ("K_glc", "mmol/L", 0.75, SMPL, "glucose at half growth"),
    ("K_gln", "mmol/L", 0.075, SMPL, "glutamine at half growth"),
    ("KI_amm", "mmol/L", 28.48, SMPL, "ammonium that halves growth"),
    ("KI_lac", "mmol/L", 171.76, SMPL, "lactate that halves growth"),
    ("Y_glc", "10*9/mmol", 0.26, SMPL, "cells per glucose"),
    ("Y_gln", "10*9/mmol", 0.80, SMPL, "cells per glutamine"),
    ("Y_lac", "mmol/mmol", 2.0, SMPL, "lactate per glucose"),
    ("Y_amm", "mmol/mmol", 0.45, SMPL, "ammonium per glutamine"),
    ("m_glc", _Q, 4.9e-5, SMPL, "glucose for maintenance"),
    ("a_1", _Q, 3.4e-4, SMPL, "most glutamine for maintenance"),
    ("a_2", "mmol/L", 4.0, SMPL, "glutamine at half of it"),
    ("k_gln", "1/h", 9.6e-3, SMPL, "decay of glutamine to ammonium"),
    ("q_mab", "g/(10*9.h)", 6.59e-4, SMPL, "specific production of antibody"),
)
"""Name, unit, value, source, help."""


def _states(m: ModelBuilder) -> dict[str, Any]:
    mM = "mmol/L"
    rows: tuple[tuple[str, str, float, float, str], ...] = (
        ("V", "L", 2.0, 1.0, "volume"),
        ("Xv", CELLS, 1.0, 10.0, "viable cells"),
        ("Xd", CELLS, 0.02, 1.0, "dead cells"),
        ("G", mM, 30.0, 10.0, "glucose"),
        ("Gn", mM, 4.0, 2.0, "glutamine"),
        ("L", mM, 1.0, 20.0, "lactate"),
        ("A", mM, 0.3, 2.0, "ammonium"),
        ("P", "g/L", 0.0, 0.2, "antibody"),
        ("harvested", "g", 0.0, 1.0, "antibody harvested so far"),
    )
    x = {
        name: m.state(
            name, unit, initial=value, lower=1e-3 if name == "V" else 0.0, scale=scale, help=words
        )
        for name, unit, value, scale, words in rows
    }  # fmt: skip
    x["T"] = m.state(
        "T", "K", initial=310.15, lower=290.0, upper=320.0, scale=300.0, valid=(304.0, 311.0),
        help="temperature",
    )  # fmt: skip
    return x


def _inputs(m: ModelBuilder) -> dict[str, Any]:
    u = {
        name: m.input(name, "L/h", value=value, lower=0.0, upper=1.0, scale=0.1, help=words)
        for name, value, words in (
            ("F_in", 0.08, "medium in"),
            ("F_harvest", 0.076, "harvest out, through the cell retention"),
            ("F_bleed", 0.004, "bleed out, with cells"),
        )
    }
    more: dict[str, Any] = {"lower": 0.0}
    u["G_in"] = m.input("G_in", "mmol/L", value=60.0, scale=30.0, help="glucose, medium", **more)
    u["Gn_in"] = m.input("Gn_in", "mmol/L", value=10.0, scale=5.0, help="glutamine, medium", **more)
    u["T_set"] = m.input(
        "T_set", "K", value=310.15, lower=290.0, upper=320.0, scale=300.0, help="set temperature"
    )
    u["retention"] = m.input(
        "retention", "1", value=0.98, lower=0.0, upper=1.0, help="part of the cells held back"
    )
    u["sieving"] = m.input(
        "sieving", "1", value=0.95, lower=0.0, upper=1.0, help="part of the antibody let through"
    )
    return u


def _rates(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any]) -> dict[str, Any]:
    top = k["mu_slope"] * (x["T"] - k["T_still"])
    fed = x["G"] / (k["K_glc"] + x["G"]) * x["Gn"] / (k["K_gln"] + x["Gn"])
    free = k["KI_lac"] / (k["KI_lac"] + x["L"]) * k["KI_amm"] / (k["KI_amm"] + x["A"])
    mu = m.define("mu", top * fed * free, "1/h")
    # (A/K)^2 / (1 + (A/K)^2), as the paper's 1 / (1 + (K/A)^2), without a division by nothing.
    harm = x["A"] ** 2 / (k["K_d_amm"] ** 2 + x["A"] ** 2)
    kept = k["m_glc"] * x["G"] / (0.1 * k["K_glc"] + x["G"])
    burnt = k["a_1"] * x["Gn"] / (k["a_2"] + x["Gn"])
    return {
        "mu": mu,
        "mu_d": m.define("mu_d", k["mu_d_max"] * harm, "1/h"),
        "q_G": m.define("q_G", mu / k["Y_glc"] + kept, _Q),
        "q_Gn": m.define("q_Gn", mu / k["Y_gln"] + burnt, _Q),
    }


def _balances(m: ModelBuilder, x: Any, u: Any, k: Any, r: Any) -> dict[str, Any]:
    """Derivatives; returns what leaves with the two streams, for the laws."""
    V, Xv = x["V"], x["Xv"]
    grow = m.define("swelling", u["F_in"] - u["F_harvest"] - u["F_bleed"], "L/h")
    cells_out = m.define("cells_out", u["F_bleed"] + u["F_harvest"] * (1.0 - u["retention"]), "L/h")
    liquid_out = m.define("liquid_out", u["F_bleed"] + u["F_harvest"], "L/h")
    mab_out = m.define("mab_out", u["F_bleed"] + u["F_harvest"] * u["sieving"], "L/h")
    made = {
        "Xv": (r["mu"] - r["mu_d"]) * Xv,
        "Xd": r["mu_d"] * Xv,
        "G": -r["q_G"] * Xv,
        "Gn": -r["q_Gn"] * Xv - k["k_gln"] * x["Gn"],
        "L": k["Y_lac"] * r["q_G"] * Xv,
        "A": k["Y_amm"] * r["q_Gn"] * Xv + k["k_gln"] * x["Gn"],
        "P": k["q_mab"] * Xv,
    }
    fresh = {"G": u["G_in"], "Gn": u["Gn_in"]}
    out = {"Xv": cells_out, "Xd": cells_out, "P": mab_out}
    m.derivative(V, grow)
    for name, source in made.items():
        inward = u["F_in"] * fresh[name] if name in fresh else 0.0
        outward = (out.get(name, liquid_out) + grow) * x[name]
        m.derivative(x[name], source + (inward - outward) / V)
    harvest = m.define("harvest", u["F_harvest"] * u["sieving"] * x["P"], "g/h")
    m.derivative(x["harvested"], harvest)
    m.derivative(x["T"], (u["T_set"] - x["T"]) / m.constant("tau_T", 0.5, "h"))
    return {"grow": grow, "cells": cells_out, "liquid": liquid_out}


def _laws(m: ModelBuilder, x: Any, u: Any, k: Any, r: Any, out: dict[str, Any]) -> None:
    V, Xv = x["V"], x["Xv"]
    m.conserved("volume", V, inflow=out["grow"], unit="L")
    whole = Xv + x["Xd"]
    m.conserved("cells", V * whole, inflow=r["mu"] * Xv * V - out["cells"] * whole, unit="10*9")
    sugar = k["Y_lac"] * x["G"] + x["L"]
    m.conserved(
        "glucose and lactate", V * sugar,
        inflow=k["Y_lac"] * u["F_in"] * u["G_in"] - out["liquid"] * sugar, unit="mmol",
    )  # fmt: skip
    m.conserved(
        "antibody", V * x["P"] + x["harvested"],
        inflow=k["q_mab"] * Xv * V - u["F_bleed"] * x["P"], unit="g",
    )  # fmt: skip


def _outputs(m: ModelBuilder, x: dict[str, Any], u: dict[str, Any]) -> None:
    few = m.constant("few_cells", 1e-9, CELLS)
    alive = m.constant("percent", 100.0, "%") * x["Xv"] / (x["Xv"] + x["Xd"] + few)
    lab: dict[str, Any] = {"cadence": DAY, "delay": 2.0}
    m.output("VCD", x["Xv"], CELLS, noise=Noise(0.1, 0.06), help="viable cell density", **lab)
    m.output("viability", alive, "%", noise=Noise(1.5), help="viability", **lab)
    m.output("biomass", x["Xv"], CELLS, noise=Noise(0.2, 0.05), help="capacitance, on line")
    for name, column in (
        ("glucose", "G"),
        ("glutamine", "Gn"),
        ("lactate", "L"),
        ("ammonium", "A"),
    ):
        noise = Noise(0.2, 0.04)
        m.output(name, x[column], "mmol/L", noise=noise, help=f"{name}, bench analyser", **lab)
    m.output("titre", x["P"], "g/L", noise=Noise(0.01, 0.04), cadence=DAY, delay=24.0, help="HPLC")
    rate = u["F_in"] / (x["V"] * (x["Xv"] + few))
    m.output("CSPR", rate, "L/(10*9.h)", help="perfusion per cell")
    m.output(
        "weight",
        x["V"] * m.constant("density", 1.0, "kg/L"),
        "kg",
        noise=Noise(0.005),
        help="scale",
    )
    m.output(
        "productivity", u["F_harvest"] * u["sieving"] * x["P"], "g/h", help="antibody harvested"
    )


def perfusion(spread: float = 0.1, most_L: float = 3.0) -> Model:
    """Perfusion with cell retention and bleed.

    Args:
        spread: Relative standard deviation of the priors.
        most_L: Where the vessel overflows, in L.

    >>> perfusion().n_x
    10
    """
    m = ModelBuilder(
        "cho.perfusion", version="1", title="Perfusion of CHO cells", time_unit="h",
        references=(KINETIC, WARMTH, SMPL, PER_CELL, XING),
    )  # fmt: skip
    x, u = _states(m), _inputs(m)
    k = parameters(m, [row for row in TABLE if row[0] != "T_still"], spread)
    # A temperature is no ratio scale: a relative spread of it means nothing.
    name, unit, value, source, words = next(row for row in TABLE if row[0] == "T_still")
    k[name] = m.parameter(
        name, unit, value=value, lower=285.0, upper=300.0, prior=Prior.normal(0.5),
        source=source, help=words,
    )  # fmt: skip
    r = _rates(m, x, k)
    out = _balances(m, x, u, k, r)
    _laws(m, x, u, k, r, out)
    _outputs(m, x, u)
    m.stop("overflow", x["V"] - m.constant("V_max", most_L, "L"), help="the vessel is full")
    m.stop("dry", m.constant("V_min", 0.5, "L") - x["V"], help="less than the agitator needs")
    return m.build()


def bleed_loop(set_point: float = 30.0, interval: float = 1.0) -> Pid:
    """Cells held by the bleed, on capacitance.

    Args:
        set_point: In 1e9 cells per L.
        interval: Between two steps, in h.
    """
    return Pid(
        "bleed",
        "biomass",
        "F_bleed",
        set_point,
        -0.002,
        12.0,
        low=0.0,
        high=0.06,
        interval=interval,
    )


def level_loop(volume_L: float = 2.0, interval: float = 1.0) -> Pid:
    """Volume held by the harvest, on the scale.

    Args:
        volume_L: In L.
        interval: Between two steps, in h.
    """
    return Pid(
        "level", "weight", "F_harvest", volume_L, -0.5, 4.0, low=0.0, high=0.5, interval=interval
    )


def steady(days: int = 30, *, vessel_volumes_a_day: float = 1.5, cells: float = 30.0) -> Recipe:
    """Ramp perfusion over four days, then hold cells by the bleed and volume by the harvest.

    Args:
        days: Duration.
        vessel_volumes_a_day: Perfusion from day 4 on.
        cells: Set point, in 1e9 per L.
    """
    full = 2.0 * vessel_volumes_a_day / DAY
    inputs: dict[str, Profile | Value] = {
        "F_in": Linear((0.0, 96.0), (0.2 * full, full)),
        "F_harvest": 0.2 * full,
        "F_bleed": 0.0,
    }
    return Recipe(DAY * days, 1.0, inputs, controllers=(bleed_loop(cells), level_loop()))


def default_recipe() -> Recipe:
    """Thirty days at thirty million cells per mL."""
    return steady()
