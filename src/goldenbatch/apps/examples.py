"""Examples that ship with the package: plants, source cards and analysts of real data sets."""

from __future__ import annotations

import os
from pathlib import Path

import goldenbatch
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.plant import PLANT_FILE

DATA_VARIABLE = "GOLDENBATCH_DATA"


def examples_root() -> Path:
    """Folder of the examples: inside the installed package, or beside its sources."""
    package = Path(goldenbatch.__file__).resolve().parent
    inside = package / "examples"
    return inside if inside.is_dir() else package.parents[1] / "examples"


def example_names() -> list[str]:
    """Names of the examples that a home can be made from."""
    return sorted(path.parent.name for path in examples_root().glob(f"*/{PLANT_FILE}"))


def find_example(name: str) -> Path:
    """Folder of an example.

    Raises:
        NotFoundError: There is none of that name; says which there are.
    """
    if name in example_names():
        return examples_root() / name
    known = ", ".join(example_names()) or "none"
    raise NotFoundError(f"there is no example {name!r}.", hint=f"There are: {known}.")


def find_data(name: str) -> Path | None:
    """Folder with the data of an example below GOLDENBATCH_DATA, if it is there."""
    root = os.environ.get(DATA_VARIABLE, "")
    path = Path(root) / name if root else examples_root().parents[1] / "shared" / "data" / name
    return path if path.is_dir() else None
