"""Artefacts of our own forms: scoring plans, and parameters as Arrow files."""

import io
import struct

import pyarrow as pa
import pytest

from goldenbatch.core.artefacts import (
    PARAMETERS,
    SCORING_PLAN,
    ArtefactContentError,
    check_artefact,
)


def test_plans_and_parameters():
    plan = b"GBPLAN\x00\x01" + struct.pack("<Q", 2) + b"{}"
    check_artefact(plan, SCORING_PLAN)
    for wrong in (plan[:-1], b"GBPLAN", plan.replace(b"{}", b"{,")):
        with pytest.raises(ArtefactContentError, match=r"scoring plan|no JSON"):
            check_artefact(wrong, SCORING_PLAN)
    out = io.BytesIO()
    table = pa.table({"k": [1.0, 2.0]})
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    check_artefact(out.getvalue(), PARAMETERS)
    field = pa.field(
        "k", pa.float64(), metadata={"ARROW:extension:name": "arrow.py_extension_type"}
    )
    out = io.BytesIO()
    with pa.ipc.new_file(out, pa.schema([field])) as writer:
        writer.write_table(pa.table([[1.0]], schema=pa.schema([field])))
    with pytest.raises(ArtefactContentError, match="pickled extension type"):
        check_artefact(out.getvalue(), PARAMETERS)
