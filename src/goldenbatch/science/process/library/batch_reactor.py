"""Batch reactor 2 A -> B -> C: the test problem of probabilistic design spaces."""

from __future__ import annotations

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Prior
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Recipe

PURITY, PROFIT = 0.80, 128.0
"""Limits of Kucherenko et al.: purity at least 0.8, profit at least 0.8 of 160."""


def kucherenko(*, relative_sd: float = 0.01) -> Model:
    """Isothermal batch: rates by Arrhenius, all four kinetic constants uncertain.

    `2 A -> B` of second order in A, `B -> C` of first order. Purity is the molar share of B;
    profit per time counts the product, the feed and thirty minutes between two batches.

    Args:
        relative_sd: Standard deviation of each kinetic constant, relative to its value.

    References:
        García-Muñoz, Luciani, Vaidyaraman and Seibert (2015), Org. Process Res. Dev. 19:1012,
        doi:10.1021/acs.oprd.5b00158.
        Kucherenko, Giamalakis, Shah and García-Muñoz (2020), Comput. Chem. Eng. 132:106608,
        doi:10.1016/j.compchemeng.2019.106608.

    >>> from goldenbatch.science.process import simulate
    >>> run = simulate(kucherenko(), batch(285.0, 330.0))
    >>> round(run.final("purity"), 4), round(run.final("profit"), 2)
    (0.8109, 130.11)
    """
    m = ModelBuilder(
        "batch_reactor.kucherenko", version="1", title="Batch reactor 2 A -> B -> C",
        time_unit="min", references=("doi:10.1016/j.compchemeng.2019.106608",),
    )  # fmt: skip
    start = m.constant("A_start", 2000.0, "mol/m3")
    A = m.state("A", "mol/m3", initial=2000.0, lower=0.0, scale=1000.0, help="reactant")
    B = m.state("B", "mol/m3", lower=0.0, scale=1000.0, help="product")
    C = m.state("C", "mol/m3", lower=0.0, scale=1000.0, help="by-product")
    T = m.input("T", "K", value=285.0, lower=200.0, upper=450.0, help="temperature")
    k1, k2, E1, E2 = (
        m.parameter(
            name, unit, value=value, lower=0.0, prior=Prior.normal(value * relative_sd),
            source="doi:10.1016/j.compchemeng.2019.106608",
        )
        for name, unit, value in (
            ("k1", "m3/mol/min", 0.0641), ("k2", "1/min", 9938.1),
            ("E1_R", "K", 2500.2), ("E2_R", "K", 5000.1),
        )
    )  # fmt: skip
    r1 = m.define("r1", k1 * ca.exp(-E1 / T) * A**2, "mol/m3/min")
    r2 = m.define("r2", k2 * ca.exp(-E2 / T) * B, "mol/m3/min")
    m.derivative(A, -2.0 * r1)
    m.derivative(B, r1 - r2)
    m.derivative(C, r2)
    price = m.constant("price", 1.0, "m3/mol")
    between = m.constant("between", 30.0, "min")
    m.output("purity", B / (A + B + C), "1", help="molar share of the product")
    earned = price * (100.0 * B - 20.0 * start) / (m.t + between)
    m.output("profit", earned, "1/min", help="value of the product less the feed, per time")
    m.conserved("A bound or free", A + 2.0 * B + 2.0 * C, inflow=0.0 * r1, unit="mol/m3")
    return m.build()


def default_recipe() -> Recipe:
    """A batch inside the nominal design space."""
    return batch(285.0, 330.0)


def batch(temperature_K: float, duration_min: float) -> Recipe:
    """One batch at a constant temperature, in K, over some minutes."""
    return Recipe(duration_min, duration_min, inputs={"T": temperature_K})
