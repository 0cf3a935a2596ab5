"""Bad files through the command line: refused or quarantined with file and line; totals add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration import mill

ROWS = mill.press_rows(3600, 12, 1)


def text(rows: list[list[str]], head: list[str] = mill.PRESS_HEAD) -> str:
    return "".join(";".join(row) + "\n" for row in [head, *rows])


GOOD = text(ROWS)


def take(home: Path, files: Path, data: bytes, name: str = "press1.csv") -> mill.Done:
    """Import the bytes as a file of the press; a second import must then add nothing."""
    (files / name).write_bytes(data)
    done = mill.here("import", "press", "--data", files, home=home, expect=None)
    if done.code == 0:
        for one in done.json["files"]:
            parts = ("n_accepted", "n_unchanged", "n_rejected", "n_conflicts")
            assert sum(one[part] for part in parts) == one["n_rows"]
        before = mill.here("status", home=home).json
        mill.here("import", "press", "--data", files, home=home)
        assert mill.here("status", home=home).json == before
    assert mill.here("verify", home=home).json["is_ok"]
    return done


def the_file(done: mill.Done) -> dict[str, Any]:
    assert done.code == 0, (done.out, done.err)
    (one,) = done.json["files"]
    return one


def quarantined(home: Path) -> list[dict[str, Any]]:
    answer = mill.here("quarantine", "--rows", home=home).json
    assert answer["n_rows"] == len(answer["rows"])
    return answer["rows"]


WHOLE_FILE = {
    "binary": (bytes(range(256)) * 40, "press1.csv: the file is not utf-8 text (byte 128)"),
    "empty": (b"", "press1.csv: the file is empty"),
    "another encoding": (
        GOOD.replace("run", "läuft").encode("cp1250"), "press1.csv: the file is not utf-8 text",
    ),
    "a spreadsheet": (b"PK\x03\x04" + bytes(200), "press1.csv: this is an Excel or ZIP file"),
    "a column is gone": (
        text([[row[0], row[1], row[3]] for row in ROWS], ["at", "force", "state"]).encode(),
        "press1.csv:1:speed: column 'speed' of table 'press' is not in the file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE_FILE)
def test_a_file_that_cannot_be_read_is_refused_whole(home: Path, files: Path, case: str) -> None:
    data, message = WHOLE_FILE[case]
    done = take(home, files, data)
    assert done.code == 3
    assert message in done.json["message"]
    assert done.json["hint"]
    assert done.err.startswith("Error: press1.csv:")
    assert "Traceback" not in done.err
    assert mill.contents(home)[mill.FORCE] == []
    # Corrected, it comes in.
    assert the_file(take(home, files, GOOD.encode()))["n_accepted"] == len(ROWS)


def test_one_bad_file_does_not_undo_the_good_ones(home: Path, files: Path) -> None:
    (files / "press0.csv").write_text(text(ROWS[:5]))
    (files / "press2.csv").write_text(text(ROWS[5:]))
    assert take(home, files, b"\xff\x00\x01" * 50).code == 3
    assert take(home, files, text(ROWS[3:7]).encode()).code == 0
    assert len(mill.contents(home)[mill.FORCE]) == len(ROWS)


def test_a_truncated_file(home: Path, files: Path) -> None:
    cut = GOOD.encode()[:-12]
    one = the_file(take(home, files, cut))
    assert (one["n_rows"], one["n_accepted"], one["n_rejected"]) == (12, 11, 1)
    assert "may be cut off" in " ".join(one["notes"])
    assert one["problems"][0]["line"] == 13
    (row,) = quarantined(home)
    assert (row["file"], row["line"], row["raw"]) == (
        "press1.csv",
        13,
        cut.decode().split("\n")[-1],
    )
    # The whole file later adds just what was missing.
    assert the_file(take(home, files, GOOD.encode()))["n_accepted"] == 1


def test_another_order_of_columns_and_unknown_ones(home: Path, files: Path) -> None:
    head = ["state", "speed", "note", "at", "force"]
    rows = [[state, speed, "x", at, force] for at, force, speed, state in ROWS]
    one = the_file(take(home, files, text(rows, head).encode()))
    assert one["n_accepted"] == len(ROWS)
    assert "columns that the card does not name: note" in one["notes"]
    before = mill.contents(home)
    again = the_file(take(home, files, GOOD.encode()))
    assert again["n_unchanged"] == len(ROWS)
    assert mill.contents(home) == before


def test_a_byte_order_mark_and_utf_16_are_told_by_themselves(home: Path, files: Path) -> None:
    assert the_file(take(home, files, GOOD.encode("utf-8-sig")))["n_accepted"] == len(ROWS)
    assert the_file(take(home, files, GOOD.encode("utf-16")))["n_unchanged"] == len(ROWS)


@pytest.mark.parametrize("unit", ["Cel", "kNx"])
def test_a_unit_that_cannot_convert(home: Path, files: Path, unit: str) -> None:
    card = home / "cards" / "press.toml"
    card.write_text(mill.CARDS["press"].replace('"kN"', f'"{unit}"'))
    done = take(home, files, GOOD.encode())
    assert done.code == 3
    assert f"'{unit}'" in done.json["message"]
    assert done.json["hint"]
    assert mill.contents(home)[mill.FORCE] == []


def day(date: str, *times: str) -> bytes:
    return text([[f"{date} {one}", "1,5", "900", "run"] for one in times]).encode()


def test_the_repeated_hour_is_told_by_the_order_of_rows(home: Path, files: Path) -> None:
    times = ("01:59:00", "02:10:00", "02:50:00", "02:10:00", "02:50:00", "03:10:00")
    one = the_file(take(home, files, day("2021-10-31", *times)))
    assert one["n_accepted"] == 6
    minutes = [at // 60_000_000 for at, *_ in mill.contents(home)[mill.FORCE]]
    assert [one - minutes[0] for one in minutes] == [0, 11, 51, 71, 111, 131]


def test_a_repeated_hour_that_nothing_tells_is_quarantined(home: Path, files: Path) -> None:
    one = the_file(take(home, files, day("2021-10-31", "02:30:00")))
    assert (one["n_accepted"], one["n_rejected"], one["reasons"]) == (0, 1, {"time": 1})
    (row,) = quarantined(home)
    assert row["line"] == 2
    assert "repeated hour of Europe/Ljubljana" in row["reason"]
    assert row["raw"] == "2021-10-31 02:30:00;1,5;900;run"


def test_the_missing_hour_is_refused(home: Path, files: Path) -> None:
    one = the_file(take(home, files, day("2021-03-28", "01:59:00", "02:30:00", "03:00:00")))
    assert (one["n_accepted"], one["n_rejected"]) == (2, 1)
    (row,) = quarantined(home)
    assert (row["line"], row["raw"]) == (3, "2021-03-28 02:30:00;1,5;900;run")
    assert "does not exist" in row["reason"]
    (first, second) = mill.contents(home)[mill.FORCE]
    assert second[0] - first[0] == 60_000_000


def test_rows_that_cannot_be_taken_are_kept_word_by_word(home: Path, files: Path) -> None:
    bad = ["2021-03-01 01:00:20;x;900;run", "soon;1;900;run", "2021-03-01 01:00:21;1;9\x000;run"]
    data = GOOD + "".join(f"{one}\n" for one in bad)
    one = the_file(take(home, files, data.encode()))
    assert (one["n_rows"], one["n_accepted"], one["n_rejected"]) == (15, 12, 3)
    assert one["reasons"] == {"number": 1, "time": 1, "binary": 1}
    kept = quarantined(home)
    assert [(row["line"], row["raw"]) for row in kept] == list(zip([14, 15, 16], bad, strict=True))
    imports = mill.here("imports", home=home).json["import_files"]
    assert [row["n_rejected"] for row in imports] == [3]


def test_a_quote_without_its_end_loses_no_row(home: Path, files: Path) -> None:
    lines = GOOD.splitlines(keepends=True)
    lines[4] = lines[4].replace("run", '"run')
    one = the_file(take(home, files, "".join(lines).encode()))
    assert (one["n_rows"], one["n_accepted"], one["n_rejected"]) == (12, 3, 9)
    kept = quarantined(home)
    assert [row["line"] for row in kept] == list(range(5, 14))
    assert [f"{row['raw']}\n" for row in kept] == lines[4:]
    # Corrected at its source, the file brings the rest.
    assert the_file(take(home, files, GOOD.encode()))["n_accepted"] == 9


def test_the_program_tells_a_person(home: Path, files: Path) -> None:
    """Without --json: a table on stdout, the refused rows with file, line and reason."""
    import subprocess

    (files / "press1.csv").write_bytes(day("2021-03-28", "01:59:00", "02:30:00"))
    done = subprocess.run(
        mill.command("import", "press", "--data", files, home=home),
        capture_output=True, text=True, check=True, env=mill.environment(),
    )  # fmt: skip
    assert "quarantine --rows" in done.stdout
    assert "press1.csv" in done.stdout
    assert "does not exist in Europe/Ljubljana" in " ".join(done.stdout.split())
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)
