"""The connection to a broker: TLS by default, a will where one is needed, a bounded queue."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.mqtt.settings import Broker
from goldenbatch.core.acquisition import SourceContext, SourceError
from goldenbatch.core.waiting import answer_of

if TYPE_CHECKING:
    import aiomqtt

_REFUSED = {
    4: "bad user name or password",
    5: "not authorised",
    134: "bad user name or password",
    135: "not authorised",
    133: "client identifier not valid",
    140: "bad authentication",
}
"""Return codes of CONNACK that a person must mend (MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2)."""


ANSWER_S = 10.0
"""So long a broker is waited for at each step of connecting, and at a farewell."""
MAX_QUEUED_BYTES = 256 * 2**20
"""Payloads that wait in memory, whatever their number: one may have 256 MB."""


@dataclass(frozen=True)
class Incoming:
    """A message as it came in."""

    topic: str
    payload: bytes
    at: int
    is_retained: bool


async def make_client(
    context: SourceContext, broker: Broker, will: Any = None, suffix: str = ""
) -> aiomqtt.Client:
    """A client that is not connected yet.

    Password and certificates are fetched in a thread: a keyring may ask a person.

    Raises:
        BadInputError: The password stands in the card.
        NotFoundError: The password is not where the card says.
    """
    import aiomqtt

    password, tls = await asyncio.to_thread(_credentials, context, broker)
    return aiomqtt.Client(
        broker.host,
        port=broker.port_used,
        username=broker.user or None,
        password=password,
        identifier=(broker.client_id or f"goldenbatch-{context.card.name}") + suffix,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        keepalive=broker.keepalive_s,
        timeout=ANSWER_S,
        will=will,
        tls_context=tls,
        max_queued_outgoing_messages=1000,
    )


def _credentials(
    context: SourceContext, broker: Broker
) -> tuple[str | None, ssl.SSLContext | None]:
    password = context.secret(broker.password) if broker.password else None
    return password, None if broker.is_plain else _tls(context, broker)


def _tls(context: SourceContext, broker: Broker) -> ssl.SSLContext:
    given = broker.tls
    made = ssl.create_default_context(cafile=str(context.base / given.ca) if given.ca else None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if given.certificate:
        key = str(context.base / given.key) if given.key else None
        made.load_cert_chain(str(context.base / given.certificate), key)
    return made


def refusal(error: Exception, broker: Broker) -> SourceError | None:
    """The error that a person must mend, if a broker's refusal is one."""
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    words = _REFUSED.get(value) if isinstance(value, int) else None
    if words is None and isinstance(error, ssl.SSLCertVerificationError):
        words = f"its certificate is not trusted ({error.verify_message})"
    if words is None:
        return None
    return SourceError(
        f"the broker {broker.host}:{broker.port_used} refuses: {words}.",
        hint="Correct user, password or certificates of the card.",
    )


class Queue:
    """Messages that wait to be stored; beyond its size the oldest are dropped and counted."""

    def __init__(self, size: int) -> None:
        self._messages: deque[Incoming] = deque()
        self._size, self.n_dropped, self.dropped_from = size, 0, 0
        self._n_bytes = 0
        self._is_filled = asyncio.Event()

    def put(self, message: Incoming) -> None:
        """Take a message."""
        self._n_bytes += len(message.payload)
        while self._messages and (
            len(self._messages) >= self._size or self._n_bytes > MAX_QUEUED_BYTES
        ):
            lost = self._messages.popleft()
            self._n_bytes -= len(lost.payload)
            self.dropped_from = self.dropped_from or lost.at
            self.n_dropped += 1
        self._messages.append(message)
        self._is_filled.set()

    async def take(self, within_s: float) -> list[Incoming]:
        """All messages that wait; empty when none came in time."""
        try:
            await answer_of(self._is_filled.wait(), within_s)
        except TimeoutError:
            return []
        self._is_filled.clear()
        found = list(self._messages)
        self._messages.clear()
        self._n_bytes = 0
        return found

    def __len__(self) -> int:
        """Messages that wait."""
        return len(self._messages)


async def receive(client: aiomqtt.Client, queue: Queue, clock: Callable[[], int]) -> None:
    """Put what a client receives into a queue, until its connection ends."""
    async for message in client.messages:
        payload = message.payload
        data = payload if isinstance(payload, bytes) else str(payload or "").encode()
        queue.put(Incoming(str(message.topic), data, clock(), bool(message.retain)))
