"""The pages of overviews, batches and findings that the platform brings."""

from __future__ import annotations

from typing import Final

from goldenbatch.core.capability import Offer

_PAGES = "goldenbatch.apps.web.pages"

OVERVIEW_PAGES: Final = (
    Offer("home", f"{_PAGES}.home:HOME", "What waits for the person who looks"),
    Offer("enterprise", f"{_PAGES}.enterprise:ENTERPRISE", "All sites of the enterprise"),
    Offer("site", f"{_PAGES}.site:SITE", "Health, running batches, key figures, open findings"),
    Offer("indicators", f"{_PAGES}.indicators:INDICATORS", "A key figure and its batches"),
    Offer("batches", f"{_PAGES}.batches:BATCHES", "The list of batches"),
    Offer("batch", f"{_PAGES}.batch:BATCH", "A batch"),
    Offer("sample", f"{_PAGES}.samples:SAMPLE", "A sample and its results"),
    Offer("lot", f"{_PAGES}.samples:LOT", "A lot of material"),
    Offer("record", f"{_PAGES}.samples:RECORD", "A record with its digests and proof"),
    Offer("findings", f"{_PAGES}.findings:FINDINGS", "The findings inbox"),
    Offer("finding", f"{_PAGES}.finding:FINDING", "A finding and the decision on it"),
)
"""Overviews, batches, findings, and the steps behind their figures."""
