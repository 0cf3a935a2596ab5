"""The node as a service: open the home, listen, say where, stop in good order."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.remote import NODE_FILE, NodeAddress

if TYPE_CHECKING:
    import uvicorn

    from goldenbatch.core.config import Settings

DEFAULT_PORT = 8600


@dataclass(frozen=True)
class NodeOptions:
    """How a node serves.

    Attributes:
        port: Port to listen on; 0: any free one.
        wake_s: Seconds between ticks of the analysts; 0: never.
        flush_s: Seconds between hand-overs of the frame log; 0: never; None: as the home's
            setting `historian.interval_s` says.
        listener: A socket that is open already; with it the port is not looked at.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    wake_s: float = 5
    flush_s: float | None = None
    listener: socket.socket | None = None

    def flush_of(self, settings: Settings) -> float:
        """Seconds between hand-overs at a home."""
        return settings.historian.interval_s if self.flush_s is None else self.flush_s


def serve(home: Path, options: NodeOptions, told: Callable[[NodeAddress], None]) -> None:
    """Hold a home and answer calls until SIGTERM or Ctrl-C.

    Args:
        home: Directory of the home.
        options: Where it listens, and how often it works by itself.
        told: Called once with the address, when calls are answered.

    Raises:
        LockedError: Another process holds the home.
        BadInputError: The address cannot be listened on.
    """
    from goldenbatch.apps.node.app import create_app
    from goldenbatch.apps.node.logs import configure
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(home) as site, options.listener or listen(options) as listener:
        url = url_of(options.host, listener)
        address = NodeAddress(url, secrets.token_urlsafe(32), os.getpid())
        configure(is_chatty=site.settings.service.log_calls)
        flush_s = options.flush_of(site.settings)
        app = create_app(
            site, token=address.token, wake_s=options.wake_s, flush_s=flush_s, acquires=True
        )

        def started() -> None:
            address.save(home)
            told(address)

        server = _server(app, started, app.state.node.live.stop)
        try:
            server.run(sockets=[listener])
        finally:
            (home / NODE_FILE).unlink(missing_ok=True)


def url_of(host: str, listener: socket.socket) -> str:
    """Address of what listens."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def listen(options: NodeOptions) -> socket.socket:
    """A socket at the address of the options.

    Raises:
        BadInputError: It cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # Without the protocol asyncio leaves Nagle's algorithm on: 40 ms a call.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise BadInputError(
            f"cannot listen on {options.host}:{options.port}: {error.strerror or error}.",
            hint="Choose another address with --host and --port.",
        ) from error
    return listener


def _server(
    app: object, started: Callable[[], object], stopping: Callable[[], object]
) -> uvicorn.Server:
    """The server; what is open without an end must be ended by `stopping`, on its loop."""
    import asyncio

    import uvicorn

    class Server(uvicorn.Server):
        """Says that it listens only when it does, and ends by returning, not by the signal."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                self._loop = asyncio.get_running_loop()
                started()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True
            if self.started:
                self._loop.call_soon_threadsafe(stopping)

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,  # ours; see `logs`
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    return Server(config)
