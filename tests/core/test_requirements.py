"""Packs of requirements: read from TOML, whole, and wrong ones named by file, line and key."""

import pytest

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.requirements import (
    load_pack,
    parse_pack,
    shipped_names,
    shipped_pack,
    shipped_text,
)

GOOD = """schema = "goldenbatch/requirements/1"
name = "own"
title = "Own"
version = "1"
authority = "The site"
source = "URS-1"
status = "draft"
dated = 2026-01-31

[[risk]]
id = "R1"
hazard = "h"
harm = "m"
severity = "high"
probability = "low"
detectability = "high"
rationale = "why"

[[requirement]]
id = "U1"
title = "T"
requirement = "It holds."
control = "technical"
checks = ["one"]
risks = ["R1"]
"""


def test_a_pack_is_read():
    pack = parse_pack(GOOD, "own.toml", {"one"})
    assert (pack.name, pack.status, str(pack.dated)) == ("own", "draft", "2026-01-31")
    assert pack.requirements[0].checks == ("one",)
    assert len(pack.digest) == 64
    assert parse_pack(GOOD + "# more\n").digest != pack.digest


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('control = "technical"', 'control = "magic"', "own.toml:23:requirement.0.control"),
        ('checks = ["one"]', "checks = []", "own.toml:24:requirement.0.checks"),
        ('checks = ["one"]', 'checks = ["two"]', "own.toml:24:requirement.0.checks.0: U1 names"),
        ('control = "technical"', 'control = "both"', "U1 leaves something to the site"),
        ('control = "technical"', 'control = "procedure"', "own.toml:23:requirement.0.control"),
        ('risks = ["R1"]', 'risks = ["R2"]', "own.toml:25:requirement.0.risks"),
        ("dated = 2026-01-31", 'dated = "soon"', "own.toml:8:dated"),
        ('severity = "high"', 'severity = "huge"', "own.toml:14:risk.0.severity"),
        ('id = "U1"', 'id = "U1"\nclauze = "1"', "own.toml:21:requirement.0.clauze"),
        ('name = "own"', "name = own", "own.toml:2"),
    ],
)
def test_a_wrong_entry_is_named(old, new, words):
    with pytest.raises(BadInputError) as caught:
        parse_pack(GOOD.replace(old, new), "own.toml", {"one"})
    assert words in str(caught.value)


def test_an_id_stands_once():
    twice = GOOD + GOOD[GOOD.index("[[requirement]]") :]
    with pytest.raises(BadInputError, match=r"own.toml:2[0-9]:requirement.1.id: .*twice"):
        parse_pack(twice, "own.toml")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        load_pack(tmp_path / "none.toml")
    with pytest.raises(NotFoundError, match="no pack 'king'"):
        shipped_text("king")


@pytest.mark.parametrize(
    ("levels", "priority"),
    [
        (("high", "high", "low"), "high"),
        (("high", "low", "high"), "low"),
        (("high", "medium", "medium"), "high"),
        (("low", "low", "high"), "low"),
        (("low", "low", "low"), "medium"),
    ],
)
def test_priority_of_a_risk(levels, priority):
    severity, probability, detectability = levels
    risk = parse_pack(GOOD).risks[0].model_copy(
        update={
            "severity": severity, "probability": probability, "detectability": detectability,
        }
    )  # fmt: skip
    assert risk.priority == priority


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_packs_are_whole(name):
    pack = shipped_pack(name)
    assert pack.name == name
    assert pack.source
    if "draft" in name:
        assert pack.status == "draft"
    others = {
        f"{one}:{row.id}" for one in shipped_names() for row in shipped_pack(one).requirements
    }
    assert not {one for row in pack.requirements for one in row.meets} - others


def test_what_is_in_force():
    states = {name: shipped_pack(name).status for name in shipped_names()}
    assert states["fda-part11"] == states["eu-annex11"] == "in force"
    assert states["annex22-draft-2025"] == "draft"
