"""Small models that filters are held against what is known exactly."""

from __future__ import annotations

from functools import lru_cache

from goldenbatch.science.process import Model, ModelBuilder, Noise, Prior, Settings

TIGHT = Settings(rtol=1e-10, atol=1e-12)


@lru_cache(maxsize=1)
def linear() -> Model:
    """Two tanks in series: linear, so that the Kalman filter is exact."""
    m = ModelBuilder("two tanks", version="1", title="Two tanks", time_unit="h")
    a = m.state("a", "g", initial=4.0, scale=2.0)
    b = m.state("b", "g", initial=1.0, scale=0.5)
    u = m.input("u", "g/h", value=0.0)
    k = m.constant("k", 0.3, "1/h")
    m.derivative(a, u - k * a)
    m.derivative(b, k * a - 2.0 * k * b)
    m.output("first", a, "g", noise=Noise(sd=0.2))
    m.output("second", b + 0.1 * a, "g", noise=Noise(sd=0.1), cadence=2.0, delay=3.0)
    return m.build()


@lru_cache(maxsize=1)
def culture() -> Model:
    """Monod growth with a feed: nonlinear, with an oxygen sensor and delayed assays."""
    m = ModelBuilder("culture", version="1", title="Growing cells", time_unit="h")
    V = m.state("V", "L", initial=1.0, lower=0.1, upper=5.0)
    X = m.state("X", "g/L", initial=0.5, lower=0.0, valid=(0.0, 12.0))
    S = m.state("S", "g/L", initial=4.0, lower=0.0)
    F = m.input("F", "L/h", value=0.0, lower=0.0)
    prior = Prior.lognormal(0.1)
    mu = m.parameter("mu", "1/h", value=0.12, lower=0.0, upper=1.0, prior=prior)
    y = m.parameter("Y", "g/g", value=0.5, lower=0.0, prior=prior)
    qo = m.parameter("q_O", "%.L/g", value=8.0, lower=0.0, prior=prior)
    ks = m.constant("K_S", 0.2, "g/L")
    fed = m.constant("S_F", 60.0, "g/L")
    rate = m.define("rate", mu * S / (ks + S), "1/h")
    m.derivative(V, F)
    m.derivative(X, (rate - F / V) * X)
    m.derivative(S, F / V * (fed - S) - rate / y * X)
    full = m.constant("full", 100.0, "%")
    m.output("DO", full - qo * X * S / (ks + S), "%", noise=Noise(sd=1.0))
    m.output("cells", X, "g/L", noise=Noise(sd=0.1), cadence=8.0, delay=4.0)
    m.output("sugar", S, "g/L", noise=Noise(sd=0.1), cadence=8.0, delay=2.0)
    return m.build()


@lru_cache(maxsize=1)
def level() -> Model:
    """A level that wanders: nothing but noise."""
    m = ModelBuilder("level", version="1", title="Local level", time_unit="a")
    q = m.state("q", "hm3", initial=1000.0, scale=1000.0)
    m.derivative(q, 0.0 * q / m.constant("year", 1.0, "a"))
    m.output("flow", q, "hm3", noise=Noise(sd=15099.0**0.5))
    return m.build()


@lru_cache(maxsize=1)
def algebraic() -> Model:
    """Second-order decay whose rate is an algebraic variable."""
    m = ModelBuilder("decay", version="1", title="Decay", time_unit="h")
    c = m.state("c", "g/L", initial=2.0, lower=0.0, scale=2.0)
    k = m.parameter("k", "L/(g.h)", value=0.3, lower=0.0, prior=Prior.lognormal(0.2))
    r = m.algebraic("r", "g/(L.h)", guess=1.0)
    m.equation("rate", r - k * c * c, "g/(L.h)")
    m.derivative(c, -r)
    m.output("rate seen", r, "g/(L.h)", noise=Noise(sd=0.01))
    return m.build()


NILE = tuple(map(float, """
1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140
1100 1210 1150 1250 1260 1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 831
726 456 824 702 1120 1100 832 764 821 768 845 864 862 698 845 744 796 1040 759 781 865 845 944
984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848 890 744 749 838 1050 918 986 797
923 975 815 1020 906 901 1170 912 746 919 718 714 740
""".split()))  # fmt: skip
"""Yearly flow of the Nile at Aswan, 1871-1970 (Cobb 1978, doi:10.1093/biomet/65.2.243)."""
