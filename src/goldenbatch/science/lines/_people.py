"""Shared resources: people and skids, granted together and in order, with shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from goldenbatch.science.lines._world import Level, Process, World
from goldenbatch.science.lines.declaration import HOURS, Line, Need, Resource, Shift

WEEK_H = 168.0


class People:
    """All shared resources of a line.

    What an activity needs is granted all at once or not at all, so that two activities never
    hold what the other waits for. Requests are served in order; a later one passes an earlier
    one only where it needs nothing that the earlier one waits for.
    """

    def __init__(self, world: World, line: Line) -> None:
        self._world = world
        self._hours = HOURS[line.time_unit]
        self._starts_at = line.starts_at
        self._waiting: list[tuple[tuple[Need, ...], Any]] = []
        self.used = {resource.name: Level() for resource in line.resources}
        self.there = {resource.name: Level() for resource in line.resources}
        self.overtime = {resource.name: Level() for resource in line.resources}
        for resource in line.resources:
            if resource.shifts:
                world.env.process(self._shifts(resource))
            else:
                self.set_number(resource.name, resource.n)

    def ask(self, needs: Sequence[Need]) -> Any | None:
        """Take what is needed: None if it is there, else the event to wait for."""
        if not needs:
            return None
        asked = tuple(needs)
        busy = {need.resource for waiting, _ in self._waiting for need in waiting}
        if not any(need.resource in busy for need in asked) and self._is_there(asked):
            self._move(asked, 1)
            return None
        granted = self._world.env.event()
        self._waiting.append((asked, granted))
        return granted

    def give_back(self, needs: Sequence[Need]) -> None:
        """Give back what was taken."""
        if needs:
            self._move(needs, -1)
            self._serve()

    def set_number(self, name: str, number: int) -> None:
        """Change how many of a resource are there."""
        self.there[name].add(number - self.there[name].value, self._world.now)
        self._overtime(name)
        self._serve()

    def restart(self, now: float) -> None:
        """Begin to count."""
        for levels in (self.used, self.there, self.overtime):
            for level in levels.values():
                level.restart(now)

    def _is_there(self, needs: Sequence[Need]) -> bool:
        return all(
            self.used[need.resource].value + need.n <= self.there[need.resource].value
            for need in needs
        )

    def _move(self, needs: Sequence[Need], sign: int) -> None:
        for need in needs:
            self.used[need.resource].add(sign * need.n, self._world.now)
            self._overtime(need.resource)

    def _overtime(self, name: str) -> None:
        over = max(0.0, self.used[name].value - self.there[name].value)
        self.overtime[name].add(over - self.overtime[name].value, self._world.now)

    def _serve(self) -> None:
        left: list[tuple[tuple[Need, ...], Any]] = []
        passed: set[str] = set()
        for needs, granted in self._waiting:
            names = {need.resource for need in needs}
            if not names & passed and self._is_there(needs):
                self._move(needs, 1)
                granted.succeed()
            else:
                passed |= names
                left.append((needs, granted))
        self._waiting = left

    def _shifts(self, resource: Resource) -> Process:
        spans = week(resource.shifts)
        while True:
            hour = (self._world.now * self._hours + self._starts_at) % WEEK_H
            here = next((i for i, span in enumerate(spans) if hour < span.end - 1e-9), 0)
            if hour >= WEEK_H - 1e-9:
                hour = 0.0
            self.set_number(resource.name, spans[here].n)
            yield self._world.env.timeout((spans[here].end - hour) / self._hours)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the week in which the number does not change; hours after Monday midnight."""

    end: float
    n: int


def week(shifts: Sequence[Shift]) -> list[Span]:
    """Cut the week where shifts begin or end.

    >>> [(span.end, span.n) for span in week([Shift(6.0, 14.0, days=(0,), n=2)])]
    [(6.0, 0), (14.0, 2), (168.0, 0)]
    """
    pieces: list[tuple[float, float, int]] = []
    for shift in shifts:
        length = (shift.end - shift.start) % 24.0 or 24.0
        for day in shift.days:
            begin = 24.0 * day + shift.start
            end = begin + length
            pieces.append((begin, min(end, WEEK_H), shift.n))
            if end > WEEK_H:
                pieces.append((0.0, end - WEEK_H, shift.n))
    cuts = sorted({0.0, WEEK_H, *(begin for begin, _, _ in pieces), *(end for _, end, _ in pieces)})
    return [
        Span(end, sum(n for first, last, n in pieces if first <= begin and end <= last))
        for begin, end in pairwise(cuts)
    ]
