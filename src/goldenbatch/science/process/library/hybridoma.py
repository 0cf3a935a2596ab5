"""Hybridoma and CHO fed-batch with overflow metabolism, after Amribt, Niu and Bogaerts.

Cells take up more glucose and glutamine than they can burn, and turn the surplus into lactate
and ammonium: a bottleneck that feeds are chosen by. States are total amounts in the vessel.

References:
    Amribt, Niu and Bogaerts, Biochem. Eng. J. 70 (2013) 196 (kinetics, 17 parameters of
    table 5, experiments 3 and 4, feeding study of section 5); Kroll et al., Eng. Life Sci. 17
    (2017) 440, PMC6999402 (lysis, toxicity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Profile, Recipe, Steps, Value
from goldenbatch.science.process.smooth import smooth_min

AMRIBT = "Amribt, Niu and Bogaerts, Biochem. Eng. J. 70 (2013) 196"
LYSIS = "PMC6999402"
_RATE = "mmol/(10*9.h)"
Variant = Literal["exact", "smoothed"]

KINETICS: tuple[tuple[str, str, float, str], ...] = (
    ("qG_max1", _RATE, 0.2971, "highest uptake of glucose"),
    ("qG_max2", _RATE, 0.0384, "glucose that can be burnt: the bottleneck"),
    ("mG", _RATE, 0.0383, "glucose for maintenance"),
    ("KG", "mmol/L", 1.0016, "glucose at half its uptake"),
    ("KGn1", "mmol/L", 0.1029, "glutamine at half the uptake of glucose"),
    ("qGn_max1", _RATE, 0.1238, "highest uptake of glutamine"),
    ("qGn_max2", _RATE, 0.0218, "glutamine that can be burnt: the bottleneck"),
    ("mGn", _RATE, 0.0025, "glutamine for maintenance"),
    ("KGn", "mmol/L", 0.0314, "glutamine at half its uptake"),
    ("KN", "mmol/L", 1.9268, "ammonium that halves the uptake of glutamine"),
    ("a", "10*9/mmol", 0.6722, "cells per glucose burnt"),
    ("b", "mmol/mmol", 1.818, "lactate per glucose burnt"),
    ("c", "10*9/mmol", 0.3466, "cells per glutamine burnt"),
    ("d", "mmol/mmol", 0.4929, "ammonium per glutamine burnt"),
    ("mu_d_max", "1/h", 0.1302, "highest specific death rate"),
    ("KGd", "mmol/L", 0.4347, "glucose that halves death"),
    ("KGnd", "mmol/L", 0.0020, "glutamine that halves death"),
)
"""Name, unit, value, help of the 17 parameters."""
SUBSTANCES = {
    "Xv": ("10*9/L", 0.05, "viable cells"),
    "Xd": ("10*9/L", 0.02, "dead cells"),
    "Xl": ("10*9/L", 0.02, "lysed cells"),
    "G": ("mmol/L", 0.3, "glucose"),
    "Gn": ("mmol/L", 0.1, "glutamine"),
    "L": ("mmol/L", 0.3, "lactate"),
    "N": ("mmol/L", 0.1, "ammonium"),
    "P": ("mg/L", 0.1, "antibody"),
}
"""Unit of the concentration, absolute error of its assay, and help."""


@dataclass(frozen=True)
class Study:
    """A run of a paper: what is done, what is there at the start, which parameters differ.

    Attributes:
        recipe: What is done.
        initial: Amounts at the start.
        parameters: Those that differ.
    """

    recipe: Recipe
    initial: Mapping[str, float]
    parameters: Mapping[str, float]


def _parameters(m: ModelBuilder, spread: float) -> dict[str, Any]:
    prior = Prior.lognormal(spread, "assumed")
    k = {
        name: m.parameter(
            name, unit, value=value, lower=0.0, prior=prior, source=f"{AMRIBT} table 5", help=words
        )
        for name, unit, value, words in KINETICS
    }
    more: dict[str, Any] = {"lower": -10.0, "upper": 10.0, "source": "Luedeking and Piret"}
    k["alpha"] = m.parameter(
        "alpha", "mg/10*9", value=0.4167, help="antibody with growth, per cell made", **more
    )
    k["beta"] = m.parameter("beta", "mg/(10*9.h)", value=0.01, help="antibody beside it", **more)
    for name, unit, words in (
        ("k_lysis_v", "1/h", "lysis of viable cells"),
        ("k_lysis_d", "1/h", "lysis of dead cells"),
        ("k_toxic", "L/(10*9.h)", "death by lysed cells"),
    ):
        k[name] = m.parameter(name, unit, value=0.0, lower=0.0, source=LYSIS, help=words)
    return k


def _states(m: ModelBuilder) -> dict[str, Any]:
    start = {"Xv": 0.0516, "Xd": 0.006, "G": 5.349, "Gn": 1.122, "L": 0.036, "N": 0.072}
    scale = {"G": 3.0, "L": 5.0, "P": 1.0}
    x = {"V": m.state("V", "L", initial=0.3, lower=1e-3, upper=2.0, help="volume")}
    for name, (unit, _, words) in SUBSTANCES.items():
        x[name] = m.state(
            f"V{name}", unit.removesuffix("/L"), initial=start.get(name, 0.0), lower=0.0,
            scale=scale.get(name, 1.0), help=f"{words} in the vessel",
        )  # fmt: skip
    return x


def _least(variant: Variant, one: Any, other: Any, width: Any) -> Any:
    """The lesser of two; rounded where optimisers have to differentiate it."""
    return ca.fmin(one, other) if variant == "exact" else smooth_min(one, other, width)


def _uptake(m: ModelBuilder, k: dict[str, Any], c: dict[str, Any], variant: Variant) -> Any:
    """Specific rates of uptake, of what is burnt, and of what overflows."""
    G, Gn = c["G"], c["Gn"]
    qG1 = k["qG_max1"] * G / (k["KG"] + G) * Gn / (k["KGn1"] + Gn)
    qGn1 = k["qGn_max1"] * Gn / (k["KGn"] + Gn) * k["KN"] / (k["KN"] + c["N"])
    r = {"qG1": m.define("qG1", qG1, _RATE), "qGn1": m.define("qGn1", qGn1, _RATE)}
    for name in ("G", "Gn"):
        top = k[f"q{name}_max2"]
        burnt = _least(variant, r[f"q{name}1"], top, 0.01 * top)
        r[f"q{name}"] = m.define(f"q{name}", burnt, _RATE)
        r[f"q{name}_over"] = m.define(f"q{name}_over", r[f"q{name}1"] - burnt, _RATE)
        # The paper takes maintenance from what is there once that is less, number against number.
        last = m.constant(f"last_{name}", 1.0, "L/(10*9.h)") * c[name]
        kept = _least(variant, k[f"m{name}"], last, 0.01 * k[f"m{name}"])
        r[f"keep_{name}"] = m.define(f"keep_{name}", kept, _RATE)
    return r


def _rates(m: ModelBuilder, k: dict[str, Any], c: dict[str, Any], variant: Variant) -> Any:
    r = _uptake(m, k, c, variant)
    r["mu"] = m.define("mu", k["a"] * r["qG"] + k["c"] * r["qGn"], "1/h")
    hungry = k["KGd"] / (k["KGd"] + c["G"]) * k["KGnd"] / (k["KGnd"] + c["Gn"])
    r["mu_d"] = m.define("mu_d", k["mu_d_max"] * hungry + k["k_toxic"] * c["Xl"], "1/h")
    lactate = k["b"] * r["qG"] + 2.0 * r["qG_over"] + 0.5 * r["qGn_over"]
    r["q_Xv"] = r["mu"] - r["mu_d"]
    r["q_Xd"] = r["mu_d"]
    r["q_G"] = -(r["qG1"] + r["keep_G"])
    r["q_Gn"] = -(r["qGn1"] + r["keep_Gn"])
    r["q_L"] = m.define("lactate_made", lactate, _RATE)
    r["q_N"] = m.define("ammonium_made", k["d"] * r["qGn"] + r["qGn_over"], _RATE)
    r["q_P"] = m.define("antibody_made", k["alpha"] * r["mu"] + k["beta"], "mg/(10*9.h)")
    return r


def _outputs(m: ModelBuilder, c: dict[str, Any], k: dict[str, Any], r: dict[str, Any]) -> None:
    for name, (unit, error, words) in SUBSTANCES.items():
        noise = None if name == "Xl" else Noise(sd=error, relative=0.05)
        m.output(name, c[name], unit, noise=noise, cadence=24.0, delay=2.0, help=words)
    alive = m.constant("percent", 100.0, "%") * c["Xv"] / (c["Xv"] + c["Xd"])
    m.output("viability", alive, "%", help="viable among whole cells")
    for name in ("mu", "mu_d"):
        m.output(name, r[name], "1/h", help="specific rate of growth or death")
    for name in ("G", "Gn"):
        for one in (f"q{name}", f"q{name}1", f"q{name}_over"):
            m.output(one, r[one], _RATE, help="burnt, taken up, or overflowing")
        top = k[f"q{name}_max2"]
        over = (r[f"q{name}1"] - top) / top
        m.output(f"Ind_q{name}_over", over, "1", help="overflow where above zero")
    for name in ("Xv", "Xd", "G", "Gn", "L", "N", "P"):
        unit = {"Xv": "1/h", "Xd": "1/h", "P": "mg/(10*9.h)"}.get(name, _RATE)
        m.output(f"q_{name}", r[f"q_{name}"], unit, help=f"specific rate: {SUBSTANCES[name][2]}")


def hybridoma(variant: Variant = "exact", spread: float = 0.1) -> Model:
    """The fed-batch with overflow metabolism.

    Args:
        variant: `exact` has the paper's kinks where a bottleneck begins; `smoothed` rounds them
            by one per cent, for optimisers.
        spread: Relative standard deviation of the kinetic priors.

    >>> hybridoma().n_x
    9
    """
    m = ModelBuilder(
        "cho.amribt", version=f"1+{variant}", title="Hybridoma fed-batch with overflow metabolism",
        time_unit="h", references=(AMRIBT, LYSIS),
    )  # fmt: skip
    x, k = _states(m), _parameters(m, spread)
    F = m.input("F", "L/h", value=0.0, lower=0.0, upper=0.05, scale=0.005, help="feed")
    fed = {
        "G": m.input("G_in", "mmol/L", value=15.0, lower=0.0, scale=10.0, help="glucose, feed"),
        "Gn": m.input("Gn_in", "mmol/L", value=9.3, lower=0.0, scale=5.0, help="glutamine, feed"),
    }
    V, Xv = x["V"], x["Xv"]
    c = {
        name: m.define(f"c_{name}", x[name] / V, unit) for name, (unit, _, _) in SUBSTANCES.items()
    }
    r = _rates(m, k, c, variant)
    burst_v, burst_d = k["k_lysis_v"] * Xv, k["k_lysis_d"] * x["Xd"]
    m.derivative(V, F)
    m.derivative(Xv, r["q_Xv"] * Xv - burst_v)
    m.derivative(x["Xd"], r["mu_d"] * Xv - burst_d)
    m.derivative(x["Xl"], burst_v + burst_d)
    for name in ("G", "Gn"):
        m.derivative(x[name], r[f"q_{name}"] * Xv + F * fed[name])
    for name in ("L", "N", "P"):
        m.derivative(x[name], r[f"q_{name}"] * Xv)
    _laws(m, x, k, r, F)
    _outputs(m, c, k, r)
    m.stop("overflow", V - m.constant("V_max", 2.0, "L"), help="the vessel is full")
    return m.build()


def _laws(m: ModelBuilder, x: dict[str, Any], k: dict[str, Any], r: dict[str, Any], F: Any) -> None:
    cells = x["Xv"] + x["Xd"] + x["Xl"]
    m.conserved("volume", x["V"], inflow=F, unit="L")
    m.conserved("cells", cells, inflow=r["mu"] * x["Xv"], unit="10*9")
    # Antibody made with growth follows the cells that were made, whatever became of them.
    beside = x["P"] - k["alpha"] * cells
    m.conserved("antibody beside growth", beside, inflow=k["beta"] * x["Xv"], unit="mg")


def stepped_feed(
    duration: float,
    steps: Mapping[float, float],
    *,
    glucose: float = 15.0,
    glutamine: float = 4.0,
    interval: float = 0.5,
) -> Recipe:
    """A recipe with a feed in steps, none before the first.

    Args:
        duration: In h.
        steps: Time in h to feed in L/h from then on.
        glucose: In the feed, mmol/L.
        glutamine: In the feed, mmol/L.
        interval: Between rows, in h.

    >>> stepped_feed(125.0, {52.0: 0.00625}).inputs["F"].values
    (0.0, 0.00625)
    """
    points = {0.0: 0.0} | dict(steps)
    times = tuple(sorted(points))
    inputs: dict[str, Profile | Value] = {
        "F": Steps(times, tuple(points[t] for t in times)), "G_in": glucose, "Gn_in": glutamine,
    }  # fmt: skip
    return Recipe(duration, interval, inputs)


def start(volume_L: float, concentrations: Mapping[str, float]) -> dict[str, float]:
    """Amounts at the start from a volume and concentrations; those not named are zero.

    >>> start(0.5, {"G": 18.0})["VG"]
    9.0
    """
    amounts = {f"V{name}": volume_L * concentrations.get(name, 0.0) for name in SUBSTANCES}
    return {"V": volume_L, **amounts}


_FIGURE_5 = {"Xv": 0.172, "Xd": 0.020, "G": 17.83, "Gn": 3.74, "L": 0.12, "N": 0.24}
_EXPERIMENT_3 = {"Xv": 0.29, "Xd": 0.010, "G": 17.17, "Gn": 3.02, "L": 1.12, "N": 0.29}
_OPTIMUM = {"Xv": 0.20, "G": 18.0, "Gn": 2.4}
_FULL = 0.1 / 24.0
_STEPS: dict[str, dict[float, float]] = {
    "experimental": {49.0: 0.00417},
    "n=1": {52.0: 0.00625},
    "n=3": {52.0: 0.0020, 74.0: 0.0045, 98.0: 0.010},
    "n=5": {52.0: 0.0012, 64.0: 0.0020, 78.0: 0.0040, 92.0: 0.0080, 106.0: 0.012},
}
STUDIES = ("figure 5", "experiment 3", *_STEPS)
"""Names of `study`."""


def study(name: str = "figure 5") -> Study:
    """A run of the paper.

    Args:
        name: `figure 5` (experiment 4, 200 h), `experiment 3` (antibody made against growth), or
            a feed of the feeding study to 125 h: `experimental`, `n=1`, `n=3`, `n=5`.

    >>> study("n=1").recipe.duration
    125.0
    """
    if name == "figure 5":
        return Study(stepped_feed(200.0, {63.5: _FULL}, glutamine=9.3), start(0.30, _FIGURE_5), {})
    if name == "experiment 3":
        against = {"alpha": -1.0, "beta": 0.01}
        recipe = stepped_feed(200.0, {35.0: _FULL}, glutamine=9.3)
        return Study(recipe, start(0.35, _EXPERIMENT_3), against)
    return Study(stepped_feed(125.0, _STEPS[name]), start(0.35, _OPTIMUM), {})


def default_recipe() -> Recipe:
    """Figure 5 of the paper, from the declared start."""
    return study("figure 5").recipe
