"""Results that come late are paired by what is known, in whatever order it became known."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.log import Log

from goldenbatch.capabilities.governance.late_results import MAX_PAIRS, LateResults
from goldenbatch.core.batches import SampleCorrected, SampleTaken
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported


def result(value, test="assay", unit="g/L", **more):
    values = {"test": test, "attribute": "assay", "value": str(value), "unit": unit, **more}
    return Result.model_validate(values)


def said(time):
    """Nothing was said before 100."""
    return None if time < 100 else [float(time)]


def bodies(n):
    """Samples with their results and a correction of each third one."""
    for k in range(n):
        sample, at = f"S{k}", 100 + k
        yield [SampleTaken(sample=sample, batch=f"B{k % 3}", taken_at=at)]
        own = [ResultsReported(sample=sample, results=(result(k),))]
        if k % 3 == 0:
            own.append(ResultCorrected(
                sample=sample, test="assay", old=result(k), new=result(k + 0.5), reason="slip"
            ))  # fmt: skip
        yield own


def paired(parts, cut=None):
    late, log = LateResults("assay", "g/L"), Log()
    for number, part in enumerate(parts):
        events = [log.add(f"sample/{body.sample}", body) for body in part]
        late.take(events, said)
        if cut == number:  # a restart in between changes nothing
            late = LateResults("assay", "g/L", **json.loads(json.dumps(late.to_json())))
    return {key: tuple(one) for key, one in late.pairs.items()}


@given(st.permutations(list(bodies(6))), st.integers(0, 11))
@settings(max_examples=40, deadline=None)
def test_the_order_of_arrival_changes_nothing_of_what_is_paired(parts, cut):
    expected = {
        f"S{k}\nassay": (f"B{k % 3}", k + 0.5 * (k % 3 == 0), float(100 + k)) for k in range(6)
    }
    assert paired(parts, cut) == expected


def test_a_sample_of_another_time_is_paired_again_and_one_before_all_waits():
    late, log = LateResults("assay", "g/L"), Log()
    events = [
        log.add("sample/S", SampleTaken(sample="S", batch="B", taken_at=50)),
        log.add("sample/S", ResultsReported(sample="S", results=(result(1),))),
    ]
    assert not late.take(events, said)
    assert late.waiting == ["S\nassay"]
    moved = SampleCorrected(
        sample="S", field="taken_at", old="", new="1970-01-01T00:00:00.000200Z", reason="clock"
    )
    assert late.take([log.add("sample/S", moved)], said)
    assert late.groups() == [("B", [[1.0, 200.0]])]
    other = SampleCorrected(sample="S", field="batch", old="B", new="C", reason="slip")
    assert late.take([log.add("sample/S", other)], said)
    assert [name for name, _ in late.groups()] == ["C"]
    # Nothing new: what waits is not asked for again.
    assert not late.take([], said, is_news=False)


@pytest.mark.parametrize(
    ("value", "more", "why"),
    [
        ("1", {"unit": "mg/L"}, "of another unit"),
        ("0.05", {"kind": "censored", "operator": "<"}, "no number"),
        ("1", {"status": "invalidated", "cause": "x"}, "invalidated"),
    ],
)
def test_what_is_no_reference_is_counted_and_left_out(value, more, why):
    late, log = LateResults("assay", "g/L"), Log()
    late.take([log.add("sample/S", SampleTaken(sample="S", batch="B", taken_at=100))], said)
    reported = ResultsReported(sample="S", results=(result(value, **more),))
    assert not late.take([log.add("sample/S", reported)], said)
    assert late.n_refused == {why: 1}
    assert late.groups() == []


def test_results_of_other_attributes_and_corrections_of_what_is_unknown_are_passed_over():
    late, log = LateResults("assay", "g/L"), Log()
    other = result(1).model_copy(update={"attribute": "purity"})
    log_events = [
        log.add("sample/S", SampleTaken(sample="S", batch="B", taken_at=100)),
        log.add("sample/S", ResultsReported(sample="S", results=(other,))),
        log.add("sample/S", ResultCorrected(
            sample="S", test="assay", old=result(1), new=result(2), reason="of long ago")),
    ]  # fmt: skip
    assert not late.take(log_events, said)
    assert late.values == {}


def test_what_is_remembered_is_bounded():
    late, log = LateResults("assay", "g/L"), Log()
    for k in range(MAX_PAIRS + 60):
        sample = f"S{k}"
        late.take(
            [
                log.add(f"sample/{sample}", SampleTaken(sample=sample, batch=sample, taken_at=100)),
                log.add(f"sample/{sample}", ResultsReported(sample=sample, results=(result(k),))),
            ],
            said,
        )
    assert len(late.pairs) == len(late.order) == MAX_PAIRS
    assert late.order[-1] == f"S{MAX_PAIRS + 59}"
