"""A simulated fed-batch, reported to a home as a plant would: readings, samples, late results."""

from __future__ import annotations

from dataclasses import replace as changed

import numpy as np

from goldenbatch.core.batches import BatchCreated, BatchEnded, SampleTaken
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, frame_table
from goldenbatch.science.process import simulate
from goldenbatch.science.process.library import entry
from goldenbatch.science.process.library.mammalian import daily_feeds

PLACE = "site/fermentation"
HOUR = 3_600_000_000
START = 1_700_000_000_000_000
LAB = {"VCD": "10*9/L", "glucose": "mmol/L", "lactate": "mmol/L", "titre": "g/L"}
FEEDS = (0.0, 0.0, 4e-4, 6e-4, 9e-4, 1.2e-3, 1.5e-3, 1.7e-3)
END_H = 24 * len(FEEDS)
PLANT_DIFFERS = {"mu_max": 0.0395, "q_mab": 1.56e-3, "q_O2": 0.305, "Y_glc": 0.35}
"""The plant is not its twin: an estimate that only recalls its own parameters proves nothing."""


def plant(*faults, seed=3):
    recipe = changed(daily_feeds(FEEDS), interval=2.0, faults=faults)
    model = entry("cho.monod").load()
    found = simulate(model, recipe, parameters=PLANT_DIFFERS, seed=seed)
    assert found.is_complete
    return found


class Floor:
    """Reports a simulated batch to a site as a plant would: readings, samples, late results."""

    def __init__(self, site, run, batch="B1", start=START):
        self.site, self.run, self.batch, self.start = site, run, batch, start
        self.delay = {one.name: one.delay for one in entry("cho.monod").load().outputs}
        created = BatchCreated(batch=batch, product="P", place=PLACE, started_at=start)
        self._append(f"batch/{batch}", created)
        self.reported = set()

    def _append(self, stream, body):
        version = self.site.ledger.version(stream)
        self.site.ledger.append([NewEvent(stream, body, version, "test")])

    def go_on(self, after, upto):
        """Everything that became known in (after, upto]."""
        inside = [k for k, t in enumerate(self.run.time) if after < t <= upto]
        times = [self.start + round(float(self.run.time[k]) * HOUR) for k in inside]
        columns = {"do": self.run.measured["DO"], "feed": self.run.values["F"] * 1e3}
        for tag, column in columns.items():
            values = [float(column[k]) for k in inside]
            table = frame_table("number", times, [f"{PLACE}/{tag}"] * len(times), values,
                                [0] * len(times))  # fmt: skip
            key = f"{self.batch}/{tag}/{upto}"
            self.site.historian.write(Frame("floor", key, "number", table, max(times)))
        for k, t in enumerate(self.run.time):
            for name, unit in LAB.items():
                value = float(self.run.measured[name][k])
                if np.isfinite(value) and after < t + self.delay[name] <= upto:
                    self._report(float(t), name, f"{value:.5f}", unit)

    def _report(self, t, name, text, unit):
        sample = f"{self.batch}/{t:g}"
        if sample not in self.reported:
            self.reported.add(sample)
            at = self.start + round(t * HOUR)
            taken = SampleTaken(sample=sample, batch=self.batch, taken_at=at)
            self._append(f"sample/{sample}", taken)
        result = Result(test=name, attribute=name.lower(), value=text, unit=unit)
        body = ResultsReported(sample=sample, batch=self.batch, results=(result,))
        self._append(f"sample/{sample}", body)

    def end(self):
        ended = self.start + END_H * HOUR
        self._append(f"batch/{self.batch}",
                     BatchEnded(batch=self.batch, ended_at=ended, outcome="completed"))  # fmt: skip
