"""What every command of the twins does alike: errors by file, paths beside it, documents."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ParamSpec, TypeVar

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import DataError, DesignError

P = ParamSpec("P")
R = TypeVar("R")


def names_its_file(command: Callable[P, R]) -> Callable[P, R]:
    """A command on a `study`: what cannot be done with it names its file."""
    signature = inspect.signature(command)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (DataError, DesignError) as error:
            file = str(signature.bind(*args, **kwargs).arguments["study"])
            raise BadInputError(error.message, hint=error.hint, file=file) from error

    return run


def beside(folder: Path, name: str, key: str) -> Path:
    """A file that lies beside a study or below it, by the name in the study.

    Raises:
        BadInputError: The name leads elsewhere: a study is given away with its files.
    """
    is_rooted = Path(name).is_absolute() or bool(PureWindowsPath(name).drive)
    if not name or is_rooted or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        raise BadInputError(
            f"{name!r} does not lie beside the study.",
            hint="Lay the file into its folder, and name it from there.",
            key=key,
        )
    return folder / name


def plain(value: Any) -> Any:
    """A value as JSON has it: no NaN and no infinity but null; arrays as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value


def write_document(document: Mapping[str, Any], path: Path, files: Iterable[str] = ()) -> None:
    """Write the document of a result, with the digests of the files that belong to it.

    By the digests `twin keep` tells them from what an earlier command left in the folder.

    Args:
        document: What is written.
        path: Its file.
        files: Names of the others, beside it.
    """
    found = {
        name: hashlib.sha256((path.parent / name).read_bytes()).hexdigest()
        for name in files if name != path.name and (path.parent / name).is_file()
    }  # fmt: skip
    whole = plain({**document, "files": found})
    path.write_text(
        json.dumps(whole, indent=2, default=str, allow_nan=False, ensure_ascii=False) + "\n",
        "utf-8",
    )
