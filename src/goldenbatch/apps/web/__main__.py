"""The web process: `python -m goldenbatch.apps.web --node http://127.0.0.1:8600`."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys

import uvicorn

from goldenbatch.apps.lifeline import Lifeline, inherited
from goldenbatch.apps.web.app import WebOptions, create_app


def main() -> None:
    """Serve the interface of a node until SIGTERM, or until the supervisor is gone."""
    parser = argparse.ArgumentParser(description="The web interface of a node.")
    parser.add_argument("--node", required=True, help="Base address of the node.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8601, help="0: any free one, which is told.")
    parser.add_argument("--listener", type=int, default=-1, help="A socket that is open already.")
    parser.add_argument("--lifeline", type=int, default=-1, help="Where the starter is seen.")
    parser.add_argument(
        "--public-url", default=os.environ.get("GOLDENBATCH_PUBLIC_URL", ""),
        help="Address behind a proxy; with https the cookies are for TLS only.",
    )  # fmt: skip
    parser.add_argument(
        "--proxies", default=os.environ.get("GOLDENBATCH_PROXIES", ""),
        help="Networks, by commas, whose X-Forwarded-For is believed.",
    )  # fmt: skip
    given = parser.parse_args()
    proxies = tuple(one.strip() for one in given.proxies.split(",") if one.strip())
    options = WebOptions(given.node, given.public_url.rstrip("/"), proxies)
    if given.lifeline >= 0:
        Lifeline(given.lifeline).follow()
    with inherited(given.listener) if given.listener >= 0 else _listen(given) as listener:
        host = f"[{given.host}]" if ":" in given.host else given.host
        told = {"url": f"http://{host}:{listener.getsockname()[1]}"}
        config = uvicorn.Config(
            create_app(options), log_level="warning", server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=5,
        )  # fmt: skip
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listener])


def _listen(given: argparse.Namespace) -> socket.socket:
    family = socket.AF_INET6 if ":" in given.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((given.host, given.port))
    listener.listen(128)  # whoever is told the address can connect at once
    return listener


if __name__ == "__main__":
    main()
