"""The base install stays within its size, weighed from what is installed here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_base_install_is_within_800_mb_and_told_by_part() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.size"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    parts = found["parts_mb"]
    assert found["total_mb"] <= 800
    assert abs(sum(parts.values()) - found["total_mb"]) < 0.01 * len(parts) + 0.1
    assert {"pyarrow", "duckdb", "numpy", "goldenbatch"} <= {name.lower() for name in parts}
    assert parts["pyarrow"] > 50  # the files are really weighed
