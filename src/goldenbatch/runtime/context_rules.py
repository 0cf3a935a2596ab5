"""Runs the rules of a home over new readings, late ones too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.batch_context import BoundaryStated
from goldenbatch.core.context_rules import (
    FOLDER,
    Change,
    TagRule,
    as_text,
    load_rule,
    statements,
)
from goldenbatch.core.series import Quality
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.batch_context import take

if TYPE_CHECKING:
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site

STATE = "context.json"


def load_rules(home: Path) -> list[TagRule]:
    """The rules of a home, by name.

    Raises:
        BadInputError: One is not well formed; names file, line and key.
    """
    return [load_rule(path) for path in sorted((home / FOLDER).glob("*.toml"))]


class ContextRules:
    """The rules of a home, and up to which frame each has read.

    Args:
        site: Where readings and records are.
        home: Its folder.
    """

    def __init__(self, site: Site, home: Path) -> None:
        self._site, self._path = site, home / "state" / STATE
        self.rules = load_rules(home)

    def run(self) -> list[BoundaryStated]:
        """Read what is new and take what it tells of; the same again does nothing."""
        if not self.rules:
            return []
        seen = self._seen()
        head = self._site.historian.head()
        found: list[BoundaryStated] = []
        for rule in self.rules:
            after = int(seen.get(rule.name, 0))
            if after < head:
                found += self._run(rule, after, head)
                seen[rule.name] = head
        # After the statements: a crash in between makes them again, which does nothing.
        write_durably(self._path, json.dumps(seen).encode())
        return found

    def _seen(self) -> dict[str, int]:
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def _run(self, rule: TagRule, after: int, head: int) -> list[BoundaryStated]:
        historian = self._site.historian
        stored = historian.tags()
        tags = [tag for tag in rule.tags if tag in stored]
        starts = [
            int(news.times().min())
            for tag in tags
            if len(news := historian.since([tag], after, head))
        ]
        if not starts:
            return []
        window = (min(starts) - int(rule.lookback_s * 1e6), 2**62)
        changes = [one for tag in tags for one in _changes(historian.read([tag], window, head))]
        return take(self._site, statements(rule, changes))


def _changes(series: Series) -> list[Change]:
    """Values that a tag took, each once, without those that say nothing."""
    found: list[Change] = []
    rows = zip(series.times().tolist(), series.values().tolist(), series.qualities().tolist(),
               strict=True)  # fmt: skip
    tag = series.tags[0] if len(series) else ""
    for at, value, quality in sorted(rows, key=lambda row: row[0]):
        text = as_text(value)
        if text is None or quality >= int(Quality.BAD):
            continue
        if not found or found[-1].value != text:
            found.append(Change(at, tag, text))
    return found
