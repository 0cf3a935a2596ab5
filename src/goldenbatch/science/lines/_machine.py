"""Machines of a running line: what they are doing, how they fail, how they are cleaned."""

from __future__ import annotations

from typing import Any

from goldenbatch.science.lines._people import People
from goldenbatch.science.lines._world import Process, World, engine
from goldenbatch.science.lines.declaration import Failure, Need, Unit
from goldenbatch.science.lines.distributions import Draw

STATES = (
    "busy", "blocked", "starved", "down", "cleaning", "changeover",
    "waiting for people", "waiting for quality",
)  # fmt: skip
"""States of a machine; each moment belongs to one of them."""

_AGES = ("operation", "cycles")


class Machine:
    """One machine of a unit."""

    def __init__(self, world: World, people: People, unit: Unit, number: int, name: str) -> None:
        self._world, self._people = world, people
        self.unit, self.name = unit, name
        # The streams have the number in any case: scenarios may differ in how many there are.
        self._stream = (unit.name, str(number))
        self.times = dict.fromkeys(STATES, 0.0)
        self._base, self._shown, self._since = "starved", "starved", world.now
        self._down: dict[str, Failure] = {}
        self._up_again: Any = world.env.event()
        self._worker: Any = None
        self.last_product, self._n_since_clean = "", 0
        self._clean_at, self._dirty_at = world.now, world.now
        self._draws = {failure.name: self._failure_draws(failure) for failure in unit.failures}
        self._left = {
            failure.name: self._draws[failure.name][0]()
            for failure in unit.failures
            if failure.clock in _AGES
        }
        self._wearing = tuple(f.name for f in unit.failures if f.clock == "operation")
        self._interrupt: type[BaseException] = engine().Interrupt
        for failure in unit.failures:
            if failure.clock == "time":
                world.env.process(self._fails_by_time(failure))
        self._changes = world.streams.of(*self._stream, "changeover")
        if unit.cleaning:
            self._clean_time = unit.cleaning.duration.sampler(
                world.streams.of(*self._stream, "cleaning")
            )

    @property
    def is_down(self) -> bool:
        """Whether a failure is being repaired."""
        return bool(self._down)

    def set(self, state: str) -> None:
        """Say what the machine is doing; a failure shows in its place."""
        self._base = state
        self._show()

    def restart(self) -> None:
        """Begin to count."""
        self.times = dict.fromkeys(STATES, 0.0)
        self._since = self._world.now

    def close(self) -> None:
        """Count what goes on until now."""
        self._book(self._world.now)

    def prepare(self, product: str) -> Process:
        """Make the machine ready for a product: clean it again, change it over."""
        cleaning = self.unit.cleaning
        if cleaning and not self._n_since_clean:
            age = self._world.now - self._clean_at
            if age > cleaning.expiry:
                self._world.note(
                    "clean expired", self.name, value=age, limit=cleaning.expiry,
                    consequence="cleaned again",
                )  # fmt: skip
                yield from self.clean()
        elif cleaning and self.last_product != product:
            yield from self.clean()
        if self.unit.changeover and self.last_product not in ("", product):
            yield from self._change_over(product)
        self.last_product = product

    def used(self) -> bool:
        """Count a batch; whether the machine is to be cleaned now."""
        self._n_since_clean += 1
        self._dirty_at = self._world.now
        return self.unit.cleaning is not None and self._n_since_clean >= self.unit.cleaning.every

    def clean(self) -> Process:
        """Clean the machine, once its people are there."""
        cleaning = self.unit.cleaning
        if cleaning is None:
            return
        yield from self._wait_for(cleaning.crew)
        duration = self._clean_time()
        stood = self._world.now - self._dirty_at
        if self._n_since_clean and stood > cleaning.dirty_hold:
            self._world.note(
                "dirty hold", self.name, value=stood, limit=cleaning.dirty_hold,
                consequence=f"cleaning takes {cleaning.late_factor:g} times as long",
            )  # fmt: skip
            duration *= cleaning.late_factor
        self.set("cleaning")
        yield self._world.env.timeout(duration)
        self._people.give_back(cleaning.crew)
        self._clean_at, self._n_since_clean = self._world.now, 0

    def work(self, duration: float, lot: str, crew: tuple[Need, ...]) -> Process:
        """Work for a time, through failures; return whether the lot was lost.

        People leave a machine that stands still and come back when it is up: else those who are
        to repair it might be the ones who stand by it, and nothing would ever go on.
        """
        left = duration
        struck = self._fails_at_start()
        if struck is not None:
            self._break(struck)
        while True:
            if struck is not None and struck.consequence != "resume":
                self._world.note(
                    "failure", self.name, lot, value=duration - left,
                    consequence=struck.consequence,
                )  # fmt: skip
                left = duration
            while self._down:
                self._people.give_back(crew)
                yield from self._wait_until_up()
                yield from self._wait_for(crew)
            if struck is not None and struck.consequence == "scrap":
                return True
            span, due = self._next_failure(left)
            worked, struck = yield from self._stretch(span)
            left -= worked
            if struck is None and due is not None:
                struck = due
                self._break(due)
            if struck is None:
                return False

    def _stretch(self, span: float) -> Process:
        """Work for a span or until a failure by calendar time; return how long, and which."""
        env = self._world.env
        self.set("busy")
        begin, struck = env.now, None
        self._worker = env.active_process
        try:
            yield env.timeout(span)
        except self._interrupt as interrupt:
            span, struck = env.now - begin, interrupt.args[0]
        self._worker = None
        for name in self._wearing:
            self._left[name] -= span
        return span, struck

    def _next_failure(self, left: float) -> tuple[float, Failure | None]:
        first: Failure | None = None
        for failure in self.unit.failures:
            if failure.clock == "operation" and self._left[failure.name] < left:
                left, first = self._left[failure.name], failure
        return max(left, 0.0), first

    def _fails_at_start(self) -> Failure | None:
        failing: Failure | None = None
        for failure in self.unit.failures:
            if failure.clock != "cycles":
                continue
            if self._left[failure.name] <= 0 and failing is None:
                failing = failure
            else:
                self._left[failure.name] -= 1
        return failing

    def _break(self, failure: Failure) -> Any:
        self._down[failure.name] = failure
        self._show()
        return self._world.env.process(self._repair(failure))

    def _repair(self, failure: Failure) -> Process:
        granted = self._people.ask(failure.crew)
        if granted is not None:
            yield granted
        yield self._world.env.timeout(self._draws[failure.name][1]())
        self._people.give_back(failure.crew)
        if failure.clock in _AGES:
            # The operation that failed as it began is done after the repair, and counts.
            self._left[failure.name] = self._draws[failure.name][0]() - (failure.clock == "cycles")
        del self._down[failure.name]
        self._show()
        if not self._down:
            self._up_again.succeed()
            self._up_again = self._world.env.event()

    def _fails_by_time(self, failure: Failure) -> Process:
        while True:
            yield self._world.env.timeout(self._draws[failure.name][0]())
            repair = self._break(failure)
            if self._worker is not None:
                worker, self._worker = self._worker, None
                worker.interrupt(failure)
            yield repair

    def _failure_draws(self, failure: Failure) -> tuple[Draw, Draw]:
        streams = self._world.streams
        return (
            failure.time_to_failure.sampler(streams.of(*self._stream, failure.name, "failure")),
            failure.time_to_repair.sampler(streams.of(*self._stream, failure.name, "repair")),
        )

    def _change_over(self, product: str) -> Process:
        changeover = self.unit.changeover
        if changeover is None:
            return
        pair = (self.last_product, product)
        named = [d for first, last, d in changeover.matrix if (first, last) == pair]
        yield from self._wait_for(changeover.crew)
        self.set("changeover")
        yield self._world.env.timeout((named or [changeover.default])[0].sampler(self._changes)())
        self._people.give_back(changeover.crew)

    def _wait_for(self, crew: Any) -> Process:
        granted = self._people.ask(crew)
        if granted is not None:
            self.set("waiting for people")
            yield granted

    def _wait_until_up(self) -> Process:
        while self._down:
            yield self._up_again

    def _show(self) -> None:
        shown = "down" if self._down else self._base
        if shown != self._shown:
            self._book(self._world.now)
            self._shown = shown

    def _book(self, now: float) -> None:
        self.times[self._shown] += now - self._since
        if self._world.keeps_periods and now > self._since:
            self._world.periods.append((self.name, self._shown, self._since, now))
        self._since = now
