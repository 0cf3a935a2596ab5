"""Evidence of a finding looked at again: is what was read still what is there?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.findings import newest_finding

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.findings import Evidence
    from goldenbatch.core.series import Series

MAX_PIECES = 200
"""So many pieces of evidence are read again at one click."""


def recheck(looker: Looker, uid: str) -> dict[str, Any]:
    """Read each piece of evidence of a finding again and compare its digest.

    Raises:
        NotFoundError: There is no such finding for the person.
    """
    stream = f"finding/{uid}"
    events = looker.site.ledger.stream(stream) if looker.rows("finding", {"uid": uid}) else ()
    finding = newest_finding(events)
    if finding is None:
        raise NotFoundError(f"there is no finding {uid}.", hint="See the findings inbox.")
    pieces = [_checked(looker, one) for one in finding.evidence[:MAX_PIECES]]
    return {
        "checked_at": looker.home.clock(),
        "is_same": all(one["is_same"] for one in pieces),
        "n_left_out": max(0, len(finding.evidence) - MAX_PIECES),
        "pieces": pieces,
    }


def _checked(looker: Looker, piece: Evidence) -> dict[str, Any]:
    ways: dict[str, Callable[[Looker, Evidence], tuple[str, int | None]]] = {
        "window": _window, "record": _record, "artefact": _artefact,
    }  # fmt: skip
    told: dict[str, Any] = piece.model_dump(mode="json")
    try:
        digest, n_readings = ways[piece.kind](looker, piece)
    except GoldenbatchError as error:
        return {**told, "found": "", "is_same": False, "why": str(error)}
    is_same = digest == piece.digest and n_readings in (None, piece.n_readings)
    why = "" if is_same else "what is stored now is not what was read then"
    return {**told, "found": digest, "is_same": is_same, "why": why}


def _window(looker: Looker, piece: Evidence) -> tuple[str, int | None]:
    """Digest of the readings of a window as they were known then, in the form that was kept.

    Two forms are in use: of the historian's canonical bytes, and of the columns (time, seq,
    quality, value), little-endian, in the order of time or of arrival.
    """
    historian, window = looker.site.historian, (piece.start or 0, piece.end or 0)
    digest, n_readings = historian.digest(piece.tag, window, piece.as_of)
    counted = n_readings if piece.n_readings is not None else None
    if digest != piece.digest:
        series = historian.read([piece.tag], window, piece.as_of)
        known = {one for is_arrival in (False, True) if (one := _columns(series, is_arrival))}
        digest = piece.digest if piece.digest in known else digest
    return digest, counted


def _columns(series: Series, is_arrival: bool) -> str:
    """Digest of the columns of a series; empty for kinds whose values are no numbers."""
    import numpy as np

    if series.kind not in ("number", "array"):
        return ""
    columns = [series.times(), series.seqs(), series.qualities(), series.values()]
    if is_arrival:
        order = np.lexsort((series.times(), series.seqs()))
        columns = [one[order] for one in columns]
    digest = hashlib.sha256()
    for one in columns:
        digest.update(one.astype(one.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _record(looker: Looker, piece: Evidence) -> tuple[str, int | None]:
    version = piece.version or 0
    for event in looker.site.ledger.stream(piece.stream, version - 1)[:1]:
        if event.envelope.version == version:
            return event.leaf, None
    raise NotFoundError(
        f"version {version} of {piece.stream} is not there.", hint="Run `goldenbatch verify`."
    )


def _artefact(looker: Looker, piece: Evidence) -> tuple[str, int | None]:
    looker.site.registry.get(piece.digest)  # it reads the content's own digest, and compares
    return piece.digest, None
