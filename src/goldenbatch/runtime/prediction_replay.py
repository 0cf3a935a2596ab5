"""Predict logged blocks again from their logged inputs, and compare them with what was logged.

On the platform that the version was qualified on each bit must be the same; elsewhere the reported
digits and the decision on the domain. The log remains the record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.core.reference_blocks import REPORTED_DIGITS, ReferenceBlockKept, block_stream
from goldenbatch.runtime.prediction_log import (
    COLUMNS,
    LogRecord,
    Numbers,
    log_groups,
    log_records,
    logged_inputs,
    logged_numbers,
    logged_uses,
)
from goldenbatch.runtime.reference_blocks import agreement_of, differences, n_unequal

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionBlock
    from goldenbatch.runtime._served import Served
    from goldenbatch.runtime.local import LocalSite

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ReplayedLog:
    """What predicting a log again gave.

    Attributes:
        n_blocks: Blocks in the log.
        n_replayed: Blocks that were predicted again.
        n_rows: Rows in them.
        n_bits: Rows in blocks that are equal bit by bit.
        n_digits: Rows in blocks that are equal at the reported digits on another platform.
        notes: Blocks whose inputs are gone, and platforms that differ.
        problems: Blocks that are not what they should be.
    """

    use: str
    n_blocks: int
    n_replayed: int
    n_rows: int
    n_bits: int
    n_digits: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        """Whether each prediction is what it was."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "is_ok": self.is_ok}


def replay_log(
    site: LocalSite, use: str, newest: int = 0, progress: Progress | None = None
) -> ReplayedLog:
    """Predict the logged blocks of a model again and compare.

    Args:
        site: The home.
        use: Name of the intended use.
        newest: Only so many blocks, the newest ones; 0: all.
        progress: Called with (blocks done, blocks).
    """
    records: deque[LogRecord] = deque(maxlen=newest or None)
    n_blocks, problems = 0, []
    try:
        for record in log_records(site.historian, use):
            records.append(record)
            n_blocks += 1
    except IntegrityError as error:
        problems.append(str(error))
    run, n_done = _Run(site, use), 0
    for group in log_groups(records):
        run.take(group)
        n_done += len(group)
        if progress is not None:
            progress(n_done, len(records))
    return ReplayedLog(
        use, n_blocks, run.n_replayed, run.n_rows, run.n_bits, run.n_digits, tuple(run.notes),
        (*problems, *run.problems),
    )  # fmt: skip


def replay_logs(site: LocalSite, newest: int = 0) -> list[ReplayedLog]:
    """The same of every model of which predictions are logged."""
    return [replay_log(site, use, newest) for use in logged_uses(site.historian)]


class _Run:
    def __init__(self, site: LocalSite, use: str) -> None:
        self._site, self._use = site, use
        self.n_replayed = self.n_rows = self.n_bits = self.n_digits = 0
        self.notes: list[str] = []
        self.problems: list[str] = []
        self._served = cache(self._load)

    def _load(self, version: int) -> tuple[Served, list[str]]:
        """The version, and in what this platform differs from the one that it was qualified on."""
        served = self._site.models.version(self._use, version)
        events = self._site.ledger.stream(block_stream(self._use, version))
        bodies = [event.decode() for event in events]
        kept = [one for one in bodies if isinstance(one, ReferenceBlockKept)]
        others = differences(kept[-1].environment) if kept else []
        if others:
            changed = ", ".join(others)
            self.notes.append(f"version {version} was qualified on another platform: {changed}")
        return served, others

    def take(self, group: Sequence[LogRecord]) -> None:
        """Predict blocks again, those of one version at a time."""
        for version in dict.fromkeys(record.version for record in group):
            self._take(version, [record for record in group if record.version == version])

    def _take(self, version: int, records: Sequence[LogRecord]) -> None:
        historian = self._site.historian
        try:
            served, others = self._served(version)
        except GoldenbatchError as error:
            self.problems += (f"{_what(one)} cannot be predicted again: {error}" for one in records)
            return
        columns = logged_numbers(historian, records)
        inputs = logged_inputs(historian, records, len(served.inputs))
        for record, wanted, rows in zip(records, columns, inputs, strict=True):
            if isinstance(wanted, IntegrityError) or isinstance(rows, IntegrityError):
                self._gone(record, wanted if isinstance(wanted, IntegrityError) else rows)
            elif served.ref.digest != record.model:
                words = "was predicted by another artefact than was trained"
                self.problems.append(f"{_what(record)} {words}")
            else:
                self._compare(record, served.predict(rows, explain=False), wanted, others)

    def _compare(
        self, record: LogRecord, block: PredictionBlock, wanted: Numbers, others: list[str]
    ) -> None:
        what = _what(record)
        if block.input_digest != record.inputs:
            self.problems.append(f"{what}: the inputs that are there are not those of the record")
            return
        found = (block.values, block.lower, block.upper, block.outside.astype(np.float64))
        self._count(what, [wanted[name] for name in COLUMNS], found, others)

    def _gone(self, record: LogRecord, error: object) -> None:
        """Readings deleted on record are no problem; all else is."""
        tag = record.tag or f"model/{record.use}/inputs"
        window = (record.start, record.end + 1)
        is_deleted = any(
            one.deleted and tag in one.tags
            for one in self._site.historian.closed(window)
        )  # fmt: skip
        words = f"{_what(record)} cannot be predicted again: {error}"
        (self.notes if is_deleted else self.problems).append(words)

    def _count(
        self, what: str, wanted: list[Any], found: tuple[Any, ...], others: list[str]
    ) -> None:
        n, agreement = len(found[0]), agreement_of(wanted, found)
        self.n_replayed += 1
        self.n_rows += n
        if agreement == "bits":
            self.n_bits += n
        elif agreement == "digits" and others:
            self.n_digits += n
        elif agreement == "digits":
            self.problems.append(
                f"{what} is equal at {REPORTED_DIGITS} digits and not bit by bit, on the platform "
                "that it was qualified on"
            )
        else:
            n_other = n_unequal(wanted, found)
            self.problems.append(f"{what}: {n_other} of {n} rows are predicted otherwise")


def _what(record: LogRecord) -> str:
    return f"{record.use}@{record.version} ({record.key})"
