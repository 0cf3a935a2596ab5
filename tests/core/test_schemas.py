"""JSON schemas: committed as generated, documented, and true of what is written."""

from __future__ import annotations

import json

import jsonschema
import pytest

from goldenbatch.core import schemas
from goldenbatch.core.batches import BatchCreated, EquipmentStatusChanged, MaterialConsumed
from goldenbatch.core.people import Meaning, UserAdded, statement_for
from goldenbatch.core.records import Body
from tests.core.log import Log

KINDS = schemas.core_record_types()
TEXTS = schemas.schema_texts()


def test_committed_schemas_are_those_of_the_code():
    assert not schemas.differences(), (
        "Did you forget to run `python -m goldenbatch.core.schemas`? It writes them; "
        "a changed body of a released kind also needs a new body_version and an upcaster."
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_record_type_is_documented(kind):
    own = KINDS[kind].__dict__.get("__doc__") or ""
    assert own.strip(), f"{kind} has no docstring of its own"
    assert own != Body.__doc__


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_schema_is_one(name):
    schema = json.loads(TEXTS[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert schema["$id"].startswith("goldenbatch/")


def events():
    log = Log()
    created = log.add(
        "batch/7",
        BatchCreated(batch="7", product="P", size="3 kg", started_at=5, pinned={"a": "b"}),
    )
    log.add("batch/7", MaterialConsumed(batch="7", material="api", lot="L1", quantity="1.0 kg"))
    log.add("equipment/u", EquipmentStatusChanged(place="u", status="clean", at=5, expires_at=6))
    log.add("user/u1", UserAdded(uid="u1", login="ana", printed_name="Ana"), performed_at=3)
    made = statement_for(
        created, "0" * 64, meaning=Meaning.PERFORMED, signer="u1", printed_name="A", role="r", at=9
    )
    log.add("batch/7", made.signed("password"))
    return log.events


@pytest.mark.parametrize("event", events(), ids=lambda event: event.kind)
def test_what_is_written_fits_its_schema(event):
    body = json.loads(json.dumps(event.body))
    schema = json.loads(TEXTS[f"{event.kind}.json"])
    jsonschema.validate(body, schema)
    jsonschema.validate(event.envelope.as_json(), json.loads(TEXTS["Envelope.json"]))
    for wrong in ({**body, "surplus": 1}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_a_folder_is_made_equal(tmp_path, capsys):
    (tmp_path / "Gone.json").write_text("{}")
    (tmp_path / "Envelope.json").write_text("{}")
    found = schemas.differences(tmp_path)
    assert "Gone.json: no such record type" in found
    assert "Envelope.json: stale" in found
    assert "BatchCreated.json: missing" in found
    assert schemas.write(tmp_path) == found
    assert schemas.differences(tmp_path) == []
    assert schemas.main(["--check"]) == int(bool(schemas.differences()))
    assert capsys.readouterr().out
