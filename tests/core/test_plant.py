from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.plant import (
    Level,
    Limit,
    LimitKind,
    Plant,
    PlantAdopted,
    Tag,
    diff,
    load_plant,
    parse_plant,
)

TABLETS = """\
name = "Tablets"
version = "3"

[[places]]
path = "site"
level = "site"

[[places]]
path = "site/tabletting"
level = "area"
title = "Tabletting"

[[places]]
path = "site/tabletting/press"   # rotary press
level = "unit"

[[rooms]]
name = "T-101"
area = "site/tabletting"
grade = "D"
places = ["site/tabletting/press"]
cascade = [{ above = "T-100", min_Pa = 10.0 }]

[[rooms]]
name = "T-100"
area = "site/tabletting"
grade = "CNC"

[[tags]]
name = "site/tabletting/press/main_comp"
unit = "kN"
description = "Main compression force"
cadence_s = 10
limits = [
  { kind = "alert", lower = 3.0, upper = "6.00", unit = "kN" },
  { kind = "action", upper = 7000, unit = "N" },
]

[[tags]]
place = "site/tabletting/press"
signal = "message"
kind = "text"
unit = ""
data_class = "confidential"

[[products]]
code = "25"
name = "Statin"
strength = "5 mg"

[[products.attributes]]
name = "impurities_total"
unit = "%"
is_critical = true
limits = [{ kind = "release", upper = 0.50, unit = "%", source = "SPEC-25 3.2" }]

[[products.attributes]]
name = "identity"
limits = [{ kind = "release", allowed = ["complies"] }]

[[materials]]
code = "lactose"

[[materials.attributes]]
name = "water"
unit = "%"

[[equipment]]
place = "site/tabletting/press"
asset = "P-3021"
qualified = [{ parameter = "main_comp", lower = 0, upper = 80, unit = "kN" }]

[[equipment.calibrations]]
signal = "main_comp"
calibrated_at = 2019-01-10
due_at = 2020-01-10
certificate = "C-1"
"""


@pytest.fixture(scope="module")
def plant() -> Plant:
    return parse_plant(TABLETS)


def test_what_was_written_is_found(plant: Plant) -> None:
    assert plant.place("site/tabletting/press").level is Level.UNIT
    assert plant.place("site/tabletting/press").parent == "site/tabletting"
    assert [place.path for place in plant.children("site")] == ["site/tabletting"]
    tag = plant.tag("site/tabletting/press/main_comp")
    assert (tag.unit, tag.cadence_s, tag.data_class) == ("kN", 10, "operational")
    assert plant.tag("site/tabletting/press/message").data_class == "confidential"
    assert [t.signal for t in plant.tags_below("site")] == ["main_comp", "message"]
    assert plant.room("T-101").cascade[0].min_Pa == "10.0"
    assert plant.product("25").strength == "5 mg"
    assert plant.material("lactose").attributes[0].name == "water"
    assert plant.has_tag("site/tabletting/press/message")
    assert not plant.has_tag("site/tabletting/press/other")


def test_limits_keep_their_digits(plant: Plant) -> None:
    (release,) = plant.limits("25", "impurities_total", "release")
    assert release == Limit(kind=LimitKind.RELEASE, upper="0.50", unit="%", source="SPEC-25 3.2")
    assert plant.limits("25", "impurities_total", "shelf_life") == ()
    assert plant.limits("lactose", "water") == ()
    assert plant.tag("site/tabletting/press/main_comp").limits[0].lower == "3.0"


def test_a_calibration_ends_on_its_due_date(plant: Plant) -> None:
    tag = "site/tabletting/press/main_comp"
    in_force = plant.calibration(tag, date(2020, 1, 9))
    assert in_force is not None
    assert in_force.certificate == "C-1"
    assert plant.calibration(tag, date(2020, 1, 10)) is None
    assert plant.calibration(tag, date(2019, 1, 9)) is None
    assert plant.calibration("site/tabletting/press/message", date(2019, 6, 1)) is None


def test_what_is_not_there_is_told_with_the_nearest_name(plant: Plant) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'site/tabletting/press/main_comp'"):
        plant.tag("site/tabletting/press/main_cmp")
    with pytest.raises(NotFoundError, match="no place 'site/x'"):
        plant.place("site/x")
    with pytest.raises(NotFoundError, match="no attribute"):
        plant.limits("25", "impurity")
    with pytest.raises(NotFoundError, match="no material '99'"):
        plant.limits("99", "water")


def test_the_digest_is_that_of_the_content_and_not_of_the_order(plant: Plant) -> None:
    turned = plant.model_copy(update={"tags": plant.tags[::-1], "places": plant.places[::-1]})
    fresh = Plant.model_validate(turned.model_dump())
    assert fresh.digest == plant.digest
    assert diff(plant, fresh) == ()
    assert parse_plant(TABLETS.replace("0.50", "0.5")).digest != plant.digest


def test_an_adopted_plant_comes_back_and_a_changed_text_does_not(plant: Plant) -> None:
    event = plant.adopted(effective_from=1)
    again = PlantAdopted.model_validate(event.as_json()).plant()
    assert again.digest == plant.digest
    assert again.adopted(1) == event
    with pytest.raises(ValueError, match="not that of the text"):
        PlantAdopted.model_validate(event.as_json() | {"text": event.text.replace("0.50", "0.90")})
    with pytest.raises(BadInputError):
        Plant.from_text("{}")


# What is replaced, by what, and where the mistake is then reported.
MISTAKES = [
    ('level = "unit"', 'level = "machine"', 15, "places.2.level", "Input should be"),
    ('level = "unit"', 'level = "site"', 15, "places.2.level", "cannot lie in a area"),
    ('path = "site/tabletting"', 'path = "site/tab"', 14, "places.2.path", "not described"),
    ('unit = "kN"\ndesc', 'unit = "kn"\ndesc', 31, "tags.0.unit", "no UCUM code"),
    ('unit = "kN"\ndesc', 'unit = "kg"\ndesc', 34, "tags.0.limits", "does not convert"),
    (
        'place = "site/tabletting/press"\nsig',
        'place = "site/lost"\nsig',
        40,
        "tags.1.place",
        "not d",
    ),
    ("cadence_s = 10", "cadence_s = 0", 33, "tags.0.cadence_s", "greater than 0"),
    ("cadence_s = 10", "cadance_s = 10", 33, "tags.0.cadance_s", "Extra inputs"),
    ('"message"', '"main_comp"', 39, "tags.1", "stands here twice"),
    ("T-100", "T-102", 22, "rooms.0.cascade", "room 'T-102' is not described"),
    ("T-100", "T-101", 22, "rooms.0.cascade", "back to itself"),
    ("0.50", '"half"', 55, "products.0.attributes.0.limits.0", "is not a number"),
    ("2020-01-10", "2018-01-10", 73, "equipment.0.calibrations.0", "is not after"),
    ('name = "Statin"', 'name = "Statin', 48, "", "not TOML"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "message"), MISTAKES)
def test_a_mistake_is_reported_with_file_line_and_key(
    old: str, new: str, line: int, key: str, message: str
) -> None:
    assert old in TABLETS
    with pytest.raises(BadInputError, match=message) as caught:
        parse_plant(TABLETS.replace(old, new, 1), "plant.toml")
    found = caught.value
    assert (found.file, found.line, found.key) == ("plant.toml", line, key)


def test_a_limit_without_unit_has_that_of_what_it_limits() -> None:
    text = TABLETS.replace('upper = 0.50, unit = "%"', "upper = 0.50")
    text = text.replace('upper = "6.00", unit = "kN"', 'upper = "6.00"')
    plant = parse_plant(text)
    assert plant.digest == parse_plant(TABLETS).digest
    assert plant.limits("25", "impurities_total")[0].unit == "%"


def test_limits_of_one_kind_stand_once() -> None:
    with pytest.raises(ValueError, match="more than one alert"):
        Tag.model_validate(
            {
                "name": "a/b",
                "limits": [{"kind": "alert", "upper": 1}, {"kind": "alert", "lower": 0}],
            }
        )


def test_a_tag_is_named_one_way() -> None:
    with pytest.raises(ValueError, match="either name, or place and signal"):
        Tag.model_validate({"name": "a/b", "signal": "b"})


def test_files_that_are_no_plant(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        load_plant(tmp_path / "plant.toml")
    (tmp_path / "plant.toml").write_bytes(b"name = '\xe4'")
    with pytest.raises(BadInputError, match="UTF-8"):
        load_plant(tmp_path / "plant.toml")
    (tmp_path / "plant.toml").write_text(TABLETS, encoding="utf-8")
    assert load_plant(tmp_path / "plant.toml").digest == parse_plant(TABLETS).digest


@given(st.data())
def test_a_document_cut_or_changed_is_refused_clearly_or_read(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TABLETS)))
    noise = data.draw(st.text(max_size=3))
    length = data.draw(st.integers(0, 40))
    text = TABLETS[:start] + noise + TABLETS[start + length :]
    try:
        parse_plant(text, "plant.toml")
    except BadInputError as error:
        assert error.file == "plant.toml"
        assert 1 <= error.line <= text.count("\n") + 1
