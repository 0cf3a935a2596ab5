"""What somebody may see of a projection: rows of records whose classes of data they may read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from goldenbatch.core.records import Clause, DataClass, Row
from goldenbatch.core.selection import EVERY, NONE, readable

STREAM_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access_review": "access-review/{review}",
        "alarm": "alarm/{source}/{condition}",
        "batch": "batch/{batch}",
        "completeness": "completeness/{batch}",
        "conflict": "import/{card}",
        "context": "context/{source}",
        "credential": "user/{uid}",
        "delegation": "delegation/{delegation}",
        "deleted_thing": "deletion/{deletion}",
        "deletion": "deletion/{deletion}",
        "equipment": "equipment/{place}",
        "finding": "finding/{uid}",
        "finding_batch": "finding/{uid}",
        "gap": "source/{source}",
        "genealogy": "batch/{batch}",
        "hold": "hold/{hold}",
        "import_file": "import/{card}",
        "log_entry": "{stream}",
        "lot": "lot/{material}/{lot}",
        "model": "model/{name}",
        "model_line": "model/{use}",
        "model_version": "model/{use}/{version}",
        "phase": "batch/{batch}",
        "policy_proposal": "policy/{digest}",
        "procedure": "procedure/{procedure}",
        "quarantine": "import/{card}",
        "recipe": "master/recipe/{recipe}",
        "record_link": "{stream}",
        "record_state": "{stream}",
        "release_page": "release-evidence/{page}",
        "release_registration": "release-registration/{registration}",
        "release_test": "release-test/{release_test}",
        "result": "sample/{sample}",
        "sample": "sample/{sample}",
        "sample_order": "sample/{sample}",
        "security_alert": "security/{uid}",
        "shift": "logbook/{area}/{shift}",
        "signature": "{stream}",
        "source": "source/{source}",
        "source_unit": "unit/{source}",
        "trail": "{stream}",
        "training": "training/{uid}",
        "user": "user/{uid}",
    }
)
"""Projection to the stream that its rows are of, by their columns."""

_COLUMN = re.compile(r"\{([a-z_]+)\}")


def stream_of(projection: str, row: Row) -> str:
    """Stream of the record that a row is of; empty for a projection that is not known."""
    return _COLUMN.sub(lambda found: str(row[found[1]]), STREAM_OF.get(projection, ""))


def stream_sql(projection: str) -> str:
    """SQL expression for the stream of a row."""
    parts = _COLUMN.split(STREAM_OF[projection])
    # Every second part is the name of a column, the others are plain texts of this module.
    words = [f'"{part}"' if n % 2 else f"'{part}'" for n, part in enumerate(parts) if part]
    return " || ".join(words)


def visible(projection: str, classes: frozenset[DataClass], uid: str) -> Clause:
    """Condition for the rows of a projection that a person may see.

    Of one that is not known here nobody can say whose data it holds: only those see it who
    may read every class.

    Args:
        projection: Its name.
        classes: Classes of data that the person may read; none: only what is about them.
        uid: The person.
    """
    if projection not in STREAM_OF:
        return EVERY if classes == frozenset(DataClass) else NONE
    return readable(classes, uid).on(stream_sql(projection))
