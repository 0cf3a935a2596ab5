"""A batch of a home as models take it: measured outputs, inputs as they were, and what proves it.

Readings and results are taken as they were known at one moment (`Basis.historian_seq`), so that
the same run can be read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._home_inputs import Grid, Known, interval_means
from goldenbatch.capabilities.twin._track_runs import usable_number
from goldenbatch.capabilities.twin.study_parts import InputPart
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.quantities import UnitError, conversion
from goldenbatch.core.records import to_iso
from goldenbatch.core.results import Result, ResultStatus
from goldenbatch.core.series import Quality
from goldenbatch.science.process.fitting import Measured
from goldenbatch.science.process.model import Model, to_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from goldenbatch.capabilities.twin.study_data import DataPart
    from goldenbatch.core.records import Row
    from goldenbatch.core.site import Site, Window

    Floats = NDArray[np.float64]

HOLD_US = 86_400_000_000
"""How long before a run an input may have been reported last."""


@dataclass(frozen=True)
class HomeRun:
    """A run of a batch, read from a home.

    Attributes:
        window: Start and end, microseconds UTC.
        duration: In the model's time unit.
        data: Measured outputs that have a value; times since the start.
        inputs: Schedules of the inputs that were read.
        notes: What was left out or taken with care, in words.
        basis: What it rests on, as JSON: the home, the numbers up to which historian and ledger
            were read, digests of the windows of readings, leaf hashes of the records.
    """

    window: Window
    duration: float
    data: Mapping[str, Measured]
    inputs: Mapping[str, InputPart]
    notes: tuple[str, ...]
    basis: dict[str, Any]


def read_run(site: Site, model: Model, part: DataPart, interval: float) -> HomeRun:
    """Read a batch from a home.

    Args:
        site: The home, or a node's client.
        model: Whose outputs and inputs are wanted.
        part: Which batch, and how its tags and results are called.
        interval: Control interval of the recipe, in the model's time unit.

    Raises:
        NotFoundError: There is no such batch, phase or tag.
        BadInputError: The batch has no end yet, a unit does not convert, an input has a gap, or
            nothing was measured.
    """
    return _Reading(site, model, part).whole(interval)


@dataclass
class _Reading:
    site: Site
    model: Model
    part: DataPart
    notes: list[str] = field(default_factory=list)
    readings: list[dict[str, Any]] = field(default_factory=list)
    records: set[tuple[str, int]] = field(default_factory=set)
    window: Window = (0, 0)

    def __post_init__(self) -> None:
        self.as_of = self.site.historian.head()
        self.unit_us = conversion(self.model.time_unit, "s")[0] * 1e6

    def whole(self, interval: float) -> HomeRun:
        self._check_names()
        self.window = self._window()
        duration = (self.window[1] - self.window[0]) / self.unit_us
        every = interval if self.part.every is None else self._time(self.part.every, "every")
        sensors = {n: self._output(n, tag, every) for n, tag in self.part.tags.items()}
        data = {n: one for n, one in {**sensors, **self._results()}.items() if one.times.size}
        if not data:
            raise BadInputError(
                f"batch {self.part.batch!r} has nothing that was measured: "
                f"{'; '.join(self.notes[:5])}.",
                hint="Look at its tags and samples, or name others.",
            )
        grid = Grid(duration, min(interval, duration))
        inputs = {n: self._input(n, tag, grid) for n, tag in self.part.inputs_from.items()}
        return HomeRun(self.window, duration, data, inputs, tuple(self.notes), self._basis())

    def _time(self, given: float | str, what: str) -> float:
        found = to_unit(given, self.model.time_unit, f"`{what}` of batch {self.part.batch!r}")
        if found <= 0.0:
            raise BadInputError(f"`{what}` of batch {self.part.batch!r} is {given}.", hint="")
        return found

    def _check_names(self) -> None:
        outputs = [one.name for one in self.model.outputs]
        inputs = [one.name for one in self.model.inputs if one.size == 1]
        for kind, given, known in (
            ("output", self.part.tags, outputs), ("output", self.part.results, outputs),
            ("input", self.part.inputs_from, inputs),
        ):  # fmt: skip
            for name in given:
                if name not in known:
                    raise BadInputError(
                        f"{self.model.name} has no {kind} {name!r}.",
                        hint=f"It has: {', '.join(known) or 'none'}.",
                        key=f"data.{self.part.batch}",
                    )  # fmt: skip

    # ---- when -------------------------------------------------------------------------------

    def _window(self) -> Window:
        batch = self.part.batch
        rows = self.site.ledger.select("batch", {"batch": batch}, limit=1)
        if not rows:
            raise NotFoundError(
                f"there is no batch {batch!r} in {self.site.home.name!r}.",
                hint="See `goldenbatch batch list`.",
            )
        self.records.add((f"batch/{batch}", int(rows[0]["stream_version"])))
        start, end = self._of_phase() if self.part.phase else self._of_batch(rows[0])
        if self.part.duration is not None:
            asked = start + round(self._time(self.part.duration, "duration") * self.unit_us)
            last = self.site.clock() if end is None else end
            if asked > last:
                raise BadInputError(
                    f"batch {batch!r} did not last until {to_iso(asked)}, as its `duration` says.",
                    hint=f"It is known until {to_iso(last)}.",
                )
            end = asked
        if end is None or end <= start:
            raise BadInputError(
                f"batch {batch!r} has no end yet.",
                hint="Wait for its end, or say by `duration` how much of it is meant.",
            )
        return start, end

    def _of_batch(self, row: Row) -> tuple[int, int | None]:
        found = self.site.windows(self.part.batch)
        if not found:
            raise BadInputError(
                f"batch {self.part.batch!r} has no start.", hint="Record when it began."
            )
        return found[0][0], row["ended_at"]

    def _of_phase(self) -> tuple[int, int | None]:
        batch, phase = self.part.batch, self.part.phase
        rows = [
            row for row in self.site.ledger.select("phase", {"batch": batch})
            if row["started_at"] is not None
        ]  # fmt: skip
        runs = [row for row in rows if row["phase"] == phase]
        runs = [row for row in runs if self.part.run in (0, row["run"])]
        if not runs:
            there = ", ".join(sorted({f"{row['phase']} (run {row['run']})" for row in rows}))
            raise NotFoundError(
                f"batch {batch!r} has no phase {phase!r}"
                + (f" with run {self.part.run}." if self.part.run else "."),
                hint=f"It has: {there or 'none'}.",
            )
        if len(runs) > 1:
            raise BadInputError(
                f"phase {phase!r} ran {len(runs)} times in batch {batch!r}.",
                hint="Say which by `run`.",
            )
        self.records.add((f"batch/{batch}", int(runs[0]["stream_version"])))
        return int(runs[0]["started_at"]), runs[0]["ended_at"]

    # ---- readings ---------------------------------------------------------------------------

    def _points(self, tag: str, target: tuple[str, str], window: Window) -> tuple[Known, float]:
        """Readings of a tag in the unit of a target, and its declared cadence (0: none)."""
        declared = self.site.plant.tag(tag)
        if declared.kind != "number":
            raise BadInputError(f"tag {tag!r} holds {declared.kind}, no numbers.", hint="")
        name, unit = target
        try:
            factor, offset = conversion(declared.unit, unit)
        except UnitError as error:
            raise BadInputError(
                f"tag {tag!r} of {name!r} does not convert: {error}",
                hint="Correct the plant's declaration, or name another tag.",
            ) from error
        cadence = (declared.cadence_s or 0.0) * 1e6 / self.unit_us
        try:
            series = self.site.historian.read([tag], window, self.as_of)
        except NotFoundError:
            self.notes.append(f"tag {tag} has never had a reading")
            return Known(np.empty(0), np.empty(0), np.empty(0)), cadence
        digest, n_readings = self.site.historian.digest(tag, window, self.as_of)
        good = (series.qualities() < Quality.BAD) & np.isfinite(series.values())
        times = (series.times() - self.window[0]) / self.unit_us
        n_bad = int((~good).sum())
        self.readings.append(
            {"tag": tag, "start": to_iso(window[0]), "end": to_iso(window[1]), "digest": digest,
             "n_readings": n_readings, "n_bad": n_bad}
        )  # fmt: skip
        if n_bad:
            self.notes.append(f"{n_bad} of {n_readings} readings of {tag} are bad and left out")
        return Known(times[good], series.values()[good] * factor + offset, times[~good]), cadence

    def _output(self, name: str, tag: str, every: float) -> Measured:
        unit = next(one.unit for one in self.model.outputs if one.name == name)
        known, _ = self._points(tag, (name, unit), self.window)
        if not known.times.size:
            self.notes.append(f"output {name} has no good reading of {tag}")
        return thinned(known.times, known.values, every, is_mean=self.part.take == "mean")

    def _input(self, name: str, tag: str, grid: Grid) -> InputPart:
        declared = next(one for one in self.model.inputs if one.name == name)
        window = (self.window[0] - HOLD_US, self.window[1])
        known, cadence = self._points(tag, (name, declared.unit), window)
        gaps = grid.gaps(known, self.part.longest_gap, cadence)
        if gaps:
            told = words_of([f"{self._at(a)} to {self._at(b)}" for a, b in gaps], 3)
            raise BadInputError(
                f"input {name!r} of batch {self.part.batch!r} has gaps in {tag}: "
                f"{', '.join(told)}.",
                hint="A model cannot be run without it: allow a `longest_gap`, or give `inputs`.",
            )
        values, n_outside = grid.within(interval_means(known, grid), declared)
        if n_outside:
            self.notes.append(
                f"{n_outside} intervals of input {name} were set to a bound that the noise of "
                f"{tag} passed"
            )
        times, kept = grid.steps(values)
        return InputPart(times=times, values=kept)

    def _at(self, t: float) -> str:
        return to_iso(self.window[0] + round(t * self.unit_us))

    # ---- results ----------------------------------------------------------------------------

    def _results(self) -> dict[str, Measured]:
        """Valid numbers of the laboratory by output, at the times of their samples."""
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in self.part.results}
        if not found:
            return {}
        units = {one.name: one.unit for one in self.model.outputs}
        samples, rows = self._reported()
        for row in rows:
            for name, wanted in self.part.results.items():
                if wanted not in (row["attribute"], row["test"]):
                    continue
                at, value, why = self._usable(row, samples.get(row["sample"]), units[name])
                if why:
                    verdict = "counts, although " if value is not None else "is left out: "
                    words = f"{row['attribute']} of sample {row['sample']} {verdict}{why}"
                    self.notes.append(words)
                if value is not None:
                    found[name].append((at, value))
        for name, values in found.items():
            if not values:
                self.notes.append(f"output {name} has no result {self.part.results[name]!r}")
        return {
            name: Measured(*(np.array(side) for side in zip(*sorted(values), strict=True)))
            for name, values in found.items() if values
        }  # fmt: skip

    def _reported(self) -> tuple[dict[str, Row], list[Row]]:
        """Samples by name, and the results of them or of this batch."""
        ledger, batch = self.site.ledger, self.part.batch
        samples = {row["sample"]: row for row in ledger.select("sample", {"batch": batch})}
        rows = list(ledger.select("result", {"batch": batch}))
        if samples:
            rows += ledger.select("result", {"sample": sorted(samples)})
        strangers = sorted({row["sample"] for row in rows} - set(samples))
        if strangers:
            samples |= {r["sample"]: r for r in ledger.select("sample", {"sample": strangers})}
        unique = {(row["sample"], row["test"]): row for row in rows}
        return samples, [unique[key] for key in sorted(unique)]

    def _usable(self, row: Row, sample: Row | None, unit: str) -> tuple[float, float | None, str]:
        """Time and value of a result, or None and why not; or with what reservation."""
        self.records.add((f"sample/{row['sample']}", int(row["stream_version"])))
        if sample is not None:
            self.records.add((f"sample/{row['sample']}", int(sample["stream_version"])))
        if row["status"] == ResultStatus.INVALIDATED:
            return 0.0, None, f"it was invalidated, {row['cause']}"
        fields = ("test", "attribute", "value", "unit", "kind", "operator", "status", "cause")
        result = Result.model_validate({key: row[key] for key in fields})
        value, why = usable_number(result, unit)
        if sample is None or sample["taken_at"] is None:
            return 0.0, None, why or "its sample has no time"
        if sample["batch"] not in ("", self.part.batch):
            return 0.0, None, f"its sample is of batch {sample['batch']}"
        start, end = self.window
        if not start <= sample["taken_at"] <= end:
            return 0.0, None, why or "its sample was taken outside the run"
        doubt = "" if row["status"] == ResultStatus.VALID else f"it is {row['status'].upper()}"
        return (sample["taken_at"] - start) / self.unit_us, value, why or doubt

    # ---- proof ------------------------------------------------------------------------------

    def _basis(self) -> dict[str, Any]:
        home, start, end = self.site.home, *self.window
        leaves: dict[str, dict[int, str]] = {}
        for stream in sorted({name for name, _ in self.records}):
            events = self.site.ledger.stream(stream)
            leaves[stream] = {event.envelope.version: event.leaf for event in events}
        return {
            "home": home.uid, "name": home.name, "kind": home.kind, "batch": self.part.batch,
            "phase": self.part.phase, "start": to_iso(start), "end": to_iso(end),
            "historian_seq": self.as_of, "ledger_seq": self.site.ledger.head(),
            "plant": self.site.plant.digest, "readings": self.readings,
            "records": [
                {"stream": stream, "version": version, "leaf": leaves[stream][version]}
                for stream, version in sorted(self.records)
            ],
            "notes": list(self.notes),
        }  # fmt: skip


def thinned(times: Floats, values: Floats, every: float, *, is_mean: bool) -> Measured:
    """Readings in so much time as one measurement.

    Args:
        times: Rising. Shape `(n,)`.
        values: Shape `(n,)`.
        every: Cells are half-open, the first begins at zero.
        is_mean: Their mean at their mean time; else the last of each cell.

    >>> found = thinned(np.array([0.0, 1.0, 5.0]), np.array([2.0, 4.0, 7.0]), 2.0, is_mean=True)
    >>> found.times.tolist(), found.values.tolist()
    ([0.5, 5.0], [3.0, 7.0])
    """
    if not times.size:
        return Measured(times, values)
    cells = np.floor(times / every + 1e-9)
    first = np.flatnonzero(np.diff(cells, prepend=cells[0] - 1.0))
    if not is_mean:
        last = np.append(first[1:], times.size) - 1
        return Measured(times[last], values[last])
    n = np.diff(np.append(first, times.size))
    return Measured(np.add.reduceat(times, first) / n, np.add.reduceat(values, first) / n)


def words_of(notes: Sequence[str], most: int = 8) -> list[str]:
    """The first notes, and how many more there are."""
    rest = len(notes) - most
    return [*notes[:most], *([f"and {rest} more"] if rest > 0 else [])]
