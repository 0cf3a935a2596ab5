"""Declaring a model: units, completeness, laws and identity."""

from __future__ import annotations

import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process import ModelBuilder, ModelRef, Noise
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.dimensions import UnitMismatchError


def begun() -> ModelBuilder:
    return ModelBuilder("m", version="1", title="t", time_unit="h")


@pytest.mark.parametrize(
    ("state", "rate", "expression"),
    [
        ("mL", "L/h", lambda x, r: r),
        ("L", "L/h", lambda x, r: r + x),
        ("L", "L/h", lambda x, r: ca.exp(x) * r),
        ("g/L", "mg/(L.h)", lambda x, r: r),
        ("L", "L/h", lambda x, r: r * (1 + x)),
        ("L", "L/h", lambda x, r: x**r),
        ("L", "L/h", lambda x, r: ca.fmax(x, 1.0) * r),
    ],
)
def test_units_that_do_not_match_are_refused_when_declared(state, rate, expression) -> None:
    m = begun()
    x = m.state("x", state, initial=1.0)
    r = m.input("r", rate)
    with pytest.raises(UnitMismatchError, match="x"):
        m.derivative(x, expression(x, r))


def test_a_conversion_factor_is_a_constant_with_a_unit() -> None:
    m = begun()
    x = m.state("x", "g/L", initial=1.0)
    r = m.input("r", "mg/(L.h)")
    m.derivative(x, r / m.constant("mg_per_g", 1000.0, "mg/g"))
    model = m.build()
    assert float(model.rhs(0, [1.0], [], [500.0], [])[0]) == 0.5


def test_zero_fits_every_unit_and_powers_carry_theirs() -> None:
    m = begun()
    x = m.state("x", "m", initial=4.0)
    k = m.parameter("k", "m/h", value=1.0)
    m.derivative(x, ca.fmax(x**3, 0.0) ** (1 / 3) / ca.sqrt(x * x) * k)
    assert float(m.build().rhs(0, [4.0], [], [], [1.0])[0]) == pytest.approx(1.0)


def test_a_model_must_be_complete() -> None:
    m = begun()
    m.state("x", "1")
    with pytest.raises(DesignError, match="without a derivative: x"):
        m.build()
    m = begun()
    m.algebraic("z", "1", guess=0.0)
    with pytest.raises(DesignError, match="0 equations for 1"):
        m.build()
    m = begun()
    x = m.state("x", "1")
    with pytest.raises(DesignError, match="stranger"):
        m.derivative(x, ca.SX.sym("stranger") * x)


@pytest.mark.parametrize(
    "more", [{"lower": 2.0}, {"upper": 0.5}, {"scale": 0.0}, {"lower": 3.0, "upper": 2.0}]
)
def test_impossible_declarations_are_refused(more: dict) -> None:
    with pytest.raises(DesignError):
        begun().state("x", "L", initial=1.0, **more)


def test_names_are_unique_and_noise_has_a_size() -> None:
    m = begun()
    m.input("x", "1")
    with pytest.raises(DesignError, match="twice"):
        m.state("x", "1")
    with pytest.raises(DesignError):
        Noise()


def test_the_digest_is_of_equations_and_values() -> None:
    def decay(value: float, power: int) -> str:
        m = begun()
        x = m.state("x", "1", initial=1.0)
        m.derivative(x, -m.parameter("k", "1/h", value=value) * x**power)
        return m.build().digest

    assert decay(1.0, 1) == decay(1.0, 1)
    assert len({decay(1.0, 1), decay(2.0, 1), decay(1.0, 2)}) == 3


def test_a_reference_names_what_cannot_be_loaded() -> None:
    with pytest.raises(DesignError, match="loaded"):
        ModelRef.of("no.such:thing").load()
    with pytest.raises(DesignError, match="no model"):
        ModelRef.of("builtins:dict").load()
