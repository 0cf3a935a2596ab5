"""Costs of quality: recorded things times given factors, and what has none."""

import json

import pytest

from goldenbatch.capabilities.monitoring.yields.commands import quality_costs_command
from goldenbatch.capabilities.monitoring.yields.costs import load_factors
from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseStarted
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from tests.capabilities.monitoring.yields import plant_home as plant

HEAD = """schema = "goldenbatch/quality-costs/1"
version = "2026-1"
currency = "EUR"
valid_from = "2023-11-01"
"""


def factor(name, category, what, cost, **more):
    lines = [f'{key} = "{value}"' for key, value in more.items() if key != "reference"]
    if "reference" in more:
        lines.append(f"reference = {more['reference']}")
    body = f'name = "{name}"\ncategory = "{category}"\nwhat = "{what}"\ncost = {cost}\n'
    return "\n".join(["[[factor]]", body + 'source = "controlling"', *lines, ""])


FACTORS = HEAD + "".join([
    factor("impurity test", "appraisal", "result", "120.50", match="impurity"),
    factor("oos", "internal failure", "out of specification", 900),
    factor("lost batch", "internal failure", "aborted batch", 40000, product="P"),
    factor("loss", "internal failure", "yield loss", "250.0", match="batch_yield", reference=98),
    factor("rework", "internal failure", "repeated phase", 75, match="coating"),
    factor("batch head", "prevention", "event", "0.10", kind="BatchCreated"),
])  # fmt: skip


def home(site):
    def result(batch, sample, attribute, value, status="valid", cause=""):
        one = Result(
            test=attribute, attribute=attribute, value=value, unit="%", status=status, cause=cause,
            performed_at=plant.START,
        )  # fmt: skip
        body = ResultsReported(sample=sample, batch=batch, results=(one,))
        return NewEvent(f"sample/{sample}", body, 0, "test")

    run = {"batch": "a", "place": plant.PRESS, "phase": "coating"}
    site.ledger.append([
        NewEvent("batch/a", BatchCreated(batch="a", product="P", started_at=plant.START), 0, "t"),
        NewEvent("batch/a", PhaseStarted(**run, run=1, at=plant.START), 1, "t"),
        NewEvent("batch/a", PhaseStarted(**run, run=2, at=plant.START + 1), 2, "t"),
        NewEvent("batch/a", BatchEnded(
            batch="a", ended_at=plant.START + 2, outcome="aborted"), 3, "t"),
        NewEvent("batch/b", BatchCreated(batch="b", product="Q", started_at=plant.START), 0, "t"),
        NewEvent("batch/b", BatchEnded(
            batch="b", ended_at=plant.START + 2, outcome="aborted"), 1, "t"),
        result("a", "s1", "impurity", "0.9", "oos"),
        result("a", "s2", "impurity", "0.2", "invalidated", "spilt"),
        result("a", "s3", "batch_yield", "96.4"),
        result("b", "s4", "batch_yield", "98.9"),
        result("b", "s5", "assay", "99.0"),
    ])  # fmt: skip


def run(site, folder, text=FACTORS, once="coating"):
    folder.joinpath("factors.toml").write_text(text)
    answer = quality_costs_command(site, folder / "factors.toml", folder / "out", once)
    return answer, json.loads((folder / "out" / "quality-costs.json").read_text())


def test_costs_are_the_records_times_the_factors_to_the_last_digit(site, tmp_path):
    home(site)
    answer, whole = run(site, tmp_path)
    assert whole["by_category"] == {
        "prevention": "0.20",
        "appraisal": "241.00",
        "internal failure": str(900 + 40000 + 75) + ".00",
        "external failure": "0",
    } | {"internal failure": "41375.00"}
    assert answer["total"] == "41616.20 EUR"
    loss = [one for one in whole["lines"] if one["factor"] == "loss"]
    assert [(one["product"], one["amount"], one["cost"]) for one in loss] == [
        ("P", "1.6", "400.00"),
        ("Q", "0", "0.0"),
    ]
    assert {one["period"] for one in whole["lines"] if one["factor"] == "oos"} == {"2023-11"}


def test_what_has_no_factor_is_listed_and_not_taken_for_nothing(site, tmp_path):
    home(site)
    answer, whole = run(site, tmp_path)
    assert whole["not_costed"] == {
        "aborted batch": 1,
        "invalidated result: impurity": 1,
        "result: assay": 1,
        "result: batch_yield": 2,
    }
    assert answer["categories without a factor"] == ["external failure"]
    page = (tmp_path / "out" / "quality-costs.html").read_text()
    assert "No factor for external failure: nothing is known of it." in page


def test_what_was_before_the_factors_hold_is_counted_apart(site, tmp_path):
    home(site)
    _, whole = run(site, tmp_path, FACTORS.replace("2023-11-01", "2023-12-01"))
    assert whole["n_before_valid_from"] > 5
    assert whole["by_category"]["internal failure"] == "0"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("EUR", "Euro"), "currency"),
        (('category = "appraisal"', 'category = "luck"'), "category"),
        (('kind = "BatchCreated"', ""), "exactly what = 'event' has a kind"),
        (("reference = 98", ""), "exactly a yield loss has a reference"),
        (('name = "rework"', 'name = "oos"'), "'oos' stands there twice"),
        (("cost = 75", "cost = -1"), "cost"),
        (("[[factor]]", "[[factor"), "not TOML"),
    ],
)
def test_wrong_factors_are_refused_by_name(tmp_path, change, words):
    file = tmp_path / "f.toml"
    file.write_text(FACTORS.replace(*change, 1))
    with pytest.raises(BadInputError, match=words):
        load_factors(file)
    with pytest.raises(NotFoundError):
        load_factors(tmp_path / "none.toml")
