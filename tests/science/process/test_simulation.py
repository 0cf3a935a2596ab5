"""A run: schedules, jumps, holds, controllers, faults, events and failures."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import (
    Happening,
    Hold,
    Linear,
    Model,
    ModelBuilder,
    Noise,
    Pid,
    Recipe,
    Settings,
    Shift,
    Steps,
    simulate,
)
from goldenbatch.science.process.faults import Altered, Mishap, SensorDrift, Stuck, Weakened


def tank() -> Model:
    """A heated tank with a feed: exact solutions are known."""
    m = ModelBuilder("tank", version="1", title="Heated tank", time_unit="h")
    V = m.state("V", "L", initial=1.0, lower=0.0, upper=10.0)
    T = m.state("T", "K", initial=300.0, lower=250.0, upper=400.0, scale=300.0, valid=(280, 350))
    F = m.input("F", "L/h", lower=-5.0, upper=5.0)
    heat = m.input("heat", "K/h", lower=0.0, upper=50.0)
    k = m.parameter("k", "1/h", value=0.5, lower=0.0)
    room = m.constant("room", 300.0, "K")
    m.derivative(V, F)
    m.derivative(T, heat - k * (T - room))
    m.output("temperature", T, "Cel", noise=Noise(sd=0.2))
    m.output("level", V, "L", noise=Noise(sd=0.01), cadence=2.0, delay=1.0)
    m.conserved("volume", V, inflow=F, unit="L")
    m.stop("overflow", V - m.constant("full", 5.0, "L"), help="the tank is full")
    v = m.argument("v", "L")
    m.jump("bolus", {"V": V + v}, {"volume": (v, "L")})
    return m.build()


def test_a_schedule_and_a_bolus_give_the_exact_solution() -> None:
    recipe = Recipe(
        duration=4.0,
        interval=1.0,
        inputs={"F": Steps((0.0, 2.5), ("100 mL/h", 0.2)), "heat": Linear((0.0, 4.0), (0.0, 8.0))},
        events=(Happening("bolus", 3.0, {"volume": "500 mL"}),),
    )
    run = simulate(tank(), recipe)
    assert run.status == "complete"
    assert run.time == pytest.approx([0, 1, 2, 2.5, 3, 4])
    assert run.final("V") == pytest.approx(1 + 0.25 + 0.3 + 0.5, abs=1e-6)
    # y' = 2t - y/2 from 0: y = 4t - 8 + 8 exp(-t/2)
    exact = 4 * run.time - 8 + 8 * np.exp(-run.time / 2)
    assert run["T"] - 300.0 == pytest.approx(exact, abs=5e-3)
    assert run["temperature"] == pytest.approx(run["T"] - 273.15)
    assert [(n.kind, n.name) for n in run.notes] == [("jump", "bolus")]


def test_a_hold_stops_the_clock_of_the_recipe() -> None:
    recipe = Recipe(
        duration=3.0,
        interval=1.0,
        inputs={"F": Steps((0.0, 2.0), (1.0, 0.0))},
        events=(Hold(1.0, 5.0, {"F": 0.0}),),
    )
    run = simulate(tank(), recipe)
    assert run.time[-1] == 8.0
    assert run.final("V") == pytest.approx(3.0)
    assert run.at("V", np.array([5.0]))[0] == pytest.approx(2.0)


def test_an_overflow_ends_the_run_and_says_when() -> None:
    run = simulate(tank(), Recipe(duration=10.0, interval=1.0, inputs={"F": 1.5}))
    assert run.status == "stopped"
    assert "overflow" in run.reason
    assert run.time[-1] == pytest.approx(4.0 / 1.5, abs=1e-5)
    assert run.final("V") == pytest.approx(5.0, abs=1e-4)


def test_a_run_outside_the_calibrated_range_is_marked() -> None:
    run = simulate(tank(), Recipe(duration=10.0, interval=1.0, inputs={"heat": 40.0}))
    assert run.is_extrapolated
    assert next(n for n in run.notes if n.kind == "extrapolation").name == "T"


def test_a_pid_reaches_its_set_point_and_follows_a_shift() -> None:
    pid = Pid(
        "TC", "temperature", "heat", 36.85, gain=1.0, integral_time=1.0, high=50.0, interval=0.1
    )
    recipe = Recipe(30.0, 0.1, controllers=(pid,), events=(Shift("TC", 15.0, 46.85),))
    run = simulate(tank(), recipe)
    assert run.at("temperature", np.array([14.9]))[0] == pytest.approx(36.85, abs=0.05)
    assert run.final("temperature") == pytest.approx(46.85, abs=0.05)


def test_a_drifting_sensor_misleads_the_controller() -> None:
    pid = Pid(
        "TC", "temperature", "heat", 36.85, gain=1.0, integral_time=1.0, high=50.0, interval=0.1
    )
    drift = SensorDrift(start=10.0, output="temperature", rate=0.5, most=2.0)
    run = simulate(tank(), Recipe(40.0, 0.1, controllers=(pid,), faults=(drift,)))
    assert run.measured["temperature"][-1] == pytest.approx(36.85, abs=0.05)
    assert run.final("temperature") == pytest.approx(34.85, abs=0.05)


def test_faults_reach_inputs_and_parameters() -> None:
    faults = (
        Stuck(start=1.0, input="F", value=0.3),
        Weakened(start=2.0, inputs=("F",), factor=0.5),
    )
    run = simulate(tank(), Recipe(3.0, 1.0, inputs={"F": 1.0}, faults=faults))
    assert run.final("V") == pytest.approx(1 + 1 + 0.3 + 0.15)
    faster = simulate(
        tank(), Recipe(2.0, 1.0, inputs={"heat": 10.0}, faults=(Altered(values={"k": 2.0}),))
    )
    assert faster.final("T") == pytest.approx(300 + 10 * (1 - np.exp(-2.0)), abs=5e-3)


def test_the_laboratory_answers_at_its_cadence_and_after_its_delay() -> None:
    run = simulate(tank(), Recipe(5.0, 1.0, inputs={"F": 0.1}), seed=3)
    level = run.measured["level"]
    assert np.isnan(level).tolist() == [False, True, False, True, False, True]
    assert level[0::2] == pytest.approx(run["level"][0::2], abs=0.05)
    again = simulate(tank(), Recipe(5.0, 1.0, inputs={"F": 0.1}), seed=3)
    assert np.array_equal(again.measured["temperature"], run.measured["temperature"])
    assert run.provenance == again.provenance


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"initial": {"V": -1.0}}, "'V' is -1 L, which cannot be"),
        ({"initial": {"V": "1 kg"}}, "'1 kg'"),
        ({"initial": {"V": 6.0}}, "would begin with 'overflow'"),
        ({"parameters": {"kk": 1.0}}, "'kk'"),
        ({"parameters": {"k": float("nan")}}, "nan"),
        ({"recipe": Recipe(1.0, 1.0, inputs={"F": 9.0})}, "between -5 and 5"),
        ({"recipe": Recipe(1.0, 1.0, events=(Happening("sip", 0.0),))}, "no jump 'sip'"),
        ({"recipe": Recipe(1.0, 1.0, events=(Happening("bolus", 0.0),))}, "takes ['volume']"),
        ({"recipe": Recipe(1.0, 1.0, events=(Shift("PC", 0.0, 1.0),))}, "neither an input"),
    ],
)
def test_an_impossible_run_is_refused_before_it_begins(change: dict, words: str) -> None:
    recipe = change.pop("recipe", Recipe(1.0, 1.0))
    with pytest.raises(DataError) as caught:
        simulate(tank(), recipe, **change)
    assert words in str(caught.value)


def test_a_solver_that_gives_up_is_a_result() -> None:
    m = ModelBuilder("blow-up", version="1", title="Finite escape time", time_unit="h")
    c = m.state("c", "1", initial=1.0)
    m.derivative(c, m.parameter("k", "1/h", value=1.0) * c**2)
    run = simulate(m.build(), Recipe(3.0, 0.5), settings=Settings(max_steps=500))
    assert run.status == "failed"
    assert "cvodes" in run.reason
    assert run.time[-1] == 0.5


def test_an_algebraic_equation_is_solved_along() -> None:
    m = ModelBuilder("dae", version="1", title="Buffered", time_unit="h")
    a = m.state("a", "mol/L", initial=1.0)
    z = m.algebraic("z", "mol/L", guess=0.1)
    k = m.parameter("k", "1/h", value=1.0)
    m.equation("mass action", z * z - a * m.constant("K", 0.25, "mol/L"), "mol2/L2")
    m.derivative(a, -k * z)
    m.output("z out", z, "mol/L")
    run = simulate(m.build(), Recipe(1.0, 0.25))
    # z = sqrt(a)/2, so sqrt(a) falls by t/4.
    assert run["a"] == pytest.approx((1 - run.time / 4) ** 2, abs=1e-5)
    assert run["z"] == pytest.approx(0.5 * (1 - run.time / 4), abs=1e-5)


def test_the_table_carries_units_and_provenance() -> None:
    table = simulate(tank(), Recipe(1.0, 1.0)).to_arrow()
    assert table.schema.field("temperature").metadata == {b"unit": b"Cel"}
    assert b'"model": "tank"' in table.schema.metadata[b"provenance"]


def test_a_reset_state_counts_within_its_interval_and_adjustments_act_between() -> None:
    m = ModelBuilder("counter", version="1", title="Counter", time_unit="h")
    n = m.state("n", "1")
    held = m.state("held", "g", initial=1.0)
    m.derivative(n, m.constant("pace", 2.0, "1/h"))
    m.derivative(held, m.constant("grown", 3.0, "g/h"))
    m.output("n out", n, "1")
    recipe = Recipe(1.5, 0.5, resets=("n",), adjustments=(lambda _, x: np.minimum(x, 2.0),))
    run = simulate(m.build(), recipe)
    assert run["n"] == pytest.approx([0.0, 1.0, 1.0, 1.0])
    assert run["held"] == pytest.approx([1.0, 2.0, 2.0, 2.0])


def test_a_state_below_its_bound_is_noted_once() -> None:
    run = simulate(tank(), Recipe(2.0, 0.5, inputs={"F": -1.0}), initial={"V": 1.0})
    notes = [note for note in run.notes if note.kind == "bound"]
    assert [note.name for note in notes] == ["V"]
    assert notes[0].time == pytest.approx(1.5)


def test_a_step_a_rounding_error_behind_a_border_holds_from_the_border() -> None:
    recipe = Recipe(4.0, 1.0, inputs={"F": Steps((0.0, 2.0 + 4e-13), (0.0, 1.0))})
    assert simulate(tank(), recipe).final("V") == pytest.approx(3.0)


def bolus(at: float, volume: str = "8 L") -> tuple[Happening, ...]:
    return (Happening("bolus", at, {"volume": volume}),)


@pytest.mark.parametrize("at", [0.0, 2.0, 2.5, 4.0])
def test_a_bolus_that_overflows_ends_the_run_where_it_happens(at: float) -> None:
    run = simulate(tank(), Recipe(4.0, 1.0, events=bolus(at)))
    assert run.status == "stopped"
    assert run.time[-1] == at
    assert [note.name for note in run.notes if note.kind == "event"] == ["overflow"]


def filling(*events: tuple[str, float, bool]) -> Model:
    m = ModelBuilder("filling", version="1", title="Filling", time_unit="h")
    V = m.state("V", "L", initial=0.0)
    u = m.input("u", "1")
    m.derivative(V, m.constant("rate", 1.0, "L/h"))
    for name, volume, stops in events:
        m.watch(name, V - m.constant(f"{name} at", volume, "L"), stops=stops)
    m.stop("asked", u - 0.5)
    return m.build()


def test_of_several_events_in_an_interval_the_first_in_time_ends_the_run() -> None:
    model = filling(("late", 0.8, True), ("never seen", 0.5, False), ("early", 0.3, True))
    run = simulate(model, Recipe(2.0, 1.0))
    assert run.reason.startswith("early at 0.3")
    assert [note.name for note in run.notes] == ["early"]


def test_an_event_on_an_input_is_found_on_steps_and_on_straight_lines() -> None:
    line = simulate(filling(), Recipe(4.0, 4.0, {"u": Linear((0.0, 4.0), (0.0, 1.0))}))
    step = simulate(filling(), Recipe(4.0, 1.0, {"u": Steps((0.0, 2.0), (0.0, 1.0))}))
    assert line.time[-1] == pytest.approx(2.0, abs=1e-4)
    assert step.time[-1] == 2.0


def test_a_stop_between_two_measurements_gives_a_whole_table() -> None:
    run = simulate(tank(), Recipe(9, 1, {"F": 0.9}), seed=1)
    assert run.status == "stopped"
    assert run.to_arrow().num_rows == run.time.size
    assert np.isnan(run.measured["level"][-1])


def test_a_fault_begins_and_ends_between_borders() -> None:
    run = simulate(tank(), Recipe(4.0, 1.0, faults=(Stuck(1.2, 1.8, "F", 1.0),)))
    assert run.final("V") == pytest.approx(1.6)


def test_a_pid_steps_at_its_interval_only() -> None:
    pid = Pid("p", "level", "F", 3.0, gain=0.3, integral_time=2.0, low=-5.0, high=5.0)
    plain = simulate(tank(), Recipe(4.0, 1.0, controllers=(pid,)))
    cut = simulate(
        tank(), Recipe(4.0, 1.0, {"heat": Steps((0.0, 0.1, 1.7), (0.0,) * 3)}, controllers=(pid,))
    )
    assert cut.final("V") == pytest.approx(plain.final("V"), rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Recipe(np.inf, 1.0), "lasts inf"),
        (lambda: Recipe(1e6, 1e-9), "2,000,000"),
        (lambda: Recipe(4.0, 1.0, events=(Hold(1.0, -3.0),)), "lasts -3"),
        (lambda: Recipe(4.0, 1.0, events=(Hold(1.0, np.nan),)), "lasts nan"),
        (lambda: Steps((np.nan,), (1.0,)), "nan"),
        (lambda: Linear((0.0, np.inf), (0.0, 1.0)), "inf"),
        (lambda: Stuck(3.0, 1.0, "F", 1.0), "never happens"),
        (lambda: Settings(rtol=-1.0), "tolerances -1"),
        (lambda: Recipe(4.0, 1.0, faults=(Stuck(input="G"),)), "names 'G'"),
        (lambda: Recipe(4.0, 1.0, faults=(SensorDrift(output="G"),)), "names 'G'"),
        (lambda: Recipe(4.0, 1.0, faults=(Altered(values={"G": 2.0}),)), "names 'G'"),
        (lambda: Recipe(4.0, 1.0, faults=(Mishap(happening=bolus(9.0)[0]),)), "outside the run"),
        (lambda: Recipe(4.0, 1.0, controllers=(Pid("p", "level", "G", 1, 1, 1),)), "names 'G'"),
        (lambda: Recipe(4.0, 1.0, controllers=(Pid("p", "level", "F", 1, 1, 1),) * 2), "unique"),
        (lambda: Pid("p", "level", "F", 1.0, np.nan, 1.0), "gain nan"),
    ],
)
def test_a_recipe_of_no_run_is_refused(make, words: str) -> None:
    with pytest.raises((DataError, DesignError), match=words):
        simulate(tank(), make())


@pytest.mark.parametrize("given", [True, "<1 L"])
def test_a_start_that_is_no_value_is_refused(given) -> None:
    with pytest.raises(DataError, match="'V'"):
        simulate(tank(), Recipe(1.0, 1.0), initial={"V": given})
    with pytest.raises(DataError, match="seed"):
        simulate(tank(), Recipe(1.0, 1.0), seed=-1)


def test_provenance_names_the_starts_that_were_given_and_a_fault_beyond_bounds_is_noted() -> None:
    run = simulate(
        tank(), Recipe(1.0, 1.0, faults=(Altered(values={"k": -1.0}),)), initial={"V": "2 L"}
    )
    assert run.provenance.initial == {"V": 2.0}
    assert ("bound", "k") in {(note.kind, note.name) for note in run.notes}


def test_a_command_that_is_no_number_is_a_failed_run() -> None:
    run = simulate(tank(), Recipe(1.0, 1.0, faults=(Stuck(input="F", value=np.nan),)))
    assert run.status == "failed"
    assert run.time.size == 1


def test_a_time_a_rounding_error_behind_the_end_is_the_end() -> None:
    run = simulate(tank(), Recipe(3.0, 1.0))
    found = run.at("V", np.array([-1.0, 3.0 + 1e-12, 3.1]))
    assert np.isnan(found).tolist() == [True, False, True]
