"""Viral inactivation at low pH: how long to hold, how much it clears, what it costs in aggregates.

Virus loses infectivity by first order, of which a share may resist; monomer turns into
aggregates by first order. Both rates follow Arrhenius in temperature and are exponential in pH.
The rates declared are those of a claim, not of a virus: 5 log10 in 30 min at pH 3.6 and 15 Cel is
what ASTM E2888 grants for retroviruses; fit your own for anything else.

References:
    ASTM E2888-12 (inactivation of rodent retrovirus by pH); Brorson et al. 2003, Biotechnol.
    Bioeng. 82, 321; Mattila et al. 2016, doi:10.5731/pdajpst.2016.006478; ICH Q5A(R2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log10
from typing import Any

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.library.downstream.flows import Flows
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Recipe

GAS_J_MOL_K = 8.314462618
REFERENCES = ("ASTM E2888-12", "doi:10.5731/pdajpst.2016.006478")


@dataclass(frozen=True)
class Rates:
    """First-order rates at a reference condition, and how they move with temperature and pH.

    Attributes:
        inactivation_1_s: Of the virus at the reference.
        aggregation_1_s: Of the monomer at the reference.
        temperature_k: Reference.
        ph: Reference.
        inactivation_j_mol: Activation energy.
        aggregation_j_mol: Activation energy.
        inactivation_per_ph: log10 of the rate that one unit of pH less adds.
        aggregation_per_ph: The same for aggregation.
        resistant: Share of the virus that does not lose its infectivity.
    """

    inactivation_1_s: float = 5.0 * log(10.0) / 1800.0
    aggregation_1_s: float = 1e-6
    temperature_k: float = 288.15
    ph: float = 3.6
    inactivation_j_mol: float = 60_000.0
    aggregation_j_mol: float = 90_000.0
    inactivation_per_ph: float = 2.0
    aggregation_per_ph: float = 0.8
    resistant: float = 0.0

    def inactivation(self, temperature_k: float, ph: float) -> float:
        """Rate of inactivation, 1/s.

        >>> round(Rates().inactivation(288.15, 3.6) * 1800.0 / log(10.0), 6)
        5.0
        """
        return self._at(
            self.inactivation_1_s, self.inactivation_j_mol, self.inactivation_per_ph, temperature_k,
            ph,
        )  # fmt: skip

    def aggregation(self, temperature_k: float, ph: float) -> float:
        """Rate of aggregation, 1/s."""
        return self._at(
            self.aggregation_1_s, self.aggregation_j_mol, self.aggregation_per_ph, temperature_k, ph
        )

    def _at(
        self, rate: float, energy: float, per_ph: float, temperature_k: float, ph: float
    ) -> float:
        if not (temperature_k > 0.0 and 0.0 <= ph <= 14.0):
            raise DataError(
                f"a hold at {temperature_k} K and pH {ph} cannot be.",
                hint="Give the temperature in K, and a pH of 0 to 14.",
            )
        warmth = energy / GAS_J_MOL_K * (1.0 / temperature_k - 1.0 / self.temperature_k)
        return float(rate * exp(-warmth) * 10.0 ** (per_ph * (self.ph - ph)))


@dataclass(frozen=True)
class Hold:
    """What a hold does.

    Attributes:
        log_reduction: log10 of infectivity before over after.
        monomer: Share of the monomer that is left.
        duration_s: How long it lasts.
        flows: Acid to go down and base to go up.
    """

    log_reduction: float
    monomer: float
    duration_s: float
    flows: Flows


@dataclass(frozen=True)
class Pool:
    """What is held.

    Attributes:
        volume_m3: Before titration.
        product_kg: Monomer in it.
        acid_share: Volume of acid per volume of pool.
        base_share: Volume of base per volume of pool.
    """

    volume_m3: float = 0.0
    product_kg: float = 0.0
    acid_share: float = 0.03
    base_share: float = 0.03


def log_reduction(rates: Rates, temperature_k: float, ph: float, duration_s: float) -> float:
    """Exact log reduction at constant conditions: `-log10(r + (1 - r) exp(-k t))`.

    >>> round(log_reduction(Rates(), 288.15, 3.6, 1800.0), 6)
    5.0
    >>> round(log_reduction(Rates(resistant=1e-4), 288.15, 3.6, 1e6), 6)
    4.0
    """
    left = exp(-rates.inactivation(temperature_k, ph) * duration_s)
    infectious = rates.resistant + (1.0 - rates.resistant) * left
    return -log10(infectious) if infectious > 0.0 else inf


def hold(
    rates: Rates, temperature_k: float, ph: float, duration_s: float, pool: Pool | None = None
) -> Hold:
    """A hold at constant temperature and pH.

    >>> held = hold(Rates(), 293.15, 3.5, 3600.0, Pool(0.5, 10.0))
    >>> held.log_reduction > 10.0, round(held.monomer, 3), held.flows.buffers_m3
    (True, 0.992, {'acid': 0.015, 'base': 0.015})
    """
    if duration_s < 0.0:
        raise DataError(f"a hold of {duration_s} s.", hint="Give a duration of 0 or more.")
    kept = pool or Pool()
    monomer = exp(-rates.aggregation(temperature_k, ph) * duration_s)
    flows = Flows(
        kept.product_kg * monomer,
        {"acid": kept.acid_share * kept.volume_m3, "base": kept.base_share * kept.volume_m3},
    )
    return Hold(log_reduction(rates, temperature_k, ph, duration_s), monomer, duration_s, flows)


@dataclass(frozen=True)
class HoldLimits:
    """Within which times a hold does what it must and no more harm than it may.

    Attributes:
        shortest_s: Clears enough from here on.
        longest_s: More aggregates than allowed beyond here.
    """

    shortest_s: float
    longest_s: float

    @property
    def is_possible(self) -> bool:
        """Whether any time serves."""
        return self.shortest_s <= self.longest_s


def hold_limits(
    rates: Rates, temperature_k: float, ph: float, *, log_needed: float, aggregate_allowed: float
) -> HoldLimits:
    """Shortest and longest hold at constant conditions.

    Args:
        rates: Of virus and product.
        temperature_k: Of the hold.
        ph: Of the hold.
        log_needed: log10 reduction claimed.
        aggregate_allowed: Share of monomer that may be lost.

    Raises:
        DataError: The resistant share forbids that reduction at any time.

    >>> limits = hold_limits(Rates(), 288.15, 3.6, log_needed=5.0, aggregate_allowed=0.01)
    >>> round(limits.shortest_s), round(limits.longest_s), limits.is_possible
    (1800, 10050, True)
    """
    if not 0.0 < aggregate_allowed < 1.0:
        raise DataError(
            f"allowed aggregates of {aggregate_allowed}.", hint="Give a share of 0 to 1."
        )
    left = (10.0**-log_needed - rates.resistant) / (1.0 - rates.resistant)
    if left <= 0.0:
        raise DataError(
            f"{log_needed:g} log10 cannot be reached: a share of {rates.resistant:g} resists.",
            hint="Claim less, or combine with another clearance step.",
        )
    return HoldLimits(
        max(0.0, -log(left) / rates.inactivation(temperature_k, ph)),
        -log(1.0 - aggregate_allowed) / rates.aggregation(temperature_k, ph),
    )


def viral_inactivation(rates: Rates | None = None) -> Model:
    """The hold as a declared model, with temperature and pH as inputs; time in seconds.

    Args:
        rates: Declared values of the parameters.

    >>> viral_inactivation().n_x
    4
    """
    r = rates or Rates()
    m = ModelBuilder(
        "downstream.viral_inactivation", version="1", title="Viral inactivation at low pH",
        time_unit="s", references=REFERENCES,
    )  # fmt: skip
    T = m.input("T", "K", value=293.15, lower=273.15, upper=313.15, valid=(277.0, 303.0),
                help="temperature of the pool")  # fmt: skip
    pH = m.input("pH", "1", value=3.5, lower=0.0, upper=14.0, valid=(3.0, 4.2), help="of the pool")
    virus = m.state("virus", "1", initial=1.0 - r.resistant, lower=0.0, help="share infectious")
    resistant = m.state("resistant", "1", initial=r.resistant, lower=0.0, help="share that resists")
    monomer = m.state("monomer", "g/L", initial=20.0, lower=0.0, scale=10.0, help="product")
    aggregate = m.state("aggregate", "g/L", lower=0.0, scale=1.0, help="aggregated product")
    k_v = _rate(m, "inactivation", (r.inactivation_1_s, r.inactivation_j_mol,
                                    r.inactivation_per_ph), r, (T, pH))  # fmt: skip
    k_a = _rate(m, "aggregation", (r.aggregation_1_s, r.aggregation_j_mol, r.aggregation_per_ph),
                r, (T, pH))  # fmt: skip
    m.derivative(virus, -k_v * virus)
    m.derivative(resistant, 0.0 * k_v * resistant)
    m.derivative(monomer, -k_a * monomer)
    m.derivative(aggregate, k_a * monomer)
    m.conserved("protein", monomer + aggregate, inflow=0.0 * k_a * monomer, unit="g/L")
    m.output("log_reduction", -ca.log10(virus + resistant), "1", help="of infectivity")
    m.output("aggregates", 100.0 * aggregate / (monomer + aggregate) * _percent(m), "%",
             help="share of aggregated product")  # fmt: skip
    return m.build()


def _percent(m: ModelBuilder) -> Any:
    return m.constant("one_percent", 1.0, "%")


def _rate(
    m: ModelBuilder, name: str, values: tuple[float, float, float], r: Rates, at: tuple[Any, Any]
) -> Any:
    rate = m.parameter(f"k_{name}", "1/s", value=values[0], lower=0.0,
                       help=f"rate of {name} at the reference")  # fmt: skip
    energy = m.parameter(f"E_{name}", "J/mol", value=values[1], lower=0.0,
                         help=f"activation energy of {name}")  # fmt: skip
    slope = m.parameter(f"n_{name}", "1", value=values[2],
                        help=f"log10 of {name} gained by one pH less")  # fmt: skip
    gas = m.constant(f"R_{name}", GAS_J_MOL_K, "J/mol/K")
    T0 = m.constant(f"T0_{name}", r.temperature_k, "K")
    T, pH = at
    exponent = -energy / gas * (1.0 / T - 1.0 / T0) + log(10.0) * slope * (r.ph - pH)
    return m.define(f"rate_{name}", rate * ca.exp(exponent), "1/s")


def default_recipe() -> Recipe:
    """One hour at the declared conditions."""
    return Recipe(duration=3600.0, interval=60.0)
