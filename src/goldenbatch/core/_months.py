"""Names of months in the languages of the plants that we know, long and short."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_NAMES = {
    "en": "january february march april may june july august september october november december",
    "sl": "januar februar marec april maj junij julij avgust september oktober november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro "
    "dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "no": "januar februar mars april mai juni juli august september oktober november desember",
    "pl": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad "
    "grudzień",
    "cs": "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "hr": "siječanj veljača ožujak travanj svibanj lipanj srpanj kolovoz rujan listopad studeni "
    "prosinac",
    "hu": "január február március április május június július augusztus szeptember október "
    "november december",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie "
    "noiembrie decembrie",
}  # fmt: skip

_SHORT = {
    "en": {"sept": 9},
    "sl": {"mar": 3, "avg": 8, "jun": 6, "jul": 7},
    "de": {"mrz": 3, "mär": 3, "maerz": 3, "jän": 1, "jänner": 1, "feber": 2, "sept": 9},
    "fr": {"janv": 1, "févr": 2, "avr": 4, "juil": 7, "sept": 9},
    "it": {"sett": 9},
    "es": {"sept": 9, "setiembre": 9},
    "nl": {"mrt": 3},
    "pl": {
        "stycznia": 1, "lutego": 2, "marca": 3, "kwietnia": 4, "maja": 5, "czerwca": 6,
        "lipca": 7, "sierpnia": 8, "września": 9, "października": 10, "listopada": 11,
        "grudnia": 12, "paź": 10,
    },
    "cs": {
        "ledna": 1, "února": 2, "března": 3, "dubna": 4, "května": 5, "června": 6,
        "července": 7, "srpna": 8, "října": 10, "listopadu": 11, "prosince": 12,
    },
}  # fmt: skip


def _fold(name: str) -> str:
    """Small letters without dots and accents."""
    plain = unicodedata.normalize("NFKD", name.strip().rstrip(".").casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@lru_cache(maxsize=32)
def _table(language: str) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for code in [language] if language else sorted(_NAMES):
        names = [_fold(name) for name in _NAMES[code].split()]
        for number, name in enumerate(names, start=1):
            found.setdefault(name, set()).add(number)
            # An abbreviation counts only where it is the month's own in its language.
            for length in (3, 4):
                if sum(other.startswith(name[:length]) for other in names) == 1:
                    found.setdefault(name[:length], set()).add(number)
        for name, number in _SHORT.get(code, {}).items():
            found.setdefault(_fold(name), set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def month_of(name: str, language: str = "") -> int:
    """Number of a month, 1 to 12, by its long or short name.

    Args:
        name: Case, accents and a final dot do not matter.
        language: ISO 639-1 code; empty: all languages that are known.

    Raises:
        ValueError: No month has the name, or two months have it in different languages.
    """
    if language and language not in _NAMES:
        raise ValueError(f"no month names of language {language!r} are known")
    numbers = _table(language).get(_fold(name), frozenset())
    if not numbers:
        raise ValueError(f"no month is called {name!r}")
    if len(numbers) > 1:
        raise ValueError(f"{name!r} is another month in another language; name the language")
    return next(iter(numbers))
