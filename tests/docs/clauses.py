"""What guidance asks of models, clause by clause: data, and the page that is written from them."""

from __future__ import annotations

import ast
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "reference" / "model-clauses.toml"
MARK = "<!-- Written by `python -m tests.docs.generate` from model-clauses.toml; do not edit. -->"
HEAD = f"""# Models: clause by clause

{MARK}

What guidance asks of models and of their updates, how goldenbatch meets it, by which tests of its
own, and what it does not do. A supplier's tests are supplier's evidence: the operational
qualification in the installed home (`goldenbatch validate`) and the performance qualification of
the site stand beside them.

Clauses are data with a source and a date (`docs/reference/model-clauses.toml`); drafts change. The
words are ours, and no person has compared them with the sources letter by letter. The same clauses
of Annex 22 are traced to checks of the installed home by the pack `annex22-draft-2025`
([validate an installation](../how-to/validate.md)). How a model goes through all this:
[take a model through its whole life](../how-to/model-life.md)."""
WORDS = {"yes": "met", "partly": "met in part", "no": "not met"}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Source(_Strict):
    """A text of guidance; `extent`: how it was read."""

    id: str
    title: str
    text: str
    status: str
    dated: date
    seen: date
    extent: str


class Clause(_Strict):
    """One clause; `gap` says what is not met."""

    source: str
    id: str
    clause: str
    asks: str = Field(min_length=10)
    met: Literal["yes", "partly", "no"]
    how: str = Field(min_length=10)
    gap: str = ""
    tests: tuple[str, ...]


class Clauses(_Strict):
    """All sources with their clauses."""

    schema_: Literal["goldenbatch/clauses/1"] = Field(alias="schema")
    source: tuple[Source, ...]
    clause: tuple[Clause, ...]

    def of(self, source: str) -> tuple[Clause, ...]:
        """Clauses of a source, in order."""
        return tuple(one for one in self.clause if one.source == source)


def load() -> Clauses:
    """The data."""
    return Clauses.model_validate(tomllib.loads(DATA.read_text(encoding="utf-8")))


@cache
def tests_in(file: str) -> frozenset[str]:
    """Names of the tests of a module, those of its classes as `Class::test`."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{x.name}" for x in node.body if isinstance(x, ast.FunctionDef)}
    return frozenset(one for one in found if one.rpartition("::")[2].startswith("test_"))


def page() -> str:
    """The page."""
    data = load()
    parts = [HEAD]
    for source in data.source:
        parts.append(
            f"\n## {source.title}\n\n{source.text}. Status: {source.status}; dated {source.dated}, "
            f"seen {source.seen} ({source.extent})."
        )
        parts += [_clause(one) for one in data.of(source.id)]
    parts.append(_open(data))
    return "\n".join(parts) + "\n"


def _clause(one: Clause) -> str:
    number = f" ({one.clause})" if one.clause else ""
    gap = f"\n\n*Not done:* {one.gap}" if one.gap else ""
    tests = "\n".join(f"- `{name}`" for name in one.tests)
    return (
        f"\n### {one.id}{number}: {WORDS[one.met]}\n\n*Asks:* {one.asks}\n\n*Here:* {one.how}{gap}"
        f"\n\n{tests}"
    )


def _open(data: Clauses) -> str:
    lines = [f"| {one.id} | {WORDS[one.met]} | {one.gap} |" for one in data.clause if one.gap]
    head = ["| clause | | what is not done |", "| --- | --- | --- |"]
    return "\n".join(["\n## All that is not done\n", *head, *lines])
