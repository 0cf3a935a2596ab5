"""Events of the intake of files and their projections."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from goldenbatch.core import intake
from goldenbatch.core.intake import ConflictFound, FileImported, RowsQuarantined, import_stream

DIGEST = "0" * 64


def imported(**changes: object) -> FileImported:
    fields: dict[str, object] = {
        "card": "press",
        "card_digest": DIGEST,
        "file": "a.csv",
        "digest": DIGEST,
        "n_rows": 10,
        "n_accepted": 4,
        "n_unchanged": 3,
        "n_rejected": 2,
        "n_conflicts": 1,
        "n_readings": 8,
        "n_records": 0,
    }
    return FileImported.model_validate({**fields, **changes})


def test_rows_that_do_not_add_up_cannot_be_recorded():
    assert imported().n_rows == 10
    with pytest.raises(ValidationError, match="accounted for"):
        imported(n_rejected=1)


@pytest.mark.parametrize("change", [{"n_rows": -1}, {"digest": "x"}, {"card": ""}, {"more": 1}])
def test_bodies_are_strict(change):
    with pytest.raises(ValidationError):
        imported(**change)


def test_quarantine_holds_at_least_one_row():
    with pytest.raises(ValidationError):
        RowsQuarantined(card="c", file="f", digest=DIGEST, artefact=DIGEST, n_rows=0, reasons={})


def test_projections_hold_files_axes_quarantine_and_conflicts(tmp_path):
    from goldenbatch.core.records import HomeKind, NewEvent
    from goldenbatch.core.site import HomeInfo
    from goldenbatch.stores.ledger import Ledger

    home = HomeInfo("home-1", "t", HomeKind.DEVELOPMENT, "site", "UTC")
    bodies = [
        RowsQuarantined(
            card="press",
            file="a.csv",
            digest=DIGEST,
            artefact=DIGEST,
            n_rows=2,
            reasons={"time": 1, "number": 1},
        ),
        ConflictFound(
            card="press",
            file="a.csv",
            line=7,
            what="reading",
            key="t at x",
            stored="1",
            offered="2",
        ),
        imported(axes={"t": DIGEST}),
        imported(),
    ]
    with Ledger.open(tmp_path / "l.sqlite", home, lambda: 5, intake.PROJECTIONS) as ledger:
        ledger.append(
            [
                NewEvent(import_stream("press"), body, version, "me")
                for version, body in enumerate(bodies)
            ]
        )
        assert ledger.select("quarantine")[0]["reasons"] == "number: 1; time: 1"
        assert ledger.select("conflict", {"what": "reading"})[0]["line"] == 7
        files = ledger.select("import_file", {"card": "press"})
        assert [(row["n_times"], row["n_rows"], row["recorded_at"]) for row in files] == [
            (2, 10, 5)
        ]
        assert [row["tag"] for row in ledger.select("array_axis")] == ["t"]
