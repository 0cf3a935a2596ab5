"""Libraries that are asked for when a model needs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from goldenbatch.science.errors import MissingEngineError


def engine(module: str, extra: str) -> Any:
    """A library of an extra.

    Raises:
        MissingEngineError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        message = (
            f"this model is computed by {module}, which is not installed: "
            f'pip install "goldenbatch[{extra}]"'
        )
        raise MissingEngineError(message) from error
