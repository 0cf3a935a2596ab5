"""Journals and batch records: boundaries and materials as their sources say them, judged once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from goldenbatch.connectors.tabular import ImportOptions, import_card, parse_card, preview
from goldenbatch.connectors.tabular._xml import MAX_DEPTH, parse_xml
from goldenbatch.core.acquisition import ConnectionCard
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import from_iso, to_iso
from goldenbatch.runtime.acquisition import Acquisition, Sources
from goldenbatch.runtime.batch_context import take
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

PLANT = """name = "test"

[[places]]
path = "site"
level = "site"

[[places]]
path = "site/r101"
level = "unit"

[[products]]
code = "G7"
"""
CARD = """name = "mes"
zone = "Europe/Ljubljana"

[[table]]
name = "records"
files = ["*.xml"]
format = "batchml"

[table.names]
R101 = "site/r101"
"""
JOURNAL = """name = "journal"
zone = "Europe/Ljubljana"

[[table]]
name = "journal"
files = ["*.csv"]
time = { column = "time" }

[[table.event]]
batch = "{batch}"
place = "site/{unit}"
phase = "{phase}"
event = "{event}"
product = "G7"
starts = ["RUN"]
ends = ["COMPLETE"]
aborts = ["ABORT"]
others = ["HOLD"]
"""
RECORD = """<?xml version="1.0"?>
<ProcessBatchProductionRecord xmlns="http://www.mesa.org/xml/B2MML">
 <ApplicationArea><CreationDateTime>2026-03-01T20:00:00Z</CreationDateTime></ApplicationArea>
 <DataArea><Process/>
  <BatchProductionRecord>
   <ID>BPR-1</ID><BatchID>B1</BatchID><EquipmentID>R101</EquipmentID>
   <MaterialDefinitionID>G7</MaterialDefinitionID>
   <Events>
EVENTS   </Events>
  </BatchProductionRecord>
 </DataArea>
</ProcessBatchProductionRecord>
"""
PERFORMANCE = """<?xml version="1.0" encoding="utf-8"?>
<ProductionPerformance xmlns="http://www.wbf.org/xml/B2MML-V0401">
 <PublishedDate>2026-03-02T00:00:00Z</PublishedDate>
 <ProductionResponse>
  <ID>1</ID><ProductionRequestID>B2</ProductionRequestID>
  <StartTime>2026-03-01T08:00:00+01:00</StartTime><EndTime>2026-03-01T12:00:00+01:00</EndTime>
  <SegmentResponse>
   <ID>S1</ID><ProcessSegmentID>granulation</ProcessSegmentID>
   <ActualStartTime>2026-03-01T08:10:00+01:00</ActualStartTime>
   <ActualEndTime>2026-03-01T09:00:00+01:00</ActualEndTime>
   <EquipmentActual><EquipmentID>R101</EquipmentID></EquipmentActual>
   <MaterialProducedActual><MaterialDefinitionID>G7</MaterialDefinitionID></MaterialProducedActual>
   <MaterialConsumedActual>
    <MaterialDefinitionID>LAC</MaterialDefinitionID><MaterialLotID>L-77</MaterialLotID>
    <Quantity><QuantityString>5.000</QuantityString><DataType>decimal</DataType>
     <UnitOfMeasure>KG</UnitOfMeasure></Quantity>
   </MaterialConsumedActual>
   <SegmentResponse>
    <ProcessSegmentID>wetting</ProcessSegmentID>
    <ActualStartTime>2026-03-01T08:20:00+01:00</ActualStartTime>
    <ActualEndTime>2026-03-01T08:40:00+01:00</ActualEndTime>
    <MaterialConsumedActual><MaterialDefinitionID>WATER</MaterialDefinitionID>
    </MaterialConsumedActual>
   </SegmentResponse>
  </SegmentResponse>
 </ProductionResponse>
</ProductionPerformance>
"""


def event(n, time, state, phase="", before="Idle", kind="Procedural Execution", more=""):
    reference = f"<ProceduralElementReference>UP1/OP1/{phase}</ProceduralElementReference>"
    return f"""    <Event><EntryID>{n}</EntryID><ObjectType>Event</ObjectType>
     <TimeStamp>2026-03-01T{time}Z</TimeStamp><EventType>{kind}</EventType>
     <EventSubType>State Change</EventSubType>
     <Value><ValueString>{state}</ValueString></Value>
     <PreviousValue><ValueString>{before}</ValueString></PreviousValue>
     {reference if phase else ""}{more}</Event>
"""


MATERIAL = """    <Event><EntryID>m</EntryID><ObjectType>Event</ObjectType>
     <TimeStamp>2026-03-01T07:30:00Z</TimeStamp><EventType>Material</EventType>
     <EventSubType>Consume</EventSubType>
     <UserAttribute><AttributeID>MaterialDefinitionID</AttributeID>
      <Value><ValueString>API</ValueString></Value></UserAttribute>
     <UserAttribute><AttributeID>MaterialLotID</AttributeID>
      <Value><ValueString>A-1</ValueString></Value></UserAttribute>
     <UserAttribute><AttributeID>Quantity</AttributeID>
      <Value><ValueString>12.5</ValueString><UnitOfMeasure>KGM</UnitOfMeasure></Value>
      </UserAttribute></Event>
"""
EVENTS = (
    MATERIAL
    + event(1, "07:00:00", "Running", kind="Control Recipe")
    + event(2, "07:10:00", "Running", "react")
    + event(3, "07:20:00", "Held", "react", "Running")
    + event(4, "07:25:00", "Running", "react", "Held")
    + event(5, "08:00:00", "Complete", "react", "Running")
    + event(6, "08:05:00", "Running", "react")
    + event(7, "09:00:00", "Aborted", "react", "Running")
    + event(8, "09:05:00", "Complete", kind="Control Recipe", before="Running")
)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "home"
    create_home(path, HomeSettings("T", "site", PLANT))
    with LocalSite.open(path) as opened:
        yield opened


def run(site, card, folder: Path, reason=""):
    options = ImportOptions(reason, take=partial(take, site))
    return import_card(site, parse_card(card), folder, options).files


def written(tmp_path, name, text):
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def phases(site, batch):
    rows = site.ledger.select("phase", {"batch": batch}, ("started_at",))
    return [
        (row["phase"], row["run"], to_iso(row["started_at"])[11:19], to_iso(row["ended_at"])[11:19])
        for row in rows
    ]


def test_a_batch_record_becomes_batch_phases_and_genealogy(site, tmp_path):
    folder = written(tmp_path, "b1.xml", RECORD.replace("EVENTS", EVENTS))
    (report,) = run(site, CARD, folder)
    (batch,) = site.ledger.select("batch", {"batch": "B1"})
    assert (batch["product"], batch["place"]) == ("G7", "site/r101")
    assert batch["started_at"] == from_iso("2026-03-01T07:00:00Z")
    assert batch["ended_at"] == from_iso("2026-03-01T09:05:00Z")
    assert phases(site, "B1") == [
        ("react", 1, "07:10:00", "08:00:00"), ("react", 2, "08:05:00", "09:00:00"),
    ]  # fmt: skip
    (used,) = site.ledger.select("genealogy", {"batch": "B1"})
    assert (used["material"], used["lot"], used["quantity"]) == ("API", "A-1", "12.5 kg")
    assert (report.n_rows, report.n_accepted, report.n_rejected) == (7, 7, 0)
    assert "2 events that are no boundary" in report.notes[0]
    references = {row["reference"] for row in site.ledger.select("context", {"batch": "B1"})}
    assert references == {"1", "2", "5", "6", "7", "8"}
    version = site.ledger.version("batch/B1")
    (folder / "b1.xml").write_text(RECORD.replace("EVENTS", EVENTS) + "\n")
    (again,) = run(site, CARD, folder)
    assert (again.n_unchanged, again.n_accepted) == (7, 0)
    assert site.ledger.version("batch/B1") == version


def test_a_corrected_record_corrects_what_it_said(site, tmp_path):
    run(site, CARD, written(tmp_path, "b1.xml", RECORD.replace("EVENTS", EVENTS)))
    changed = EVENTS.replace("08:00:00", "08:01:30")
    (report,) = run(site, CARD, written(tmp_path, "b1.xml", RECORD.replace("EVENTS", changed)))
    assert (report.n_accepted, report.n_unchanged) == (1, 6)
    assert phases(site, "B1")[0] == ("react", 1, "07:10:00", "08:01:30")
    kinds = [one.kind for one in site.ledger.stream("batch/B1")]
    assert kinds.count("PhaseCorrected") == 1


def test_a_production_performance_of_v0401(site, tmp_path):
    (report,) = run(site, CARD, written(tmp_path, "p.xml", PERFORMANCE))
    (batch,) = site.ledger.select("batch", {"batch": "B2"})
    assert (batch["product"], batch["started_at"]) == ("G7", from_iso("2026-03-01T07:00:00Z"))
    assert phases(site, "B2") == [
        ("granulation", 1, "07:10:00", "08:00:00"), ("wetting", 1, "07:20:00", "07:40:00"),
    ]  # fmt: skip
    (used,) = site.ledger.select("genealogy", {"batch": "B2"})
    assert (used["material"], used["lot"], used["quantity"]) == ("LAC", "L-77", "5.000 kg")
    (problem,) = report.problems
    assert (problem.kind, problem.line) == ("material", 22) and "no lot" in problem.reason


def test_an_operations_performance_of_v0700_says_the_same(site, tmp_path):
    names = {
        "ProductionPerformance": "OperationsPerformance",
        "ProductionResponse": "OperationsResponse", "ProductionRequestID": "OperationsRequestID",
        "ProcessSegmentID": "OperationsSegmentID", "MaterialConsumedActual": "MaterialActual",
        "http://www.wbf.org/xml/B2MML-V0401": "http://www.mesa.org/xml/B2MML",
    }  # fmt: skip
    use = "<MaterialUse>Consumed</MaterialUse>"
    text = PERFORMANCE.replace("<MaterialLotID>", f"{use}<MaterialLotID>")
    for old, new in names.items():
        text = text.replace(old, new)
    run(site, CARD, written(tmp_path, "p.xml", text))
    assert phases(site, "B2") == [
        ("granulation", 1, "07:10:00", "08:00:00"), ("wetting", 1, "07:20:00", "07:40:00"),
    ]  # fmt: skip
    assert [one["lot"] for one in site.ledger.select("genealogy", {"batch": "B2"})] == ["L-77"]


def test_the_examples_of_mesa_are_read_and_said_to_state_nothing_done(real_data):
    folder = real_data("b2mml") / "examples"
    files = sorted(folder.rglob("*.xml"))
    assert len(files) == 4
    for path in files:
        assert parse_xml(path.read_bytes(), path.name).children
        card = parse_card(CARD.replace("*.xml", path.name))
        with pytest.raises(BadInputError, match=r"says nothing of what was done.*schedule"):
            preview(card, path.parent)


LAUGHS = """<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">]>
<BatchProductionRecord><ID>&m;</ID></BatchProductionRecord>"""
READS = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<BatchProductionRecord><ID>&x;</ID></BatchProductionRecord>"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, r"^b\.xml:1: .*declares a type"),
        (READS, r"^b\.xml:2: .*declares a type"),
        ("<a>\n<b></a>", r"^b\.xml:2: this is no XML"),
        ("nothing", r"^b\.xml:1: this is no XML"),
        ("<a>" * (MAX_DEPTH + 1), "deep"),
        ("<ProductionSchedule/>", "ProductionSchedule says nothing of what was done"),
    ],
)
def test_a_document_that_is_none_or_dangerous_is_refused(tmp_path, text, words):
    with pytest.raises(BadInputError, match=words):
        preview(parse_card(CARD), written(tmp_path, "b.xml", text))


def test_events_that_cannot_be_taken_are_refused_one_by_one(site, tmp_path):
    odd = (
        event(1, "07:00:00", "Running", kind="Control Recipe")
        + event(2, "25:00:00", "Running", "react")
        + event(3, "07:10:00", "Running", "fill", more="<EquipmentID>X9</EquipmentID>")
    )
    (report,) = run(site, CARD, written(tmp_path, "b.xml", RECORD.replace("EVENTS", odd)))
    assert [(one.kind, one.line) for one in report.problems] == [("time", 15), ("plant", 21)]
    assert (report.n_accepted, len(phases(site, "B1"))) == (1, 0)


CSV = """batch,unit,phase,event,time
B9,r101,,RUN,2026-07-01 08:00:00
B9,r101,mix,RUN,2026-07-01 08:10:00
B9,r101,mix,HOLD,2026-07-01 08:20:00
B9,r101,mix,COMPLETE,2026-07-01 09:00:00
B9,r101,mix,MELT,2026-07-01 09:01:00
B9,r101,,ABORT,2026-07-01 09:30:00
"""


def test_a_journal_is_taken_row_by_row(site, tmp_path):
    (report,) = run(site, JOURNAL, written(tmp_path, "j.csv", CSV))
    assert phases(site, "B9") == [("mix", 1, "06:10:00", "07:00:00")]
    (batch,) = site.ledger.select("batch", {"batch": "B9"})
    assert (batch["outcome"], batch["product"]) == ("aborted", "G7")
    assert (report.n_rows, report.n_accepted, report.n_unchanged) == (6, 4, 1)
    assert [(one.line, one.kind) for one in report.problems] == [(6, "event")]
    assert "'MELT'" in report.problems[0].reason


def test_what_another_source_says_otherwise_is_a_conflict_and_stays_beside(site, tmp_path):
    at = from_iso("2026-07-01T06:00:00Z")
    tag = partial(Statement, "tag", batch="B9", place="site/r101")
    take(site, [
        tag(Boundary.BATCH_STARTED, at=at, head={"product": "G7"}),
        tag(Boundary.PHASE_STARTED, at=at + 610 * 10**6, phase="mix"),
    ])  # fmt: skip
    (report,) = run(site, JOURNAL, written(tmp_path, "j.csv", CSV))
    assert (report.n_conflicts, report.n_accepted, report.n_unchanged) == (1, 3, 1)
    (conflict,) = site.ledger.select("conflict", {"card": "journal"})
    assert (conflict["line"], conflict["what"]) == (3, "phase started")
    assert conflict["stored"] == "2026-07-01T06:10:10.000000Z"
    assert phases(site, "B9") == [("mix", 1, "06:10:10", "07:00:00")]


def test_a_late_beginning_lets_what_waited_be_taken(site, tmp_path):
    head, *rows = CSV.strip().splitlines()
    run(site, JOURNAL, written(tmp_path, "a.csv", "\n".join([head, *rows[1:]]) + "\n"))
    assert site.ledger.select("batch", {"batch": "B9"}) == []
    assert len(site.ledger.select("context", {"outcome": "waits"})) == 3
    run(site, JOURNAL, written(tmp_path, "b.csv", "\n".join([head, rows[0]]) + "\n"))
    assert phases(site, "B9") == [("mix", 1, "06:10:00", "07:00:00")]


def test_without_a_way_to_take_statements_nothing_is_written(site, tmp_path):
    folder = written(tmp_path, "j.csv", CSV)
    with pytest.raises(BadInputError, match=r"j\.csv: it states when batches"):
        import_card(site, parse_card(JOURNAL), folder)
    with pytest.raises(BadInputError, match="cannot be taken here"):
        import_card(site, parse_card(JOURNAL), folder, ImportOptions(is_live=True))
    assert site.ledger.select("context") == [] and site.ledger.select("import_file") == []


def test_a_journal_is_fed_live_in_the_order_of_its_times(site, tmp_path):
    head, *rows = CSV.strip().splitlines()
    folder = written(tmp_path, "j.csv", "\n".join([head, *reversed(rows)]) + "\n")
    seen = []

    def look(at):
        (batch,) = site.ledger.select("batch", {"batch": "B9"})
        runs = site.ledger.select("phase", {"batch": "B9"})
        seen.append((at, batch["outcome"], [one["ended_at"] is not None for one in runs]))

    options = ImportOptions(take=partial(take, site), is_live=True, on_step=look)
    (report,) = import_card(site, parse_card(JOURNAL), folder, options).files
    assert (report.n_rows, report.n_accepted, report.n_unchanged) == (6, 4, 1)
    assert [at for at, *_ in seen] == sorted(at for at, *_ in seen) and len(seen) == 4
    # Nothing that comes later is known in an earlier step.
    assert [outcome for _, outcome, _ in seen] == [*[seen[0][1]] * 3, "aborted"]
    assert seen[0][1] != "aborted"
    assert [runs for *_, runs in seen] == [[], [False], [True], [True]]
    assert phases(site, "B9") == [("mix", 1, "06:10:00", "07:00:00")]
    again = import_card(site, parse_card(JOURNAL), folder, options).files
    assert [one.n_accepted for one in again] == [0] and len(seen) == 4


def test_a_watched_folder_takes_journals_too(site, tmp_path):
    import time

    folder = written(tmp_path, "j.csv", CSV)
    (site.path / "cards").mkdir(exist_ok=True)
    (site.path / "cards" / "journal.toml").write_text(JOURNAL)
    settings = {"card": "journal", "folder": str(folder), "settle_s": 0, "poll_s": 0.02}
    card = ConnectionCard(name="mes", connector="folder", settings=settings)
    acquisition = Acquisition(Sources(site, site.path), [card])
    acquisition.start()
    end = time.monotonic() + 10
    while not site.ledger.select("import_file") and time.monotonic() < end:
        time.sleep(0.02)
    acquisition.stop()
    assert phases(site, "B9") == [("mix", 1, "06:10:00", "07:00:00")]


def test_a_phase_without_a_place_and_a_table_without_a_time_are_refused(site, tmp_path):
    folder = written(tmp_path, "j.csv", CSV)
    (report,) = run(site, JOURNAL.replace('place = "site/{unit}"\n', ""), folder)
    assert {one.kind for one in report.problems} == {"empty", "event"}
    with pytest.raises(BadInputError, match="has events, but no time"):
        parse_card(JOURNAL.replace('time = { column = "time" }\n', ""))
