"""The repository keeps its own rules: locks, sizes, names of machines, conformance of its parts."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from goldenbatch.runtime.discovery import discover
from goldenbatch.testing import checks, connector_checks

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "goldenbatch"
LOCKS = ("requirements.lock", "requirements-demo.lock", "requirements-dev.lock")
MAX_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 500, 70, 8

LONGER: dict[str, str] = {}
"""Modules or functions (`path` or `path:function`) that are longer, and why."""


@cache
def tracked() -> tuple[Path, ...]:
    """Files that belong to the repository: as git has them, or all but what tools leave."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and not _is_left(path))
    return tuple(path for line in done.stdout.splitlines() if (path := ROOT / line).is_file())


def _is_left(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any((part.startswith(".") and part != ".ci") or part == "__pycache__" for part in parts)


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each file that is text."""
    for path in tracked():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


# ---- locks ----------------------------------------------------------------------------------


def lock(name: str) -> dict[str, tuple[str, list[str]]]:
    """Distribution to version and hashes, of each line of a lock."""
    found: dict[str, tuple[str, list[str]]] = {}
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pinned = re.match(r"([A-Za-z0-9_.-]+)==([^\s;]+)", line)
        assert pinned, f"{name}: {line[:80]!r} pins no version"
        key = f"{canonicalize_name(pinned[1])};{line.partition(';')[2].partition('--hash')[0]}"
        found[key] = (pinned[2], re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    entries = lock(name)
    assert len(entries) > 30
    assert [key for key, (_, hashes) in entries.items() if not hashes] == []
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host| @ |file:", text)


@pytest.mark.parametrize("name", LOCKS[1:])
def test_the_locks_agree(name: str) -> None:
    base, more = lock(LOCKS[0]), lock(name)
    for key, (version, _) in base.items():
        if key in more:
            assert more[key][0] == version, key
    shared = {key.partition(";")[0] for key in base} & {key.partition(";")[0] for key in more}
    assert len(shared) > 20


@pytest.mark.parametrize(
    ("lock_name", "extra"), [(LOCKS[0], ""), (LOCKS[1], "demo"), (LOCKS[2], "dev")]
)
def test_locks_satisfy_what_the_package_asks_for(lock_name: str, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    extras = project["optional-dependencies"]
    wanted += extras[extra] if extra else []
    for own in [one for one in wanted if one.startswith("goldenbatch[")]:
        wanted.remove(own)
        wanted += [text for name in Requirement(own).extras for text in extras[name]]
    versions: dict[str, set[str]] = {}
    for key, (version, _) in lock(lock_name).items():
        versions.setdefault(key.partition(";")[0], set()).add(version)
    for text in wanted:
        asked = Requirement(text)
        found = versions.get(canonicalize_name(asked.name), set())
        assert found, f"{asked.name} is not in {lock_name}"
        assert all(asked.specifier.contains(one, prereleases=True) for one in found), text


def test_there_is_no_other_lock() -> None:
    names = {path.name for path in tracked()}
    assert not names & {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"}
    assert set(LOCKS) <= names


# ---- files ----------------------------------------------------------------------------------


def test_no_file_names_a_machine() -> None:
    folders = "|".join(["work", "root", "home", "Users", "mnt", "opt"])
    local = re.compile(rf"(?:^|[^\w.<>/~-])/(?:{folders})/[\w.-]+", re.MULTILINE)
    found = {name: hit[0] for name, text in texts() if (hit := local.search(text))}
    assert found == {}
    assert not [name for name, text in texts() if str(ROOT) in text]


def test_no_data_set_is_committed() -> None:
    # A lock holds the digests of all files of all packages: long, and no data.
    large = [p for p in tracked() if p.stat().st_size > 400_000 and p.suffix != ".lock"]
    assert large == []
    suffixes = {path.suffix for path in tracked()}
    assert not suffixes & {".parquet", ".xlsx", ".sqlite", ".zip", ".gz", ".whl", ".pkl", ".h5"}


def test_ci_can_be_run() -> None:
    path = ROOT / ".ci" / "run"
    assert os.access(path, os.X_OK)
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("#!") and any("pipefail" in line for line in rest)


def test_the_targets_of_the_makefile_are_there() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test", "campaign", "lint", "bench", "docs"):
        line = rf"^{target}:.*\$\(VENV\)/\.(base|demo|dev).*##"
        assert re.search(line, text, re.MULTILINE), target
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")


# ---- sizes ----------------------------------------------------------------------------------


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def test_modules_and_functions_can_be_read_at_once() -> None:
    too_long: dict[str, int] = {}
    for path in python_files():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if (n_lines := text.count("\n")) > MAX_LINES:
            too_long[name] = n_lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if n_lines > MAX_FUNCTION_LINES:
                    too_long[f"{name}:{node.name}"] = n_lines
    assert set(too_long) == set(LONGER), f"too long, or listed and short by now: {too_long}"
    assert all(LONGER.values())


def test_source_is_without_traps() -> None:
    """No pickle, no assert, no print, nothing unfinished: fail closed, say it through errors."""
    banned = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or ""
                roots = {one.name.partition(".")[0] for one in node.names}
                if module == "joblib" and roots <= {"Parallel", "delayed"}:
                    continue  # worker processes of our own; its files are what is banned
                assert not banned & {*roots, module.partition(".")[0]}, (name, node.lineno)
            assert not isinstance(node, ast.Assert), (name, node.lineno)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "eval", "exec", "breakpoint"}, name
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), name


# ---- parts ----------------------------------------------------------------------------------


def _own_checks() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, capability in sorted(discover().capabilities.items()):
        package = f"goldenbatch.capabilities.{name}"
        if (SOURCE / "capabilities" / name).is_dir():
            found += [(f"{name}: {one}", one) for one in checks(capability, package)]
    for path in sorted((SOURCE / "connectors").iterdir()):
        if (path / "__init__.py").is_file():
            package = f"goldenbatch.connectors.{path.name}"
            found += [(f"{path.name}: {one}", one) for one in connector_checks(package)]
    return found


@pytest.mark.parametrize("check", [pytest.param(one, id=name) for name, one in _own_checks()])
def test_built_in_parts_conform(check: object) -> None:
    check.run()  # type: ignore[attr-defined]


def test_every_folder_of_a_capability_is_found() -> None:
    folders = {
        path.name for path in (SOURCE / "capabilities").iterdir() if (path / "__init__.py").exists()
    }
    assert folders <= set(discover().capabilities)
    assert not discover().broken
    for folder in folders:
        assert (SOURCE / "capabilities" / folder / "README.md").is_file()
