"""Where lots are: the machines of a unit, and the buffers between units."""

from __future__ import annotations

from collections import deque
from typing import Any

from goldenbatch.science.lines._machine import Machine
from goldenbatch.science.lines._people import People
from goldenbatch.science.lines._world import Level, Process, World
from goldenbatch.science.lines.declaration import Buffer, Unit


class Group:
    """The machines of one unit and the lots that wait for one, first come first served."""

    def __init__(self, world: World, people: People, unit: Unit) -> None:
        self._world, self._people = world, people
        self.unit, self.factor = unit, 1.0
        self.machines: list[Machine] = []
        self._free: list[Machine] = []
        self._waiting: deque[Any] = deque()
        self.grow(unit.count)

    def grow(self, count: int) -> None:
        """Bring the number of machines up to `count`."""
        while len(self.machines) < count:
            number = len(self.machines) + 1
            name = self.unit.name if self.unit.count == 1 == count else f"{self.unit.name}.{number}"
            machine = Machine(self._world, self._people, self.unit, number, name)
            self.machines.append(machine)
            self._offer(machine)

    def take(self, product: str) -> Any:
        """A free machine, or the event of one; rather one that is up and made the product last."""
        if self._free and not self._waiting:
            machine = min(self._free, key=lambda one: (one.is_down, one.last_product != product))
            self._free.remove(machine)
            return machine
        granted = self._world.env.event()
        self._waiting.append(granted)
        return granted

    def leave(self, machine: Machine) -> None:
        """Give a machine back after a batch; it is cleaned where that is due."""
        if machine.used():
            self._world.env.process(self._turn_round(machine))
        else:
            self._offer(machine)

    def _turn_round(self, machine: Machine) -> Process:
        yield from machine.clean()
        self._offer(machine)

    def _offer(self, machine: Machine) -> None:
        machine.set("starved")
        if self._waiting:
            self._waiting.popleft().succeed(machine)
        else:
            self._free.append(machine)
            self._free.sort(key=self.machines.index)


class Store:
    """A running buffer: places, lots in it, and who waits for a place."""

    def __init__(self, world: World, buffer: Buffer) -> None:
        self._world, self.buffer = world, buffer
        self._n_promised = 0
        self._waiting: deque[Any] = deque()
        self.level = Level(since=world.now)

    def promise(self) -> Any | None:
        """Keep a place: None if there is one, else the event of one."""
        if not self._waiting and self.level.value + self._n_promised < self.buffer.capacity:
            self._n_promised += 1
            return None
        granted = self._world.env.event()
        self._waiting.append(granted)
        return granted

    def put(self) -> None:
        """Fill the place that was kept."""
        self._n_promised -= 1
        self.level.add(1, self._world.now)

    def take(self) -> None:
        """Free a place."""
        self.level.add(-1, self._world.now)
        if self._waiting and self.level.value + self._n_promised < self.buffer.capacity:
            self._n_promised += 1
            self._waiting.popleft().succeed()

    def give_up(self) -> None:
        """Free a place that was kept and never filled."""
        self._n_promised -= 1
        self.level.add(1, self._world.now)
        self.take()
