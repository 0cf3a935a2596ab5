"""Live feed: records and readings in the order of their times."""

from __future__ import annotations

from goldenbatch.connectors.tabular import ImportOptions, import_card, parse_card
from goldenbatch.core.records import from_iso
from tests.connectors.tabular.test_importing import PLANT, heads, stored, write

CARD = """name = "live"

[[table]]
name = "series"
files = ["series.csv"]
time = { base = "2020-01-01T00:00:00", elapsed = "s", elapsed_unit = "s" }

[[table.phase]]
batch = "B1"
product = "P"
place = "site/line/press"
phase = "run"
sampling = "10 s"
is_whole_batch = true

[[table.tag]]
tag = "site/line/press/force"
column = "force"

[[table]]
name = "samples"
files = ["samples.csv"]
time = { base = "2020-01-01T00:00:00", elapsed = "s", elapsed_unit = "s" }

[[table.sample]]
sample = "B1/{row}"
batch = "B1"
results_after = "5 s"
result = [{ column = "assay", unit = "%" }]
"""
START = from_iso("2020-01-01T00:00:00Z")


def make(tmp_path):
    root = write(tmp_path / "in", "series.csv", "s,force\n20,3\n0,1\n10,2\n")
    return write(root, "samples.csv", "s,assay\n3,99\n10,98\n")


def test_each_step_holds_what_had_happened_by_then(new_site, tmp_path):
    site = new_site(PLANT)
    seen: list[tuple[float, int, int, list[str]]] = []

    def look(at: int) -> None:
        kinds = [event.kind for event in site.ledger.events()]
        n_results = kinds.count("ResultsReported")
        seen.append(((at - START) / 1e6, site.historian.head(), n_results, kinds))

    before: list[int] = []
    options = ImportOptions(is_live=True, on_step=look, before_step=before.append)
    report = import_card(site, parse_card(CARD), make(tmp_path), options)
    assert [(at, n_frames, n_results) for at, n_frames, n_results, _ in seen] == [
        (0, 1, 0),
        (3, 1, 0),
        (8, 1, 1),
        (10, 2, 1),
        (15, 2, 2),
        (20, 3, 2),
        (30, 3, 2),
    ]
    assert [(at - START) / 1e6 for at in before] == [at for at, *_ in seen]
    assert seen[0][3] == ["BatchCreated", "PhaseStarted"]
    assert seen[-1][3][-2:] == ["PhaseEnded", "BatchEnded"]
    assert [value for _, value, _ in stored(site)] == [1.0, 2.0, 3.0]
    assert report.total("n_accepted") == 5
    events = {event.kind: event for event in site.ledger.events()}
    assert events["BatchEnded"].envelope.performed_at == START + 30_000_000


def test_live_and_in_bulk_leave_the_same_records(new_site, tmp_path):
    root = make(tmp_path)
    live, bulk = new_site(PLANT, "live"), new_site(PLANT, "bulk")
    import_card(live, parse_card(CARD), root, ImportOptions(is_live=True))
    import_card(bulk, parse_card(CARD), root)
    for table in ("batch", "phase", "sample", "result"):
        one = [{**row, "seq": 0} for row in live.ledger.select(table)]
        other = [{**row, "seq": 0} for row in bulk.ledger.select(table)]
        assert one == other
    assert stored(live) == stored(bulk)


def test_a_live_feed_that_broke_off_goes_on_where_it_was(new_site, tmp_path):
    site, root = new_site(PLANT), make(tmp_path)
    times: list[int] = []

    def fall(at: int) -> None:
        times.append(at)
        if len(times) == 4:
            raise KeyboardInterrupt

    try:
        import_card(site, parse_card(CARD), root, ImportOptions(is_live=True, on_step=fall))
    except KeyboardInterrupt:
        pass
    import_card(site, parse_card(CARD), root, ImportOptions(is_live=True, on_step=times.append))
    assert [(at - START) // 1_000_000 for at in times] == [0, 3, 8, 10, 15, 20, 30]
    before = heads(site)
    import_card(site, parse_card(CARD), root, ImportOptions(is_live=True))
    assert heads(site) == before
    assert before[1] == 3


def test_somebody_may_append_to_the_same_batch_between_steps(new_site, tmp_path):
    from goldenbatch.core.batches import MaterialConsumed
    from goldenbatch.core.records import NewEvent

    site = new_site(PLANT)

    def add(at: int) -> None:
        body = MaterialConsumed(batch="B1", material="acid", lot=str(at))
        version = site.ledger.version("batch/B1")
        site.ledger.append([NewEvent("batch/B1", body, version, "someone")])

    import_card(site, parse_card(CARD), make(tmp_path), ImportOptions(is_live=True, on_step=add))
    assert site.ledger.select("batch")[0]["outcome"] == "completed"
    assert len(site.ledger.select("genealogy")) == 7
