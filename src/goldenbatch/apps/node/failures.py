"""Every error of the API in one shape: {error, message, hint}."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from goldenbatch.apps.node.state import NotLoggedInError
from goldenbatch.apps.node.throttle import BusyError
from goldenbatch.core.acquisition import SourceError
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    GoldenbatchError,
    LockedError,
    NotFoundError,
    UnreachableError,
)
from goldenbatch.runtime._wire import error_to_json

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = logging.getLogger("goldenbatch.node")

_STATUS: tuple[tuple[type[GoldenbatchError], int], ...] = (
    (NotLoggedInError, 401),
    (BusyError, 429),
    (DeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (SourceError, 409),  # it does not run or refuses: no fault of the node
    (BadInputError, 422),
    (LockedError, 423),
    (UnreachableError, 503),
)


class Problem(BaseModel):
    """The shape of every error.

    Attributes:
        error: Name of the class of error.
        message: What is wrong, naming the record, tag, file or line.
        hint: What to do next.
        details: Further values that belong to the class of error.
    """

    error: str
    message: str
    hint: str = ""
    details: list[Any] | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What is wrong with the call, and what to do."},
    "5XX": {"model": Problem, "description": "What is wrong with the home or the node."},
}


def record_fault(error: ValidationError) -> str:
    """The first thing that keeps values from being a record, in words."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{error.title}: {place}: {first['msg']}."


def status_of(error: GoldenbatchError) -> int:
    """HTTP status of an error."""
    return next((code for cls, code in _STATUS if isinstance(error, cls)), 500)


def add_handlers(app: FastAPI) -> None:
    """Give an application the one shape of errors."""

    @app.exception_handler(GoldenbatchError)
    def known(_: Request, error: GoldenbatchError) -> JSONResponse:
        status = status_of(error)
        if status >= 500:
            log.error("%s", error)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        if isinstance(error, BusyError):
            headers = {"Retry-After": str(error.wait_s)}
        data = error_to_json(error)
        if isinstance(error, NotLoggedInError | BusyError):
            data["error"] = "DeniedError"
        return JSONResponse(data, status, headers=headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _answer(422, "BadInputError", f"{place}: {first['msg']}.", "See /api/v1/docs.")

    @app.exception_handler(ValidationError)
    def no_record(_: Request, error: ValidationError) -> JSONResponse:
        """What was given makes no record; nothing was written."""
        return _answer(422, "BadInputError", record_fault(error), "Correct it and try again.")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.method} {request.url.path}: {error.detail}."
        kind = "NotFoundError" if error.status_code == 404 else "BadInputError"
        return _answer(error.status_code, kind, message, "See /api/v1/docs.")

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _answer(
            500, "GoldenbatchError",
            f"something unexpected happened in the node: {type(error).__name__}.",
            "Its log has the details; nothing acknowledged was lost.",
        )  # fmt: skip


def _answer(status: int, error: str, message: str, hint: str) -> JSONResponse:
    clean = message.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"error": error, "message": clean, "hint": hint}, status)
