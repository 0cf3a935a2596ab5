"""The node as a command: `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session


def serve(
    session: Session,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8600,
    wake: Annotated[float, typer.Option(min=0, help="Seconds between ticks; 0: never.")] = 5,
    flush: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds between hand-overs (default: the home's setting)."),
    ] = None,
) -> None:
    """Start the node: it holds the home, wakes the analysts and answers the REST API.

    While it runs, the other commands are its clients. Ctrl-C or SIGTERM stops it in good order.
    """
    from goldenbatch.apps.node.service import NodeOptions
    from goldenbatch.apps.node.service import serve as run_node
    from goldenbatch.core.config import banner, load_settings
    from goldenbatch.runtime.remote import NodeAddress

    settings = load_settings(session.home)

    def told(address: NodeAddress) -> None:
        answer = {
            "url": address.url,
            "docs": f"{address.url}/api/v1/docs",
            "pid": address.pid,
            "home": str(session.home),
            "kind": settings.kind.value,
        }
        words = f"{settings.name}: {banner(settings.kind) or 'production home'}"
        session.output.note(words)
        if host not in {"127.0.0.1", "::1", "localhost"}:
            session.output.note("Others can reach this address: put a proxy with TLS before it.")
        session.show(answer)

    run_node(session.home, NodeOptions(host, port, wake, flush), told)
