"""kill -9 in the middle of an import: the same import again completes it, nothing doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors.tabular.test_importing import (
    LAB_HEAD,
    PHASES,
    PLANT,
    RECORDS,
    heads,
    run,
    series,
    stored,
    write,
)

ROOT = Path(__file__).parents[3]
CHILD = """
import os, signal, sys
from pathlib import Path
from goldenbatch.connectors.tabular import _known, _settle, import_card, parse_card
from tests.connectors.conftest import open_site
from tests.connectors.tabular.test_importing import PHASES, PLANT, RECORDS

home, root, step, n_good = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
_settle.N_FRAME = 4
site = open_site(Path(home), PLANT)
store, name = {"append": (site.ledger, "append"), "write": (site.historian, "write")}[step]
true = getattr(store, name)
left = n_good

def counted(*args):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return true(*args)

setattr(store, name, counted)
for card in (RECORDS, PHASES):
    import_card(site, parse_card(card), root)
"""


@pytest.mark.parametrize(("step", "n_good"), [("append", 1), ("append", 2), ("write", 2)])
def test_after_a_kill_the_same_import_completes(new_site, tmp_path, step, n_good):
    rows = [f"2020-05-01 08:00:{second:02d};{second};s{second % 3}" for second in range(30)]
    root = write(tmp_path / "in", "press1.csv", series(*rows, "x;1;run"))
    write(root, "lab.csv", LAB_HEAD + "".join(f"s{n};P;1;1;1;1;1\n" for n in range(3)))
    arguments = [str(tmp_path / "killed"), str(root), step, str(n_good)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    killed, whole = new_site(PLANT, "killed"), new_site(PLANT, "whole")
    for site in (killed, whole):
        run(site, RECORDS, root)
        run(site, PHASES, root)
    assert stored(killed) == stored(whole)
    assert len(stored(killed)) == 30
    for table in ("batch", "phase", "result", "genealogy", "lot", "import_file", "quarantine"):
        assert len(killed.ledger.select(table)) == len(whole.ledger.select(table)) > 0
    assert not killed.ledger.select("conflict")
    before = heads(killed)
    run(killed, RECORDS, root)
    run(killed, PHASES, root)
    assert heads(killed) == before
