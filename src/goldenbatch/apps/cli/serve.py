"""The service as a command: `serve`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session

if TYPE_CHECKING:
    from goldenbatch.apps.node.service import NodeOptions
    from goldenbatch.apps.supervise import Supervisor


def serve(
    session: Session,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8600,
    wake: Annotated[float, typer.Option(min=0, help="Seconds between ticks; 0: never.")] = 5,
    flush: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds between hand-overs (default: the home's setting)."),
    ] = None,
    has_web: Annotated[
        bool, typer.Option("--web/--no-web", help="Start the web interface beside the node.")
    ] = True,
    web_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the web interface; 0: any free one.")
    ] = 8601,
) -> None:
    """Start the node and the web interface, and start again whichever dies.

    The node holds the home, wakes the analysts and answers the REST API; while it runs, the other
    commands are its clients. Ctrl-C or SIGTERM stops both in good order.
    """
    from goldenbatch.apps.node.service import NodeOptions
    from goldenbatch.apps.node.service import serve as run_node

    options = NodeOptions(host, port, wake, flush)
    if has_web and not _is_web_installed():
        session.output.note("The web interface is not installed: `pip install goldenbatch[web]`.")
        has_web = False
    if not has_web:
        run_node(session.home, options, lambda address: _tell(session, options, address.url))
        return
    with _supervisor(session, options, web_port) as supervisor:
        node, web = supervisor.workers

        def told() -> None:
            if web.is_given_up:
                session.output.note(f"The web interface {web.last_exit}; the node runs without it.")
            pid = node.process.pid if node.process else None
            _tell(session, options, node.url, pid=pid, web=None if web.is_given_up else web.url)

        supervisor.run(told)


def _is_web_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("nicegui") is not None


def _supervisor(session: Session, options: NodeOptions, web_port: int) -> Supervisor:
    """Node and web with their sockets open; what cannot be listened on is told at once."""
    from dataclasses import replace

    from goldenbatch.apps.node.service import listen, url_of
    from goldenbatch.apps.supervise import Supervisor, Worker

    host, python = options.host, [sys.executable, "-m"]
    node = listen(options)
    try:
        web = listen(replace(options, port=web_port))
    except BaseException:
        node.close()
        raise
    sockets = ["--listener", "{listener}", "--lifeline", "{lifeline}", "--host", host]
    settings = ["--home", _plain(session.home), "--wake", str(options.wake_s)]
    settings += [] if options.flush_s is None else ["--flush", str(options.flush_s)]
    url = url_of(host, node)
    return Supervisor(
        session.home,
        (
            Worker("node", [*python, "goldenbatch.apps.node", *sockets, *settings], node, url,
                   "/api/v1/health"),
            Worker("web", [*python, "goldenbatch.apps.web", *sockets, "--node", _reached(url)],
                   web, url_of(host, web), "/login"),
        ),
    )  # fmt: skip


def _plain(value: Any) -> str:
    """A value in which no brace stands for anything."""
    return str(value).replace("{", "{{").replace("}", "}}")


def _reached(url: str) -> str:
    """Where this machine reaches what listens on all of its addresses."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _tell(session: Session, options: NodeOptions, url: str, **more: Any) -> None:
    import os

    from goldenbatch.core.config import banner, load_settings

    settings = load_settings(session.home)
    session.output.note(f"{settings.name}: {banner(settings.kind) or 'production home'}")
    if options.host not in {"127.0.0.1", "::1", "localhost"}:
        session.output.note("Others can reach this address: put a proxy with TLS before it.")
    answer = {"url": url, "docs": f"{url}/api/v1/docs", "pid": os.getpid(), **more}
    session.show({**answer, "home": str(session.home), "kind": settings.kind.value})
