"""Forecast charts in a home: one finding a change, versions of older settings, limits shown."""

from __future__ import annotations

import json
import math
import random
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.capabilities.monitoring import control_charts, limits_of
from goldenbatch.capabilities.monitoring.charts import _trial_lengths
from goldenbatch.capabilities.monitoring.charts.book import ChartPage, add
from goldenbatch.capabilities.monitoring.charts.settings import (
    ControlChartSettings,
    designed_run_length,
)
from goldenbatch.capabilities.monitoring.charts.trial import ControlChartTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.runtime.trials import run_trial
from goldenbatch.science.statistics.run_length import ewma_arl

FORECAST = {"attributes": ["imp*"], "kind": "forecast", "n_reference": 20, "weight": 0.1}


def autoregression(n, seed, phi=0.6):
    rng, level, values = random.Random(seed), 0.0, []
    for _ in range(n):
        level = phi * level + rng.gauss(0, math.sqrt(1 - phi * phi))
        values.append(10 + level)
    return values


def run(bench, values, product="P", start=0):
    found = []
    for i, value in enumerate(values, start):
        bench.batch(f"{product}{i}", {"impurity": f"{value:.3f}"}, product)
        found += bench.site.wake()
    return found


def test_a_change_of_level_is_one_finding_and_replays(bench):
    bench.site.adopt("quality", "monitoring.charts", FORECAST)
    found = run(bench, [*autoregression(22, 3), *(v + 5 for v in autoregression(12, 4))])
    assert [one.step for one in found][:2] == ["opened", "closed"]
    assert "forecast chart alarm" in found[0].finding.statement
    assert "designed for a false alarm in 498 batches" in found[0].finding.statement
    report = bench.site.replay("as-seen")
    assert report.n_live == report.n_replayed > 0
    assert report.differences == ()
    row = limits_of(bench.site, "quality")[0]
    assert row["state"] == "forecast"
    assert row["n_reference"] == 20
    assert row["designed_arl"] == pytest.approx(498.3, abs=0.1)


def test_products_lend_their_sigma_to_one_that_has_little(bench):
    bench.site.adopt("quality", "monitoring.charts", FORECAST)
    for i, product in enumerate("ABCD"):
        run(bench, autoregression(20, 10 + i), product)
    state = control_charts("quality", FORECAST)
    lonely = control_charts("quality", {**FORECAST, "is_lending": False})
    assert state.version != lonely.version
    from goldenbatch.capabilities.monitoring.charts.limits import _WholeLedger

    charts = state.assess(state.start(), _WholeLedger(bench.site)).state["charts"]
    freedom = {key: page["forecast"]["freedom"] for key, page in charts.items()}
    assert freedom["A|impurity"] == 17
    assert freedom["D|impurity"] > 30


def test_a_reference_period_may_end_at_a_date(bench):
    until = {"reference": "period", "reference_until": "2100-01-01T00:00:00Z"}
    bench.site.adopt("quality", "monitoring.charts", {**FORECAST, **until})
    assert run(bench, [*autoregression(25, 5), 99.0]) == []
    assert limits_of(bench.site, "quality")[0]["n_reference"] == 26


def test_versions_of_settings_from_before_forecast_charts_stay():
    old = control_charts("q", {"attributes": ["imp*"]})
    assert old.version == "charts-1+54752db8"
    rules = {"kind": "cusum", "threshold": 4.0, "rules": ["nelson-1", "nelson-2"]}
    assert control_charts("q", {"attributes": ["a"], **rules}).version == "charts-1+f233d2d6"
    new = control_charts("q", {"attributes": ["imp*"], "in_control_arl": 1000.0})
    assert new.version != old.version


def test_limits_are_designed_for_the_run_length_asked_for():
    chosen = ControlChartSettings(attributes=("a",), kind="ewma", weight=0.1, in_control_arl=800)
    width = chosen.book().chart.width
    assert ewma_arl(0.0, 0.1, width) == pytest.approx(800.0)
    headed = ControlChartSettings(
        attributes=("a",), kind="cusum", headstart=0.5, in_control_arl=800
    )
    assert headed.book().chart.headstart == headed.book().chart.threshold / 2
    assert designed_run_length(headed)["arl"] == pytest.approx(800.0)
    for kind in ("individuals", "cusum"):
        book = ControlChartSettings(attributes=("a",), kind=kind, in_control_arl=800)
        assert designed_run_length(book)["arl"] == pytest.approx(800.0)
    rules = ControlChartSettings(attributes=("a",), rules=("nelson-1", "nelson-2"))
    assert designed_run_length(rules)["arl"] == pytest.approx(216.7, abs=0.1)
    with pytest.raises(BadInputError, match="one-point rule"):
        control_charts("q", {"attributes": ["a"], "rules": ["nelson-2"], "in_control_arl": 500})
    with pytest.raises(BadInputError, match="reference_until"):
        control_charts("q", {"attributes": ["a"], "reference_until": "2020-01-01T00:00:00Z"})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100, width=32), min_size=10, max_size=40), st.data())
def test_a_page_survives_json_at_any_place(values, data):
    book = ControlChartSettings(attributes=("a",), kind="forecast", n_reference=9).book()
    cut = data.draw(st.integers(0, len(values)))
    whole, torn = ChartPage(), ChartPage()
    for i, value in enumerate(values):
        whole, first = add(whole, book, str(i), value)
        if i == cut:
            torn = ChartPage.from_json(json.loads(json.dumps(torn.to_json())))
        torn, second = add(torn, book, str(i), value)
        assert repr(first) == repr(second)
    assert json.dumps(whole.to_json()) == json.dumps(torn.to_json())


TRIAL = """
trial = "monitoring.charts"
title = "t"
source = "s"
[files.table]
glob = "a.csv"
[columns]
values = ["x", "y"]
[split]
by = "time"
train_share = 0.5
[settings]
kind = "forecast"
n_reference = 20
weight = 0.1
reference = "period"
specification = { x = [-50.0, nan] }
"""


def test_a_trial_counts_values_and_batches_and_says_how_fast_its_charts_are(tmp_path, monkeypatch):
    monkeypatch.setattr(_trial_lengths, "_N_RUNS_IN_ALL", 600)
    x, y = autoregression(160, 21), autoregression(160, 22)
    x[120], y[130] = -60.0, 90.0
    rows = [f"{a:.5f},{b:.5f}" for a, b in zip(x, y, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *rows]))
    path = tmp_path / "t.toml"
    path.write_text(TRIAL)
    file = TrialFile.model_validate(tomllib.loads(TRIAL))
    found = run_trial(ControlChartTrial(), file, path, tmp_path)["measures"]
    assert (found["detection_rate"]["share"], found["detection_rate"]["n"]) == (1.0, 1)
    assert found["false_alarm_rate"]["n"] == 159
    assert found["false_alarm_rate_of_batches"]["n"] == 80
    assert 1 <= 159 * found["false_alarm_rate"]["share"] <= 5
    known, estimated = (found["run_lengths"][key] for key in ("known", "estimated"))
    assert known["ratio"] < 0.6
    assert 300 < estimated["batches_per_false_alarm"] < 800
    assert estimated["share_found_within_arl1_of_exact_chart"] > 0.6
    added = found["run_lengths"]["one_sigma_added_to_later_rows"]
    assert added["charts_with_an_alarm_after_the_step"]["n"] == 4
    assert added["charts_with_an_alarm_after_the_step"]["share"] >= 0.75


def test_a_wrong_specification_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *["1,2", "2,3"] * 40]))
    text = TRIAL.replace("[-50.0, nan]", "5")
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(BadInputError, match="specification of 'x'"):
        run_trial(
            ControlChartTrial(), TrialFile.model_validate(tomllib.loads(text)), path, tmp_path
        )
