"""The projections that every home keeps, whatever capabilities are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.core.records import Projection


def core_projections() -> tuple[Projection, ...]:
    """The projections of core, which every home keeps."""
    # Whether a kind is signed decides on the state of its record: all such types must be known.
    from goldenbatch.core import (
        access,
        alarms,
        audit,
        batch_context,
        batches,
        completeness,
        credentials,
        delegation,
        deletion,
        findings,
        holds,
        intake,
        logbook_rows,
        model_rows,
        models,
        people,
        policy_standing,
        procedures,
        recipe_use,
        record_links,
        release_rows,
        results,
        sampling,
        source_units,
        sources,
        test_set_records,  # noqa: F401
        training,
        verification,  # noqa: F401
    )

    return (
        *access.PROJECTIONS,
        *alarms.PROJECTIONS,
        *delegation.PROJECTIONS,
        *deletion.PROJECTIONS,
        *procedures.PROJECTIONS,
        *record_links.PROJECTIONS,
        *training.PROJECTIONS,
        *audit.PROJECTIONS,
        *batch_context.PROJECTIONS,
        *batches.PROJECTIONS,
        *completeness.PROJECTIONS,
        *credentials.PROJECTIONS,
        *findings.PROJECTIONS,
        *holds.PROJECTIONS,
        *intake.PROJECTIONS,
        *logbook_rows.PROJECTIONS,
        *model_rows.PROJECTIONS,
        *models.PROJECTIONS,
        *people.PROJECTIONS,
        *policy_standing.PROJECTIONS,
        *recipe_use.PROJECTIONS,
        *release_rows.PROJECTIONS,
        *sampling.PROJECTIONS,
        *source_units.PROJECTIONS,
        *sources.PROJECTIONS,
        results.RESULTS,
    )
