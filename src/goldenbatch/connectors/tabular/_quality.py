"""What sources say of the quality of a reading, in the three severities of OPC UA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.core.series import Quality

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_WORDS = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}


def quality_of(text: str) -> Quality | None:
    """Severity of a quality as a word or a number; None: it says nothing known.

    Numbers below 256 are bytes of OPC DA (its two highest bits of the byte are the severity),
    those below 2**30 codes of Ignition (256 to 299 uncertain, above bad), the rest status codes
    of OPC UA (the two highest of 32 bits).

    References:
        OPC DA 3.00, 6.8 "OPC quality flags"; OPC UA Part 4, 7.39 StatusCode.

    >>> [quality_of(one) for one in ("192", "Bad_Stale", "0x40920000", "64", "512", "?")]
    ... # doctest: +NORMALIZE_WHITESPACE
    [<Quality.GOOD: 0>, <Quality.BAD: 2147483648>, <Quality.UNCERTAIN: 1073741824>,
     <Quality.UNCERTAIN: 1073741824>, <Quality.BAD: 2147483648>, None]
    """
    word = text.strip().lower()
    for name, found in _WORDS.items():
        if word == name or word.startswith((f"{name}_", f"{name} ", f"{name}-", f"{name}(")):
            return found
    try:
        code = int(word, 16) if word.startswith("0x") else int(word)
    except ValueError:
        return None
    if code < 0:
        code += 2**32
    if code < 256:
        severity = code >> 6
        return (Quality.BAD, Quality.UNCERTAIN, None, Quality.GOOD)[severity]
    if code < 2**30:
        return Quality.UNCERTAIN if code < 300 else Quality.BAD
    return (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)[(code >> 30) & 3]


def qualities(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Severity of each row, good where the cell is empty, and why by row where it says nothing."""
    import pyarrow.compute as pc

    coded = pc.utf8_trim_whitespace(column).combine_chunks().dictionary_encode()
    words = coded.dictionary.to_pylist()
    found = [Quality.GOOD if not one else quality_of(one) for one in words]
    codes = coded.indices.to_numpy(zero_copy_only=False)
    levels = np.array([Quality.BAD if one is None else one for one in found], dtype=np.int64)
    problems = {
        int(row): f"{words[code]!r} is no quality"
        for code, one in enumerate(found)
        if one is None
        for row in np.flatnonzero(codes == code)
    }
    return levels[codes] if len(words) else np.zeros(0, dtype=np.int64), problems
