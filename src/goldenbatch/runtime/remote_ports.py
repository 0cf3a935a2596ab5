"""The ports of a site through its node: ledger, historian, registry and acts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from goldenbatch.core.artefacts import require_approved
from goldenbatch.core.site import Written
from goldenbatch.runtime import _wire as wire

if TYPE_CHECKING:
    from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
    from goldenbatch.core.records import Event, NewEvent, Row
    from goldenbatch.core.series import Aggregated, Aligned, Frame, ReadingKind, Series
    from goldenbatch.core.site import Window
    from goldenbatch.runtime.remote import NodeClient

PAGE = 2000
"""Events asked for at a time."""


class RemoteLedger:
    """The ledger port of a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def append(self, events: Sequence[NewEvent]) -> Sequence[Event]:
        """Append all or nothing, durable on return."""
        body = {"events": [wire.new_event_to_json(event) for event in events]}
        return [wire.event_from_json(one) for one in self._client.post("/events", body)["events"]]

    def head(self) -> int:
        """Number of the last event; 0 when empty."""
        return int(self._client.get("/heads")["ledger"])

    def version(self, stream: str) -> int:
        """Version of a stream; 0 when it does not exist."""
        return int(self._client.get("/stream", name=stream, limit=0)["version"])

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream after a version, in order."""
        found: list[Event] = []
        while True:
            page = self._client.get("/stream", name=name, after=after, limit=PAGE)["events"]
            found.extend(wire.event_from_json(one) for one in page)
            if len(page) < PAGE:
                return found
            after = found[-1].envelope.version

    def events(
        self,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] = (),
        stream_prefix: str = "",
    ) -> Iterator[Event]:
        """Events with `after < seq <= upto`, in order; no kinds means all."""
        while True:
            page = self._client.get(
                "/events", after=after, upto=upto, kind=sorted(kinds) or None,
                stream_prefix=stream_prefix or None, limit=PAGE,
            )["events"]  # fmt: skip
            yield from (wire.event_from_json(one) for one in page)
            if len(page) < PAGE:
                return
            after = page[-1]["seq"]

    def select(
        self,
        projection: str,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Rows of a projection whose columns equal `where` (a list means any of them)."""
        body = {"where": dict(where or {}), "order_by": list(order_by), "limit": limit}
        path = f"/projections/{quote(projection, safe='')}/select"
        rows: list[Row] = self._client.post(path, body)["rows"]
        return rows

    def proof_bundle(self, seqs: Sequence[int]) -> dict[str, Any]:
        """Self-contained proof of some events under a signed checkpoint, as JSON."""
        found: dict[str, Any] = self._client.post("/proofs", {"seqs": list(seqs)})
        return found


class RemoteHistorian:
    """The historian port of a node; readings travel as Arrow."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def write(self, frame: Frame) -> Written:
        """Make a frame durable; the same source and key again adds nothing."""
        response = self._client.request(
            "POST", "/historian/frames", content=wire.frame_to_bytes(frame),
            headers={"Content-Type": wire.ARROW},
        )  # fmt: skip
        return Written(**response.json())

    def head(self) -> int:
        """Number of the last frame; 0 when empty."""
        return int(self._client.get("/heads")["historian"])

    def tags(self) -> Mapping[str, ReadingKind]:
        """Names and kinds of all tags that have readings."""
        found: dict[str, ReadingKind] = self._client.get("/historian/tags")["tags"]
        return found

    def read(self, tags: Sequence[str], window: Window, as_of: int | None = None) -> Series:
        """Newest version of each reading in the window, known at `as_of`."""
        start, end = window
        return self._series("/historian/read", tag=list(tags), start=start, end=end, as_of=as_of)

    def since(self, tags: Sequence[str], after: int, upto: int | None = None) -> Series:
        """Readings in frames `after < seq <= upto`, in order of arrival."""
        return self._series("/historian/since", tag=list(tags), after=after, upto=upto)

    def latest(self, tags: Sequence[str]) -> Series:
        """Newest reading by time of each tag."""
        return self._series("/historian/latest", tag=list(tags))

    def downsample(self, tags: Sequence[str], window: Window, n_points: int) -> Series:
        """About `n_points` readings a tag: extremes, changes of quality and gaps survive."""
        start, end = window
        return self._series(
            "/historian/downsample", tag=list(tags), start=start, end=end, n_points=n_points
        )

    def aligned(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        grid_us: int,
        as_of: int | None = None,
    ) -> Aligned:
        """Means of tags on a grid of elapsed time since each window's start."""
        body = {
            "tags": list(tags), "windows": [list(one) for one in windows],
            "grid_us": grid_us, "as_of": as_of,
        }  # fmt: skip
        response = self._client.request("POST", "/historian/aligned", json=body)
        return wire.aligned_from_bytes(response.content)

    def aggregate(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        kind: AggregateKind,
        settings: AggregateSettings | None = None,
        as_of: int | None = None,
    ) -> Aggregated:
        """One value a tag and window, as OPC UA Part 13 defines it."""
        body = {
            "tags": list(tags), "windows": [list(one) for one in windows], "kind": kind,
            "settings": {} if settings is None else asdict(settings), "as_of": as_of,
        }  # fmt: skip
        response = self._client.request("POST", "/historian/aggregate", json=body)
        return wire.aggregated_from_bytes(response.content)

    def digest(self, tag: str, window: Window, as_of: int | None = None) -> tuple[str, int]:
        """Digest of the canonical bytes of a window's readings, and their number."""
        start, end = window
        found = self._client.get("/historian/digest", tag=tag, start=start, end=end, as_of=as_of)
        return found["digest"], found["n_readings"]

    def _series(self, path: str, **params: Any) -> Series:
        return wire.series_from_bytes(self._client.arrow(path, **params))


class RemoteRegistry:
    """The registry port of a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def put(self, content: bytes, media_type: str) -> str:
        """Store and return the SHA-256."""
        response = self._client.request(
            "POST", "/artefacts", content=content, headers={"Content-Type": media_type}
        )
        return str(response.json()["digest"])

    def get(self, digest: str) -> bytes:
        """Content of a digest."""
        return self._client.request("GET", f"/artefacts/{quote(digest, safe='')}").content

    def get_approved(self, digest: str, media_type: str) -> bytes:
        """Content of the approved digest and type, looked into here once more."""
        content, stored = self.get(digest), self.media_type(digest)
        require_approved(content, digest, stored, media_type)
        return content

    def media_type(self, digest: str) -> str:
        """Media type of an artefact."""
        path = f"/artefacts/{quote(digest, safe='')}/type"
        return str(self._client.get(path)["media_type"])

    def check(self) -> Sequence[str]:
        """Digests of all artefacts that are damaged or missing their type."""
        return list(self._client.get("/artefacts")["damaged"])


class RemoteActs:
    """Acts through a node; satisfies `goldenbatch.core.acts.ActsPort`."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def names(self) -> Sequence[str]:
        """Full names of all acts that the node's capabilities offer."""
        return [one["name"] for one in self._client.get("/acts")["acts"]]

    def act(
        self,
        name: str,
        values: Mapping[str, Any],
        login: str,
        password: str,
        *,
        code: str = "",
    ) -> Sequence[Event]:
        """Carry an act out at once, proved by the password (and a code)."""
        form = {"values": dict(values), "login": login, "password": password, "code": code}
        answer = self._client.post(f"/acts/{quote(name, safe='')}", form)
        return [wire.event_from_json(one) for one in answer["events"]]
