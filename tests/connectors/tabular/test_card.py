"""Source cards: what is wrong in one is said with file, line and key."""

from __future__ import annotations

import pytest

from goldenbatch.connectors.tabular import load_card, parse_card
from goldenbatch.connectors.tabular._templates import placeholders, render
from goldenbatch.core.errors import BadInputError, NotFoundError

CARD = """name = "press"
zone = "Europe/Ljubljana"

[[table]]
name = "press"
files = ["*.csv"]
separator = ";"
time = { column = "at" }

[[table.tag]]
tag = "site/press/force"
column = "force"
unit = "kN"

[[table.sample]]
sample = "{batch}/core"
batch = "{batch}"
result = [{ column = "weight", unit = "mg" }]
"""


def test_a_card_says_which_columns_it_needs():
    table = parse_card(CARD).tables[0]
    assert table.declared_columns() == ("at", "force", "batch", "weight")


def test_the_digest_is_that_of_what_the_card_says():
    assert parse_card(CARD).digest == parse_card("# a comment\n" + CARD).digest
    assert parse_card(CARD).digest != parse_card(CARD.replace('"kN"', '"N"')).digest


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ('zone = "Europe/Ljubljana"', 'zone = "Ljubljana"', 1, "IANA"),
        ('name = "press"', 'name = "The Press"', 1, "pattern"),
        ('separator = ";"', 'separator = ";;"', 7, "at most 1"),
        ('unit = "kN"', 'units = "kN"', 13, "xtra"),
        ('time = { column = "at" }', "", 4, "no time"),
        ('time = { column = "at" }', 'time = { column = "at", every = "1 s" }', 8, "exactly one"),
        ('column = "force"', "", 10, "required"),
        ('batch = "{batch}"\n', "", 15, "no batch and no lot"),
        ('sample = "{batch}/core"', 'sample = "{batch/core"', 4, "template"),
        ("zone =", "zone", 2, "TOML"),
    ],
)
def test_errors_name_file_line_and_key(old, new, line, what):
    with pytest.raises(BadInputError, match=what) as caught:
        parse_card(CARD.replace(old, new, 1), "card.toml")
    assert (caught.value.file, caught.value.line) == ("card.toml", line)


def test_a_missing_card_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no source card"):
        load_card(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe4'")
    with pytest.raises(BadInputError, match="UTF-8"):
        load_card(tmp_path / "latin.toml")


def test_templates_take_cells_and_refuse_empty_ones():
    assert placeholders("{a}-{row:03d} {{tbl}}") == ("a", "row")
    assert render("{a}-{row:03d} {{tbl}}", {"a": "x", "row": 7}) == "x-007 {tbl}"
    with pytest.raises(BadInputError, match="'a' is empty"):
        render("{a}", {"a": ""})
