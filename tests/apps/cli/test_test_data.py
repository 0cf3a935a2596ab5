"""Sealed test data on the command line: from the selection to a recorded test, also at a node."""

import shutil

import pytest

from goldenbatch.runtime.local import LocalSite
from tests.capabilities.governance import sealed_case as case

SELECT = """
test_set = "T1"
use = "assay"
title = "Newest batches"
why = "the newest twelve batches of both lines"
origin = "measured"
labels = { by = "QC laboratory", how = "HPLC with a second analyst" }
cut = { split = "time", at = 2023-11-26T22:13:20Z }

[data]
attribute = "assay"
inputs = ["site/fermentation/temp", "site/fermentation/ph"]
strata = ["line"]
baseline = "last_result"
practice = "at_line"
"""
TRAIN = """
trainer = "governance.linear"
settings = { ridge = 1e-6 }

[data]
attribute = "assay"
inputs = ["site/fermentation/temp", "site/fermentation/ph"]
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", case.PASSWORD)


@pytest.fixture(scope="session")
def _filled(tmp_path_factory):
    import argon2

    from goldenbatch.core.records import HomeKind
    from goldenbatch.runtime.home import HomeSettings, create_home
    from tests.capabilities.conftest import PLANT

    path, real = tmp_path_factory.mktemp("filled") / "home", argon2.PasswordHasher
    create_home(path, HomeSettings("test", "Site A", PLANT, kind=HomeKind.DEMONSTRATION))
    with pytest.MonkeyPatch.context() as patch, LocalSite.open(path) as site:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        case.people(site)
        case.fill(site)
    return path


@pytest.fixture
def home(tmp_path, _filled):
    path = tmp_path / "home"
    shutil.copytree(_filled, path)
    (tmp_path / "set.toml").write_text(SELECT)
    (tmp_path / "train.toml").write_text(TRAIN)
    return path


@pytest.fixture
def run(cli, home):
    def call(*arguments, code=0):
        done = cli("model", *arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    return call


def to_trained(run, home, site=None, criteria=case.CRITERIA):
    folder = home.parent
    assert run("select", folder / "set.toml", "--by", "sel")["kind"] == "TestSetSelected"
    assert run("seal", "T1", "--by", "sel")["meaning"] == "performed"
    if site is not None:
        case.to_criteria(site, criteria=criteria)
    else:
        with LocalSite.open(home) as opened:
            case.to_criteria(opened, criteria=criteria)
    run("bind", "assay", "T1", "--by", "qa")
    trained = run("train", "assay", folder / "train.toml", "--by", "dev")
    assert (trained["kind"], trained["printed_name"]) == ("ModelTrained", "Dev")


def test_test_data_by_command(cli, run, home):
    to_trained(run, home)
    assert "was not opened" in run("test", "assay@1", "--by", "tess", code=5)
    run("unseal-ask", "assay@1", "--by", "tess", "--reason", "first test")
    assert "who did the work" in run("unseal", "T1", "--by", "tess", code=5)
    assert run("unseal", "T1", "--by", "quinn")["meaning"] == "verified"
    (row,) = run("sets")["test_sets"]
    assert (row["n_rows"], row["n_openings"], row["n_reads"]) == (36, 1, 0)
    done = cli("model", "test", "assay@1", "--by", "tess", "--home", home)
    assert done.code == 0
    assert "PASSED on 36 rows" in done.out
    words = " ".join(done.out.split())
    assert "met rmse at most 1: 0.6624 (bound 0.8366 at 95%, n = 12); baseline 4.083" in words
    assert "met rmse of line 1 at most 1.5" in words
    assert run("sets")["test_sets"][0]["n_reads"] == 1
    run("retire-set", "T1", "--by", "qa", "--reason", "a new campaign begins")
    assert run("sets")["test_sets"][0]["stage"] == "retired"
    shown = cli("model", "sets", "--home", home).out
    assert "T1" in shown


def test_a_failed_test_ends_with_another_code_and_is_recorded(cli, run, home):
    to_trained(run, home, criteria=[{"measure": "rmse", "relation": "at_most", "limit": 0.1}])
    run("unseal-ask", "assay@1", "--by", "tess", "--reason", "first test")
    run("unseal", "T1", "--by", "quinn")
    done = cli("model", "test", "assay", "--by", "tess", "--home", home)
    assert done.code == 1
    assert "FAILED on 36 rows" in done.out
    assert "NOT MET rmse at most 0.1" in " ".join(done.out.split())
    assert cli("verify", "--home", home).code == 0


def test_a_file_of_an_outside_laboratory(run, home):
    folder = home.parent
    (folder / "lab.csv").write_text("id,x,y\n" + "".join(f"r{n},{n}.125,{n}.5\n" for n in range(9)))
    text = SELECT.partition("[data]")[0].replace('"time", at = 2023-11-26T22:13:20Z', '"random", '
        'share = 0.5, seed = 1')  # fmt: skip
    file = '[file]\npath = "lab.csv"\noutput = "assay"\nid = "id"\nreference = "y"\n'
    (folder / "set.toml").write_text(text + file)
    run("select", folder / "set.toml", "--by", "sel")
    assert "random split needs a signed reason" in run("seal", "T1", "--by", "sel", code=3)
    run("seal", "T1", "--by", "sel", "--random-reason", "one lot made in one hour")
    (folder / "lab.csv").unlink()
    assert "lab.csv cannot be opened" in run("select", folder / "set.toml", "--by", "sel", code=4)
    (folder / "set.toml").write_text("a = [")
    assert "this is not TOML" in run("select", folder / "set.toml", "--by", "sel", code=3)


def test_the_same_through_a_node(cli, run, node, home):
    from goldenbatch.runtime.remote import NodeAddress

    (home / "state").mkdir(exist_ok=True)
    NodeAddress(node.url, node.token, 1).save(home)
    to_trained(run, home, node.state.desk.site)
    run("unseal-ask", "assay@1", "--by", "tess", "--reason", "first test")
    run("unseal", "T1", "--by", "quinn")
    answer = run("test", "assay@1", "--by", "tess")
    assert answer["is_passed"]
    assert answer["outcomes"][0]["baseline"] > 4
    (row,) = run("sets")["test_sets"]
    assert (row["n_openings"], row["n_reads"]) == (1, 1)
