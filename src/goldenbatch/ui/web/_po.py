"""Catalogues of translations: `.po` texts read, and made what `gettext` of Python reads."""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator, Mapping

from goldenbatch.core.errors import BadInputError

_MAGIC = 0x950412DE
_KEYWORDS = ("msgctxt", "msgid_plural", "msgid", "msgstr")


def parse_po(text: str, name: str = "a catalogue") -> dict[str, str]:
    r"""Translations of a `.po` text by msgid; those that are empty or fuzzy are left out.

    Plural forms stand as `gettext` wants them: keys and forms joined by a NUL.

    >>> parse_po('msgid "Page"\nmsgstr "Seite"\n')
    {'Page': 'Seite'}

    Raises:
        BadInputError: A line is not understood.
    """
    found: dict[str, str] = {}
    for number, block in _blocks(text):
        fields, is_fuzzy = _fields(block, number, name)
        if is_fuzzy or "msgid" not in fields:
            continue
        forms = [fields[key] for key in sorted(fields) if key.startswith("msgstr")]
        if not all(forms):
            continue
        key = fields["msgid"]
        if "msgid_plural" in fields:
            key = f"{key}\0{fields['msgid_plural']}"
        if "msgctxt" in fields:
            key = f"{fields['msgctxt']}\4{key}"
        found[key] = "\0".join(forms)
    return found


def to_mo(entries: Mapping[str, str]) -> bytes:
    """The bytes of a `.mo` file (GNU gettext manual, 10.3), sorted by msgid."""
    pairs = [(key.encode(), entries[key].encode()) for key in sorted(entries)]
    n_pairs, ids, strings = len(pairs), b"", b""
    places: list[tuple[int, int, int, int]] = []
    for key, value in pairs:
        places.append((len(key), len(ids), len(value), len(strings)))
        ids, strings = ids + key + b"\0", strings + value + b"\0"
    head, table = 7 * 4, 8 * n_pairs
    ids_at = head + 2 * table
    strings_at = ids_at + len(ids)
    answer = struct.pack("<7I", _MAGIC, 0, n_pairs, head, head + table, 0, ids_at)
    answer += b"".join(struct.pack("<2I", one[0], ids_at + one[1]) for one in places)
    answer += b"".join(struct.pack("<2I", one[2], strings_at + one[3]) for one in places)
    return answer + ids + strings


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield number - len(block), block
            block = []


def _fields(block: list[str], number: int, name: str) -> tuple[dict[str, str], bool]:
    fields: dict[str, str] = {}
    is_fuzzy, key = False, ""
    for offset, line in enumerate(block):
        if line.startswith("#"):
            is_fuzzy = is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        word, _, rest = line.partition(" ")
        is_key = word.partition("[")[0] in _KEYWORDS
        key, value = (word, rest.strip()) if is_key else (key, line)
        if not key or not (value.startswith('"') and value.endswith('"')):
            raise BadInputError(
                f"{name}, line {number + offset}: {line!r} is no text of a catalogue.",
                hint='Write msgid "..." and msgstr "..." as GNU gettext does.',
            )
        fields[key] = fields.get(key, "") + _unquoted(value, name, number + offset)
    return fields, is_fuzzy


def _unquoted(line: str, name: str, number: int) -> str:
    try:
        return str(ast.literal_eval(line))
    except (ValueError, SyntaxError) as error:
        raise BadInputError(
            f"{name}, line {number}: {line} is not well quoted.",
            hint='Write quotes in texts as \\" and line ends as \\n.',
        ) from error
