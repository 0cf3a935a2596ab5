"""A bench for tests: a home, a clock that ticks, and ways to fill the home."""

from dataclasses import dataclass, field
from pathlib import Path

import gbx_threshold
import pyarrow as pa

from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseEnded, PhaseStarted, SampleTaken
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultKind, ResultsReported
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.runtime.discovery import Discovery
from goldenbatch.runtime.local import LocalSite

SUPPORT = Path(__file__).parent
TANK = "site/area/cell/tank"
TEMP = f"{TANK}/temp"
FOUND = Discovery({"test": gbx_threshold.CAPABILITY})
START = 1_700_000_000_000_000
PLANT = """
name = "Test plant"
version = "1"
[[places]]
path = "site"
level = "site"
[[places]]
path = "site/area"
level = "area"
[[places]]
path = "site/area/cell"
level = "process_cell"
[[places]]
path = "site/area/cell/tank"
level = "unit"
[[tags]]
name = "site/area/cell/tank/temp"
unit = "Cel"
"""


class Clock:
    """A clock that goes one second at each look."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def frame(rows, key, tag=TEMP, reason=""):
    """A frame of (time, value) rows of one tag."""
    schema = frame_schema("number")
    columns = [
        pa.array([time for time, _ in rows], pa.int64()).cast(schema.field("time").type),
        pa.array([tag] * len(rows), pa.string()),
        pa.array([value for _, value in rows], pa.float64()),
        pa.array([0] * len(rows), pa.int64()),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    return Frame("test", key, "number", table, received_at=START, reason=reason)


@dataclass
class Bench:
    """A home and what is done to it.

    Attributes:
        path: Folder of the home.
        clock: Its clock, shared by all openings.
    """

    path: Path
    clock: Clock = field(default_factory=Clock)
    n_frames: int = 0

    def open(self, **options):
        return LocalSite.open(self.path, clock=self.clock, discovery=FOUND, **options)

    def write(self, site, rows, tag=TEMP, reason=""):
        self.n_frames += 1
        key = f"{site.historian.head()}-{self.n_frames}"
        return site.historian.write(frame(rows, key, tag, reason))

    def record(self, site, stream, body, performed_at=None):
        version = site.ledger.version(stream)
        event = NewEvent(stream, body, version, actor="tester", performed_at=performed_at)
        return site.ledger.append([event])[0]

    def batch(self, site, batch, start, end=None, place=TANK):
        stream = f"batch/{batch}"
        self.record(site, stream, BatchCreated(batch=batch, product="P", place=place))
        run = {"batch": batch, "place": place, "phase": "make"}
        self.record(site, stream, PhaseStarted(**run, at=start))
        if end is not None:
            self.record(site, stream, PhaseEnded(**run, at=end))
            self.record(site, stream, BatchEnded(batch=batch, ended_at=end, outcome="completed"))

    def result(self, site, sample, batch, value, performed_at):
        taken = SampleTaken(sample=sample, batch=batch, taken_at=performed_at - 10)
        self.record(site, f"sample/{sample}", taken)
        body = ResultsReported(
            sample=sample, batch=batch, results=(make_result(value, performed_at),)
        )
        return self.record(site, f"sample/{sample}", body)


def make_result(value, performed_at):
    """A number of the test of assay."""
    return Result(
        test="assay",
        attribute="assay",
        kind=ResultKind.NUMBER,
        value=value,
        unit="mg",
        performed_at=performed_at,
    )
