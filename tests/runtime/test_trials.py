"""Trials read real files of many forms, split them without chance, and seal the test side."""

import hashlib
import json
import os
import statistics
from pathlib import Path

import pytest

from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.trial import FileRole, select_columns
from goldenbatch.runtime._trial_tables import read_role
from goldenbatch.runtime.discovery import Discovery
from goldenbatch.runtime.trials import evaluate, load_trial_file, run_trial

DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))


class MeanTrial:
    """Predicts the mean of the training target."""

    name = "test.mean"
    version = "1"

    def fit(self, file, train):
        role = next(iter(train.tables))
        (target,) = train.names(file, "target", role)
        return statistics.fmean(train.tables[role][target])

    def measure(self, method, file, test):
        role = next(iter(test.tables))
        (target,) = test.names(file, "target", role)
        errors = [(one - method) ** 2 for one in test.tables[role][target]]
        return {"rmse": statistics.fmean(errors) ** 0.5, "n": len(errors)}

    def baseline(self, file, train, test):
        return {"rmse": float("nan")}


def trial_file(folder, text):
    path = folder / "trial.toml"
    path.write_text(text)
    return path


HEAD = 'trial = "test.mean"\ntitle = "T"\nsource = "made here"\n'


def two_files(folder):
    (folder / "a_train.csv").write_text("x;y\n1;2,5\n2;3,5\n")
    (folder / "b_test.csv").write_text("x;y\n3;4,0\n")
    return trial_file(
        folder,
        HEAD
        + '[files]\ntrain = {glob = "*_train.csv", separator = ";", decimal = ","}\n'
        + 'test = {glob = "*_test.csv", separator = ";", decimal = ","}\n'
        + '[columns]\ntarget = "y"\n[split]\nby = "file"\n',
    )


def test_decimal_comma_and_digests(tmp_path):
    path = two_files(tmp_path)
    outcome = run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)
    assert outcome["measures"] == {"rmse": 1.0, "n": 1}
    assert outcome["baseline"] == {"rmse": None}
    digest = hashlib.sha256((tmp_path / "b_test.csv").read_bytes()).hexdigest()
    assert outcome["data"]["test"] == {"test": {"b_test.csv": digest}}
    json.dumps(outcome, allow_nan=False)


def test_test_files_are_opened_only_after_the_fit(tmp_path):
    path = two_files(tmp_path)

    class Peek(MeanTrial):
        def fit(self, file, train):
            # A read of the test file before the fit would have seen the old content.
            (tmp_path / "b_test.csv").write_text("x;y\n3;5,0\n")
            return super().fit(file, train)

    outcome = run_trial(Peek(), load_trial_file(path), path, tmp_path)
    assert outcome["measures"]["rmse"] == 2.0


def test_evaluate_by_name(tmp_path, monkeypatch):
    package = tmp_path / "gbx_trials.py"
    package.write_text(
        "class Constant:\n    name='gbx.constant'\n    version='7'\n"
        "    def fit(self, file, train): return 0.0\n"
        "    def measure(self, method, file, test): return {'n': len(test.tables['test']['y'])}\n"
        "    def baseline(self, file, train, test): return {}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    offer = Offer("mean", "gbx_trials:Constant", "T")
    found = Discovery({"test": Capability("test", "T", "bronze", trials=(offer,))})
    path = two_files(tmp_path)
    outcome = evaluate("test.mean", path, tmp_path, found)
    assert outcome["version"] == "7"
    assert outcome["measures"] == {"n": 1}
    with pytest.raises(BadInputError, match=r"describes the trial 'test\.mean'"):
        evaluate("test.other", path, tmp_path, found)
    with pytest.raises(NotFoundError, match="data folder"):
        evaluate("test.mean", path, tmp_path / "no", found)


def one_file(folder, split, rows="g,t,y\nA,1,1\nA,2,2\nB,3,3\nC,4,8\n"):
    (folder / "all.csv").write_text(rows)
    return trial_file(
        folder,
        HEAD + '[files]\ntable = {glob = "all.csv"}\n[columns]\ntarget = "y"\n[split]\n' + split,
    )


@pytest.mark.parametrize(
    ("split", "n_test", "rmse"),
    [
        ('by = "column"\ncolumn = "g"\ntrain = ["A", "B"]\ntest = ["C"]', 1, 6.0),
        ('by = "group"\ncolumn = "g"\ntrain_share = 0.66', 1, 6.0),
        ('by = "time"\ncolumn = "t"\ntrain_share = 0.75', 1, 6.0),
        ('by = "time"\ntrain_share = 0.75', 1, 6.0),
        ('by = "column"\ncolumn = "t"\ntrain = ["1", "2", "3"]\ntest = ["4"]', 1, 6.0),
    ],
)
def test_splits(tmp_path, split, n_test, rmse):
    path = one_file(tmp_path, split)
    outcome = run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)
    assert outcome["measures"] == {"rmse": rmse, "n": n_test}


def test_time_split_goes_by_time_not_by_row(tmp_path):
    rows = "g,t,y\nC,4,8\nA,1,1\nB,3,3\nA,2,2\n"
    path = one_file(tmp_path, 'by = "time"\ncolumn = "t"\ntrain_share = 0.75', rows)
    assert run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)["measures"]["rmse"] == 6.0


def test_rows_of_neither_side_are_left_out_and_counted(tmp_path):
    path = one_file(tmp_path, 'by = "column"\ncolumn = "g"\ntrain = ["A"]\ntest = ["C", "D"]')
    outcome = run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)
    assert outcome["measures"] == {"rmse": 6.5, "n": 1}
    assert outcome["data"]["rows_left_out"] == {"table": {"B": 1}}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ('by = "column"\ncolumn = "g"\ntrain = ["A"]\ntest = ["D"]', "leaves no test rows"),
        ('by = "column"\ncolumn = "no"\ntrain = ["A"]\ntest = ["C"]', "no column 'no'"),
        ('by = "group"\ncolumn = "g"\ntrain_share = 0.99', "leaves no test rows"),
        ('by = "group"', "needs column"),
        ('by = "file"', "every role is named train"),
        ('by = "chance"', "split.by"),
    ],
)
def test_impossible_splits_are_refused(tmp_path, split, message):
    path = one_file(tmp_path, split)
    with pytest.raises(BadInputError, match=message):
        run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)


def test_missing_file_and_column(tmp_path):
    path = two_files(tmp_path)
    (tmp_path / "b_test.csv").unlink()
    with pytest.raises(BadInputError, match=r"role 'test': no file .* matches '\*_test\.csv'"):
        run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)
    path.write_text(path.read_text().replace('"y"', '"z"'))
    with pytest.raises(BadInputError, match="no table has a column 'z'"):
        run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)


def test_white_space_and_transposed(tmp_path):
    (tmp_path / "d00.dat").write_text("  1.0   2.0   3.0\n 10.0\t20.0  30.0  \n")
    (tmp_path / "d01.dat").write_text("   4.0e0  40\r\n   5.0  50\r\n")
    role = FileRole(
        glob="d*.dat", separator="", header=False, transpose="auto", n_columns=2, encoding="ascii"
    )
    table = read_role("train", role, tmp_path)
    assert table.columns == {
        "c1": [1.0, 2.0, 3.0, 4.0, 5.0],
        "c2": [10.0, 20.0, 30.0, 40.0, 50.0],
        "file": ["d00.dat"] * 3 + ["d01.dat"] * 2,
    }


def test_missing_cells_texts_and_other_columns(tmp_path):
    (tmp_path / "a.csv").write_text('n,t\n1,"a, b"\n,\n')
    columns = read_role("r", FileRole(glob="a.csv"), tmp_path).columns
    assert columns["t"] == ["a, b", ""]
    assert columns["n"][0] == 1.0
    assert columns["n"][1] != columns["n"][1]
    (tmp_path / "b.csv").write_text("n,u\n1,2\n")
    with pytest.raises(BadInputError, match=r"b\.csv: its columns are not those of a\.csv: t, u"):
        read_role("r", FileRole(glob="*.csv"), tmp_path)
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(BadInputError, match="empty"):
        read_role("r", FileRole(glob="c.csv"), tmp_path)
    (tmp_path / "d.csv").write_bytes(b"a,b\n1\n1,2,3\n")
    with pytest.raises(BadInputError, match=r"d\.csv: it cannot be read"):
        read_role("r", FileRole(glob="d.csv"), tmp_path)
    with pytest.raises(BadInputError, match="has 2 columns, the trial file says 3"):
        read_role("r", FileRole(glob="a.csv", n_columns=3), tmp_path)


def test_excel_and_parquet(tmp_path):
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    book = openpyxl.Workbook()
    for row in (["n", "t"], [1.5, "x"], [None, "y"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    book.close()
    columns = read_role("r", FileRole(glob="a.xlsx"), tmp_path).columns
    assert columns["n"][0] == 1.5
    assert columns["t"] == ["x", "y"]
    pq.write_table(pa.table({"n": [1, None], "t": ["x", None]}), tmp_path / "a.parquet")
    columns = read_role("r", FileRole(glob="a.parquet"), tmp_path).columns
    assert columns["n"][0] == 1.0
    assert columns["t"] == ["x", ""]


def test_select_columns_says_what_it_means():
    assert select_columns(["b", "a", "10", "9"], ("b", "9..10", "?")) == ("b", "9", "10", "a")
    assert select_columns(["a"], "1..2") == ()


def test_trial_file_errors(tmp_path):
    with pytest.raises(NotFoundError, match="cannot be opened"):
        load_trial_file(tmp_path / "none.toml")
    with pytest.raises(BadInputError, match="not TOML"):
        load_trial_file(trial_file(tmp_path, "x = ="))
    with pytest.raises(BadInputError, match="title"):
        load_trial_file(trial_file(tmp_path, 'trial = "a.b"\n'))


@pytest.mark.skipif(not (DATA / "tep").is_dir(), reason=f"no data set tep below {DATA}")
def test_tennessee_eastman_reads_both_ways_round():
    role = FileRole(glob="d0[01].dat", separator="", header=False, transpose="auto", n_columns=52)
    table = read_role("train", role, DATA / "tep")
    assert table.n_rows == 500 + 480
    assert table.columns["c1"][0] == pytest.approx(0.24987)
    assert table.columns["c2"][500] == pytest.approx(3641.3)


@pytest.mark.skipif(not (DATA / "nir_tablets").is_dir(), reason=f"no nir_tablets below {DATA}")
def test_spectra_by_numeric_range():
    table = read_role("table", FileRole(glob="instrument1.csv"), DATA / "nir_tablets")
    chosen = select_columns(table.columns, "600..1898")
    assert len(chosen) == 650
    assert (chosen[0], chosen[-1]) == ("600", "1898")


def test_texts_that_are_no_times_are_no_order(tmp_path):
    rows = "g,t,y\nA,31/12/2017,1\nA,01/01/2018,2\nB,02/01/2018,3\n"
    path = one_file(tmp_path, 'by = "time"\ncolumn = "t"', rows)
    with pytest.raises(BadInputError, match="'31/12/2017': that is no time"):
        run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)
    rows = rows.replace("31/12/2017", "2017-12-31").replace("/01/2018", "")
    rows = rows.replace("01,2", "2018-01-01 08:00,2").replace("02,3", "2018-01-02,3")
    path = one_file(tmp_path, 'by = "time"\ncolumn = "t"', rows)
    assert run_trial(MeanTrial(), load_trial_file(path), path, tmp_path)["measures"]["n"] == 1


@pytest.mark.parametrize("glob", ["../*.csv", "/etc/*.conf", "a/../../*.csv"])
def test_a_glob_stays_in_the_folder(tmp_path, glob):
    with pytest.raises(BadInputError, match="leads out of the data folder"):
        read_role("table", FileRole(glob=glob), tmp_path)


def test_headers_that_stand_twice_are_refused_in_excel_too(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["x", "x"])
    book.active.append([1, 2])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(BadInputError, match="'x' stand there twice"):
        read_role("table", FileRole(glob="a.xlsx"), tmp_path)
