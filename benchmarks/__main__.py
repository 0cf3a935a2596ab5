"""Run the benchmarks, each in a process of its own: JSON into benchmarks/out, a table here.

    python -m benchmarks [NAME ...]

A benchmark is a module of this folder that prints one JSON document. Ratios are to the named
peer in the same run; absolute figures are this machine's and are never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
OUT = FOLDER / "out"
TIMEOUT_S = 1800
SHOWN_PARTS = 12


def names() -> list[str]:
    """Benchmarks there are."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def machine() -> dict[str, Any]:
    """What the figures depend on; nothing that names the machine."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def run(name: str) -> dict[str, Any]:
    """One benchmark: its document, or why there is none."""
    facts, began = machine(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"],
        cwd=FOLDER.parent, capture_output=True, text=True,
        check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    result: dict[str, Any] = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "seconds": round(time.monotonic() - began, 1),
    }
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return {**result, "failed": done.returncode, "reason": reason.replace(str(FOLDER), "")}
    return {**result, "result": json.loads(done.stdout[done.stdout.index("{") :])}


def figures(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a document with their names; of long lists of parts the first."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield path, value
    elif isinstance(value, Mapping):
        for name in list(value)[: SHOWN_PARTS if path.endswith("parts_mb") else None]:
            yield from figures(value[name], f"{path}.{name}" if path else str(name))


def table(results: list[dict[str, Any]]) -> str:
    """The figures for people."""
    lines: list[str] = []
    for one in results:
        lines.append(f"\n{one['benchmark']} ({one['seconds']:g} s)")
        if "failed" in one:
            lines.append(f"  not measured: {one['reason']}")
            continue
        rows = list(figures(one["result"]))
        width = max((len(name) for name, _ in rows), default=0)
        lines += [f"  {name.ljust(width)}  {number:>14,.6g}" for name, number in rows]
    return "\n".join(lines)


def main() -> int:
    """Run those that were asked for; 1 if one could not be measured."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names())}; all by default")
    chosen = parser.parse_args().names or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}")
    OUT.mkdir(exist_ok=True)
    results = []
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results.append(run(name))
        (OUT / f"{name}.json").write_text(json.dumps(results[-1], indent=2) + "\n")
    print(table(results))
    return int(any("failed" in one for one in results))


if __name__ == "__main__":
    sys.exit(main())
