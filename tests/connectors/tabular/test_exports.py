"""Exports of historians: every reading of a file as its product writes it, with its quality."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.connectors.tabular import ImportOptions, import_card, parse_card, preview
from goldenbatch.connectors.tabular._influx import LineError, parse_line
from goldenbatch.connectors.tabular._quality import quality_of
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Plant
from goldenbatch.core.records import from_iso
from goldenbatch.core.series import Quality

GOOD, UNCERTAIN, BAD = (int(one) for one in Quality)
PLANT = Plant.model_validate(
    {
        "name": "test",
        "places": [{"path": "site", "level": "site"}, {"path": "site/r1", "level": "unit"}],
        "tags": [
            {"name": "site/r1/temp", "unit": "Cel"},
            {"name": "site/r1/flow", "unit": "L/min"},
            {"name": "site/r1/valve", "unit": "", "kind": "text"},
        ],
    }
)
TEMP, FLOW, VALVE = "site/r1/temp", "site/r1/flow", "site/r1/valve"


def card(form, names, more=""):
    lines = "\n".join(f'"{theirs}" = "{ours}"' for theirs, ours in names.items())
    text = f"""name = "export"
zone = "Europe/Ljubljana"
[[table]]
name = "export"
files = ["*.txt"]
format = "{form}"
{more}
[table.names]
{lines}
"""
    return parse_card(text)


def taken(new_site, folder: Path, text, form, names, more=""):
    """Readings by tag as (time, value, quality), and the report, of an import and a second one."""
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text)
    site = new_site(PLANT)
    (report,) = import_card(site, card(form, names, more), folder).files
    (folder / "a.txt").write_text(text + "\n")
    (again,) = import_card(site, card(form, names, more), folder).files
    assert again.n_readings == 0 and again.n_unchanged == report.n_accepted + report.n_unchanged
    found = {}
    for tag in site.historian.tags():
        rows = site.historian.read([tag], (0, 2**62)).table.to_pylist()
        found[tag] = [
            (int(one["time"].timestamp() * 1e6), one["value"], one["quality"]) for one in rows
        ]
    return found, report


PI = """Tag,Timestamp,Value,Questionable
R1:TIC101.PV,22-Nov-26 10:00:00,36.91,False
R1:TIC101.PV,22-Nov-26 10:00:30.500,37.02,True
R1:TIC101.PV,22-Nov-26 10:01:00,I/O Timeout,False
R1:TIC101.PV,22-Nov-26 10:01:30,Bad Input,False
R1:TIC101.PV,22-Nov-26 10:02:00,hot,False
R1:XV101.STAT,22-Nov-26 10:00:00,Open,False
R1:XV101.STAT,22-Nov-26 10:01:00,No Data,False
R1:NEW.PV,22-Nov-26 10:00:00,Pt Created,False
"""


def test_pi_system_states_are_bad_and_what_is_odd_is_refused(new_site, tmp_path):
    names = {"R1:TIC101.PV": TEMP, "R1:XV101.STAT": VALVE}
    found, report = taken(new_site, tmp_path / "in", PI, "pi", names)
    start = from_iso("2026-11-22T09:00:00Z")
    assert found[TEMP] == [
        (start, 36.91, GOOD),
        (start + 30_500_000, 37.02, UNCERTAIN),
        (start + 60_000_000, None, BAD),
        (start + 90_000_000, None, BAD),
    ]
    assert found[VALVE] == [(start, "Open", GOOD), (start + 60_000_000, "No Data", BAD)]
    assert [(one.line, one.kind) for one in report.problems] == [(6, "number"), (9, "tag")]
    assert "R1:NEW.PV" in report.problems[1].reason


def test_pi_in_a_column_a_tag_and_without_headers_say_the_same(new_site, tmp_path):
    wide = "Timestamp,T,V\n22-Nov-26 10:00:00,1.5,Open\n22-Nov-26 10:01:00,Scan Off,Shut\n"
    lean = "T,22-Nov-26 10:00:00,1.5\nV,22-Nov-26 10:00:00,Open\n"
    lean += "T,22-Nov-26 10:01:00,Scan Off\nV,22-Nov-26 10:01:00,Shut\n"
    found = []
    for number, text in enumerate((wide, lean)):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "a.txt").write_text(text)
        site = new_site(PLANT, f"home{number}")
        import_card(site, card("pi", {"T": TEMP, "V": VALVE}), tmp_path / f"{number}")
        found.append(
            [site.historian.read([t], (0, 2**62)).table.to_pylist() for t in (TEMP, VALVE)]
        )
    assert found[0] == found[1]
    assert [one["value"] for one in found[0][0]] == [1.5, None]


def test_a_file_without_times_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("What,Which\n1,2\n")
    with pytest.raises(BadInputError, match=r"a\.txt:1: there is no column of times among What"):
        preview(card("pi", {}), tmp_path)


IGNITION = """tagid,intvalue,floatvalue,stringvalue,datevalue,dataintegrity,t_stamp
7,,36.9,,,192,1795341600000
7,,37.1,,,0,1795341601000
7,,,,,512,1795341602000
7,,37.3,,,256,1795341603000
8,12,,,,192,1795341600000
9,,,Open,,192,1795341600000
7,,37.4,,,good?,1795341604000
"""


def test_ignition_history_rows_keep_value_and_quality(new_site, tmp_path):
    names = {"7": TEMP, "8": FLOW, "9": VALVE}
    found, report = taken(new_site, tmp_path / "in", IGNITION, "ignition", names)
    at = 1_795_341_600_000_000
    assert found[TEMP] == [
        (at, 36.9, GOOD), (at + 10**6, 37.1, BAD), (at + 2 * 10**6, None, BAD),
        (at + 3 * 10**6, 37.3, UNCERTAIN),
    ]  # fmt: skip
    assert found[FLOW] == [(at, 12.0, GOOD)] and found[VALVE] == [(at, "Open", GOOD)]
    assert [(one.line, one.kind) for one in report.problems] == [(8, "quality")]


def test_ignition_wide_with_and_without_its_frame(new_site, tmp_path):
    plain = '"t_stamp","R1/Temp","R1/Valve"\n"2026-11-22 10:00:00.250","36.9","Open"\n'
    framed = '"#NAMES"\n' + plain.replace('"2026', '"#TYPES"\n"date","D","str"\n"#ROWS","1"\n"2026')
    names = {"R1/Temp": TEMP, "R1/Valve": VALVE}
    found, _ = taken(new_site, tmp_path / "in", framed, "ignition", names)
    at = from_iso("2026-11-22T09:00:00.25Z")
    assert found == {TEMP: [(at, 36.9, GOOD)], VALVE: [(at, "Open", GOOD)]}
    (tmp_path / "in" / "a.txt").write_text(plain)
    (report,) = preview(card("ignition", names), tmp_path / "in", PLANT).files
    assert report.n_readings == 2


def test_a_quality_that_changed_is_a_conflict_and_with_a_reason_a_correction(new_site, tmp_path):
    site, text = new_site(PLANT), "tagid,floatvalue,dataintegrity,t_stamp\n7,1.5,192,1000\n"
    (tmp_path / "a.txt").write_text(text)
    import_card(site, card("ignition", {"7": TEMP}), tmp_path)
    (tmp_path / "a.txt").write_text(text.replace("192", "0"))
    (report,) = import_card(site, card("ignition", {"7": TEMP}), tmp_path).files
    assert (report.n_conflicts, "1.5 (bad)" in report.problems[0].reason) == (1, True)
    options = ImportOptions(correct_reason="the gateway was offline")
    import_card(site, card("ignition", {"7": TEMP}), tmp_path, options)
    (row,) = site.historian.read([TEMP], (0, 2**62)).table.to_pylist()
    assert (row["value"], row["quality"]) == (1.5, BAD)


LINES = r"""# DML
# CONTEXT-DATABASE: plant
reactor,unit=r1 temp=36.9,valve="Open" 1795341600000000000
reactor,unit=r1 temp=37i,flow=3u 1795341601000000499
reactor,unit=r\ 2 temp=1 1795341601000000000
reactor,unit=r1 temp=oops 1795341602000000000
reactor,unit=r1 temp=5
"""


def test_influx_line_protocol(new_site, tmp_path):
    names = {
        "reactor,unit=r1.temp": TEMP, "reactor,unit=r1.valve": VALVE, "reactor,unit=r1.flow": FLOW,
    }  # fmt: skip
    found, report = taken(new_site, tmp_path / "in", LINES, "influx_lines", names)
    at = 1_795_341_600_000_000
    assert found[TEMP] == [(at, 36.9, GOOD), (at + 10**6, 37.0, GOOD)]
    assert found[VALVE] == [(at, "Open", GOOD)] and found[FLOW] == [(at + 10**6, 3.0, GOOD)]
    assert [(one.line, one.kind) for one in report.problems] == [
        (5, "tag"), (6, "line"), (7, "line"),
    ]  # fmt: skip


def test_tags_of_influx_are_columns_of_templates(new_site, tmp_path):
    more = '[[table.tag]]\ntag = "site/{unit}/{field}"\ncolumn = "value"\nunit = "K"\n'
    text = "reactor,unit=r1 temp=273.15 1795341600000000000\n"
    found, _ = taken(new_site, tmp_path / "in", text, "influx_lines", {}, more)
    assert found == {TEMP: [(1_795_341_600_000_000, 0.0, GOOD)]}


ANNOTATED = """#group,false,false,true,true,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,unit
,,0,2026-11-22T00:00:00Z,2026-11-23T00:00:00Z,2026-11-22T10:00:00.123456789Z,36.9,temp,reactor,r1
,,0,2026-11-22T00:00:00Z,2026-11-23T00:00:00Z,2026-11-22T10:00:01Z,,temp,reactor,r1

#group,false,false,true,true,false,true,false
#datatype,string,long,string,string,dateTime:RFC3339,string,string
#default,_result,,,,,,
,result,table,_measurement,unit,_time,site,valve
,,1,reactor,r1,2026-11-22T10:00:00Z,ljubljana,"Open, half"
"""


def test_influx_annotated_csv_of_several_tables(new_site, tmp_path):
    names = {
        "reactor,unit=r1.temp": TEMP, "reactor,site=ljubljana,unit=r1.valve": VALVE,
    }  # fmt: skip
    found, report = taken(new_site, tmp_path / "in", ANNOTATED, "influx_csv", names)
    at = from_iso("2026-11-22T10:00:00Z")
    assert [one[1:] for one in found[TEMP]] == [(36.9, GOOD), (None, BAD)]
    assert abs(found[TEMP][0][0] - at - 123_456) <= 1
    assert found[VALVE] == [(at, "Open, half", GOOD)] and report.n_rejected == 0


def test_an_error_of_the_influx_server_is_no_data(tmp_path):
    (tmp_path / "a.txt").write_text("#datatype,string,long\n,error,reference\n,failed,897\n")
    with pytest.raises(BadInputError, match="answered with an error"):
        preview(card("influx_csv", {}), tmp_path)


WORDS = st.text(st.sampled_from("abcž ,=\\x"), min_size=1, max_size=6).filter(
    lambda one: not one.endswith("\\") and "\\" not in one
)


@settings(max_examples=50, deadline=None)
@given(WORDS, st.dictionaries(WORDS, WORDS, max_size=3), WORDS, st.text(max_size=8))
def test_what_is_escaped_comes_back(measurement, tags, field, value):
    def escape(text):
        return "".join(f"\\{one}" if one in ",= " else one for one in text)

    value = value.replace("\n", " ")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    head = ",".join([escape(measurement), *(f"{escape(k)}={escape(v)}" for k, v in tags.items())])
    (row,) = parse_line(f'{head} {escape(field)}="{quoted}" 1', 4)
    assert row == (4, measurement, tags, field, "1", value)


@pytest.mark.parametrize("line", ["a", "a b=1", "a b 1", 'a b="x 1', "a,b c=1 1", "a b=1 1 1", " "])
def test_a_line_that_is_none_is_refused(line):
    with pytest.raises(LineError):
        parse_line(line)


def test_every_quality_that_is_a_number_has_a_severity_or_is_refused():
    codes = {0: BAD, 24: BAD, 64: UNCERTAIN, 192: GOOD, 216: GOOD, 257: UNCERTAIN, 404: BAD,
             512: BAD, 0x80000000: BAD, 0x408F0000: UNCERTAIN, -2147483648: BAD}  # fmt: skip
    assert {code: quality_of(str(code)) for code in codes} == codes
    assert quality_of("128") is None and quality_of("Good_WritePending") == GOOD
    assert quality_of("goods") is None


def test_a_pioreactor_export_by_the_card_of_the_reference(new_site, tmp_path):
    page = Path(__file__).parents[3] / "docs" / "reference" / "source-cards.md"
    (text,) = [
        one for one in page.read_text().split("```") if one.startswith('toml\nname = "pioreactor"')
    ]
    (tmp_path / "od_readings-demo-all.csv").write_text(
        "experiment,pioreactor_unit,timestamp,timestamp_localtime,od_reading,angle,channel\n"
        "demo,w1,2026-05-01T08:00:00.123Z,2026-05-01T10:00:00.123,0.512,90,1\n"
        "demo,w1,2026-05-01T08:00:00.123Z,2026-05-01T10:00:00.123,0.498,90,2\n"
        "demo,w1,2026-05-01T08:00:05.130Z,2026-05-01T10:00:05.130,0.513,90,1\n"
    )
    head = "experiment,pioreactor_unit,timestamp,timestamp_localtime"
    at = "demo,w1,2026-05-01T08:00:00.123Z,2026-05-01T10:00:00.123"
    for name, column, value in (
        ("growth_rates", "rate", "0.21"), ("temperature_readings", "temperature_c", "30.5"),
        ("stirring_rates", "measured_rpm", "401.5"),
    ):  # fmt: skip
        (tmp_path / f"{name}-demo-all.csv").write_text(f"{head},{column}\n{at},{value}\n")
    places = [{"path": "site", "level": "site"}, {"path": "site/w1", "level": "unit"}]
    tags = [{"name": f"site/w1/od_{channel}", "unit": "1"} for channel in (1, 2)]
    units = {"growth_rate": "h-1", "temperature": "K", "stirring": "/min"}
    tags += [{"name": f"site/w1/{name}", "unit": unit} for name, unit in units.items()]
    site = new_site(Plant.model_validate({"name": "p", "places": places, "tags": tags}))
    reports = import_card(site, parse_card(text.removeprefix("toml\n")), tmp_path).files
    assert sum(one.n_readings for one in reports) == 6
    assert sum(one.n_rejected for one in reports) == 0
    assert site.historian.latest(["site/w1/temperature"]).values().tolist() == [303.65]
    series = site.historian.read(["site/w1/od_1"], (0, 2**62))
    assert series.values().tolist() == [0.512, 0.513]
    assert series.times()[0] == from_iso("2026-05-01T08:00:00.123Z")
