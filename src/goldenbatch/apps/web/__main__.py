"""The web process: `python -m goldenbatch.apps.web --node http://127.0.0.1:8600`."""

from __future__ import annotations

import argparse
import json
import socket
import sys

import uvicorn

from goldenbatch.apps.web.app import create_app


def main() -> None:
    """Serve the interface of a node until SIGTERM."""
    parser = argparse.ArgumentParser(description="The web interface of a node.")
    parser.add_argument("--node", required=True, help="Base address of the node.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8601, help="0: any free one, which is told.")
    given = parser.parse_args()
    family = socket.AF_INET6 if ":" in given.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((given.host, given.port))
        host = f"[{given.host}]" if ":" in given.host else given.host
        told = {"url": f"http://{host}:{listener.getsockname()[1]}"}
        server = uvicorn.Server(
            uvicorn.Config(create_app(given.node), log_level="warning", server_header=False)
        )
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
