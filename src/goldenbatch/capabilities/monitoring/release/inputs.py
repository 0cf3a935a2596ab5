"""Inputs of a release model for one batch, each read with its evidence or with why it cannot be.

What is not certain is no value: readings that are not good for long enough, an instrument whose
calibration has run out, two lots where one is meant, a result that is censored or invalidated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import Evidence
from goldenbatch.core.quantities import Quantity
from goldenbatch.core.release_records import InputRead, NoPrediction
from goldenbatch.core.results import ResultStatus
from goldenbatch.core.series import Quality

if TYPE_CHECKING:
    from goldenbatch.core.aggregates import AggregateKind
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_parts import InputSource
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site, Window

_HOW: Mapping[str, AggregateKind] = {
    "mean": "TimeAverage", "minimum": "Minimum", "maximum": "Maximum",
}  # fmt: skip
_GOOD: Final[tuple[AggregateKind, ...]] = ("PercentGood", "DurationGood")
_MOST_CADENCES: Final = 3.0
"""So many times its usual time between readings a reading stands."""


@dataclass(frozen=True)
class _Found:
    """A value with its unit and evidence, or why there is none."""

    value: str = ""
    unit: str = "1"
    evidence: tuple[Evidence, ...] = ()
    fault: NoPrediction | None = None
    why: str = ""


class _NoValueError(Exception):
    """There is no value; said to whoever reads the input."""

    def __init__(self, why: str, fault: NoPrediction = NoPrediction.MISSING_INPUT) -> None:
        super().__init__(why)
        self.fault = fault


def plain(value: float) -> str:
    """A float as decimal text that gives the same float back.

    >>> plain(0.1), plain(1e-7)
    ('0.1', '0.0000001')
    """
    return format(Decimal(repr(float(value))), "f")


def read_inputs(
    site: Site, row: Row, sources: Sequence[InputSource], units: Mapping[str, str]
) -> tuple[InputRead, ...]:
    """All inputs of a batch, in the order of the registration.

    Args:
        site: The site.
        row: The batch's row.
        sources: Where each comes from.
        units: Name of each input to the unit that the model takes it in.
    """
    return tuple(_read(site, row, one, units.get(one.name, "")) for one in sources)


def _read(site: Site, row: Row, source: InputSource, unit: str) -> InputRead:
    how = {"readings": _readings, "result": _result, "lot": _lot, "batch": _fact}[source.kind]
    try:
        found = _in_unit(how(site, row, source), unit)
    except _NoValueError as error:
        found = _Found(unit=unit or "1", fault=error.fault, why=str(error))
    return InputRead(
        name=source.name, value=found.value, unit=found.unit, source=source.words,
        evidence=found.evidence, fault=found.fault or "", why=found.why,
    )  # fmt: skip


def _in_unit(found: _Found, unit: str) -> _Found:
    if not unit or found.unit == unit:
        return found
    try:
        converted = Quantity(found.value, found.unit).to(unit)
    except BadInputError as error:
        raise _NoValueError(f"it is in {found.unit}, the model takes {unit}: {error}") from error
    return _Found(converted.value, unit, found.evidence)


# ---- readings ---------------------------------------------------------------------------------


def _readings(site: Site, row: Row, source: InputSource) -> _Found:
    windows = _windows(site, row, source.phase)
    _require_calibrated(site, source.of, windows)
    series = [_series(site, source.of, window) for window in windows]
    if not any(len(one) for one in series):
        raise _NoValueError(f"{source.of} has no reading in the time")
    evidence = tuple(
        _window_evidence(site, source.of, window, one)
        for window, one in zip(windows, series, strict=True)
        if len(one)
    )
    as_of = max(one.as_of or 0 for one in evidence)
    cadence = _cadence(site, source.of)
    if source.how == "last":
        value = _last(series, source.of)
        _require_fresh(source.of, series, windows, cadence)
    else:
        share = _share_good(site, source.of, windows, series, as_of)
        if share < source.least_good:
            raise _NoValueError(
                f"{source.of} was good for {share:.1%} of the time, and {source.least_good:.0%} "
                "are asked for",
                NoPrediction.INSTRUMENT_FAULT,
            )
        value = _aggregate(site, source, windows, as_of)
    return _Found(plain(value), _unit_of(site, source.of), evidence)


def _windows(site: Site, row: Row, phase: str) -> Sequence[Window]:
    """Windows of the batch or of a phase; that the batch is over was asked before."""
    found = site.windows(str(row["batch"]), phase)
    if not found:
        raise _NoValueError(f"phase {phase} never ran" if phase else "the batch has no start")
    return found


def _series(site: Site, tag: str, window: Window) -> Series:
    try:
        return site.historian.read([tag], window)
    except NotFoundError as error:
        raise _NoValueError(f"{tag} never had a reading") from error


def _require_calibrated(site: Site, tag: str, windows: Sequence[Window]) -> None:
    """Raise where the instrument has calibrations, and none covers the batch."""
    place, _, signal = tag.rpartition("/")
    equipment = site.plant.equipment_at(place)
    if equipment is None or not any(one.signal == signal for one in equipment.calibrations):
        return
    for window in windows:
        for at in window:
            day = datetime.fromtimestamp(at / 1e6, tz=UTC).date()
            if site.plant.calibration(tag, day) is None:
                raise _NoValueError(
                    f"{tag} was out of calibration on {day}", NoPrediction.INSTRUMENT_FAULT
                )


def _window_evidence(site: Site, tag: str, window: Window, series: Series) -> Evidence:
    # The newest frame that had a say: later frames of other tags change nothing.
    as_of = int(series.seqs().max())
    digest, n = site.historian.digest(tag, window, as_of)
    return Evidence(
        kind="window", digest=digest, tag=tag, start=window[0], end=window[1], as_of=as_of,
        n_readings=n,
    )  # fmt: skip


def _last(series: Sequence[Series], tag: str) -> float:
    newest = max((one for one in series if len(one)), key=lambda one: int(one.times().max()))
    at = int(newest.times().argmax())
    if int(newest.qualities()[at]) != Quality.GOOD:
        raise _NoValueError(f"the last reading of {tag} is not good", NoPrediction.INSTRUMENT_FAULT)
    value = newest.values()[at]
    if value is None or not math.isfinite(float(value)):
        raise _NoValueError(f"the last reading of {tag} is no number")
    return float(value)


def _cadence(site: Site, tag: str) -> float:
    """Usual time between readings in microseconds, as the plant says; infinite: it does not."""
    told = site.plant.tag(tag).cadence_s if site.plant.has_tag(tag) else None
    return 1e6 * told if told else math.inf


def _require_fresh(
    tag: str, series: Sequence[Series], windows: Sequence[Window], cadence: float
) -> None:
    newest = max(int(one.times().max()) for one in series if len(one))
    silence = max(end for _, end in windows) - newest
    if silence > _MOST_CADENCES * cadence:
        raise _NoValueError(
            f"{tag} was silent for the last {silence / 6e7:.0f} min", NoPrediction.INSTRUMENT_FAULT
        )


def _share_good(
    site: Site, tag: str, windows: Sequence[Window], series: Sequence[Series], as_of: int
) -> float:
    """Share of the whole time with good readings; a tag that fell silent is not good."""
    shares, spans = (
        site.historian.aggregate([tag], windows, kind, as_of=as_of).values[:, 0] for kind in _GOOD
    )
    good = sum(
        _good_time(window, one, (float(share) / 100, 1e3 * float(span)), _cadence(site, tag))
        for window, one, share, span in zip(windows, series, shares, spans, strict=True)
        if len(one) and share > 0
    )
    return good / (sum(end - start for start, end in windows) or 1)


def _good_time(window: Window, series: Series, good: tuple[float, float], cadence: float) -> float:
    """Microseconds of a window with good readings.

    The aggregate's share is of the time up to the last reading that there is. Beyond it a reading
    stands as long as the longest gap before it. With a known cadence no reading stands long.
    """
    (start, end), (share, span) = window, good
    times = np.sort(series.times())
    gaps = np.diff(times, append=end)
    known = span / share
    span += share * min(end - start - known, float(gaps[:-1].max(initial=0)))
    if not math.isfinite(cadence):
        return span
    return span - share * float(np.maximum(gaps - _MOST_CADENCES * cadence, 0.0).sum())


def _aggregate(site: Site, source: InputSource, windows: Sequence[Window], as_of: int) -> float:
    spans = [end - start for start, end in windows]
    how = _HOW[source.how]
    found = site.historian.aggregate([source.of], windows, how, as_of=as_of).values[:, 0]
    kept = [
        (float(one), span)
        for one, span in zip(found, spans, strict=True)
        if math.isfinite(float(one))
    ]
    if not kept:
        raise _NoValueError(f"{source.of} gives no {source.how}")
    if source.how == "mean":
        return math.fsum(one * span for one, span in kept) / (sum(span for _, span in kept) or 1)
    return (min if source.how == "minimum" else max)(one for one, _ in kept)


def _unit_of(site: Site, tag: str) -> str:
    return site.plant.tag(tag).unit or "1" if site.plant.has_tag(tag) else "1"


# ---- results and facts ------------------------------------------------------------------------


def _result(site: Site, row: Row, source: InputSource) -> _Found:
    where = {"batch": row["batch"], "attribute": source.of}
    return _of_results(site, site.ledger.select("result", where), f"{source.of} of the batch")


def _lot(site: Site, row: Row, source: InputSource) -> _Found:
    where = {"batch": row["batch"], "material": source.material, "status": "consumed"}
    lots = sorted({str(one["lot"]) for one in site.ledger.select("genealogy", where)})
    if len(lots) != 1:
        found = f"{len(lots)} lots of {source.material} went in"
        raise _NoValueError(f"{found}: {', '.join(lots)}" if lots else f"no {found[2:]}")
    where = {"material": source.material, "lot": lots[0], "attribute": source.of}
    return _of_results(
        site, site.ledger.select("result", where), f"{source.of} of {source.material} {lots[0]}"
    )


def _of_results(site: Site, rows: Sequence[Row], what: str) -> _Found:
    """The one valid result, or the mean of several of one unit.

    A result that stands as out of specification or trend is not left out of a mean of the others.
    """
    bad = [one for one in rows if one["status"] in (ResultStatus.OOS, ResultStatus.OOT)]
    if bad:
        raise _NoValueError(f"a result of {what} stands as {bad[0]['status']} ({bad[0]['sample']})")
    usable = [one for one in rows if one["status"] == ResultStatus.VALID]
    if not usable:
        raise _NoValueError(f"there is no valid result of {what} ({len(rows)} on record)")
    if any(one["kind"] != "number" for one in usable):
        raise _NoValueError(f"a result of {what} is no number: {usable[0]['operator']}"
                            f"{usable[0]['value']}")  # fmt: skip
    units = {str(one["unit"] or "1") for one in usable}
    if len(units) != 1:
        raise _NoValueError(f"results of {what} are in {' and '.join(sorted(units))}")
    values = [float(one["value"]) for one in usable]
    value = usable[0]["value"] if len(values) == 1 else plain(math.fsum(values) / len(values))
    evidence = tuple(result_evidence(site, one) for one in usable)
    return _Found(str(value), units.pop(), evidence)


def result_evidence(site: Site, row: Row) -> Evidence:
    """The newest event of a result as evidence."""
    stream, version = f"sample/{row['sample']}", int(row["stream_version"])
    event = site.ledger.stream(stream, version - 1)[0]
    return Evidence(
        kind="record", digest=event.leaf, stream=stream, version=version, note=str(row["test"])
    )


def _fact(site: Site, row: Row, source: InputSource) -> _Found:
    facts: dict[str, Any] = json.loads(row["attributes"] or "{}")
    if source.of not in facts:
        raise _NoValueError(f"the batch has no fact {source.of}")
    try:
        told = Quantity.parse(str(facts[source.of]))
    except BadInputError as error:
        raise _NoValueError(f"{source.of} is {facts[source.of]!r}, no number") from error
    if told.operator:
        raise _NoValueError(f"{source.of} is {facts[source.of]!r}, no single number")
    stream, version = f"batch/{row['batch']}", int(row["stream_version"])
    event = site.ledger.stream(stream, version - 1)[0]
    evidence = Evidence(kind="record", digest=event.leaf, stream=stream, version=version)
    return _Found(told.value, told.unit, (evidence,))
