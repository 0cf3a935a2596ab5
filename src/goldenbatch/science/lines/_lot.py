"""The way of one lot through a running line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.science.lines._machine import Machine
from goldenbatch.science.lines._people import People
from goldenbatch.science.lines._places import Group, Store
from goldenbatch.science.lines._world import Level, Process, World
from goldenbatch.science.lines.declaration import Need, Product, Quality, Step


@dataclass(slots=True)
class Draws:
    """What chance has in store for one lot, step by step; drawn as the lot is made."""

    durations: list[float] = field(default_factory=list)
    yields: list[float] = field(default_factory=list)
    quality: list[tuple[float, float, float, bool]] = field(default_factory=list)


@dataclass(slots=True)
class LotRecord:
    """What became of a lot; NaN for a time that did not come."""

    lot: str
    product: str
    released: float
    begun: float = math.nan
    ended: float = math.nan
    amount: float = 1.0
    outcome: str = "in work"
    where: str = ""


@dataclass(slots=True)
class Floor:
    """The running line as its lots see it."""

    world: World
    people: People
    groups: dict[str, Group]
    stores: dict[str, Store]
    present: Level
    records: list[LotRecord] = field(default_factory=list)


class Lot:
    """One lot on its way; `begun` happens when it has its first machine."""

    def __init__(self, floor: Floor, product: Product, record: LotRecord, draws: Draws) -> None:
        self._floor, self._product, self._draws = floor, product, draws
        self.record = record
        self.begun: Any = floor.world.env.event()
        self._machine: Machine | None = None
        self._group: Group | None = None
        self._store: Store | None = None
        self._ended_step = math.nan
        floor.records.append(record)

    def run(self) -> Process:
        """Go through all steps; the record says how it ended."""
        record = self.record
        self._floor.present.add(1, self._floor.world.now)
        outcome = "finished"
        for number, step in enumerate(self._product.route):
            record.where = step.name
            yield from self._move_to(step, number)
            lost = yield from self._work(step, number)
            if lost:
                outcome = lost
                break
        if self._machine is not None and self._group is not None:
            self._group.leave(self._machine)
        if self._store is not None:
            self._store.take()
        record.ended, record.outcome = self._floor.world.now, outcome
        self._floor.world.move(record.lot, "")
        self._floor.present.add(-1, self._floor.world.now)

    def _move_to(self, step: Step, number: int) -> Process:
        """Wait for a machine and leave the place before."""
        group = self._floor.groups[step.unit]
        if self._machine is not None:
            self._machine.set("blocked")
        machine = group.take(self._product.name)
        if not isinstance(machine, Machine):
            machine = yield machine
        if number == 0:
            self.record.begun = self._floor.world.now
            self.begun.succeed()
        yield from machine.prepare(self._product.name)
        if self._machine is not None and self._group is not None:
            self._group.leave(self._machine)
        self._machine, self._group = machine, group
        self._floor.world.move(self.record.lot, machine.name)

    def _work(self, step: Step, number: int) -> Process:
        """Do a step; return how the lot was lost, or ""."""
        floor, machine, group = self._floor, self._machine, self._group
        if machine is None or group is None:
            return ""
        after = floor.stores.get(step.buffer)
        is_before = after is not None and group.unit.blocking == "before"
        if after is not None and is_before:
            yield from self._place(after)
        yield from self._wait_for(step.crew)
        lost = self._held(number)
        if self._store is not None and self._store.buffer.frees == "taken":
            self._leave_store()
        if math.isfinite(step.attended):
            floor.world.env.process(self._attend(step))
        if not lost:
            duration = self._draws.durations[number] * group.factor
            stays = () if math.isfinite(step.attended) else step.crew
            is_lost = yield from machine.work(duration, self.record.lot, stays)
            lost = "scrapped" if is_lost else ""
        if step.crew and not math.isfinite(step.attended):
            floor.people.give_back(step.crew)
        if self._store is not None:
            self._leave_store()
        self.record.amount *= self._draws.yields[number]
        self._ended_step = floor.world.now
        if lost:
            if after is not None and is_before:
                after.give_up()
            return lost
        return (yield from self._pass_on(step, number, after, is_before))

    def _pass_on(self, step: Step, number: int, after: Store | None, has_place: bool) -> Process:
        """Go into the buffer behind a step and wait for quality."""
        keeps = step.quality is not None and step.quality.keeps_unit
        if step.quality is not None and keeps and self._machine is not None:
            self._machine.set("waiting for quality")
            if (yield from self._released(step.quality, step, number)):
                if after is not None and has_place:
                    after.give_up()
                return "rejected"
        if after is not None:
            if not has_place:
                yield from self._place(after)
            after.put()
            self._store = after
            self._floor.world.move(self.record.lot, after.buffer.name)
        if (after is not None or number + 1 == len(self._product.route)) and (
            self._machine is not None and self._group is not None
        ):
            self._group.leave(self._machine)
            self._machine = self._group = None
        if step.quality is not None and not keeps:
            if self._machine is not None:
                # Without a buffer the lot has nowhere else to wait.
                self._machine.set("waiting for quality")
            if (yield from self._released(step.quality, step, number)):
                return "rejected"
        return ""

    def _released(self, quality: Quality, step: Step, number: int) -> Process:
        """Wait for sampling, laboratory and release; return whether the lot was rejected."""
        floor = self._floor
        sampling, laboratory, release, is_rejected = self._draws.quality[number]
        yield floor.world.env.timeout(sampling)
        granted = floor.people.ask(quality.crew)
        if granted is not None:
            yield granted
        yield floor.world.env.timeout(laboratory)
        floor.people.give_back(quality.crew)
        yield floor.world.env.timeout(release)
        if is_rejected:
            floor.world.note("rejected", step.name, self.record.lot, consequence="lot rejected")
        return is_rejected

    def _held(self, number: int) -> str:
        """Judge the wait since the step before; return how the lot was lost, or ""."""
        hold = self._product.route[number - 1].hold if number else None
        waited = self._floor.world.now - self._ended_step
        if hold is None or waited <= hold.maximum:
            return ""
        self._floor.world.note(
            "hold time", self._product.route[number - 1].name, self.record.lot,
            value=waited, limit=hold.maximum, consequence=hold.consequence,
        )  # fmt: skip
        if hold.consequence == "yield":
            self.record.amount *= hold.yield_factor
        return "scrapped" if hold.consequence == "scrap" else ""

    def _place(self, store: Store) -> Process:
        granted = store.promise()
        if granted is not None:
            if self._machine is not None:
                self._machine.set("blocked")
            yield granted

    def _wait_for(self, crew: tuple[Need, ...]) -> Process:
        granted = self._floor.people.ask(crew)
        if granted is not None:
            if self._machine is not None:
                self._machine.set("waiting for people")
            yield granted

    def _attend(self, step: Step) -> Process:
        yield self._floor.world.env.timeout(step.attended)
        self._floor.people.give_back(step.crew)

    def _leave_store(self) -> None:
        if self._store is not None:
            self._store.take()
            self._store = None
