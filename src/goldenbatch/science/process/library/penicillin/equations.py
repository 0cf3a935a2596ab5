"""The right-hand side: 33 balances, in the order of the reference."""

from __future__ import annotations

from dataclasses import dataclass

from goldenbatch.science.process.library.penicillin import kinetics, transfer
from goldenbatch.science.process.library.penicillin._algebra import Kit, Number
from goldenbatch.science.process.library.penicillin.kinetics import Rates
from goldenbatch.science.process.library.penicillin.transfer import Transfer, Vessel
from goldenbatch.science.process.library.penicillin.variables import Broth, Drawn, Feeds, Upsets


@dataclass(frozen=True)
class Now:
    """One instant: time since the start (h), states, flows, disturbances, drawn parameters."""

    time: Number
    broth: Broth
    feeds: Feeds
    upsets: Upsets
    drawn: Drawn


@dataclass(frozen=True)
class Balances:
    """Rates of the 33 states, per hour, and what is kept: (name, amount, inflow) in grams."""

    rates: tuple[Number, ...]
    kept: tuple[tuple[str, Number, Number], ...]


@dataclass(frozen=True)
class _Going:
    """What goes on: shared by the balances. `dilution` is per hour, the rest g/L/h."""

    at: Vessel
    rate: Rates
    moved: Transfer
    dilution: Number
    regions: tuple[Number, ...]
    product: Number
    max_rates: tuple[Number, Number]

    @property
    def growth(self) -> Number:
        """Change of all biomass."""
        return self.regions[0] + self.regions[1] + self.regions[2] + self.regions[3]


def balances(now: Now, kit: Kit) -> Balances:
    """All balances at one instant."""
    going = _going(now, kit)
    broth, feeds = now.broth, now.feeds
    heat = _heat(now, going, kit)
    sizes, largest, newborn = kinetics.vacuoles(broth, going.rate, kit)
    uptake = going.moved.kla * (going.at.saturation - broth.oxygen)
    o2, co2 = transfer.off_gas(broth, feeds, uptake, now.upsets, kit)
    k = kit.k
    strength = k.acid_base + now.upsets.acid_base
    rates = (
        _substrate(now, going, kit) - broth.substrate * going.dilution,
        uptake - _respired(broth, going, kit) - broth.oxygen * going.dilution,
        o2,
        going.product,
        going.dilution * broth.volume + _removed(now, going, kit),
        _weight(feeds, going.at, kit),
        transfer.ions(broth, feeds, going.rate, strength, kit),
        heat / (broth.volume * going.at.density / k.g_per_kg * k.c_pw),
        heat,
        _viscosity(now, kit),
        broth.biomass,
        *going.regions,
        *sizes,
        largest,
        newborn,
        co2,
        _carbonate(broth, going, kit) - broth.co2 * going.dilution,
        _precursor(now, going, kit) - broth.paa * going.dilution,
        _nitrogen(now, going, kit) - broth.nitrogen * going.dilution,
        going.max_rates[0],
        going.rate.mu_e,
    )
    return Balances(rates, _kept(now, going, kit))


def _going(now: Now, kit: Kit) -> _Going:
    broth = now.broth
    at = transfer.vessel(broth, now.feeds, now.upsets, kit)
    inflow = at.inflow + now.feeds.oil if kit.corrections.oil_volume else at.inflow
    dilution = inflow / broth.volume
    slowed = kinetics.inhibition(broth, at.saturation, kit)
    max_rates = transfer.disturbed(now.drawn, now.upsets)
    rate = kinetics.rates(broth, max_rates, slowed, kit)
    moved = transfer.transfer(broth, now.feeds, at, now.drawn.alpha_kla, kit)
    regions = (
        rate.branching - rate.differentiation - broth.tips * dilution,
        rate.extension
        - rate.branching
        + rate.differentiation
        - rate.degeneration
        - broth.trunk * dilution,
        rate.degeneration - rate.autolysis - broth.degenerated * dilution,
        rate.autolysis - broth.autolysed * dilution,
    )
    product = rate.product - broth.product * dilution
    return _Going(at, rate, moved, dilution, regions, product, max_rates)


def _removed(now: Now, going: _Going, kit: Kit) -> Number:
    """Volume that is drawn off, L/h (negative)."""
    return now.feeds.removed * kit.k.g_per_kg / going.at.density


def _kept(now: Now, going: _Going, kit: Kit) -> tuple[tuple[str, Number, Number], ...]:
    """Masses that change by reaction and by what goes in and out, and by nothing else."""
    broth, out = now.broth, _removed(now, going, kit)
    rates = (
        ("penicillin", broth.product, going.rate.product),
        ("biomass", broth.biomass, going.rate.extension),
        ("substrate", broth.substrate, _substrate(now, going, kit)),
    )
    return tuple(
        (name, amount * broth.volume, made * broth.volume + amount * out)
        for name, amount, made in rates
    )


def _substrate(now: Now, going: _Going, kit: Kit) -> Number:
    k, rate = kit.k, going.rate
    fed = now.feeds.sugar * going.at.c_s + now.feeds.oil * (k.c_oil + now.upsets.c_oil)
    return (
        fed / now.broth.volume
        - k.y_sx * (rate.extension + rate.branching)
        - rate.maintenance_tips
        - rate.maintenance_trunk
        - k.y_sp * rate.synthesis
    )


def _respired(broth: Broth, going: _Going, kit: Kit) -> Number:
    """Oxygen taken up by the cells, mg/L/h."""
    k = kit.k
    return going.growth * k.y_o2_x + k.m_o2_x * broth.biomass + going.product * k.y_o2_p


def _carbonate(broth: Broth, going: _Going, kit: Kit) -> Number:
    """Carbon dioxide that dissolves, g/L/h."""
    lack = transfer.co2_saturation(broth, going.at, kit.algebra) - broth.co2
    return going.moved.kla * kit.k.co2_kla * lack


def _precursor(now: Now, going: _Going, kit: Kit) -> Number:
    """Phenylacetic acid fed and used, mg/L/h."""
    k = kit.k
    return (
        now.feeds.paa * (now.drawn.c_paa + now.upsets.c_paa) / now.broth.volume
        - k.y_paa_p * going.product
        - k.y_paa_x * going.growth
        - k.m_paa * now.broth.product
    )


def _nitrogen(now: Now, going: _Going, kit: Kit) -> Number:
    k, feeds, rate = kit.k, now.feeds, going.rate
    fed = feeds.shots * k.n_shot + now.drawn.n_paa * feeds.paa + k.n_oil * feeds.oil
    turned = rate.branching + rate.extension + rate.differentiation + rate.autolysis
    used = turned * k.y_nx + going.product * k.y_np + k.m_n * now.broth.biomass
    return fed / now.broth.volume - used


def _weight(feeds: Feeds, at: Vessel, kit: Kit) -> Number:
    """Weight of what goes in and out, kg/h."""
    k = kit.k
    watery = feeds.base + feeds.acid + feeds.water - at.evaporation
    grams = (
        feeds.sugar * at.feed_density
        + feeds.oil * k.rho_oil
        + watery * k.rho_water
        + feeds.paa * k.rho_paa
    )
    return grams / k.g_per_kg + feeds.removed


def _heat(now: Now, going: _Going, kit: Kit) -> Number:
    """Heat taken up, kJ/h as published: reaction (never below zero), stirring, flows, jacket."""
    k = kit.k
    oxygen = going.growth * k.y_o2_x + going.product * k.y_o2_p
    reaction = kit.algebra.greater(oxygen * k.y_qx * now.broth.volume / 1000.0, 0.0)
    made = kit.algebra.empirical("heat made", reaction + going.moved.power, "kJ/h")
    coolant = k.t_coolant + now.upsets.t_coolant
    return transfer.heat(now.broth, now.feeds, going.at, (made, coolant), kit)


def _viscosity(now: Now, kit: Kit) -> Number:
    k, exp = kit.k, kit.algebra.exp
    first = 1.0 / (1.0 + exp(-k.visc_1 * (now.time - k.visc_t1)))
    second = 1.0 / (1.0 + exp(-k.visc_2 * (now.time - k.visc_t2)))
    risen = 3.0 * now.broth.tips ** (1.0 / 3.0) * first * second
    return kit.algebra.empirical("rise of the viscosity", risen, "cP/h") - (
        k.visc_water * now.feeds.water
    )
