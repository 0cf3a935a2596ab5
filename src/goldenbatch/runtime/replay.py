"""Replay: the logged ticks again through the analysts of their time; it never appends.

*As seen* must equal live, transition by transition and number by number. *As known now* runs
the same ticks over source time with late and corrected data in place; what differs is what
would have been different, and no error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from goldenbatch.core.analyst import Derived, Tick, Transition
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import Finding, FindingClosed, FindingOpened, FindingUpdated
from goldenbatch.runtime._findings import FINDING_KINDS, FINDING_PREFIX, prediction_keys
from goldenbatch.runtime._state import Saved
from goldenbatch.runtime.adoption import Adoption, Adoptions, Workshop
from goldenbatch.runtime.events import TicksSkipped
from goldenbatch.runtime.known import KnownViews
from goldenbatch.runtime.oversight import OVERSIGHT
from goldenbatch.runtime.prediction_log import fingerprint_of, logged_fingerprints
from goldenbatch.runtime.views import TICK_ZERO, SeenViews, Stores, Views, logged_ticks
from goldenbatch.runtime.wake import Runner, assess

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionsMade
    from goldenbatch.runtime.discovery import Discovery

Mode = Literal["as-seen", "as-known"]
"""How a replay looks: as live saw it, or with all that is known now."""


OnTick = Callable[[int, int], None]
"""Called with (number of the tick, number of ticks)."""


class ReplaySite(Stores, Protocol):
    """What a replay needs of a site."""

    runner: Runner
    discovery: Discovery


@dataclass(frozen=True)
class Step:
    """One transition, live or replayed.

    Attributes:
        tick: Number of the tick.
        ordinal: Number of the transition in its finding.
    """

    uid: str
    tick: int
    ordinal: int
    step: str
    finding: Finding


@dataclass(frozen=True)
class Difference:
    """One thing in which a replay differs from live.

    Attributes:
        what: `only live`, `only replayed`, `changed` or `derived`.
        uid: Uid of the finding, where it is about one (live's, if there is one).
        tick: Number of the tick, live's if there is one.
        words: What differs, in words.
    """

    what: Literal["only live", "only replayed", "changed", "derived"]
    analyst: str
    batch: str
    uid: str
    tick: int
    words: str


@dataclass(frozen=True)
class ReplayReport:
    """What a replay gave.

    Attributes:
        n_ticks: Ticks that were run again.
        n_live: Transitions that live recorded (of the batch, if one was named).
        n_replayed: Transitions that the replay gave.
        n_derived: Computed numbers that were compared.
        differences: Empty when the replay equals live.
        transitions: What the replay gave.
        failures: Analyst to why it stopped, and at which tick.
    """

    mode: Mode
    n_ticks: int
    n_live: int
    n_replayed: int
    n_derived: int
    differences: tuple[Difference, ...]
    transitions: tuple[Step, ...]
    failures: Mapping[str, str]

    @property
    def is_equal(self) -> bool:
        """Whether the replay equals live."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """The report as plain values; the findings as the ledger would hold them."""
        steps = [
            {**asdict(one), "finding": one.finding.model_dump(mode="json")}
            for one in self.transitions
        ]
        return {
            "mode": self.mode,
            "is_equal": self.is_equal,
            "n_ticks": self.n_ticks,
            "n_live": self.n_live,
            "n_replayed": self.n_replayed,
            "n_derived": self.n_derived,
            "differences": [asdict(one) for one in self.differences],
            "transitions": steps,
            "failures": dict(self.failures),
        }


def replay(
    site: ReplaySite, mode: Mode | str, batch: str = "", *, on_tick: OnTick | None = None
) -> ReplayReport:
    """Run all logged ticks again from empty states and compare with what live found.

    Args:
        site: The site.
        mode: `as-seen` or `as-known`.
        batch: Compare findings on this batch alone; all if empty.
        on_tick: Called with (number of the tick, number of ticks), for progress.

    Raises:
        BadInputError: The mode is unknown.
        NotFoundError: There is no such batch.
    """
    chosen = _mode(mode)
    if batch and not site.ledger.select("batch", {"batch": batch}, limit=1):
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See `goldenbatch batch list`.")
    ticks = logged_ticks(site.ledger)
    is_seen = chosen == "as-seen"
    views: Views = SeenViews(site, ticks) if is_seen else KnownViews(site, ticks)
    run = _Run(site, views)
    for place, tick in enumerate(ticks):
        run.tick(tick, ticks[place - 1] if place else TICK_ZERO)
        if on_tick is not None:
            on_tick(place + 1, len(ticks))
    live = [one for one in live_steps(site) if not batch or is_about(one.finding, batch)]
    replayed = [one for one in run.steps if not batch or is_about(one.finding, batch)]
    differences = [*_compare(live, replayed, is_seen=is_seen)]
    if is_seen and not batch:
        differences += _compare_derived(site, run.derived)
        differences += _compare_predictions(site, run.predictions)
    return ReplayReport(
        mode=chosen,
        n_ticks=len(ticks),
        n_live=len(live),
        n_replayed=len(replayed),
        n_derived=sum(map(len, run.derived.values())) + run.n_predicted,
        differences=tuple(differences),
        transitions=tuple(replayed),
        failures=run.failures,
    )


def _mode(mode: str) -> Mode:
    name = mode.replace("_", "-")
    if name == "as-seen":
        return "as-seen"
    if name == "as-known":
        return "as-known"
    raise BadInputError(f"{mode!r} is no mode of replay.", hint="as-seen or as-known.")


class _Run:
    """The analysts of the time, from empty states; live's laggards stop where live stands."""

    def __init__(self, site: ReplaySite, views: Views) -> None:
        self._views = views
        self._adoptions = Adoptions(site.ledger)
        self._workshop = Workshop(site.discovery)
        self._cursors = site.runner.cursors()
        self._saved: dict[str, Saved] = {}
        self._stopped: set[tuple[str, int]] = set()
        self._skipped: dict[str, list[tuple[int, int]]] = {}
        for event in site.ledger.events(kinds={TicksSkipped.kind}):
            body = event.decode()
            if isinstance(body, TicksSkipped):
                self._skipped.setdefault(body.name, []).append((body.first, body.last))
        self.steps: list[Step] = []
        self.derived: dict[str, list[tuple[int, Derived]]] = {}
        self.predictions: list[_Predicted] = []
        self.n_predicted = 0
        self.failures: dict[str, str] = {}

    def tick(self, tick: Tick, previous: Tick) -> None:
        view = self._views.at(tick, previous)
        for name, adoption in self._adoptions.at(tick.ledger_seq).items():
            if self._is_passed_over(adoption, tick.number):
                continue
            try:
                outcome = assess(self._workshop, adoption, self._saved.get(name), view)
            except Exception as error:  # as live does: the others go on
                self.failures[name] = f"tick {tick.number}: {type(error).__name__}: {error}"
                self._stopped.add((name, adoption.version))
                continue
            self._saved[name] = Saved(tick.number, adoption.version, outcome.state)
            self.steps += (_step(one, tick.number) for one in outcome.transitions)
            numbers = self.derived.setdefault(name, [])
            numbers += ((tick.number, one) for one in outcome.derived)
            self._take_predictions(adoption, tick.number, outcome.predictions)

    def _take_predictions(
        self, adoption: Adoption, tick: int, made: Sequence[PredictionsMade]
    ) -> None:
        for one, key in zip(made, prediction_keys(adoption, tick, len(made)), strict=True):
            self.n_predicted += len(one.block)
            ref, digest = one.block.model, fingerprint_of(one.block)
            if len(one.block):
                self.predictions.append(
                    _Predicted(adoption.name, tick, ref.use, (ref.version, key), digest)
                )

    def _is_passed_over(self, adoption: Adoption, number: int) -> bool:
        """Whether live has not assessed a tick, or the replay cannot."""
        name = adoption.name
        is_skipped = any(first <= number <= last for first, last in self._skipped.get(name, ()))
        is_behind = number > self._cursors.get(name, 0)
        return is_skipped or is_behind or (name, adoption.version) in self._stopped


def _step(transition: Transition, tick: int) -> Step:
    return Step(transition.uid, tick, transition.version, transition.step, transition.finding)


def live_steps(stores: Stores) -> Iterator[Step]:
    """All transitions by analysts that the ledger holds, in its order."""
    counts: Counter[str] = Counter()
    names = {FindingOpened: "opened", FindingUpdated: "updated", FindingClosed: "closed"}
    for event in stores.ledger.events(kinds=FINDING_KINDS, stream_prefix=FINDING_PREFIX):
        body = event.decode()
        if isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
            if body.finding.analyst == OVERSIGHT:  # it hangs on the clock, not on ticks
                continue
            counts[body.uid] += 1
            yield Step(body.uid, body.tick, counts[body.uid], names[type(body)], body.finding)


def is_about(finding: Finding, batch: str) -> bool:
    """Whether a finding is about a batch."""
    return batch == finding.subject.batch or batch in finding.batches


# ---- comparing ------------------------------------------------------------------------------


def _compare(
    live: Sequence[Step], replayed: Sequence[Step], *, is_seen: bool
) -> Iterator[Difference]:
    """Differences, in live's order; as known, findings are matched by their subjects.

    As known an event may be seen at another tick, so that its uid is another one too.
    """
    left, right = (_keyed(steps, is_seen=is_seen) for steps in (live, replayed))
    for key, step in left.items():
        other = right.get(key)
        if other is None:
            yield _difference("only live", step, f"{step.step}: {step.finding.title}")
        elif words := _words(step, other, is_seen=is_seen):
            yield _difference("changed", step, words)
    for key, step in right.items():
        if key not in left:
            yield _difference("only replayed", step, f"{step.step}: {step.finding.title}")


def _keyed(steps: Iterable[Step], *, is_seen: bool) -> dict[tuple[object, ...], Step]:
    """Steps by what makes them the same: uid and ordinal, or subject and how often seen."""
    if is_seen:
        return {(one.uid, one.ordinal): one for one in steps}
    numbers: dict[str, int] = {}
    counts: Counter[tuple[str, str]] = Counter()
    keyed: dict[tuple[object, ...], Step] = {}
    for one in steps:
        subject = (one.finding.analyst, one.finding.subject.model_dump_json())
        if one.uid not in numbers:
            counts[subject] += 1
            numbers[one.uid] = counts[subject]
        keyed[(*subject, numbers[one.uid], one.ordinal)] = one
    return keyed


def _words(live: Step, replayed: Step, *, is_seen: bool) -> str:
    """What differs between two steps; empty when nothing does."""
    found: list[str] = []
    if live.step != replayed.step:
        found.append(f"{live.step} live, {replayed.step} replayed")
    if live.tick != replayed.tick:
        found.append(f"at tick {live.tick} live, {replayed.tick} replayed")
    skipped = set() if is_seen else {"evidence"}
    left, right = (one.finding.model_dump(mode="json") for one in (live, replayed))
    found += [
        f"{name}: {_short(left[name])} live, {_short(right[name])} replayed"
        for name in left
        if name not in skipped and left[name] != right[name]
    ]
    return "; ".join(found)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _difference(
    what: Literal["only live", "only replayed", "changed"], step: Step, words: str
) -> Difference:
    finding = step.finding
    return Difference(what, finding.analyst, finding.subject.batch, step.uid, step.tick, words)


def _compare_derived(
    stores: Stores, derived: Mapping[str, Sequence[tuple[int, Derived]]]
) -> Iterator[Difference]:
    """Numbers that the analysts computed again against those that stand in the historian.

    They are compared frame by frame; inside a frame the order is that of time.
    """
    known = stores.historian.tags()
    for name, computed in derived.items():
        by_tag: dict[str, list[_Number]] = {}
        for tick, one in computed:
            number = (tick, one.time, _digits(one.value), one.quality)
            by_tag.setdefault(one.tag, []).append(number)
        for tag, again in by_tag.items():
            given = [number[1:] for number in sorted(again)]
            logged = [number[1:] for number in _logged(stores, tag)] if tag in known else []
            if logged != given:
                yield Difference("derived", name, "", "", 0, _first_other(tag, logged, given))


@dataclass(frozen=True)
class _Predicted:
    """A block that a replay predicted: which, and the digest of what it says."""

    analyst: str
    tick: int
    use: str
    key: tuple[int, str]
    digest: str


def _compare_predictions(stores: Stores, again: Sequence[_Predicted]) -> Iterator[Difference]:
    """Predictions of models under control against those that are logged, bit by bit."""
    logged: dict[str, dict[tuple[int, str], str]] = {}
    for one in again:
        if one.use not in logged:
            logged[one.use] = logged_fingerprints(stores.historian, one.use)
        found = logged[one.use].get(one.key)
        if found != one.digest:
            version, key = one.key
            why = "are not logged" if found is None else "say another thing than the log"
            words = f"predictions of {one.use}@{version} ({key}) {why}"
            yield Difference("derived", one.analyst, "", "", one.tick, words)


_Number = tuple[int, int, str, int]
"""Tick or frame, time, value with all its digits, quality."""


def _digits(value: float | None) -> str:
    """A number with all its digits; the historian keeps NaN as missing."""
    return "" if value is None or math.isnan(value) else repr(float(value))


def _first_other(tag: str, logged: Sequence[object], given: Sequence[object]) -> str:
    pairs = enumerate(zip(logged, given, strict=False))
    shorter = min(len(logged), len(given))
    place = next((place for place, (one, other) in pairs if one != other), shorter)
    return (
        f"{tag}: {len(logged)} numbers live, {len(given)} replayed; number {place + 1} is the "
        "first that differs"
    )


def _logged(stores: Stores, tag: str) -> list[_Number]:
    series = stores.historian.since([tag], 0)
    texts = [_digits(one) for one in series.table.column("value").to_pylist()]
    columns = (series.seqs().tolist(), series.times().tolist(), texts, series.qualities().tolist())
    return sorted(zip(*columns, strict=True))
