"""Ultrafiltration and diafiltration: what is left, how long it takes, how much buffer it needs.

Concentration at retention R: `c/c0 = (V0/V)^R`; diafiltration at constant volume over N volumes:
a solute of sieving S falls to `exp(-S N)`, the product to `exp(-(1 - R) N)`. The flux is the less
of what the clean membrane lets through and what the gel or the osmotic pressure at the wall lets:

    gel        J = k ln(cg/c)
    osmotic    J = Lp (TMP - osm(cw)),  cw = c exp(J/k),  osm(c) = A1 c + A2 c^2 + A3 c^3

References:
    Blatt et al. 1970, in Membrane Science and Technology, 47 (gel polarisation); Vilker et al.
    1981, doi:10.1002/aic.690270415 (osmotic limit); Ng, Lundblad and Mitra 1976, Sep. Sci. 11, 499
    (best concentration for diafiltration); van Reis and Zydney 2007,
    doi:10.1016/j.memsci.2007.02.045.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import e, exp, log
from typing import Any

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.library.downstream.flows import Flows
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.recipe import Recipe, Steps
from goldenbatch.science.process.smooth import smooth_min

REFERENCES = ("doi:10.1002/aic.690270415", "doi:10.1016/j.memsci.2007.02.045")


@dataclass(frozen=True)
class Membrane:
    """Cassettes, and how the product behaves on them.

    Attributes:
        area_m2: Of the membrane.
        permeability_m_s_pa: Flux of the clean membrane per pressure.
        transfer_m_s: Mass transfer coefficient k at the working cross-flow.
        gel_kg_m3: Concentration at which the flux stops (gel law).
        osmotic: A1, A2, A3 in Pa per powers of kg/m3; given, the osmotic law takes the place of
            the gel law.
        retention: Of the product, 0 to 1.
        sieving: Of the solute that is washed out.
        crossflow_m_s: Feed flow per area.
        drop_pa: Pressure drop along the channel, for the energy of the pump.
        holdup_m3: Liquid that cannot be drained, lost with its product.
    """

    area_m2: float = 10.0
    permeability_m_s_pa: float = 3e-10
    transfer_m_s: float = 5e-6
    gel_kg_m3: float = 250.0
    osmotic: tuple[float, float, float] | None = None
    retention: float = 1.0
    sieving: float = 1.0
    crossflow_m_s: float = 8.3e-5
    drop_pa: float = 1e5
    holdup_m3: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        positive = (self.area_m2, self.permeability_m_s_pa, self.transfer_m_s, self.gel_kg_m3)
        if not min(positive) > 0.0 or not (0.0 <= self.retention <= 1.0 and self.sieving >= 0.0):
            raise DesignError(
                f"membrane of area {self.area_m2} m2, permeability {self.permeability_m_s_pa}, "
                f"transfer {self.transfer_m_s} m/s, gel {self.gel_kg_m3} kg/m3, retention "
                f"{self.retention}, sieving {self.sieving} cannot be.",
                hint="The first four lie above 0, the retention between 0 and 1.",
            )

    def osmotic_pressure(self, concentration: float) -> float:
        """Osmotic pressure in Pa; 0 where the gel law is used.

        >>> Membrane(osmotic=(100.0, 1.0, 0.0)).osmotic_pressure(10.0)
        1100.0
        """
        a, b, c = self.osmotic or (0.0, 0.0, 0.0)
        return concentration * (a + concentration * (b + concentration * c))

    def flux(self, concentration: float, pressure_pa: float) -> float:
        """Permeate flux in m/s at a concentration and a transmembrane pressure.

        >>> round(Membrane().flux(250.0 / e, 1e6) * 3.6e6, 3)
        18.0
        """
        clean = self.permeability_m_s_pa * pressure_pa
        if self.osmotic is None:
            if concentration >= self.gel_kg_m3:
                return 0.0
            if concentration <= 0.0:
                return clean
            return min(clean, self.transfer_m_s * log(self.gel_kg_m3 / concentration))
        return self._osmotic_flux(concentration, pressure_pa, clean)

    def _osmotic_flux(self, concentration: float, pressure_pa: float, clean: float) -> float:
        from scipy.optimize import brentq

        if concentration <= 0.0 or self.osmotic_pressure(concentration) >= pressure_pa:
            return clean if concentration <= 0.0 else 0.0

        def off(flux: float) -> float:
            wall = concentration * exp(flux / self.transfer_m_s)
            return flux - self.permeability_m_s_pa * (pressure_pa - self.osmotic_pressure(wall))

        return float(brentq(off, 0.0, clean, xtol=1e-15))


def concentrated(volume_m3: float, factor: float, retention: float) -> tuple[float, float]:
    """Volume and yield after concentrating by a factor: `c/c0 = (V0/V)^R`, exact.

    >>> concentrated(1.0, 10.0, 1.0)
    (0.1, 1.0)
    >>> volume, kept = concentrated(1.0, 10.0, 0.99)
    >>> round(volume, 6), round(kept, 6)
    (0.097701, 0.97701)
    """
    if factor < 1.0 or retention <= 0.0:
        raise DataError(
            f"a concentration factor of {factor:g} at retention {retention:g}.",
            hint="Give a factor of 1 or more, and a retention above 0.",
        )
    volume = volume_m3 * factor ** (-1.0 / retention)
    return volume, factor * volume / volume_m3


def diafiltered(diavolumes: float, sieving: float) -> float:
    """Share of a solute left after a number of volumes at constant volume: `exp(-S N)`, exact.

    >>> round(diafiltered(7.0, 1.0), 6)
    0.000912
    """
    return exp(-sieving * diavolumes)


def diavolumes_for(left: float, sieving: float = 1.0) -> float:
    """Volumes until a share of a solute is left.

    >>> round(diavolumes_for(0.001), 3)
    6.908
    """
    if not (0.0 < left <= 1.0 and sieving > 0.0):
        raise DataError(
            f"{left:g} of a solute of sieving {sieving:g}.",
            hint="Give a share above 0, and a solute that passes.",
        )
    return -log(left) / sieving


def best_diafiltration_concentration(gel_kg_m3: float) -> float:
    """Product concentration at which diafiltration is quickest by the gel law: `cg/e`.

    >>> round(best_diafiltration_concentration(250.0), 1)
    92.0
    """
    return gel_kg_m3 / e


@dataclass(frozen=True)
class Plan:
    """Concentrate, wash, concentrate again.

    Attributes:
        volume_m3: Of the feed.
        product_kg_m3: Its concentration.
        wash_kg_m3: Product concentration during diafiltration.
        diavolumes: Volumes of buffer.
        final_kg_m3: Product concentration at the end.
        pressure_pa: Transmembrane pressure.
        flush_m3_m2: Water per area before and after use.
    """

    volume_m3: float
    product_kg_m3: float
    wash_kg_m3: float
    diavolumes: float
    final_kg_m3: float
    pressure_pa: float = 1e5
    flush_m3_m2: float = 0.04


@dataclass(frozen=True)
class Filtered:
    """What comes of a plan.

    Attributes:
        volume_m3: Of the retentate.
        product_kg: In it, less the hold-up's.
        yield_: Share of the product fed.
        solute_left: Share of the washed solute's concentration that is left.
        time_s: Of the three steps together.
        steps_s: Of each.
        buffer_m3: Diafiltration buffer.
        permeate_m3: All permeate.
        flows: For the footprint.
    """

    volume_m3: float
    product_kg: float
    yield_: float
    solute_left: float
    time_s: float
    steps_s: tuple[float, float, float]
    buffer_m3: float
    permeate_m3: float
    flows: Flows = field(repr=False)


def filter_pool(membrane: Membrane, plan: Plan) -> Filtered:
    """Work out a plan: exact amounts, times by quadrature of the flux.

    Raises:
        DataError: A concentration falls along the plan, or the flux stops on the way.

    >>> made = filter_pool(Membrane(), Plan(1.0, 10.0, 50.0, 7.0, 100.0))
    >>> round(made.volume_m3, 6), round(made.buffer_m3, 6), round(made.solute_left, 6)
    (0.1, 1.4, 0.000912)
    """
    wash, final = plan.wash_kg_m3, plan.final_kg_m3
    if not 0.0 < plan.product_kg_m3 <= wash or plan.diavolumes < 0.0:
        raise DataError(
            f"a plan from {plan.product_kg_m3:g} over {wash:g} to {final:g} kg/m3 with "
            f"{plan.diavolumes:g} diavolumes.",
            hint="Let concentrations rise along it.",
        )
    first_m3, first_kept = concentrated(
        plan.volume_m3, wash / plan.product_kg_m3, membrane.retention
    )
    lost = 1.0 - membrane.retention
    washed = wash * diafiltered(plan.diavolumes, lost)
    if final < washed:
        raise DataError(f"a last concentration of {final:g} kg/m3.", hint="Let it rise.")
    last_m3, last_kept = concentrated(first_m3, final / washed, membrane.retention)
    steps = (
        _concentrating(membrane, plan, plan.volume_m3, first_m3, plan.product_kg_m3),
        _washing(membrane, plan, first_m3, wash),
        _concentrating(membrane, plan, first_m3, last_m3, washed),
    )
    buffer = plan.diavolumes * first_m3
    kept = first_kept * (washed / wash) * last_kept
    product = kept * plan.product_kg_m3 * plan.volume_m3 - membrane.holdup_m3 * final
    permeate = plan.volume_m3 - last_m3 + buffer
    return Filtered(
        last_m3, product, product / (plan.product_kg_m3 * plan.volume_m3),
        _solute_left(membrane, plan, last_m3), sum(steps), steps, buffer, permeate,
        _flows(membrane, plan, product, buffer, permeate, sum(steps)),
    )  # fmt: skip


def _solute_left(membrane: Membrane, plan: Plan, last_m3: float) -> float:
    """A solute that passes in part is concentrated in both ultrafiltrations."""
    rise: float = (plan.volume_m3 / last_m3) ** (1.0 - min(membrane.sieving, 1.0))
    return rise * diafiltered(plan.diavolumes, membrane.sieving)


def _flows(
    membrane: Membrane, plan: Plan, product: float, buffer: float, permeate: float, time_s: float
) -> Flows:
    pumped = membrane.crossflow_m_s * membrane.area_m2 * time_s
    water = 2.0 * plan.flush_m3_m2 * membrane.area_m2
    energy = pumped * (membrane.drop_pa + plan.pressure_pa)
    return Flows(product, {"diafiltration": buffer}, water, energy, 0.0, permeate + water)


def _concentrating(
    membrane: Membrane, plan: Plan, start_m3: float, end_m3: float, start_kg_m3: float
) -> float:
    def slowness(volume: float) -> float:
        concentration = start_kg_m3 * (start_m3 / volume) ** membrane.retention
        return 1.0 / (membrane.area_m2 * _open(membrane, plan, concentration))

    return _quadrature(slowness, end_m3, start_m3)


def _washing(membrane: Membrane, plan: Plan, volume_m3: float, concentration: float) -> float:
    def slowness(n: float) -> float:
        now = concentration * diafiltered(n, 1.0 - membrane.retention)
        return volume_m3 / (membrane.area_m2 * _open(membrane, plan, now))

    return _quadrature(slowness, 0.0, plan.diavolumes)


def _open(membrane: Membrane, plan: Plan, concentration: float) -> float:
    flux = membrane.flux(concentration, plan.pressure_pa)
    if flux <= 0.0:
        raise DataError(
            f"the flux stops at {concentration:g} kg/m3 and {plan.pressure_pa:g} Pa.",
            hint="Concentrate less, or raise the pressure.",
        )
    return flux


def _quadrature(function: Callable[[float], float], start: float, end: float) -> float:
    from scipy.integrate import quad

    return float(quad(function, start, end, epsrel=1e-9, limit=200)[0]) if end > start else 0.0


def ultrafiltration(membrane: Membrane | None = None, *, retention_law: str = "gel") -> Model:
    """The loop as a declared model with the pressure and the buffer as inputs; time in seconds.

    The corner between membrane and gel is rounded over 1 % of the clean flux, for optimisers.

    Args:
        membrane: Declared values.
        retention_law: `gel` or `osmotic` (an algebraic equation for the flux).

    >>> ultrafiltration().n_x, ultrafiltration(Membrane(osmotic=(100.0, 1.0, 0.0)),
    ...                                        retention_law="osmotic").n_z
    (5, 1)
    """
    own = membrane or Membrane()
    m = ModelBuilder(
        f"downstream.ultrafiltration.{retention_law}", version="1",
        title="Ultrafiltration and diafiltration", time_unit="s", references=REFERENCES,
    )  # fmt: skip
    V, P, S, Vp, L = _declared_states(m)
    tmp = m.input(
        "TMP", "Pa", value=1e5, lower=0.0, upper=1e6, scale=1e5, help="transmembrane pressure"
    )
    wash = m.input(
        "wash", "1", lower=0.0, upper=1.0, help="share of the permeate replaced by buffer"
    )
    fresh = m.input("c_buffer", "mol/m3", lower=0.0, scale=10.0, help="solute in the buffer")
    area = m.parameter("area", "m2", value=own.area_m2, lower=0.0, help="membrane area")
    retention = m.parameter("retention", "1", value=own.retention, lower=0.0, upper=1.0,
                            help="of the product")  # fmt: skip
    sieving = m.parameter("sieving", "1", value=own.sieving, lower=0.0, help="of the solute")
    c = m.define("c", P / V, "kg/m3")
    J = _declared_flux(m, own, retention_law, c, tmp)
    Q = m.define("Q", area * J, "m3/s")
    m.derivative(V, (wash - 1.0) * Q)
    m.derivative(P, -(1.0 - retention) * Q * c)
    m.derivative(S, wash * Q * fresh - sieving * Q * S / V)
    m.derivative(Vp, Q)
    m.derivative(L, (1.0 - retention) * Q * c)
    m.conserved("liquid", V + Vp, inflow=wash * Q, unit="m3")
    m.conserved("product", P + L, inflow=0.0 * Q * c, unit="kg")
    m.output("concentration", c, "kg/m3", help="of the product")
    m.output("flux", J, "m/s", help="of permeate")
    m.output("solute", S / V, "mol/m3", help="concentration of the solute")
    top = m.constant("c_stop", 0.98 * own.gel_kg_m3, "kg/m3")
    m.stop("gelled", c - top, help="the product gels at the wall")
    return m.build()


def _declared_states(m: ModelBuilder) -> tuple[Any, Any, Any, Any, Any]:
    V = m.state("V", "m3", initial=1.0, lower=1e-9, scale=0.1, help="retentate")
    P = m.state("P", "kg", initial=10.0, lower=0.0, scale=1.0, help="product in the retentate")
    S = m.state("S", "mol", initial=100.0, lower=0.0, scale=1.0, help="solute in the retentate")
    Vp = m.state("Vp", "m3", lower=0.0, scale=0.1, help="permeate")
    L = m.state("L", "kg", lower=0.0, scale=0.1, help="product in the permeate")
    return V, P, S, Vp, L


def _declared_flux(m: ModelBuilder, own: Membrane, law: str, c: Any, tmp: Any) -> Any:
    Lp = m.parameter("permeability", "m/s/Pa", value=own.permeability_m_s_pa, lower=0.0,
                     help="of the clean membrane")  # fmt: skip
    k = m.parameter("transfer", "m/s", value=own.transfer_m_s, lower=0.0, help="mass transfer")
    clean = m.define("clean_flux", Lp * tmp, "m/s")
    if law == "gel":
        gel = m.parameter("gel", "kg/m3", value=own.gel_kg_m3, lower=0.0,
                          help="concentration at which the flux stops")  # fmt: skip
        return m.define("J", smooth_min(clean, k * ca.log(gel / c), 0.01 * clean), "m/s")
    if law != "osmotic" or own.osmotic is None:
        raise DesignError(
            f"no law {law!r} for this membrane.", hint="Give gel, or osmotic with A1, A2 and A3."
        )
    J = m.algebraic("J", "m/s", guess=own.transfer_m_s, lower=0.0, scale=own.transfer_m_s,
                    help="flux of permeate")  # fmt: skip
    wall = m.define("wall", c * ca.exp(J / k), "kg/m3")
    powers = ("Pa.m3/kg", "Pa.m6/kg2", "Pa.m9/kg3")
    factors = [
        m.parameter(f"A{n}", unit, value=value, lower=0.0, help="osmotic coefficient")
        for n, (unit, value) in enumerate(zip(powers, own.osmotic, strict=True), start=1)
    ]
    pressure = sum((a * wall**n for n, a in enumerate(factors, start=1)), ca.SX(0))
    m.equation("flux", J - Lp * (tmp - pressure), "m/s")
    return J


def default_recipe() -> Recipe:
    """Concentrate for an hour, then wash for two."""
    return Recipe(
        duration=10_800.0, interval=60.0, inputs={"wash": Steps((0.0, 3600.0), (0.0, 1.0))}
    )
