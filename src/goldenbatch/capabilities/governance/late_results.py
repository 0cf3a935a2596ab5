"""Results of the laboratory that come late: paired with what was said when the sample was taken.

A result may come before its sample is on record, be corrected or invalidated, or the time of its
sample may be; each is paired again from what is known then. Results of other units, censored ones
and words are no references, and are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.core.batches import SampleCorrected, SampleTaken
from goldenbatch.core.records import Event, from_iso
from goldenbatch.core.results import (
    Result,
    ResultCorrected,
    ResultKind,
    ResultsReported,
    ResultStatus,
)

KINDS: Final = (
    SampleTaken.kind, SampleCorrected.kind, ResultsReported.kind, ResultCorrected.kind,
)  # fmt: skip
MAX_SAMPLES: Final = 1000
MAX_PAIRS: Final = 500
MAX_WAITING: Final = 50
Said = Callable[[int], Sequence[float] | None]
"""What was said at a time; None where nothing was, or it lies outside the context of use."""


@dataclass
class LateResults:
    """References of one attribute, folded from events; plain JSON by `to_json`.

    Attributes:
        attribute: Name of the attribute.
        unit: Its unit; others are no references.
        samples: Sample to its batch and when it was taken.
        values: Sample and test to the reference, and the record that it stands in.
        pairs: The same key to the group and what was said; those that are paired.
        order: Groups in the order of their first reference.
        waiting: Keys that could not be paired yet.
        n_refused: Results that are no references, by why.
    """

    attribute: str
    unit: str
    samples: dict[str, list[Any]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)
    pairs: dict[str, list[Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    n_refused: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work on copies: what was kept is the state of an earlier tick."""
        self.samples = {name: list(one) for name, one in self.samples.items()}
        self.values = {name: list(one) for name, one in self.values.items()}
        self.pairs = {name: list(one) for name, one in self.pairs.items()}
        self.order, self.waiting = list(self.order), list(self.waiting)
        self.n_refused = dict(self.n_refused)

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
        return {
            "samples": self.samples, "values": self.values, "pairs": self.pairs,
            "order": self.order, "waiting": self.waiting, "n_refused": self.n_refused,
        }  # fmt: skip

    def begin(self, events: Iterable[Event]) -> None:
        """Know samples that were taken before; their results, if they came, are not asked."""
        for event in events:
            self._sample(event)

    def take(self, events: Sequence[Event], said: Said, *, is_news: bool = True) -> bool:
        """Take new events and pair what can be paired; whether any pair is new or changed.

        Args:
            events: New events of `KINDS`.
            said: What was said at a time.
            is_news: Whether inputs or batches are known that were not; else nothing that waits
                is asked for again.
        """
        if not events and not is_news:
            return False
        touched: list[str] = list(self.waiting)
        for event in events:
            touched += self._sample(event) or self._result(event)
        before = {key: self.pairs.get(key) for key in touched}
        self.waiting = []
        for key in dict.fromkeys(touched):
            self._pair(key, said)
        self._forget()
        return any(self.pairs.get(key) != one for key, one in before.items())

    def groups(self) -> list[tuple[str, list[list[Any]]]]:
        """Pairs of each group, in order: reference, and what was said."""
        found: dict[str, list[list[Any]]] = {name: [] for name in self.order}
        for key in sorted(self.pairs):
            group, *pair = self.pairs[key]
            found.setdefault(group, []).append(pair)
        return [(name, pairs) for name, pairs in found.items() if pairs]

    def record(self, key: str) -> Sequence[Any]:
        """Stream, version and leaf of the record of a reference."""
        return self.values[key][1:]

    # ---- inside -----------------------------------------------------------------------------

    def _sample(self, event: Event) -> list[str]:
        body = event.decode()
        if isinstance(body, SampleTaken):
            self.samples[body.sample] = [body.batch, body.taken_at]
        elif isinstance(body, SampleCorrected) and body.sample in self.samples:
            known = self.samples[body.sample]
            if body.field == "batch":
                known[0] = body.new
            elif body.field == "taken_at":
                known[1] = from_iso(body.new) if body.new else None
        else:
            return []
        return [key for key in self.values if _sample_of(key) == body.sample]

    def _result(self, event: Event) -> list[str]:
        body = event.decode()
        if isinstance(body, ResultsReported):
            own = [one for one in body.results if one.attribute == self.attribute]
            return [self._value(event, body.sample, one) for one in own]
        if isinstance(body, ResultCorrected) and body.new.attribute == self.attribute:
            key = _key(body.sample, body.test)
            # What was there before this model ran is no news by being corrected.
            return [self._value(event, body.sample, body.new)] if key in self.values else []
        return []

    def _value(self, event: Event, sample: str, result: Result) -> str:
        key, why = _key(sample, result.test), self._refused(result)
        value = None if why else result.number
        if why:
            self.n_refused[why] = self.n_refused.get(why, 0) + 1
        self.values[key] = [value, event.stream, event.envelope.version, event.leaf]
        return key

    def _refused(self, result: Result) -> str:
        if result.status is ResultStatus.INVALIDATED:
            return "invalidated"
        if result.kind is not ResultKind.NUMBER:
            return "no number"
        return "" if result.unit == self.unit else "of another unit"

    def _pair(self, key: str, said: Said) -> None:
        value = self.values.get(key, [None])[0]
        sample = self.samples.get(_sample_of(key))
        self.pairs.pop(key, None)
        if value is None:
            return
        if sample is None or sample[1] is None:
            self.waiting.append(key)
            return
        told = said(int(sample[1]))
        if told is None:
            self.waiting.append(key)
            return
        group = sample[0] or _sample_of(key)
        self.pairs[key] = [group, value, *told]
        if group not in self.order:
            self.order.append(group)

    def _forget(self) -> None:
        for kept, most in ((self.samples, MAX_SAMPLES), (self.pairs, MAX_PAIRS)):
            for key in list(kept)[: max(0, len(kept) - most)]:
                kept.pop(key)
        self.waiting = self.waiting[-MAX_WAITING:]
        live = {*self.pairs, *self.waiting}
        old = [key for key in self.values if key not in live]
        for key in old[: max(0, len(old) - MAX_SAMPLES)]:
            self.values.pop(key)
        named = {one[0] for one in self.pairs.values()}
        self.order = [name for name in self.order if name in named]


def _key(sample: str, test: str) -> str:
    return f"{sample}\n{test}"


def _sample_of(key: str) -> str:
    return key.partition("\n")[0]
