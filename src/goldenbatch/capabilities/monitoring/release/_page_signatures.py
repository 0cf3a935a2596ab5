"""The signatures on a kept page as a sheet: name, time and meaning in readable form.

References:
    21 CFR 11.50(a), 11.50(b).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring.release._page_words import When, banner_of
from goldenbatch.core.people import signature_state
from goldenbatch.ui.sheets import Block, Code, Facts, Grid, Section, Sheet, Text

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.core.release_pages import PageState
    from goldenbatch.core.site import HomeInfo


def signatures_sheet(
    home: HomeInfo, page: PageState, events: Sequence[Event], written_at: int, proof: str
) -> Sheet:
    """Who signed the page, with what meaning; a page that nobody approved says so."""
    when, kept = When(home.zone), page.kept
    label = f"batch {kept.batch} for {kept.market}" if kept is not None else page.stream
    files = sorted(kept.files.items()) if kept is not None else []
    counts = {number for _, number in (*page.reviewed, *page.approved)}
    rows = []
    for state in signature_state(events):
        one = state.signature
        holds = state.signed_version in counts and not state.faults
        rows.append(
            [one.by, one.role, one.meaning.value, when(one.at), one.reason,
             "of this page" if holds else "of an earlier page, or void"]
        )  # fmt: skip
    told = "approved" if page.approved else "reviewed" if page.reviewed else "signed by nobody"
    header = ("Printed name", "Role", "Meaning", "When", "Reason", "Standing")
    blocks: list[Block] = [
        Text(f"The page is {told}.", "good" if page.approved else "bad"),
        Grid(header, rows, (2.6, 2.4, 1.8, 3, 4, 2.4)),
    ]
    kept_files = Facts([(f"SHA-256 of the page, {kind}", digest) for kind, digest in files])
    check: list[Block] = [
        kept_files,
        Text("The page is the one that was signed if its files have these digests. Check who "
             "signed, on any machine that has goldenbatch:"),
        Code(f"goldenbatch verify --proof {proof}"),
    ]  # fmt: skip
    return Sheet(
        title=f"Signatures on the release tests of {label}",
        banner=banner_of(home.kind),
        lead=(f"{home.site} · home “{home.name}” · written {when(written_at)}",),
        footer=f"Signatures: release tests of {label} · {home.name}",
        written_at=written_at,
        sections=[
            Section("signatures", "Signatures", blocks),
            Section("files", "What they are on", check, "Files"),
        ],
    )
