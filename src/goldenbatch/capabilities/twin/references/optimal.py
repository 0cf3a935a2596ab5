"""Optimal control: published optima of fed-batches, found again from cold starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.science.process.library.benchmarks import (
    cuthrell_biegler,
    park_ramirez,
    srinivasan_bonvin,
)
from goldenbatch.science.process.library.hybridoma import hybridoma, study
from goldenbatch.science.process.optimal import (
    Control,
    Limit,
    Options,
    Problem,
    Scenario,
    Term,
    optimise,
)
from goldenbatch.science.process.simulation import simulate

_STARTS = 4


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """The goal that the common simulator reaches under the control that was found."""
    yield _row("Park and Ramirez 1988, secreted protein, 60 feeds", park_ramirez(60), 32.6,
               "32.68 to 32.73")  # fmt: skip
    yield _row("Cuthrell and Biegler 1989, penicillin, 60 feeds, 132 h", cuthrell_biegler(60),
               87.8, "87.05 to 88.0")  # fmt: skip
    yield _row("Srinivasan and Bonvin, inhibited batch, 50 feeds", srinivasan_bonvin(50), 1.4865,
               "1.48651")  # fmt: skip
    yield _hybridoma()


def _hybridoma() -> Row:
    """The best feed of Amribt's study, beaten with no more medium, by the exact model."""
    paper = study("n=5")
    was = simulate(hybridoma(), paper.recipe, initial=paper.initial)
    problem = Problem(
        hybridoma("smoothed"), (Control("F", upper=0.012, guess=0.003),), (Term("VXv"),), 125.0,
        20, (Limit("V", upper=was.final("V")),), {"G_in": 15.0, "Gn_in": 4.0},
        (Scenario(initial=paper.initial),),
    )  # fmt: skip
    found = optimise(problem)
    if found.recipe is None:
        return Row("Amribt 2013, viable cells", "2.4545", "none", 1.0, found.reason, 0.0)
    cells = simulate(hybridoma(), found.recipe, initial=paper.initial).final("VXv")
    return Row(
        "Amribt 2013, viable cells at 125 h, 10*9", "2.4545 (n = 5)", f"{cells:.4f}",
        max(2.454 - cells, 0.0) / 2.454, "falls short of the least, relative", 0.0,
        note="optimised with rounded kinks, judged by the exact model; no more medium than n = 5",
    )  # fmt: skip


def _row(words: str, problem: Problem, least: float, published: str) -> Row:
    found = optimise(problem, Options(n_starts=_STARTS, seed=1))
    short = max(least - found.simulated_goal, 0.0) / least
    return Row(
        words, f"{published}; at least {least:g}", f"{found.simulated_goal:.5g}", short,
        "falls short of the least, relative", 0.0,
        note=f"{sum(one.status != 'failed' for one in found.starts)} of {len(found.starts)} starts "
        f"solved; programme and simulation differ by {found.difference:.1e}",
    )  # fmt: skip


CASES = (
    Case(
        name="optimal-control",
        model="benchmark.park_ramirez",
        title="Optimal feeds of published problems",
        kind="verification",
        against="other code",
        context_of_use="The optimiser finds what others found; an optimum is as good as its model.",
        source="Park and Ramirez, AIChE J. 34 (1988) 1550; Cuthrell and Biegler, Comput. Chem. "
        "Eng. 13 (1989) 49; Banga et al. 2003 (review)",
        folder="",
        pattern="",
        replay="optimal:replay",
    ),
)
