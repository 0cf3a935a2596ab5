"""CHO fed-batch for control studies: titre, viability, lactate that is made and then eaten, pH.

A plant to try controllers, trackers and recipes on, not a fitted clone: the structure is that of
the literature, values are typical ones with wide priors. What makes control hard is in it:
assays that come hours late, cells that begin to eat lactate as growth ends, carbon dioxide that
large vessels strip badly, and a temperature shift that trades growth for production.

References:
    Kinetics: Xing et al., doi:10.1002/btpr.284, and doi:10.3390/bioengineering5010025, table 2.
    Lactate: Mulukutla, Gramer and Hu, Metab. Eng. 14 (2012) 138. Temperature and pH: Trummer et
    al., Biotechnol. Bioeng. 94 (2006) 1033. Lysis: Kroll et al., PMC6999402. Acid and base:
    Stewart, Can. J. Physiol. Pharmacol. 61 (1983) 1444 (strong ions). Oxygen: Ruffieux, von
    Stockar and Marison, J. Biotechnol. 63 (1998) 85.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.controllers import Pid
from goldenbatch.science.process.declarations import Noise
from goldenbatch.science.process.library.mammalian import CELLS, DAY, XING, parameters
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Controller, Event, Recipe, Shift, Steps
from goldenbatch.science.process.smooth import smooth_max, smooth_step

LACTATE = "Mulukutla, Gramer and Hu, Metab. Eng. 14 (2012) 138"
SHIFT = "Trummer et al., Biotechnol. Bioeng. 94 (2006) 1033"
LYSIS = "PMC6999402"
IONS = "Stewart, Can. J. Physiol. Pharmacol. 61 (1983) 1444"
BREATH = "Ruffieux, von Stockar and Marison, J. Biotechnol. 63 (1998) 85"
_Q = "mmol/(10*9.h)"
WARM_K, SHIFTED_K = 310.15, 306.15

KINETICS: tuple[tuple[str, str, float, str, str], ...] = (
    ("mu_max", "1/h", 0.040, XING, "highest specific growth rate at 37 Cel and the best pH"),
    ("K_glc", "mmol/L", 0.75, XING, "glucose at half growth"),
    ("K_gln", "mmol/L", 0.05, XING, "glutamine at half growth"),
    ("KI_lac", "mmol/L", 60.0, XING, "lactate that halves growth"),
    ("KI_amm", "mmol/L", 8.0, XING, "ammonium that halves growth"),
    ("K_O2", "mmol/L", 0.006, BREATH, "oxygen at half growth"),
    ("k_d", "1/h", 6e-4, XING, "specific death rate without stress"),
    ("k_d_amm", "1/h", 2e-3, XING, "specific death rate by ammonium"),
    ("KD_amm", "mmol/L", 8.0, XING, "ammonium at half of it"),
    ("k_starve", "1/h", 0.02, XING, "specific death rate without glucose"),
    ("k_lysis", "1/h", 4e-3, LYSIS, "lysis of dead cells"),
    ("Y_glc", "10*9/mmol", 0.45, XING, "cells per glucose"),
    ("m_glc", _Q, 0.025, XING, "glucose for maintenance"),
    ("q_burnt", _Q, 0.045, LACTATE, "glucose that is burnt and makes no lactate"),
    ("Y_lac", "mmol/mmol", 1.6, LACTATE, "lactate per glucose beyond it"),
    ("q_eaten", _Q, 0.045, LACTATE, "highest uptake of lactate"),
    ("K_eaten", "mmol/L", 3.0, LACTATE, "lactate at half of it"),
    ("mu_switch", "1/h", 0.006, LACTATE, "growth at which cells eat lactate at half speed"),
    ("Y_gln", "10*9/mmol", 1.3, XING, "cells per glutamine"),
    ("Y_amm", "mmol/mmol", 0.65, XING, "ammonium per glutamine"),
    ("r_amm", _Q, 2.5e-3, XING, "ammonium that cells take up again"),
    ("k_gln", "1/h", 1.5e-3, XING, "decay of glutamine to ammonium"),
    ("q_growth", "g/10*9", 0.008, XING, "antibody with growth, per cell made"),
    ("q_mab", "g/(10*9.h)", 1.1e-3, XING, "antibody beside growth"),
    ("q_O2", _Q, 0.24, BREATH, "specific uptake of oxygen"),
    ("RQ", "mmol/mmol", 1.0, BREATH, "carbon dioxide per oxygen"),
    ("kLa", "1/h", 12.0, BREATH, "transfer coefficient of oxygen"),
    ("kLa_CO2", "1/h", 2.0, BREATH, "stripping of carbon dioxide"),
    ("Q10_growth", "1", 5.0, SHIFT, "growth over ten kelvin"),
    ("Q10_uptake", "1", 2.2, SHIFT, "uptake and death over ten kelvin"),
    ("Q10_product", "1", 0.7, SHIFT, "production over ten kelvin: more in the cold"),
    ("pH_width", "1", 0.30, SHIFT, "pH away from the best that costs 40 per cent of growth"),
)
"""Name, unit, value, source, help."""


def _states(m: ModelBuilder, volume_L: float) -> dict[str, Any]:
    mM, V = "mmol/L", volume_L
    rows: tuple[tuple[str, str, float, float, str], ...] = (
        ("V", "L", V, V, "volume"),
        ("Xv", CELLS, 0.5, 5.0, "viable cells"),
        ("Xd", CELLS, 0.01, 1.0, "dead cells"),
        ("Xl", CELLS, 0.0, 1.0, "lysed cells"),
        ("G", mM, 33.0, 10.0, "glucose"),
        ("Gn", mM, 6.0, 2.0, "glutamine"),
        ("L", mM, 1.0, 10.0, "lactate"),
        ("A", mM, 0.5, 3.0, "ammonium"),
        ("P", "g/L", 0.0, 1.0, "antibody"),
        ("O2", mM, 0.12, 0.1, "dissolved oxygen"),
        ("C", mM, 22.7, 10.0, "carbon dioxide and hydrogen carbonate"),
        ("ions", mM, 22.0, 10.0, "strong cations less strong anions, without lactate"),
    )
    x = {
        name: m.state(
            name, unit, initial=value, lower=-50.0 if name == "ions" else 0.0, scale=scale,
            help=words,
        )
        for name, unit, value, scale, words in rows
    }  # fmt: skip
    x["T"] = m.state(
        "T", "K", initial=WARM_K, lower=290.0, upper=320.0, scale=300.0, valid=(304.0, 311.5),
        help="temperature",
    )  # fmt: skip
    return x


def _inputs(m: ModelBuilder, volume_L: float) -> dict[str, Any]:
    most = 0.01 * volume_L
    rows: tuple[tuple[str, str, float, float, str], ...] = (
        ("F", "L/h", 0.0, most, "feed"),
        ("F_glc", "L/h", 0.0, most, "glucose solution"),
        ("F_base", "L/h", 0.0, most, "base"),
        ("y_O2", "1", 0.21, 1.0, "oxygen in the gas, as a part"),
        ("y_CO2", "1", 0.02, 0.2, "carbon dioxide in the gas, as a part"),
        ("G_feed", "mmol/L", 300.0, 1000.0, "glucose in the feed"),
        ("Gn_feed", "mmol/L", 70.0, 200.0, "glutamine in the feed"),
        ("G_glc", "mmol/L", 2500.0, 3000.0, "glucose in the glucose solution"),
    )
    u = {
        name: m.input(name, unit, value=value, lower=0.0, upper=upper, scale=upper, help=words)
        for name, unit, value, upper, words in rows
    }
    u["T_set"] = m.input(
        "T_set", "K", value=WARM_K, lower=290.0, upper=320.0, scale=300.0, help="set temperature"
    )
    return u


def _acidity(m: ModelBuilder, x: dict[str, Any]) -> dict[str, Any]:
    """Hydrogen carbonate closes the charges; pH follows from it and the dissolved gas."""
    trace = m.constant("trace", 0.2, "mmol/L")
    bound = m.define("bound", smooth_max(x["ions"] + x["A"] - x["L"], trace, trace), "mmol/L")
    free = m.define("free", smooth_max(x["C"] - bound, 0.1 * trace, 0.1 * trace), "mmol/L")
    ph = m.define("pH_now", 6.1 + ca.log(bound / free) / log(10.0), "1")
    return {"bound": bound, "free": free, "pH": ph}


def _rates(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any], acid: dict[str, Any]) -> Any:
    ten = (x["T"] - m.constant("T_warm", WARM_K, "K")) / m.constant("ten_kelvin", 10.0, "K")
    too_hot = smooth_step(ten, 0.2, 0.05)
    warm = m.define("warm", k["Q10_growth"] ** ten * (1.0 - too_hot), "1")
    brisk = m.define("brisk", k["Q10_uptake"] ** ten, "1")
    off = (acid["pH"] - 7.05) / k["pH_width"]
    breath = x["O2"] / (k["K_O2"] + x["O2"])
    fed = x["G"] / (k["K_glc"] + x["G"]) * x["Gn"] / (k["K_gln"] + x["Gn"])
    free = k["KI_lac"] / (k["KI_lac"] + x["L"]) * k["KI_amm"] / (k["KI_amm"] + x["A"])
    mu = k["mu_max"] * fed * free * breath * warm * ca.exp(-0.5 * off**2)
    mu = m.define("mu", mu, "1/h")
    hungry = 0.1 * k["K_glc"] / (0.1 * k["K_glc"] + x["G"])
    harmed = k["k_d_amm"] * x["A"] ** 2 / (k["KD_amm"] ** 2 + x["A"] ** 2)
    stress = 1.0 + 3.0 * (1.0 - ca.exp(-0.5 * off**2)) + 20.0 * too_hot
    mu_d = brisk * (k["k_d"] * stress + harmed + k["k_starve"] * hungry)
    eaten = x["G"] / (0.1 * k["K_glc"] + x["G"])
    q_G = m.define("q_G", mu / k["Y_glc"] + brisk * k["m_glc"] * eaten, _Q)
    over = smooth_max(q_G - k["q_burnt"], 0.0, 0.1 * k["q_burnt"])
    switch = k["mu_switch"] / (k["mu_switch"] + mu)
    back = k["q_eaten"] * brisk * x["L"] / (k["K_eaten"] + x["L"]) * switch
    cold = k["Q10_product"] ** ten * eaten
    taken = k["r_amm"] * x["A"] / (0.1 * k["KI_amm"] + x["A"])
    return {
        "mu": mu,
        "mu_d": m.define("mu_d", mu_d, "1/h"),
        "q_G": q_G,
        "q_L": m.define("q_L", k["Y_lac"] * over * eaten - back, _Q),
        "q_Gn": m.define("q_Gn", mu / k["Y_gln"], _Q),
        "q_A": m.define("q_A", k["Y_amm"] * mu / k["Y_gln"] - taken, _Q),
        "q_P": m.define("q_P", cold * (k["q_growth"] * mu + k["q_mab"]), "g/(10*9.h)"),
        "q_O2": m.define("q_O2_now", k["q_O2"] * brisk * breath, _Q),
    }


def _balances(m: ModelBuilder, x: Any, u: Any, k: Any, r: Any, acid: Any) -> dict[str, Any]:
    """Derivatives; returns the flows that the laws need."""
    V, Xv = x["V"], x["Xv"]
    F = m.define("flow", u["F"] + u["F_glc"] + u["F_base"], "L/h")
    D = m.define("dilution", F / V, "1/h")
    m.derivative(V, F)
    m.derivative(Xv, (r["mu"] - r["mu_d"] - D) * Xv)
    m.derivative(x["Xd"], r["mu_d"] * Xv - (k["k_lysis"] + D) * x["Xd"])
    m.derivative(x["Xl"], k["k_lysis"] * x["Xd"] - D * x["Xl"])
    sugar = m.define("sugar", u["F"] * u["G_feed"] + u["F_glc"] * u["G_glc"], "mmol/h")
    decay = k["k_gln"] * x["Gn"]
    m.derivative(x["G"], sugar / V - r["q_G"] * Xv - D * x["G"])
    m.derivative(x["Gn"], u["F"] * u["Gn_feed"] / V - r["q_Gn"] * Xv - decay - D * x["Gn"])
    m.derivative(x["L"], r["q_L"] * Xv - D * x["L"])
    m.derivative(x["A"], r["q_A"] * Xv + decay - D * x["A"])
    m.derivative(x["P"], r["q_P"] * Xv - D * x["P"])
    full = m.constant("O2_pure", 1.0, "mmol/L")
    breath = r["q_O2"] * Xv
    m.derivative(x["O2"], k["kLa"] * (full * u["y_O2"] - x["O2"]) - breath - D * x["O2"])
    gas = m.constant("CO2_pure", 24.0, "mmol/L") * u["y_CO2"]
    stripped = m.define("stripped", k["kLa_CO2"] * (acid["free"] - gas), "mmol/(L.h)")
    m.derivative(x["C"], k["RQ"] * breath - stripped - D * x["C"])
    base = m.define("base", u["F_base"] * m.constant("base_strength", 500.0, "mmol/L"), "mmol/h")
    m.derivative(x["ions"], base / V - D * x["ions"])
    m.derivative(x["T"], (u["T_set"] - x["T"]) / m.constant("tau_T", 0.5, "h"))
    carbon = V * (k["RQ"] * breath - stripped)
    return {"F": F, "base": base, "carbon": carbon}


def _laws(m: ModelBuilder, x: Any, u: Any, r: Any, flows: dict[str, Any]) -> None:
    V, Xv = x["V"], x["Xv"]
    m.conserved("volume", V, inflow=flows["F"], unit="L")
    cells = V * (Xv + x["Xd"] + x["Xl"])
    m.conserved("cells", cells, inflow=r["mu"] * Xv * V, unit="10*9")
    nitrogen = V * (x["Gn"] + x["A"])
    m.conserved(
        "glutamine and ammonium", nitrogen,
        inflow=u["F"] * u["Gn_feed"] + (r["q_A"] - r["q_Gn"]) * Xv * V, unit="mmol",
    )  # fmt: skip
    m.conserved("strong ions", V * x["ions"], inflow=flows["base"], unit="mmol")
    m.conserved("inorganic carbon", V * x["C"], inflow=flows["carbon"], unit="mmol")
    m.conserved("antibody", V * x["P"], inflow=r["q_P"] * Xv * V, unit="g")


def _outputs(m: ModelBuilder, x: dict[str, Any], acid: dict[str, Any]) -> None:
    percent = m.constant("percent", 100.0, "%")
    few = m.constant("few_cells", 1e-9, CELLS)
    alive = percent * x["Xv"] / (x["Xv"] + x["Xd"] + few)
    lab: dict[str, Any] = {"cadence": DAY, "delay": 2.0}
    m.output("VCD", x["Xv"], CELLS, noise=Noise(0.05, 0.07), help="viable cell density", **lab)
    m.output("viability", alive, "%", noise=Noise(1.5), help="viability", **lab)
    for name, column, noise in (
        ("glucose", "G", Noise(0.3, 0.04)), ("glutamine", "Gn", Noise(0.1, 0.05)),
        ("lactate", "L", Noise(0.3, 0.04)), ("ammonium", "A", Noise(0.15, 0.05)),
    ):  # fmt: skip
        m.output(name, x[column], "mmol/L", noise=noise, help=f"{name}, bench analyser", **lab)
    m.output(
        "titre", x["P"], "g/L", noise=Noise(0.02, 0.04), cadence=DAY, delay=24.0,
        help="antibody, protein A HPLC: known a day late",
    )  # fmt: skip
    m.output("biomass", x["Xv"], CELLS, noise=Noise(0.1, 0.06), help="capacitance, on line")
    m.output("pH", acid["pH"], "1", noise=Noise(0.02), help="pH, on line")
    oxygen = percent * x["O2"] / m.constant("O2_air", 0.21, "mmol/L")
    m.output("DO", oxygen, "%", noise=Noise(1.0), help="dissolved oxygen, of air saturation")
    pressure = acid["free"] / m.constant("CO2_henry", 0.0316, "mmol/(L.mm[Hg])")
    m.output("pCO2", pressure, "mm[Hg]", noise=Noise(4.0), cadence=DAY, delay=2.0, help="CO2")
    m.output("temperature", x["T"], "K", noise=Noise(0.05), help="temperature")
    m.output("product", x["P"] * x["V"], "g", help="antibody in the vessel")


def fed_batch(volume_L: float = 1.5, spread: float = 0.15, most_L: float = 2.5) -> Model:
    """CHO fed-batch of thirteen states for control studies.

    Args:
        volume_L: At the start, in L.
        spread: Relative standard deviation of the priors.
        most_L: Where the vessel overflows, in L.

    >>> fed_batch().n_x
    13
    """
    m = ModelBuilder(
        "cho.mab", version="1", title="CHO fed-batch for control studies", time_unit="h",
        references=(XING, LACTATE, SHIFT, LYSIS, IONS, BREATH),
    )  # fmt: skip
    x, u = _states(m, volume_L), _inputs(m, volume_L)
    k = parameters(m, KINETICS, spread)
    acid = _acidity(m, x)
    r = _rates(m, x, k, acid)
    flows = _balances(m, x, u, k, r, acid)
    _laws(m, x, u, r, flows)
    _outputs(m, x, acid)
    volume = m.argument("sample_volume", "L")
    m.jump("sample", {"V": x["V"] - volume}, {"volume": (volume, "L")}, help="broth taken out")
    m.stop("overflow", x["V"] - m.constant("V_max", most_L, "L"), help="the vessel is full")
    half = x["Xd"] - x["Xv"]
    m.watch("viability below a half", half, help="a usual criterion to end the batch")
    return m.build()


def controllers(interval: float = 0.5, pH: float = 7.05, DO: float = 40.0) -> tuple[Pid, ...]:
    """The basic loops: oxygen by enrichment, pH from above by gas and from below by base.

    Args:
        interval: Between two steps, in h.
        pH: Set point; base begins 0.1 below it.
        DO: Set point in per cent of air saturation.
    """
    return (
        Pid("oxygen", "DO", "y_O2", DO, 0.0005, 1.0, low=0.0, high=1.0, interval=interval),
        Pid("acid", "pH", "y_CO2", pH, -0.02, 1.0, low=0.0, high=0.2, interval=interval),
        Pid("base", "pH", "F_base", pH - 0.1, 0.002, 1.0, low=0.0, high=0.005, interval=interval),
    )


def glucose_loop(set_point: float = 20.0, interval: float = 0.5) -> Pid:
    """Glucose held by its own solution, on an assay that comes hours late.

    Args:
        set_point: In mmol/L.
        interval: Between two steps, in h.
    """
    return Pid(
        "glucose", "glucose", "F_glc", set_point, 2e-5, 40.0, low=0.0, high=0.005,
        interval=interval,
    )  # fmt: skip


def platform(
    days: int = 14,
    *,
    feeds: Mapping[int, float] | None = None,
    shift_at: float | None = 120.0,
    loops: Sequence[Controller] | None = None,
    interval: float = 0.5,
) -> Recipe:
    """The platform process: feed in steps from day 3 on, a temperature shift, basic loops.

    Args:
        days: Duration.
        feeds: Day to feed in L/h from then on.
        shift_at: Time of the shift to 33 Cel in h; None: no shift.
        loops: Controllers; None: the basic ones and glucose.
        interval: Control interval, in h.
    """
    steps = {0: 0.0, 3: 8e-4, 5: 1.3e-3, 8: 1.1e-3} if feeds is None else {0: 0.0, **feeds}
    chosen = {day: feed for day, feed in sorted(steps.items()) if day < days}
    events: tuple[Event, ...] = ()
    if shift_at is not None and shift_at < DAY * days:
        events = (Shift("T_set", shift_at, SHIFTED_K),)
    acting = (*controllers(interval), glucose_loop(interval=interval)) if loops is None else loops
    feed = Steps(tuple(DAY * day for day in chosen), tuple(chosen.values()))
    return Recipe(DAY * days, interval, {"F": feed}, events=events, controllers=tuple(acting))


def default_recipe() -> Recipe:
    """The platform process in full."""
    return platform()
