"""Energy, water, mass and CO2e of a batch and of a dose, from what its twin says that it takes.

Flows are summed up by factors that are versioned data. What has no factor is refused by name,
never counted as zero; what is left out on purpose is named with its reason in the result.

References:
    ISO 14067:2018, Carbon footprint of products (boundary, cut-off, reporting by stage).
    Jimenez-Gonzalez et al. (2011), Org. Process Res. Dev. 15:912, doi:10.1021/op200097d (process
    mass intensity).
    Budzinski et al. (2019), New Biotechnol. 49:37, doi:10.1016/j.nbt.2018.07.005 (process mass
    intensity of biologics: 7,700 kg/kg on average of six makers, over 90 % of it water).
    JCGM 101:2008 (propagation of distributions by Monte Carlo).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import Quantity, conversion
from goldenbatch.science._arrays import Floats
from goldenbatch.science.process.footprint_factors import (
    INDICATORS,
    Factor,
    FactorTable,
    Item,
    shipped_factors,
)
from goldenbatch.science.process.utilities import boiler_fuel

MASS_KINDS = ("water", "material", "solvent", "consumable")
"""Kinds that count for the process mass intensity (Budzinski et al. 2019)."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """What a step takes in or lets go in one batch.

    Attributes:
        item: name in the table of factors.
        amount: per batch; one number, or one for each member of an ensemble.
        unit: of the amount, UCUM.
        stage: step of the process.
    """

    item: str
    amount: Floats
    unit: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class FootprintSettings:
    """How a footprint is reckoned.

    Attributes:
        year: whose factors are taken.
        left_out: items that are not counted, each with its reason.
        n_draws: of factors and members for the interval.
        confidence: of the interval.
        seed: of the draws.
    """

    year: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    n_draws: int = 4000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        if self.n_draws < 200 or not 0 < self.confidence < 1:
            raise BadInputError("too few draws or no confidence.", hint="Give 200 or more, 0 to 1.")
        unreasoned = [name for name, reason in self.left_out.items() if not reason.strip()]
        if unreasoned:
            raise BadInputError(
                f"{unreasoned[0]!r} is left out without a reason.", hint="Say why.", key="left_out"
            )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: with the factors' values and the mean of an ensemble.
        lower, upper: of the interval; equal to the value where nothing is uncertain.
        unit: of all three.
    """

    value: float
    lower: float
    upper: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """What a batch and a dose cost the world.

    Attributes:
        batch: `co2e` (kg), `energy` (MJ, of energy carriers as used), `water` (m3), `mass` (kg).
        dose: the same for one dose; empty without doses.
        mass_intensity: kg of water and materials for a kg of product.
        parts: stage, item, kind, amount, unit, co2e, source of its factor.
        without_interval: items whose factor has no interval: the interval is too narrow by them.
        left_out: items that were not counted, with the reasons.
        provenance: version and digest of the factors, year, seed, draws.
    """

    batch: Mapping[str, Estimate]
    dose: Mapping[str, Estimate]
    mass_intensity: Estimate
    parts: Mapping[str, NDArray[Any]]
    without_interval: tuple[str, ...]
    left_out: Mapping[str, str]
    provenance: Mapping[str, Any]

    def by_stage(self) -> dict[str, float]:
        """CO2e of each stage, kg; they sum up to the batch's."""
        stages = list(dict.fromkeys(self.parts["stage"].tolist()))
        return {
            stage: float(self.parts["co2e"][self.parts["stage"] == stage].sum()) for stage in stages
        }


def flow(item: str, amount: ArrayLike | str, unit: str = "", stage: str = "") -> Flow:
    """Make a flow from a number with a unit, a text with a unit, or the runs of an ensemble.

    Args:
        item: name in the table of factors.
        amount: a number, shape (n_members,) numbers, or a text such as "12 m3".
        unit: of the numbers, UCUM; of a text none.
        stage: step of the process.

    Raises:
        BadInputError: an amount that is negative, missing or without a unit.

    >>> flow("electricity.GB", "1200 kW.h", stage="fermentation").amount.tolist()
    [1200.0]
    """
    if isinstance(amount, str):
        quantity = Quantity.parse(amount)
        amount, unit = quantity.float, unit or quantity.unit
    amounts = np.atleast_1d(np.asarray(amount, dtype=np.float64))
    if not unit or amounts.ndim != 1 or not len(amounts):
        raise BadInputError("no unit or no amount.", hint="Give both.", key=f"flows.{item}")
    if not (np.isfinite(amounts) & (amounts >= 0)).all():
        raise BadInputError(
            "an amount is negative or missing.",
            hint="A run that failed has no flow: leave it out where it failed, and say so.",
            key=f"flows.{item}",
        )
    return Flow(item, amounts, unit, stage)


def steam_flow(
    steam_kg: ArrayLike, *, steam_K: float, feed_K: float, efficiency: float = 0.85, stage: str = ""
) -> Flow:
    """Fuel for steam from the site's own boiler, as a flow of natural gas.

    Args:
        steam_kg: a number, or one for each member, kg.
        steam_K: temperature of saturation.
        feed_K: of the feed water.
        efficiency: of the boiler, on the gross calorific value.
        stage: step of the process.

    Raises:
        DesignError: an efficiency or temperatures that cannot be.

    References:
        `utilities.boiler_fuel`.

    >>> from goldenbatch.science.process.utilities import sterilisation_steam
    >>> use = sterilisation_steam(metal_kg=800.0, content_kg=0.0, hold_s=1800.0)
    >>> found = steam_flow(use.total, steam_K=394.25, feed_K=353.15, stage="sterilisation")
    >>> found.item, found.unit, round(float(found.amount[0]), 1)
    ('natural gas', 'kW.h', 14.2)
    """
    fuel = boiler_fuel(1.0, steam_K, feed_K, efficiency) / 3.6e6
    amount = np.atleast_1d(np.asarray(steam_kg, dtype=np.float64)) * fuel
    return flow("natural gas", amount, "kW.h", stage)


def footprint(
    flows: Sequence[Flow],
    *,
    product_kg: ArrayLike,
    settings: FootprintSettings,
    n_doses: float | None = None,
    factors: FactorTable | None = None,
) -> Footprint:
    """Reckon the footprint of a batch.

    Factors are drawn from a two-piece normal distribution through their interval, one draw for
    all flows of an item; members of an ensemble are drawn together over all flows.

    Args:
        flows: what the batch takes in and lets go.
        product_kg: of product (drug substance); one number, or one for each member.
        settings: year, cut-offs and draws.
        n_doses: of the batch, over 0; None for a batch that makes none.
        factors: the table; the shipped one by default.

    Raises:
        UnknownFactorError: an item without a factor for the year that was not left out.
        BadInputError: no flows, no product, ensembles of other sizes, a unit that does not fit.

    References:
        ISO 14067:2018; JCGM 101:2008.

    >>> found = footprint(
    ...     [flow("electricity.GB", "1000 kW.h", stage="fermentation"),
    ...      flow("water.mains", 20.0, "m3", "cleaning")],
    ...     product_kg=4.0, n_doses=20_000, settings=FootprintSettings(year=2024))
    >>> round(found.batch["co2e"].value, 2), round(found.mass_intensity.value)
    (210.11, 4991)
    >>> round(1000 * found.dose["co2e"].value, 2), found.batch["energy"].value
    (10.51, 3600.0)
    """
    table = factors or shipped_factors()
    product = np.atleast_1d(np.asarray(product_kg, dtype=np.float64))
    _check(flows, product, n_doses)
    counted = [one for one in flows if one.item not in settings.left_out]
    items = {one.item: table.item(one.item) for one in counted}
    amounts = [_in_unit(one, items[one.item]) for one in counted]
    members = _members([*amounts, product], settings)
    totals = {name: _total(name, counted, amounts, table, settings, members) for name in INDICATORS}
    mass = _mass(counted, amounts, items, members)
    made = _draws(product, members)
    batch = {
        name: _estimate(draws, INDICATORS[name], settings) for name, draws in totals.items()
    } | {"mass": _estimate(mass, "kg", settings)}
    intensity = np.concatenate([mass[:1] / made[:1], mass[1:] / made[1:]])
    used = [table.factor(one.item, "co2e", settings.year) for one in counted]
    return Footprint(
        batch=batch,
        dose={name: _per(one, n_doses) for name, one in batch.items()} if n_doses else {},
        mass_intensity=_estimate(intensity, "kg/kg", settings),
        parts=_parts(counted, amounts, items, used),
        without_interval=_without_interval(counted, used),
        left_out={
            name: reason
            for name, reason in settings.left_out.items()
            if name in {one.item for one in flows}
        },
        provenance=_provenance(table, settings),
    )


def _provenance(table: FactorTable, settings: FootprintSettings) -> dict[str, Any]:
    return {
        "factors": table.title,
        "factors_version": table.version,
        "factors_digest": table.digest,
        "year": settings.year,
        "seed": settings.seed,
        "n_draws": settings.n_draws,
        "confidence": settings.confidence,
    }


def _check(flows: Sequence[Flow], product: Floats, n_doses: float | None) -> None:
    if not flows:
        raise BadInputError("no flows.", hint="Give at least one.", key="flows")
    if not (np.isfinite(product) & (product > 0)).all():
        raise BadInputError("no product.", hint="Give its mass, over 0.", key="product_kg")
    if n_doses is not None and not 0 < n_doses < math.inf:
        raise BadInputError(f"{n_doses} doses.", hint="Give a number over 0.", key="n_doses")
    sizes = {len(one.amount) for one in flows if len(one.amount) > 1} | (
        {len(product)} if len(product) > 1 else set()
    )
    if len(sizes) > 1:
        raise BadInputError(
            f"ensembles of {sorted(sizes)} members.",
            hint="Give all flows of the same members, in the same order.",
            key="flows",
        )


def _in_unit(one: Flow, item: Item) -> Floats:
    scale, offset = conversion(one.unit, item.unit) if one.unit != item.unit else (1.0, 0.0)
    converted: Floats = scale * one.amount + offset
    return converted


def _members(amounts: Sequence[Floats], settings: FootprintSettings) -> NDArray[np.int64]:
    n = max(len(one) for one in amounts)
    generator = np.random.default_rng([settings.seed, 0])
    return generator.integers(n, size=settings.n_draws)


def _draws(amount: Floats, members: NDArray[np.int64]) -> Floats:
    """The mean first, then one member a draw."""
    drawn = amount[members] if len(amount) > 1 else np.repeat(amount, len(members))
    return np.concatenate([[amount.mean()], drawn])


def _total(
    name: str,
    flows: Sequence[Flow],
    amounts: Sequence[Floats],
    table: FactorTable,
    settings: FootprintSettings,
    members: NDArray[np.int64],
) -> Floats:
    total = np.zeros(settings.n_draws + 1)
    for one, amount in zip(flows, amounts, strict=True):
        has_one = any(f.indicator == name for f in table.item(one.item).factors)
        # CO2e is asked of everything; energy and water only of what carries them.
        if name != "co2e" and not has_one:
            continue
        factor = table.factor(one.item, name, settings.year)
        total += _draws(amount, members) * _factor_draws(factor, one.item, settings)
    return total


def _factor_draws(factor: Factor, item: str, settings: FootprintSettings) -> Floats:
    if not factor.has_interval:
        return np.full(settings.n_draws + 1, factor.value)
    words = np.frombuffer(f"{item}/{factor.indicator}".encode(), dtype=np.uint8)
    normal = np.random.default_rng([settings.seed, 1, *words.tolist()]).standard_normal(
        settings.n_draws
    )
    # Each half of a two-piece normal reaches its end of the 95 % interval at 1.96.
    below, above = factor.value - factor.lower, factor.upper - factor.value
    spread = np.where(normal < 0, below, above) / 1.959963984540054
    drawn = factor.value + spread * normal
    return np.concatenate([[factor.value], drawn])


def _mass(
    flows: Sequence[Flow],
    amounts: Sequence[Floats],
    items: Mapping[str, Item],
    members: NDArray[np.int64],
) -> Floats:
    total = np.zeros(len(members) + 1)
    for one, amount in zip(flows, amounts, strict=True):
        if items[one.item].kind in MASS_KINDS:
            total += _draws(amount, members) * items[one.item].mass_kg
    return total


def _estimate(draws: Floats, unit: str, settings: FootprintSettings) -> Estimate:
    tail = 0.5 * (1 - settings.confidence)
    lower, upper = np.quantile(draws[1:], [tail, 1 - tail])
    return Estimate(float(draws[0]), float(lower), float(upper), unit)


def _per(one: Estimate, n_doses: float) -> Estimate:
    return Estimate(one.value / n_doses, one.lower / n_doses, one.upper / n_doses, one.unit)


def _without_interval(flows: Sequence[Flow], used: Sequence[Factor]) -> tuple[str, ...]:
    bare = {
        one.item
        for one, factor in zip(flows, used, strict=True)
        if not factor.has_interval and factor.source != "definition"
    }
    return tuple(sorted(bare))


def _parts(
    flows: Sequence[Flow],
    amounts: Sequence[Floats],
    items: Mapping[str, Item],
    used: Sequence[Factor],
) -> dict[str, NDArray[Any]]:
    means = np.array([amount.mean() for amount in amounts])

    def texts(values: Sequence[str]) -> NDArray[Any]:
        return np.array(values, dtype=object)

    return {
        "stage": texts([one.stage for one in flows]),
        "item": texts([one.item for one in flows]),
        "kind": texts([items[one.item].kind for one in flows]),
        "amount": means,
        "unit": texts([items[one.item].unit for one in flows]),
        "co2e": means * np.array([factor.value for factor in used]),
        "source": texts([factor.source for factor in used]),
    }
