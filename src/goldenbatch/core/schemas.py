"""JSON schemas of the envelope, of change plans and of every record type of core, committed.

`python -m goldenbatch.core.schemas` writes them; with `--check` it only says what differs.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

import goldenbatch.core
from goldenbatch.core.change_plans import SCHEMA, ChangePlan
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import Body, Envelope, record_types

FOLDER: Final = Path(__file__).parent / "_schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def core_record_types() -> dict[str, type[Body]]:
    """All record types that the modules of core register, by kind."""
    for module in pkgutil.iter_modules(goldenbatch.core.__path__):
        importlib.import_module(f"goldenbatch.core.{module.name}")
    found = record_types()
    return {
        kind: found[kind] for kind in sorted(found) if found[kind].__module__.startswith(_PREFIX)
    }


_PREFIX: Final = f"{goldenbatch.core.__name__}."


def schema_of(body: type[Body]) -> dict[str, Any]:
    """JSON schema of one record type, as its body stands in the ledger."""
    head = {"$id": f"goldenbatch/{body.kind}/{body.body_version}"}
    return head | _schema(body) | {"x-data-class": body.data_class.value}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": DIALECT, **schema}


def schema_texts() -> dict[str, str]:
    """File name to the text that belongs in it, for all of core."""
    schemas: dict[str, dict[str, Any]] = {
        "Envelope": {"$id": "goldenbatch/envelope/1"} | _schema(Envelope)
    }
    schemas["ChangePlan"] = {"$id": SCHEMA} | _schema(ChangePlan)
    schemas |= {kind: schema_of(body) for kind, body in core_record_types().items()}
    return {f"{name}.json": _text(schema) for name, schema in schemas.items()}


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences(folder: Path = FOLDER) -> list[str]:
    """Files that are missing, stale or too many in a folder, each with what is wrong."""
    wanted = schema_texts()
    present = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.json"))}
    found = [f"{name}: missing" for name in sorted(wanted.keys() - present.keys())]
    found += [f"{name}: no such record type" for name in sorted(present.keys() - wanted.keys())]
    both = sorted(wanted.keys() & present.keys())
    return found + [f"{name}: stale" for name in both if wanted[name] != present[name]]


def write(folder: Path = FOLDER) -> list[str]:
    """Make a folder equal to what the record types say; returns what was different."""
    found = differences(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = schema_texts()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    return found


def main(arguments: Sequence[str]) -> int:
    """Write or check the committed schemas."""
    try:
        found = differences() if "--check" in arguments else write()
    except GoldenbatchError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.writelines(f"{line}\n" for line in found or ["All schemas are up to date."])
    return int("--check" in arguments and bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
