"""Size of the base install, by distribution: what `requirements.lock` brings, and the package.

    python -m benchmarks.size

Bytes of all files that the distributions list as installed, compiled modules included.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MB = 800


def locked() -> list[tuple[str, str]]:
    """Distributions of the base lock and their versions; a name may stand more than once."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, re.MULTILINE)


def size_of(found: Distribution) -> int:
    """Bytes of the installed files of a distribution."""
    paths = {Path(str(file.locate())).resolve() for file in found.files or ()}
    return sum(path.stat().st_size for path in paths if path.is_file())


def own_size() -> int:
    """Bytes of the package itself."""
    return sum(path.stat().st_size for path in (ROOT / "src").rglob("*") if path.is_file())


def measure() -> dict[str, Any]:
    """Sizes in MB (10^6 bytes), the largest first.

    Raises:
        RuntimeError: Less than nine tenths of the lock is installed here.
    """
    sizes: dict[str, int] = {"goldenbatch": own_size()}
    absent: list[str] = []
    others: list[str] = []
    for name, version in locked():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            absent.append(name)  # of another platform or version of Python
            continue
        sizes[name] = size_of(found)
        if found.version != version:
            others.append(f"{name} {found.version}, locked {version}")
    if len(absent) > len(sizes) / 9:
        raise RuntimeError(f"not installed: {', '.join(absent)}; run `make bench` in a full .venv")
    parts = sorted(sizes.items(), key=lambda item: -item[1])
    total_mb = sum(sizes.values()) / 1e6
    return {
        "benchmark": "size",
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "n_distributions": len(sizes),
        "total_mb": round(total_mb, 1),
        "targets": {"total_mb_at_most": LIMIT_MB},
        "is_within": total_mb <= LIMIT_MB,
        "parts_mb": {name: round(size / 1e6, 2) for name, size in parts},
        "absent_here": absent,
        "other_versions": others,
    }


def main() -> dict[str, Any]:
    """Print the sizes as JSON."""
    found = measure()
    print(json.dumps(found, indent=2))
    return found


if __name__ == "__main__":
    main()
