"""Whether a test set and training data share anything, under whatever name.

A row is found again by its content, whatever it is called, in whatever order it stands, and if it
was written with fewer digits: beside one mark of the whole row there are marks of parts of it at
four digits, and a part that meets no rounding border gives the same mark.

References:
    EU GMP Annex 22, draft of July 2025, 6.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_card import DataRange, DataUsed

What = Literal["range", "time", "batch", "lot", "sample", "place", "row"]

WHOLE_DIGITS: Final = 6
PART_DIGITS: Final = 4
N_PARTS: Final = 4
PART_SIZE: Final = 6
LEAST_DIGITS: Final = 12
"""A row with fewer significant digits in all may well occur twice: it has no mark."""


@dataclass(frozen=True)
class Shared:
    """Something that a test set shares with training data.

    Attributes:
        what: What kind of thing.
        names: Which, as they are called in the test set; the first few.
        n: How many.
    """

    what: What
    names: tuple[str, ...]
    n: int

    def __str__(self) -> str:
        """In words."""
        shown = ", ".join(self.names)
        more = f" and {self.n - len(self.names)} more" if self.n > len(self.names) else ""
        head, _, tail = _WORDS[self.what].partition(" ")
        words = f"{head}{_PLURAL.get(head, 's') if self.n > 1 else ''} {tail}".rstrip()
        return f"{self.n} {words} ({shown}{more})"


_WORDS: Final = {
    "range": "range of the same content",
    "time": "stretch of time at the same place",
    "batch": "batch",
    "lot": "lot",
    "sample": "sample",
    "place": "place",
    "row": "row of the same content",
}
_PLURAL: Final = {"stretch": "es", "batch": "es"}
_N_NAMES = 3


def shared(test: DataUsed, training: DataUsed, split: str = "") -> tuple[Shared, ...]:
    """What a test set shares with training data; nothing for independent ones.

    Args:
        test: The test set.
        training: The training data.
        split: Along what the set was cut; for `equipment` no place may be shared either.

    >>> one = DataRange(what="a/b", digest="0" * 64, n=3, start=0, end=10)
    >>> two = one.model_copy(update={"digest": "1" * 64, "start": 9, "end": 20})
    >>> [str(s) for s in shared(DataUsed(ranges=(one,)), DataUsed(ranges=(two,)))]
    ['1 stretch of time at the same place (a/b)']
    """
    digests = {one.digest for one in training.ranges}
    found = [
        _shared("range", (one.what for one in test.ranges if one.digest in digests)),
        _shared("time", _times(test.ranges, training.ranges)),
        _shared("batch", _both(test.batches, training.batches)),
        _shared("lot", _both(test.lots, training.lots)),
        _shared("sample", _both(test.samples, training.samples)),
        _shared("row", (one[:12] for one in _both(test.rows, training.rows))),
    ]
    if split == "equipment":
        found.append(_shared("place", _both(test.places, training.places)))
    return tuple(one for one in found if one is not None)


def require_apart(test: DataUsed, training: DataUsed, *, split: str, names: str) -> None:
    """Pass if a test set and training data share nothing.

    Args:
        test: The test set.
        training: The training data.
        split: Along what the set was cut.
        names: What they are, for the message.

    Raises:
        ConflictError: They share something; all kinds of it are named.
    """
    found = shared(test, training, split)
    if found:
        raise ConflictError(
            f"{names} overlap: {'; '.join(str(one) for one in found)}.",
            hint="Train on what lies outside the set, or select another set.",
        )


def _shared(what: What, names: Iterable[str]) -> Shared | None:
    found = list(names)
    if not found:
        return None
    return Shared(what, tuple(dict.fromkeys(found))[:_N_NAMES], len(found))


def _both(test: Sequence[str], training: Sequence[str]) -> list[str]:
    known = set(training)
    return [one for one in test if one in known]


def place_of(what: str) -> str:
    """Place of a tag: two tags of one place at one time measured the same material.

    >>> place_of("site/press/nir"), place_of("assay")
    ('site/press', 'assay')
    """
    return what.rpartition("/")[0] or what


def _times(test: Sequence[DataRange], training: Sequence[DataRange]) -> list[str]:
    """Names of the test's ranges that meet a training range in time, at the same place."""
    by_place: dict[str, list[tuple[int, int]]] = {}
    for one in training:
        if one.start is not None and one.end is not None:
            by_place.setdefault(place_of(one.what), []).append((one.start, one.end))
    joined = {place: _joined(spans) for place, spans in by_place.items()}
    found = []
    for one in test:
        if one.start is None or one.end is None:
            continue
        if any(a < one.end and one.start < b for a, b in joined.get(place_of(one.what), ())):
            found.append(one.what)
    return found


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


# ---- rows by content --------------------------------------------------------------------------


def row_tokens(inputs: Sequence[float], reference: float) -> tuple[str, ...]:
    """Texts that identify one row by its content; their keyed digests are its marks.

    The first is of the whole row, the others of parts of it. A row with too few digits in all
    has none: it may well occur twice.

    >>> a = row_tokens([0.123456, 1.234567, 2.345678], 9.87)
    >>> a == row_tokens([0.1234560001, 1.234567, 2.345678], 9.87)
    True
    >>> row_tokens([1.0, 2.0], 3.0)
    ()
    """
    values = [float(one) for one in inputs]
    whole = [_rounded(one, WHOLE_DIGITS) for one in (reference, *values)]
    if sum(_n_digits(one) for one in whole) < LEAST_DIGITS:
        return ()
    end = _rounded(float(reference), PART_DIGITS)
    tokens = [f"whole:{';'.join(sorted(whole))}"]  # whatever order its columns stand in
    for number, chosen in enumerate(_parts(len(values))):
        texts = [_rounded(values[i], PART_DIGITS) for i in chosen]
        if sum(_n_digits(one) for one in (end, *texts)) >= LEAST_DIGITS:
            tokens.append(f"part{number}:{len(values)};{end};{';'.join(texts)}")
    return tuple(tokens)


def _parts(n: int) -> list[list[int]]:
    """Which inputs each part has: spread over the whole, other ones in each."""
    if n <= PART_SIZE * 2:
        return [list(range(n))]
    step = n / PART_SIZE
    return [
        sorted({int(k * step + part * step / N_PARTS) for k in range(PART_SIZE)})
        for part in range(N_PARTS)
    ]


def _rounded(value: float, n_digits: int) -> str:
    if not math.isfinite(value):
        return "nan"
    return f"{value + 0.0:.{n_digits - 1}e}"


def _n_digits(text: str) -> int:
    """Significant digits of a rounded number, without the zeros at its end."""
    head = text.partition("e")[0].lstrip("-").replace(".", "").rstrip("0")
    return 0 if text == "nan" else len(head)
