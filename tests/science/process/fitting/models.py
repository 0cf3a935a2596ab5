"""Small models with known solutions, for the tests of fitting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from goldenbatch.science.process import Model, ModelBuilder, Noise, Recipe
from goldenbatch.science.process.fitting.problem import Batch, Measured


@cache
def decay(sd: float = 0.01, relative: float = 0.0) -> Model:
    """c' = -k c with c(0) = 1."""
    m = ModelBuilder("decay", version="1", title="First order", time_unit="h")
    c = m.state("c", "g/L", initial=1.0, lower=0.0, upper=20.0)
    m.derivative(c, -m.parameter("k", "1/h", value=1.0, lower=0.01, upper=5.0) * c)
    m.output("y", c, "g/L", noise=Noise(sd, relative) if sd or relative else None)
    return m.build()


@cache
def split_decay() -> Model:
    """c' = -(a + b) c, and a parameter that does nothing: neither can be identified."""
    m = ModelBuilder("split", version="1", title="Two ways out", time_unit="h")
    c = m.state("c", "g/L", initial=1.0, lower=0.0)
    a, b, idle = (
        m.parameter(name, "1/h", value=value, lower=0.0, upper=3.0)
        for name, value in (("a", 0.3), ("b", 0.2), ("idle", 1.0))
    )
    m.derivative(c, -(a + b + 0 * idle) * c)
    m.output("y", c, "g/L", noise=Noise(0.01))
    return m.build()


@cache
def michaelis(sd: float = 0.02) -> Model:
    """Substrate consumed by an enzyme: S' = -Vm S / (K + S), with a bolus."""
    m = ModelBuilder("michaelis", version="1", title="Michaelis-Menten", time_unit="h")
    S = m.state("S", "mmol/L", initial=1.0, lower=0.0, upper=100.0)
    Vm = m.parameter("Vm", "mmol/(L.h)", value=1.0, lower=0.01, upper=50.0)
    K = m.parameter("K", "mmol/L", value=0.5, lower=0.001, upper=500.0)
    m.derivative(S, -Vm * S / (K + S))
    m.output("y", S, "mmol/L", noise=Noise(sd))
    dose = m.argument("dose", "mmol/L")
    m.jump("bolus", {"S": S + dose}, {"dose": (dose, "mmol/L")})
    return m.build()


@cache
def buffered() -> Model:
    """a' = -k z with z^2 = K a: sqrt(a) falls on a straight line (a DAE)."""
    m = ModelBuilder("dae", version="1", title="Buffered", time_unit="h")
    a = m.state("a", "mol/L", initial=1.0, lower=0.0)
    z = m.algebraic("z", "mol/L", guess=0.5)
    k = m.parameter("k", "1/h", value=1.0, lower=0.05, upper=3.0)
    K = m.parameter("K", "mol/L", value=0.25, lower=0.01, upper=2.0)
    m.equation("mass action", z * z - a * K, "mol2/L2")
    m.derivative(a, -k * z)
    m.output("z", z, "mol/L", noise=Noise(0.005))
    m.output("a", a, "mol/L", noise=Noise(0.005))
    return m.build()


@cache
def two_step(grams: float = 1.0) -> Model:
    """A -> B -> C with a feed; `grams` scales the unit of mass (1: g, 1000: mg)."""
    unit = {1.0: "g/L", 1000.0: "mg/L"}[grams]
    m = ModelBuilder("two step", version="1", title="Consecutive", time_unit="h")
    A = m.state("A", unit, initial=grams, lower=0.0, scale=grams)
    B = m.state("B", unit, lower=0.0, scale=grams)
    F = m.input("F", f"{unit[:-2]}/(L.h)", lower=0.0)
    k1 = m.parameter("k1", "1/h", value=1.0, lower=0.02, upper=10.0)
    k2 = m.parameter("k2", "1/h", value=0.3, lower=0.02, upper=10.0)
    m.derivative(A, F - k1 * A)
    m.derivative(B, k1 * A - k2 * B)
    m.output("yA", A, unit, noise=Noise(0.01 * grams))
    m.output("yB", B, unit, noise=Noise(0.01 * grams))
    return m.build()


@cache
def twins() -> Model:
    """Two decays side by side, as vectors."""
    m = ModelBuilder("twins", version="1", title="Two decays", time_unit="h")
    c = m.state("c", "g/L", initial=(1.0, 2.0), size=2, lower=0.0)
    k = m.parameter("k", "1/h", value=(0.5, 1.0), size=2, lower=0.01, upper=5.0)
    m.derivative(c, -k * c)
    m.output("y0", c[0], "g/L", noise=Noise(0.01))
    m.output("y1", c[1], "g/L", noise=Noise(0.01))
    return m.build()


def batch(
    times: Sequence[float],
    values: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    noise: float = 0.0,
    seed: int = 0,
    name: str = "one",
    **more: object,
) -> Batch:
    """A batch whose data follow from functions of time, with normal errors."""
    t = np.asarray(times, float)
    random = np.random.default_rng(seed)
    data = {
        output: Measured(t, of(t) + noise * random.standard_normal(t.size))
        for output, of in values.items()
    }
    recipe = more.pop("recipe", None) or Recipe(float(t.max()), float(t.max()))
    return Batch(name, recipe, data, **more)


__all__ = ["batch", "buffered", "decay", "michaelis", "split_decay", "twins", "two_step"]
