"""Runs the rules of a home over new readings, late ones too."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.batch_context import (
    Boundary,
    BoundaryStated,
    Statement,
    TagFlapped,
    context_stream,
)
from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.context_rules import (
    FOLDER,
    RANKS,
    Running,
    TagRule,
    as_text,
    is_batch,
    load_rule,
    statements,
)
from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.series import Quality
from goldenbatch.core.settling import Change, Settling
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.batch_context import take, take_what_has_come

if TYPE_CHECKING:
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site

log = logging.getLogger("goldenbatch.context")

STATE = "rules/context.json"
"""Below `state/`, apart from the analysts: one of them may be called `context`."""
_FORMER = "context.json"
MAX_PROBLEMS = 100


def load_rules(home: Path) -> list[TagRule]:
    """The rules of a home, by name.

    Raises:
        BadInputError: One is not well formed; names file, line and key.
    """
    paths = sorted((home / FOLDER).glob("*.toml"))
    return [load_rule(path) for path in paths if path.name != RANKS]


def _state_path(folder: Path) -> Path:
    """Where it stands how far rules have read; a file of the former place is moved there."""
    path, former = folder / STATE, folder / _FORMER
    path.parent.mkdir(parents=True, exist_ok=True)
    if former.exists() and not path.exists():
        with suppress(ValueError):
            if "digest" not in json.loads(former.read_bytes()):  # else it is an analyst's
                former.replace(path)
    return path


@dataclass
class _Known:
    """What a rule has read, so that only what is new must be.

    Attributes:
        upto: Number of the last frame in it.
        tags: What each tag was, and what of it still has to hold.
        said: What was stated of it.
        running: What runs after the changes that were looked at.
        n_seen: How many changes of each tag were looked at.
    """

    upto: int = 0
    tags: dict[str, Settling] = field(default_factory=dict)
    said: set[tuple[Any, ...]] = field(default_factory=set)
    running: Running = field(default_factory=Running)
    n_seen: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """All changes that hold."""
        return [one for tag in self.tags.values() for one in tag.changes]

    def fresh(self) -> list[Change] | None:
        """Changes that were not looked at; None: one of them belongs before others."""
        new: list[Change] = []
        done = 0
        for name, tag in self.tags.items():
            n_seen = self.n_seen.get(name, 0)
            new += tag.changes[n_seen:]
            done = max(done, tag.changes[n_seen - 1].at if n_seen else 0)
        return None if any(one.at <= done for one in new) else new

    def looked(self) -> None:
        """All changes have been looked at now."""
        self.n_seen = {name: len(tag.changes) for name, tag in self.tags.items()}

    def hold(self, now: int) -> None:
        """What was read last holds, where nothing else has come in twice the time to settle.

        A tag may be told on change only: then no reading says that its value still holds.
        """
        newest = max((tag.last for tag in self.tags.values()), default=0)
        for tag in self.tags.values():
            tag.hold(newest)
            tag.hold_by_clock(now - tag.settle_us)

    def waits_until(self) -> int | None:
        """When a value that has not held long enough will have; None: none waits."""
        waiting = [one for tag in self.tags.values() if (one := tag.waits_until) is not None]
        return min(waiting, default=None)


class ContextRules:
    """The rules of a home, and up to which frame each has read.

    Args:
        site: Where readings and records are.
        home: Its folder.

    Attributes:
        problems: Why a rule could not be run, by its name; it is tried again.
    """

    def __init__(self, site: Site, home: Path) -> None:
        self._site, self._path = site, _state_path(home / "state")
        self.rules = load_rules(home)
        self.problems: dict[str, str] = {}
        self._known: dict[str, _Known] = {}

    def run(self) -> list[BoundaryStated]:
        """Read what is new and take what it tells of; the same again does nothing."""
        found = take_what_has_come(self._site)
        if not self.rules:
            return found
        seen = self._seen()
        head = self._site.historian.head()
        for rule in self.rules:
            known = self._known.get(rule.name)
            after = known.upto if known is not None else int(seen.get(rule.name, 0))
            if after >= head and not self._is_due(rule):
                continue
            try:
                found += self._run(rule, after, head)
            except IntegrityError:
                raise
            except (GoldenbatchError, ValueError) as error:
                # One rule must hold up neither the others nor the analysts.
                self._known.pop(rule.name, None)
                if self.problems.get(rule.name) != f"{error}":
                    log.exception("rule %s", rule.name)
                self.problems[rule.name] = f"{error}"
            else:
                self.problems.pop(rule.name, None)
                known = self._known.get(rule.name)
                if known is None or known.waits_until() is None:
                    seen[rule.name] = head  # else a restart reads what waits once more
        # After the statements: a crash in between makes them again, which does nothing.
        write_durably(self._path, json.dumps(seen).encode())
        return found

    def _seen(self) -> dict[str, int]:
        """How far each rule has read; a file that cannot be read only costs reading again."""
        if not self._path.exists():
            return {}
        try:
            found = json.loads(self._path.read_text())
            return {str(name): int(number) for name, number in found.items()}
        except (ValueError, TypeError, AttributeError) as error:
            log.warning("%s is read from its beginning again: %s", self._path, error)
            return {}

    def _is_due(self, rule: TagRule) -> bool:
        """Whether a value that waited has held by now."""
        known = self._known.get(rule.name)
        until = known.waits_until() if known is not None else None
        return until is not None and self._site.clock() - int(rule.settle_s * 1e6) >= until

    def _run(self, rule: TagRule, after: int, head: int) -> list[BoundaryStated]:
        historian = self._site.historian
        stored = historian.tags()
        news = {tag: historian.since([tag], after, head) for tag in rule.tags if tag in stored}
        starts = [int(one.times().min()) for one in news.values() if len(one)]
        known = self._known.get(rule.name)
        if not starts and known is None:
            return []
        if starts and (known is None or known.upto != after or _is_late(known, news)):
            known = self._read(rule, list(news), min(starts), head, known)
        elif known is not None:
            for tag, series in news.items():
                if len(series):
                    _extend(known.tags.setdefault(tag, _settling(rule, tag)), series)
        if known is None:
            return []
        known.upto, self._known[rule.name] = head, known
        known.hold(self._site.clock())
        made = self._take(rule, known)
        self._tell_flapping(rule, known)
        _forget(known, rule)
        return made

    def _read(
        self, rule: TagRule, tags: list[str], start: int, head: int, before: _Known | None
    ) -> _Known:
        """All of the time in which a late reading may belong."""
        made = _Known(head, said=before.said if before is not None else set())
        window = (start - int(rule.lookback_s * 1e6), 2**62)
        for tag in tags:
            made.tags[tag] = _settling(rule, tag)
            _extend(made.tags[tag], self._site.historian.read([tag], window, head))
        return made

    def _take(self, rule: TagRule, known: _Known) -> list[BoundaryStated]:
        """Take what the changes tell that were not looked at; all of them, where one is late."""
        new = known.fresh() if known.n_seen else None
        if new is not None:
            self._tell(rule, new)
            said = list(statements(rule, new, known.running))
            known.looked()
            known.said.update(_key(one) for one in said)
            return take(self._site, said)
        changes = known.changes
        self._tell(rule, changes)
        known.running = Running()
        said = list(statements(rule, changes, known.running))
        firsts = {tag.changes[0].at for tag in known.tags.values() if tag.changes}
        news = [
            one
            for one in said
            if _key(one) not in known.said and not (one.at in firsts and self._is_running(one))
        ]
        found = take(self._site, news)
        known.looked()
        known.said = {_key(one) for one in said}
        return found

    def _tell_flapping(self, rule: TagRule, known: _Known) -> None:
        """Record when a tag began and when it ceased to flap, each once."""
        stream = context_stream(rule.name)
        for settling in known.tags.values():
            told, settling.flapping = settling.flapping, []
            for one in told:
                body = TagFlapped(
                    rule=rule.name, tag=one.tag, start=one.start, end=one.end,
                    n_changes=one.n_changes, settle_s=rule.settle_s, is_over=one.is_over,
                )  # fmt: skip
                past = self._site.ledger.events(kinds=(body.kind,), stream_prefix=stream)
                if any(event.decode() == body for event in past if event.stream == stream):
                    continue  # what was read again after a restart was told before
                version = self._site.ledger.version(stream)
                actor = self._site.actor.uid
                self._site.ledger.append([NewEvent(stream, body, version, actor=actor)])

    def _is_running(self, said: Statement) -> bool:
        """Whether what begins at the edge of what was read had begun before, by the record."""
        state = batch_state(self._site.ledger.stream(f"batch/{said.batch}"))
        if said.what is Boundary.BATCH_STARTED:
            return state.started_at is not None and state.started_at <= said.at
        return said.what is Boundary.PHASE_STARTED and any(
            (one.place, one.phase) == (said.place, said.phase)
            and one.started_at <= said.at
            and (one.ended_at is None or said.at < one.ended_at)
            for one in state.phases.values()
        )

    def _tell(self, rule: TagRule, changes: list[Change]) -> None:
        """Name an identifier that can be none; once for each."""
        for one in changes:
            if one.tag == rule.batch_tag and not is_batch(rule, one.value):
                name = f"{rule.name}: {one.value[:40]!r}"
                is_new = name not in self.problems and len(self.problems) < MAX_PROBLEMS
                if one.value not in rule.idle and is_new:
                    self.problems[name] = f"{one.tag} says {one.value[:200]!r}: no batch can be so"
                    log.error("rule %s", self.problems[name])


def _key(said: Statement) -> tuple[Any, ...]:
    return (said.what, said.batch, said.at, said.place, said.phase)


def _is_late(known: _Known, news: dict[str, Series]) -> bool:
    """Whether a reading belongs before one that was read, or replaces it."""
    return any(
        len(one) and (tag not in known.tags or int(one.times().min()) <= known.tags[tag].last)
        for tag, one in news.items()
    )


def _settling(rule: TagRule, tag: str) -> Settling:
    return Settling(tag, int(rule.settle_s * 1e6))


def _forget(known: _Known, rule: TagRule) -> None:
    """Leave out what is older than a late reading may be."""
    cut = max((tag.last for tag in known.tags.values()), default=0) - int(rule.lookback_s * 1e6)
    n_left_out = 0
    for name, tag in known.tags.items():
        n_before = len(tag.changes)
        tag.forget_before(cut)
        n_left_out += n_before - len(tag.changes)
        known.n_seen[name] = known.n_seen.get(name, 0) - (n_before - len(tag.changes))
    if n_left_out:
        known.said = {key for key in known.said if key[2] >= cut}


def _extend(settling: Settling, series: Series) -> None:
    """Take readings of a tag, without those that say nothing."""
    rows = zip(series.times().tolist(), series.values().tolist(), series.qualities().tolist(),
               strict=True)  # fmt: skip
    newest = {row[0]: row for row in rows}  # of two versions the later one
    for at in sorted(newest):
        _, value, quality = newest[at]
        text = as_text(value)
        if text is not None and quality < int(Quality.BAD):
            settling.take(at, text)
        settling.last = max(settling.last, at)
