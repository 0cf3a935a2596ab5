"""A session with a server: endpoint, trust, token, what the server is and can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.opcua.security import (
    Identity,
    Trust,
    certificate_health,
    ensure_identity,
    thumbprint,
)
from goldenbatch.core.acquisition import SourceError
from goldenbatch.core.waiting import answer_of

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua.settings import OpcUaSettings
    from goldenbatch.core.acquisition import SourceContext
    from goldenbatch.core.site import Clock

log = logging.getLogger("goldenbatch.sources.opcua")

BEST = ("Aes256Sha256RsaPss", "Basic256Sha256", "Aes128Sha256RsaOaep")
"""Policies that are not deprecated, the strongest first (Part 7, security categories)."""
LIMITS = (
    "MaxNodesPerRead",
    "MaxNodesPerBrowse",
    "MaxNodesPerHistoryReadData",
    "MaxMonitoredItemsPerCall",
    "MaxNodesPerTranslateBrowsePathsToNodeIds",
)
"""What a server says of how much one call may hold (Part 5, OperationLimitsType)."""
HOPELESS = frozenset(
    {
        0x80200000,  # BadIdentityTokenInvalid
        0x80210000,  # BadIdentityTokenRejected
        0x801F0000,  # BadUserAccessDenied
        0x80120000,  # BadCertificateInvalid
        0x80130000,  # BadSecurityChecksFailed
        0x801A0000,  # BadCertificateUntrusted
        0x80140000,  # BadCertificateTimeInvalid
        0x80170000,  # BadCertificateUriInvalid
        0x80550000,  # BadSecurityPolicyRejected
    }
)
"""Answers to a first connection that another try does not change."""


class LinkLostError(Exception):
    """The connection is gone; it is made again."""


class RefusedError(SourceError):
    """The server refuses us. It may do so while it starts, so a few refusals are borne."""


@dataclass(frozen=True)
class Clocks:
    """A comparison of the server's clock with ours.

    Attributes:
        offset_us: Server's time minus ours, microseconds.
        error_us: Half of what the answer took: the offset is not known better than that.
        started_at: When the server says that it started.
        state: State of the server in words.
    """

    offset_us: int
    error_us: int
    started_at: int
    state: str


def micros(moment: Any) -> int:
    """Microseconds UTC of a time of asyncua."""
    import datetime

    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return int((moment - epoch) // datetime.timedelta(microseconds=1))


class Session:
    """An open session; made by `Session.open`, closed by `close`.

    Attributes:
        client: Client of asyncua.
        raw: Its services.
        namespaces: URIs of the server's namespaces.
        identity: Our certificate; None on a line that is not secured.
        server_certificate: The server's, DER; empty on a line that is not secured.
    """

    def __init__(
        self, client: Any, settings: OpcUaSettings, identity: Identity | None, clock: Clock
    ) -> None:
        self.client, self.settings, self.identity = client, settings, identity
        self.raw = client.uaclient.session
        self.namespaces: list[str] = []
        self.server_certificate = b""
        self.limits: dict[str, int] = {}
        self._clock = clock

    @classmethod
    async def open(cls, context: SourceContext, settings: OpcUaSettings) -> Session:
        """Connect, prove both sides, and learn what the server is.

        Raises:
            SourceError: A person must mend it: trust, token, policy.
            OSError: The server does not answer.
        """
        name = context.card.name
        identity = None
        if settings.security.mode != "None":
            identity = await asyncio.to_thread(
                ensure_identity, context.folder, name, context.clock()
            )
        client = _client(settings, identity)
        certificate = await _secure(client, context, settings, identity)
        await asyncio.to_thread(_set_user, client, context, settings)
        await _connect(client, name, identity)
        session = cls(client, settings, identity, context.clock)
        session.server_certificate = certificate
        try:
            await session._learn()
        except BaseException:
            await session.close()
            raise
        return session

    async def _learn(self) -> None:
        from asyncua import ua

        self.namespaces = [str(one) for one in await self.client.get_namespace_array()]
        kind = "Server_ServerCapabilities_OperationLimits_"
        nodes = [ua.NodeId(getattr(ua.ObjectIds, kind + one)) for one in LIMITS]
        for one, found in zip(LIMITS, await self.raw.read_attributes(nodes, 13), strict=True):
            is_said = found.Value is not None and isinstance(found.Value.Value, int)
            self.limits[one] = found.Value.Value if is_said and found.StatusCode.is_good() else 0

    def limit(self, name: str, ours: int) -> int:
        """How many of something one call may have: the server's limit or ours."""
        theirs = self.limits.get(name, 0)
        return min(ours, theirs) if theirs > 0 else ours

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return str(self.client.state.value) == "connected"

    def node(self, text: str) -> Any:
        """Node of a text; a namespace by URI is looked up on this server.

        Raises:
            KeyError: The server has no such namespace.
        """
        from asyncua import ua

        if not text.startswith("nsu="):
            return ua.NodeId.from_string(text)
        uri, _, rest = text[4:].partition(";")
        if uri not in self.namespaces:
            raise KeyError(uri)
        return ua.NodeId.from_string(f"ns={self.namespaces.index(uri)};{rest}")

    def text(self, node: Any) -> str:
        """Text of a node that outlives a restart of the server."""
        found = str(node.to_string())
        if not node.NamespaceIndex or node.NamespaceIndex >= len(self.namespaces):
            return found
        return f"nsu={self.namespaces[node.NamespaceIndex]};{found.partition(';')[2]}"

    async def read(self, nodes: list[Any], attribute: int = 13) -> list[Any]:
        """Values of one attribute of many nodes, in as many calls as the server wants."""
        step = self.limit("MaxNodesPerRead", 1000)
        found: list[Any] = []
        for first in range(0, len(nodes), step):
            found += await self.raw.read_attributes(nodes[first : first + step], attribute)
        return found

    async def clocks(self) -> Clocks:
        """Compare the clocks; the server's status comes along."""
        from asyncua import ua

        before = self._clock()
        (found,) = await self.raw.read_attributes([ua.NodeId(ua.ObjectIds.Server_ServerStatus)], 13)
        after = self._clock()
        found.StatusCode.check()
        status = found.Value.Value
        middle, half = (before + after) // 2, (after - before) // 2
        return Clocks(
            micros(status.CurrentTime) - middle,
            max(0, half),
            micros(status.StartTime),
            str(getattr(status.State, "name", status.State)),
        )

    def certificates(self) -> dict[str, float | str]:
        """Until when the certificates of both sides are good, as signals of health."""
        if self.identity is None:
            return {}
        return certificate_health(self.identity, self.server_certificate, self._clock())

    async def close(self, within_s: float = 3) -> None:
        """Close session and connection, or leave them when it takes too long."""
        try:
            await answer_of(self.client.disconnect(), within_s)
        except Exception as error:  # whatever it says, nothing more can be done
            log.debug("closing %s: %s", self.settings.url, error)
            self.client.disconnect_socket()


async def _connect(client: Any, name: str, identity: Identity | None) -> None:
    """Open channel and session; what another try does not change is said to a person.

    Raises:
        RefusedError: The server does not want us.
        OSError: It does not answer.
    """
    from asyncua.ua.uaerrors import UaStatusCodeError

    ours = thumbprint(identity.certificate.read_bytes()) if identity is not None else ""
    hint = "Correct the user in the card and its secret, or let the server trust our certificate"
    hint += f" {ours}." if ours else "."
    try:
        await client.connect()
    except UaStatusCodeError as error:
        if error.code not in HOPELESS:
            raise
        said = status_name(error.code)
        raise RefusedError(
            f"connection {name!r}: the server refuses us: {said}.", hint=hint
        ) from error
    except AssertionError as error:
        # So asyncua says that the answer to OpenSecureChannel was an error.
        raise RefusedError(
            f"connection {name!r}: the server refuses to open a secure channel.", hint=hint
        ) from error


@lru_cache(maxsize=1)
def _quieten() -> None:
    # asyncua logs each lost connection with its traceback, again and again; we tell it as health.
    logger = logging.getLogger("asyncua")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL + 1)


def _client(settings: OpcUaSettings, identity: Identity | None) -> Any:
    from asyncua import Client

    _quieten()
    timeout = settings.retry.timeout_s
    client = Client(settings.url, timeout=timeout, watchdog_intervall=max(timeout, 5.0))
    client.name = client.description = "goldenbatch"
    client.product_uri = "urn:goldenbatch"
    client.session_timeout = 120_000
    if identity is not None:
        client.application_uri = identity.uri
    return client


async def _secure(
    client: Any, context: SourceContext, settings: OpcUaSettings, identity: Identity | None
) -> bytes:
    """Choose the endpoint and hold its certificate to the trust list before anything is said.

    Returns:
        The server's certificate; nothing on a line that is not secured.
    """
    from asyncua import ua
    from asyncua.crypto import security_policies

    if identity is None:
        return b""
    endpoints = await client.connect_and_get_server_endpoints()
    mode = getattr(ua.MessageSecurityMode, settings.security.mode)
    wanted = BEST if settings.security.policy == "best" else (settings.security.policy,)
    offered = {
        one.SecurityPolicyUri.rpartition("#")[2].replace("_", ""): one
        for one in endpoints
        if one.SecurityMode == mode and one.EndpointUrl.startswith("opc.tcp")
    }
    chosen = next((name for name in wanted if name in offered), "")
    if not chosen:
        modes = {
            f"{one.SecurityPolicyUri.rpartition('#')[2]} {one.SecurityMode.name.rstrip('_')}"
            for one in endpoints
        }
        raise SourceError(
            f"connection {context.card.name!r}: the server offers no {' or '.join(wanted)} with "
            f"{settings.security.mode}; it offers {', '.join(sorted(modes))}.",
            hint="Switch a secured endpoint on at the server, or say another policy in the card.",
        )
    endpoint = offered[chosen]
    trust = Trust(context.folder, settings.security, context.card.name)
    own = await asyncio.to_thread(
        trust.check,
        endpoint.ServerCertificate or b"",
        endpoint.Server.ApplicationUri or "",
        context.clock(),
    )
    policy = getattr(security_policies, f"SecurityPolicy{chosen}")
    await client.set_security(
        policy, identity.certificate, identity.key, server_certificate=own, mode=mode
    )
    return bytes(endpoint.ServerCertificate or b"")


def _set_user(client: Any, context: SourceContext, settings: OpcUaSettings) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    user = settings.user
    if user.kind == "username":
        client.set_user(user.name)
        client.set_password(context.secret(user.password))
    elif user.kind == "certificate":
        password = context.secret(user.key_password).encode() if user.key_password else None
        try:
            content = (context.base / user.certificate).read_bytes()
            is_pem = content.lstrip().startswith(b"-----BEGIN")
            load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
            client.user_certificate = load(content)
            key = (context.base / user.key).read_bytes()
            client.user_private_key = serialization.load_pem_private_key(key, password)
        except (OSError, ValueError, TypeError) as error:
            raise SourceError(
                f"connection {context.card.name!r}: the user's certificate or key: {error}.",
                hint="Name a certificate (DER or PEM) and its key (PEM) in the card.",
            ) from error


def status_name(code: int) -> str:
    """Name of a status code, with its number.

    >>> status_name(0x80340000)
    'BadNodeIdUnknown (0x80340000)'
    """
    from asyncua.ua.status_codes import get_name_and_doc

    name, _ = get_name_and_doc(code & 0xFFFF0000)
    return f"{name} (0x{code:08X})"


async def end_tasks(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: some library below may swallow a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)
    await asyncio.gather(*tasks, return_exceptions=True)
