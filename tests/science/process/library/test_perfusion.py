"""Perfusion: a steady state whose balances can be written down."""

from __future__ import annotations

import pytest

from goldenbatch.science.process import Recipe, simulate
from goldenbatch.science.process.library.perfusion import TABLE, perfusion, steady

MODEL = perfusion()
RUN = simulate(MODEL, steady(30))
K = {name: value for name, _, value, _, _ in TABLE}


def test_cells_and_volume_are_held_and_the_steady_state_balances() -> None:
    assert RUN.is_complete and RUN.final("biomass") == pytest.approx(30.0, rel=1e-3)
    assert RUN.final("V") == pytest.approx(2.0, rel=1e-3)
    out = RUN.final("F_bleed") + 0.02 * RUN.final("F_harvest")
    growth = K["mu_slope"] * (310.15 - K["T_still"])
    for column, half in (("G", "K_glc"), ("Gn", "K_gln")):
        growth *= RUN.final(column) / (K[half] + RUN.final(column))
    for column, half in (("L", "KI_lac"), ("A", "KI_amm")):
        growth *= K[half] / (K[half] + RUN.final(column))
    A = RUN.final("A")
    death = K["mu_d_max"] * A**2 / (K["K_d_amm"] ** 2 + A**2)
    assert growth - death == pytest.approx(out / RUN.final("V"), rel=1e-3)


def test_antibody_made_leaves_with_harvest_and_bleed() -> None:
    made = K["q_mab"] * RUN.final("Xv") * RUN.final("V")
    left = RUN.final("P") * (0.95 * RUN.final("F_harvest") + RUN.final("F_bleed"))
    assert left == pytest.approx(made, rel=2e-3)


def test_more_medium_per_cell_gives_more_and_healthier_cells() -> None:
    lean, rich = (simulate(MODEL, steady(12, vessel_volumes_a_day=v)) for v in (0.8, 2.0))
    assert rich.final("CSPR") > 2.0 * lean.final("CSPR")
    assert rich.final("ammonium") < lean.final("ammonium")
    assert rich["Xv"][120] > lean["Xv"][120] and rich.final("viability") > lean.final("viability")


def test_a_blocked_harvest_overflows_and_a_lost_feed_runs_dry() -> None:
    full = simulate(MODEL, Recipe(48.0, 1.0, {"F_in": 0.1, "F_harvest": 0.0, "F_bleed": 0.0}))
    dry = simulate(MODEL, Recipe(48.0, 1.0, {"F_in": 0.0, "F_harvest": 0.1, "F_bleed": 0.0}))
    assert full.status == dry.status == "stopped"
    assert "overflow at 10" in full.reason and "dry at 15" in dry.reason


def test_a_retention_that_fails_washes_the_cells_out() -> None:
    washed = simulate(MODEL, Recipe(240.0, 4.0, {"F_in": 0.2, "F_harvest": 0.2, "F_bleed": 0.0,
                                                 "retention": 0.3}))  # fmt: skip
    assert washed.final("Xv") < 0.05
