"""The web process: `python -m goldenbatch.apps.web --node http://127.0.0.1:8600`."""

from __future__ import annotations

import argparse

import uvicorn

from goldenbatch.apps.web.app import create_app


def main() -> None:
    """Serve the interface of a node until SIGTERM."""
    parser = argparse.ArgumentParser(description="The web interface of a node.")
    parser.add_argument("--node", required=True, help="Base address of the node.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8601)
    given = parser.parse_args()
    uvicorn.run(
        create_app(given.node), host=given.host, port=given.port, log_level="warning",
        server_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
