"""Words: every marked text is in the template, German is whole, values keep their places."""

from __future__ import annotations

import gettext
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.ui.web import words
from goldenbatch.ui.web._po import parse_po, to_mo
from tests.apps.web import catalogue

KIT = ("ui/web/", "apps/web/app.py", "apps/web/login.py", "apps/web/shell.py", "apps/web/errors.py")


def test_every_marked_text_is_in_the_template():
    there = catalogue.TEMPLATE.read_text(encoding="utf-8")
    lacking = [
        one for one, _ in catalogue.found_texts() if f"msgid {catalogue.quoted(one)}" not in there
    ]
    assert not lacking, f"run `python -m tests.apps.web.catalogue`: {lacking[:5]}"


def test_german_has_every_text_of_the_shell_and_the_kit():
    path = catalogue.LOCALE / "de" / "LC_MESSAGES" / "goldenbatch.po"
    known = parse_po(path.read_text(encoding="utf-8"), str(path))
    lacking = [
        one
        for (one, many), files in catalogue.found_texts().items()
        if any(file.startswith(KIT) for file in files)
        and (f"{one}\0{many}" if many else one) not in known
    ]
    assert not lacking


@pytest.mark.parametrize(
    "path", sorted(catalogue.LOCALE.glob("*/LC_MESSAGES/*.po")), ids=lambda one: one.parents[1].name
)
def test_translations_have_the_values_of_their_texts(path):
    for text, told in parse_po(path.read_text(encoding="utf-8")).items():
        if text:
            wanted = set(re.findall(r"\{(\w+)\}", text))
            for form in told.split("\0"):
                assert set(re.findall(r"\{(\w+)\}", form)) <= wanted, text


def test_a_language_is_spoken_inside_and_english_after(tmp_path, monkeypatch):
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "goldenbatch.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n'
        'Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid "Hands"\nmsgstr "Hände"\n\n'
        'msgid "{n} hand"\nmsgid_plural "{n} hands"\nmsgstr[0] "{n} Hand"\nmsgstr[1] "{n} Hände"\n'
    )
    monkeypatch.setenv(words.EXTRA, str(tmp_path))
    words._catalogue.cache_clear()
    try:
        with words.speaking("de"):
            assert words._("Hands") == "Hände"
            assert [words.ngettext("{n} hand", "{n} hands", n) for n in (1, 2)] == [
                "{n} Hand", "{n} Hände",
            ]  # fmt: skip
            assert words._("nobody translated this") == "nobody translated this"
        assert words._("Hands") == "Hands"
    finally:
        words._catalogue.cache_clear()


@pytest.mark.parametrize(
    ("wanted", "accepted", "spoken"),
    [
        ("de", "en", "de"), ("", "", "en"), ("", "de-CH,fr;q=0.8", "de"), ("../etc", "xx", "en"),
        ("", "de;q=0, en", "en"), ("", "de;q=nan;q=x", "en"), ("", "en;q=0.2,de;q=0.9", "de"),
    ],
)  # fmt: skip
def test_the_language_is_the_persons_then_the_browsers(wanted, accepted, spoken):
    assert words.chosen_language(wanted, accepted) == spoken


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\4\r"), min_size=1)


@given(st.dictionaries(texts, texts, max_size=8))
def test_a_catalogue_is_read_as_it_was_written(entries):
    known = {"": "Content-Type: text/plain; charset=UTF-8\n", **entries}
    blocks = (
        f"msgid {catalogue.quoted(k)}\nmsgstr {catalogue.quoted(v)}" for k, v in known.items()
    )
    assert parse_po("\n\n".join(blocks)) == known
    read = gettext.GNUTranslations(io.BytesIO(to_mo(known)))
    assert all(read.gettext(key) == value for key, value in entries.items())


def test_a_broken_catalogue_is_named_with_its_line():
    with pytest.raises(BadInputError, match=r"x\.po, line 2"):
        parse_po('msgid "a"\nmsgstr b\n', "x.po")
