"""The twin as a declared model: states, flows, disturbances, parameters, outputs and laws."""

from __future__ import annotations

import math
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise, Prior
from goldenbatch.science.process.library.penicillin import constants, variables
from goldenbatch.science.process.library.penicillin._algebra import Kit
from goldenbatch.science.process.library.penicillin.equations import Now, balances
from goldenbatch.science.process.library.penicillin.modes import Corrections, Mode, corrections
from goldenbatch.science.process.model import Model

SOURCE = "doi:10.1016/j.jbiotec.2014.10.029"
REFERENCES = (SOURCE, "doi:10.1016/j.compchemeng.2019.05.037")
VESSEL_L = 100_000.0
"""Volume of the plant's fermenter (Goldrick et al. 2015, section 2)."""
START = {
    "S": 1.0, "DO2": 15.0, "O2": 0.20, "V": 58000.0, "Wt": 62000.0, "H": 10**-6.5, "T": 297.0,
    "Viscosity": 4.0, "a0": 0.5 / 3, "a1": 1.0 / 3, "CO2outgas": 0.038, "PAA": 1400.0,
    "NH3": 1700.0,
}  # fmt: skip
"""The means of the published draws; the rest starts at 0."""
LAB = {
    "P": Noise(sd=0.05, relative=0.02),
    "PAA": Noise(sd=20.0, relative=0.02),
    "NH3": Noise(sd=20.0, relative=0.02),
    "Viscosity": Noise(sd=0.5, relative=0.02),
}
"""Errors of the laboratory's assays: our assumption, the reference has none."""
_ABOVE = {"V": 1.0, "T": 250.0, "H": 1e-14, "Q": -math.inf}


class Symbols:
    """CasADi expressions; the units of correlations are told to the builder."""

    def __init__(self, builder: ModelBuilder) -> None:
        """For one model."""
        self._builder = builder

    def exp(self, value: Any) -> Any:
        """The exponential."""
        return ca.exp(value)

    def log(self, value: Any) -> Any:
        """The natural logarithm."""
        return ca.log(value)

    def tanh(self, value: Any) -> Any:
        """The hyperbolic tangent."""
        return ca.tanh(value)

    def sqrt(self, value: Any) -> Any:
        """The square root."""
        return ca.sqrt(value)

    def greater(self, one: Any, other: Any) -> Any:
        """The greater of two."""
        return ca.fmax(one, other)

    def where(self, is_so: Any, one: Any, other: Any) -> Any:
        """One where it is so, else the other."""
        return ca.if_else(is_so, one, other)

    def empirical(self, name: str, value: Any, unit: str) -> Any:
        """The value under its name."""
        return self._builder.empirical(name, value, unit, source=SOURCE)


def _constant(m: ModelBuilder, one: constants.Constant) -> Any:
    if not one.spread:
        return m.constant(one.name, one.value, one.unit)
    return m.parameter(
        one.name,
        one.unit,
        value=one.value,
        lower=0.0,
        prior=Prior.lognormal(one.spread, SOURCE),
        source=SOURCE,
        help=one.help,
    )


def _state(m: ModelBuilder, column: variables.Column) -> Any:
    return m.state(
        column.name,
        column.unit,
        initial=START.get(column.name, 0.0),
        lower=_ABOVE.get(column.name, 0.0),
        scale=column.scale,
        help=column.help,
    )


def _input(m: ModelBuilder, column: variables.Column) -> Any:
    return m.input(
        column.name,
        column.unit,
        value=column.value,
        lower=column.lower,
        upper=column.upper,
        scale=column.scale,
        help=column.help,
    )


@lru_cache(maxsize=8)
def model(mode: Mode | Corrections = "compatible") -> Model:
    """The fermentation as a declared model with 33 states.

    Args:
        mode: `compatible` with the published simulator, `corrected`, or the corrections wanted.

    >>> model().n_x
    33
    """
    corrected = corrections(mode)
    m = ModelBuilder(
        "penicillin.indpensim",
        version=f"1+{corrected.label}",
        title="Industrial fed-batch penicillin fermentation (IndPenSim)",
        time_unit="h",
        references=REFERENCES,
    )
    x = tuple(_state(m, column) for column in variables.STATES)
    u = tuple(_input(m, column) for column in variables.FLOWS)
    d = tuple(_input(m, column) for column in variables.DISTURBANCES)
    drawn = variables.Drawn(*(_constant(m, one) for one in constants.DRAWN))
    k = SimpleNamespace(**{one.name: _constant(m, one) for one in constants.CONSTANTS})
    broth = variables.Broth.of(x)
    now = Now(m.t, broth, variables.Feeds(*u), variables.Upsets(*d), drawn)
    found = balances(now, Kit(k, Symbols(m), corrected))
    for state, rate in zip(x, found.rates, strict=True):
        m.derivative(state, rate)
    for name, amount, inflow in found.kept:
        m.conserved(name, amount, inflow=inflow, unit="g")
    named = dict(zip((*variables.STATE_NAMES, *variables.FLOW_NAMES), (*x, *u), strict=True))
    _outputs(m, named, k)
    _laboratory(m, named, corrected)
    full = m.constant("vessel", VESSEL_L, "L")
    m.stop("overflow", named["V"] - full, help="the broth fills the vessel of 100 m3")
    return m.build()


def _outputs(m: ModelBuilder, x: dict[str, Any], k: SimpleNamespace) -> None:
    ph = m.empirical("acidity", -ca.log(x["H"]) / math.log(10.0), "1", source="definition of pH")
    m.output("pH", ph, "1", noise=Noise(sd=0.01), help="pH")
    m.output("temperature", x["T"], "K", noise=Noise(sd=0.05), help="temperature")
    m.output("PAA", x["PAA"], "mg/L", help="phenylacetic acid as it is")
    m.output(
        "paa_signal", x["PAA"], "mg/L", noise=Noise(sd=20.0), help="phenylacetic acid, spectra"
    )
    m.output("growth", x["mu_X_calc"], "1", help="growth over the last interval")
    m.output("product", x["P"] * x["V"] / k.g_per_kg, "kg", help="penicillin in the vessel")
    carbon = x["CO2outgas"] / 100.0
    gas = x["Fg"] / 22.4
    uptake = 32.0 * gas * (0.204 - x["O2"] * 0.7902 / (1.0 - x["O2"] - carbon))
    made = 44.0 * gas * (0.65 * carbon * (0.7902 / (1.0 - 0.204 - carbon) - 0.033))
    uptake = m.empirical("oxygen uptake", uptake, "g/min", source=SOURCE)
    made = m.empirical("carbon dioxide evolution", made, "g/min", source=SOURCE)
    m.output("OUR", uptake, "g/min", help="oxygen uptake as the reference counts it")
    m.output("CER", made, "g/min", help="carbon dioxide evolution as the reference counts it")


def _laboratory(m: ModelBuilder, x: dict[str, Any], corrected: Corrections) -> None:
    """Assays every 12 h, known after 4 h; the published delay is 4 samples."""
    delay = 4.0 if corrected.laboratory_hours else 4 * constants.SAMPLE_H
    columns = {column.name: column for column in variables.STATES}
    biomass = x["a0"] + x["a1"] + x["a3"] + x["a4"]
    m.output(
        "X_offline", biomass, "g/L", noise=Noise(0.1, 0.03), cadence=12.0, delay=delay,
        help="biomass, laboratory",
    )  # fmt: skip
    for name, noise in LAB.items():
        m.output(
            f"{name}_offline", x[name], columns[name].unit, noise=noise, cadence=12.0,
            delay=delay, help=f"{columns[name].help}, laboratory",
        )  # fmt: skip
