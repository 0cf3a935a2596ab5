"""The node as a process of a service; it is started by the supervisor only."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from goldenbatch.apps.lifeline import Lifeline, inherited
from goldenbatch.apps.node.service import NodeOptions, serve
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.runtime._wire import error_to_json


def main() -> int:
    """Serve a home on a socket that is inherited, until SIGTERM or until the starter is gone."""
    parser = argparse.ArgumentParser(description="The node of a service.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--wake", type=float, default=5)
    parser.add_argument("--flush", type=float)
    given = parser.parse_args()
    line = Lifeline(given.lifeline)
    line.follow()
    options = NodeOptions(given.host, 0, given.wake, given.flush, inherited(given.listener))
    try:
        serve(given.home, options, lambda _: None)
    except GoldenbatchError as error:
        line.tell(error_to_json(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
