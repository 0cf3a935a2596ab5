"""Trial of the watch: false events on unseen normal data beside the stated rate, and delays.

The trial file names `columns.inputs`, and files `train` (normal), `test` (normal, never seen) and
`test_fault` (runs of `settings.rows_per_run` rows, the fault from row `settings.fault_at` on).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.governance.watch_charts import INPUT, Charts, ChartSettings
from goldenbatch.capabilities.governance.watch_units import Unit
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.statistics.autocorrelation import lag1_autocorrelation
from goldenbatch.science.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]
_SIGMAS: Final = 3.0
_DEFAULTS: Final = {
    "block_rows": 10, "arl0": 200.0, "rows_per_run": 960, "fault_at": 160, "drift_sd": 2.0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class DriftMethod:
    """The watch over inputs, with what it learnt.

    Attributes:
        blocks: Means of the training blocks, shape (n_blocks, n_inputs).
    """

    blocks: Floats
    inputs: tuple[str, ...]
    settings: ChartSettings

    def events(self, blocks: Floats) -> list[bool]:
        """Whether an event of the inputs is open after each further block."""
        charts = Charts(self.settings, self.inputs, None)
        for row in self.blocks:
            charts.learn(_unit(row))
        found = []
        for row in blocks:
            charts.judge(_unit(row))
            found.append(any(one.is_open for one in charts.readings(INPUT)))
        return found


class DriftTrial:
    """`governance.drift`: how often the watch cries wolf, and how soon it sees a wolf."""

    name = "governance.drift"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> DriftMethod:
        """Learn from blocks of normal rows."""
        names = train.names(file, "inputs", "train")
        blocks = _blocks(train, file, "train")[0]
        chosen = ChartSettings(arl0=float(_setting(file, "arl0")))
        return DriftMethod(blocks, names, chosen)

    def measure(self, method: DriftMethod, file: TrialFile, test: TrialData) -> Measures:
        """False events on normal rows that it has not seen, delays of faults and of a drift."""
        normal = _blocks(test, file, "test")[0]
        spread = method.blocks.std(axis=0)
        alike = [lag1_autocorrelation(column).estimate for column in method.blocks.T]
        stated = 1.0 / method.settings.arl0
        return {
            "stated_false_events_per_block": stated,
            **_false(method.events, normal),
            "n_training_blocks": len(method.blocks),
            "largest_lag1_of_training_blocks": max(alike),
            **_delays(method.events, _blocks(test, file, "test_fault"), file),
            **_drift(method.events, normal, spread, file),
        }

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Limits at three standard deviations of each input's training blocks."""
        blocks = _blocks(train, file, "train")[0]
        centre, spread = blocks.mean(axis=0), blocks.std(axis=0, ddof=1)

        def beyond(rows: Floats) -> list[bool]:
            return [bool(one) for one in (np.abs(rows - centre) > _SIGMAS * spread).any(axis=1)]

        normal = _blocks(test, file, "test")[0]
        stated = 1.0 - (1.0 - 0.0027) ** blocks.shape[1]
        return {
            "stated_false_events_per_block": stated,
            **_false(beyond, normal),
            **_delays(beyond, _blocks(test, file, "test_fault"), file),
            **_drift(beyond, normal, blocks.std(axis=0), file),
        }


Judge = Callable[[Floats], list[bool]]


def _false(judge: Judge, normal: Floats) -> Measures:
    opened = _opened(judge(normal))
    bounds = clopper_pearson(opened, len(normal), 0.90)
    return {
        "n_normal_blocks": len(normal),
        "n_false_events": opened,
        "false_events_per_block": opened / len(normal),
        "one_sided_95_bounds": [bounds.lower, bounds.upper],
    }


def _opened(is_open: Sequence[bool]) -> int:
    return sum(now and not before for before, now in pairwise([False, *is_open]))


def _delays(judge: Judge, runs: Sequence[Floats], file: TrialFile) -> Measures:
    """Blocks from the beginning of each fault to its event; a false one before it counts not."""
    first = int(_setting(file, "fault_at")) // int(_setting(file, "block_rows"))
    found = [_delay(judge(run), first) for run in runs]
    seen = [one for one in found if one is not None and one > 0]
    return {
        "n_faults": len(runs),
        "n_faults_found": len(seen),
        "n_with_a_false_event_before": found.count(0),
        "median_delay_in_blocks": float(np.median(seen)) if seen else math.nan,
        "delays_in_blocks": found,
    }


def _drift(judge: Judge, normal: Floats, spread: Floats, file: TrialFile) -> Measures:
    """Delay of a step of some standard deviations of a block, in each input in turn."""
    size = float(_setting(file, "drift_sd"))
    half = len(normal) // 2
    found = []
    for place in range(normal.shape[1]):
        shifted = normal.copy()
        shifted[half:, place] += size * spread[place]
        found.append(_delay(judge(shifted), half))
    seen = [one for one in found if one is not None and one > 0]
    return {
        "drift_sd": size,
        "n_drifts": len(found),
        "n_drifts_found": len(seen),
        "median_delay_of_drift": float(np.median(seen)) if seen else math.nan,
    }


def _delay(is_open: Sequence[bool], first: int) -> int | None:
    """Blocks to the first event from a block on; 0: one was open before, None: there is none."""
    if first and is_open[first - 1]:
        return 0
    late = list(is_open[first:])
    return late.index(True) + 1 if True in late else None


def _unit(row: Floats) -> Unit:
    return Unit("", 1, 0, tuple(float(one) for one in row), 0.0, 0, 0)


def _setting(file: TrialFile, name: str) -> Any:
    return file.settings.get(name, _DEFAULTS[name])


def _blocks(data: TrialData, file: TrialFile, role: str) -> list[Floats]:
    """Means of blocks of rows, run by run.

    Raises:
        BadInputError: A value is no number, or there is no whole block.
    """
    table = data.tables.get(role, {})
    if not table:
        return []
    names = data.names(file, "inputs", role)
    rows = np.array([table[name] for name in names], dtype=np.float64).T
    if not np.isfinite(rows).all():
        raise BadInputError(f"role {role!r} has rows with gaps.", key="files")
    size = int(_setting(file, "block_rows"))
    per_run = int(_setting(file, "rows_per_run")) if role == "test_fault" else len(rows)
    if size < 1 or per_run < size or len(rows) < per_run:
        raise BadInputError(f"role {role!r} has no whole block of {size} rows.", key="settings")
    runs = [rows[at : at + per_run] for at in range(0, len(rows) - per_run + 1, per_run)]
    n_blocks = per_run // size
    return [run[: n_blocks * size].reshape(n_blocks, size, -1).mean(axis=1) for run in runs]
