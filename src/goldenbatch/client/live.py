"""Readings as they come: the node's stream of server-sent events, resumed where it broke off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from goldenbatch.client.rows import moment
from goldenbatch.core.errors import DeniedError

if TYPE_CHECKING:
    from goldenbatch.runtime.remote import NodeClient

RETRY_S = 1.0
"""Seconds before a broken stream is asked for again."""


@dataclass(frozen=True)
class LiveReading:
    """A reading as it came.

    Attributes:
        time: Of the source, UTC.
        value: A number, a text, or a list of numbers; None where the source gave none.
        quality: OPC UA severity; 0 is good.
    """

    tag: str
    time: datetime
    value: Any
    quality: int


@dataclass(frozen=True)
class LiveGap:
    """More was missed than is told again: `readings` of the window has it."""

    after: int
    upto: int


def follow(
    client: NodeClient, tags: Sequence[str], every: int, retry_s: float = RETRY_S
) -> Iterator[LiveReading | LiveGap]:
    """Readings of tags, newest first of all, then each change; ends when the session does.

    A line that breaks is taken up where it was: nothing is lost or told twice.

    Raises:
        DeniedError: The session ended.
        GoldenbatchError: The node refuses the tags.
    """
    last = ""
    while True:
        try:
            for event, number, data in _messages(client, tags, every, last):
                last = number or last
                if event == "readings":
                    yield from map(_reading, data["readings"])
                elif event == "gap":
                    yield LiveGap(data["after"], data["upto"])
                elif event == "end":
                    raise DeniedError(f"the node ended it: {data['reason']}.", hint="Connect anew.")
        except httpx.HTTPError:
            time.sleep(retry_s)


def _messages(
    client: NodeClient, tags: Sequence[str], every: int, last: str
) -> Iterator[tuple[str, str, Any]]:
    """Messages of one line: event, id, data."""
    event, number, data = "", "", ""
    params = {"tag": list(tags), "every": every}
    with client.stream("/live", params, {"Last-Event-ID": last} if last else {}) as lines:
        for line in lines:
            name, _, text = line.partition(": ")
            if name == "event":
                event = text
            elif name == "id":
                number = text
            elif name == "data":
                data = text
            elif not line and data:
                yield event, number, json.loads(data)
                event, number, data = "", "", ""


def _reading(found: dict[str, Any]) -> LiveReading:
    return LiveReading(found["tag"], moment(found["time"]), found["value"], found["quality"])
