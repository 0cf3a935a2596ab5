"""Golden figures of waiting lines and the identities between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.oee import oee
from goldenbatch.science.lines.queues import erlang_b, erlang_c, mg1, mmc


@pytest.mark.parametrize(
    ("n", "offered", "lost", "waits"),
    [
        (1, 0.8, 0.8 / 1.8, 0.8),
        (2, 1.0, 0.2, 1 / 3),
        (10, 5.0, 0.018385, 0.036105),
        (5, 4.0, 0.199067, 0.554113),
    ],
)
def test_erlang_tables(n, offered, lost, waits):
    assert erlang_b(n, offered) == pytest.approx(lost, abs=1e-6)
    assert erlang_c(n, offered) == pytest.approx(waits, abs=1e-6)


@given(st.integers(1, 60), st.floats(0.01, 0.99))
@settings(max_examples=40, deadline=None)
def test_littles_law_and_more_servers_wait_less(n, share):
    queue = mmc(n, share * n, 1.0)
    assert queue.mean_present == pytest.approx(share * n * queue.time_present)
    assert queue.mean_present - queue.mean_waiting == pytest.approx(share * n)
    assert mmc(n + 1, share * n, 1.0).waiting_time <= queue.waiting_time + 1e-12


def test_exponential_service_makes_mg1_mm1():
    one, other = mg1(0.7, 1.0, 1.0), mmc(1, 0.7, 1.0)
    assert one.waiting_time == pytest.approx(other.waiting_time)
    assert one.mean_present == pytest.approx(other.mean_present)


@pytest.mark.parametrize("bad", [(2, 2.0, 1.0), (0, 1.0, 1.0), (2, 0.0, 1.0), (2, 1.0, -1.0)])
def test_an_impossible_queue_is_refused(bad):
    with pytest.raises(DesignError):
        mmc(*bad)


def test_a_load_of_one_is_refused_by_mg1():
    with pytest.raises(DesignError, match="carry"):
        mg1(1.0, 1.0, 0.0)


@given(st.floats(0.1, 1), st.floats(0.1, 1), st.floats(0, 1), st.floats(1, 1e6))
@settings(max_examples=40, deadline=None)
def test_oee_is_good_items_at_planned_speed_over_planned_time(up, speed, good, planned):
    n = up * speed * planned / 0.01
    found = oee(
        planned_busy_time=planned,
        actual_production_time=up * planned,
        planned_run_time_per_item=0.01,
        n_produced=n,
        n_good=good * n,
    )
    assert found.oee == pytest.approx(0.01 * good * n / planned)
    assert found.oee == pytest.approx(
        found.availability * found.effectiveness * found.quality_ratio
    )


@pytest.mark.parametrize(
    "change", [{"actual_production_time": 11.0}, {"n_good": 11.0}, {"n_produced": 0.0}]
)
def test_figures_that_contradict_are_refused(change):
    figures = {
        "planned_busy_time": 10.0,
        "actual_production_time": 8.0,
        "planned_run_time_per_item": 0.5,
        "n_produced": 10.0,
        "n_good": 9.0,
    }
    with pytest.raises(DesignError):
        oee(**{**figures, **change})
