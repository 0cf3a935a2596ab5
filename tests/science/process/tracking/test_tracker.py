"""The bank over time: what comes late is as if it had come in time; faults are named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.process.tracking import cases

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Noise, Recipe, Simulation, Steps, simulate
from goldenbatch.science.process.faults import Altered, SensorDrift, Weakened
from goldenbatch.science.process.tracking import (
    Criterion,
    Draws,
    Hypothesis,
    Observed,
    Setup,
    Tracker,
    Varied,
    diagnose,
    hypothesis,
    nominal,
    none_of_these,
    predict_end,
    sensor_fault,
    start_belief,
)

LAB = ("cells", "sugar")
FEED = Steps((0.0, 16.0), (0.0, 0.01))


def setup() -> Setup:
    noise = {"X": Noise(relative=0.01), "S": Noise(sd=0.02), "V": Noise(relative=1e-3)}
    varied = (Varied("mu"), Varied("q_O"))
    return Setup(
        cases.culture(), noise=noise, varied=varied, initial_sd={"X": 0.05, "S": 0.1, "V": 0.01}
    )


def bank() -> tuple[Hypothesis, ...]:
    model = cases.culture()
    return (
        nominal(),
        sensor_fault(model, "DO"),
        sensor_fault(model, "sugar"),
        hypothesis(Weakened(inputs=("F",), what="the feed pump delivers less"), walk=0.2),
        hypothesis(Altered(values={"mu": 0.3}, what="growth is inhibited"), walk=0.2),
        none_of_these(),
    )


def run(*faults: object, seed: int = 3) -> Simulation:
    recipe = Recipe(48.0, 1.0, {"F": FEED}, faults=faults)
    found = simulate(cases.culture(), recipe, parameters={"mu": 0.13, "q_O": 7.6}, seed=seed)
    assert found.is_complete
    return found


def observed(one: Simulation, upto: float, known: float | None = None) -> Observed:
    """Evidence of the sensors up to a time, and the results that the laboratory has by then."""
    model, known = cases.culture(), upto if known is None else known
    delays = {o.name: o.delay for o in model.outputs}
    t = [at for at in one.time if at <= upto]
    samples = [
        (float(at), name, float(value))
        for name in LAB
        for at, value in zip(one.time, one.measured[name], strict=True)
        if np.isfinite(value) and at + delays[name] <= known
    ]
    commanded = [float(0.0 if at < 16.0 else 0.01) for at in t]
    do = [float(v) for v in one.measured["DO"][: len(t)]]
    return Observed({"F": (t, commanded)}, {"DO": (t, do)}, samples)


def tracker() -> Tracker:
    return Tracker(setup(), bank(), cadence=2.0, window=24.0, checkpoint_every=4)


def plain(one: Tracker) -> str:
    return json.dumps(one.to_json(), sort_keys=True)


def test_delayed_assays_give_bit_by_bit_what_they_would_have_given_in_time() -> None:
    one = run()
    in_time, late = tracker(), tracker()
    in_time.advance(observed(one, 24.0, known=99.0), 24.0)
    seen: set[tuple[float, str, float]] = set()
    for now in range(2, 33, 2):
        evidence = observed(one, min(float(now), 24.0), known=float(now))
        samples = [s for s in evidence.samples if s[0] <= 24.0]
        new = set(samples) - seen
        seen |= new
        changed = min((at for at, _, _ in new), default=None)
        late.advance(Observed(evidence.inputs, evidence.readings, samples), min(now, 24), changed)
        late = tracker().read(json.loads(plain(late)))
    assert plain(late) == plain(in_time)
    assert len(in_time.records) == 12


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(1, 9), min_size=6, max_size=6, unique=True))
def test_whatever_order_results_come_in(order: list[int], times: list[int]) -> None:
    small = Setup(cases.linear(), noise={"a": Noise(sd=0.3)}, initial_sd={"a": 1.0})
    samples = [(0.93 * at, "second", 1.0 + 0.1 * at) for at in times]

    def new() -> Tracker:
        return Tracker(small, (nominal(),), cadence=1.0, window=20.0, checkpoint_every=2)

    whole, torn = new(), new()
    whole.advance(Observed(samples=samples), 10.0)
    torn.advance(Observed(), 10.0)
    for n in range(1, 7):
        known = [samples[k] for k in order[:n]]
        torn.advance(Observed(samples=known), 10.0, known[-1][0])
    assert plain(torn) == plain(whole)


def test_a_result_older_than_the_window_is_refused_and_nothing_is_lost() -> None:
    small = Setup(cases.linear(), noise={"a": Noise(sd=0.3)})
    one = Tracker(small, (nominal(),), cadence=1.0, window=4.0, checkpoint_every=2)
    one.advance(Observed(), 20.0)
    before = plain(one)
    assert one.restart_at(3.0) is None
    with pytest.raises(DataError, match="too late"):
        one.advance(Observed(samples=[(3.0, "first", 1.0)]), 20.0, 3.0)
    assert plain(one) == before
    with pytest.raises(DataError, match="no input"):
        one.advance(Observed(samples=[(19.0, "third", 1.0)]), 20.0)
    assert one.restart_at(19.0) == 18.0


def test_a_sample_of_the_very_beginning_counts() -> None:
    small = Setup(cases.linear(), initial_sd={"a": 1.0})
    one = Tracker(small, (nominal(),), cadence=1.0)
    one.advance(Observed(samples=[(0.0, "first", 6.0)]), 0.0)
    assert one.beliefs[0].mean[0] * 2.0 == pytest.approx(4.0 + 2.0 / 1.04, rel=1e-9)


def alarm(*faults: object, seed: int = 3) -> tuple[float | None, list[str], float]:
    """Time of the first alarm, the names at the end, the greatest evidence."""
    one, follow, first, most, names = run(*faults, seed=seed), tracker(), None, 0.0, []
    for now in range(4, 49, 4):
        evidence = observed(one, float(now))
        changed = now - 8.0 if now > 8 else None
        follow.advance(evidence, now, changed)
        said = diagnose(bank(), follow.records)
        most = max(most, said.evidence)
        if said.is_alarm:
            first = first if first is not None else float(now)
            names = [bank()[k].name for k in said.candidates]
    return first, names, most


def test_a_batch_without_fault_raises_nothing() -> None:
    first, _, most = alarm()
    assert first is None
    assert most < 8.0


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (SensorDrift(start=20.0, output="DO", offset=-12.0), "sensor of DO"),
        (Altered(start=20.0, values={"mu": 0.4}), "growth is inhibited"),
    ],
)
def test_a_fault_is_named_before_the_batch_ends(fault: object, name: str) -> None:
    first, names, _ = alarm(fault)
    assert first is not None
    assert 20.0 < first < 48.0
    # Others may be named beside it where the readings do not tell them apart, after it.
    assert names[0] == name


def test_what_nobody_named_is_called_so() -> None:
    # Growth is inhibited, and no hypothesis of this bank says so.
    fault = Altered(start=20.0, values={"mu": 0.4})
    one = run(fault)
    few = (nominal(), sensor_fault(cases.culture(), "sugar"), none_of_these())
    follow = Tracker(setup(), few, cadence=2.0)
    follow.advance(observed(one, 48.0, known=99.0), 48.0)
    said = diagnose(few, follow.records)
    assert said.is_alarm
    assert [few[k].what for k in said.candidates] == ["none of these"]


def test_two_faults_with_the_same_effect_are_one_of_them() -> None:
    fault = Altered(start=20.0, values={"mu": 0.4})
    twice = (
        nominal(),
        hypothesis(fault, name="A", walk=0.2),
        hypothesis(fault, name="B", walk=0.2),
    )
    follow = Tracker(setup(), twice, cadence=2.0)
    follow.advance(observed(run(fault), 48.0, known=99.0), 48.0)
    said = diagnose(twice, follow.records)
    assert said.is_alarm
    assert said.candidates == (1, 2)
    assert said.weights[1] == pytest.approx(said.weights[2])


def test_the_end_is_predicted_with_an_interval_that_narrows() -> None:
    one, widths = run(), []
    for now in (8.0, 32.0):
        follow = Tracker(setup(), (nominal(),), cadence=2.0)
        follow.advance(observed(one, now, known=99.0), now)
        end = predict_end(
            setup(), nominal(), follow.beliefs[0], lambda t, _: np.array([0.01 * (t >= 16.0)]),
            [float(at) for at in range(int(now) + 4, 49, 4)], Criterion("X"), draws=Draws(24),
        )  # fmt: skip
        truth = one.values["X"][-1]
        assert end.value[1] - 0.3 < truth < end.value[2] + 0.3
        assert (end.n_members, end.n_failed, end.share_reached) == (24, 0, 1.0)
        widths.append(end.value[2] - end.value[1])
    assert widths[1] < widths[0]


def test_the_time_when_a_level_is_met() -> None:
    begin = start_belief(setup(), nominal())
    times = [2.0 * k for k in range(1, 13)]
    end = predict_end(
        setup(), nominal(), begin, lambda *_: np.zeros(1), times, Criterion("X", level=1.0),
        draws=Draws(24),
    )  # fmt: skip
    assert end.time is not None
    assert end.time[1] < np.log(2.0) / 0.117 < end.time[2]
    never = predict_end(
        setup(), nominal(), begin, lambda *_: np.zeros(1), times, Criterion("X", level=99.0),
        draws=Draws(4),
    )  # fmt: skip
    assert never.time is None
    assert never.share_reached == 0.0
    assert not never.is_extrapolated
    with pytest.raises(DataError):
        predict_end(
            setup(), nominal(), begin, lambda *_: np.zeros(1), times, Criterion("nothing")
        )  # fmt: skip


def test_a_bank_without_nominal_is_refused() -> None:
    with pytest.raises(DesignError):
        Tracker(setup(), (none_of_these(),), cadence=1.0)
    with pytest.raises(DataError, match="other hypotheses"):
        tracker().read({"beliefs": [], "checkpoints": [], "records": [], "time": 0.0})
