"""Pages of the reference that are written from the code: `python -m tests.docs.generate`."""

from __future__ import annotations

import enum
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from goldenbatch.core.records import Body, Envelope, record_types
from tests.docs import clauses, twin_library
from tests.docs.meanings import MEANINGS
from tests.docs.streams import STREAMS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "goldenbatch"
REFERENCE = ROOT / "docs" / "reference"
GENERATED = "<!-- Written by `python -m tests.docs.generate`; do not edit. -->"

RECORDS_HEAD = f"""# Record types

{GENERATED}

Everything that happens in a home is an event with one envelope and a body of one of the types
below. The leaf of the ledger's tree is the SHA-256 of the envelope's canonical JSON (RFC 8785);
the body is bound by `body_digest`. Times are ISO 8601 in JSON and int64 microseconds UTC in
Python. Numbers of GMP records are text, so that their digits are kept. A JSON schema of each
type lies in `src/goldenbatch/core/_schemas/`. A kind that this version does not know stays
verifiable and is shown raw.
"""
COMMANDS_HEAD = f"""# Command line

{GENERATED}

Every command takes `--home DIR` (default: the variable `GOLDENBATCH_HOME`, or the working
directory), `--json` (one JSON document on stdout) and `--help`. Long work shows progress on
stderr. While a node serves the home, the commands are its clients; else they take the home's
lock themselves. How they end: [exit codes](exit-codes.md)."""
REST_HEAD = f"""# REST API of the node

{GENERATED}

`goldenbatch serve` answers under `/api/v1`; `/api/v1/docs` shows the same as a page that can be
tried, `/api/v1/openapi.json` as a document. All but `/health`, `/readiness` and `/login` need
`Authorization: Bearer TOKEN`; `POST /api/v1/login` gives a token. An error has one shape,
`{{"error": ..., "message": ..., "hint": ...}}`, with the same names as the
[exit codes](exit-codes.md). Times are microseconds UTC."""
"""In which stream each kind stands; a kind that is not here stops the generator."""


def core_types() -> dict[str, type[Body]]:
    """All record types of the package, by kind."""
    for path in sorted(SOURCES.rglob("*.py")):
        if re.search(r"^@record_type$", path.read_text(encoding="utf-8"), re.M):
            name = ".".join(path.relative_to(SOURCES.parent).with_suffix("").parts)
            importlib.import_module(name)
    found = record_types().items()
    return {kind: cls for kind, cls in sorted(found) if cls.__module__.startswith("goldenbatch.")}


def cell(text: str) -> str:
    """Text inside one cell of a table, as it stands; code in it stays code."""
    pieces = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(one if i % 2 else one.replace("<", "&lt;") for i, one in enumerate(pieces))


def code(text: str) -> str:
    """Text as code inside one cell of a table."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def type_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON schema of a field in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        values = definitions.get(name, {}).get("enum")
        return _choice(values) if values else name
    if "anyOf" in schema:
        return " or ".join(type_words(one, definitions) for one in schema["anyOf"])
    if "enum" in schema:
        return _choice(schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {type_words(schema.get('items', {}), definitions)}"
    if schema.get("type") == "object":
        more = schema.get("additionalProperties")
        words = type_words(more, definitions) if isinstance(more, dict) else "any"
        return f"table of {words}"
    kind = str(schema.get("type", "any"))
    return {"string": "text", "null": "none"}.get(kind, kind)


def _choice(values: Iterable[object]) -> str:
    return ", ".join(code(f"{one}") or "nothing" for one in values)


def attribute_words(cls: type[Any]) -> dict[str, str]:
    """Descriptions of the attributes in a docstring (Google style)."""
    text = (cls.__doc__ or "").partition("Attributes:\n")[2]
    text = re.split(r"\n\s*\n", text)[0]
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        match = re.match(r"^\s+(\w+): (.*)$", line)
        if match and len(line) - len(line.lstrip()) <= 8:
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] += f" {line.strip()}"
    return found


def fields(cls: type[Any], mode: str = "serialization") -> Iterator[str]:
    """Rows of a table of a record's fields."""
    schema = cls.model_json_schema(mode=mode, by_alias=True)
    definitions = schema.get("$defs", {})
    words: dict[str, str] = {}
    for one in reversed(cls.__mro__):  # what a base documents needs no second word
        words |= attribute_words(one) if issubclass(one, BaseModel) else {}
    for name, field in cls.model_fields.items():
        key = field.alias or name
        part = schema["properties"][key]
        default = "required" if field.is_required() else default_text(field)
        own = MEANINGS.get(f"{cls.__name__}.{name}") or words.get(name) or field.description
        meaning = own or MEANINGS.get(name)
        if not meaning:
            raise SystemExit(f"{cls.__name__}.{name} is documented nowhere; see meanings.py.")
        yield f"| `{key}` | {cell(type_words(part, definitions))} | {default} | {cell(meaning)} |"


def default_text(field: Any) -> str:
    """Default of a field as code; nothing for empty ones."""
    value = field.get_default(call_default_factory=True)
    value = getattr(value, "value", value)
    if value is None or value in ("", (), {}) or isinstance(value, BaseModel):
        return ""
    return code(value if isinstance(value, str) else json.dumps(value))


def parts(classes: Iterable[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """Models that stand inside the fields of others, by name."""
    found: dict[str, type[BaseModel]] = {}

    def walk(hint: Any) -> None:
        if isinstance(hint, type) and issubclass(hint, BaseModel) and hint.__name__ not in found:
            found[hint.__name__] = hint
            below(hint)
        for one in get_args(hint):
            walk(one)

    def below(cls: type[BaseModel]) -> None:
        for field in cls.model_fields.values():
            walk(field.annotation)

    for cls in classes:
        below(cls)
    return dict(sorted(found.items()))


def records_page() -> str:
    """Table of all record types with their fields."""
    lines = [
        RECORDS_HEAD,
        "## The envelope",
        "",
        "| field | type | default | meaning |",
        "| --- | --- | --- | --- |",
        *fields(Envelope),
    ]
    for kind, cls in core_types().items():
        lines += ["", f"## {kind}", "", (cls.__doc__ or "").split("\n\n")[0].strip(), ""]
        lines += [
            f"Stream `{STREAMS[kind]}`; data class {cls.data_class.value}; "
            f"body version {cls.body_version}.",
            "",
            "| field | type | default | meaning |",
            "| --- | --- | --- | --- |",
            *fields(cls),
        ]
    lines += ["", "## Parts of bodies", "", "What stands inside the fields above."]
    for name, part in parts(core_types().values()).items():
        words = (part.__doc__ or "").split("\n\n")[0].strip()
        head = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += ["", f"### {name}", "", words, "", *head, *fields(part)]
    return "\n".join(lines) + "\n"


def own_commands() -> Iterator[tuple[str, Any]]:
    """Path and command of everything below `goldenbatch` that the package itself brings."""
    from typer.main import get_command

    from goldenbatch.apps.cli._main import application
    from goldenbatch.runtime.discovery import discover

    outside = {
        name
        for name, one in discover().capabilities.items()
        if any(not offer.target.startswith("goldenbatch.") for offer in one.commands)
    }
    root = get_command(application)
    yield "goldenbatch", root

    def below(path: str, group: Any) -> Iterator[tuple[str, Any]]:
        for name in group.list_commands(None):
            if path == "goldenbatch" and name in outside:
                continue
            command = group.get_command(None, name)
            yield f"{path} {name}", command
            if hasattr(command, "list_commands"):
                yield from below(f"{path} {name}", command)

    yield from below("goldenbatch", root)


COMMON_OPTIONS = {"home", "json", "help"}


def parameters(command: Any) -> Iterator[Any]:
    """Arguments and options of a command that are its own."""
    for one in command.params:
        if one.name not in {*COMMON_OPTIONS, "install_completion", "show_completion"}:
            yield one


def _values(one: Any) -> str:
    """Values that a parameter may have, where they are few."""
    hint = one.type_descriptor.annotation
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " or ".join(f"`{member.value}`" for member in hint)
    return ""


def _parameter_row(one: Any) -> str:
    if one.param_type_name == "argument":
        name = one.metavar or one.name.upper()
    else:
        name = ", ".join((*one.opts, *one.secondary_opts))
    value = getattr(one.default, "value", one.default)
    is_silent = value in (None, "", False, 0, ()) or callable(value)
    shown = "required" if one.required else ("" if is_silent else code(str(value)))
    words, values = (one.help or "").strip(), _values(one)
    meaning = f"{cell(words)} {values}".strip()
    return f"| {code(name)} | {meaning} | {shown} |"


def commands_page() -> str:
    """All commands with their arguments and options."""
    lines = [COMMANDS_HEAD]
    for path, command in own_commands():
        if hasattr(command, "list_commands") and path != "goldenbatch":
            continue
        text = (command.help or "").strip()
        if path == "goldenbatch":
            text = "Options before the command."
        lines += ["", f"## {path}", "", text]
        rows = [_parameter_row(one) for one in parameters(command)]
        if rows:
            lines += [
                "",
                "| argument or option | meaning | default |",
                "| --- | --- | --- |",
                *rows,
            ]
    return "\n".join(lines) + "\n"


def api_description() -> dict[str, Any]:
    """OpenAPI document of a node, from a home that is made for it."""
    from goldenbatch.apps.node.app import create_app
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    plant = 'name = "docs"\n[[places]]\npath = "site"\nlevel = "site"\n'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "home"
        create_home(path, HomeSettings(name="docs", site="docs", plant=plant))
        with LocalSite.open(path) as site:
            description: dict[str, Any] = create_app(site).openapi()
            return description


def own_routes(description: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of the platform's own routes, by path."""
    for path, methods in sorted(description["paths"].items()):
        for method, operation in sorted(methods.items()):
            yield method.upper(), path, operation


def _form_rows(operation: Mapping[str, Any], description: Mapping[str, Any]) -> Iterator[str]:
    definitions = description.get("components", {}).get("schemas", {})
    for one in operation.get("parameters", ()):
        words = type_words(one.get("schema", {}), definitions)
        need = "required" if one.get("required") else ""
        meaning = one.get("description", "")
        yield f"| `{one['name']}` | {one['in']} | {cell(words)} | {need} | {cell(meaning)} |"
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        form = definitions.get(name, {})
        for key, part in form.get("properties", {}).items():
            need = "required" if key in form.get("required", ()) else ""
            words = cell(type_words(part, definitions))
            yield f"| `{key}` | body | {words} | {need} | {cell(part.get('description', ''))} |"


def rest_page() -> str:
    """All routes of a node."""
    description = api_description()
    lines = [REST_HEAD]
    for method, path, operation in own_routes(description):
        words = operation.get("description") or operation.get("summary", "")
        lines += ["", f"## {method} {path}".replace("{", "&#123;"), "", words.strip()]
        rows = list(_form_rows(operation, description))
        if rows:
            head = ["| name | in | type | | meaning |", "| --- | --- | --- | --- | --- |"]
            lines += ["", *head, *rows]
    return "\n".join(lines) + "\n"


SLOT = re.compile(r"(<!-- fields ([\w.]+):(\w+) -->\n).*?(<!-- end -->)", re.S)


def filled(text: str) -> str:
    """A page with its tables of fields made anew from the classes that they name."""

    def table(match: re.Match[str]) -> str:
        cls = getattr(importlib.import_module(match[2]), match[3])
        head = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        rows = "\n".join((*head, *fields(cls, "validation")))
        return f"{match[1]}\n{rows}\n\n{match[4]}"

    return SLOT.sub(table, text)


def _refill(name: str) -> Callable[[], str]:
    return lambda: filled((REFERENCE / name).read_text(encoding="utf-8"))


PAGES: dict[str, Callable[[], str]] = {
    "records.md": records_page,
    "command-line.md": commands_page,
    "rest-api.md": rest_page,
    "change-plans.md": _refill("change-plans.md"),
    "model-clauses.md": clauses.page,
    "settings.md": _refill("settings.md"),
    "source-cards.md": _refill("source-cards.md"),
    "twin-library.md": lambda: twin_library.page(cell),
    "twin-studies.md": _refill("twin-studies.md"),
}


def main() -> int:
    """Write the pages; tells which of them changed."""
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
