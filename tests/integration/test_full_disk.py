"""A disk that fills up in the middle of an import: refused clearly, whole again with room."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.crashes import Truth
from tests.integration import mill

N_ROWS = 6000


@pytest.fixture()
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB of its own."""
    folder, program = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    command = [program or "mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if program else None
    if done is None or done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr if done else 'no mount'}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def press_files(files: Path, truth: Truth) -> None:
    for number in range(2):
        rows = mill.press_rows(3600 + number * N_ROWS, N_ROWS, number)
        mill.write(files / f"press{number}.csv", [mill.PRESS_HEAD, *rows])
        truth.press(rows)


def is_whole(home: Path, truth: Truth) -> None:
    """Everything is there once, and verification passes."""
    stored = mill.contents(home)
    for tag in (mill.FORCE, mill.SPEED):
        assert len(stored[tag]) == len(truth.readings[tag])
        for at, value, _ in stored[tag]:
            told = truth.readings[tag][at]
            assert value == (told if told is None else pytest.approx(told))
    assert mill.here("verify", home=home).json["is_ok"]


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """One line that says so, no traceback, a code of its own."""
    assert done.returncode == 74, (done.returncode, done.stdout, done.stderr)
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    assert any(word in text for word in ("No space", "too large", "See to the disk")), text


def run(home: Path, *arguments: str, limit: int = 0) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if limit:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    return subprocess.run(
        mill.command(*arguments, "--json", home=home), capture_output=True, text=True, check=False,
        timeout=120, env=mill.environment(), preexec_fn=limited,
    )  # fmt: skip


@pytest.mark.parametrize("room_kb", [40, 300])
def test_a_full_disk(small_disk: Path, _empty_mill: Path, files: Path, room_kb: int) -> None:
    home, truth = small_disk / "home", Truth()
    shutil.copytree(_empty_mill, home)
    press_files(files, truth)
    with (small_disk / "filler").open("wb") as filler:
        free = shutil.disk_usage(small_disk).free
        filler.write(bytes(max(0, free - room_kb * 1024)))
    refused(run(home, "import", "press", "--data", str(files)))
    (small_disk / "filler").unlink()
    assert mill.here("verify", home=home).json["is_ok"]
    assert run(home, "import", "press", "--data", str(files)).returncode == 0
    assert run(home, "flush").returncode == 0
    is_whole(home, truth)


@pytest.mark.parametrize("limit_kb", [64])
def test_a_file_that_may_not_grow(home: Path, files: Path, limit_kb: int) -> None:
    truth = Truth()
    press_files(files, truth)
    refused(run(home, "import", "press", "--data", str(files), limit=limit_kb * 1024))
    assert mill.here("verify", home=home).json["is_ok"]
    mill.here("import", "press", "--data", files, home=home)
    is_whole(home, truth)


def test_a_disk_that_fills_while_the_log_is_handed_over(
    small_disk: Path, _empty_mill: Path, files: Path
) -> None:
    home, truth = small_disk / "home", Truth()
    shutil.copytree(_empty_mill, home)
    press_files(files, truth)
    mill.here("import", "press", "--data", files, home=home)
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(max(0, shutil.disk_usage(small_disk).free - 30 * 1024)))
    refused(run(home, "flush"))
    (small_disk / "filler").unlink()
    is_whole(home, truth)
    mill.here("flush", home=home)
    is_whole(home, truth)
