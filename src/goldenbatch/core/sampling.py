"""Sampling plans: which samples of a batch are to be taken when, tested for what, by when.

A plan is the settings of an adopted `execution.samples`: it is versioned in the ledger by its
adoption, and orders to a laboratory come from the same words that findings come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.batch_state import BatchState
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

MAX_REPEATS: Final = 10_000
"""Samples of one run at most; a plan that asks for more is cut off there."""
_PLACEHOLDERS = ("batch", "name", "run", "n")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PlannedTest(_Part):
    """A test of a planned sample.

    Attributes:
        test: Identifies the test in the sample.
        attribute: Quality attribute; the test where empty.
        turnaround_s: Its result is late so long after the sample was taken; 0: never.
    """

    test: str = Field(min_length=1)
    attribute: str = ""
    method: str = ""
    unit: str = ""
    turnaround_s: float = Field(default=0.0, ge=0)


class PlannedSample(_Part):
    """A sample that is to be taken.

    Attributes:
        name: Name within the plan.
        point: Sampling point.
        phase: Phase whose runs it is of; empty: of the whole batch.
        place: Where the phase runs; empty: anywhere.
        when: At the start, at the end, or again and again while it runs.
        after_s: So long after the start or the end; for `every`: the first one.
        every_s: From one to the next.
        late_s: It is late so long after it was due.
        runs: Of each run of the phase, or only of the last one.
        is_of_aborted: Also of a run or batch that was aborted, at its end.
        id: Identifier as a text with `{batch}`, `{name}`, `{run}` and `{n}`.
    """

    name: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f{}]+$")
    point: str = ""
    container: str = ""
    place: str = ""
    phase: str = ""
    when: Literal["start", "end", "every"] = "end"
    after_s: float = Field(default=0.0, ge=0)
    every_s: float = Field(default=0.0, ge=0)
    late_s: float = Field(default=900.0, ge=0)
    runs: Literal["each", "last"] = "each"
    is_of_aborted: bool = False
    id: str = ""
    tests: tuple[PlannedTest, ...] = Field(default=(), alias="test")

    @model_validator(mode="after")
    def _check(self) -> PlannedSample:
        if (self.when == "every") != (self.every_s > 0):
            raise ValueError(f"sample {self.name!r}: `every_s` goes with when = 'every'")
        named = [one.test for one in self.tests]
        doubled = sorted({one for one in named if named.count(one) > 1})
        if doubled:
            raise ValueError(f"sample {self.name!r} has test {doubled[0]!r} twice")
        try:
            self.identifier("b", 1, 1)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"sample {self.name!r}: {self.id!r} is no text with "
                f"{', '.join('{' + one + '}' for one in _PLACEHOLDERS)} ({error})"
            ) from error
        needs = ["batch", *(["n"] if self.when == "every" else [])]
        needs += ["run"] if self.phase and self.runs == "each" else []
        for one in needs if self.id else ():
            if f"{{{one}}}" not in self.id:
                raise ValueError(f"sample {self.name!r}: without {{{one}}} two would be the same")
        return self

    def identifier(self, batch: str, run: int, n: int) -> str:
        """Identifier of one sample, the same whoever computes it.

        >>> PlannedSample(name="core", phase="press").identifier("B7", 2, 1)
        'B7/core/2'
        """
        text = self.id
        if not text:
            text = "{batch}/{name}" + ("/{run}" if self.phase else "")
            text += "/{n}" if self.when == "every" else ""
        return text.format(batch=batch, name=self.name, run=run, n=n)


class SamplingPlan(_Part):
    """Which samples of the batches of some products are to be taken.

    Attributes:
        plan: Name, as samples and orders bear it.
        version: Version of it.
        products: Codes of products; none: all.
    """

    plan: str = Field(min_length=1, max_length=60)
    version: str = "1"
    products: tuple[str, ...] = ()
    samples: tuple[PlannedSample, ...] = Field(min_length=1, alias="sample")

    @model_validator(mode="after")
    def _check_names(self) -> SamplingPlan:
        names = [one.name for one in self.samples]
        if len(set(names)) < len(names):
            raise ValueError(f"two samples of plan {self.plan!r} have the same name")
        return self

    @property
    def label(self) -> str:
        """Name and version, as records bear them."""
        return f"{self.plan}@{self.version}"

    def is_for(self, product: str) -> bool:
        """Whether batches of a product are sampled by it."""
        return not self.products or product in self.products


@dataclass(frozen=True)
class Expected:
    """One sample that a plan asks for of a batch.

    Attributes:
        due_at: When it is to be taken, microseconds UTC.
        late_at: After this it is late.
        cause: What makes it due: place, phase and run; empty phase: the batch.
        is_end: Whether an end made it due, else a start.
    """

    sample: str
    item: PlannedSample
    due_at: int
    late_at: int
    cause: tuple[str, str, int]
    is_end: bool


@dataclass(frozen=True)
class _Window:
    cause: tuple[str, str, int]
    start: int | None
    end: int | None
    is_aborted: bool


def expected(plan: SamplingPlan, batch: BatchState, upto: int) -> list[Expected]:
    """Samples of a batch that are due by a time, and the next one of each repeated kind.

    An aborted batch ends what still runs of it; a phase that is run again is due again.
    """
    found: dict[str, Expected] = {}
    for item in plan.samples:
        for one in _windows(item, batch):
            for made in _of(item, batch.batch, one, upto):
                found.setdefault(made.sample, made)
    return sorted(found.values(), key=lambda one: (one.due_at, one.sample))


def _windows(item: PlannedSample, batch: BatchState) -> list[_Window]:
    is_aborted = batch.outcome == "aborted"
    if not item.phase:
        start, end = batch.window
        return [_Window(("", "", 0), start, end, is_aborted)]
    runs = sorted(
        (run for run in batch.phases.values()
         if run.phase == item.phase and item.place in ("", run.place)),
        key=lambda run: (run.started_at, run.place, run.run),
    )  # fmt: skip
    windows = []
    for run in runs if item.runs == "each" else runs[-1:]:
        end = batch.ended_at if run.ended_at is None else run.ended_at
        cut = run.ended_at is None and is_aborted
        windows.append(_Window((run.place, run.phase, run.run), run.started_at, end, cut))
    return windows


def _of(item: PlannedSample, batch: str, window: _Window, upto: int) -> Iterable[Expected]:
    after, late = int(item.after_s * 1e6), int(item.late_s * 1e6)
    run = window.cause[2]

    def made(due_at: int, n: int = 1) -> Expected:
        name = item.identifier(batch, run, n)
        return Expected(name, item, due_at, due_at + late, window.cause, item.when == "end")

    if item.when == "start" and window.start is not None:
        yield made(window.start + after)
    if item.when == "end" and window.end is not None:
        if item.is_of_aborted or not window.is_aborted:
            yield made(window.end + after)
    if item.when != "every" or window.start is None:
        return
    due, n, step = window.start + after, 1, max(int(item.every_s * 1e6), 1)
    while n <= MAX_REPEATS and (window.end is None or due < window.end):
        yield made(due, n)
        if due > upto:
            return
        due, n = due + step, n + 1


@dataclass(frozen=True)
class Held:
    """A sample that is there.

    Attributes:
        taken_at: When it was taken, or recorded where no time is known.
    """

    sample: str
    point: str
    plan: str
    taken_at: int


def matched(due: Sequence[Expected], held: Sequence[Held]) -> dict[str, Held]:
    """Which sample there is stands for which expected one, by the expected one's identifier.

    One of the very identifier; else one of the same sampling point and of no other plan's, the
    nearest in time first; of repeated ones nearer than half the time to the next.
    """
    found = {one.sample: one for one in held}
    pairs = {one.sample: found[one.sample] for one in due if one.sample in found}
    taken = {one.sample for one in pairs.values()}
    near: list[tuple[int, str, str]] = []
    for one in due:
        if one.sample in pairs or not one.item.point:
            continue
        reach = int(one.item.every_s * 1e6) // 2 if one.item.when == "every" else 2**62
        near += [
            (abs(other.taken_at - one.due_at), one.sample, other.sample)
            for other in held
            if other.point == one.item.point and abs(other.taken_at - one.due_at) <= reach
        ]
    for _, name, other_name in sorted(near):
        if name not in pairs and other_name not in taken:
            pairs[name] = found[other_name]
            taken.add(other_name)
    return pairs


class OrderedTest(_Part):
    """A test that a laboratory is asked for."""

    test: str = Field(min_length=1)
    attribute: str = ""
    method: str = ""
    unit: str = ""
    due_at: Micros | None = None


@record_type
class SampleOrdered(Body):
    """A laboratory was asked for the tests of a sample that is or will be taken.

    Attributes:
        plan: Sampling plan with its version.
        due_at: When the sample is to be taken.
        laboratory: Who is asked.
    """

    sample: str = Field(min_length=1, max_length=180)
    batch: str = Field(min_length=1)
    product: str = ""
    plan: str = ""
    point: str = ""
    container: str = ""
    due_at: Micros
    laboratory: str = ""
    tests: tuple[OrderedTest, ...] = ()


def order_of(
    plan: SamplingPlan, one: Expected, batch: BatchState, laboratory: str
) -> SampleOrdered:
    """The order of an expected sample."""
    tests = tuple(
        OrderedTest(
            test=test.test, attribute=test.attribute or test.test, method=test.method,
            unit=test.unit,
            due_at=one.due_at + int(test.turnaround_s * 1e6) if test.turnaround_s else None,
        )
        for test in one.item.tests
    )  # fmt: skip
    return SampleOrdered(
        sample=one.sample, batch=batch.batch, product=batch.entries.get("product", ""),
        plan=plan.label, point=one.item.point, container=one.item.container,
        due_at=one.due_at, laboratory=laboratory, tests=tests,
    )  # fmt: skip


def _fold(event: Event, _lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if not isinstance(body, SampleOrdered):
        return []
    row: Row = body.model_dump(exclude={"tests"})
    row |= {"n_tests": len(body.tests), "seq": event.seq}
    return [{**row, "stream_version": event.envelope.version}]


ORDERS: Final = Projection(
    name="sample_order",
    version=1,
    columns={
        **dict.fromkeys(("sample", "batch", "product", "plan", "point", "container"), "TEXT"),
        "due_at": "INTEGER",
        "laboratory": "TEXT",
        **dict.fromkeys(("n_tests", "seq", "stream_version"), "INTEGER"),
    },
    key=("sample",),
    kinds=frozenset({"SampleOrdered"}),
    fold=_fold,
    indexes=(("batch",), ("due_at",)),
)
"""One row a sample that was ordered, by its newest order."""

PROJECTIONS = (ORDERS,)
"""All projections of this module."""
