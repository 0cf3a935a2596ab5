"""Small models whose answers are known."""

from goldenbatch.science.process import Model, ModelBuilder, Noise, Prior
from goldenbatch.science.process._casadi import ca


def decay(*, fails: bool = False) -> Model:
    """A drug decays and is fed: c' = feed - k c; everything is known exactly."""
    m = ModelBuilder("test.decay", version="1", title="Decay", time_unit="h")
    k = m.parameter("k", "1/h", value=0.5, lower=0.0, prior=Prior.lognormal(0.2))
    start = m.parameter("c_start", "g/L", value=2.0, lower=0.0, prior=Prior.normal(0.1))
    c = m.state("c", "g/L", initial=start, lower=0.0, valid=(0.0, 2.2))
    feed = m.input("feed", "g/L/h", lower=0.0, upper=100.0)
    rate = feed - k * c
    if fails:
        grow = m.parameter("grow", "L/g/h", value=0.0)
        rate = rate + grow * c**2
    m.derivative(c, rate)
    m.output("twice", 2.0 * c, "g/L", noise=Noise(sd=0.01))
    m.stop("full", c - m.constant("c_max", 5.0, "g/L"), help="too much")
    v = m.argument("v", "g/L")
    m.jump("bolus", {"c": c + v}, {"amount": (v, "g/L")})
    return m.build()


def stiff() -> Model:
    """Robertson's problem with an input and time in the rate: hard for any explicit step.

    References:
        Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section IV.1.
    """
    m = ModelBuilder("test.stiff", version="1", title="Robertson", time_unit="s")
    a = m.state("a", "1", initial=1.0)
    b = m.state("b", "1", scale=1e-4)
    c = m.state("c", "1")
    u = m.input("u", "1", value=1.0)
    k1 = m.parameter("k1", "1/s", value=0.04, prior=Prior.lognormal(0.1))
    k2 = m.parameter("k2", "1/s", value=3e7)
    k3 = m.parameter("k3", "1/s", value=1e4)
    second = m.constant("second", 1.0, "s")
    r1 = k1 * a * (1.0 + 0.5 * ca.tanh(u) * ca.exp(-m.t / second))
    m.derivative(a, -r1 + k3 * b * c)
    m.derivative(b, r1 - k3 * b * c - k2 * b**2)
    m.derivative(c, k2 * b**2)
    m.conserved("mass", a + b + c, inflow=0.0 * r1, unit="1")
    return m.build()


def buffered() -> Model:
    """A rate that follows from mass action: sqrt(a) falls by k t / 4."""
    m = ModelBuilder("test.buffered", version="1", title="Buffered", time_unit="h")
    a = m.state("a", "mol/L", initial=1.0, lower=0.0)
    z = m.algebraic("z", "mol/L", guess=0.1)
    k = m.parameter("k", "1/h", value=1.0, prior=Prior.lognormal(0.1))
    m.equation("mass action", z * z - a * m.constant("K", 0.25, "mol/L"), "mol2/L2")
    m.derivative(a, -k * z)
    m.output("z out", z, "mol/L")
    v = m.argument("v", "mol/L")
    m.jump("acid", {"a": a + v}, {"amount": (v, "mol/L")})
    return m.build()


def culture() -> Model:
    """Cells on one substrate in a fed batch with a jacket: something for every fault."""
    m = ModelBuilder("test.culture", version="1", title="Culture", time_unit="h")
    V = m.state("V", "L", initial=5.0, lower=0.0, scale=5.0)
    X = m.state("X", "g/L", initial=0.5, lower=0.0)
    S = m.state("S", "g/L", initial=5.0, lower=0.0, scale=5.0)
    T = m.state("T", "K", initial=310.0, scale=300.0)
    feed = m.input("feed", "L/h", value=0.0, lower=0.0, upper=0.5, help="feed of glucose")
    salts = m.input("salts", "L/h", value=0.0, lower=0.0, upper=0.5, help="nutrient salts")
    cold = m.input("coolant", "K/h", value=0.0, lower=0.0, upper=10.0, help="cooling")
    stirrer = m.input("stirrer", "1", value=1.0, lower=0.0, upper=1.0, help="agitator, share")
    mu = m.parameter("mu_max", "1/h", value=0.12, prior=Prior.lognormal(0.05))
    strength = m.parameter("S_in", "g/L", value=100.0, lower=0.0, help="strength of the feed")
    Y, K = m.constant("Y", 0.5, "g/g"), m.constant("K", 0.1, "g/L")
    warmth = m.constant("warmth", 2.0, "K.L/g")
    best, width = m.constant("best", 310.0, "K"), m.constant("width", 5.0, "K")
    heat = m.define("heat", ca.exp(-(((T - best) / width) ** 2)), "1")
    growth = m.define("growth", mu * heat * stirrer * S / (K + S) * X, "g/L/h")
    D = m.define("D", (feed + salts) / V, "1/h")
    m.derivative(V, feed + salts)
    m.derivative(X, growth - D * X)
    m.derivative(S, -growth / Y + feed / V * strength - D * S)
    m.derivative(T, warmth * growth - cold)
    m.output("biomass", X, "g/L", noise=Noise(relative=0.03))
    m.output("temperature", T, "Cel", noise=Noise(sd=0.1))
    m.conserved("carbon", V * (S + X / Y), inflow=feed * strength, unit="g")
    m.stop("overflow", V - m.constant("full", 20.0, "L"), help="the vessel is full")
    return m.build()
