"""What goes wrong, as one line, a hint and an exit code; the unexpected as a report file."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

from goldenbatch import __version__
from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, GoldenbatchError

EXIT_USAGE = 2
EXIT_UNEXPECTED = 70
EXIT_INPUT_OUTPUT = 74
EXIT_INTERRUPTED = 130

DEBUG_VARIABLE = "GOLDENBATCH_DEBUG"


def failed(error: Exception, session: Session) -> int:
    """Say what went wrong and return the exit code of it."""
    if os.environ.get(DEBUG_VARIABLE) == "1":
        session.output.note("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, GoldenbatchError):
        session.output.failure(type(error).__name__, error.message, error.hint)
        return error.exit_code
    if type(error).__module__.startswith("pydantic"):
        return _no_record(error, session)
    if isinstance(error, BrokenPipeError):
        sys.stdout = open(os.devnull, "w")
        return EXIT_INPUT_OUTPUT
    if isinstance(error, OSError) and error.filename is not None:
        message = f"{error.filename}: {error.strerror or error}."
        session.output.failure("OSError", message, "Check the path, its rights and the disk.")
        return EXIT_INPUT_OUTPUT
    report = write_report(error, session.home_or_none())
    session.output.failure(
        type(error).__name__,
        f"something unexpected happened: {type(error).__name__}: {error}.",
        f"The report is in {report}; nothing acknowledged was lost.",
    )
    return EXIT_UNEXPECTED


def _no_record(error: Exception, session: Session) -> int:
    """What was given makes no record; nothing was written."""
    from pydantic import ValidationError

    message = str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{error.title}: {place}: {first['msg']}."
    session.output.failure("BadInputError", message, "Correct it and try again.")
    return BadInputError.exit_code


def write_report(error: BaseException, home: Path | None) -> Path:
    """Write traceback and versions into the home's state, or a temporary file."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    text = "".join(
        [
            f"goldenbatch {__version__}, Python {platform.python_version()}, ",
            f"{platform.platform()}\n",
            f"command: {' '.join(sys.argv[:3])}\n\n",
            *traceback.format_exception(error),
        ]
    )
    name = f"error-{stamp}-{os.getpid()}.txt"
    try:
        folder = (home or Path("/nonexistent")) / "state"
        path = folder / name
        folder.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        descriptor, named = tempfile.mkstemp(prefix="goldenbatch-error-", suffix=".txt")
        path = Path(named)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    return path
