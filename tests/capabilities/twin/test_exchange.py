"""FMI: what we export runs in another vendor's tool; what runs here was vouched for."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.twin import _unit_archive, exchange
from goldenbatch.capabilities.twin.exchange import ForeignUnit, export_fmu
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Model, ModelBuilder, Recipe, Settings, Steps, simulate
from goldenbatch.science.process.exchange.fmi import fmu_files

pytest.importorskip("fmpy", reason="FMPy is not installed")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def buffered(name: str = "buffered tank") -> Model:
    """A tank with an algebraic equation, an input, an output and an event."""
    m = ModelBuilder(
        name, version="2", title="Buffered & tank", time_unit="h", references=("doi:x",)
    )
    V = m.state("V", "L", initial=1.0, lower=0.0, scale=10.0, help="volume <here>")
    a = m.state("a", "mol/L", initial=1.0)
    F = m.input("F", "L/h", lower=0.0)
    z = m.algebraic("z", "mol/L", guess=0.1)
    k = m.parameter("k", "1/h", value=0.3)
    m.equation("mass action", z * z - a * m.constant("K", 0.25, "mol/L"), "mol2/L2")
    m.derivative(V, F)
    m.derivative(a, -k * z - F / V * a)
    m.output("z out", z, "mol/L")
    m.output("V", V, "L")
    m.stop("overflow", V - m.constant("full", 3.0, "L"))
    return m.build()


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fmu") / "tank.fmu"
    export_fmu(buffered(), path, parameters={"k": 0.5})
    return path


def vouched(path: Path) -> ForeignUnit:
    return ForeignUnit(path, hashlib.sha256(path.read_bytes()).hexdigest())


@needs_compiler
def test_an_exported_unit_is_valid_and_runs_like_the_original(unit: Path) -> None:
    from fmpy.validation import validate_fmu

    assert validate_fmu(str(unit)) == []
    inputs = ([0.0, 1.5], [0.1, 0.4])
    run = vouched(unit).run(4.0, 0.5, inputs={"F": inputs}, outputs=["V", "a", "z out"], rtol=1e-8)
    own = simulate(
        buffered(),
        Recipe(4.0, 0.5, inputs={"F": Steps(tuple(inputs[0]), tuple(inputs[1]))}),
        parameters={"k": 0.5},
        settings=Settings(rtol=1e-9, atol=1e-11),
    )
    assert run.status == own.status == "complete"
    for name in ("V", "a", "z out"):
        there = np.interp(own.time, run.time, run[name])
        assert there == pytest.approx(own[name], rel=1e-4), name
    assert run.units == {"time": "h", "V": "L", "a": "mol/L", "z out": "mol/L"}


@needs_compiler
def test_the_event_of_the_model_ends_the_run_there_too(unit: Path) -> None:
    run = vouched(unit).run(4.0, 0.5, inputs={"F": 1.0}, outputs=["V"])
    assert run.status == "stopped"
    assert run.final("V") == pytest.approx(3.0, abs=1e-3)


@needs_compiler
def test_the_same_model_gives_the_same_bytes(unit: Path, tmp_path: Path) -> None:
    again = export_fmu(buffered(), tmp_path / "again.fmu", parameters={"k": 0.5}, has_binary=False)
    assert again.platforms == ()
    with zipfile.ZipFile(again.path) as one, zipfile.ZipFile(unit) as other:
        for name in one.namelist():
            assert one.read(name) == other.read(name), name
        assert len(other.namelist()) == len(one.namelist()) + 1


@needs_compiler
def test_native_code_runs_only_when_vouched_for(unit: Path) -> None:
    with pytest.raises(DeniedError, match="vouched"):
        ForeignUnit(unit, "0" * 64)
    with pytest.raises(NotFoundError):
        ForeignUnit(unit.with_name("no.fmu"), "0" * 64)
    with pytest.raises(DataError, match="'G'"):
        vouched(unit).run(1.0, 0.5, inputs={"G": 1.0})


def test_a_unit_without_a_binary_for_this_platform_says_so(tmp_path: Path) -> None:
    path = export_fmu(buffered(), tmp_path / "s.fmu", has_binary=False).path
    with pytest.raises(DataError, match="no binary"):
        vouched(path).run(1.0, 0.5)


def test_a_machine_without_a_compiler_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange.shutil, "which", lambda _: None)
    with pytest.raises(NotFoundError, match="--source-only"):
        export_fmu(buffered(), tmp_path / "s.fmu")


def test_two_variables_of_one_name_are_refused() -> None:
    m = ModelBuilder("twice", version="1", title="t", time_unit="h")
    x = m.state("x", "1")
    m.derivative(x, m.constant("one", 1.0, "1/h"))
    m.output("der(x)", x, "1")
    with pytest.raises(DesignError, match="two variables"):
        fmu_files(m.build())


def _archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (None, "cannot be read as a ZIP archive"),
        ({"a": b""}, "has no modelDescription.xml"),
        ({"modelDescription.xml": b"<a"}, "modelDescription.xml cannot be read"),
        ({"modelDescription.xml": b"", "../../x": b""}, "leads out of its folder"),
        ({"modelDescription.xml": b"", "/etc/x": b""}, "leads out of its folder"),
        ({"modelDescription.xml": b"", "bomb": b"\0" * 5000}, "unpacks to"),
    ],
)
def test_what_is_no_unit_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries, words: str
) -> None:
    monkeypatch.setattr(_unit_archive, "MAX_BYTES", 4096)
    path = tmp_path / "u.fmu"
    path.write_bytes(b"no archive") if entries is None else _archive(path, entries)
    with pytest.raises(BadInputError, match=words):
        vouched(path).run(1.0, 1.0)


@needs_compiler
@pytest.mark.parametrize(
    ("span", "more", "words"),
    [
        ((-1.0, 1.0), {}, "a run of -1"),
        ((1.0, 0.0), {}, "intervals of 0"),
        ((1e9, 1e-3), {}, "2,000,000"),
        ((1.0, 1.0), {"inputs": {"V": 1.0}}, "no input of the unit"),
        ((1.0, 1.0), {"parameters": {"k": float("nan")}}, "'k' is given as nan"),
    ],
)
def test_an_impossible_run_of_a_unit_is_refused(unit: Path, span, more, words: str) -> None:
    with pytest.raises(DataError, match=words):
        vouched(unit).run(*span, **more)
