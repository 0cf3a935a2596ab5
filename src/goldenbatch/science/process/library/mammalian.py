"""CHO fed-batch by Monod kinetics, with dissolved oxygen: nine states, twenty-one parameters.

The model that ensembles, fits, tracking and optimal feeding are measured on: growth over days
beside oxygen transfer over minutes, a stiffness of about a thousand.

References:
    Xing, Bishop, Leister and Li, Biotechnol. Prog. 26 (2010) 208, doi:10.1002/btpr.284
    (kinetics); PMC5874891, table 2 (parameters); Ruffieux, von Stockar and Marison,
    J. Biotechnol. 63 (1998) 85 (oxygen uptake of animal cells).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Profile, Recipe, Steps, Value

XING = "doi:10.1002/btpr.284"
OXYGEN = "Ruffieux, von Stockar and Marison, J. Biotechnol. 63 (1998) 85"
CELLS = "10*9/L"
DAY = 24.0

KINETICS: tuple[tuple[str, str, float, str, str], ...] = (
    ("mu_max", "1/h", 0.039, XING, "highest specific growth rate"),
    ("k_d", "1/h", 0.004, XING, "highest specific death rate"),
    ("K_glc", "mmol/L", 1.0, XING, "glucose at half growth"),
    ("K_gln", "mmol/L", 0.047, XING, "glutamine at half growth"),
    ("KI_lac", "mmol/L", 43.0, XING, "lactate that halves growth"),
    ("KI_amm", "mmol/L", 6.51, XING, "ammonium that halves growth"),
    ("KD_lac", "mmol/L", 45.8, XING, "lactate at half its part in death"),
    ("KD_amm", "mmol/L", 6.51, XING, "ammonium at half its part in death"),
    ("Y_glc", "10*9/mmol", 0.357, XING, "cells per glucose"),
    ("Y_gln", "10*9/mmol", 0.974, XING, "cells per glutamine"),
    ("Y_lac", "mmol/mmol", 0.70, XING, "lactate per glucose"),
    ("Y_amm", "mmol/mmol", 0.67, XING, "ammonium per glutamine"),
    ("r_amm", "mmol/(10*9.h)", 6.3e-3, XING, "ammonium that cells take up again"),
    ("m_glc", "mmol/(10*9.h)", 69.2e-3, XING, "glucose for maintenance"),
    ("a_1", "mmol/(10*9.h)", 3.2e-3, XING, "most glutamine for maintenance"),
    ("a_2", "mmol/L", 2.1, XING, "glutamine at half maintenance"),
    ("q_mab", "g/(10*9.h)", 1.51e-3, XING, "specific production of antibody"),
    ("q_O2", "mmol/(10*9.h)", 0.30, OXYGEN, "specific uptake of oxygen"),
    ("K_O2", "mmol/L", 0.006, OXYGEN, "oxygen at half growth and half uptake"),
    ("kLa", "1/h", 15.0, OXYGEN, "transfer coefficient of oxygen"),
    ("O2_sat", "mmol/L", 0.21, OXYGEN, "oxygen in equilibrium with the gas"),
)
"""Name, unit, value, source, help of the parameters."""


def parameters(
    m: ModelBuilder, table: Sequence[tuple[str, str, float, str, str]], spread: float
) -> dict[str, Any]:
    """Declare parameters of a table, each lognormal about its value.

    Args:
        m: Where.
        table: Name, unit, value, source, help.
        spread: Relative standard deviation of the prior.
    """
    return {
        name: m.parameter(
            name, unit, value=value, lower=0.05 * value, upper=20.0 * value,
            prior=Prior.lognormal(spread), source=source, help=words,
        )
        for name, unit, value, source, words in table
    }  # fmt: skip


def _states(m: ModelBuilder) -> dict[str, Any]:
    mM = "mmol/L"
    return {
        "V": m.state("V", "L", initial=1.0, lower=1e-3, upper=2.0, help="volume"),
        "Xv": m.state("Xv", CELLS, initial=0.3, lower=0.0, scale=5.0, help="viable cells"),
        "Xd": m.state("Xd", CELLS, initial=0.0, lower=0.0, scale=1.0, help="dead cells"),
        "G": m.state("G", mM, initial=30.0, lower=0.0, scale=10.0, help="glucose"),
        "Gn": m.state("Gn", mM, initial=6.0, lower=0.0, scale=2.0, help="glutamine"),
        "L": m.state("L", mM, initial=1.0, lower=0.0, scale=20.0, help="lactate"),
        "A": m.state("A", mM, initial=0.5, lower=0.0, scale=3.0, help="ammonium"),
        "P": m.state("P", "g/L", initial=0.0, lower=0.0, help="antibody"),
        "O2": m.state("O2", mM, initial=0.20, lower=0.0, scale=0.1, help="dissolved oxygen"),
    }


def _feed(m: ModelBuilder) -> tuple[Any, Any, Any]:
    return (
        m.input("F", "L/h", value=0.0, lower=0.0, upper=0.02, scale=1e-3, help="feed"),
        m.input("G_in", "mmol/L", value=400.0, lower=0.0, scale=100.0, help="glucose in the feed"),
        m.input("Gn_in", "mmol/L", value=40.0, lower=0.0, scale=20.0, help="glutamine in the feed"),
    )


def _rates(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any]) -> dict[str, Any]:
    """Specific rates: growth, death, and uptake or making of each substance."""
    breath = m.define("breath", x["O2"] / (k["K_O2"] + x["O2"]), "1")
    fed = x["G"] / (k["K_glc"] + x["G"]) * x["Gn"] / (k["K_gln"] + x["Gn"])
    free = k["KI_lac"] / (k["KI_lac"] + x["L"]) * k["KI_amm"] / (k["KI_amm"] + x["A"])
    mu = m.define("mu", k["mu_max"] * fed * free * breath, "1/h")
    harmed = x["L"] / (k["KD_lac"] + x["L"]) * x["A"] / (k["KD_amm"] + x["A"])
    # Maintenance ends with glucose: the paper's constant demand would drive it below zero.
    eaten = k["m_glc"] * x["G"] / (0.1 * k["K_glc"] + x["G"])
    burnt = k["a_1"] * x["Gn"] / (k["a_2"] + x["Gn"])
    unit = "mmol/(10*9.h)"
    q_amm = k["Y_amm"] * mu / k["Y_gln"] - k["r_amm"] * x["A"] / (0.1 * k["KI_amm"] + x["A"])
    return {
        "mu": mu,
        "mu_d": m.define("mu_d", k["k_d"] * harmed, "1/h"),
        "q_G": m.define("q_G", mu / k["Y_glc"] + eaten, unit),
        "q_Gn": m.define("q_Gn", mu / k["Y_gln"] + burnt, unit),
        "q_A": m.define("q_A", q_amm, unit),
        "q_O2": m.define("q_O2_now", k["q_O2"] * breath, unit),
    }


def _laws(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any], r: dict[str, Any], f: Any) -> None:
    F, G_in, _ = f
    V, Xv = x["V"], x["Xv"]
    m.conserved("volume", V, inflow=F, unit="L")
    m.conserved("cells", V * (Xv + x["Xd"]), inflow=r["mu"] * Xv * V, unit="10*9")
    carbon = V * (k["Y_lac"] * x["G"] + x["L"])
    m.conserved("glucose and lactate", carbon, inflow=k["Y_lac"] * F * G_in, unit="mmol")
    m.conserved("antibody", V * x["P"], inflow=k["q_mab"] * Xv * V, unit="g")


def _outputs(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any]) -> None:
    percent = m.constant("percent", 100.0, "%")
    alive = percent * x["Xv"] / (x["Xv"] + x["Xd"] + m.constant("few_cells", 1e-9, CELLS))
    lab: dict[str, Any] = {"cadence": DAY, "delay": 1.0}
    m.output("VCD", x["Xv"], CELLS, noise=Noise(0.05, 0.05), help="viable cell density", **lab)
    m.output("viability", alive, "%", noise=Noise(1.0), help="viability", **lab)
    m.output("glucose", x["G"], "mmol/L", noise=Noise(0.3, 0.03), help="glucose", **lab)
    m.output("glutamine", x["Gn"], "mmol/L", noise=Noise(0.05, 0.05), help="glutamine", **lab)
    m.output("lactate", x["L"], "mmol/L", noise=Noise(0.3, 0.03), help="lactate", **lab)
    m.output("ammonium", x["A"], "mmol/L", noise=Noise(0.1, 0.05), help="ammonium", **lab)
    titre = Noise(0.02, 0.04)
    m.output("titre", x["P"], "g/L", noise=titre, cadence=DAY, delay=12.0, help="antibody, HPLC")
    oxygen = percent * x["O2"] / k["O2_sat"]
    m.output("DO", oxygen, "%", noise=Noise(1.0), help="dissolved oxygen, of saturation")
    m.output("product", x["P"] * x["V"], "g", help="antibody in the vessel")


def _balances(
    m: ModelBuilder, x: dict[str, Any], k: dict[str, Any], r: dict[str, Any], f: Any
) -> None:
    F, G_in, Gn_in = f
    V, Xv = x["V"], x["Xv"]
    D = m.define("dilution", F / V, "1/h")
    m.derivative(V, F)
    m.derivative(Xv, (r["mu"] - r["mu_d"] - D) * Xv)
    m.derivative(x["Xd"], r["mu_d"] * Xv - D * x["Xd"])
    m.derivative(x["G"], D * (G_in - x["G"]) - r["q_G"] * Xv)
    m.derivative(x["Gn"], D * (Gn_in - x["Gn"]) - r["q_Gn"] * Xv)
    m.derivative(x["L"], k["Y_lac"] * r["q_G"] * Xv - D * x["L"])
    m.derivative(x["A"], r["q_A"] * Xv - D * x["A"])
    m.derivative(x["P"], k["q_mab"] * Xv - D * x["P"])
    transfer = k["kLa"] * (k["O2_sat"] - x["O2"])
    m.derivative(x["O2"], transfer - r["q_O2"] * Xv - D * x["O2"])


def fed_batch(spread: float = 0.1, working_volume_L: float = 2.0) -> Model:
    """CHO fed-batch with nine states.

    Args:
        spread: Relative standard deviation of every prior.
        working_volume_L: Where the vessel overflows, in L.

    >>> model = fed_batch()
    >>> model.n_x, model.n_p
    (9, 21)
    """
    m = ModelBuilder(
        "cho.monod", version="1", title="CHO fed-batch, Monod kinetics with oxygen",
        time_unit="h", references=(XING, "PMC5874891", OXYGEN),
    )  # fmt: skip
    x, f = _states(m), _feed(m)
    k = parameters(m, KINETICS, spread)
    r = _rates(m, x, k)
    _balances(m, x, k, r, f)
    _laws(m, x, k, r, f)
    _outputs(m, x, k)
    full = m.constant("V_max", working_volume_L, "L")
    m.stop("overflow", x["V"] - full, help="the vessel is full: the feed must stop")
    _jumps(m, x)
    return m.build()


def _jumps(m: ModelBuilder, x: dict[str, Any]) -> None:
    volume, strength = m.argument("bolus_volume", "L"), m.argument("bolus_glucose", "mmol/L")
    V = x["V"]
    after = {name: x[name] * V / (V + volume) for name in ("Xv", "Xd", "Gn", "L", "A", "P")}
    after |= {"V": V + volume, "G": (x["G"] * V + strength * volume) / (V + volume)}
    arguments = {"volume": (volume, "L"), "glucose": (strength, "mmol/L")}
    m.jump("bolus", after, arguments, help="glucose solution added at once")
    taken = m.argument("sample_volume", "L")
    m.jump("sample", {"V": V - taken}, {"volume": (taken, "L")}, help="broth taken out")


def daily_feeds(
    feeds: Sequence[float], *, glucose: float = 400.0, glutamine: float = 40.0, rows_a_day: int = 1
) -> Recipe:
    """A recipe with one feed rate a day.

    Args:
        feeds: Feed of each day, in L/h.
        glucose: In the feed, mmol/L.
        glutamine: In the feed, mmol/L.
        rows_a_day: Control intervals a day.

    >>> daily_feeds([0.0, 0.001]).duration
    48.0
    """
    times = tuple(DAY * day for day in range(len(feeds)))
    inputs: dict[str, Profile | Value] = {
        "F": Steps(times, tuple(feeds)),
        "G_in": glucose,
        "Gn_in": glutamine,
    }
    return Recipe(DAY * len(feeds), DAY / rows_a_day, inputs)


def default_recipe() -> Recipe:
    """Fourteen days with 14 feed changes, rising from day 3 with the cells."""
    rising = (0.0, 0.0, 4e-4, 6e-4, 9e-4, 1.2e-3, 1.5e-3, 1.7e-3, 1.8e-3, 1.8e-3, 1.8e-3, 1.7e-3,
              1.6e-3, 1.5e-3)  # fmt: skip
    return daily_feeds(rising)
