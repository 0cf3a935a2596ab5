"""A source for tests: a device that counts, read by a connector that restarts where it stopped."""

import asyncio

import pyarrow as pa

from goldenbatch.core.acquisition import ConnectorManifest, SourceError
from goldenbatch.core.capability import Offer
from goldenbatch.core.series import Frame, frame_schema

START = 1_700_000_000_000_000
TAG = "site/area/cell/tank/temp"


def table(rows, kind="number"):
    """Rows of (time, tag, value)."""
    schema = frame_schema(kind)
    columns = [*zip(*rows, strict=True), [0] * len(rows)]
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class Counter:
    """Delivers the numbers from where it stopped up to `n`, a few in a frame."""

    def __init__(self, context):
        known = {"n", "per_frame", "pause_s", "fail_at", "stop_at"}
        if unknown := set(context.card.settings) - known:
            raise SourceError(f"{context.card.name}: unknown setting {sorted(unknown)}.")
        self.name, self.given = context.card.name, context.card.settings

    async def run(self, outlet):
        number, size = int(outlet.position("next") or 0), self.given.get("per_frame", 5)
        while number < self.given["n"]:
            if number == self.given.get("stop_at"):
                raise SourceError("the device says no.", hint="Plug it in.")
            if number == self.given.pop("fail_at", None):
                raise ConnectionResetError("the line dropped")
            rows = [(START + i * 1_000_000, TAG, float(i)) for i in range(number, number + size)]
            number += size
            frame = Frame(self.name, f"{number}", "number", table(rows), START)
            await outlet.deliver([frame], {"next": str(number)})
            outlet.health("n_seen", float(number))
            await asyncio.sleep(float(self.given.get("pause_s", 0)))


async def browse(context):
    """What the device offers."""
    return [{"address": "1", "name": TAG, "unit": "Cel", "kind": "number"}]


COUNTER = ConnectorManifest(
    "counter",
    "A device that counts",
    "bronze",
    Offer("counter", "gbx_source:Counter", "Counts."),
    browse=Offer("browse", "gbx_source:browse", "Says what it counts."),
)
