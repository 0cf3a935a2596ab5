"""Find the code blocks of a Markdown page and run them in order, in one folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.docs.program import program_folder

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```", re.M | re.S
)
TITLE = re.compile(r'title="([^"]+)"')
ILLUSTRATION = {"text", "mermaid"}
EXPORTED = "exported environment"
INSTALLED = "installed program"
"""Among the names of a page: its commands are run by the program as it is installed."""
BOOKKEEPING = {"_", "SHLVL", "PWD", "OLDPWD"}


@dataclass(frozen=True)
class Block:
    """A fenced block: language, optional file title, text, line in the page."""

    language: str
    title: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        info = match["info"].strip()
        indent = len(match["indent"])
        body = "\n".join(line[indent:] for line in match["body"].split("\n"))
        title = TITLE.search(info)
        language = re.split(r"[\s{]", info)[0]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(language, title[1] if title else "", body, line))
    return found


def run_block(block: Block, folder: Path, root: Path, names: dict[str, object]) -> None:
    """Execute or parse one block; raises where it does not hold."""
    if block.title:
        target = folder / block.title
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
    if block.language == "python" and not block.title:
        exec(compile(block.text, f"block at line {block.line}", "exec"), names)
    elif block.language == "bash":
        _shell(block.text, folder, root, names)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "json":
        json.loads(block.text)
    elif block.language not in ILLUSTRATION and not block.title:
        raise AssertionError(f"line {block.line}: a block of language {block.language!r}")


def _shell(text: str, folder: Path, root: Path, names: dict[str, object]) -> None:
    """Run a shell block; what it exports is there in the next one, as in a terminal.

    `make` and `git clone` are checked, as they would run this again.
    """
    script = []
    for line in text.splitlines():
        if line.startswith("make "):
            target = line.split("#")[0].split()[1:]
            subprocess.run(["make", "-n", *target], cwd=root, check=True, capture_output=True)
        elif not line.startswith("git clone"):
            script.append(line)
    kept = folder / ".environment"
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if INSTALLED not in names:
        places.insert(0, str(program_folder()))
    exported = names.get(EXPORTED, {})
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(places),
        "REPO": str(root),
        "NO_COLOR": "1",
        "COLUMNS": "160",
        **(exported if isinstance(exported, dict) else {}),
    }
    script = [f"trap 'env -0 > {shlex.quote(str(kept))}' EXIT", *script]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"exit {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}")
    pairs = (one.partition("=") for one in kept.read_text(encoding="utf-8").split("\0") if one)
    names[EXPORTED] = {name: value for name, _, value in pairs if name not in BOOKKEEPING}
    kept.unlink()
