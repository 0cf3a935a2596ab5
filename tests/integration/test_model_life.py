"""The whole life of a soft sensor by commands, and three updates: passed, failed, out of plan.

The commands are those of `examples/glucose/life.sh`, each run as it stands there, on real spectra.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goldenbatch.capabilities.governance.exporting import export_model
from goldenbatch.core.errors import ConflictError
from goldenbatch.runtime.local import LocalSite
from tests.integration.browser import Browser, n_colours, pages_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/glucose/life.sh"
PAGE = ROOT / "docs/how-to/model-life.md"
VERIFIER = "goldenbatch.verifier.goldenbatch_verify"
FAILS = " || test $? = 1"
pytestmark = pytest.mark.timeout(300)


def commands(text: str) -> list[str]:
    """Lines of a shell script without comments, continued ones joined."""
    joined = text.replace("\\\n", " ")
    found = (re.sub(r"\s+", " ", line).strip() for line in joined.splitlines())
    return [one for one in found if one and not one.startswith("#")]


def python(*arguments: Any, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    call = [sys.executable, *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == expect, (arguments, done.stdout, done.stderr)
    return done


def run_line(line: str) -> dict[str, Any]:
    """Run one line of the script; a command of goldenbatch runs in this process."""
    from goldenbatch.apps.cli import run

    wanted = 1 if line.endswith(FAILS) else 0
    words = shlex.split(line.removesuffix(FAILS))
    if words[0] == "python":
        *call, _, target = words[1:]
        Path(target).write_text(python(*call).stdout)
        return {"line": line, "out": ""}
    if words[0] == "goldenbatch-verify":
        return {"line": line, "out": python("-m", VERIFIER, *words[1:]).stdout}
    assert words[0] == "goldenbatch", line
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words[1:])
    assert code == wanted, (line, out.getvalue(), err.getvalue())
    return {"line": line, "out": out.getvalue()}


def build(folder: Path) -> None:
    """Run the script in a folder, and keep what it said."""
    import argon2

    real = argon2.PasswordHasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        patch.setenv("COLUMNS", "400")
        patch.chdir(folder)
        (folder / "examples").symlink_to(ROOT / "examples")
        said = []
        for line in commands(SCRIPT.read_text()):
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                patch.setenv(name, value.strip('"'))
            else:
                said.append(run_line(line))
        (folder / "examples").unlink()
    (folder / "said.json").write_text(json.dumps(said))


@pytest.fixture(scope="module")
def life(made_once: Any) -> Path:
    """The folder in which the script ran."""
    folder: Path = made_once("model-life", build)
    return folder


def said(life: Path, start: str) -> str:
    """What the commands that begin so said, blanks as one."""
    every = json.loads((life / "said.json").read_text())
    found = [one["out"] for one in every if one["line"].startswith(start)]
    assert found, start
    return " ".join(" ".join(found).split())


def test_the_first_version_passes_a_test_that_was_sealed_before_it_was_trained(life: Path) -> None:
    told = said(life, "goldenbatch model test glucose@1")
    assert "PASSED on 9 rows" in told
    # 1.48 g/L on nine preparations that it never saw; who says the mean of the others errs by 11.6
    assert re.search(
        r"rmse at most 4: 1\.48 \(bound 2\.43\d at 95%, n = 9\); baseline 11\.\d", told
    )
    history = said(life, "goldenbatch model history")
    order = ["fixed the criteria", "sealed test set", "trained it on 9 rows of 9 batches",
             "asked to open", "read test set", "tested it on", "found it fit", "approved it as",
             "activated version 1"]  # fmt: skip
    places = [history.index(one) for one in order]
    assert places == sorted(places)


def test_one_update_passes_one_fails_and_one_is_out_of_plan(life: Path) -> None:
    assert "Outcome: in_plan_pass" in said(life, "goldenbatch model gate glucose@2")
    failed = said(life, "goldenbatch model gate glucose@3")
    assert "Outcome: in_plan_fail" in failed
    assert "A2: against the active" in failed
    outside = said(life, "goldenbatch model gate glucose@4")
    assert "Outcome: out_of_plan" in outside
    assert "not permitted: site/fermentation/bioreactor" in outside
    assert "not permitted: ethanol" in outside
    listed = said(life, "goldenbatch model list")
    for number, stage in ((1, "approved"), (2, "active"), (3, "test failed"), (4, "test failed")):
        assert f"glucose {number} {stage}" in listed
    findings = said(life, "goldenbatch findings")
    assert "Update glucose@3 failed within its plan" in findings
    assert "Update glucose@4 is out of plan" in findings


def test_the_history_reads_like_a_story_and_verifies(life: Path) -> None:
    told = said(life, "goldenbatch model history")
    for part in (
        "Dana Developer began version 1: Glucose of preparations by infrared",
        "Milan Process stated what it is for",
        "signed as reviewed by Milan Process (process_engineer), password+home-key",
        "Sonja Quality sealed test set standards-13-21",
        "Quinn Person let test set standards-13-21 be opened for version 1",
        "Tess Tester tested it on standards-13-21 (9 rows): passed",
        "Quinn Person approved it as the first version: As good as its use asks.",
        "Dana Developer proposed version 1 of change plan glucose-updates",
        "Quinn Person signed version 1 of change-plan/glucose-updates as approved",
        "began version 2 as an update of version 1 under plan glucose-updates@1 (retrain), because "
        "of preparations 10 to 12.",
        "trained it on 12 rows of 12 batches",
        "had the gate judge it under plan glucose-updates@1: in_plan_pass, all",
        "Quinn Person approved it within its plan, by model/glucose/2@",
        "Milan Process activated version 2 in place of version 1",
        "tested it on standards-13-21 (9 rows): FAILED",
        "in_plan_fail",
        "out_of_plan; product: asked glucose-standard, found ethanol",
        "events verify under the home's signed checkpoint",
    ):
        assert part in told, part
    assert "COUNTS FOR NOTHING" not in told
    assert ".." not in told
    assert "Everything is as it was recorded" in said(life, "goldenbatch verify")
    outsider = said(life, "goldenbatch-verify")
    assert "server-attested" in outsider
    assert "consistent in itself" in outsider


def test_a_change_in_the_export_is_seen(life: Path, tmp_path: Path) -> None:
    copy = tmp_path / "exported"
    shutil.copytree(life / "exported", copy)
    old, n = b"As good as its use asks", 0
    for path in sorted(copy.rglob("*")):
        if path.is_file() and old in path.read_bytes():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes().replace(old, b"As bad as its use asks!", 1))
            n += 1
    assert n
    told = python("-m", VERIFIER, copy, expect=1).stdout
    assert "NOT what was recorded" in told


def test_the_card_says_what_is_on_record(life: Path) -> None:
    page = (life / "cards/model-glucose-2.html").read_text(encoding="utf-8")
    words = html.unescape(re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page)))
    for part in (
        "demonstration home: not for GMP use",
        "glucose@2 · active · owner Process analytics",
        "As stated for version 1, which holds on.",
        "In the fermenter every spectrum lies outside its domain",
        "No present practice stands beside the test",
        "intended use stated Milan Process process_engineer reviewed",
        "Outcome: in plan, passed.",
        "Version 2 serves.",
    ):
        assert part in words, part
    assert "version 1: 1.48; version 2: 1.29; version 3: 3.62; version 4: 13.1" in words
    assert page.count("<figure>") == 1
    assert "<script" not in page
    assert page.index('id="verification"') < page.index('id="validation"')
    assert (life / "cards/model-glucose-2.pdf").read_bytes().startswith(b"%PDF-1.7")
    assert "Consistent in itself" in said(life, "goldenbatch verify --proof")


def test_the_card_can_be_seen(life: Path, tmp_path: Path, program: Any) -> None:
    browser = Browser(program("chromium", "chromium-browser", "google-chrome"), tmp_path)
    picture = browser.picture(life / "cards/model-glucose-2.html", tmp_path / "page.png")
    assert n_colours(picture) > 20
    pages = pages_of(program("pdftoppm"), life / "cards/model-glucose-2.pdf", tmp_path / "pages")
    assert 4 <= len(pages) <= 8
    assert all(n_colours(one) > 10 for one in pages)


def test_the_page_shows_the_commands_that_are_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    script = commands(SCRIPT.read_text())
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.M | re.S)
    shown = [commands(one) for one in blocks]
    assert [line for some in shown for line in some] == script


def test_a_version_is_given_back_to_the_ecosystem(life: Path, tmp_path: Path) -> None:
    home = next(path.parent for path in sorted(life.rglob("home.toml")))
    with LocalSite.open(home, read_only=True) as site:
        told = export_model(site, "glucose", 1, tmp_path / "out")
        with pytest.raises(ConflictError, match="not empty"):
            export_model(site, "glucose", 1, tmp_path / "out")
        artefact = site.registry.get(told["digest"])
    assert (told["model"], told["stage"]) == ("glucose@1", "approved")
    contents = [Path(one).read_bytes() for one in told["files"]]
    assert artefact in contents
    card = next(json.loads(one) for one in contents if b"intended_use" in one)
    assert card["trained"]["digest"] == told["digest"]
    assert card["approved"]["basis"] == "first"
    described = json.loads((tmp_path / "out" / "MLmodel").read_text())
    assert described["metadata"]["goldenbatch_model"] == "glucose@1"
