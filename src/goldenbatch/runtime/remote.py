"""A site through its node: the typed client of the REST API, with the ports of a site."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from goldenbatch.core.artefacts import require_approved
from goldenbatch.core.errors import GoldenbatchError, LockedError
from goldenbatch.core.records import Event, HomeKind, NewEvent, Row
from goldenbatch.core.site import Actor, HomeInfo, Window, Written
from goldenbatch.runtime import _wire as wire
from goldenbatch.runtime.remote_models import RemoteModels

if TYPE_CHECKING:
    from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
    from goldenbatch.core.capability import Offer
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.series import Aggregated, Aligned, Frame, ReadingKind, Series

API = "/api/v1"
NODE_FILE = Path("state") / "node.address"
"""JSON; not `*.json`, which are the states of analysts."""
PAGE = 2000
"""Events asked for at a time."""

PLANT_S = 1.0
"""Seconds for which the plant is taken as known."""


class NodeError(GoldenbatchError):
    """A node that does not answer, or answers what is not understood."""

    exit_code = 9


@dataclass(frozen=True)
class NodeAddress:
    """Where the node of a home listens, and the token of those who may read the file.

    Attributes:
        url: Base address, such as `http://127.0.0.1:8600`.
        token: Bearer token of the home's own command line.
        pid: Process of the node.
    """

    url: str
    token: str
    pid: int

    def save(self, home: Path) -> Path:
        """Write the address into the home's state, readable by its owner only."""
        path = home / NODE_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        partial.replace(path)
        return path


def node_address(home: Path) -> NodeAddress | None:
    """The address that a node wrote into the home; None when none did."""
    try:
        return NodeAddress(**json.loads((home / NODE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class NodeClient:
    """Calls of the REST API; errors come back as the errors that the node met.

    Args:
        url: Base address of the node.
        token: Bearer token, or session token of a person.
        transport: Another transport than the network (the node in this process).
    """

    def __init__(
        self, url: str, token: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(10, read=3600)
        self._http = httpx.Client(
            base_url=url + API, headers=headers, timeout=timeout, transport=transport,
            trust_env=False,
        )  # fmt: skip
        self.url = url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """One call.

        Raises:
            GoldenbatchError: What the node answered, as its own class.
            NodeError: It does not answer.
        """
        try:
            response = self._http.request(method, path, **settings)
        except httpx.HTTPError as error:
            raise NodeError(
                f"the node at {self.url} does not answer: {error or type(error).__name__}.",
                hint="Look at its log; start it again with `goldenbatch serve`.",
            ) from error
        if response.is_success:
            return response
        try:
            problem = wire.error_from_json(response.json())
        except (ValueError, AttributeError):
            problem = NodeError(
                f"the node at {self.url} answered {response.status_code} to {method} {path}.",
                hint="Client and node may be of different versions: update both.",
            )
        raise problem

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a GET; parameters that are None are left out."""
        return self.request("GET", path, params=_present(params)).json()

    def arrow(self, path: str, **params: Any) -> bytes:
        """Bytes of a GET that answers in Arrow."""
        params = _present({**params, "format": "arrow"})
        return self.request("GET", path, params=params).content

    def post(self, path: str, body: Any = None) -> Any:
        """JSON of a POST."""
        return self.request("POST", path, json={} if body is None else body).json()


def _present(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


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


class RemoteSite:
    """A site through its node; satisfies `goldenbatch.core.site.Site`."""

    def __init__(self, client: NodeClient) -> None:
        self.client = client
        self.ledger = RemoteLedger(client)
        self.historian = RemoteHistorian(client)
        self.registry = RemoteRegistry(client)
        self.acts = RemoteActs(client)
        self.models = RemoteModels(client, self.historian)
        found = client.get("/home")
        self.home = HomeInfo(**{**found["home"], "kind": HomeKind(found["home"]["kind"])})
        self.actor = Actor(found["actor"]["uid"], frozenset(found["actor"]["roles"]))
        self.clock: Callable[[], int] = _now_us
        self._plant: Plant | None = None
        self._plant_at = 0.0

    def __enter__(self) -> RemoteSite:
        """The site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.client.close()

    @property
    def plant(self) -> Plant:
        """The plant in its effective version, asked for at most once a second."""
        from goldenbatch.core.plant import Plant

        now = time.monotonic()
        if self._plant is None or now - self._plant_at > PLANT_S:
            known = self._plant.digest if self._plant is not None else None
            found = self.client.get("/plant", known=known)
            if self._plant is None or found["plant"] is not None:
                self._plant = Plant.model_validate(found["plant"])
            self._plant_at = now
        return self._plant

    def windows(self, batch: str, phase: str = "") -> Sequence[Window]:
        """Windows of a batch, or of each run of a phase in it."""
        found = self.client.get("/windows", batch=batch, phase=phase)["windows"]
        return [(start, end) for start, end in found]

    def offers(self, kind: str) -> Sequence[tuple[str, Offer]]:
        """What all capabilities that are installed here offer of a kind."""
        from goldenbatch.runtime.discovery import discover

        found = discover().capabilities
        return [(name, one) for name in sorted(found) for one in getattr(found[name], kind)]


def _now_us() -> int:
    return time.time_ns() // 1000


def connect(home: Path) -> RemoteSite | None:
    """The site through the node that runs on a home; None when none answers.

    A node that was killed leaves its address behind; whether it holds the home is then
    for the home's lock to say.

    Raises:
        LockedError: What answers at the address is not this home's node.
    """
    address = node_address(home)
    if address is None:
        return None
    client = NodeClient(address.url, address.token)
    try:
        client.request("GET", "/health", timeout=5)
        return RemoteSite(client)
    except NodeError:
        client.close()
        return None
    except (GoldenbatchError, KeyError, TypeError, ValueError) as error:
        client.close()
        raise LockedError(
            f"what answers at {address.url} is not the node of this home: {error}",
            hint=f"Stop it, or remove {home / NODE_FILE} if the node is gone.",
        ) from error
