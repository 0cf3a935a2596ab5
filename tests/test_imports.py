"""Importing is light: what a package or module of core brings with it, each in a fresh process."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import goldenbatch

HEAVY = frozenset(
    "pyarrow numpy duckdb deltalake scipy sklearn pint fastapi uvicorn typer rich reportlab"
    " openpyxl cryptography argon2 httpx jinja2 chemotools pydantic_settings PIL".split()
)
PYDANTIC = frozenset(
    ["annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"]
)
HELP = "goldenbatch --help"

ALLOWED: dict[str, frozenset[str]] = {
    HELP: frozenset(["rich", "typer"]),
}
"""What may come beyond the standard library and pydantic, by module: of core not even the
arrays of `series`, which come when they are used. An entry that is not needed is a failure."""

# One child a module, forked before anything but pydantic is imported.
PROGRAM = """
import importlib, json, os, sys
import pydantic

def load(name):
    if name != "goldenbatch --help":
        return importlib.import_module(name)
    from goldenbatch.apps.cli import run
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    assert run(["--help"]) == 0

def loaded(name):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        known = set(sys.modules)
        try:
            load(name)
            found = sorted({one.partition(".")[0] for one in set(sys.modules) - known})
        except BaseException as error:
            found = repr(error)
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        found = json.loads(answer.read())
    os.waitpid(child, 0)
    return found

print(json.dumps({name: loaded(name) for name in json.loads(sys.argv[1])}))
"""


def modules() -> Iterator[tuple[str, bool]]:
    """All modules of the package and whether each is a package."""
    yield "goldenbatch", True
    for one in pkgutil.walk_packages(goldenbatch.__path__, "goldenbatch."):
        if one.name != "goldenbatch.__main__":
            yield one.name, one.ispkg


def light_ones() -> list[str]:
    """Packages, all of core, and the manifests of capabilities."""
    return [
        name
        for name, is_package in modules()
        if is_package or name.startswith("goldenbatch.core.") or name.endswith("._capability")
    ]


@pytest.fixture(scope="module")
def brought() -> dict[str, set[str]]:
    """Libraries that each light module brings, measured."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, json.dumps([*light_ones(), HELP])],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    wrong = {name: value for name, value in found.items() if isinstance(value, str)}
    assert not wrong, f"cannot be imported alone: {wrong}"
    return {
        name: {
            one
            for one in value
            if one not in sys.stdlib_module_names
            and one != "goldenbatch"
            and not one.startswith("_sysconfigdata")
        }
        for name, value in found.items()
    }


@pytest.mark.parametrize("name", [*light_ones(), HELP])
def test_brings_no_more_than_it_may(brought: dict[str, set[str]], name: str) -> None:
    allowed = ALLOWED.get(name, frozenset())
    assert not (brought[name] & HEAVY) - allowed
    if name.startswith("goldenbatch.core"):
        assert brought[name] <= PYDANTIC | allowed


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_no_permission_is_stale(brought: dict[str, set[str]], name: str) -> None:
    assert name in brought, f"{name} is gone: take it off the list"
    unused = ALLOWED[name] - brought[name]
    assert not unused, f"{name} does not bring {sorted(unused)} any more: take them off the list"


def test_the_measurement_sees_what_is_heavy() -> None:
    """Modules that do bring heavy libraries are measured so; else the above would prove nothing."""
    names = ["goldenbatch.stores.historian.historian", "goldenbatch.science.latent.pca"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, json.dumps(names)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert {"pyarrow", "numpy"} <= set(found[names[0]])
    assert "numpy" in found[names[1]]


def test_every_name_on_the_list_is_installed() -> None:
    assert [name for name in sorted(HEAVY) if find_spec(name) is None] == []


def test_the_package_itself_holds_its_version_and_nothing_else() -> None:
    text = Path(goldenbatch.__file__).read_text(encoding="utf-8")
    assert "import" not in text.replace("__future__ import", "")
    public = [name for name in vars(goldenbatch) if not name.startswith("_")]
    installed = {name.partition(".")[2].partition(".")[0] for name, _ in modules()}
    assert set(public) <= installed | {"annotations"}


@pytest.mark.parametrize("name", [name for name, is_package in modules() if is_package])
def test_packages_are_lazy_and_say_what_is_public(name: str) -> None:
    import importlib

    package = importlib.import_module(name)
    public = getattr(package, "__all__", [])
    assert len(public) == len(set(public)) <= 25
    for one in public:
        assert getattr(package, one) is not None


def test_times_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Absolute times are shown, never asserted: they are the machine's."""
    times = {}
    for label, arguments in {
        "python": ["-c", "pass"],
        "import goldenbatch": ["-c", "import goldenbatch"],
        "goldenbatch --help": ["-m", "goldenbatch", "--help"],
    }.items():
        took = []
        for _ in range(3):
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
            took.append(time.perf_counter() - began)
        times[label] = min(took)
    with capsys.disabled():
        print(" | ".join(f"{label} {1000 * one:.0f} ms" for label, one in times.items()), end=" ")
    assert all(one > 0 for one in times.values())
