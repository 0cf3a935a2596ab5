"""Endpoints of what was measured: tags and readings, as JSON or Arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import (
    After,
    Form,
    Moment,
    Number,
    Tags,
    Text,
    Upto,
    plain,
    window,
)
from goldenbatch.apps.node.state import Caller, LocalCaller, State
from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import to_iso
from goldenbatch.runtime import _wire as wire

if TYPE_CHECKING:
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import HistorianPort, Site

router = APIRouter(prefix="/historian", tags=["historian"], responses=RESPONSES)
Form_ = Annotated[Literal["json", "arrow"], Query(alias="format", description="How it answers.")]
MAX_JSON = 200_000
MAX_GRID = 5_000_000
MAX_CELLS = 200_000


class AlignedForm(Form):
    """Tags, windows and the grid on which they are aligned."""

    tags: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    windows: Annotated[list[tuple[int, int]], Field(min_length=1, max_length=10_000)]
    grid_us: Annotated[int, Field(ge=1, le=2**53)]
    as_of: Number | None = None


@router.get("/tags")
def tags(caller: Caller) -> dict[str, Any]:
    """Names and kinds of all tags that have readings."""
    return {"tags": dict(caller.site.historian.tags())}


@router.get("/read", response_model=None)
def read(
    tag: Tags, start: Moment, end: Moment, caller: Caller,
    as_of: Upto = None, form: Form_ = "json",
) -> Response:  # fmt: skip
    """Newest version of each reading of a window, known at a frame."""
    where = window(start, end)
    return _series(caller.site, form, lambda historian: historian.read(tag, where, as_of))


@router.get("/since", response_model=None)
def since(
    tag: Tags, caller: Caller, after: After = 0, upto: Upto = None, form: Form_ = "json"
) -> Response:
    """Readings in frames after a number, in order of arrival."""
    return _series(caller.site, form, lambda historian: historian.since(tag, after, upto))


@router.get("/latest", response_model=None)
def latest(tag: Tags, caller: Caller, form: Form_ = "json") -> Response:
    """Newest reading by time of each tag."""
    return _series(caller.site, form, lambda historian: historian.latest(tag))


@router.get("/downsample", response_model=None)
def downsample(
    tag: Tags, start: Moment, end: Moment, caller: Caller,
    n_points: Annotated[int, Query(ge=2, le=100_000)] = 1000, form: Form_ = "json",
) -> Response:  # fmt: skip
    """Few readings that keep extremes, changes of quality and gaps."""
    where = window(start, end)
    return _series(caller.site, form, lambda historian: historian.downsample(tag, where, n_points))


@router.get("/digest")
def digest(
    tag: Text, start: Moment, end: Moment, caller: Caller, as_of: Upto = None
) -> dict[str, Any]:
    """Digest of the canonical bytes of a window's readings, and their number."""
    where = window(start, end)
    found, n_readings = caller.site.historian.digest(tag, where, as_of)
    return {"digest": found, "n_readings": n_readings}


@router.post("/aligned", response_class=Response)
def aligned(form: AlignedForm, caller: Caller) -> Response:
    """Means of tags on a grid of elapsed time, as Arrow."""
    windows = [window(str(start), str(end)) for start, end in form.windows]
    longest = max(end - start for start, end in windows)
    if (longest // form.grid_us + 1) * len(windows) * len(form.tags) > MAX_GRID:
        raise BadInputError(
            f"the grid has more than {MAX_GRID:,} values.",
            key="grid_us",
            hint="Take a coarser one.",
        )
    found = caller.site.historian.aligned(form.tags, windows, form.grid_us, form.as_of)
    return Response(wire.aligned_to_bytes(found), media_type=wire.ARROW)


class AggregateForm(Form):
    """Tags, windows and the aggregate over each; `settings` as OPC UA Part 13 names them."""

    tags: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    windows: Annotated[list[tuple[int, int]], Field(min_length=1, max_length=100_000)]
    kind: AggregateKind
    settings: AggregateSettings = Field(default_factory=AggregateSettings)
    as_of: Number | None = None


@router.post("/aggregate", response_class=Response)
def aggregate(form: AggregateForm, caller: Caller) -> Response:
    """One value a tag and window, weighted by time as OPC UA Part 13 defines it, as Arrow."""
    windows = [window(str(start), str(end)) for start, end in form.windows]
    if len(windows) * len(form.tags) > MAX_CELLS:
        raise BadInputError(
            f"these are more than {MAX_CELLS:,} values.",
            key="windows",
            hint="Ask for fewer windows or tags at a time.",
        )
    found = caller.site.historian.aggregate(
        form.tags, windows, form.kind, form.settings, form.as_of
    )
    return Response(wire.aggregated_to_bytes(found), media_type=wire.ARROW)


@router.post("/compact")
def compact(state: State, _: LocalCaller) -> dict[str, Any]:
    """Compact closed days, and remove the files that they superseded."""
    answer: dict[str, Any] = plain(state.desk.compact())
    return answer


@router.post("/frames")
async def write(request: Request, state: State, _: LocalCaller) -> dict[str, Any]:
    """Make a frame durable; the home's own command line only."""
    from dataclasses import asdict

    from starlette.concurrency import run_in_threadpool

    content = await request.body()

    def store() -> dict[str, Any]:
        frame = wire.frame_from_bytes(content)
        return asdict(state.desk.site.historian.write(frame))

    return await run_in_threadpool(store)


def _series(site: Site, form: str, get: Callable[[HistorianPort], Series]) -> Response:
    series = get(site.historian)
    if form == "arrow":
        return Response(wire.series_to_bytes(series), media_type=wire.ARROW)
    if len(series) > MAX_JSON:
        raise BadInputError(
            f"{len(series):,} readings are too many for JSON.",
            key="format",
            hint="Ask for format=arrow, a shorter window, or /historian/downsample.",
        )
    columns = ("tag", "value", "quality", "seq")
    times = [to_iso(int(one)) for one in series.times()]
    rows = [
        {"time": at, **{name: row[name] for name in columns}}
        for at, row in zip(times, series.table.select(list(columns)).to_pylist(), strict=True)
    ]
    return JSONResponse({"kind": series.kind, "readings": plain(rows)})
