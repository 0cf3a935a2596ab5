"""Overviews: each role sees what waits for them, and every figure leads to what is behind it."""

import time

import pytest

from goldenbatch.core.batches import BatchCreated, BatchEnded, MaterialConsumed, SampleTaken
from goldenbatch.core.findings import Evidence, Finding, FindingOpened, Severity, Subject
from goldenbatch.core.people import RoleGranted, UserAdded
from goldenbatch.core.records import DataClass, NewEvent
from goldenbatch.core.results import Result, ResultsReported
from tests.apps.conftest import PASSWORD

TEMP, START = "site/area/cell/tank/temp", 1_700_000_000_000_000
MINUTE = 60_000_000
HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def _fast_passwords(request, monkeypatch):
    if "node" not in request.fixturenames:
        return
    people = request.getfixturevalue("node").state.desk.site.people
    monkeypatch.setattr(people, "authenticate", lambda login, _: people.find(login))


def put(site, stream, body, data_class=None):
    event = NewEvent(stream, body, site.ledger.version(stream), "x", data_class=data_class)
    return site.ledger.append([event])[0]


def person(node, login, *roles):
    site = node.state.desk.site
    put(site, f"user/{login}", UserAdded(uid=login, login=login, printed_name=f"Name {login}"))
    for role in roles:
        put(site, f"user/{login}", RoleGranted(uid=login, role=role, reason="test"))
    return node.state.log_in(login, PASSWORD)[0]


def get(node, path, token=None, status=200, **params):
    answer = node.call("GET", f"/overview{path}", token=token, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def finding_of(node):
    return get(node, "/findings")["findings"][0]["uid"]


def made(node, name, *, start, hours=10, product="tablet", outcome="completed", place=""):
    site = node.state.desk.site
    begun = BatchCreated(batch=name, product=product, started_at=start, place=place)
    put(site, f"batch/{name}", begun)
    if outcome:
        end = BatchEnded(batch=name, ended_at=start + hours * HOUR, outcome=outcome)
        put(site, f"batch/{name}", end)


def test_each_role_sees_what_it_may_do(node):
    kinds = {}
    for role in ("quality_reviewer", "operator", "administrator"):
        token = person(node, role.replace("_", "-"), role)
        kinds[role] = {one["kind"] for one in get(node, "/waiting", token)["waiting"]}
    assert {"findings", "signatures"} <= kinds["quality_reviewer"]
    assert "findings" not in kinds["operator"]
    assert not kinds["administrator"] & {"findings", "signatures", "tests"}


def test_what_waits_leads_to_it_and_goes_when_it_is_done(node):
    token = person(node, "q", "quality_reviewer")
    (waits,) = [one for one in get(node, "/waiting", token)["waiting"] if one["kind"] == "findings"]
    uid = waits["rows"][0]["to"].rpartition("/")[2]
    form = {"login": "q", "password": PASSWORD, "verdict": "confirmed", "comment": "it was so"}
    assert node.call("POST", f"/findings/{uid}/decision", token=token, json=form).is_success
    left = [one["rows"] for one in get(node, "/waiting", token)["waiting"]
            if one["kind"] == "findings"]  # fmt: skip
    assert uid not in str(left)


def test_a_person_without_a_role_is_told_so_everywhere_but_at_what_waits(node):
    token = person(node, "nobody")
    assert get(node, "/waiting", token)["waiting"] == []
    for path in ("/site", "/enterprise", "/indicators", "/batches", "/findings"):
        get(node, path, token, status=403)


def test_hidden_batches_are_in_no_list_and_no_figure(node):
    site = node.state.desk.site
    put(site, "batch/SECRET", BatchCreated(batch="SECRET", product="p", started_at=site.clock()),
        DataClass.PERSONAL)  # fmt: skip
    end = BatchEnded(batch="SECRET", ended_at=site.clock(), outcome="completed")
    put(site, "batch/SECRET", end, DataClass.PERSONAL)
    reads = {role: site.people.policy().roles[role].reads for role in ("operator",)}
    assert DataClass.PERSONAL not in reads["operator"]
    token = person(node, "op", "operator")
    for path in ("/site", "/batches", "/indicators", "/enterprise"):
        assert "SECRET" not in str(get(node, path, token)), path
    get(node, "/batch", token, status=404, name="SECRET")
    assert "SECRET" in str(get(node, "/indicators"))


def test_a_list_is_filtered_sorted_and_paged(node):
    now = node.state.desk.site.clock()
    for number in range(12):
        made(node, f"P{number:02d}", start=now + number * HOUR, product="p")
    made(node, "R1", start=now, product="r", outcome="")
    page = get(node, "/batches", product="p", sort="batch", size=5, page=2)
    assert (page["n_batches"], page["n_pages"]) == (12, 3)
    assert [one["batch"] for one in page["batches"]] == ["P10", "P11"]
    running = get(node, "/batches", state="running")["batches"]
    assert "R1" in [one["batch"] for one in running]
    assert not {one["batch"] for one in running} & {"P00", "P11"}
    down = get(node, "/batches", text="P0", sort="-batch")["batches"]
    assert [one["batch"] for one in down][:2] == ["P09", "P08"]
    with_open = get(node, "/batches", has_open=True)["batches"]
    assert with_open and all(one["n_open"] and one["worst"] for one in with_open)
    get(node, "/batches", status=422, sort="stream_version")


def test_a_figure_names_the_batches_and_the_reasons_behind_it(node):
    now = node.state.desk.site.clock()
    site = node.state.desk.site
    made(node, "G1", start=now, product="p")
    made(node, "G2", start=now, product="p")
    made(node, "A1", start=now, product="p", outcome="aborted")
    for batch, value in (("G1", "90"), ("G2", "94")):
        result = Result(test="t", attribute="yield", value=value, unit="%")
        body = ResultsReported(sample=f"S-{batch}", batch=batch, results=(result,))
        put(site, f"sample/S-{batch}", body)
    found = {one["name"]: one for one in get(node, "/indicators", product="p")["indicators"]}
    right = found["right first time"]
    assert (right["value"], right["n"]) == (pytest.approx(2 / 3), 3)
    reasons = {one["batch"]: one["reasons"] for one in right["batches"]}
    assert reasons == {"G1": [], "G2": [], "A1": ["was aborted"]}
    assert (found["yield"]["value"], found["yield"]["unit"]) == (92.0, "%")
    assert found["OEE"]["value"] is None and "planned" in found["OEE"]["why"]
    assert "ISO 22400" in right["source"]
    made(node, "G3", start=now, product="p")  # only what is new is folded
    again = {one["name"]: one for one in get(node, "/indicators", product="p")["indicators"]}
    assert again["right first time"]["n"] == 4


def test_a_running_batch_is_held_to_earlier_ones(node):
    site = node.state.desk.site
    now = site.clock()
    for number in range(4):
        made(node, f"E{number}", start=now - 100 * HOUR, hours=8 + number, product="p")
        # The same product is made for longer elsewhere: that says nothing of this place.
        made(node, f"L{number}", start=now - 90 * HOUR, hours=60, product="p", place="elsewhere")
    made(node, "N", start=now - HOUR, product="p", outcome="")
    made(node, "O", start=now - HOUR, product="other", outcome="")
    running = {one["batch"]: one for one in get(node, "/site")["running"]}
    one = running["N"]
    assert (one["n_earlier"], one["expected_us"]) == (4, int(9.5 * HOUR))
    assert one["end_low_at"] < one["end_at"] < one["end_high_at"]
    assert running["O"]["expected_us"] is None


def test_a_batch_leads_to_results_samples_lots_and_back(node):
    site = node.state.desk.site
    now = site.clock()
    made(node, "IN", start=now, product="p")
    made(node, "OUT", start=now, product="q")
    consumed = MaterialConsumed(batch="OUT", material="granulate", lot="IN", quantity="5 kg")
    put(site, "batch/OUT", consumed)
    put(site, "sample/X", SampleTaken(sample="X", batch="OUT", taken_at=now))
    result = Result(test="t", attribute="assay", value="99.1", unit="%")
    put(site, "sample/X", ResultsReported(sample="X", batch="OUT", results=(result,)))
    page = get(node, "/batch", name="OUT")
    assert page["lineage"]["inputs"][0]["is_batch"]
    assert get(node, "/batch", name="IN")["lineage"]["outputs"][0]["batch"] == "OUT"
    assert get(node, "/lot", material="granulate", lot="IN")["used"][0]["batch"] == "OUT"
    assert page["results"][0]["sample"] == "X"
    sample = get(node, "/sample", name="X")
    assert sample["results"][0]["text"] == "99.1"
    record = get(node, "/record", stream=sample["stream"])
    said = get(node, "/proof", seq=record["events"][-1]["seq"])
    assert said["is_proved"] and said["leaf"] == record["events"][-1]["leaf"]


def seen(site, uid, evidence):
    finding = Finding(
        subject=Subject(batch="7", tag=TEMP), title="Too warm", statement="It was too warm.",
        severity=Severity.MAJOR, start=START, evidence=evidence, analyst="watch",
        analyst_version="1",
    )  # fmt: skip
    return put(site, f"finding/{uid}", FindingOpened(uid=uid, tick=1, finding=finding))


def test_a_finding_is_found_by_the_place_of_its_tag_or_its_batch(node):
    everywhere = get(node, "/findings", area="site/area")["n_findings"]
    assert everywhere == get(node, "/findings")["n_findings"] > 0
    assert get(node, "/findings", area="site/are")["n_findings"] == 0
    (one,) = get(node, "/enterprise")["sites"]
    assert one["n_open"] == everywhere


def test_evidence_is_read_again(node):
    site = node.state.desk.site
    window = (START, START + 10 * MINUTE)
    digest, n = site.historian.digest(TEMP, window)
    record = site.ledger.stream("batch/7")[0]
    pieces = (
        Evidence(kind="window", digest=digest, tag=TEMP, start=window[0], end=window[1],
                 as_of=site.historian.head(), n_readings=n),
        Evidence(kind="record", digest=record.leaf, stream="batch/7", version=1),
        Evidence(kind="artefact", digest=site.registry.put(b"seen", "text/plain")),
    )  # fmt: skip
    seen(site, "a" * 32, pieces)
    said = get(node, f"/findings/{'a' * 32}/evidence")
    assert said["is_same"] and len(said["pieces"]) == 3
    wrong = [one.model_copy(update={"digest": "0" * 64}) for one in pieces]
    seen(site, "b" * 32, tuple(wrong))
    said = get(node, f"/findings/{'b' * 32}/evidence")
    assert [one["is_same"] for one in said["pieces"]] == [False] * 3
    assert all(one["why"] for one in said["pieces"])
    like = get(node, f"/findings/{'b' * 32}")["similar"]
    assert ("a" * 32, "Too warm") in [(one["uid"], one["title"]) for one in like]


def test_a_finding_that_changed_is_not_decided_unseen(node):
    token = node.state.log_in("anna", PASSWORD)[0]
    uid = finding_of(node)
    page = get(node, f"/findings/{uid}", token)
    assert page["rights"] == {"may_decide": True, "why": []}
    form = {"finding": uid, "verdict": "confirmed", "comment": "so it was"}
    stale = {**form, "version": page["version"] + 1}
    answer = node.call("POST", "/signatures/prepare", token=token, json=stale)
    assert answer.status_code == 409 and "changed while you looked" in answer.text
    fresh = {**form, "version": page["version"]}
    answer = node.call("POST", "/signatures/prepare", token=token, json=fresh)
    assert answer.status_code == 200, answer.text
    operator = get(node, f"/findings/{uid}", person(node, "o", "operator"))
    assert not operator["rights"]["may_decide"] and operator["rights"]["why"]


def test_a_dossier_is_fetched_by_who_had_it_made_and_by_nobody_else(node):
    token = person(node, "q", "quality_reviewer")
    answer = node.call("POST", "/overview/dossiers", token=token, json={"batch": "7"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    path = f"/overview/dossiers/{told['id']}/pdf"
    file = node.call("GET", path, token=token)
    assert file.content.startswith(b"%PDF") and len(file.content) == told["files"]["pdf"]["n_bytes"]
    assert node.call("GET", path).status_code == 404
    answer = node.call("POST", "/overview/dossiers", token=token, json={"batch": "none"})
    assert answer.status_code == 404


def test_a_thousand_batches_stay_fast(node):
    site = node.state.desk.site
    now = site.clock()
    events = []
    for number in range(1000):
        name = f"L{number:04d}"
        start = now - (1000 - number) * HOUR
        bodies = [BatchCreated(batch=name, product="p", started_at=start)]
        bodies += [BatchEnded(batch=name, ended_at=start + HOUR, outcome="completed")]
        events += [NewEvent(f"batch/{name}", one, at, "x") for at, one in enumerate(bodies)]
    site.ledger.append(events)
    token = person(node, "q", "quality_reviewer")
    spent = {}
    for path in ("/waiting", "/site", "/indicators", "/batches", "/findings"):
        get(node, path, token)
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            get(node, path, token)
            taken.append(time.perf_counter() - start)
        spent[path] = min(taken)
    # Generous: a scan of a thousand batches with their streams takes seconds.
    assert max(spent.values()) < 0.5, spent


def test_a_handover_waits_for_the_coming_shift_only(node):
    site = node.state.desk.site
    for login in ("anna", "bor"):
        uid = site.people.find(login).uid
        put(site, f"user/{uid}", RoleGranted(uid=uid, role="operator", reason="test"))

    def act(name, **values):
        form = {"values": {"area": "site/area", **values}, "login": "anna", "password": PASSWORD}
        answer = node.call("POST", f"/acts/execution.logbook-{name}", json=form)
        assert answer.is_success, answer.text

    def kinds(login):
        token = node.state.log_in(login, PASSWORD)[0]
        return {one["kind"] for one in get(node, "/waiting", token)["waiting"]}

    act("start", title="Early")
    act("prepare", summary="all is well")
    assert "handovers" not in kinds("bor")
    act("sign-out")
    assert "handovers" in kinds("bor")
    assert "handovers" not in kinds("anna")


def test_an_empty_home_has_empty_overviews_and_no_error(tmp_path):
    from gbx_bench import PLANT

    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.apps.overview.batches import Wanted, list_page
    from goldenbatch.apps.overview.findings import Wanted as WantedFindings
    from goldenbatch.apps.overview.findings import inbox, summary
    from goldenbatch.apps.overview.indicators import Asked, indicators
    from goldenbatch.apps.overview.running import running
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    create_home(tmp_path / "home", HomeSettings("Empty", "site", PLANT))
    with LocalSite.open(tmp_path / "home") as site:
        looker = Looker(site, site)
        assert list_page(looker, Wanted())["batches"] == running(looker) == []
        assert inbox(looker, WantedFindings(state=""))["findings"] == []
        assert summary(looker)["n_open"] == 0
        found = indicators(looker, Asked())["indicators"]
        assert found and all(one["value"] is None and one["why"] for one in found)
