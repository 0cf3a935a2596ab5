"""The command line starts fast: help imports nothing heavy and no command."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("pyarrow", "numpy", "duckdb", "deltalake", "fastapi", "uvicorn", "sklearn", "scipy",
         "pint", "reportlab", "openpyxl", "cryptography", "argon2", "httpx")  # fmt: skip
PROGRAM = """
import json, sys
from goldenbatch.apps.cli import run
code = run(sys.argv[1:])
loaded = sorted({name.split(".")[0] for name in sys.modules})
commands = sorted(n for n in sys.modules if n.startswith("goldenbatch.apps.cli."))
print("\\n" + json.dumps([code, loaded, commands]))
"""


def _run(*arguments: str) -> tuple[int, list[str], list[str], str]:
    # Without the test's capability from outside, whose manifest is not as lean as it should be.
    environment = {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    text, _, last = done.stdout.rstrip().rpartition("\n")
    code, loaded, commands = json.loads(last)
    return code, loaded, commands, text


@pytest.mark.parametrize(
    "arguments", [("--help",), ("batch", "--help"), ("user", "--help"), ("plant", "--help")]
)
def test_help_of_groups_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code, loaded, commands, text = _run(*arguments)
    assert code == 0
    assert "Usage" in text
    assert not set(HEAVY) & set(loaded)
    assert not [name for name in commands if not name.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("command", ["findings", "import", "verify", "evaluate", "serve", "init"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    code, loaded, _, text = _run(command, "--help")
    assert code == 0
    assert "--home" in text and "--json" in text
    assert not set(HEAVY) & set(loaded)


def test_the_list_of_heavy_modules_is_not_stale() -> None:
    """Each name on the list exists; else the test above would hold for nothing."""
    from importlib.util import find_spec

    assert [name for name in HEAVY if find_spec(name) is None] == []


def test_the_help_lists_the_commands_of_the_issue() -> None:
    _, _, _, text = _run("--help")
    for name in ("init", "import", "run", "findings", "decide", "batch", "verify", "evaluate",
                 "serve", "execution"):  # fmt: skip
        assert f" {name} " in text
