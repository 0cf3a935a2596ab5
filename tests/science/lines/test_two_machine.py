"""The exact line and its simulation, against each other, the file and what must hold for any."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.two_machine import (
    TwoMachines,
    exact_two_machine,
    simulate_two_machine,
)

GOLDEN = [
    (TwoMachines(0.1, 0.01, 0.1, 0.01, 4), 0.840936, 2.0),
    (TwoMachines(0.1, 0.01, 0.12, 0.02, 10), 0.817084, 6.334755),
    (TwoMachines(0.05, 0.01, 0.1, 0.02, 50), 0.789570, 27.188184),
]
LINES = st.builds(
    TwoMachines,
    st.floats(0.02, 1.0),
    st.floats(0.0, 0.3),
    st.floats(0.02, 1.0),
    st.floats(0.001, 0.3),
    st.integers(1, 12),
)


@pytest.mark.parametrize(("line", "throughput", "mean_buffer"), GOLDEN)
def test_the_chain_gives_the_published_figures(line, throughput, mean_buffer):
    rates = exact_two_machine(line)
    assert rates.throughput == pytest.approx(throughput, abs=1e-6)
    assert rates.mean_buffer == pytest.approx(mean_buffer, abs=1e-6)


def test_every_row_of_the_file_is_met_exactly_and_lies_in_the_simulated_interval(real_data):
    with (real_data("line") / "two_machine_exact.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        line = TwoMachines(
            *(float(row[name]) for name in ("r1", "p1", "r2", "p2")), int(row["buffer"])
        )
        rates = exact_two_machine(line)
        assert rates.throughput == pytest.approx(float(row["throughput"]), abs=1e-10)
        assert rates.mean_buffer == pytest.approx(float(row["mean_buffer"]), abs=1e-8)
        found = simulate_two_machine(line, seed=6, n_steps=4000, n_replications=200)
        assert found.throughput.contains(float(row["throughput"])), row
        assert found.mean_buffer.contains(float(row["mean_buffer"])), row


@given(LINES)
@settings(max_examples=30, deadline=None)
def test_flow_in_is_flow_out_and_more_buffer_is_never_less(line):
    rates = exact_two_machine(line)
    # Idle, failed and working shares of each machine sum to one: flow is conserved.
    for idle, failure, repair in (
        (rates.starved, line.failure_2, line.repair_2),
        (rates.blocked, line.failure_1, line.repair_1),
    ):
        assert idle + rates.throughput * (1 + failure / repair) == pytest.approx(1, abs=1e-9)
    assert 0 <= rates.mean_buffer <= line.buffer
    wider = TwoMachines(
        line.repair_1, line.failure_1, line.repair_2, line.failure_2, line.buffer + 1
    )
    assert exact_two_machine(wider).throughput >= rates.throughput - 1e-12


def _by_brute_force(line):
    """Stationary shares by a dense solve of all states at once."""
    states = [(n, a, b) for n in range(line.buffer + 1) for a in (0, 1) for b in (0, 1)]
    number = {state: i for i, state in enumerate(states)}
    chain, made = np.zeros((len(states), len(states))), np.zeros(len(states))
    for n, a, b in states:
        fails = line.failure_1 * (n < line.buffer), line.failure_2 * (n > 0)
        for x in (0, 1):
            for y in (0, 1):
                up_1 = 1 - fails[0] if a else line.repair_1
                up_2 = 1 - fails[1] if b else line.repair_2
                chance = (up_1 if x else 1 - up_1) * (up_2 if y else 1 - up_2)
                leaves = y * (n > 0)
                after = n + x * (n < line.buffer) - leaves
                chain[number[n, a, b], number[after, x, y]] += chance
                made[number[n, a, b]] += chance * leaves
    balance = np.vstack([chain.T - np.eye(len(states)), np.ones(len(states))])
    right = np.append(np.zeros(len(states)), 1.0)
    share = np.linalg.lstsq(balance, right, rcond=None)[0]
    return share @ made, share @ np.array([n for n, _, _ in states])


@given(LINES)
@settings(max_examples=20, deadline=None)
def test_level_by_level_is_the_same_as_all_states_at_once(line):
    rates = exact_two_machine(line)
    throughput, level = _by_brute_force(line)
    assert rates.throughput == pytest.approx(throughput, abs=1e-9)
    assert rates.mean_buffer == pytest.approx(level, abs=1e-7)


@pytest.mark.parametrize("buffer", [1, 2, 9])
def test_a_machine_that_never_fails_stands_back_to_the_other(buffer):
    for figures in ((0.1, 0.02, 0.3, 0.0, buffer), (0.3, 0.0, 0.1, 0.02, buffer)):
        rates = exact_two_machine(TwoMachines(*figures))
        if buffer > 1:
            assert rates.throughput == pytest.approx(0.1 / 0.12)
    with pytest.raises(DesignError, match="never fail"):
        exact_two_machine(TwoMachines(0.1, 0.0, 0.1, 0.0, buffer))


def test_a_long_buffer_is_solved_without_loss():
    rates = exact_two_machine(TwoMachines(0.1, 0.01, 0.1, 0.01, 5000))
    assert rates.mean_buffer == pytest.approx(2500, abs=1e-3)
    slow = exact_two_machine(TwoMachines(0.5, 0.01, 0.1, 0.1, 3000))
    assert slow.throughput == pytest.approx(0.5, abs=1e-9)
    assert slow.p_empty < 1e-100


@given(LINES)
@settings(max_examples=30, deadline=None)
def test_a_line_and_its_mirror_make_the_same(line):
    mirror = TwoMachines(line.repair_2, line.failure_2, line.repair_1, line.failure_1, line.buffer)
    one = exact_two_machine(line)
    other = exact_two_machine(mirror)
    assert one.throughput == pytest.approx(other.throughput, abs=1e-9)
    assert one.mean_buffer + other.mean_buffer == pytest.approx(line.buffer, abs=1e-7)


def test_a_large_buffer_leaves_the_slower_machine_alone():
    rates = exact_two_machine(TwoMachines(0.1, 0.02, 0.1, 0.005, 400))
    assert rates.throughput == pytest.approx(0.1 / 0.12, abs=1e-6)


def test_a_wide_buffer_does_not_remember_how_it_began():
    line = TwoMachines(0.05, 0.01, 0.1, 0.02, 150)
    found = simulate_two_machine(line, seed=3, n_steps=2000, n_replications=400)
    rates = exact_two_machine(line)
    assert found.n_warm_up > 2000
    assert found.throughput.contains(rates.throughput)
    assert found.mean_buffer.contains(rates.mean_buffer)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    line = TwoMachines(0.2, 0.05, 0.3, 0.05, 3)
    truth = exact_two_machine(line).throughput
    held = [
        simulate_two_machine(
            line, seed=seed, n_steps=100, n_replications=20, confidence=0.9
        ).throughput.contains(truth)
        for seed in range(40)
    ]
    assert 31 <= sum(held) <= 40


def test_the_same_seed_gives_the_same_figures():
    line = TwoMachines(0.2, 0.05, 0.3, 0.05, 3)
    one, two = (simulate_two_machine(line, seed=4, n_steps=50, n_replications=5) for _ in "ab")
    assert one == two
    other = simulate_two_machine(line, seed=5, n_steps=50, n_replications=5)
    assert other.throughput != one.throughput


@pytest.mark.parametrize(
    "bad",
    [(0, 0.1, 0.1, 0.1, 4), (0.1, 1, 0.1, 0.1, 4), (0.1, 0.1, 1.1, 0.1, 4), (0.1, 0, 0.1, -1, 4),
     (0.1, 0.1, 0.1, 0.1, 0), (np.nan, 0.1, 0.1, 0.1, 4)],
)  # fmt: skip
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(DesignError):
        TwoMachines(*bad)


def test_a_simulation_of_nothing_is_refused():
    with pytest.raises(DesignError, match="replications"):
        simulate_two_machine(GOLDEN[0][0], seed=1, n_replications=1)
