"""The pages of records and of administration that the platform brings."""

from __future__ import annotations

from typing import Final

from goldenbatch.core.capability import Offer

_PAGES = "goldenbatch.apps.web.pages"

RECORD_PAGES: Final = (
    Offer("logbooks", f"{_PAGES}.logbook:LOGBOOKS", "The shift logbook of each area"),
    Offer("logbook", f"{_PAGES}.logbook:LOGBOOK", "The shift logbook of an area"),
    Offer("completeness", f"{_PAGES}.completeness:COMPLETENESS", "What data is missing, and why"),
    Offer(
        "batch-completeness", f"{_PAGES}.completeness:BATCH_COMPLETENESS",
        "Which readings of a batch are missing",
    ),
    Offer("trail", f"{_PAGES}.trail:TRAIL", "Who did what, when and why; and its review"),
    Offer("verification", f"{_PAGES}.verification:VERIFICATION", "What is proved and witnessed"),
    Offer("inspection", f"{_PAGES}.inspections:INSPECTION", "The inspector's own view"),
    Offer("inspection-reads", f"{_PAGES}.inspections:READS", "What an inspector has read"),
    Offer("people", f"{_PAGES}.admin_people:PEOPLE", "Accounts, roles and credentials"),
    Offer("person", f"{_PAGES}.admin_people:PERSON", "One person's account"),
    Offer("rights", f"{_PAGES}.admin_rights:RIGHTS", "Who has what, and its review"),
    Offer("training", f"{_PAGES}.admin_rights:TRAINING", "Procedures and who is trained on them"),
    Offer("policy", f"{_PAGES}.admin_policy:POLICY", "Who may do what"),
    Offer("policy-proposal", f"{_PAGES}.admin_policy:PROPOSAL", "A proposed policy"),
    Offer("settings", f"{_PAGES}.admin_keeping:SETTINGS", "Settings under signature"),
    Offer("analysts", f"{_PAGES}.admin_work:ANALYSTS", "Analysts at work, and sources"),
    Offer("retention", f"{_PAGES}.admin_keeping:RETENTION", "How long what is kept; holds"),
    Offer("inspections", f"{_PAGES}.inspections:INSPECTIONS", "Access of inspectors"),
)  # fmt: skip
"""Logbook, completeness, trail, verification, inspections, administration."""
