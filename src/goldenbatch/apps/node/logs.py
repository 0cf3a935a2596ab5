"""Logs of a process of the service: one JSON object a line, or lines for people at a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any


def configure(*, is_chatty: bool = False) -> None:
    """Send the logs of this process to its standard error, in one form.

    Args:
        is_chatty: Also tell of each call that was answered.
    """
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_person = sys.stderr.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if is_person else _as_json()
    shown = [] if is_person else [structlog.processors.format_exc_info]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("goldenbatch.calls").setLevel(logging.INFO if is_chatty else logging.ERROR)


def _as_json() -> Any:
    import structlog

    return structlog.processors.JSONRenderer(ensure_ascii=True, default=str)
