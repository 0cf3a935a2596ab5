"""Words of the interface in the language of the person who looks (gettext).

    from goldenbatch.ui.web.words import _, ngettext

    ui.label(_("Open findings"))
    ui.label(ngettext("{n} batch", "{n} batches", n).format(n=n))

What is marked so stands in English in the code and is translated by the catalogues in
`locale/LANGUAGE/LC_MESSAGES/goldenbatch.po`, which are read as they are. Texts with values are
whole sentences with `{names}`: `_("Said by {name}").format(name=name)`, never an f-string.
Identifiers, units, limits and the meanings of signatures are never translated, nor what people
or sources wrote; records name the language that they were signed in.
"""

from __future__ import annotations

import gettext
import io
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

from goldenbatch.ui.web._po import parse_po, to_mo

DEFAULT: Final = "en"
DOMAIN: Final = "goldenbatch"
EXTRA: Final = "GOLDENBATCH_LOCALE"
"""Environment variable: a further folder of catalogues, which win over those of the package."""

_NAMES: Final = {
    "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "it": "Italiano",
    "pt": "Português", "nl": "Nederlands", "da": "Dansk", "sv": "Svenska", "fi": "Suomi",
    "sl": "Slovenščina", "hr": "Hrvatski", "pl": "Polski", "cs": "Čeština", "hu": "Magyar",
    "ja": "日本語", "zh": "中文", "ko": "한국어",
}  # fmt: skip
"""Each language in its own words, for the choice in the header."""

_language: ContextVar[str] = ContextVar("language", default="")
_folders: list[Path] = [Path(__file__).parent / "locale"]
_of_clients: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()


def add_locale(folder: Path) -> None:
    """Take the catalogues of an outside package too: `folder/de/LC_MESSAGES/goldenbatch.po`.

    A package calls it where its `_pages` are imported; the platform's own words win.
    """
    if folder not in _folders:
        _folders.append(folder)
        _catalogue.cache_clear()


def languages() -> dict[str, str]:
    """Languages that there are catalogues for, each in its own words; English first."""
    found = {
        path.parents[1].name
        for folder in _all_folders()
        for path in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")
    }
    return {code: _NAMES.get(code, code) for code in [DEFAULT, *sorted(found - {DEFAULT})]}


def chosen_language(wanted: str, accepted: str = "") -> str:
    """The language to speak: the one wanted, else the first of the browser's that there is.

    Args:
        wanted: What the person chose before; empty: nothing.
        accepted: An `Accept-Language` header (RFC 9110, 12.5.4).

    >>> chosen_language("", "xx;q=0.9, de-AT, en;q=0.5")
    'de'
    """
    there = languages()
    ranked = sorted(_ranked(accepted), key=lambda one: -one[1])
    for one in [wanted, *(name for name, weight in ranked if weight > 0)]:
        code = one.strip().lower().partition("-")[0]
        if code in there:
            return code
    return DEFAULT


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language inside; tasks that are started inside speak it too."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def speak(language: str) -> None:
    """Speak a language in what follows in this task, such as the answer to one request."""
    _language.set(language)


def speak_to(client: object, language: str) -> None:
    """Speak a language to a page that is open, in all that it does later."""
    _of_clients[client] = language
    _language.set(language)


def language() -> str:
    """The language of the page that is being made or acted on."""
    from nicegui import context

    try:
        client: object = context.client
    except RuntimeError:  # outside of a page
        return _language.get() or DEFAULT
    return _of_clients.get(client) or _language.get() or DEFAULT


def _(text: str) -> str:
    """A text in the language of who looks; the text itself where nobody translated it."""
    return _catalogue(language()).gettext(text) if text else ""


def ngettext(one: str, many: str, n: int) -> str:
    """A text with a number in it, in the form that the language has for that number."""
    return _catalogue(language()).ngettext(one, many, n)


def mark(text: str) -> str:
    """Mark a text of a constant for translation; it is translated where it is shown, by `_`."""
    return text


def _ranked(accepted: str) -> Iterator[tuple[str, float]]:
    for part in accepted[:400].split(","):
        name, _sep, weight = part.partition(";q=")
        try:
            yield name, float(weight or 1)
        except ValueError:
            continue


def _all_folders() -> Iterable[Path]:
    extra = os.environ.get(EXTRA, "")
    return [*_folders, *([Path(extra)] if extra else [])]


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    entries: dict[str, str] = {}
    for folder in reversed(list(_all_folders())):  # an extra folder wins over the package
        entries = {**_read(folder, code), **entries}
    if not entries:
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(to_mo(entries)))


def _read(folder: Path, code: str) -> Mapping[str, str]:
    path = folder / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.is_file():
        return {}
    return parse_po(path.read_text(encoding="utf-8"), str(path))
