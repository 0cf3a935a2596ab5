"""The plan of a running line: which lots are released when, and what changes when."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.lines._lot import Draws, Floor, Lot, LotRecord
from goldenbatch.science.lines._people import People
from goldenbatch.science.lines._places import Group, Store
from goldenbatch.science.lines._world import Level, Process, Streams, World
from goldenbatch.science.lines.declaration import Campaign, Line, Product, Step
from goldenbatch.science.lines.twins import Twin, draw

MAX_LOTS = 1_000_000

StepDraw = Callable[[Draws], None]


def build_floor(world: World, line: Line) -> Floor:
    """Put up the machines, buffers and people of a line."""
    people = People(world, line)
    return Floor(
        world,
        people,
        {unit.name: Group(world, people, unit) for unit in line.units},
        {buffer.name: Store(world, buffer) for buffer in line.buffers},
        Level(since=world.now),
    )


class Plan:
    """Releases lots as planned; `done` happens when the last one has ended.

    Campaigns of a finite number of lots without interval follow one another; those with an
    interval or without end run beside them.
    """

    def __init__(self, floor: Floor, line: Line, twins: Mapping[str, Twin]) -> None:
        self._floor, self._twins = floor, twins
        self._products = {product.name: product for product in line.products}
        self.is_endless = any(campaign.n_lots == 0 for campaign in line.plan)
        self.n_planned = sum(campaign.n_lots for campaign in line.plan)
        self.n_ended = self._n_released = 0
        if self.n_planned > MAX_LOTS:
            raise _too_many(self.n_planned)
        self.done: Any = floor.world.env.event()
        chain = []
        for number, campaign in enumerate(line.plan):
            if campaign.n_lots and campaign.interval is None:
                chain.append((number, campaign))
            else:
                floor.world.env.process(self._campaign(number, campaign))
        floor.world.env.process(self._one_by_one(chain))
        for change in line.changes:
            floor.world.env.process(self._change(change))

    @property
    def is_done(self) -> bool:
        """Whether every planned lot has ended."""
        return not self.is_endless and self.n_ended == self.n_planned

    def _one_by_one(self, chain: list[tuple[int, Campaign]]) -> Process:
        for number, campaign in chain:
            yield from self._campaign(number, campaign)

    def _campaign(self, number: int, campaign: Campaign) -> Process:
        env = self._floor.world.env
        if campaign.start > env.now:
            yield env.timeout(campaign.start - env.now)
        product = self._products[campaign.product]
        streams = self._floor.world.streams
        draws = step_draws(product, number, streams, self._twins)
        interval = (
            campaign.interval.sampler(streams.of("plan", str(number), "interval"))
            if campaign.interval
            else None
        )
        n = 0
        while campaign.n_lots == 0 or n < campaign.n_lots:
            if interval is not None and (n or campaign.n_lots == 0):
                yield env.timeout(interval())
            n += 1
            lot = self._release(f"{campaign.product}-{number + 1}-{n}", product, campaign, draws)
            if interval is None:
                yield lot.begun

    def _release(
        self, name: str, product: Product, campaign: Campaign, draws: list[StepDraw]
    ) -> Lot:
        self._n_released += 1
        if self._n_released > MAX_LOTS:
            raise _too_many(self._n_released)
        drawn = Draws()
        for step in draws:
            step(drawn)
        record = LotRecord(name, product.name, self._floor.world.now, amount=campaign.size)
        lot = Lot(self._floor, product, record, drawn)
        self._floor.world.env.process(self._follow(lot))
        return lot

    def _follow(self, lot: Lot) -> Process:
        yield from lot.run()
        self.n_ended += 1
        if self.is_done:
            self.done.succeed()

    def _change(self, change: Any) -> Process:
        yield self._floor.world.env.timeout(change.at)
        if change.resource:
            self._floor.people.set_number(change.resource, change.n)
        else:
            group = self._floor.groups[change.unit]
            group.factor *= change.factor
            group.grow(change.n or 0)
        self._floor.world.note("change", change.unit or change.resource, value=change.n or math.nan)


def _too_many(n_lots: int) -> DataError:
    return DataError(
        f"a run of {n_lots:,} lots is more than {MAX_LOTS:,}.",
        hint="Shorten the horizon; items of a fast line go by `science.lines.fill_line`.",
    )


def step_draws(
    product: Product, campaign: int, streams: Streams, twins: Mapping[str, Twin]
) -> list[StepDraw]:
    """Functions that draw, step by step, what chance has in store for the next lot."""
    return [
        _step_draw(step, (product.name, str(campaign), str(i), step.name), streams, twins)
        for i, step in enumerate(product.route)
    ]


def _step_draw(
    step: Step, where: tuple[str, ...], streams: Streams, twins: Mapping[str, Twin]
) -> StepDraw:
    def stream(purpose: str) -> np.random.Generator:
        return streams.of(*where, purpose)

    quality = _quality_draw(step, stream)
    if step.twin:
        twin, generator = twins[step.twin], stream("twin")

        def from_twin(draws: Draws) -> None:
            duration, share = draw(twin, step.twin, generator)
            draws.durations.append(duration)
            draws.yields.append(share)
            draws.quality.append(quality())

        return from_twin
    duration = step.duration.sampler(stream("duration"))
    share = step.yields.sampler(stream("yield"))

    def declared(draws: Draws) -> None:
        draws.durations.append(duration())
        draws.yields.append(share())
        draws.quality.append(quality())

    return declared


def _quality_draw(
    step: Step, stream: Callable[[str], np.random.Generator]
) -> Callable[[], tuple[float, float, float, bool]]:
    quality = step.quality
    if quality is None:
        return lambda: (0.0, 0.0, 0.0, False)
    sampling = quality.sampling.sampler(stream("sampling"))
    laboratory = quality.laboratory.sampler(stream("laboratory"))
    release = quality.release.sampler(stream("release"))
    chance, p_reject = stream("rejection"), quality.p_reject
    return lambda: (sampling(), laboratory(), release(), float(chance.random()) < p_reject)
