"""The model of the ensemble benchmark: Monod CHO fed-batch with fast dissolved oxygen."""

from goldenbatch.science.process import Model, ModelBuilder, Prior, Recipe, Steps

DAYS = 14
PARAMETERS = {
    "mu_max": (0.039, "1/h"), "k_d": (0.004, "1/h"), "K_glc": (1.0, "mmol/L"),
    "K_gln": (0.047, "mmol/L"), "KI_lac": (43.0, "mmol/L"), "KI_amm": (6.51, "mmol/L"),
    "KD_lac": (45.8, "mmol/L"), "KD_amm": (6.51, "mmol/L"), "Y_glc": (0.357, "10*9/mmol"),
    "Y_gln": (0.974, "10*9/mmol"), "Y_lac": (0.70, "1"), "Y_amm": (0.67, "1"),
    "r_amm": (6.3e-3, "mmol/10*9/h"), "m_glc": (69.2e-3, "mmol/10*9/h"),
    "a1": (3.2e-3, "mmol/10*9/h"), "a2": (2.1, "mmol/L"), "Q_mab": (1.51e-3, "g/10*9/h"),
    "kLa": (15.0, "1/h"), "q_o2": (0.3, "mmol/10*9/h"), "O_sat": (0.2, "mmol/L"),
    "k_lysis": (0.001, "1/h"),
}  # fmt: skip
START = {"V": 5.0, "Xv": 0.4, "Xd": 0.02, "G": 30.0, "Q": 5.0, "L": 0.5, "N": 0.3, "P": 0.0,
         "O": 0.15}  # fmt: skip
UNITS = {"V": "L", "Xv": "10*9/L", "Xd": "10*9/L", "G": "mmol/L", "Q": "mmol/L", "L": "mmol/L",
         "N": "mmol/L", "P": "g/L", "O": "mmol/L"}  # fmt: skip


def cho() -> Model:
    """Equations of Xing (2010) and PMC5874891, Table 2, with oxygen and lysis added."""
    m = ModelBuilder("benchmark.cho", version="1", title="CHO fed-batch", time_unit="h")
    x = {n: m.state(n, UNITS[n], initial=v, scale=max(v, 1.0)) for n, v in START.items()}
    F = m.input("F", "L/h")
    p = {
        n: m.parameter(n, unit, value=v, prior=Prior.lognormal(0.1))
        for n, (v, unit) in PARAMETERS.items()
    }
    G_in, Q_in = m.constant("G_in", 250.0, "mmol/L"), m.constant("Q_in", 40.0, "mmol/L")
    K_o = m.constant("K_o", 0.005, "mmol/L")
    V, Xv, Xd, G, Q, L, N, P, DO = x.values()
    mu = (p["mu_max"] * G / (p["K_glc"] + G) * Q / (p["K_gln"] + Q)
          * p["KI_lac"] / (p["KI_lac"] + L) * p["KI_amm"] / (p["KI_amm"] + N))  # fmt: skip
    mu = m.define("mu", mu, "1/h")
    death = m.define("death", p["k_d"] * L / (p["KD_lac"] + L) * N / (p["KD_amm"] + N), "1/h")
    q_glc = m.define("q_glc", mu / p["Y_glc"] + p["m_glc"] * G / (p["K_glc"] + G), "mmol/10*9/h")
    q_gln = m.define("q_gln", mu / p["Y_gln"] + p["a1"] * Q / (p["a2"] + Q), "mmol/10*9/h")
    D = m.define("D", F / V, "1/h")
    m.derivative(V, F)
    m.derivative(Xv, (mu - death - D) * Xv)
    m.derivative(Xd, death * Xv - p["k_lysis"] * Xd - D * Xd)
    m.derivative(G, -q_glc * Xv + D * (G_in - G))
    m.derivative(Q, -q_gln * Xv + D * (Q_in - Q))
    m.derivative(L, p["Y_lac"] * q_glc * Xv - D * L)
    m.derivative(N, p["Y_amm"] * q_gln * Xv - p["r_amm"] * Xv * N / (p["KI_amm"] + N) - D * N)
    m.derivative(P, p["Q_mab"] * Xv - D * P)
    m.derivative(DO, p["kLa"] * (p["O_sat"] - DO) - p["q_o2"] * Xv * DO / (K_o + DO) - D * DO)
    m.output("titre", P, "g/L")
    m.output("product", P * V, "g")
    return m.build()


def feeding() -> Recipe:
    """Fourteen days, the feed changed each day, a row a day."""
    feed = tuple(0.002 + 0.003 * min(day, 8) for day in range(DAYS))
    times = tuple(24.0 * day for day in range(DAYS))
    return Recipe(duration=24.0 * DAYS, interval=24.0, inputs={"F": Steps(times, feed)})
