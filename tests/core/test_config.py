from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core import config
from goldenbatch.core._toml import read_toml, write_toml
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import HomeKind

GOOD = """\
name = "tablets"      # what people call it
kind = "validation"
site = "Ljubljana"
zone = "Europe/Ljubljana"

[day]
starts_at = "05:30"

[[day.shifts]]
name = "early"
starts_at = "05:30"

[checkpoints]
n_events = 500
"""


def test_settings_are_read_and_defaults_filled() -> None:
    found = config.parse_settings(GOOD)
    assert (found.kind, found.zone) == (HomeKind.VALIDATION, "Europe/Ljubljana")
    assert found.checkpoints.n_events == 500
    assert found.historian.interval_s == 3600
    assert found.day.shifts[0].name == "early"


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    settings_ = config.parse_settings(GOOD)
    path = config.save_settings(tmp_path, settings_)
    assert config.load_settings(tmp_path) == settings_
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ('kind = "validation"', 'kind = "toy"', 2, "kind"),
        ("Europe/Ljubljana", "Europe/Atlantis", 4, "zone"),
        ('[day]\nstarts_at = "05:30"', '[day]\nstarts_at = "25:30"', 7, "day.starts_at"),
        (
            '"early"\nstarts_at = "05:30"',
            '"early"\nstarts_at = "noon"',
            11,
            "day.shifts.0.starts_at",
        ),
        ("n_events = 500", "n_events = 0", 14, "checkpoints.n_events"),
        ("n_events = 500", "n_evnets = 5", 14, "checkpoints.n_evnets"),
        ('"Ljubljana"', '"Ljubljana', 3, ""),
    ],
)
def test_a_wrong_entry_is_named_with_line_and_key(old: str, new: str, line: int, key: str) -> None:
    with pytest.raises(BadInputError) as caught:
        config.parse_settings(GOOD.replace(old, new, 1), "home.toml")
    assert (caught.value.file, caught.value.line, caught.value.key) == ("home.toml", line, key)
    assert str(caught.value).startswith(f"home.toml:{line}:")


def test_keys_inside_a_long_string_are_no_keys() -> None:
    text = 'site = """\nname = "a"\n[day]\n"""\nname = "x"\n\n[day]\nstarts_at = 6\n'
    with pytest.raises(BadInputError) as caught:
        config.parse_settings(text)
    assert (caught.value.line, caught.value.key) == (8, "day.starts_at")


def test_shifts_become_a_calendar_or_are_refused() -> None:
    calendar = config.parse_settings(GOOD).calendar()
    assert (calendar.zone, [name for name, _ in calendar.shifts]) == ("Europe/Ljubljana", ["early"])
    wrong = GOOD.replace(
        'starts_at = "05:30"\n\n[checkpoints]', 'starts_at = "07:00"\n\n[checkpoints]'
    )
    with pytest.raises(BadInputError, match="do not follow one another"):
        config.parse_settings(wrong)


def test_a_missing_entry_is_named() -> None:
    with pytest.raises(BadInputError, match="Field required") as caught:
        config.parse_settings('site = "x"')
    assert caught.value.key == "name"


def test_a_directory_without_settings_is_no_home(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no home"):
        config.load_settings(tmp_path)
    (tmp_path / "home.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="UTF-8"):
        config.load_settings(tmp_path)


@pytest.mark.parametrize("kind", list(HomeKind))
def test_only_production_is_for_gmp_use(kind: HomeKind) -> None:
    is_production = kind is HomeKind.PRODUCTION
    assert (config.banner(kind) == "") is is_production
    assert ("not for GMP use" in config.signature_note(kind)) is not is_production


def test_the_identity_event_needs_a_uid() -> None:
    settings_ = config.parse_settings(GOOD)
    with pytest.raises(BadInputError, match="no uid"):
        settings_.created()
    event = config.parse_settings('uid = "ab12"\n' + GOOD).created()
    assert (event.uid, event.home_kind, event.kind) == ("ab12", "validation", "HomeCreated")


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(words, st.booleans(), st.integers(-(2**53), 2**53), st.lists(words, max_size=2))
tables = st.dictionaries(words, scalars, max_size=3)


@given(st.dictionaries(words, st.one_of(scalars, tables, st.lists(tables, min_size=1, max_size=2))))
def test_written_toml_reads_back(data: dict[str, object]) -> None:
    assert read_toml(write_toml(data)) == data


@pytest.mark.parametrize(
    "text", ["a=" + "[" * 4000, "a=" + "{b=" * 3000, "a=1" + "0" * 5000], ids=["[", "{", "0"]
)
def test_toml_without_end_is_bad_input(text: str) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        read_toml(text, "policy.toml")
