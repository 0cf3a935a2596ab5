"""Endpoints of live data: values of tags and news of records, as server-sent events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import MAX_INT, Tags, Text
from goldenbatch.apps.node.live import Stream
from goldenbatch.apps.node.live_records import Query as RecordQuery
from goldenbatch.apps.node.live_values import Watched
from goldenbatch.apps.node.state import State, Watcher
from goldenbatch.core.records import DataClass

router = APIRouter(prefix="/live", tags=["live"], responses=RESPONSES)
EVENT_STREAM = "text/event-stream"
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, until the session ends.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
    }
}
Since = Annotated[
    int | None,
    Query(ge=0, le=MAX_INT, description="The `id` of the last message that was got."),
]
LastEventId = Annotated[
    Text, Header(description="The same, as browsers send it when they come back.")
]


def _after(after: int | None, last_event_id: str) -> int | None:
    """Where to go on; a header that is no number of ours begins anew."""
    is_number = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 17
    return int(last_event_id) if is_number else after


@router.get("", response_class=StreamingResponse, responses=STREAMED)
async def values(
    tag: Tags, state: State, caller: Watcher,
    every: Annotated[int, Query(ge=1, le=60, description="Seconds between messages.")] = 1,
    after: Since = None, last_event_id: LastEventId = "",
) -> StreamingResponse:  # fmt: skip
    """Newest values of tags, then what changes; who comes back gets all readings in between.

    Messages `readings` hold `seq` and `readings` (`tag`, `time` in microseconds UTC, `value`,
    `quality`); `gap` says that too much was missed to be told again; `end` says why no more comes.
    An open stream keeps no idle session alive.
    """
    caller.require_class(DataClass.OPERATIONAL)
    watched = Watched.of(tag, every)
    return _answer(await state.live.watch(caller, watched, _after(after, last_event_id)))


@router.get("/events", response_class=StreamingResponse, responses=STREAMED)
async def events(
    state: State, caller: Watcher, *,
    kind: Annotated[list[Text] | None, Query(description="Kinds; none: all.")] = None,
    stream_prefix: Annotated[
        list[Text] | None, Query(description="Begins of streams; none: all.")
    ] = None,
    after: Since = None, last_event_id: LastEventId = "",
) -> StreamingResponse:  # fmt: skip
    """News of what was recorded, without bodies, of what the caller may read.

    Messages `records` hold `seq` and `events` (`seq`, `stream`, `version`, `kind`, `data_class`,
    `recorded_at`).
    """
    caller.require_class(DataClass.OPERATIONAL)
    query = RecordQuery(frozenset(kind or ()), tuple(stream_prefix or ()))
    return _answer(state.live.listen(caller, query, _after(after, last_event_id)))


def _answer(stream: Stream) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(aiter(stream), media_type=EVENT_STREAM, headers=headers)
