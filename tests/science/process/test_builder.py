"""Declaring a model: units, completeness, laws and identity."""

from __future__ import annotations

import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process import ModelBuilder, ModelRef, Noise
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.declarations import Prior
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


def test_other_words_are_no_other_model() -> None:
    def told(words: str) -> str:
        m = begun()
        x = m.state("x", "1", initial=1.0, help=words)
        m.derivative(x, -m.parameter("k", "1/h", value=1.0, help=words) * x)
        return m.build().digest

    assert told("cells") == told("viable cells")


def test_a_reference_names_what_cannot_be_loaded() -> None:
    with pytest.raises(DesignError, match="loaded"):
        ModelRef.of("no.such:thing").load()
    with pytest.raises(DesignError, match="returns a model"):
        ModelRef.of("builtins:dict").load()


def _jump(m: ModelBuilder, x, after, **arguments) -> None:
    m.jump("j", {"x": after}, arguments)


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda m, x: m.state("time", "L"), "no name of its own"),
        (lambda m, x: m.state("x[0]", "L"), "no name of its own"),
        (lambda m, x: m.parameter("x0.x", "L", value=1.0), "no name of its own"),
        (lambda m, x: m.state("", "L"), "no name of its own"),
        (lambda m, x: m.state("T", "mCel"), "zero of its own"),
        (lambda m, x: m.state("T", "(Cel)"), "zero of its own"),
        (lambda m, x: m.constant("c", float("nan"), "L"), "is nan"),
        (lambda m, x: m.state("y", "L", initial=float("inf")), "is inf"),
        (lambda m, x: m.state("y", "L", valid=(5.0, 1.0)), "calibrated from"),
        (lambda m, x: m.output("x", 2 * x, "L"), "is not the state of that name"),
        (lambda m, x: m.output("y", ca.vertcat(x, x), "L"), "has 2 elements"),
        (lambda m, x: m.output("y", x, "L", cadence=-1.0), "cadence -1"),
        (lambda m, x: m.watch("w", ca.vertcat(x, x)), "has 2 elements"),
        (lambda m, x: [m.watch("w", x), m.watch("w", -x)], "declared twice"),
        (lambda m, x: [_jump(m, x, x), _jump(m, x, 2 * x)], "declared twice"),
        (lambda m, x: _jump(m, x, ca.vertcat(x, x)), "number of elements"),
        (lambda m, x: _jump(m, x, x, d=(m.argument("d", "L"), "mL")), "declared in mL"),
        (lambda m, x: _jump(m, x, x + m.input("u", "L")), "jumps"),
        (lambda m, x: m.derivative(m.state("y", "L", initial=x), 0.0), "initial values"),
        (lambda m, x: m.conserved("l", 2 * x, inflow=0.0, unit="L"), "law 'l' does not hold"),
        (lambda m, x: m.parameter("p", "1", value=1.0, prior=Prior.uniform()), "without bounds"),
        (lambda m, x: m.parameter("p", "1", value=0.0, prior=Prior.lognormal(0.1)), "lognormal"),
        (lambda m, x: Prior.normal(0.0), "standard deviation"),
        (lambda m, x: Noise(sd=float("nan")), "impossible"),
        (lambda m, x: ModelBuilder("m", version="1", title="t", time_unit="kg"), "time in 'kg'"),
    ],
)  # fmt: skip
def test_what_would_mean_two_things_or_nothing_is_refused(declare, words: str) -> None:
    m = begun()
    x = m.state("x", "L", initial=1.0)
    m.derivative(x, m.parameter("k", "1/h", value=1.0) * x)
    with pytest.raises(DesignError, match=words):
        declare(m, x)
        m.build()


def test_a_symbol_of_another_model_is_refused_where_units_are_not_followed() -> None:
    m, other = begun(), begun()
    x, stranger = m.state("x", "L"), other.state("x", "L")
    m.derivative(x, m.empirical("rate", stranger, "L/h", source="doi:none"))
    with pytest.raises(DesignError, match="does not declare"):
        m.build()
