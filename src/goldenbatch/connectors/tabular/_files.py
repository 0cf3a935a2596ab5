"""The files of a card: where they are, in which order, and their bytes as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from goldenbatch.connectors.tabular._sheet import natural
from goldenbatch.connectors.tabular.card import SourceCard, TableSpec
from goldenbatch.core.errors import BadInputError, NotFoundError


@dataclass(frozen=True)
class Original:
    """A file as it came, with its name below the root and its SHA-256."""

    file: str
    content: bytes
    digest: str


def original_of(path: Path, file: str) -> Original:
    """Read a file's bytes."""
    content = path.read_bytes()
    return Original(file, content, hashlib.sha256(content).hexdigest())


def card_root(card: SourceCard, root: Path | str | None) -> Path:
    """Folder of the files: the one given, or the card's own (`package:NAME/folder`).

    Raises:
        NotFoundError: There is no such folder, or the package is not installed.
    """
    where = str(root) if root else card.root
    if where.startswith("package:"):
        name, _, folder = where.removeprefix("package:").partition("/")
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise NotFoundError(f"package {name!r} is not installed.", hint="Install it.")
        path = Path(places[0]) / folder
    else:
        path = Path(where)
    if not where or not path.is_dir():
        raise NotFoundError(
            f"card {card.name!r}: there is no folder {str(path) if where else '(none given)'!r}.",
            hint="Give the folder that holds the files.",
        )
    return path


def files_of(
    card: SourceCard, root: Path, tables: Sequence[str]
) -> Iterator[tuple[TableSpec, Path, str]]:
    """Tables of a card with the path of each of their files and its name below the root.

    Raises:
        NotFoundError: The card has no such table.
        BadInputError: A table has no file.
    """
    unknown = sorted(set(tables) - {table.name for table in card.tables})
    if unknown:
        raise NotFoundError(f"card {card.name!r} has no table {unknown[0]!r}.")
    for table in card.tables:
        if not tables or table.name in tables:
            for path, file in find_files(table, root):
                yield table, path, file


def find_files(spec: TableSpec, root: Path) -> list[tuple[Path, str]]:
    """Files of a table below the root, each with its name there, in natural order.

    Raises:
        BadInputError: There is none.
    """
    found: dict[str, Path] = {}
    for pattern in spec.files:
        for path in root.glob(pattern):
            if path.is_file():
                found[path.relative_to(root).as_posix()] = path
    if not found:
        raise BadInputError(
            f"table {spec.name!r}: no file matches {' or '.join(spec.files)} below {root}.",
            hint="Check the folder that is imported, or the card's `files`.",
        )
    return [(found[name], name) for name in sorted(found, key=natural)]
