"""A row a batch: materials, equipment, environment, product and target, each with its proof."""

from __future__ import annotations

import fnmatch
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from goldenbatch.capabilities.monitoring.yields.aggregates import Read, summed
from goldenbatch.capabilities.monitoring.yields.facts import Book, LimitsOf, Reported
from goldenbatch.capabilities.monitoring.yields.right_first_time import right_first_time
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.core.batch_state import BatchState
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Plant
from goldenbatch.core.results import ResultStatus
from goldenbatch.science.drivers import Rows

HOUR_US = 3_600_000_000
_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True)
class BatchRow:
    """One batch.

    Attributes:
        at: When it started, microseconds UTC.
        block: Number of its block of time.
        lot: Lot that is kept whole.
        target: NaN where it is not known.
        values: Column to value; a column that is not there is missing.
        proofs: Leaf hashes of events and digests of readings that the row was made from.
    """

    batch: str
    product: str
    at: int
    block: int
    lot: str
    target: float
    values: Mapping[str, float]
    proofs: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the proofs, sorted, a line each."""
        return hashlib.sha256("\n".join(sorted(self.proofs)).encode()).hexdigest()


@dataclass(frozen=True)
class BatchTable:
    """All batches of a study.

    Attributes:
        rows: In the order of time.
        columns: Names that enough rows have a value of.
        sparse: Columns that too few rows have, with their number of values.
        without_time: Batches whose start nobody recorded; they are in no order of time.
    """

    rows: tuple[BatchRow, ...]
    columns: tuple[str, ...]
    sparse: Mapping[str, int]
    without_time: tuple[str, ...]
    digest: str = field(default="")

    def to_rows(self) -> Rows:
        """For the methods of `science.drivers`.

        Raises:
            BadInputError: There is no batch or no column.
        """
        if not self.rows or not self.columns:
            what = "batches with a start" if not self.rows else "columns with enough values"
            raise BadInputError(
                f"there are no {what} to study.",
                hint="Check target, materials, attributes and tags in the settings.",
            )
        X = [[row.values.get(name, math.nan) for name in self.columns] for row in self.rows]
        return Rows.of(
            X,
            [row.target for row in self.rows],
            self.columns,
            product=np.array([row.product for row in self.rows]),
            lot=np.array([row.lot for row in self.rows]),
            block=[row.block for row in self.rows],
        )


def block_of(at: int, length: str) -> int:
    """Number of the block of time that a moment lies in (UTC).

    >>> block_of(0, "month"), block_of(0, "day"), block_of(8 * 86_400_000_000, "week")
    (23640, 0, 1)
    """
    if length in _DAYS:
        return at // (_DAYS[length] * 24 * HOUR_US)
    day = datetime.fromtimestamp(at / 1e6, UTC)
    month = 12 * day.year + day.month - 1
    return month if length == "month" else month // 3


def batch_table(
    book: Book,
    settings: YieldSettings,
    plant: Plant,
    read: Read,
    ignored: Iterable[str] = (),
    n_newest: int = 0,
) -> BatchTable:
    """Build the table from what the ledger and the historian say.

    Args:
        book: The ledger, folded.
        settings: What the columns are.
        plant: For its tags and limits.
        read: Of the historian.
        ignored: Analysts whose findings do not count against a batch.
        n_newest: Only so many batches, those that were created last; 0: all.
    """
    maker = _Maker(book, settings, plant, read, tuple(ignored))
    rows, without = [], []
    for batch in list(book.batches)[-n_newest:]:
        row = maker.row(batch)
        if row is None:
            without.append(batch)
        else:
            rows.append(row)
    rows.sort(key=lambda one: (one.at, one.batch))
    # A place that a batch was not made at is a plain no; an age that is not known stays missing.
    places = {name for row in rows for name in row.values if _is_place(name)}
    rows = [replace(row, values={**dict.fromkeys(places, 0.0), **row.values}) for row in rows]
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.values.items():
            counts[name] = counts.get(name, 0) + math.isfinite(value)
    least = settings.least_present * len(rows)
    columns = tuple(sorted(name for name, n in counts.items() if n >= max(1.0, least)))
    sparse = {name: n for name, n in sorted(counts.items()) if name not in columns}
    digest = hashlib.sha256("\n".join(row.digest for row in rows).encode()).hexdigest()
    return BatchTable(tuple(rows), columns, sparse, tuple(sorted(without)), digest)


def plant_limits(plant: Plant, settings: YieldSettings) -> LimitsOf:
    """Limits that results are held to, by product and attribute."""
    known = {
        (product.code, one.name): tuple(
            limit for limit in one.limits if limit.kind in settings.right_first_time.limits
        )
        for product in plant.products
        for one in product.attributes
    }
    return lambda product, attribute: known.get((product, attribute), ())


class _Maker:
    """Makes the rows of one table."""

    def __init__(
        self,
        book: Book,
        settings: YieldSettings,
        plant: Plant,
        read: Read,
        ignored: tuple[str, ...],
    ) -> None:
        self.book, self.settings, self.read = book, settings, read
        self.limits = plant_limits(plant, settings)
        self.rule = settings.right_first_time.rule(*ignored)
        names = [tag.name for tag in plant.tags if tag.kind == "number"]
        self.tags = [name for name in names if _is_one(name, settings.tags)]
        self.environment = [name for name in names if _is_one(name, settings.environment)]
        self.touching: dict[str, list[str]] = {}
        for uid, one in book.findings.items():
            for batch in one.batches:
                self.touching.setdefault(batch, []).append(uid)

    def row(self, batch: str) -> BatchRow | None:
        state = self.book.batches[batch]
        proofs = [leaf for leaf, _ in self.book.leaves.get(batch, ())]
        target, at_target = self._target(batch, proofs)
        start, end = state.window
        at = start if start is not None else at_target
        if not state.exists or at is None:
            return None
        values: dict[str, float] = {}
        self._materials(state, values, proofs)
        self._own_results(batch, values, proofs)
        self._phases(state, values, proofs)
        self._equipment(state, at, values)
        for tag in self.environment:
            self._sum(tag, (at, end or at), f"environment.{tag}", values, proofs)
        return BatchRow(
            batch=batch,
            product=state.entries.get("product", ""),
            at=at,
            block=block_of(at, self.settings.block),
            lot=self._lot(state),
            target=target,
            values=values,
            proofs=tuple(dict.fromkeys(proofs)),
        )

    def _target(self, batch: str, proofs: list[str]) -> tuple[float, int | None]:
        if self.settings.is_share:
            facts = self.book.facts(batch, self.limits, self.rule, self.touching.get(batch, ()))
            value = right_first_time(facts).value
            return (math.nan if value is None else float(value)), None
        own = self._usable(self.book.results.get(batch, {}).values(), (self.settings.target,))
        if not own:
            return math.nan, None
        newest = max(own, key=lambda one: one.seq)
        proofs.append(newest.leaf)
        return _number(newest), newest.result.performed_at

    def _usable(self, reported: Iterable[Reported], patterns: Sequence[str]) -> list[Reported]:
        return [
            one
            for one in reported
            if one.result.number is not None
            and one.result.status is not ResultStatus.INVALIDATED
            and _is_one(one.result.attribute, patterns)
        ]

    def _materials(self, state: BatchState, values: dict[str, float], proofs: list[str]) -> None:
        """Mean over the lots of a material that went in; a lot without the result is passed."""
        found: dict[str, list[float]] = {}
        for one in state.consumed:
            if one.is_withdrawn or not _is_one(one.material, self.settings.materials):
                continue
            reported = self.book.lot_results.get((one.material, one.lot), {}).values()
            for own in self._usable(reported, ("*",)):
                name = f"material.{one.material}.{own.result.attribute}"
                found.setdefault(name, []).append(_number(own))
                proofs.append(own.leaf)
        values |= {name: math.fsum(own) / len(own) for name, own in found.items()}

    def _own_results(self, batch: str, values: dict[str, float], proofs: list[str]) -> None:
        reported = self.book.results.get(batch, {}).values()
        for own in self._usable(reported, self.settings.attributes):
            if own.result.attribute != self.settings.target:
                values[f"batch.{own.result.attribute}"] = _number(own)
                proofs.append(own.leaf)

    def _phases(self, state: BatchState, values: dict[str, float], proofs: list[str]) -> None:
        names = dict.fromkeys(run.phase for run in state.phases.values())
        for phase in (one for one in names if _is_one(one, self.settings.phases)):
            windows = [(a, b) for a, b in state.phase_windows(phase) if b is not None and b > a]
            if not windows:
                continue
            hours = sum(b - a for a, b in windows) / HOUR_US
            values[f"phase.{phase}.duration_h"] = hours
            # Of several runs the longest is looked at: their values must not be mixed.
            longest = max(windows, key=lambda one: one[1] - one[0])
            for tag in self.tags:
                self._sum(tag, longest, f"phase.{phase}.{tag}", values, proofs)

    def _sum(
        self,
        tag: str,
        window: tuple[int, int],
        name: str,
        values: dict[str, float],
        proofs: list[str],
    ) -> None:
        found = summed(self.read, tag, window, self.settings.statistics)
        values |= {
            f"{name}.{statistic}": value
            for statistic, value in found.values.items()
            if math.isfinite(value)
        }
        if found.digest:
            proofs.append(found.digest)

    def _equipment(self, state: BatchState, at: int, values: dict[str, float]) -> None:
        """Which places were used, and how long ago they were cleaned and serviced."""
        places = {state.entries.get("place", ""), *(run.place for run in state.phases.values())}
        for place in sorted(places - {""}):
            values[f"equipment.{place}"] = 1.0
            changes = [one for one in self.book.equipment.get(place, ()) if one.at <= at]
            changes.sort(key=lambda one: one.at)
            clean = [one.at for one in changes if one.status is EquipmentStatus.CLEAN]
            if clean:
                values[f"equipment.{place}.since_clean_h"] = (at - clean[-1]) / HOUR_US
            back = [
                later.at
                for before, later in pairwise(changes)
                if before.status is EquipmentStatus.OUT_OF_SERVICE
            ]
            if back:
                values[f"equipment.{place}.since_service_h"] = (at - back[-1]) / HOUR_US

    def _lot(self, state: BatchState) -> str:
        lots = sorted(
            one.lot
            for one in state.consumed
            if one.material == self.settings.whole and not one.is_withdrawn
        )
        return f"{self.settings.whole}/{'+'.join(lots)}" if lots else f"batch/{state.batch}"


def _is_place(name: str) -> bool:
    return name.startswith("equipment.") and not name.endswith(
        (".since_clean_h", ".since_service_h")
    )


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, one) for one in patterns)


def _number(one: Reported) -> float:
    number = one.result.number
    return math.nan if number is None else number
