"""Three fed-batch processes of the literature by which optimisers are compared.

References:
    Park and Ramirez, AIChE J. 34 (1988) 1550, doi:10.1002/aic.690340917; Cuthrell and Biegler,
    Comput. Chem. Eng. 13 (1989) 49, doi:10.1016/0098-1354(89)87006-4; Srinivasan, Bonvin, Visser
    and Palanki, Comput. Chem. Eng. 27 (2003) 27, doi:10.1016/S0098-1354(02)00117-5.
"""

from __future__ import annotations

from typing import Any

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.optimal.problem import Control, Limit, Problem, Term
from goldenbatch.science.process.recipe import Recipe, Steps

PARK = "doi:10.1002/aic.690340917"
CUTHRELL = "doi:10.1016/0098-1354(89)87006-4"
SRINIVASAN = "doi:10.1016/S0098-1354(02)00117-5"


def _given(m: ModelBuilder, source: str, rows: tuple[tuple[str, float, str, str], ...]) -> Any:
    return {
        name: m.parameter(
            name,
            unit,
            value=value,
            lower=0.01 * value,
            upper=100.0 * value,
            source=source,
            help=words,
        )
        for name, value, unit, words in rows
    }


def secreted_protein() -> Model:
    """Protein that yeast makes and secretes, of Park and Ramirez (1988).

    >>> secreted_protein().n_x
    5
    """
    m = ModelBuilder(
        "benchmark.park_ramirez", version="1", title="Secreted protein from fed-batch yeast",
        time_unit="h", references=(PARK,),
    )  # fmt: skip
    amount = "{U}/L"
    secreted = m.state("secreted", amount, initial=0.0, lower=0.0, help="protein secreted")
    total = m.state("total", amount, initial=0.0, lower=0.0, help="protein in all")
    X = m.state("X", "g/L", initial=1.0, lower=0.0, scale=2.0, help="cells")
    S = m.state("S", "g/L", initial=5.0, lower=0.0, scale=5.0, help="glucose")
    V = m.state("V", "L", initial=1.0, lower=0.1, scale=5.0, help="volume")
    F = m.input("F", "L/h", value=0.0, lower=0.0, upper=2.0, help="feed")
    k = _given(m, PARK, (
        ("secretion", 4.75, "1/h", "highest rate of secretion"),
        ("mu_half", 0.12, "1/h", "growth at half of it"),
        ("expression", 1.0, "{U}/(g.h)", "rate of expression"),
        ("repression", 5.0, "L/g", "of expression by glucose"),
        ("K_expression", 0.1, "g/L", "glucose at half expression"),
        ("growth", 21.87, "g/(L.h)", "numerator of growth"),
        ("K_growth", 0.4, "g/L", "glucose at half growth"),
        ("K_inhibition", 62.5, "g/L", "glucose that halves growth"),
        ("demand", 7.3, "g/g", "glucose per cells"),
        ("S_in", 20.0, "g/L", "glucose in the feed"),
    ))  # fmt: skip
    mu = m.define("mu", k["growth"] * S / ((S + k["K_growth"]) * (S + k["K_inhibition"])), "1/h")
    made = k["expression"] * S * ca.exp(-k["repression"] * S) / (k["K_expression"] + S)
    D = F / V
    m.derivative(
        secreted, k["secretion"] * mu / (k["mu_half"] + mu) * (total - secreted) - D * secreted
    )
    m.derivative(total, made * X - D * total)
    m.derivative(X, (mu - D) * X)
    m.derivative(S, D * (k["S_in"] - S) - k["demand"] * mu * X)
    m.derivative(V, F)
    m.output("product", secreted * V, "{U}", help="secreted protein in the vessel")
    m.conserved("volume", V, inflow=F, unit="L")
    m.conserved("glucose", V * (S + k["demand"] * X), inflow=F * k["S_in"], unit="g")
    return m.build()


def penicillin() -> Model:
    """Penicillin from a fed-batch, of Cuthrell and Biegler (1989).

    >>> penicillin().n_x
    4
    """
    m = ModelBuilder(
        "benchmark.cuthrell_biegler", version="1", title="Penicillin of Cuthrell and Biegler",
        time_unit="h", references=(CUTHRELL,),
    )  # fmt: skip
    X = m.state("X", "g/L", initial=1.5, lower=0.0, scale=20.0, help="cells")
    P = m.state("P", "g/L", initial=0.0, lower=0.0, scale=5.0, help="penicillin")
    S = m.state("S", "g/L", initial=0.0, lower=0.0, scale=5.0, help="glucose")
    V = m.state("V", "L", initial=7.0, lower=0.1, scale=10.0, help="volume")
    F = m.input("F", "g/h", value=10.0, lower=0.0, upper=50.0, scale=10.0, help="glucose fed")
    k = _given(m, CUTHRELL, (
        ("mu_max", 0.11, "1/h", "highest growth"),
        ("K_x", 0.006, "g/g", "glucose at half growth, per cells"),
        ("rho_max", 0.0055, "1/h", "highest production"),
        ("K_p", 0.0001, "g/L", "glucose at half production"),
        ("K_in", 0.1, "g/L", "glucose that hinders production"),
        ("K_h", 0.01, "1/h", "hydrolysis"),
        ("Y_xs", 0.47, "g/g", "cells per glucose"),
        ("Y_ps", 1.2, "g/g", "penicillin per glucose"),
        ("m_s", 0.029, "1/h", "glucose for maintenance"),
        ("K_m", 0.0001, "g/L", "glucose at half maintenance"),
        ("S_F", 500.0, "g/L", "glucose in the feed"),
    ))  # fmt: skip
    mu = m.define("mu", k["mu_max"] * S / (k["K_x"] * X + S), "1/h")
    rho = m.define("rho", k["rho_max"] * S / (k["K_p"] + S * (1.0 + S / k["K_in"])), "1/h")
    kept = m.define("kept", k["m_s"] * S / (k["K_m"] + S), "1/h")
    flow = m.define("flow", F / k["S_F"], "L/h")
    m.derivative(X, mu * X - flow / V * X)
    m.derivative(P, rho * X - k["K_h"] * P - flow / V * P)
    m.derivative(S, flow / V * (k["S_F"] - S) - (mu / k["Y_xs"] + rho / k["Y_ps"] + kept) * X)
    m.derivative(V, flow)
    m.output("product", P * V, "g", help="penicillin in the vessel")
    m.conserved("volume", V, inflow=flow, unit="L")
    eaten = (rho / k["Y_ps"] + kept) * X * V
    m.conserved("glucose", V * (S + X / k["Y_xs"]), inflow=F - eaten, unit="g")
    return m.build()


def inhibited_batch(yield_of_cells: float = 0.5) -> Model:
    """Fed-batch with inhibition by its substrate, of Srinivasan and Bonvin (2003).

    Args:
        yield_of_cells: Cells per substrate, the uncertain parameter of the studies on it.

    >>> inhibited_batch().n_x
    4
    """
    m = ModelBuilder(
        "benchmark.srinivasan_bonvin", version="1", title="Fed-batch with substrate inhibition",
        time_unit="h", references=(SRINIVASAN,),
    )  # fmt: skip
    X = m.state("X", "g/L", initial=1.0, lower=0.0, help="cells")
    S = m.state("S", "g/L", initial=0.5, lower=-0.01, help="substrate")
    P = m.state("P", "g/L", initial=0.0, lower=0.0, help="product")
    V = m.state("V", "L", initial=150.0, lower=1.0, scale=100.0, help="volume")
    F = m.input("F", "L/h", value=0.0, lower=0.0, upper=1.0, scale=0.1, help="feed")
    k = _given(m, SRINIVASAN, (
        ("mu_m", 0.02, "1/h", "highest growth"),
        ("K_m", 0.05, "g/L", "substrate at half growth"),
        ("K_i", 5.0, "g/L", "substrate that hinders growth"),
        ("nu", 0.004, "1/h", "production"),
        ("Y_p", 1.2, "g/g", "product per substrate"),
        ("Y_x", yield_of_cells, "g/g", "cells per substrate"),
        ("S_in", 200.0, "g/L", "substrate in the feed"),
    ))  # fmt: skip
    mu = m.define("mu", k["mu_m"] * S / (k["K_m"] + S + S**2 / k["K_i"]), "1/h")
    D = F / V
    m.derivative(X, (mu - D) * X)
    m.derivative(S, D * (k["S_in"] - S) - (mu / k["Y_x"] + k["nu"] / k["Y_p"]) * X)
    m.derivative(P, k["nu"] * X - D * P)
    m.derivative(V, F)
    m.output("product", P * V, "g", help="product in the vessel")
    m.conserved("volume", V, inflow=F, unit="L")
    whole = V * (S + X / k["Y_x"] + P / k["Y_p"])
    m.conserved("substrate", whole, inflow=F * k["S_in"], unit="g")
    return m.build()


def park_ramirez(n_controls: int = 60) -> Problem:
    """Secreted protein after 15 h as large as possible; the literature has 32.68 to 32.73."""
    return Problem(secreted_protein(), (Control("F"),), (Term("product"),), 15.0, n_controls)


def cuthrell_biegler(
    n_controls: int = 60, duration: float | tuple[float, float] = 132.0
) -> Problem:
    """Penicillin at the end as large as possible; the literature has 87.05 to 88.0 g.

    Args:
        n_controls: Control intervals.
        duration: In h; the paper leaves the end free.
    """
    limits = (
        Limit("X", upper="40 g/L"), Limit("P", upper=50.0), Limit("S", upper=25.0),
        Limit("V", upper="10 L"),
    )  # fmt: skip
    return Problem(penicillin(), (Control("F"),), (Term("product"),), duration, n_controls, limits)


def srinivasan_bonvin(n_controls: int = 50) -> Problem:
    """Product after 150 h as concentrated as possible, cells below 3.7 g/L."""
    limits = (Limit("X", upper=3.7),)
    guess = Control("F", guess=0.05)
    return Problem(inhibited_batch(), (guess,), (Term("P"),), 150.0, n_controls, limits)


def park_ramirez_recipe() -> Recipe:
    """Feed in two steps."""
    return Recipe(15.0, 1.0, {"F": Steps((0.0, 5.0), (0.0, 0.8))})


def cuthrell_biegler_recipe() -> Recipe:
    """Feed high, then low."""
    return Recipe(132.0, 4.0, {"F": Steps((0.0, 30.0), (20.0, 8.0))})


def srinivasan_bonvin_recipe() -> Recipe:
    """A low feed."""
    return Recipe(150.0, 5.0, {"F": 0.03})
