"""A site through its node: the typed client of the REST API, with the ports of a site."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from goldenbatch.core.errors import GoldenbatchError, LockedError
from goldenbatch.core.records import HomeKind
from goldenbatch.core.site import Actor, HomeInfo, Window
from goldenbatch.runtime import _wire as wire
from goldenbatch.runtime.remote_models import RemoteModels
from goldenbatch.runtime.remote_ports import (
    RemoteActs,
    RemoteHistorian,
    RemoteLedger,
    RemoteRegistry,
)

if TYPE_CHECKING:
    from goldenbatch.core.capability import Offer
    from goldenbatch.core.plant import Plant

API = "/api/v1"
NODE_FILE = Path("state") / "node.address"
"""JSON; not `*.json`, which are the states of analysts."""

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

    Attributes:
        url: Base address of the node.
        authorization: Header that the caller is known by, for streams that are read elsewhere.
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
        self.authorization = headers

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
        raise self._problem(response, f"{method} {path}")

    def _problem(self, response: httpx.Response, asked: str) -> GoldenbatchError:
        """What the node answered, as its own class."""
        try:
            return wire.error_from_json(response.json())
        except (ValueError, AttributeError):
            return NodeError(
                f"the node at {self.url} answered {response.status_code} to {asked}.",
                hint="Client and node may be of different versions: update both.",
            )

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Iterator[Iterator[str]]:
        """Lines of an answer that goes on and on.

        Raises:
            GoldenbatchError: What the node answered, as its own class.
            httpx.HTTPError: The line broke, or nobody is at its other end.
        """
        timeout = httpx.Timeout(10, read=60)
        with self._http.stream(
            "GET", path, params=dict(params), headers=dict(headers), timeout=timeout
        ) as response:
            if not response.is_success:
                response.read()
                raise self._problem(response, f"GET {path}")
            yield response.iter_lines()

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
