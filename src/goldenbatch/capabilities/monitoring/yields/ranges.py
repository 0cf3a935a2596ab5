"""Where a variable may be set: proven ranges of settings and recipes, kept design spaces."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.monitoring.yields.settings import AdjustableSettings, YieldSettings
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.recipe import Parameter, RecipeLevel
from goldenbatch.core.recipe_use import RecipeAdopted, parse_recipe
from goldenbatch.core.twin_records import TwinResultKept, twin_stream
from goldenbatch.science.drivers import Adjustable
from goldenbatch.science.drivers.advice import Allowed, Point

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Site

_SPACE = "design-space.parquet"


def proven_ranges(
    settings: YieldSettings, products: Iterable[str], recipes: Iterable[Event], at: int
) -> dict[str, dict[str, Adjustable]]:
    """Product to column to its proven range: of the settings, or of the recipe in force.

    Args:
        settings: Names the variables.
        products: Codes of the products.
        recipes: Events `RecipeAdopted`, in the order of the ledger.
        at: When the recipe must be in force, microseconds UTC.

    Raises:
        BadInputError: A recipe in force has no such parameter, or no closed proven range of it.
    """
    if not settings.adjustable:
        return {}
    parameters = _in_force(recipes, at)
    found: dict[str, dict[str, Adjustable]] = {}
    for product in products:
        own: dict[str, Adjustable] = {}
        for one in settings.adjustable:
            if one.lower is not None and one.upper is not None:
                own[one.column] = Adjustable(one.column, one.lower, one.upper)
            elif product in parameters:
                own[one.column] = _of_recipe(one, product, parameters[product])
        found[product] = own
    return found


def _in_force(recipes: Iterable[Event], at: int) -> dict[str, Sequence[Parameter]]:
    """Parameters of the newest master recipe of each product."""
    newest: dict[str, tuple[int, RecipeAdopted]] = {}
    for event in recipes:
        body = event.decode()
        if not isinstance(body, RecipeAdopted) or body.effective_from > at:
            continue
        if body.level is RecipeLevel.MASTER and (
            body.product not in newest or body.effective_from >= newest[body.product][0]
        ):
            newest[body.product] = (body.effective_from, body)
    return {
        product: parse_recipe(body.text, f"recipe {body.recipe}").parameters
        for product, (_, body) in newest.items()
    }


def _of_recipe(
    one: AdjustableSettings, product: str, parameters: Sequence[Parameter]
) -> Adjustable:
    named = {parameter.name: parameter for parameter in parameters}
    proven = named[one.parameter].proven if one.parameter in named else None
    if proven is None or proven.lower is None or proven.upper is None:
        raise BadInputError(
            f"the recipe of product {product!r} has no proven range with two ends of parameter "
            f"{one.parameter!r}.",
            hint="State it in the recipe, or give lower and upper in the settings.",
            key="adjustable",
        )
    return Adjustable(one.column, float(proven.lower), float(proven.upper))


def kept_design_space(site: Site, settings: YieldSettings) -> tuple[Allowed | None, str]:
    """Whether the newest kept design space of a study holds a point, and its digest.

    A point is held if every computed point within one step of the grid around it gives at least
    the wanted probability; where none was computed, nothing is known, and it is not held.

    Raises:
        NotFoundError: The study has no kept design space.
        BadInputError: A factor of it is no adjustable column.
    """
    if not settings.design_space:
        return None, ""
    kept: TwinResultKept | None = None
    for event in site.ledger.stream(twin_stream(settings.design_space)):
        body = event.decode()
        if isinstance(body, TwinResultKept) and body.work == "design-space":
            kept = body
    if kept is None or _SPACE not in kept.files:
        raise NotFoundError(
            f"study {settings.design_space!r} has no kept design space.",
            hint="Map it with `goldenbatch twin design-space`, keep it with `twin keep`.",
        )
    digest = kept.files[_SPACE]
    return design_space_holds(site.registry.get(digest), settings), digest


def design_space_holds(content: bytes, settings: YieldSettings) -> Allowed:
    """The design space of a Parquet file as a question about points.

    Raises:
        BadInputError: A factor of it is no adjustable column, or the file is no design space.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    head: Mapping[bytes, bytes] = table.schema.metadata or {}
    if b"units" not in head or "probability" not in table.column_names:
        raise BadInputError("it is no design space.", file=_SPACE, hint="Keep it once more.")
    factors = list(json.loads(head[b"units"]))
    columns = {one.parameter or one.column: one.column for one in settings.adjustable}
    unknown = [name for name in factors if name not in columns]
    if unknown:
        raise BadInputError(
            f"factor {unknown[0]!r} of the design space is no adjustable variable.",
            hint="Name it as `parameter` of the column that measures it.",
            key="adjustable",
        )
    points = np.column_stack([table.column(name).to_numpy() for name in factors])
    probability = table.column("probability").to_numpy()
    steps = np.array([_step(points[:, k]) for k in range(len(factors))])

    def holds(at: Point) -> bool:
        own = np.array([at[columns[name]] for name in factors])
        apart = np.abs(points - own) / steps
        near = apart.max(axis=1) <= 1.0
        # Every neighbour must hold: between a good and a bad point nothing is known.
        return bool(near.any() and (probability[near] >= settings.probability).all())

    return holds


def _step(values: NDArray[np.float64]) -> float:
    gaps = np.diff(np.unique(values))
    return float(gaps.max()) if len(gaps) else 1.0
