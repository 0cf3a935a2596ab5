"""Every code block of README, CONTRIBUTING and docs holds; every link leads somewhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.blocks import INSTALLED, blocks, run_block

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(p for p in (ROOT / "docs").rglob("*.md") if "campaigns" not in p.parts),
        *(ROOT / "src").rglob("README.md"),
    ]
)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


ELSEWHERE = {"CONTRIBUTING.md", "model-life.md", "real-time-release.md", "serving.md"}
RUN = [page for page in PAGES if page.name not in ELSEWHERE]
"""Pages run here; CONTRIBUTING is run by test_contributing, the life of a model by
tests/integration/test_model_life.py, serving by tests/runtime/serving/test_page.py, real-time
release by tests/capabilities/monitoring/release/test_how_to.py, which look at what they made."""


@pytest.mark.parametrize("page", RUN, ids=page_id)
def test_every_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # readers stand in the repository
    names: dict[str, object] = {"__name__": "docs"}
    if page == ROOT / "README.md":
        names[INSTALLED] = True
    try:
        for block in blocks(page):
            try:
                run_block(block, tmp_path, ROOT, names)
            except Exception as error:
                raise AssertionError(f"{page_id(page)}:{block.line}: {error}") from error
    finally:
        for path in tmp_path.glob("*.pid"):  # what a failed page left running
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_local_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        path = (page.parent / target.split("#")[0]).resolve()
        assert path.exists(), f"{page_id(page)} links to {target}, which is not there"


def test_a_broken_block_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nraise ValueError('seen')\n```\n", encoding="utf-8")
    with pytest.raises(ValueError, match="seen"):
        run_block(blocks(page)[0], tmp_path, ROOT, {})
    page.write_text("```bash\nfalse\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="exit 1"):
        run_block(blocks(page)[0], tmp_path, ROOT, {})


def test_what_a_block_exports_is_there_in_the_next(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nexport SEEN='a b'\n```\n"
        "```bash\ntest \"$SEEN\" = 'a b' && echo ok > made.txt\n```\n"
        '```toml title="folder/file.toml"\nkey = 1\n```\n',
        encoding="utf-8",
    )
    names: dict[str, object] = {}
    for block in blocks(page):
        run_block(block, tmp_path, ROOT, names)
    assert (tmp_path / "made.txt").read_text() == "ok\n"
    assert (tmp_path / "folder" / "file.toml").read_text() == "key = 1\n"


def test_a_language_that_is_not_run_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\ntrue\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="language 'sh'"):
        run_block(blocks(page)[0], tmp_path, ROOT, {})


def test_the_site_builds_offline(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for page in tmp_path.rglob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), f"a fence of {page} is shown raw"
    tutorial = (tmp_path / "tutorial.html").read_text(encoding="utf-8")
    assert "File <code>home/cards/press.toml</code>:" in tutorial
    assert not list(tmp_path.rglob("*.py"))
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link)[^>]+(?:src|href)="(https?:[^"]+)"', index)
    assert not [url for url in loaded if "canonical" not in url], loaded
