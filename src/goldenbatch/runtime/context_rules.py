"""Runs the rules of a home over new readings, late ones too."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.batch_context import Boundary, BoundaryStated, Statement
from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.context_rules import (
    FOLDER,
    Change,
    TagRule,
    as_text,
    is_batch,
    load_rule,
    statements,
)
from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.core.series import Quality
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.batch_context import take

if TYPE_CHECKING:
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site

log = logging.getLogger("goldenbatch.context")

STATE = "context.json"
MAX_PROBLEMS = 100


def load_rules(home: Path) -> list[TagRule]:
    """The rules of a home, by name.

    Raises:
        BadInputError: One is not well formed; names file, line and key.
    """
    return [load_rule(path) for path in sorted((home / FOLDER).glob("*.toml"))]


@dataclass
class _Known:
    """What a rule has read, so that only what is new must be.

    Attributes:
        upto: Number of the last frame in it.
        changes: Changes of each tag, in order of time.
        last: Time of the newest reading of each tag.
        said: What was stated of it.
    """

    upto: int = 0
    changes: dict[str, list[Change]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    said: set[tuple[Any, ...]] = field(default_factory=set)


class ContextRules:
    """The rules of a home, and up to which frame each has read.

    Args:
        site: Where readings and records are.
        home: Its folder.

    Attributes:
        problems: Why a rule could not be run, by its name; it is tried again.
    """

    def __init__(self, site: Site, home: Path) -> None:
        self._site, self._path = site, home / "state" / STATE
        self.rules = load_rules(home)
        self.problems: dict[str, str] = {}
        self._known: dict[str, _Known] = {}

    def run(self) -> list[BoundaryStated]:
        """Read what is new and take what it tells of; the same again does nothing."""
        if not self.rules:
            return []
        seen = self._seen()
        head = self._site.historian.head()
        found: list[BoundaryStated] = []
        for rule in self.rules:
            after = int(seen.get(rule.name, 0))
            if after >= head:
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
                seen[rule.name] = head
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

    def _run(self, rule: TagRule, after: int, head: int) -> list[BoundaryStated]:
        historian = self._site.historian
        stored = historian.tags()
        news = {tag: historian.since([tag], after, head) for tag in rule.tags if tag in stored}
        starts = [int(one.times().min()) for one in news.values() if len(one)]
        known = self._known.get(rule.name)
        if not starts:
            if known is not None:
                known.upto = head
            return []
        if known is None or known.upto != after or _is_late(known, news):
            known = self._read(rule, list(news), min(starts), head, known)
        else:
            _extend(known, news)
        known.upto, self._known[rule.name] = head, known
        _forget(known, rule)
        return self._take(rule, known)

    def _read(
        self, rule: TagRule, tags: list[str], start: int, head: int, before: _Known | None
    ) -> _Known:
        """All of the time in which a late reading may belong."""
        made = _Known(head, said=before.said if before is not None else set())
        window = (start - int(rule.lookback_s * 1e6), 2**62)
        for tag in tags:
            series = self._site.historian.read([tag], window, head)
            made.changes[tag] = _changes(tag, series, [])
            made.last[tag] = int(series.times().max()) if len(series) else 0
        return made

    def _take(self, rule: TagRule, known: _Known) -> list[BoundaryStated]:
        changes = [one for tag in known.changes for one in known.changes[tag]]
        self._tell(rule, changes)
        said = list(statements(rule, changes))
        firsts = {mine[0].at for mine in known.changes.values() if mine}
        new = [
            one
            for one in said
            if _key(one) not in known.said and not (one.at in firsts and self._is_running(one))
        ]
        found = take(self._site, new)
        known.said = {_key(one) for one in said}
        return found

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
        len(one) and (tag not in known.last or int(one.times().min()) <= known.last[tag])
        for tag, one in news.items()
    )


def _extend(known: _Known, news: dict[str, Series]) -> None:
    for tag, series in news.items():
        if len(series):
            known.changes[tag] = _changes(tag, series, known.changes[tag])
            known.last[tag] = int(series.times().max())


def _forget(known: _Known, rule: TagRule) -> None:
    """Leave out what is older than a late reading may be."""
    cut = max(known.last.values()) - int(rule.lookback_s * 1e6)
    for tag, mine in known.changes.items():
        n_old = sum(one.at < cut for one in mine)
        if n_old > 1:  # the last of them still tells what was then
            known.changes[tag] = mine[n_old - 1 :]


def _changes(tag: str, series: Series, before: list[Change]) -> list[Change]:
    """Values that a tag took, each once, without those that say nothing."""
    found = list(before)
    rows = zip(series.times().tolist(), series.values().tolist(), series.qualities().tolist(),
               strict=True)  # fmt: skip
    newest = {row[0]: row for row in rows}  # of two versions the later one
    for at, value, quality in (newest[at] for at in sorted(newest)):
        text = as_text(value)
        if text is None or quality >= int(Quality.BAD):
            continue
        if not found or found[-1].value != text:
            found.append(Change(at, tag, text))
    return found
