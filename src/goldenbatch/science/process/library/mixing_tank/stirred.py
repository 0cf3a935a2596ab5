"""The stirred jacketed tank as a declared model: blending, dilution, heating and sterilising.

Two zones exchange liquid as fast as the blend time says; the jacket heats and cools through films
that depend on speed and temperature; F0 adds up.
"""

from __future__ import annotations

from math import log, pi
from types import SimpleNamespace
from typing import Any

from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.library.mixing_tank import agitation, heat
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Profile, Recipe, Steps, Value

HEAT = "Handbook of Industrial Mixing (2004), chapter 14"
ATLAS = "VDI Heat Atlas (2010), section G1"
WATER = "CRC Handbook of Chemistry and Physics"


def _constants(m: ModelBuilder) -> dict[str, Any]:
    rows = (
        ("density", 1000.0, "kg/m3"), ("capacity", 4180.0, "J/(kg.K)"),
        ("conductivity", 0.63, "W/(m.K)"), ("steel", 16.0, "W/(m.K)"),
        ("s_per_min", 60.0, "s/min"), ("L_per_m3", 1000.0, "L/m3"),
        ("J_per_kJ", 1000.0, "J/kJ"),
    )  # fmt: skip
    return {name: m.constant(name, value, unit) for name, value, unit in rows}


def _parameters(m: ModelBuilder, tank_m: float, impeller_m: float, jacket_L: float) -> Any:
    rows: tuple[tuple[str, float, str, str, float], ...] = (
        ("tank", tank_m, "m", "inner diameter", 0.0),
        ("impeller", impeller_m, "m", "diameter of the impeller", 0.0),
        ("wall", 0.004, "m", "thickness of the wall", 0.0),
        ("gap", 0.02, "m", "gap of the jacket", 0.0),
        ("V_jacket", jacket_L, "L", "volume of the jacket", 0.0),
        ("fouling", 1.5e-4, "m2.K/W", "resistance of fouling", 0.3),
        ("loss", 5.0, "W/(m2.K)", "heat lost through the insulation", 0.2),
        ("T_room", 293.15, "K", "temperature of the room", 0.0),
        ("blend_factor", 1.0, "1", "blend time over that of the correlation", 0.2),
        ("D_value", 1.0, "min", "time at 121.1 Cel that kills nine of ten", 0.2),
    )
    return {
        name: m.parameter(
            name, unit, value=value, lower=0.1 * value, upper=10.0 * value, help=words,
            prior=Prior.lognormal(spread) if spread else None, source=HEAT,
        )
        for name, value, unit, words, spread in rows
    }  # fmt: skip


def _states(m: ModelBuilder, volume_L: float) -> dict[str, Any]:
    half = 0.5 * volume_L
    more: dict[str, Any] = {"lower": 0.0}
    hot: dict[str, Any] = {"lower": 268.0, "upper": 430.0, "scale": 300.0}
    return {
        "V": m.state("V", "L", initial=volume_L, lower=1e-3, scale=volume_L, help="volume"),
        "top": m.state(
            "top", "g", initial=0.0, scale=half, help="solute in the upper half", **more
        ),
        "low": m.state(
            "low", "g", initial=0.0, scale=half, help="solute in the lower half", **more
        ),
        "T": m.state("T", "K", initial=293.15, help="temperature of the liquid", **hot),
        "Tj": m.state("Tj", "K", initial=293.15, help="temperature of the jacket", **hot),
        "F0": m.state("F0", "min", initial=0.0, scale=10.0, help="F0", **more),
        "heat": m.state(
            "heat", "kJ", initial=0.0, scale=1e4, help="heat given by the jacket so far"
        ),
    }


def _inputs(m: ModelBuilder, volume_L: float) -> dict[str, Any]:
    most = 0.2 * volume_L
    rows: tuple[tuple[str, str, float, float, str], ...] = (
        ("N", "1/min", 120.0, 1500.0, "speed of the agitator"),
        ("F_in", "L/min", 0.0, most, "liquid in, at the top"),
        ("F_out", "L/min", 0.0, most, "liquid out, at the bottom"),
        ("c_in", "g/L", 0.0, 1000.0, "solute in the liquid in"),
        ("F_jacket", "L/min", 2.0 * volume_L**0.5 * 5.0, 40.0 * volume_L, "flow in the jacket"),
    )
    u = {
        name: m.input(name, unit, value=value, lower=0.0, upper=upper, scale=upper, help=words)
        for name, unit, value, upper, words in rows
    }
    for name, words in (("T_in", "liquid in"), ("T_jacket", "medium into the jacket")):
        u[name] = m.input(
            name, "K", value=293.15, lower=268.0, upper=430.0, scale=300.0,
            help=f"temperature of the {words}",
        )  # fmt: skip
    return u


def _stirring(m: ModelBuilder, g: SimpleNamespace, shape: str) -> dict[str, Any]:
    """Power and blend time; an agitator that stands still is taken as creeping."""
    x, u, p, c = g.x, g.u, g.p, g.c
    one = agitation.impeller(shape)
    creeping = m.constant("creeping", 0.02, "1/s")
    N = m.define("N_s", u["N"] / c["s_per_min"] + creeping, "1/s")
    mu = m.empirical("viscosity", heat.water_viscosity_pa_s(x["T"]), "Pa.s", source=WATER)
    re = m.define("Re", agitation.reynolds(N, p["impeller"], c["density"], mu), "1")
    number = agitation.power_number(one, re)
    power = m.define("power", agitation.power_w(number, c["density"], N, p["impeller"]), "W")
    time = agitation.blend_time_s(number, re, N, p["impeller"], p["tank"]) * p["blend_factor"]
    return {"re": re, "mu": mu, "power": power, "blend": m.define("blend", time, "s")}


def _heat(m: ModelBuilder, g: SimpleNamespace, shape: str) -> dict[str, Any]:
    """Heat from the jacket, lost to the room and brought by the streams, in W."""
    x, u, p, c, s = g.x, g.u, g.p, g.c, g.s
    prandtl = m.define("Pr", c["capacity"] * s["mu"] / c["conductivity"], "1")
    nusselt = agitation.impeller(shape).nusselt
    inside = heat.wall_film(nusselt, s["re"], prandtl, c["conductivity"], p["tank"])
    outer = m.empirical("viscosity_j", heat.water_viscosity_pa_s(x["Tj"]), "Pa.s", source=WATER)
    width = pi * p["tank"] * p["gap"]
    still = m.constant("still", 0.01, "m/s")
    flow = u["F_jacket"] / (c["L_per_m3"] * c["s_per_min"])
    outside = heat.jacket_film(
        flow / width + still, p["gap"], outer / c["density"],
        c["capacity"] * outer / c["conductivity"], c["conductivity"],
    )  # fmt: skip
    U = heat.overall(inside, p["wall"], c["steel"], outside, p["fouling"])
    U = m.define("U", U, "W/(m2.K)")
    wet = 4.0 * x["V"] / (c["L_per_m3"] * p["tank"]) + pi / 4.0 * p["tank"] ** 2
    area = m.define("area", wet, "m2")
    return {
        "U": U,
        "area": area,
        "jacket": m.define("from_jacket", U * area * (x["Tj"] - x["T"]), "W"),
        "lost": m.define("lost", p["loss"] * area * (x["T"] - p["T_room"]), "W"),
    }


def _balances(m: ModelBuilder, g: SimpleNamespace) -> None:
    x, u, p, c, s, q = g.x, g.u, g.p, g.c, g.s, g.q
    V = x["V"]
    m.derivative(V, u["F_in"] - u["F_out"])
    # Halves that differ come together as exp(-4 Q t / V): 95 % of it in the blend time.
    exchange = m.define("exchange", V * log(20.0) / 4.0 / (s["blend"] / c["s_per_min"]), "L/min")
    top, low = 2.0 * x["top"] / V, 2.0 * x["low"] / V
    # Half of what comes in must go down, or the halves would not stay halves.
    down = 0.5 * (u["F_in"] + u["F_out"])
    moved = m.define("moved", exchange * (top - low) + down * top, "g/min")
    m.derivative(x["top"], u["F_in"] * u["c_in"] - moved)
    m.derivative(x["low"], moved - u["F_out"] * low)
    per_L = m.define("heat_per_L", c["density"] * c["capacity"] / c["L_per_m3"], "J/(L.K)")
    given = q["jacket"] + s["power"] - q["lost"]
    warmed = u["F_in"] * (u["T_in"] - x["T"]) / V
    m.derivative(x["T"], given * c["s_per_min"] / (per_L * V) + warmed)
    brought = u["F_jacket"] * (u["T_jacket"] - x["Tj"]) / p["V_jacket"]
    m.derivative(x["Tj"], brought - q["jacket"] * c["s_per_min"] / (per_L * p["V_jacket"]))
    ten = m.constant("z", 10.0, "K")
    m.derivative(x["F0"], 10.0 ** ((x["T"] - m.constant("T_F0", heat.F0_REFERENCE_K, "K")) / ten))
    m.derivative(x["heat"], q["jacket"] * c["s_per_min"] / c["J_per_kJ"])


def _laws(m: ModelBuilder, g: SimpleNamespace) -> None:
    x, u, p, c, s, q = g.x, g.u, g.p, g.c, g.s, g.q
    V = x["V"]
    m.conserved("volume", V, inflow=u["F_in"] - u["F_out"], unit="L")
    out = u["F_out"] * 2.0 * x["low"] / V
    m.conserved("solute", x["top"] + x["low"], inflow=u["F_in"] * u["c_in"] - out, unit="g")
    per_L = c["density"] * c["capacity"] / c["L_per_m3"] / c["J_per_kJ"]
    streams = per_L * (
        u["F_in"] * u["T_in"] - u["F_out"] * x["T"] + u["F_jacket"] * (u["T_jacket"] - x["Tj"])
    )
    work = (s["power"] - q["lost"]) * c["s_per_min"] / c["J_per_kJ"]
    stored = per_L * (V * x["T"] + p["V_jacket"] * x["Tj"])
    m.conserved("energy", stored, inflow=streams + work, unit="kJ")


def _outputs(m: ModelBuilder, g: SimpleNamespace) -> None:
    x, u, p, c, s, q = g.x, g.u, g.p, g.c, g.s, g.q
    V = x["V"]
    m.output("temperature", x["T"], "K", noise=Noise(0.1), help="temperature of the liquid")
    m.output("jacket", x["Tj"], "K", noise=Noise(0.2), help="temperature of the jacket")
    m.output(
        "c_top", 2.0 * x["top"] / V, "g/L", noise=Noise(0.05, 0.01), help="solute, upper probe"
    )
    m.output(
        "c_low", 2.0 * x["low"] / V, "g/L", noise=Noise(0.05, 0.01), help="solute, lower probe"
    )
    m.output("c_mean", (x["top"] + x["low"]) / V, "g/L", help="solute, mean")
    m.output("power", s["power"], "W", noise=Noise(0.5, 0.02), help="power of the agitator")
    volume = V / c["L_per_m3"]
    m.output("power_per_volume", s["power"] / volume, "W/m3", help="power per volume")
    m.output("tip_speed", pi * u["N"] / c["s_per_min"] * p["impeller"], "m/s", help="tip speed")
    m.output("blend_time", s["blend"], "s", help="time to 95 % of a blend")
    m.output("U", q["U"], "W/(m2.K)", help="overall heat transfer coefficient")
    m.output("log_reduction", x["F0"] / p["D_value"], "1", help="decades of spores killed")


def tank(
    volume_L: float = 200.0,
    tank_m: float = 0.6,
    impeller_m: float = 0.2,
    impeller: str = "rushton",
    most_L: float | None = None,
) -> Model:
    """A stirred jacketed tank.

    Args:
        volume_L: Liquid at the start.
        tank_m: Inner diameter.
        impeller_m: Diameter of the impeller.
        impeller: Its shape (`agitation.IMPELLERS`).
        most_L: Where the tank overflows; None: 1.25 times the liquid at the start.

    >>> tank().n_x
    7
    """
    m = ModelBuilder(
        "tank.stirred", version="1", title="Stirred jacketed tank", time_unit="min",
        references=(agitation.HANDBOOK, ATLAS, heat.PH_EUR, WATER),
    )  # fmt: skip
    g = SimpleNamespace(c=_constants(m), x=_states(m, volume_L), u=_inputs(m, volume_L))
    g.p = _parameters(m, tank_m, impeller_m, 0.1 * volume_L)
    g.s = _stirring(m, g, impeller)
    g.q = _heat(m, g, impeller)
    _balances(m, g)
    _laws(m, g)
    _outputs(m, g)
    x = g.x
    added = m.argument("added", "g")
    m.jump("dose", {"top": x["top"] + added}, {"mass": (added, "g")}, help="solid on the surface")
    full = m.constant("V_max", 1.25 * volume_L if most_L is None else most_L, "L")
    m.stop("overflow", x["V"] - full, help="the tank is full")
    boiling = m.constant("T_max", 413.15, "K")
    m.watch("hotter than its steam", x["T"] - boiling, help="above 140 Cel: beyond the pressure")
    return m.build()


def sterilisation(
    hot_min: float = 60.0, medium_K: float = 401.15, total_min: float = 150.0
) -> Recipe:
    """Heat by the jacket, hold, and cool.

    Args:
        hot_min: Time of heating and holding.
        medium_K: Temperature of the heating medium.
        total_min: Duration.
    """
    inputs: dict[str, Profile | Value] = {
        "N": 200.0,
        "F_jacket": 400.0,
        "T_jacket": Steps((0.0, hot_min), (medium_K, 283.15)),
    }
    return Recipe(total_min, 1.0, inputs)
