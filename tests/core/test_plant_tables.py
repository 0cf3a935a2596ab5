from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import (
    BulkTable,
    Plant,
    diff,
    load_plant,
    merge,
    parse_plant,
    preview,
    read_table,
)

BASE = """\
name = "Tablets"
[[places]]
path = "site"
level = "site"
[[places]]
path = "site/press"
level = "unit"
[[tags]]
name = "site/press/speed"
unit = "/min"
description = "Turret speed"
[[products]]
code = "7"
[[products.attributes]]
name = "water"
unit = "%"
limits = [{ kind = "release", upper = "2.0", unit = "%" }]
"""
TAGS = """\
name;unit;description;cadence_s
site/press/speed;;Speed of the turret;10
site/press/srel;%;"Standard deviation; relative";
"""
LIMITS = """\
product,attribute,tag,kind,lower,upper,unit
7,water,,release,,1.5,
7,water,,alert,,1.20,%
,,site/press/speed,action,10,120,/min
"""
CALIBRATION = """\
tag,calibrated_at,due_at,certificate
site/press/speed,2019-01-01,2020-01-01,C-7
"""


def table(name: str, *rows: dict[str, str]) -> BulkTable:
    return BulkTable(name, f"{name}.csv", list(enumerate(rows, start=2)))  # type: ignore[arg-type]


def home(tmp_path: Path, **texts: str) -> Path:
    (tmp_path / "tables").mkdir(exist_ok=True)
    (tmp_path / "plant.toml").write_text(BASE, encoding="utf-8")
    for name, text in texts.items():
        (tmp_path / "tables" / f"{name}.csv").write_text(text, encoding="utf-8-sig")
    return tmp_path / "plant.toml"


def test_tables_beside_the_plant_are_taken_in(tmp_path: Path) -> None:
    plant = load_plant(home(tmp_path, tags=TAGS, limits=LIMITS, calibration=CALIBRATION))
    speed = plant.tag("site/press/speed")
    assert (speed.unit, speed.description, speed.cadence_s) == ("/min", "Speed of the turret", 10)
    assert speed.limits[0].upper == "120"
    assert plant.tag("site/press/srel").description == "Standard deviation; relative"
    assert [limit.upper for limit in plant.limits("7", "water")] == ["1.5", "1.20"]
    equipment = plant.equipment_at("site/press")
    assert equipment is not None
    assert equipment.calibrations[0].certificate == "C-7"


def test_the_same_tables_again_change_nothing(tmp_path: Path) -> None:
    path = home(tmp_path, tags=TAGS, limits=LIMITS, calibration=CALIBRATION)
    once = load_plant(path)
    names = ("tags", "limits", "calibration")
    tables = [read_table(n, tmp_path / "tables" / f"{n}.csv") for n in names]  # type: ignore[arg-type]
    assert preview(once, tables).changes == ()


def test_the_preview_lists_old_and_new_and_changes_nothing(tmp_path: Path) -> None:
    plant = parse_plant(BASE)
    digest = plant.digest
    home(tmp_path, limits=LIMITS, tags=TAGS)
    limits = read_table("limits", tmp_path / "tables" / "limits.csv")
    tags = read_table("tags", tmp_path / "tables" / "tags.csv")
    result = preview(plant, [tags, limits])
    lines = [str(change) for change in result.changes]
    assert "added tags site/press/srel" in lines
    assert "changed tags site/press/speed description: Turret speed -> Speed of the turret" in lines
    assert "changed products 7 attributes[water].limits[release].upper: 2.0 -> 1.5" in lines
    assert "changed products 7 attributes[water].limits[alert].upper: (nothing) -> 1.20" in lines
    assert plant.digest == parse_plant(BASE).digest == digest


def test_diff_turns_round() -> None:
    old, new = parse_plant(BASE), merge(parse_plant(BASE), [table("tags", {"name": "site/x"})])
    assert [(c.change, c.key) for c in diff(old, new)] == [("added", "site/x")]
    assert [(c.change, c.key) for c in diff(new, old)] == [("removed", "site/x")]


BAD_ROWS = [
    ("tags", {"name": "site/lost/x"}, "name", "not described"),
    ("tags", {"name": "site/x", "unit": "°C"}, "unit", "Did you mean|no UCUM"),
    ("tags", {"name": "site/x", "cadence_s": "often"}, "cadence_s", "found 'often'"),
    ("tags", {"name": "site/x", "place": "site"}, "name", "either name"),
    ("tags", {"signal": "x"}, "place", "place is missing"),
    ("tags", {"name": "site/x", "colour": "red"}, "colour", "no such column"),
    ("limits", {"kind": "alert", "upper": "1"}, "product", "exactly one"),
    ("limits", {"product": "8", "kind": "alert", "upper": "1"}, "product", "not described"),
    ("limits", {"product": "7", "attribute": "x", "kind": "alert"}, "attribute", "no attribute"),
    ("limits", {"product": "7", "attribute": "water", "upper": "1"}, "kind", "is missing"),
    ("limits", {"product": "7", "attribute": "water", "kind": "soft"}, "kind", "found 'soft'"),
    ("limits", {"tag": "site/y", "kind": "alert", "upper": "1"}, "tag", "not described"),
    ("calibration", {"tag": "site/press/speed", "calibrated_at": "soon"}, "calibrated_at", "soon"),
    ("calibration", {"place": "site/y", "signal": "z"}, "place", "not described"),
]


@pytest.mark.parametrize(("name", "row", "column", "message"), BAD_ROWS)
def test_a_bad_row_is_named_and_the_others_are_previewed(
    name: str, row: dict[str, str], column: str, message: str
) -> None:
    plant = parse_plant(BASE)
    tables = [table(name, row), table("tags", {"name": "site/good"})]
    result = preview(plant, tables)
    (problem,) = result.problems
    assert (problem.file, problem.line, problem.key) == (f"{name}.csv", 2, column)
    assert result.plant.has_tag("site/good")
    with pytest.raises(BadInputError, match=message):
        merge(plant, tables)


def test_a_row_that_stands_twice_is_refused() -> None:
    twice = table("tags", {"name": "site/a"}, {"place": "site", "signal": "a", "unit": "kN"})
    (problem,) = preview(parse_plant(BASE), [twice]).problems
    assert problem.line == 3
    assert "line 2 already" in str(problem)


def test_a_limit_in_a_unit_that_does_not_convert_is_refused() -> None:
    row = {"product": "7", "attribute": "water", "kind": "alert", "upper": "1", "unit": "mg"}
    result = preview(parse_plant(BASE), [table("limits", row)])
    assert "does not convert" in str(result.problems[0])
    assert result.changes == ()


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 0, "is empty"),
        (b"name,colour\n", 1, "no column 'colour'"),
        (b"name,name\n", 1, "stands twice"),
        (b"name,unit\nsite/a,kN,3\n", 2, "3 cells and the header 2"),
        (b'name,unit\nsite/a,"kN\n', 2, "unexpected end"),
        (b"name\n\xff\n", 0, "UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    path = tmp_path / "tags.csv"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=message) as caught:
        read_table("tags", path)
    assert (caught.value.file, caught.value.line) == (str(path), line)


signals = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), unique=True, max_size=6)


@given(signals, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(names: list[str], random: object) -> None:
    plant = parse_plant(BASE)
    rows = [{"place": "site", "signal": name, "unit": "kN"} for name in names]
    turned = list(rows)
    random.shuffle(turned)  # type: ignore[attr-defined]
    one, other = merge(plant, [table("tags", *rows)]), merge(plant, [table("tags", *turned)])
    assert one.digest == other.digest
    assert len(diff(plant, one)) == len(names)
    assert Plant.from_text(one.text) == Plant.from_text(other.text)
