"""Records are held against the plant: a typing error must not make a product of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from goldenbatch.connectors.tabular._values import CellError
from goldenbatch.core.batches import BatchCreated, EquipmentStatusChanged
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Body

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant


class MasterData:
    """What the plant knows; without a plant, or where it lists none, everything is known.

    Args:
        plant: The plant in force.
    """

    def __init__(self, plant: Plant | None) -> None:
        self._plant = plant

    def check(self, bodies: Iterable[Body]) -> None:
        """Refuse records of products and places that the plant does not know.

        Raises:
            CellError: Names the product or place.
        """
        for body in bodies:
            if isinstance(body, BatchCreated):
                self.check_product(body.product)
            if isinstance(body, BatchCreated | EquipmentStatusChanged):
                self.check_place(body.place)

    def check_product(self, code: str) -> None:
        """Refuse a product that the plant does not list, where it lists any."""
        if self._plant is not None and self._plant.products:
            self._known("product", code)

    def check_place(self, path: str) -> None:
        """Refuse a place that the plant does not list, where it lists any."""
        if path and self._plant is not None and self._plant.places:
            self._known("place", path)

    def _known(self, what: str, key: str) -> None:
        if self._plant is None:
            return
        try:
            self._plant.product(key) if what == "product" else self._plant.place(key)
        except NotFoundError as error:
            hint = f" {error.hint}" if error.hint else ""
            raise CellError("plant", f"{error.message}{hint}") from error
