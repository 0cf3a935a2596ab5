"""What a configuration is: all that decides how a home works, as plain files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.plant import PLANT_FILE
from goldenbatch.core.procedures import PREFIX as PROCEDURE_STREAM
from goldenbatch.core.procedures import ProcedureBook, ProcedureIssued
from goldenbatch.core.promotion import RecipeRetired
from goldenbatch.core.recipe_use import STREAM as RECIPE_STREAM
from goldenbatch.core.recipe_use import RecipeAdopted

if TYPE_CHECKING:
    from goldenbatch.core.records import Body
    from goldenbatch.runtime.local import LocalSite

POLICY_FILE: Final = "policy.toml"
ARTEFACTS: Final = "artefacts/"
MODEL_STREAM: Final = "model/"
COPIED: Final = (("cards", "*.toml"), ("context", "*.toml"), ("requirements", "*.toml"))


def configuration(site: LocalSite) -> dict[str, bytes]:
    """The configuration in force in a home, as files.

    Plant, policy, analysts at work with their models, recipes and procedures in force, cards
    and requirements; documents and models themselves lie under their digests.
    """
    files = {PLANT_FILE: (site.path / PLANT_FILE).read_bytes()}
    for path in sorted((site.path / "tables").glob("*.csv")):
        files[f"tables/{path.name}"] = path.read_bytes()
    files[POLICY_FILE] = site.policies.standing().text.encode()
    for name, one in site.adopted().items():
        entry = {"analyst": one.body.analyst, "version": one.body.version,
                 "settings": one.body.settings}  # fmt: skip
        files[f"analysts/{name}.json"] = _json(entry)
    for name, text in recipes(site).items():
        files[f"recipes/{name}.toml"] = text.encode()
    for name, model in models(site, site.adopted()).items():
        files[f"models/{name}.json"] = _json(model.as_json())
        files[ARTEFACTS + model.digest] = site.registry.get(model.digest)
    for name, procedure in procedures(site).items():
        files[f"procedures/{name}.json"] = _json(procedure)
        files[ARTEFACTS + procedure["digest"]] = site.registry.get(procedure["digest"])
    for folder, pattern in COPIED:
        for path in sorted((site.path / folder).glob(pattern)):
            files[f"{folder}/{path.name}"] = path.read_bytes()
    return files


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()


def recipes(site: LocalSite) -> dict[str, str]:
    """Texts of the recipes in force, by name; a retired one is not."""
    found: dict[str, str] = {}
    kinds = {RecipeAdopted.kind, RecipeRetired.kind}
    for event in site.ledger.events(kinds=kinds, stream_prefix=RECIPE_STREAM):
        name, body = event.stream.removeprefix(RECIPE_STREAM), event.decode()
        if isinstance(body, RecipeAdopted):
            found[name] = body.text
        elif isinstance(body, RecipeRetired):
            found.pop(name, None)
    return found


def models(site: LocalSite, analysts: Mapping[str, Any]) -> dict[str, ModelFitted]:
    """The newest models of some analysts, by name: an analyst's own, or `<analyst>.<part>`."""
    found: dict[str, ModelFitted] = {}
    for event in site.ledger.events(kinds={ModelFitted.kind}, stream_prefix=MODEL_STREAM):
        body = event.decode()
        if isinstance(body, ModelFitted) and body.name.partition(".")[0] in analysts:
            found[body.name] = body
        elif isinstance(body, ModelFitted) and body.name in analysts:
            found[body.name] = body
    return found


def procedures(site: LocalSite) -> dict[str, dict[str, str]]:
    """The procedures in force, by name: version, title, digest and kind of the document."""
    rows = site.ledger.select("procedure")
    book, now = ProcedureBook.of(rows), site.clock()
    found = {}
    for name in sorted({str(row["procedure"]) for row in rows}):
        row = book.in_force(name, now)
        if row is not None:
            digest = str(row["digest"])
            found[name] = {"procedure": name, "version": str(row["version"]),
                           "title": str(row["title"]), "digest": digest,
                           "media_type": site.registry.media_type(digest)}  # fmt: skip
    return found


def issued(site: LocalSite, procedure: str) -> dict[str, str]:
    """All versions of a procedure that were issued in a home: version to digest."""
    found = {}
    for event in site.ledger.stream(PROCEDURE_STREAM + procedure):
        body = event.decode()
        if isinstance(body, ProcedureIssued):
            found[body.version] = body.digest
    return found


def entries(files: Mapping[str, bytes], folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and content of the JSON files in a folder of a package.

    Raises:
        BadInputError: One is no JSON object.
    """
    for path, content in sorted(files.items()):
        if path.startswith(f"{folder}/"):
            try:
                entry = json.loads(content)
            except ValueError as error:
                raise BadInputError(f"this is no JSON: {error}.", file=path) from error
            if not isinstance(entry, dict):
                raise BadInputError("this is no JSON object.", file=path)
            yield Path(path).name.removesuffix(".json"), entry


def read_models(files: Mapping[str, bytes]) -> dict[str, ModelFitted]:
    """Models of a package by name, each with its artefact at hand.

    Raises:
        BadInputError: One is malformed, or its artefact is missing.
    """
    found = {}
    for name, entry in entries(files, "models"):
        body: Body = _checked(ModelFitted, entry, f"models/{name}.json")
        if not isinstance(body, ModelFitted) or body.name != name:
            raise BadInputError("this is a model of another name.", file=f"models/{name}.json")
        _require_artefact(files, body.digest, f"models/{name}.json")
        found[name] = body
    return found


def read_procedures(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Procedures of a package by name, each with its document at hand.

    Raises:
        BadInputError: One is malformed, or its document is missing.
    """
    found = {}
    for name, entry in entries(files, "procedures"):
        path = f"procedures/{name}.json"
        wanted = ("procedure", "version", "title", "digest", "media_type")
        if set(entry) != set(wanted) or not all(isinstance(one, str) for one in entry.values()):
            raise BadInputError(f"a procedure has {', '.join(wanted)}.", file=path)
        if entry["procedure"] != name:
            raise BadInputError("this is a procedure of another name.", file=path)
        _require_artefact(files, entry["digest"], path)
        found[name] = entry
    return found


def require_artefacts(files: Mapping[str, bytes]) -> None:
    """Refuse an artefact whose content is not that of its name.

    Raises:
        BadInputError: One's SHA-256 is another.
    """
    for path, content in files.items():
        if path.startswith(ARTEFACTS):
            digest = hashlib.sha256(content).hexdigest()
            if path != ARTEFACTS + digest:
                raise BadInputError(f"its content has the digest {digest}.", file=path)


def _require_artefact(files: Mapping[str, bytes], digest: str, path: str) -> None:
    if ARTEFACTS + digest not in files:
        raise BadInputError(f"the package lacks the artefact {digest}.", file=path)


def _checked(kind: type[Body], entry: Mapping[str, Any], path: str) -> Body:
    from pydantic import ValidationError

    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{first['msg']}.", file=path, key=key) from error
