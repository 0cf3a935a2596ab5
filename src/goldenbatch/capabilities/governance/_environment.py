"""With what a model was trained or tested: versions of packages, and the machine."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import goldenbatch

PACKAGES: Final = ("numpy", "scipy", "scikit-learn", "lightgbm", "onnxruntime", "skops", "pyarrow")


def environment() -> dict[str, str]:
    """Versions of what computes, and the CPU with its vector units."""
    found = {"goldenbatch": goldenbatch.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["machine"] = platform.machine()
    found["system"] = platform.system()
    found["cpu"] = ", ".join(_vector_units()) or "unknown"
    return found


def _vector_units() -> list[str]:
    import numpy as np

    config = np.show_config(mode="dicts")
    units = config.get("SIMD Extensions", {}) if isinstance(config, dict) else {}
    return [*units.get("baseline", ()), *units.get("found", ())]
