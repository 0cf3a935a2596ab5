"""What the parts of a host application share: settings, clock, and what has come up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from goldenbatch.connectors.mqtt._breaks import DUPLICATE, Breaks
from goldenbatch.connectors.mqtt._node import Definition, Message, Node, rebirth_payload
from goldenbatch.connectors.mqtt._rows import Outcome
from goldenbatch.connectors.mqtt.settings import SparkplugSettings
from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.series import ReadingKind
from goldenbatch.core.source_units import UnitBook

NAMESPACE = "spBv1.0"
MAX_GAP_TAGS = 2000
"""A gap of more tags than these is said of all of the source, so that none is left out."""
MAX_KEPT_BYTES = 64 * 2**20
"""Messages of all nodes together that wait for their turn or their birth."""


def named(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Tags as a gap names them.

    >>> named(("a", "b")), named(("a",) * 2001)
    (('a', 'b'), ())
    """
    return tags if len(tags) <= MAX_GAP_TAGS else ()


class Desk:
    """Takes what the parts of a host find, until it is drained.

    Args:
        settings: Of the card.
        clock: Present time, microseconds UTC.
    """

    def __init__(self, settings: SparkplugSettings, clock: Callable[[], int]) -> None:
        self.settings, self.clock = settings, clock
        self.units: UnitBook | None = None
        self.out = Outcome()
        self.breaks = Breaks()
        self.n_kept_bytes = 0

    def drain(self) -> Outcome:
        """What has come up since the last time."""
        self.out.gaps += self.breaks.due(self.clock())
        found, self.out = self.out, Outcome()
        return found

    def problem(self, note: str) -> None:
        """What is wrong, for the health."""
        self.out.problems.append(note)

    def refuse(self, at: int, tags: tuple[str, ...], note: str) -> None:
        """A reading or message that cannot be kept."""
        self.out.gaps.append(Gap((at, at + 1), GapCause.REJECTED, tags, note, 1))

    def missing(self, node: Node, gap: Gap) -> None:
        """Readings of a node are missing; what comes again and again is said as one."""
        self.out.gaps += self.breaks.add(str(node.address), gap, self.clock())

    def tag_of(self, made: Definition, at: int) -> Definition:
        """A definition with the tag that fits its unit."""
        if self.units is None or made.kind not in ("number", "array"):
            return made
        return replace(made, tag=self.units.tag_of(made.own_tag, made.unit, at))

    def suspect(self, node: Node) -> None:
        """Two nodes seem to publish under one name."""
        self.breaks.suspect(str(node.address), self.clock())
        self.problem(f"{node.address}: {DUPLICATE}")

    def stale(self, at: int, tag: str, kind: ReadingKind, quality: int) -> None:
        """A tag has no value any more."""
        self.out.add(kind=kind, row=(at, tag, None, quality), is_history=False)

    def has_room(self, message: Message) -> bool:
        """Whether a message more may wait."""
        return self.n_kept_bytes + message.n_bytes <= MAX_KEPT_BYTES

    def keep(self, message: Message) -> bool:
        """Count a message that waits; False if there is no room for it."""
        if not self.has_room(message):
            return False
        self.n_kept_bytes += message.n_bytes
        return True

    def let_go(self, message: Message) -> Message:
        """Count a message that waits no more."""
        self.n_kept_bytes -= message.n_bytes
        return message

    def ask_rebirth(self, node: Node) -> None:
        """Ask for a rebirth, at most every so often (tck-id-...-ncmd-rebirth-*)."""
        now = self.clock()
        if node.asked_at and 0 <= now - node.asked_at < self.settings.rebirth_s * 1e6:
            return
        node.asked_at = now
        topic = f"{NAMESPACE}/{node.address.group}/NCMD/{node.address.edge}"
        self.out.commands.append((topic, rebirth_payload(now)))
