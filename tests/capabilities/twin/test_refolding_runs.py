"""Real refolding runs: fit one, predict the other; what one run cannot tell is said."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from goldenbatch.capabilities.twin.credibility import verify
from goldenbatch.capabilities.twin.references.refolding import (
    INSIDE,
    fitted,
    read_refolding,
    replay,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.fitting import (
    Asked,
    baselines,
    domain_of,
    identifiability,
    predict,
    score,
)
from goldenbatch.science.process.fitting.prediction import without_values
from goldenbatch.science.process.library.refolding import refolding

HEAD = ("Time [h]", "c_I [g/L]", "c_N [g/L]", "c_A [g/L]", "c_D [mol/L]", "V [L]",
        "u_0 [L/h]", "u_1 [L/h]", "u_2 [L/h]", "u_out [L/h]")  # fmt: skip
ROWS = ((0.0, 0.1, 0.2, -0.01, 0.2, 1.0, 0.1, 0, 0, 0), (1.0, 0.1, 0.2, 0.0, 0.2, 1.1, 0, 0, 0, 0),
        (2.0, 0.1, None, 0.0, 0.2, 1.1, 0, 0, 0, 0))  # fmt: skip


def test_one_run_is_fitted_and_the_other_predicted(real_data) -> None:
    folder = real_data("refolding")
    j, d10 = (read_refolding(folder / f"exp_{name}.xlsx") for name in ("j", "d10"))
    problem, found = fitted(j, n_starts=1)
    assert identifiability(problem, found).statements == ()
    # Research: an own fit on j gives 0.028 on d10, the published parameters 0.027.
    asked = Asked(noise=found.noises, domain=domain_of(problem, found, INSIDE), seed=3)
    got = predict(refolding(), without_values(d10), found.posterior(150, seed=2), asked)["c_N"]
    of, rivals = score(got, d10.data["c_N"]), baselines(problem, d10)
    assert of.rmse < 0.031
    assert of.rmse < 0.25 * min(rivals["first value"]["c_N"], rivals["mean of the others"]["c_N"])
    assert rivals["declared parameters"]["c_N"] == pytest.approx(0.028, abs=0.001)
    assert of.coverage > 0.8
    assert not got.is_extrapolated


def test_the_run_that_varies_little_says_that_it_tells_little(real_data) -> None:
    folder = real_data("refolding")
    j, d10 = (read_refolding(folder / f"exp_{name}.xlsx") for name in ("j", "d10"))
    problem, found = fitted(d10, n_starts=1)
    told = identifiability(problem, found)
    at_bound = {label for label in found.values if found[label].is_at_bound}
    assert set(told.unidentified) | at_bound >= {"bn", "aa", "ba"}
    asked = Asked(noise=found.noises, domain=domain_of(problem, found, INSIDE))
    got = predict(refolding(), without_values(j), found.posterior(40, seed=2), asked)["c_N"]
    assert got.is_extrapolated
    assert any(note.name == "D" and "0.893" in note.text for note in got.notes)
    # Wider by far than the error of its assay: what is not held is in the interval.
    assert (got.model_upper - got.model_lower).mean() > 5 * found.noises["c_N"].sd


def book(path: Path, rows=ROWS, feeds=(("cSR1", "[mg/L]", 11000), ("cDR1", "[mol/L]", 4))) -> Path:
    one = openpyxl.Workbook()
    one.active.title = path.stem
    for row in (HEAD, *rows):
        one.active.append(row)
    if feeds:
        sheet = one.create_sheet("input_parameters")
        for row in feeds:
            sheet.append(row)
    one.save(path)
    return path


def test_a_run_is_read_with_its_units_and_gaps(tmp_path: Path) -> None:
    batch = read_refolding(book(tmp_path / "exp_x.xlsx"))
    assert batch.initial == {"I": 0.1, "N": 0.2, "A": 0.0, "D": 0.2, "V": 1.0}
    assert batch.recipe.inputs["cS1"] == 11.0
    assert batch.data["c_N"].times.tolist() == [1.0, 2.0]


def test_a_broken_run_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "exp_x.xlsx"
    gap = (*ROWS[:1], (1.0, 0.1, 0.2, 0.0, 0.2, None, 0, 0, 0, 0), *ROWS[2:])
    with pytest.raises(BadInputError, match=r"exp_x.xlsx:3: column 'V' has a gap"):
        read_refolding(book(path, gap))
    lost = (ROWS[0], ROWS[1], (2.0, 0.1, 0.2, 0.0, 0.2, 1.4, 0, 0, 0, 0))
    silent = [(*row[:6], 0, 0, 0, 0) for row in lost]
    with pytest.raises(BadInputError, match=r"exp_x.xlsx: the volume rises after 0 h"):
        read_refolding(book(path, silent))
    assert read_refolding(book(path, lost)).recipe.inputs["F1"].values[1] == pytest.approx(0.3)
    with pytest.raises(BadInputError, match="no sheet 'input_parameters'"):
        read_refolding(book(path, feeds=()))
    with pytest.raises(BadInputError, match=r"cSR1 is given as '1 mol'"):
        read_refolding(book(path, feeds=(("cSR1", "[mol]", 1),)))
    nothing = ((0.0, None, *ROWS[0][2:]), *ROWS[1:])
    with pytest.raises(BadInputError, match="first sample has no I"):
        read_refolding(book(path, nothing))


def test_the_replay_judges_only_what_the_fitted_run_holds(real_data, tmp_path: Path) -> None:
    broken = book(tmp_path / "broken.xlsx", feeds=())
    lost, *rows = replay([broken, real_data("refolding") / "exp_j.xlsx"])
    assert [row.kind for row in rows] == ["calibration", "calibration"]
    assert all(row.limit is None for row in rows)
    assert lost.is_within is False
    assert "input_parameters" in lost.note


def test_the_replay_is_found_by_verify(tmp_path: Path) -> None:
    assert verify(tmp_path, ["refolding"]).counts == {"absent": 1}
