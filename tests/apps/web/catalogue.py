"""What is to be translated, found in the sources: `python -m tests.apps.web.catalogue`.

Writes the template of all texts and brings the catalogues up to date: texts that are new stand
there untranslated, those that are gone are dropped.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from goldenbatch.ui.web._po import parse_po

SOURCES = Path(__file__).resolve().parents[3] / "src" / "goldenbatch"
LOCALE = SOURCES / "ui" / "web" / "locale"
TEMPLATE = LOCALE / "goldenbatch.pot"
CALLS = {"_": 1, "mark": 1, "ngettext": 2}
"""Functions that mark texts, and how many of their arguments are texts."""
DECLARED = {"Page": 1, "Tile": 0, "Widget": 0}
"""Classes of the contract of pages whose title is a msgid, by the place of the title."""


def found_texts() -> dict[tuple[str, str], set[str]]:
    """All texts, each with its plural (or an empty text), to the files that they stand in."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "ui.web" not in text:
            continue
        for one in _texts(ast.parse(text)):
            found.setdefault(one, set()).add(path.relative_to(SOURCES).as_posix())
    return found


def _texts(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in ("Group",):
            for one in node.body:
                if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant):
                    yield str(one.value.value), ""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name in CALLS and (name == "mark" or isinstance(node.func, ast.Name)):
            words = [_word(one) for one in node.args[: CALLS[name]]]
            if all(words) and len(words) == CALLS[name]:
                yield words[0], words[1] if len(words) > 1 else ""
        elif name in DECLARED:
            given = {one.arg: one.value for one in node.keywords}
            place = DECLARED[name]
            title = given.get("title", node.args[place] if len(node.args) > place else None)
            if title is not None and _word(title):
                yield _word(title), ""


def _word(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def written(language: str, known: dict[str, str], header: str) -> str:
    """The text of a catalogue, sorted by msgid; without a language the template."""
    blocks = [f'msgid ""\nmsgstr ""\n{header}']
    for (one, many), files in sorted(found_texts().items()):
        lines = [f"#: {' '.join(sorted(files))}", f"msgid {quoted(one)}"]
        if many:
            forms = (known.get(f"{one}\0{many}", "") or "\0").split("\0")
            lines.append(f"msgid_plural {quoted(many)}")
            lines += [f"msgstr[{at}] {quoted(form)}" for at, form in enumerate(forms)]
        else:
            lines.append(f"msgstr {quoted(known.get(one, '') if language else '')}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def header(language: str, plural: str = "nplurals=2; plural=(n != 1);") -> str:
    lines = ["Content-Type: text/plain; charset=UTF-8\\n", f"Plural-Forms: {plural}\\n"]
    if language:
        lines.insert(0, f"Language: {language}\\n")
    return "\n".join(f'"{one}"' for one in lines)


def pseudo(folder: Path, code: str = "qps") -> None:
    """A language that nobody speaks: each text with marks around it and longer by a third."""
    known = {}
    for one, many in found_texts():
        if many:
            known[f"{one}\0{many}"] = f"{_stretched(one)}\0{_stretched(many)}"
        else:
            known[one] = _stretched(one)
    path = folder / code / "LC_MESSAGES" / "goldenbatch.po"
    path.parent.mkdir(parents=True)
    path.write_text(written(code, known, header(code)), encoding="utf-8")


def _stretched(text: str) -> str:
    return f"⟦{text}{'·' * (len(text) // 3)}⟧"


def main() -> None:
    TEMPLATE.write_text(written("", {}, header("")), encoding="utf-8")
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/goldenbatch.po")):
        language = path.parents[1].name
        known = parse_po(path.read_text(encoding="utf-8"), str(path))
        plural = next(
            (one.partition(": ")[2] for one in known.get("", "").splitlines() if "Plural" in one),
            "nplurals=2; plural=(n != 1);",
        )
        path.write_text(written(language, known, header(language, plural)), encoding="utf-8")


if __name__ == "__main__":
    main()
