"""When alarms of rows become one event, and when the event is over.

`n_over` of the last `n_of` scored rows above a limit open an event; `n_back` scored rows one
after the other at or below `close_below` of the limit end it. A row that cannot be scored counts
for neither. One excursion is one event, however often a statistic crosses its limit meanwhile.

References:
    ISA-18.2 (2016), 10.3 (on-delay and off-delay against chattering alarms).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import vector
from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class Persistence:
    """The rule.

    Attributes:
        n_over: rows above a limit that open an event,
        n_of: of so many newest scored rows.
        n_back: scored rows one after the other that end it,
        close_below: if each is at or below this share of the limit.
    """

    n_over: int = 6
    n_of: int = 6
    n_back: int = 20
    close_below: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DesignError: the rule could never open, or never end, an event.
        """
        if not 1 <= self.n_over <= self.n_of or self.n_back < 1 or not self.close_below > 0.0:
            message = (
                f"{self.n_over} of {self.n_of} rows to open, {self.n_back} rows below "
                f"{self.close_below:g} to end: such a rule makes no sense"
            )
            raise DesignError(message)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, by row numbers.

    Attributes:
        first: earliest row above the limit of those that opened it.
        opened: the row at which the rule was met.
        ended: the row at which it ended; None if it is open after the last row.
    """

    first: int
    opened: int
    ended: int | None


def events(severity: ArrayLike, rule: Persistence) -> Sequence[Event]:
    """Return the events of rows in time order.

    Args:
        severity: the largest statistic in units of its limit, shape (n,); NaN: not scored.
        rule: when an event opens and ends.

    >>> rows = [0.5, 1.2, 1.3, 0.9, 1.1, 0.8, 0.7]
    >>> list(events(rows, Persistence(n_over=2, n_of=3, n_back=2)))
    [Event(first=1, opened=2, ended=6)]
    """
    values = vector(severity, "severity")
    recent: deque[tuple[int, bool]] = deque(maxlen=rule.n_of)
    found: list[Event] = []
    opened: tuple[int, int] | None = None
    n_back = 0
    for i in np.flatnonzero(~np.isnan(values)).tolist():
        value = float(values[i])
        recent.append((i, value > 1.0))
        n_back = n_back + 1 if value <= rule.close_below else 0
        if opened is None:
            over = [at for at, is_over in recent if is_over]
            if value > 1.0 and len(over) >= rule.n_over:
                opened = (over[0], i)
        elif n_back >= rule.n_back:
            found.append(Event(*opened, i))
            opened, n_back = None, 0
            recent.clear()
    if opened is not None:
        found.append(Event(*opened, None))
    return found
