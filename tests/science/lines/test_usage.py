"""What a plant takes while it runs, down to the footprint of what it sold."""

import numpy as np
import pytest
from tests.science.lines.lines_of_tests import biologics, plant

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.simulation import RunSettings, simulate_line
from goldenbatch.science.lines.usage import Usage, flows_of_runs, good_amounts
from goldenbatch.science.process.footprint import FootprintSettings, footprint


def test_time_in_states_and_lots_become_amounts():
    vessel = {"name": "vessel", "count": 2, "cleaning": {"duration": 1}}
    run = simulate_line(
        plant(units=[vessel], plan=[{"product": "A", "n_lots": 3}]), RunSettings(100.0), seed=1
    )
    # Two lots of 2 h side by side, cleaned for 1 h each; the third from 3 to 5.
    found = flows_of_runs(
        [run],
        [
            Usage("electricity.GB", "kW.h", per_time=10.0, place="vessel", state="busy"),
            Usage("water.mains", "m3", per_time=2.0, place="vessel", state="cleaning"),
            Usage("natural gas", "kW.h", per_time=7.0),
            Usage("polymer.PP", "kg", per_lot=1.5, product="A"),
            Usage("electricity.GB", "kW.h", per_time=1.0, place="vessel"),
        ],
    )
    amounts = [one.amount[0] for one in found]
    assert amounts == pytest.approx([60.0, 4.0, 35.0, 4.5, 10.0])
    assert found[0].stage == "vessel"


def test_lots_made_in_vain_weigh_on_what_was_sold():
    runs = [
        simulate_line(biologics(), RunSettings(6000.0), seed=1, replication=i) for i in range(8)
    ]
    usages = [
        Usage("electricity.GB", "kW.h", per_time=50.0),
        Usage("water.mains", "m3", per_lot=20.0),
        Usage("polymer.LDPE", "kg", per_lot=30.0),
    ]
    flows = flows_of_runs(runs, usages)
    assert (flows[1].amount == 200.0).all()
    good = good_amounts(runs)
    assert len(set(good.round(6))) == 8
    found = footprint(flows, product_kg=good, settings=FootprintSettings(year=2024))
    assert found.mass_intensity.lower < found.mass_intensity.value < found.mass_intensity.upper
    lost = np.array([run.figures["n_lost"] for run in runs])
    assert lost.any()
    assert np.corrcoef(lost, good)[0, 1] < -0.5
    assert good_amounts(runs, "mab").sum() < good.sum()


@pytest.mark.parametrize(
    "usage",
    [
        Usage("x", "kg", per_time=1.0, place="kettle"),
        Usage("x", "kg", per_time=1.0, place="vessel", state="bored"),
        Usage("x", "kg", per_lot=1.0, product="Z"),
    ],
)
def test_what_the_runs_do_not_know_is_refused(usage):
    run = simulate_line(plant(), RunSettings(100.0), seed=1)
    with pytest.raises(BadInputError):
        flows_of_runs([run], [usage])


def test_no_runs_are_refused():
    with pytest.raises(BadInputError, match="no runs"):
        flows_of_runs([], [])
