"""A small plant whose files are made by a seed: press, near-infrared, laboratory.

Everything goes through the command line and real files, as a site would do it.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSWORD = "a long password"
PRESS = "site/line/press"
FORCE, SPEED, STATE = f"{PRESS}/force", f"{PRESS}/speed", f"{PRESS}/state"
SPECTRUM, CALIBRATION = f"{PRESS}/spectrum", "site/lab/nir/spectrum"
AXIS = [1000.0 + 10 * place for place in range(24)]

PLANT = """name = "mill"
version = "1"

[[places]]
path = "site"
level = "site"
[[places]]
path = "site/line"
level = "area"
[[places]]
path = "site/line/press"
level = "unit"
[[places]]
path = "site/lab"
level = "area"
[[places]]
path = "site/lab/nir"
level = "unit"

[[tags]]
name = "site/line/press/force"
unit = "N"
[[tags]]
name = "site/line/press/speed"
unit = "1"
[[tags]]
name = "site/line/press/state"
kind = "text"
[[tags]]
name = "site/line/press/spectrum"
kind = "array"
unit = "1"
[[tags]]
name = "site/lab/nir/spectrum"
kind = "array"
unit = "1"

[[materials]]
code = "standards"
name = "Calibration standards"
attributes = [{ name = "content", unit = "%" }]

[[products]]
code = "P"
name = "Tablets"
attributes = [
    { name = "hardness", unit = "N", is_critical = true },
    { name = "content", unit = "%", is_critical = true },
]
"""

CARDS = {
    "press": """name = "press"
zone = "Europe/Ljubljana"

[[table]]
name = "press"
files = ["press*.csv"]
separator = ";"
decimal = ","
time = { column = "at" }

[[table.tag]]
tag = "site/line/press/force"
column = "force"
unit = "kN"

[[table.tag]]
tag = "site/line/press/speed"
column = "speed"
unit = "1"

[[table.tag]]
tag = "site/line/press/state"
column = "state"
kind = "text"
is_on_change = true
""",
    "nir": """name = "nir"
zone = "UTC"

[[table]]
name = "spectra"
files = ["nir*.csv"]
time = { column = "at" }
[[table.array]]
tag = "site/line/press/spectrum"
first = "1000.0"
unit = "1"
axis_unit = "nm"
""",
    "standards": """name = "standards"
zone = "UTC"

[[table]]
name = "spectra"
files = ["standard_spectra.csv"]
time = { base = "2020-01-02T08:00:00", every = "10 min" }
[[table.array]]
tag = "site/lab/nir/spectrum"
unit = "1"
axis_unit = "nm"

[[table]]
name = "results"
files = ["standard_results.csv"]
time = { base = "2020-01-02T08:00:00", every = "10 min" }
[[table.lot]]
material = "standards"
lot = "1"
[[table.sample]]
sample = "standard/{row:02d}"
material = "standards"
lot = "1"
result = [{ column = "content", unit = "%" }]
""",
    "lab": """name = "lab"
zone = "Europe/Ljubljana"

[[table]]
name = "lab"
files = ["lab*.csv"]
separator = ";"
[[table.batch]]
batch = "{batch}"
product = "P"
size = "1000 {{tbl}}"
started = { column = "started" }
[[table.lot]]
material = "powder"
lot = "{lot}"
[[table.material]]
batch = "{batch}"
material = "powder"
lot = "{lot}"
[[table.sample]]
sample = "{batch}/cores"
batch = "{batch}"
taken = "none"
result = [{ column = "hardness", unit = "N" }]
""",
}

ANALYSTS = {
    "hardness": """analyst = "monitoring.charts"
[settings]
attributes = ["hardness"]
n_reference = 12
""",
    "content": """analyst = "monitoring.soft_sensor"
[settings]
is_always = true
tag = "site/line/press/spectrum"
attribute = "content"
unit = "%"
n_outside = 3
n_inside = 6
[settings.calibration]
samples = "standard/*"
tag = "site/lab/nir/spectrum"
order = []
n_components_max = 3
""",
}


@dataclass
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(*arguments: Any, home: Path | None = None) -> list[str]:
    """The program as a shell would start it."""
    where = ["--home", str(home)] if home else []
    return [sys.executable, "-m", "goldenbatch", *map(str, arguments), *where]


def program(*arguments: Any, home: Path | None = None, expect: int | None = 0) -> Done:
    """Run the program in a process of its own."""
    done = subprocess.run(
        command(*arguments, "--json", home=home),
        capture_output=True, text=True, check=False, timeout=300, env=environment(),
    )  # fmt: skip
    assert expect is None or done.returncode == expect, (arguments, done.stdout, done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


def here(*arguments: Any, home: Path | None = None, expect: int | None = 0) -> Done:
    """Run a command line in this process: the same code without the start of Python."""
    import contextlib
    import io

    from goldenbatch.apps.cli import run

    out, err = io.StringIO(), io.StringIO()
    where = ["--home", str(home)] if home else []
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*map(str, arguments), "--json", *where])
    done = Done(code, out.getvalue(), err.getvalue())
    assert expect is None or code == expect, (arguments, done.out, done.err)
    return done


def environment() -> dict[str, str]:
    """The environment of a subprocess: without settings of the caller."""
    drop = ("GOLDENBATCH_HOME", "GOLDENBATCH_PASSWORD", "GOLDENBATCH_DEBUG", "COV_CORE_SOURCE")
    return {name: value for name, value in os.environ.items() if name not in drop}


def write(path: Path, rows: Sequence[Sequence[Any]], separator: str = ";") -> Path:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows(rows)
    return path


def press_rows(start_s: int, n: int, seed: int) -> list[list[str]]:
    """Rows of the press from a second of the day on, with decimal commas and a gap."""
    draw, rows = random.Random(seed), []
    for second in range(start_s, start_s + n):
        force = f"{draw.gauss(12, 0.2):.3f}".replace(".", ",") if draw.random() > 0.02 else ""
        at = f"2021-03-01 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        rows.append([at, force, str(draw.randrange(900, 1100)), "run" if second % 50 else "stop"])
    return rows


PRESS_HEAD = ["at", "force", "speed", "state"]
LAB_HEAD = ["batch", "started", "lot", "hardness"]


def spectrum(content: float, draw: random.Random, odd: float = 0.0) -> list[str]:
    """A spectrum of two bands and noise; `odd` adds a band that no standard has."""
    import math

    values = []
    for axis in AXIS:
        band = math.exp(-(((axis - 1080) / 30) ** 2))
        other = math.exp(-(((axis - 1170) / 25) ** 2))
        strange = math.exp(-(((axis - 1020) / 12) ** 2))
        value = 0.2 + 0.01 * content * band + 0.4 * other * (1 - content / 200)
        values.append(f"{value + odd * strange + draw.gauss(0, 0.0005):.6f}")
    return values


def spectra_rows(minutes: Sequence[int], seed: int, odd: float = 0.0) -> list[list[str]]:
    """Spectra of the press, one a minute."""
    draw = random.Random(seed)
    return [
        [f"2021-03-01T{minute // 60:02d}:{minute % 60:02d}:00", *spectrum(95.0, draw, odd)]
        for minute in minutes
    ]


NIR_HEAD = ["at", *map(str, AXIS)]


def lab_rows(numbers: Sequence[int], seed: int, **special: float) -> list[list[str]]:
    """Results of batches by number; `b7=80.0` gives batch 7 a value of its own."""
    draw = random.Random(seed)
    return [
        [
            f"B{number:03d}", f"2021-03-{1 + number % 28:02d} 06:00:00", f"L{number // 5}",
            f"{special.get(f'b{number}', draw.gauss(100, 2)):.1f}",
        ]
        for number in numbers
    ]  # fmt: skip


def standards(folder: Path) -> None:
    """Spectra of calibration standards and their contents."""
    draw = random.Random(7)
    contents = [80 + 1.25 * place for place in range(24)]
    write(folder / "standard_spectra.csv", [AXIS, *(spectrum(one, draw) for one in contents)], ",")
    write(folder / "standard_results.csv", [["content"], *([one] for one in contents)], ",")


def new_home(home: Path, files: Path) -> None:
    """A home of the mill with its cards and analyst files; nothing imported yet."""
    files.mkdir(parents=True, exist_ok=True)
    (files / "plant.toml").write_text(PLANT)
    here("init", home, "--plant", files / "plant.toml", "--zone", "Europe/Ljubljana")
    for folder, texts in (("cards", CARDS), ("analysts", ANALYSTS)):
        (home / folder).mkdir(exist_ok=True)
        for name, text in texts.items():
            (home / folder / f"{name}.toml").write_text(text)


@contextmanager
def opened(home: Path) -> Iterator[Any]:
    """The home under its lock."""
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(home) as site:
        yield site


def contents(home: Path, tags: Sequence[str] = (FORCE, SPEED, STATE)) -> dict[str, list[Any]]:
    """All readings of tags as they stand now: (time, value, quality)."""
    with opened(home) as site:
        found: dict[str, list[Any]] = {}
        known = site.historian.tags()
        for tag in tags:
            if tag not in known:
                found[tag] = []
                continue
            table = site.historian.read([tag], (0, 2**61)).table
            times = table.column("time").cast("int64").to_pylist()
            rows = zip(
                times, table.column("value").to_pylist(), table.column("quality").to_pylist(),
                strict=True,
            )  # fmt: skip
            found[tag] = list(rows)
        return found


def everything(home: Path) -> dict[str, list[Any]]:
    """All readings of all tags; arrays as their numbers."""
    with opened(home) as site:
        tags = sorted(site.historian.tags())
    return contents(home, tags)


def live_a_life(home: Path, files: Path) -> None:
    """Late spectra and results, corrected spectra and results, each found by an analyst."""
    standards(files)
    here("import", "standards", "--data", files, home=home)
    for name in ANALYSTS:
        here("adopt", name, name, home=home)
    here("fit", "content", home=home)

    def take(card: str, *more: str) -> Any:
        answer = here("import", card, "--data", files, *more, home=home).json
        for path in files.glob("*.csv"):
            path.unlink()
        here("run", home=home)
        return answer

    # A batch's spectra, the last of which are odd; minutes 10 to 14 come too late.
    on_time = [*range(10), *range(15, 30)]
    rows = [*spectra_rows(on_time, 1), *spectra_rows(range(30, 36), 2, odd=0.3)]
    write(files / "nir1.csv", [NIR_HEAD, *rows], ",")
    assert take("nir")["n_readings"] == 31
    write(files / "lab1.csv", [LAB_HEAD, *lab_rows(range(1, 22), 3, b20=70.0, b21=71.0)])
    take("lab")
    write(files / "nir2.csv", [NIR_HEAD, *spectra_rows(range(10, 15), 4, odd=0.3)], ",")
    assert take("nir")["n_accepted"] == 5
    write(files / "lab2.csv", [LAB_HEAD, *lab_rows([0, 30], 5, b30=140.0)])
    assert take("lab")["n_accepted"] == 2
    # The odd spectra were of a dirty window, the odd result a typing error.
    write(files / "nir3.csv", [NIR_HEAD, *spectra_rows(range(30, 36), 6)], ",")
    assert take("nir", "--correct", "window was dirty, measured again")["n_accepted"] == 6
    write(files / "lab3.csv", [LAB_HEAD, *lab_rows([20], 3, b20=100.0)])
    assert take("lab", "--correct", "typing error")["n_accepted"] == 1
    write(files / "press1.csv", [PRESS_HEAD, *press_rows(0, 40, 9), ["soon", "1", "1", "run"]])
    assert take("press")["n_rejected"] == 1
    here("flush", home=home)
    # From here on readings stand in the frame log alone.
    write(files / "nir4.csv", [NIR_HEAD, *spectra_rows(range(36, 46), 8)], ",")
    take("nir")
    write(files / "press2.csv", [PRESS_HEAD, *press_rows(40, 30, 10)])
    take("press")
    decide(home)


def decide(home: Path) -> None:
    """A person who may decides on the first finding, signed."""
    with opened(home) as site:
        site.people.add("ann", "Ann Kos", PASSWORD)
        site.people.grant("ann", "quality_reviewer", "trained")
        uid = site.ledger.select("finding")[0]["uid"]
        site.decide(uid, "confirmed", "seen", "ann", PASSWORD)
