"""Run the fault campaigns and write a dated report: `python -m tests.campaign --crashes 1000`."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.campaign import fleet, models, report, twins
from tests.campaign.crashes import Deaths, campaign
from tests.campaign.report import Part
from tests.campaign.tampering import HARMLESS, KINDS, reads_the_same, try_tampering
from tests.integration import mill
from tests.verifier.exports import KINDS as EXPORT_KINDS

ROOT = Path(__file__).resolve().parents[2]
LEDGER = (
    "kill -9 of the ledger's writer",
    "tests/stores/ledger/test_crashes.py",
    "an acknowledged append lost or doubled, or a torn tree",
)
HISTORIAN = (
    "kill -9 of the historian's writer",
    "tests/stores/historian/test_crashes.py",
    "an acknowledged frame lost or doubled, or a torn file seen by a reader",
)
SOURCES = (
    "kill -9 of a node that reads a source",
    "tests/runtime/test_acquisition.py::test_killed_at_random_moments_nothing_is_lost_or_doubled",
    "a delivered reading lost or doubled",
)
BACKFILLS = (
    "kill -9 of a reader of OPC UA, the server's history filling what it missed",
    "tests/connectors/opcua/test_kill.py",
    "a value of the server lost or doubled",
)
MODELS = "tests/capabilities/governance/life/test_crashes.py"
TAMPERED_LEDGER = "tests/stores/ledger/test_tampering.py"
TAMPERED_EXPORT = "tests/verifier/test_verifier.py"
PROPERTIES = ("tests/core", "tests/science", "tests/connectors", "tests/stores")


def main() -> int:
    """Run what was asked for; 1 if anything failed."""
    options = _options()
    date = datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory(
        prefix="campaign-", ignore_cleanup_errors=True, dir=options.folder
    ) as name:
        folder = Path(name)
        parts = [part for one in options.only for part in PARTS[one](folder, options)]
    command = (
        f"python -m tests.campaign --crashes {options.crashes} --tamperings {options.tamperings}"
        f" --examples {options.examples} --seed {options.seed}"
    )
    command += f" --demo-minutes {options.demo_minutes:g}" if "demo" in options.only else ""
    if set(options.only) != PARTS.keys():
        command += f" --only {' '.join(options.only)}"
    if options.engines_python:
        command += " --engines-python PYTHON"
    text = report.render(parts, date, options.crashes, command)
    path = report.store(text, options.out, date)
    print(text)
    print(f"Written: {os.path.relpath(path)}")
    return int(any(part.failures for part in parts))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crashes", type=int, default=1000, help="deaths of each kind of process")
    parser.add_argument("--tamperings", type=int, default=0, help="changed bytes of each kind")
    parser.add_argument("--examples", type=int, default=0, help="examples of each property")
    parser.add_argument("--seed", default="campaign")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "campaigns")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=f"which parts of {', '.join(PARTS)} (default: all)")  # fmt: skip
    parser.add_argument("--folder", type=Path, help="where the homes are made (default: temporary)")
    parser.add_argument("--demo-minutes", type=float, default=30.0, help="of the living site")
    parser.add_argument("--engines-python", default="", metavar="PYTHON",
                        help="a Python with chdb and pyspark, see engines.py")  # fmt: skip
    options = parser.parse_args()
    # The size of the other parts goes with that of the first unless it is given.
    options.tamperings = options.tamperings or max(2, options.crashes // 5)
    options.examples = options.examples or max(50, options.crashes)
    return options


def _crashes(folder: Path, n: int, seed: str) -> Part:
    name = "kill -9 of the program"
    part = Part(name, "something acknowledged lost or doubled, or verification fails", n)
    began = time.monotonic()
    counted = Deaths()
    try:
        counted = campaign(
            folder, n, seed, on_death=lambda done, total: report.progress(name, done, total)
        )
    except Exception as error:
        part.failures.append(_words(error, folder))
    part.seconds = time.monotonic() - began
    part.seeds = ", ".join(f"`{one}`" for one in counted.seeds) or f"`{seed}/...`"
    commands = ", ".join(f"{one} {count}" for one, count in sorted(counted.by_command.items()))
    part.details = [
        f"commands that died: {commands or 'none was counted to its end'}",
        f"{counted.n_unfinished} died before their work was done; "
        f"{counted.n_survived} more ended before they were killed and are not counted",
        "after each death: readings, events and results compared with those before it and with an"
        " independent reading of the files; `goldenbatch verify`; the same command again, to its"
        " end; at the end of each life a replay as seen",
    ]
    return part


def _tamperings(folder: Path, n_each: int, seed: str) -> Part:
    name, began = "a changed byte of a whole home", time.monotonic()
    part = Part(name, "`goldenbatch verify` does not answer 7, or does not say which")
    original = folder / "lived" / "home"
    mill.new_home(original, folder / "lived" / "files")
    mill.live_a_life(original, folder / "lived" / "files")
    counts: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    total = n_each * len(KINDS)
    for kind in KINDS:
        for number in range(n_each):
            found = try_tampering(
                original, folder, kind, f"{seed} {kind} {number}",
                lambda home: mill.here("verify", home=home, expect=None),
            )  # fmt: skip
            report.progress(name, sum(counts.values()) + 1, total)
            counts[kind] += 1
            if found.is_detected:
                continue
            if (
                kind in HARMLESS
                and found.code == 0
                and reads_the_same(folder / "tampered", original)
            ):
                silent[kind] += 1
                continue
            part.failures.append(f"{found.tampering.kind}: {found.tampering.what} ({found.code})")
    part.n, part.seconds = total, time.monotonic() - began
    part.seeds = f"`{seed} KIND NUMBER`, NUMBER from 0 to {n_each - 1}"
    part.details = [f"{kind}: {count}" for kind, count in counts.items()]
    part.details += [
        f"{kind}: {count} of {counts[kind]} changes were not named and changed nothing that is read"
        for kind, count in silent.items()
    ]
    return part


def _sources(n: int) -> list[Part]:
    name, target, failure = BACKFILLS
    part = Part(name, failure, n, seeds="fixed in the test")
    # This test has one death for each 25 that it is asked for.
    _pytest(part, [target], {"GOLDENBATCH_CRASHES": str(25 * n)})
    return [_store(*SOURCES, n), part]


def _store(name: str, target: str, failure: str, n: int) -> Part:
    part = Part(name, failure, n, seeds="fixed in the test")
    _pytest(part, [target], {"GOLDENBATCH_CRASHES": str(n)})
    return part


def _models(folder: Path, n: int, seed: str) -> list[Part]:
    part = Part("the same, the ledger in PostgreSQL", "the same", n, seeds="fixed in the test")
    _pytest(part, ["-p", "tests.postgres.everywhere", MODELS], {"GOLDENBATCH_CRASHES": str(n)})
    return [models.part(folder, n, seed), part]


def _ledger_tamperings(n_each: int) -> Part:
    part = Part("a changed bit of each column of the ledger", "it is not named, or another is")
    _pytest(part, [TAMPERED_LEDGER], {"GOLDENBATCH_TAMPERINGS": str(n_each)})
    part.seeds, part.has_bound = "`TABLE.COLUMN.NUMBER`", False
    part.details.append(f"{n_each} changes of each column")
    return part


def _export_tamperings(n: int) -> Part:
    part = Part("a tampered export", "`goldenbatch-verify` does not answer 1 in words")
    _pytest(part, [TAMPERED_EXPORT, "-k", "every_tampering"],
            {"GOLDENBATCH_EXPORT_TAMPERINGS": str(n)})  # fmt: skip
    part.n, part.seeds = n, "`KIND NUMBER`"
    part.details.append("by turns: " + ", ".join(EXPORT_KINDS))
    return part


def _properties(n_examples: int) -> Part:
    part = Part(f"properties, {n_examples:,} examples each", "a counter-example", has_bound=False)
    _pytest(part, [*PROPERTIES, "-k", "not crash and not killed"],
            {"GOLDENBATCH_EXAMPLES": str(n_examples)})  # fmt: skip
    part.details.append(
        "all tests of core, science, connectors and stores, their properties longer"
    )
    return part


def _pytest(part: Part, arguments: list[str], more: dict[str, str]) -> None:
    """Run tests in a process of their own; the part takes what failed and how long it took."""
    sys.stderr.write(f"{part.name} ...\n")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "timeout=0",
         "--tb=line", "-rf", *arguments],
        cwd=ROOT, env={**mill.environment(), **more}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    part.seconds = time.monotonic() - began
    part.failures = [
        re.sub(r"^FAILED |^ERROR ", "", line)[:300]
        for line in done.stdout.splitlines()
        if line.startswith(("FAILED ", "ERROR "))
    ]
    if done.returncode and not part.failures:
        last = " ".join([*done.stdout.splitlines()[-3:], *done.stderr.splitlines()[-1:]])
        part.failures = [f"pytest ended with {done.returncode}: {last.replace(str(ROOT), '')}"]
    counted = re.search(r"(\d+) passed", done.stdout)
    n_passed = int(counted[1]) if counted else 0
    part.n = part.n or n_passed + len(part.failures)
    part.details.append(f"tests that passed: {n_passed}")


def _engines(folder: Path, python: str) -> list[Part]:
    from tests.campaign.engines import compare

    sys.stderr.write("other engines ...\n")
    return [compare(folder / "engines", python)]


def _postgres(n: int, seed: str) -> list[Part]:
    from tests.campaign.postgres import postgres_crashes

    return postgres_crashes(n, seed)


def _demo(folder: Path, minutes: float) -> list[Part]:
    from tests.campaign.demo import part

    return [part(folder / "demo", minutes)]


def _wire(folder: Path) -> list[Part]:
    from tests.campaign.wire import parts

    sys.stderr.write("the press and the fermentation over the wire ...\n")
    return parts(folder / "wire")


PARTS: dict[str, Callable[[Path, argparse.Namespace], list[Part]]] = {
    "program": lambda folder, given: [_crashes(folder, given.crashes, given.seed)],
    "ledger": lambda _, given: [_store(*LEDGER, given.crashes)],
    "postgres": lambda _, given: _postgres(max(4, given.crashes // 5), given.seed),
    "historian": lambda _, given: [_store(*HISTORIAN, given.crashes)],
    "sources": lambda _, given: _sources(max(5, given.crashes // 10)),
    "engines": lambda folder, given: _engines(folder, given.engines_python),
    "wire": lambda folder, _: _wire(folder),
    "models": lambda folder, given: _models(folder, max(4, given.crashes // 4), given.seed),
    "fleet": lambda folder, given: [fleet.part(folder, max(2, given.crashes // 100), given.seed)],
    "home": lambda folder, given: [_tamperings(folder, given.tamperings, given.seed)],
    "columns": lambda _, given: [_ledger_tamperings(given.tamperings)],
    "export": lambda _, given: [_export_tamperings(given.crashes)],
    "demo": lambda folder, given: _demo(folder, given.demo_minutes),
    "twins": lambda _, __: twins.replay(),
    "properties": lambda _, given: [_properties(given.examples)],
}


def _words(error: BaseException, folder: Path) -> str:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words.replace(str(folder), "").replace(str(ROOT), "")[:600]


if __name__ == "__main__":
    sys.exit(main())
