"""Installation qualification of models: what is approved says here what it said when it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.reference_blocks import REPORTED_DIGITS

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

Row = tuple[str, str, str, Literal["passed", "failed", "note"]]


def model_items(site: LocalSite) -> Iterator[Row]:
    """Name, what is expected, what is found and the outcome, of each approved version.

    A version without a block gets one now, and is noted: from then on there is something to
    compare with.
    """
    for one in site.references.check():
        name = f"Model {one.use}@{one.version}"
        wanted = f"its reference block, bit by bit; elsewhere at {REPORTED_DIGITS} digits"
        if one.is_kept:
            if not one.is_ok:
                yield name, wanted, one.words, "failed"
            else:
                yield name, wanted, one.words, "passed" if one.agreement == "bits" else "note"
            continue
        kept = None
        with suppress(GoldenbatchError):
            kept = site.references.keep_one(one.use, one.version)
        found = "no block was kept: it is kept now" if kept is not None else one.words
        yield name, wanted, found, "note" if kept is not None else "failed"
