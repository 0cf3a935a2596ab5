"""Fed-batch refolding of a protein from inclusion bodies: intermediate, native, aggregates.

The unfolded protein that is fed collapses at once to an intermediate I, which folds to the native
form N by first order and aggregates to A by order n; both slow down as the denaturant D rises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.declarations import Noise
from goldenbatch.science.process.recipe import Recipe, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

_SOURCE = "estimated from fed-batch runs by the authors of the data"


def refolding(n_feeds: int = 3) -> Model:
    """Fed-batch refolding with up to three feeds and a withdrawal; time in hours.

    Rates kn = an (1 + D/Dr)^bn and ka = aa (1 + D/Dr)^ba with Dr = 1 mol/L; folding kn I,
    aggregation ka cr (I/cr)^n with cr = 1 g/L, so that ka is in 1/h for every order.

    Args:
        n_feeds: Feeds, each with its flow and the concentrations of protein and denaturant.

    References:
        Kiefhaber et al. 1991, doi:10.1038/nbt0991-825 (folding against aggregation); Pauk et
        al. 2021, doi:10.1007/s00253-021-11151-y (review of refolding and its control). The
        powers of 1 + D are empirical, as the authors of the data fitted them.

    >>> refolding().n_x
    5
    """
    m = ModelBuilder(
        "refolding", version="1", title="Fed-batch protein refolding", time_unit="h",
        references=("doi:10.1038/nbt0991-825", "doi:10.1007/s00253-021-11151-y"),
    )  # fmt: skip
    kinds = {"I": "refolding intermediate", "N": "native protein", "A": "aggregates"}
    c = {k: m.state(k, "g/L", lower=0.0, upper=50.0, scale=0.1, help=v) for k, v in kinds.items()}
    D = m.state("D", "mol/L", lower=0.0, upper=8.0, valid=(0.0, 1.5), help="denaturant")
    V = m.state("V", "L", initial=1.0, lower=1e-6, help="volume")
    feeds = [_feed(m, number) for number in range(1, n_feeds + 1)]
    out = m.input("F_out", "L/h", lower=0.0, help="withdrawal")
    folding, aggregation = _rates(m, c["I"], D)
    total = sum((flow for flow, _, _ in feeds), ca.SX(0))
    protein = sum((flow * of for flow, of, _ in feeds), ca.SX(0))
    denaturant = sum((flow * of for flow, _, of in feeds), ca.SX(0))
    m.derivative(c["I"], -folding - aggregation + (protein - total * c["I"]) / V)
    m.derivative(c["N"], folding - total * c["N"] / V)
    m.derivative(c["A"], aggregation - total * c["A"] / V)
    m.derivative(D, (denaturant - total * D) / V)
    m.derivative(V, total - out)
    for name, help in kinds.items():
        m.output(f"c_{name}", c[name], "g/L", noise=Noise(sd=0.02), help=help)
    m.output("yield", c["N"] * V, "g", help="native protein in the vessel")
    whole = c["I"] + c["N"] + c["A"]
    m.conserved("protein", whole * V, inflow=protein - out * whole, unit="g")
    m.conserved("denaturant", D * V, inflow=denaturant - out * D, unit="mol")
    m.conserved("volume", V, inflow=total - out, unit="L")
    return m.build()


def _feed(m: ModelBuilder, number: int) -> tuple[Any, Any, Any]:
    """Flow, and concentrations of protein and denaturant, of one feed."""
    return (
        m.input(f"F{number}", "L/h", lower=0.0, upper=10.0, help=f"flow of feed {number}"),
        m.input(f"cS{number}", "g/L", lower=0.0, upper=200.0, valid=(0.0, 12.0),
                help=f"unfolded protein in feed {number}"),
        m.input(f"cD{number}", "mol/L", lower=0.0, upper=10.0, valid=(0.0, 8.0),
                help=f"denaturant in feed {number}"),
    )  # fmt: skip


def _rates(m: ModelBuilder, I: Any, D: Any) -> tuple[Any, Any]:  # noqa: E741 - as published
    """Folding and aggregation, both in g/(L.h)."""
    an = m.parameter("an", "1/h", value=1.3343, lower=1e-3, upper=100.0, source=_SOURCE,
                     help="folding without denaturant")  # fmt: skip
    bn = m.parameter("bn", "1", value=-8.6824, lower=-40.0, upper=10.0, source=_SOURCE,
                     help="exponent of the denaturant in folding")  # fmt: skip
    aa = m.parameter("aa", "1/h", value=12.0465, lower=1e-3, upper=1000.0, source=_SOURCE,
                     help="aggregation without denaturant")  # fmt: skip
    ba = m.parameter("ba", "1", value=-16.45, lower=-60.0, upper=10.0, source=_SOURCE,
                     help="exponent of the denaturant in aggregation")  # fmt: skip
    order = m.parameter("n", "1", value=2.0, lower=1.0, upper=5.0, source=_SOURCE,
                        help="order of aggregation")  # fmt: skip
    c_ref, d_ref = m.constant("c_ref", 1.0, "g/L"), m.constant("D_ref", 1.0, "mol/L")
    trace = m.constant("trace", 1e-7, "g/L")
    kn = m.define("kn", an * (1 + D / d_ref) ** bn, "1/h")
    ka = m.define("ka", aa * (1 + D / d_ref) ** ba, "1/h")
    # A power of what may be zero has no derivative by its exponent: a trace keeps it finite.
    present = ca.sqrt(ca.fmax(I, 0) ** 2 + trace**2) / c_ref
    return kn * I, m.define("aggregation", ka * c_ref * present**order, "g/(L.h)")


def default_recipe() -> Recipe:
    """A slow feed of unfolded protein for a day, from an empty buffer.

    >>> default_recipe().duration
    24.0
    """
    return Recipe(24.0, 0.25, {"F1": 0.006, "cS1": 11.5, "cD1": 4.0})


def recipe_of(
    time: NDArray[np.float64],
    volume: NDArray[np.float64],
    flows: Mapping[str, NDArray[np.float64]],
    concentrations: Mapping[str, float],
) -> Recipe:
    """The recipe of a recorded run, its flows scaled so that the recorded volume closes.

    A log holds the flow at each sample; a pump that starts or stops in between gives a volume
    that the logged flow does not. The balance is the better witness: what came in beside the log
    is put down to the only feed of the run, what went out to withdrawal (samples).

    Args:
        time: Of the samples, h, from 0, rising. Shape `(n,)`, as the others.
        volume: L.
        flows: Of `F1`, `F2`, `F3` and `F_out`, L/h, those that were used.
        concentrations: Of the feeds, by input name, such as `cS1`.

    Raises:
        DataError: Times do not rise, or the volume rises and no single feed explains it.

    >>> t, v = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.05, 1.05])
    >>> recipe = recipe_of(t, v, {"F1": np.array([0.1, 0.0, 0.0])}, {"cS1": 10.0})
    >>> [round(flow, 6) for flow in recipe.inputs["F1"].values]
    [0.05, 0.0]
    """
    steps, change = np.diff(time), np.diff(volume)
    if not (steps > 0.0).all():
        raise DataError("the times of the run do not rise.", hint="Sort its rows.")
    away = np.asarray(flows.get("F_out", np.zeros_like(time)), float)[:-1]
    names = [name for name in flows if name != "F_out"]
    # The pump of an interval may be logged at either of its ends.
    shown = {n: np.where(flows[n][:-1] > 0.0, flows[n][:-1], flows[n][1:]) for n in names}
    net = change / steps + away
    # Below this the volume stands, to the digits that it is logged with.
    net = np.where(np.abs(net) * steps < 1e-6 * volume[:-1], 0.0, net)
    _explain(time, net, shown)
    total = sum(shown.values(), np.zeros(steps.size))
    factor = np.where(total > 0.0, np.maximum(net, 0.0) / np.where(total > 0.0, total, 1.0), 0.0)
    away = away + np.maximum(-net, 0.0)
    at = tuple(map(float, time[:-1]))
    inputs: dict[str, Any] = {n: Steps(at, _numbers(flow * factor)) for n, flow in shown.items()}
    inputs["F_out"] = Steps(at, _numbers(away))
    return Recipe(float(time[-1]), float(time[-1]) / 100.0, {**inputs, **concentrations})


def _explain(
    time: NDArray[np.float64], net: NDArray[np.float64], shown: dict[str, NDArray[np.float64]]
) -> None:
    """Put a rise of volume beside the log down to the only feed that the run used."""
    total = sum(shown.values(), np.zeros(net.size))
    lost = np.flatnonzero((net > 0.0) & (total <= 0.0))
    if not lost.size:
        return
    used = [name for name, flow in shown.items() if (flow > 0.0).any()]
    if len(used) != 1:
        raise DataError(
            f"the volume rises after {time[lost[0]]:g} h, but no feed is logged there"
            + (f", and it may be {' or '.join(used)}." if used else "."),
            hint="Check volume and flows of the run.",
        )
    shown[used[0]][lost] = net[lost]


def _numbers(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(map(float, values))
