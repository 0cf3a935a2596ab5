"""The round of a sample: the plan asks, an order goes out, the answer comes in by a card."""

import csv
import json

PLAN = """
analyst = "execution.samples"
[settings]
plan = "routine"
products = ["P"]
[[settings.sample]]
name = "core"
phase = "make"
test = [{ test = "water", unit = "%", turnaround_s = 3600 }, { test = "colour" }]
"""
CARD = 'name = "lims"\n[[table]]\nname = "answers"\nfiles = ["*.csv"]\nformat = "lims"\n'


def test_from_the_plan_to_the_result(home, cli, tmp_path):
    (home / "analysts").mkdir(exist_ok=True)
    (home / "cards").mkdir(exist_ok=True)
    (home / "analysts" / "samples.toml").write_text(PLAN)
    (home / "cards" / "lims.toml").write_text(CARD)
    assert cli("adopt", "samples", "samples", "--home", home).code == 0
    shown = cli("sample", "due", "--home", home, "--json").json
    assert [(one["sample"], one["state"]) for one in shown["samples"]] == [("7/core/1", "missing")]
    out = tmp_path / "out" / "orders.csv"
    made = cli("sample", "order", out, "--laboratory", "QC", "--home", home, "--json").json
    assert made["samples"] == ["7/core/1"]
    again = cli("sample", "order", tmp_path / "o.json", "--home", home, "--json").json
    assert again == {"n_orders": 0, "file": "", "samples": []}
    every = cli("sample", "order", tmp_path / "o.json", "--all", "--home", home, "--json").json
    assert every["n_orders"] == 1
    (order,) = json.loads((tmp_path / "o.json").read_text())["orders"]
    assert (order["laboratory"], [one["test"] for one in order["tests"]]) == (
        "QC", ["water", "colour"],
    )  # fmt: skip
    back = tmp_path / "back"
    back.mkdir()
    with out.open(newline="") as source, (back / "answer.csv").open("w", newline="") as target:
        rows = list(csv.DictReader(source))
        writer = csv.DictWriter(target, [*rows[0], "taken_at", "value"])
        writer.writeheader()
        values = {"water": "1.20", "colour": "white"}
        at = "2023-11-14T22:44:00Z"
        writer.writerows([{**one, "taken_at": at, "value": values[one["test"]]} for one in rows])
    done = cli("import", "lims", "--data", back, "--home", home, "--json")
    assert done.code == 0, done.err
    (row,) = cli("sample", "due", "--home", home, "--json").json["samples"]
    assert (row["state"], row["tests_missing"], row["is_ordered"]) == ("there", [], True)
    assert cli("sample", "due", "--open", "--home", home, "--json").json["n_samples"] == 0
    assert cli("verify", "--home", home).code == 0


def test_a_file_is_never_written_over(home, cli, tmp_path):
    (tmp_path / "x.csv").write_text("theirs")
    assert cli("sample", "order", tmp_path / "x.csv", "--home", home).code != 0
    assert (tmp_path / "x.csv").read_text() == "theirs"
    assert cli("sample", "order", tmp_path / "x.pdf", "--home", home).code == 3
