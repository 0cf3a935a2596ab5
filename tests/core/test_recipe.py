"""Recipes: four levels, nested ranges, risk records behind criticality, derivation."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.recipe import Parameter, Range, Recipe, RecipeLevel
from goldenbatch.core.recipe_use import (
    PROJECTIONS,
    RECIPES,
    ForBatch,
    adopted,
    check_derived,
    derive_control,
    load_recipe,
    parse_recipe,
)
from tests.core.log import Log

MASTER = """\
schema = "goldenbatch/recipe/1"
recipe = "tablets-5mg"
version = "3"
level = "master"
product = "Tablets 5 mg"
site = "ljubljana"
process_cell = "ljubljana/solids"
size = 100
size_unit = "kg"

[[risks]]
risk = "R-001"
hazard = "Over-drying breaks granules and slows dissolution"
severity = 4
probability = 3
control = "Inlet temperature held in range"

[[equipment]]
unit = "dryer"
equipment_class = "fluid bed dryer"
properties = { volume = "300 L" }

[[materials]]
material = "api"
quantity = 5.0
unit = "kg"

[[materials]]
material = "filter"
quantity = 1
unit = "{piece}"
scaling = "fixed"

[[parameters]]
name = "inlet_temperature"
unit = "Cel"
set_point = 65.0
normal = [60.0, 70.0]
proven = [55.0, 75.0]
equipment = [20, 90]
alert = [58, 72]
action = [52, 78]
critical = true
risk = "R-001"
tag = "dryer/inlet_temperature"

[[attributes]]
name = "dissolution"
role = "CQA"
unit = "%"
release = [80.0, "open"]
shelf_life = [75.0, "open"]
risk = "R-001"

[[attributes]]
name = "particle_size"
role = "CMA"
material = "api"
unit = "um"
release = [100, 200]
risk = "R-001"

[[procedure]]
unit_procedure = "drying"
unit = "dryer"

[[procedure.operations]]
operation = "dry"

[[procedure.operations.phases]]
phase = "charge"
materials = ["api"]

[[procedure.operations.phases]]
phase = "heat"
instruction = "Heat until the loss on drying is below 2 %."
parameters = ["inlet_temperature"]
"""


def without_equipment(text: str) -> str:
    start, end = text.index("[[equipment]]"), text.index("[[materials]]")
    return (text[:start] + text[end:]).replace('unit = "dryer"\n', "")


GENERAL = (
    without_equipment(MASTER)
    .replace('level = "master"', 'level = "general"')
    .replace('site = "ljubljana"\n', "")
    .replace('process_cell = "ljubljana/solids"\n', "")
    .replace("equipment = [20, 90]\n", "")
)


def test_a_master_recipe_is_read_with_its_digits():
    recipe = parse_recipe(MASTER)
    aim = recipe.parameter("inlet_temperature")
    assert str(aim.set_point) == "65.0"
    assert aim.normal.text(aim.unit) == "60.0 to 70.0 Cel"
    assert recipe.attribute("dissolution").release.text("%") == "at least 80.0 %"
    assert recipe.attribute("particle_size") is None
    assert recipe.attribute("particle_size", "api").critical
    assert recipe.risk("R-001").priority == 36
    assert [phase.phase for _, _, phase in recipe.phases()] == ["charge", "heat"]


def test_levels():
    assert parse_recipe(GENERAL).level is RecipeLevel.GENERAL
    site = GENERAL.replace('level = "general"', 'level = "site"\nsite = "ljubljana"')
    assert parse_recipe(site).site == "ljubljana"


@pytest.mark.parametrize(
    ("old", "new", "words", "near"),
    [
        ("set_point = 65.0", "set_point = 71", "set point 71 does not lie within the normal", "["),
        ("normal = [60.0, 70.0]", "normal = [50, 70]", "does not lie within the proven", "["),
        ("proven = [55.0, 75.0]", "proven = [55, 95]", "within the equipment range", "["),
        ("alert = [58, 72]", "alert = [50, 72]", "alert limits", "["),
        ("normal = [60.0, 70.0]", "normal = [70, 60]", "before it begins", "normal"),
        ("normal = [60.0, 70.0]", "normal = [1]", "list of two ends", "normal"),
        ('release = [80.0, "open"]', 'release = ["open", "open"]', "at least one end", "release"),
        ("release = [80.0,", "release = [70.0,", "shelf-life specification", "["),
        ('risk = "R-001"\ntag', "tag", "points to no risk record", ""),
        ('risk = "R-001"\nhazard', 'risk = "R-009"\nhazard', "which does not exist", ""),
        ('unit = "dryer"\n\n[[procedure.op', "\n[[procedure.op", "not among the equipment", ""),
        ('parameters = ["inlet', 'parameters = ["outlet', "unknown parameter", ""),
        ('materials = ["api"]', 'materials = ["apl"]', "unknown material", ""),
        ('process_cell = "ljubljana/solids"\n', "", "names its process_cell", ""),
        ('level = "master"', 'level = "general"', "names no site", ""),
        ('role = "CMA"\nmaterial = "api"', 'role = "CMA"', "a CMA names its material", "["),
        ('phase = "heat"', 'phase = "charge"', "there twice", ""),
        ('size_unit = "kg"\n', "", "given together", ""),
        ("severity = 4", "severity = 6", "less than or equal to 5", "severity"),
        ('unit = "Cel"', 'unti = "Cel"', "Field required", "["),
        ("size = 100", "size = nan", "finite number", "size"),
    ],
)
def test_a_recipe_that_is_not_sound_is_refused(old, new, words, near):
    assert MASTER.count(old) >= 1
    text = MASTER.replace(old, new, 1)
    with pytest.raises(BadInputError, match=words) as caught:
        parse_recipe(text, "r.toml")
    assert caught.value.file == "r.toml"
    if near:
        assert near in text.splitlines()[caught.value.line - 1]


def test_a_general_recipe_is_free_of_equipment():
    for old, new in (
        ("proven = [55.0, 75.0]", "proven = [55.0, 75.0]\nequipment = [1, 99]"),
        ('level = "general"', 'level = "general"\nprocess_cell = "x"'),
        ('unit_procedure = "drying"', 'unit_procedure = "drying"\nunit = "dryer"'),
    ):
        with pytest.raises(BadInputError, match="free of equipment"):
            parse_recipe(GENERAL.replace(old, new))


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "r.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"r\.toml"):
        load_recipe(path)
    with pytest.raises(BadInputError, match=r"none\.toml"):
        load_recipe(tmp_path / "none.toml")
    path.write_text(MASTER, "utf-8")
    assert load_recipe(path) == parse_recipe(MASTER)


def test_the_digest_follows_content_not_layout():
    recipe = parse_recipe(MASTER)
    assert parse_recipe("# comment\n" + MASTER).digest() == recipe.digest()
    assert parse_recipe(MASTER.replace("65.0", "65.00")).digest() != recipe.digest()
    assert Recipe.model_validate(recipe.model_dump(mode="json", by_alias=True)) == recipe


def test_a_control_recipe_pins_its_master():
    master = parse_recipe(MASTER)
    wish = ForBatch(
        "B7",
        {"dryer": "ljubljana/solids/fbd2"},
        {"inlet_temperature": Decimal("66.5")},
        Decimal("50"),
    )
    control = derive_control(master, wish)
    assert (control.level, control.batch) == (RecipeLevel.CONTROL, "B7")
    assert control.derived_from == master.origin()
    assert control.equipment[0].place == "ljubljana/solids/fbd2"
    assert str(control.parameter("inlet_temperature").set_point) == "66.5"
    assert [str(one.quantity) for one in control.materials] == ["2.5", "1"]
    assert check_derived(control, master) == []
    assert master == parse_recipe(MASTER)
    batch = BatchCreated(batch="B7", product=master.product, pinned=dict(control.pinned()))
    assert batch.pinned == {"recipe:tablets-5mg": f"3@{control.digest()}"}


@pytest.mark.parametrize(
    ("quantity", "size", "expected"),
    [("5.0", "300", "15.0"), ("1", "33", "0.33"), ("7", "3", "0.21"), ("240.0", "50", "120.0")],
)
def test_scaling_keeps_places_and_never_rounds_to_nothing(quantity, size, expected):
    master = parse_recipe(MASTER.replace("quantity = 5.0", f"quantity = {quantity}"))
    control = derive_control(master, ForBatch("B", {"dryer": "x"}, size=Decimal(size)))
    assert str(control.materials[0].quantity) == expected


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(0, 3))
def test_scaling_is_right_to_six_digits(nominal, size, places):
    quantity = Decimal(7).scaleb(-places)
    master = parse_recipe(
        MASTER.replace("quantity = 5.0", f'quantity = "{quantity}"').replace(
            "size = 100", f"size = {nominal}"
        )
    )
    control = derive_control(master, ForBatch("B", {"dryer": "x"}, size=Decimal(size)))
    got, exact = control.materials[0].quantity, quantity * size / nominal
    assert abs(got - exact) <= exact * Decimal("5e-6")
    assert "E" not in str(got)
    assert got.as_tuple().exponent <= quantity.as_tuple().exponent


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (ForBatch("B", {}), "no place for unit 'dryer'"),
        (ForBatch("B", {"dryer": ""}), "no place for unit 'dryer'"),
        (ForBatch("B", {"dryer": "x", "mill": "y"}), "unknown unit 'mill'"),
        (ForBatch("B", {"dryer": "x"}, {"speed": Decimal(1)}), "unknown parameter 'speed'"),
        (ForBatch("B", {"dryer": "x"}, {"inlet_temperature": Decimal(71)}), "leaves 60.0 to 70.0"),
        (ForBatch("B", {"dryer": "x"}, size=Decimal(0)), "not above zero"),
    ],
)
def test_a_wish_that_the_master_does_not_allow_is_refused(wish, words):
    with pytest.raises(BadInputError, match=words):
        derive_control(parse_recipe(MASTER), wish)


def test_what_belongs_to_one_batch_is_not_adopted():
    master = parse_recipe(MASTER)
    control = derive_control(master, ForBatch("B", {"dryer": "x"}))
    for text, words in (
        (MASTER.replace('level = "master"', 'level = "master"\nbatch = "B"'), "names no batch"),
        (MASTER.replace('level = "master"', 'level = "control"\nbatch = "B"'), "derived from"),
        (MASTER.replace('class = "fluid', 'class = "x"\nplace = "fluid'), "not which place"),
    ):
        with pytest.raises(BadInputError, match=words):
            adopted(text, 0)
    origin = master.origin()
    entries = f'recipe = "{origin.recipe}", version = "3", digest = "{origin.digest}"'
    text = MASTER.replace(
        'level = "master"', f'level = "control"\nbatch = "B"\nderived_from = {{ {entries} }}'
    ).replace('class = "fluid bed dryer"', 'class = "fluid bed dryer"\nplace = "x"')
    assert parse_recipe(text) == control
    with pytest.raises(BadInputError, match="is a control recipe, for one batch"):
        adopted(text, 0)


def test_only_a_master_has_control_recipes():
    sizeless = parse_recipe(MASTER.replace("size = 100\n", "").replace('size_unit = "kg"\n', ""))
    with pytest.raises(BadInputError, match="no size to scale from"):
        derive_control(sizeless, ForBatch("B", {"dryer": "x"}, size=Decimal(1)))
    with pytest.raises(BadInputError, match="is a general recipe"):
        derive_control(parse_recipe(GENERAL), ForBatch("B", {}))


def test_what_a_child_may_not_do():
    parent = parse_recipe(GENERAL)
    origin = (
        f'derived_from = {{ recipe = "tablets-5mg", version = "3", digest = "{parent.digest()}" }}'
    )
    text = MASTER.replace('level = "master"', f'level = "master"\n{origin}')
    assert check_derived(parse_recipe(text), parent) == []
    text = (
        text.replace("proven = [55.0, 75.0]", "proven = [50.0, 75.0]")
        .replace('role = "CQA"', 'role = "other"')
        .replace("release = [100, 200]", 'release = [100, "open"]')
        .replace('product = "Tablets 5 mg"', 'product = "Capsules"')
    )
    faults = "; ".join(check_derived(parse_recipe(text), parent))
    for words in ("wider proven", "dissolution is left out", "wider release", "makes Capsules"):
        assert words in faults
    assert "not derived from" in "; ".join(check_derived(parent, parent))
    assert "no child" in "; ".join(check_derived(parent, parent))


def test_recipes_are_adopted_whole():
    log = Log()
    log.add("master/recipe/tablets-5mg", adopted(MASTER, 10))
    row = log.table(RECIPES)["tablets-5mg", 1]
    assert (row["version"], row["level"], row["digest"]) == (
        "3",
        "master",
        parse_recipe(MASTER).digest(),
    )
    assert parse_recipe(log.events[0].decode().text) == parse_recipe(MASTER)
    for projection in PROJECTIONS:
        assert tuple(projection.columns)[: len(projection.key)] == projection.key


ends = st.none() | st.decimals(-100, 100, places=1)
ranges = st.tuples(ends, ends).filter(lambda r: r != (None, None) and (None in r or r[0] <= r[1]))


@given(ranges, ranges, st.decimals(-120, 120, places=1))
def test_within_means_every_value(inner, outer, value):
    one, other = Range(lower=inner[0], upper=inner[1]), Range(lower=outer[0], upper=outer[1])
    if one.is_within(other) and one.holds(value):
        assert other.holds(value)
    if not one.is_within(other):
        edges = [end for end in inner if end is not None]
        edges += [Decimal(-101) if inner[0] is None else edges[0]]
        edges += [Decimal(101) if inner[1] is None else edges[0]]
        assert any(one.holds(edge) and not other.holds(edge) for edge in edges)


@given(ranges, ranges, ranges, st.decimals(-120, 120, places=1))
def test_a_parameter_is_accepted_exactly_when_nested(normal, proven, equipment, aim):
    nor, par, eqr = (Range(lower=low, upper=up) for low, up in (normal, proven, equipment))
    is_right = nor.holds(aim) and nor.is_within(par) and par.is_within(eqr)
    entries = {"set_point": aim, "normal": nor, "proven": par, "equipment": eqr}
    try:
        Parameter(name="p", unit="Cel", **entries)
    except ValidationError:
        assert not is_right
    else:
        assert is_right
