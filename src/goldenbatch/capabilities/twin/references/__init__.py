"""Third-party references that the twins are held against, one module a source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["verification", "calibration", "validation"]
"""Code against other code or an exact solution; parameters fitted to data; against plant or
laboratory data that the model has not seen (ASME V&V 40-2018, section 2)."""


@dataclass(frozen=True)
class Row:
    """One figure of a replay beside its reference.

    Attributes:
        quantity: What was compared, with its unit.
        reference: The reference's figure, for people.
        found: Ours.
        error: The error, in the words of `measure`.
        measure: What the error is, such as `largest difference / peak`.
        limit: What it may be; None: reported, not judged.
        kind: Where it differs from its case.
        note: Why, where there is something to say.
    """

    quantity: str
    reference: str
    found: str
    error: float
    measure: str
    limit: float | None = None
    kind: Kind | None = None
    note: str = ""

    @property
    def is_within(self) -> bool | None:
        """Whether the error keeps its limit; None where there is none."""
        return None if self.limit is None else bool(abs(self.error) <= self.limit)


class Replay(Protocol):
    """Replays a reference; looks at nothing but the files that it is given."""

    def __call__(self, files: Sequence[Path]) -> Iterable[Row]:
        """Rows of one group of files."""


@dataclass(frozen=True)
class Case:
    """A reference, and how it is replayed.

    Attributes:
        name: Such as `penicillin`.
        model: Name in the library.
        title: One line.
        kind: Of its rows.
        against: `other code`, `exact solution`, `laboratory data` or `plant data`.
        context_of_use: What the comparison says something about, and what not.
        source: Who published it, with the licence.
        folder: Below the folder of data.
        pattern: Glob of the files that begin a group; each gives one group. Empty: figures of
            papers, for which no file is needed.
        beside: Suffixes that take the place of the pattern's own end in the other files.
        replay: `module:function` of this package.
        is_whole_folder: Whether all files found are one group.
    """

    name: str
    model: str
    title: str
    kind: Kind
    against: str
    context_of_use: str
    source: str
    folder: str
    pattern: str
    replay: str
    beside: tuple[tuple[str, str], ...] = ()
    is_whole_folder: bool = False

    def groups(self, data: Path) -> list[tuple[Path, ...]]:
        """Groups of files found, in order of their names."""
        if not self.pattern:
            return [()]
        found = sorted((data / self.folder).glob(self.pattern))
        if self.is_whole_folder:
            return [tuple(found)] if found else []
        return [(one, *(self._other(one, *pair) for pair in self.beside)) for one in found]

    def _other(self, one: Path, end: str, other: str) -> Path:
        return one.with_name(one.name.removesuffix(end) + other)

    def run(self, files: Sequence[Path]) -> list[Row]:
        """Rows of one group."""
        module, _, function = self.replay.partition(":")
        replay: Replay = getattr(import_module(f"{__name__}.{module}"), function)
        return list(replay(files))


_MODULES = (
    "chromatography",
    "design_space",
    "fmi",
    "freeze_drying",
    "freeze_drying_papers",
    "hybridoma",
    "lines",
    "optimal",
    "penicillin",
    "refolding",
)


def cases() -> tuple[Case, ...]:
    """All references that the twins know."""
    return tuple(case for name in _MODULES for case in import_module(f"{__name__}.{name}").CASES)
