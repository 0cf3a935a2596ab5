"""Rows from the home itself: results of samples with the readings that belong to them."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from goldenbatch.capabilities.governance.rows import Rows, missing
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.intake import array_axis
from goldenbatch.core.model_card import DataRange
from goldenbatch.core.overlap import place_of
from goldenbatch.core.records import Micros, to_iso
from goldenbatch.core.series import Quality
from goldenbatch.core.shadow_records import is_shadow_tag
from goldenbatch.core.test_set_records import Exclusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.core.site import Site

RESULT: Final = "result:"
"""An input that begins so is another result of the same sample."""

_SECOND = 1_000_000


class RowsAsked(BaseModel):
    """Which rows of the home: samples with a result, and the readings at their time.

    Attributes:
        attribute: Result that is the reference.
        test: Test that gives it, where several do.
        inputs: Tags (one of arrays, or any of numbers), or `result:<attribute>` of the sample.
        samples: Samples by name; `*` stands for any letters.
        products: Products of their batches; empty: any.
        since: Taken from then on.
        until: Taken before then.
        max_gap_s: How far before the sample a reading may lie; 0: at the same time.
        group: What is independent of what: batches, lots, or each sample.
        strata: Subgroups by `place`, `product`, or an attribute of the batch.
        baseline: `last_result`, or nothing: the mean of the training.
        practice: Result by which the present practice stands beside the reference.
        exclude: Samples that are left out, each with its reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attribute: str = Field(min_length=1)
    test: str = ""
    inputs: tuple[str, ...] = Field(min_length=1)
    samples: str = "*"
    products: tuple[str, ...] = ()
    since: Micros | None = None
    until: Micros | None = None
    max_gap_s: float = Field(default=0.0, ge=0)
    group: Literal["batch", "lot", "sample"] = "batch"
    strata: tuple[str, ...] = ()
    baseline: Literal["", "last_result"] = ""
    practice: str = ""
    exclude: tuple[Exclusion, ...] = ()

    @field_validator("inputs")
    @classmethod
    def _no_shadow(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        for one in inputs:
            if is_shadow_tag(one):
                raise ValueError(f"{one} is of a candidate in shadow, which nothing rests on")
        return inputs


Model = TypeVar("Model", bound=BaseModel)


def read_table(cls: type[Model], values: Mapping[str, Any], key: str) -> Model:
    """A table of plain values as its type.

    Raises:
        BadInputError: An entry is missing, unknown or impossible; it is named.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([key, *(str(part) for part in first["loc"])])
        raise BadInputError(
            f"{first['msg']} (found {str(first.get('input'))[:80]!r}).",
            hint=f"See {cls.__name__} in the README of governance.",
            key=path,
        ) from error


@dataclass(frozen=True)
class _Readings:
    """Readings of a tag in time order, those of bad quality left out."""

    tag: str
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def at(self, times: Sequence[int], max_gap_us: int) -> NDArray[np.int64]:
        """Place of the newest reading at or before each time; -1: none is near enough."""
        asked = np.asarray(times, dtype=np.int64)
        place = np.searchsorted(self.times, asked, side="right") - 1
        if not len(self.times):
            return np.full(len(asked), -1, dtype=np.int64)
        gap = asked - self.times[np.maximum(place, 0)]
        return np.where((place >= 0) & (gap <= max_gap_us), place, -1)


class HomeRows:
    """Rows of a home, and the ranges of data that some of them come from.

    Args:
        site: The home.
        asked: Which rows.
    """

    def __init__(self, site: Site, asked: RowsAsked) -> None:
        self._site, self._asked = site, asked

    @cached_property
    def rows(self) -> Rows:
        """All rows that are asked for, complete, in the order of time.

        Raises:
            BadInputError: There are none, one is not complete, or it is ambiguous.
        """
        found = self._results(self._asked.attribute, self._asked.test)
        excluded = {one.what for one in self._asked.exclude}
        unknown = sorted(excluded - found.keys())
        if unknown:
            raise BadInputError(
                f"{', '.join(unknown[:3])} cannot be excluded: no such sample has a result.",
                key="exclude.what",
            )
        names = [name for name in found if name not in excluded]
        if not names:
            raise BadInputError(
                f"no sample {self._asked.samples!r} has a number of {self._asked.attribute!r} and "
                "a sampling time.",
                hint="Import the results first, or correct what is asked for.",
                key="samples",
            )
        rows = self._table(names, found)
        rows.require_complete()
        return rows

    def chosen(self, rows: Rows, materials: frozenset[str] | None = None) -> Rows:
        """Some of the rows, with the ranges that they come from.

        Args:
            rows: They.
            materials: Of the lots that went into their batches, those of these materials count
                for them, beside the lot that each is of; None: all of them.
        """
        own = [self._own_lot(self._samples[name]) for name in rows.samples]
        lots = tuple(
            tuple(
                one for one in row
                if materials is None or one == mine or one.rpartition("/")[0] in materials
            )
            for row, mine in zip(rows.lots, own, strict=True)
        )  # fmt: skip
        ranges = (*self._tag_ranges(rows), *self._result_ranges(rows))
        return replace(rows, lots=lots, ranges=ranges)

    # ---- rows -----------------------------------------------------------------------------------

    @cached_property
    def _samples(self) -> dict[str, dict[str, Any]]:
        asked = self._asked
        found = {}
        for row in self._site.ledger.select("sample"):
            at = row["taken_at"]
            if at is None or not fnmatch.fnmatchcase(row["sample"], asked.samples):
                continue
            if (asked.since is None or at >= asked.since) and (
                asked.until is None or at < asked.until
            ):
                found[row["sample"]] = dict(row)
        if asked.products:
            products = {row["batch"]: row["product"] for row in self._batches.values()}
            found = {
                name: row
                for name, row in found.items()
                if products.get(row["batch"]) in asked.products
            }
        return found

    @cached_property
    def _batches(self) -> dict[str, dict[str, Any]]:
        return {row["batch"]: dict(row) for row in self._site.ledger.select("batch")}

    def _results(self, attribute: str, test: str = "") -> dict[str, dict[str, Any]]:
        """Valid numbers of an attribute by sample, in the order of sampling."""
        where = {"attribute": attribute, **({"test": test} if test else {})}
        found: dict[str, dict[str, Any]] = {}
        for row in self._site.ledger.select("result", where, ("sample", "test")):
            name = row["sample"]
            if name not in self._samples or row["number"] is None or row["status"] == "invalidated":
                continue
            if name in found:
                raise BadInputError(
                    f"sample {name!r} has results of {attribute!r} by two tests: "
                    f"{found[name]['test']} and {row['test']}.",
                    hint="Say which `test` is the reference.",
                    key="test",
                )
            found[name] = dict(row)
        order = sorted(found, key=lambda name: (self._samples[name]["taken_at"], name))
        return {name: found[name] for name in order}

    def _table(self, names: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> Rows:
        asked, samples = self._asked, [self._samples[name] for name in names]
        units = {str(found[name]["unit"]) for name in names}
        if len(units) > 1:
            raise BadInputError(
                f"the results of {asked.attribute!r} are in {', '.join(sorted(units))}.",
                hint="A test set has one unit.",
                key="attribute",
            )
        times = [int(one["taken_at"]) for one in samples]
        labels, inputs = self._inputs(names, times)
        reference = np.asarray([float(found[name]["number"]) for name in names])
        return Rows(
            names=labels,
            output=asked.attribute,
            unit=units.pop(),
            inputs=inputs,
            reference=reference,
            ids=tuple(names),
            groups=tuple(self._group(one) for one in samples),
            times=tuple(times),
            batches=tuple(one["batch"] for one in samples),
            lots=tuple(self._lots(one) for one in samples),
            samples=tuple(names),
            places=tuple(self._place(one) for one in samples),
            strata=tuple(self._strata(one) for one in samples),
            baseline=self._baseline(times),
            practice=self._practice(names),
        )

    def _group(self, sample: Mapping[str, Any]) -> str:
        lots = [f"lot {sample['material']}/{sample['lot']}"] if sample["lot"] else []
        batch = [f"batch {sample['batch']}"] if sample["batch"] else []
        order = {"batch": [*batch, *lots], "lot": [*lots, *batch], "sample": []}[self._asked.group]
        return order[0] if order else f"sample {sample['sample']}"

    @cached_property
    def _consumed(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self._site.ledger.select("genealogy"):
            if row["lot"]:
                found.setdefault(row["batch"], []).append(f"{row['material']}/{row['lot']}")
        return found

    def _own_lot(self, sample: Mapping[str, Any]) -> str:
        return f"{sample['material']}/{sample['lot']}" if sample["lot"] else ""

    def _lots(self, sample: Mapping[str, Any]) -> tuple[str, ...]:
        found = {self._own_lot(sample), *self._consumed.get(sample["batch"], ())}
        return tuple(sorted(found - {""}))

    def _place(self, sample: Mapping[str, Any]) -> str:
        batch = self._batches.get(sample["batch"])
        own = next((one for one in self._asked.inputs if not one.startswith(RESULT)), "")
        return str((batch or {}).get("place") or (place_of(own) if own else ""))

    def _strata(self, sample: Mapping[str, Any]) -> tuple[str, ...]:
        batch = self._batches.get(sample["batch"], {})
        attributes = json.loads(batch.get("attributes") or "{}")
        known = {"place": self._place(sample), "product": batch.get("product", "")}
        found = (str(known.get(by, attributes.get(by, ""))) for by in self._asked.strata)
        return tuple(dict.fromkeys(one for one in found if one))

    def _baseline(self, times: Sequence[int]) -> NDArray[np.float64]:
        if self._asked.baseline != "last_result":
            return missing(len(times))
        from goldenbatch.science.statistics import last_result

        every = self._results(self._asked.attribute, self._asked.test)
        known = [
            (float(row["number"]), int(row["performed_at"] or self._samples[name]["taken_at"]))
            for name, row in every.items()
        ]
        return last_result([one for one, _ in known], [at for _, at in known], list(times))

    def _practice(self, names: Sequence[str]) -> NDArray[np.float64]:
        if not self._asked.practice:
            return missing(len(names))
        found = self._results(self._asked.practice)
        return np.asarray([float(found[n]["number"]) if n in found else math.nan for n in names])

    # ---- inputs ---------------------------------------------------------------------------------

    @cached_property
    def _readings(self) -> dict[str, _Readings]:
        times = [int(one["taken_at"]) for one in self._samples.values()]
        gap = int(self._asked.max_gap_s * _SECOND)
        window = (min(times) - gap, max(times) + 1)
        return {
            tag: self._read(tag, window) for tag in self._asked.inputs if not tag.startswith(RESULT)
        }

    def _read(self, tag: str, window: tuple[int, int]) -> _Readings:
        series = self._site.historian.read([tag], window)
        if series.kind not in ("number", "array"):
            raise BadInputError(f"{tag} holds {series.kind}s: no input of a model.", key="inputs")
        is_good = series.qualities() < Quality.BAD
        times, values = series.times()[is_good], np.asarray(series.values(), float)[is_good]
        order = np.argsort(times, kind="stable")
        return _Readings(tag, times[order], values[order])

    def _inputs(
        self, names: Sequence[str], times: Sequence[int]
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        labels: list[str] = []
        parts = []
        gap = int(self._asked.max_gap_s * _SECOND)
        for one in self._asked.inputs:
            if one.startswith(RESULT):
                results = self._results(one.removeprefix(RESULT))
                column = [float(results[n]["number"]) if n in results else math.nan for n in names]
                labels.append(one.removeprefix(RESULT))
                parts.append(np.asarray(column)[:, None])
                continue
            readings = self._readings[one]
            values = readings.values if readings.values.ndim == 2 else readings.values[:, None]
            place = readings.at(times, gap)
            part = np.full((len(names), values.shape[1]), math.nan)
            part[place >= 0] = values[place[place >= 0]]
            parts.append(part)
            labels += self._labels(one, readings.values)
        return tuple(labels), np.concatenate(parts, axis=1)

    def _labels(self, tag: str, values: NDArray[np.float64]) -> Iterable[str]:
        if values.ndim == 1:
            return [tag]
        return [f"{one:g}" for one in array_axis(self._site, tag).values]

    # ---- ranges ---------------------------------------------------------------------------------

    def _tag_ranges(self, rows: Rows) -> list[DataRange]:
        """Runs of readings that were used, with none between that was not."""
        gap = int(self._asked.max_gap_s * _SECOND)
        times = [one for one in rows.times if one is not None]
        found = []
        for tag, readings in self._readings.items():
            place = readings.at(times, gap)
            used = np.unique(place[place >= 0])
            if not len(used):
                continue
            borders = np.flatnonzero(np.diff(used) > 1) + 1
            for run in np.split(used, borders):
                start, end = int(readings.times[run[0]]), int(readings.times[run[-1]]) + 1
                digest, n = self._site.historian.digest(tag, (start, end))
                found.append(DataRange(what=tag, digest=digest, n=n, start=start, end=end))
        return found

    def _result_ranges(self, rows: Rows) -> list[DataRange]:
        """The reference results, by what the laboratory reported."""
        found = self._results(self._asked.attribute, self._asked.test)
        used = [[name, found[name]["test"], found[name]["value"]] for name in rows.samples]
        text = json.dumps(sorted(used), ensure_ascii=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return [DataRange(what=rows.output, digest=digest, n=len(rows))]


def period(rows: Rows) -> str:
    """First and last time of rows, for people."""
    times = [one for one in rows.times if one is not None]
    return f"{to_iso(min(times))} to {to_iso(max(times))}" if times else "no times"
