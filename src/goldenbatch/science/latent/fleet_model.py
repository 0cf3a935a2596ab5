"""The frozen dynamic plans of many units as one artefact: one digest, one approval, one record.

The bytes are `GBFLEET1`, the length of the header (u64, little-endian), the header (canonical
JSON: units, index of each one's plan, sizes of the plans), then the plans one after the other.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Self

from goldenbatch.science.errors import PlanError
from goldenbatch.science.latent.dynamic_plan import DynamicPlan

MAGIC: Final = b"GBFLEET1"
_LENGTH: Final = struct.Struct("<Q")
ANY: Final = ""
"""Name that stands for every unit without a plan of its own."""


class FleetModel:
    """Plans by name of the unit; equal if the digests are.

    Args:
        plans: name of a unit, or `ANY`, to its plan; all have the same columns.

    Raises:
        PlanError: there is none, or columns differ.
    """

    def __init__(self, plans: Mapping[str, DynamicPlan]) -> None:
        self.plans = dict(sorted(plans.items()))
        columns = {plan.facts.columns for plan in self.plans.values()}
        if len(columns) != 1:
            message = "a fleet model needs plans, all of the same columns"
            raise PlanError(message)
        (self.columns,) = columns

    def __eq__(self, other: object) -> bool:
        """Models are equal if their bytes are."""
        return isinstance(other, FleetModel) and self.digest == other.digest

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def plan_of(self, unit: str) -> DynamicPlan | None:
        """The plan of a unit: its own, else the one for any; None where there is neither."""
        return self.plans.get(unit) or self.plans.get(ANY)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; equal models give equal bytes."""
        distinct = {plan.digest: plan for plan in self.plans.values()}
        order = sorted(distinct)
        parts = [distinct[digest].to_bytes() for digest in order]
        units = {name: order.index(plan.digest) for name, plan in self.plans.items()}
        header = _header(units, [len(part) for part in parts])
        return b"".join([MAGIC, _LENGTH.pack(len(header)), header, *parts])

    @classmethod
    def from_bytes(cls, raw: bytes, digest: str | None = None) -> Self:
        """Read what `to_bytes` wrote; check it against a digest where one is given.

        Raises:
            PlanError: the bytes are damaged, of another kind, or have another digest.

        >>> FleetModel.from_bytes(b"GBPLAN01")
        Traceback (most recent call last):
        ...
        goldenbatch.science.errors.PlanError: these bytes are not a fleet model of form 1
        """
        if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
            message = f"the fleet model does not have the digest {digest}; do not use it"
            raise PlanError(message)
        start = len(MAGIC) + _LENGTH.size
        if raw[: len(MAGIC)] != MAGIC or len(raw) < start:
            message = "these bytes are not a fleet model of form 1"
            raise PlanError(message)
        (n_header,) = _LENGTH.unpack(raw[len(MAGIC) : start])
        try:
            header = json.loads(raw[start : start + n_header].decode("ascii"))
            found = cls(_plans(header, raw, start + n_header))
        except PlanError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            message = f"the fleet model cannot be read: {error}; take it from the registry again"
            raise PlanError(message) from error
        if found.to_bytes() != raw:
            message = "the fleet model is not in canonical form; it was changed after it was made"
            raise PlanError(message)
        return found


def _header(units: Mapping[str, int], sizes: list[int]) -> bytes:
    body = {"units": units, "sizes": sizes}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plans(header: Mapping[str, Any], raw: bytes, start: int) -> dict[str, DynamicPlan]:
    plans = []
    for size in header["sizes"]:
        plans.append(DynamicPlan.from_bytes(raw[start : start + size]))
        start += size
    return {str(name): plans[index] for name, index in header["units"].items()}
