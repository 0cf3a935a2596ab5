"""The 33 states, the flows, the disturbances and the drawn parameters, in the reference's order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf

from goldenbatch.science.process.library.penicillin._algebra import Number

BINS = tuple(f"n{index}" for index in range(10))


@dataclass(frozen=True)
class Column:
    """A column of the batch record: its name in the reference, unit, and what it is.

    Attributes:
        name: In the reference.
        unit: UCUM code.
        help: For people.
        scale: Typical size.
        value: Of an input where nobody sets it.
        lower: Bound of an input.
        upper: Likewise.
    """

    name: str
    unit: str
    help: str
    scale: float = 1.0
    value: float = 0.0
    lower: float = -inf
    upper: float = inf


STATES = (
    Column("S", "g/L", "substrate", 1e-1),
    Column("DO2", "mg/L", "dissolved oxygen", 10.0),
    Column("O2", "1", "oxygen in the off-gas, mole fraction", 0.2),
    Column("P", "g/L", "penicillin", 10.0),
    Column("V", "L", "volume", 1e5),
    Column("Wt", "kg", "weight", 1e5),
    Column("H", "mol/L", "hydrogen ions", 1e-7),
    Column("T", "K", "temperature", 300.0),
    Column("Q", "kJ", "heat taken up", 1e6),
    Column("Viscosity", "cP", "viscosity", 10.0),
    Column("Culture_age", "g.h/L", "integral of biomass", 1e3),
    Column("a0", "g/L", "growing tips", 10.0),
    Column("a1", "g/L", "non-growing regions", 10.0),
    Column("a3", "g/L", "degenerated regions", 1.0),
    Column("a4", "g/L", "autolysed regions", 1.0),
    *(Column(name, "1/cm/L", f"vacuoles of size {name[1:]}", 1e6) for name in BINS),
    Column("nm", "1/cm/L", "vacuoles of the greatest size", 1.0),
    Column("phi0", "cm3/L", "volume of newly born vacuoles", 1e-3),
    Column("CO2outgas", "%", "carbon dioxide in the off-gas", 1.0),
    Column("CO2_d", "g/L", "dissolved carbon dioxide", 1.0),
    Column("PAA", "mg/L", "phenylacetic acid", 1e3),
    Column("NH3", "mg/L", "nitrogen", 1e3),
    Column("mu_P_calc", "1", "production rate over the last interval", 1e-2),
    Column("mu_X_calc", "1", "growth rate over the last interval", 1e-2),
)
SHUT = 1e-4
"""Least flow of coolant and heating water, L/h: the heat exchange correlation needs one."""
FLOWS = (
    Column("Fs", "L/h", "sugar feed", 100.0, lower=0.0),
    Column("Foil", "L/h", "oil feed", 10.0, lower=0.0),
    Column("Fg", "m3/min", "aeration", 10.0, value=30.0, lower=1e-3),
    Column("RPM", "1/min", "agitator", 100.0, value=100.0, lower=1e-3),
    Column("Fc", "L/h", "coolant", 100.0, value=SHUT, lower=0.1 * SHUT),
    Column("Fh", "L/h", "heating water", 100.0, value=SHUT, lower=0.1 * SHUT),
    Column("Fb", "L/h", "base", 10.0, lower=0.0),
    Column("Fa", "L/h", "acid", 10.0, lower=0.0),
    Column("Fw", "L/h", "water for dilution", 100.0, lower=0.0),
    Column("pressure", "bar", "head pressure above that around", value=0.6, lower=0.0),
    Column("Fremoved", "kg/h", "broth drawn off (negative)", 1000.0, upper=0.0),
    Column("Fpaa", "L/h", "phenylacetic acid feed", 10.0, lower=0.0),
    Column("NH3_shots", "kg/h", "ammonia shots", lower=0.0),
)
DISTURBANCES = (
    Column("distMuP", "1/h", "specific production rate"),
    Column("distMuX", "1/h", "specific growth rate"),
    Column("distcs", "g/L", "sugar in its feed"),
    Column("distcoil", "g/L", "substrate in the oil"),
    Column("distabc", "mol/L", "acid and base"),
    Column("distPAA", "mg/L", "phenylacetic acid in its feed"),
    Column("distTcin", "K", "coolant inlet"),
    Column("distO_2in", "1", "oxygen in the inlet gas"),
)
STATE_NAMES = tuple(column.name for column in STATES)
FLOW_NAMES = tuple(column.name for column in FLOWS)
DISTURBANCE_NAMES = tuple(column.name for column in DISTURBANCES)
INDEX = {name: index for index, name in enumerate(STATE_NAMES)}


@dataclass(frozen=True)
class Broth:
    """The states, by name."""

    substrate: Number
    oxygen: Number
    o2_off: Number
    product: Number
    volume: Number
    weight: Number
    ions: Number
    temperature: Number
    heat: Number
    viscosity: Number
    exposure: Number
    tips: Number
    trunk: Number
    degenerated: Number
    autolysed: Number
    bins: tuple[Number, ...]
    largest: Number
    newborn: Number
    co2_off: Number
    co2: Number
    paa: Number
    nitrogen: Number

    @classmethod
    def of(cls, values: tuple[Number, ...]) -> Broth:
        """The 33 states in their order; the two integrals at the end are not fed back."""
        named = [*values[:15], tuple(values[15:25]), *values[25:31]]
        return cls(**{one.name: value for one, value in zip(fields(cls), named, strict=True)})

    @property
    def biomass(self) -> Number:
        """All regions together."""
        return self.tips + self.trunk + self.degenerated + self.autolysed


@dataclass(frozen=True)
class Feeds:
    """The manipulated flows."""

    sugar: Number
    oil: Number
    gas: Number
    speed: Number
    coolant: Number
    heating: Number
    base: Number
    acid: Number
    water: Number
    pressure: Number
    removed: Number
    paa: Number
    shots: Number


@dataclass(frozen=True)
class Upsets:
    """The disturbances, added to their parameters."""

    mu_p: Number
    mu_x: Number
    c_s: Number
    c_oil: Number
    acid_base: Number
    c_paa: Number
    t_coolant: Number
    o2_in: Number


@dataclass(frozen=True)
class Drawn:
    """What differs from batch to batch."""

    mu_p: Number
    mu_x: Number
    alpha_kla: Number
    n_paa: Number
    c_paa: Number
