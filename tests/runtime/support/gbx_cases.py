"""Registry of broken controls: one for each check of the qualification.

A mutation breaks the platform under a check, never the check itself: it patches a function that
other code of the platform calls, or alters what lies on the disk as a fault would.
"""

from dataclasses import dataclass

CASES = {}


@dataclass(frozen=True)
class Case:
    """A mutation: how it is put in place, and what the check must then say."""

    break_it: object
    words: str


def breaks(check, words):
    """Register the broken control of a check; several checks may share one."""

    def register(function):
        for name in (check,) if isinstance(check, str) else check:
            # The same module may be read twice, as a support of tests and by the run's own look.
            known = CASES.get(name)
            assert known is None or known.break_it.__qualname__ == function.__qualname__, name
            CASES[name] = Case(function, words if isinstance(words, str) else words[name])
        return function

    return register


def also(check, words):
    """The same break, for another check."""
    return breaks(check, words)
