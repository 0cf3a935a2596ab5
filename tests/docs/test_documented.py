"""What is not documented fails: settings, variables, commands, options, routes, record types."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from goldenbatch.core.records import Body, Envelope, record_type
from tests.docs import generate
from tests.docs.meanings import MEANINGS

ROOT = Path(__file__).resolve().parents[2]
SETTINGS_MODULES = (
    "goldenbatch.core.alarm_master",
    "goldenbatch.capabilities.monitoring.lifecycle.plan",
    "goldenbatch.core.config",
    "goldenbatch.core.plant",
    "goldenbatch.core._plant_parts",
    "goldenbatch.core.policy",
    "goldenbatch.core.trial",
    "goldenbatch.core.model_card_file",
    "goldenbatch.core.release_parts",
    "goldenbatch.connectors.tabular.card",
    "goldenbatch.connectors.tabular._parts",
)
"""Modules whose models are read from files that people write."""

BASES = {"CardPart", "Item", "AnalystSettings", "ChoiceTable", "LaterSettings", "Part"}
"""Bases of such models, never read themselves."""


@pytest.fixture(scope="module")
def pages():
    return {name: make() for name, make in generate.PAGES.items()}


@pytest.mark.parametrize("name", generate.PAGES)
def test_the_reference_is_that_of_the_code(name, pages):
    stored = (generate.REFERENCE / name).read_text(encoding="utf-8")
    if stored == pages[name]:
        return
    lines = set(stored.splitlines())
    news = [line for line in pages[name].splitlines() if line not in lines]
    pytest.fail(f"{name} is stale; run `python -m tests.docs.generate`. New: {news[:5]}")


def settings_models() -> Iterator[type[BaseModel]]:
    """Models of all files that people write, those of the built-in capabilities too."""
    capabilities = ROOT / "src" / "goldenbatch" / "capabilities"
    own = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in sorted(capabilities.rglob("*.py"))
        if path.name != "__init__.py" and "AnalystSettings" in path.read_text(encoding="utf-8")
    ]
    for name in (*SETTINGS_MODULES, *own):
        for cls in vars(importlib.import_module(name)).values():
            is_model = isinstance(cls, type) and issubclass(cls, BaseModel)
            if not is_model or issubclass(cls, Body) or cls.__module__ != name:
                continue
            if cls.__name__ not in BASES and not cls.__name__.startswith("_"):
                yield cls


def test_every_settings_model_has_its_table(pages):
    text = pages["settings.md"] + pages["source-cards.md"]
    models = list(settings_models())
    assert len(models) > 25
    named = {match[3] for match in generate.SLOT.finditer(text)}
    assert not {cls.__name__ for cls in models} - named
    for cls in models:
        table = re.search(rf"<!-- fields [\w.]+:{cls.__name__} -->(.*?)<!-- end -->", text, re.S)
        keys = set(re.findall(r"^\| `(\w+)` \|", table[1], re.M))
        assert keys == {field.alias or name for name, field in cls.model_fields.items()}


def test_no_meaning_is_left_over():
    models = [Envelope, *generate.core_types().values(), *settings_models()]
    models += generate.parts(models).values()
    known = {name for cls in models for name in cls.model_fields}
    own = {f"{cls.__name__}.{name}" for cls in models for name in cls.model_fields}
    assert not set(MEANINGS) - known - own


def test_every_variable_is_documented(pages):
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py")]
    variables = set(re.findall(r"GOLDENBATCH_[A-Z_]+", "\n".join(sources)))
    assert "GOLDENBATCH_HOME" in variables
    assert not {one for one in variables if f"`{one}`" not in pages["settings.md"]}


def test_every_command_and_option_is_documented(pages):
    commands = dict(generate.own_commands())
    assert {"goldenbatch init", "goldenbatch batch report", "goldenbatch verify"} <= set(commands)
    for path, command in commands.items():
        if hasattr(command, "list_commands"):
            continue
        _, found, rest = pages["command-line.md"].partition(f"\n## {path}\n")
        assert found, f"{path} is not documented"
        section = rest.partition("\n## ")[0]
        for one in generate.parameters(command):
            names = one.opts if one.param_type_name == "option" else []
            assert all(name in section for name in names), f"{path} {one.name}"
            assert one.help, f"{path}: {one.name} has no help"
        assert (command.help or "").strip(), f"{path} has no help"


def test_every_route_is_documented(pages):
    description = generate.api_description()
    routes = list(generate.own_routes(description))
    assert len(routes) > 20
    for method, path, operation in routes:
        assert f"## {method} {path}".replace("{", "&#123;") in pages["rest-api.md"]
        assert operation.get("description"), f"{method} {path} has no docstring"


def test_every_record_type_is_documented(pages):
    kinds = generate.core_types()
    assert len(kinds) > 30
    assert not set(generate.STREAMS) - set(kinds), "streams of kinds that are gone"
    for kind in kinds:
        assert f"\n## {kind}\n" in pages["records.md"]


def test_the_exit_codes_are_documented():
    import goldenbatch.core.errors as errors

    text = (generate.REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    known = [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.GoldenbatchError)
    ]
    for cls in known:
        row = re.search(rf"^\| (\d+) \|.*`{cls.__name__}`", text, re.M)
        assert row, f"{cls.__name__} is not in exit-codes.md"
        assert int(row[1]) == cls.exit_code, cls.__name__


def test_an_undocumented_field_is_seen():
    class Undocumented(Body):
        """A body whose field nobody explained."""

        some_new_field: str

    with pytest.raises(SystemExit, match="some_new_field is documented nowhere"):
        list(generate.fields(Undocumented))


def test_an_undocumented_kind_is_seen(monkeypatch):
    monkeypatch.setattr("goldenbatch.core.records._TYPES", dict(generate.core_types()))

    class SomethingHappened(Body):
        """Something."""

        uid: str

    SomethingHappened.__module__ = "goldenbatch.core.somewhere"
    record_type(SomethingHappened)
    with pytest.raises(KeyError, match="SomethingHappened"):
        generate.records_page()
