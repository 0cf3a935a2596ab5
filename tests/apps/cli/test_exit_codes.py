"""What goes wrong: one line, a hint, an exit code; never a traceback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from goldenbatch.apps.cli import run
from goldenbatch.apps.cli._failure import failed
from goldenbatch.apps.cli._session import Session
from goldenbatch.core import errors
from goldenbatch.core.errors import GoldenbatchError

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md"


@pytest.fixture(autouse=True)
def _outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOLDENBATCH_HOME", raising=False)
    monkeypatch.delenv("GOLDENBATCH_DEBUG", raising=False)


def test_no_home_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["findings"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "is not a home" in err and "goldenbatch init" in err
    assert "Traceback" not in err


def test_errors_in_json_are_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["findings", "--json"]) == 4
    out, _ = capsys.readouterr()
    assert json.loads(out).keys() == {"error", "message", "hint"}
    assert json.loads(out)["error"] == "NotFoundError"


@pytest.mark.parametrize(
    "line", [["findigs"], ["findings", "--nonsense"], ["decide"], ["findings", "--limit", "x"], []]
)
def test_mistakes_in_the_call_are_code_2(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["findigs"])
    assert "findings" in capsys.readouterr().err


def test_an_unexpected_error_leaves_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home.toml").write_text("")
    assert failed(ZeroDivisionError("one by nought"), Session()) == 70
    err = capsys.readouterr().err
    reports = list((tmp_path / "state").glob("error-*.txt"))
    assert len(reports) == 1 and str(reports[0]) in err.replace("\n", "")
    assert "ZeroDivisionError: one by nought" in reports[0].read_text()
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOLDENBATCH_DEBUG", "1")
    run(["findings"])
    assert "Traceback" in capsys.readouterr().err


def test_the_document_names_every_code() -> None:
    """The table lists each class of error with the code that it really has."""
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code) for code, _ in rows}
    classes = {
        one for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, GoldenbatchError)
    }  # fmt: skip
    from goldenbatch.runtime.remote import NodeError

    for cls in {*classes, NodeError}:
        assert cls.exit_code in documented, cls.__name__
    assert {0, 2, 70, 74, 130} <= documented


def test_as_a_program(tmp_path: Path) -> None:
    """The installed program itself answers with code and line."""
    environment = {name: value for name, value in os.environ.items() if "GOLDENBATCH" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "goldenbatch", "verify", "--home", str(tmp_path / "none")],
        check=False, capture_output=True, text=True, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 2
