"""Models given to other tools as FMI 3 units, and units of other tools run here."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._unit_archive import check_run, read_description
from goldenbatch.core.errors import DeniedError, GoldenbatchError, NotFoundError
from goldenbatch.science.errors import DataError, MissingEngineError
from goldenbatch.science.process.result import Provenance, Simulation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

_STAMP = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive: the same model gives the same bytes."""


class CompileError(GoldenbatchError):
    """The C compiler did not take the code of a unit."""


@dataclass(frozen=True)
class Exported:
    """A unit that was written.

    Attributes:
        path: The file.
        sha256: Its digest.
        platforms: Binaries in it, such as `x86_64-linux`; none: source code only.
    """

    path: Path
    sha256: str
    platforms: tuple[str, ...]


def export_fmu(
    model: Model,
    path: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    has_binary: bool = True,
) -> Exported:
    """Write a model as FMI 3.0 unit with its sources, and a binary for this platform.

    Args:
        model: What is exported.
        path: File to be written.
        parameters: Start values that differ from the declared ones.
        initial: Likewise, of states.
        has_binary: False: sources only, for any platform and no compiler here.

    Raises:
        NotFoundError: There is no C compiler.
        CompileError: It refuses the code.
    """
    from goldenbatch.science.process.exchange.fmi import fmu_files, identifier

    files = fmu_files(model, parameters=parameters, initial=initial)
    platforms: tuple[str, ...] = ()
    if has_binary:
        name = identifier(model)
        files[f"binaries/{platform_tuple()}/{name}{_suffix()}"] = _compiled(files, name)
        platforms = (platform_tuple(),)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _STAMP), files[name], zipfile.ZIP_DEFLATED)
    return Exported(path, hashlib.sha256(path.read_bytes()).hexdigest(), platforms)


def platform_tuple() -> str:
    """This platform as FMI 3.0 names it (section 2.5.1.4)."""
    machine = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
    system = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
    here = platform.machine().lower()
    return f"{machine.get(here, here)}-{system.get(sys.platform, sys.platform)}"


def _suffix() -> str:
    return {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def _compiled(files: Mapping[str, bytes], name: str) -> bytes:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotFoundError(
            "there is no C compiler (cc, gcc, clang).",
            hint="Install one, or export sources only with --source-only.",
        )
    with tempfile.TemporaryDirectory() as folder:
        for place, content in files.items():
            if place.startswith("sources/"):
                (Path(folder) / Path(place).name).write_bytes(content)
        command = [
            compiler, "-shared", "-fPIC", "-O2", "-std=c99", "-fvisibility=hidden",
            "-o", name, "fmu.c", "model.c", "-lm",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise CompileError(
                f"{compiler} refused the code of {name}: {done.stderr.strip()[:300]}",
                hint="Export sources only with --source-only, and compile them elsewhere.",
            )
        return (Path(folder) / name).read_bytes()


@dataclass(frozen=True)
class ForeignUnit:
    """A unit of another tool that may be run: native code that somebody vouched for.

    Attributes:
        path: The file.
        sha256: Its digest, as it was vouched for.
    """

    path: Path
    sha256: str

    def __post_init__(self) -> None:
        """Refuse a file that is not the one vouched for: it would run as native code.

        Raises:
            NotFoundError: There is no such file.
            DeniedError: Its digest is another one.
        """
        if not self.path.is_file():
            raise NotFoundError(f"unit {self.path} does not exist.", hint="Name an FMU.")
        found = hashlib.sha256(self.path.read_bytes()).hexdigest()
        if found != self.sha256.strip().lower():
            raise DeniedError(
                f"unit {self.path.name} has SHA-256 {found}, not the one vouched for.",
                hint="It runs as native code: look where it comes from, then name its digest.",
            )

    def run(
        self,
        duration: float,
        interval: float,
        *,
        inputs: Mapping[str, float | tuple[Sequence[float], Sequence[float]]] | None = None,
        parameters: Mapping[str, float] | None = None,
        outputs: Sequence[str] = (),
        rtol: float = 1e-6,
    ) -> Simulation:
        """Run it by FMPy (FMI 2 and 3, Co-Simulation and Model Exchange).

        Args:
            duration: In the unit's own time unit.
            interval: Between rows.
            inputs: Values, or times and values held from them on.
            parameters: Start values by name, of any variable that takes one.
            outputs: Names of columns; empty: what the unit calls outputs.
            rtol: Relative tolerance, for units that are integrated here.

        Raises:
            MissingEngineError: FMPy is not installed.
            BadInputError: The file is no unit, or unpacks to too much or elsewhere.
            DataError: The unit has no variable of a name, or no binary for this platform.
        """
        fmpy = _fmpy()
        description = read_description(fmpy, self.path)
        check_run(description, (duration, interval), inputs or {}, parameters or {})
        _check_unit(self.path, description, [*(inputs or {}), *(parameters or {}), *outputs])
        names = [v.name for v in description.modelVariables if v.causality == "output"]
        wanted = list(outputs) or names
        try:
            table = fmpy.simulate_fmu(
                str(self.path), stop_time=duration, output_interval=interval,
                start_values=dict(parameters or {}), input=_signals(inputs or {}, duration),
                output=wanted, relative_tolerance=rtol,
            )  # fmt: skip
        except Exception as error:  # FMPy and native code raise what they like
            return self._failed(description, str(error))
        return self._result(description, table, wanted, parameters or {}, duration)

    def _result(
        self, description: Any, table: NDArray[Any], wanted: list[str],
        parameters: Mapping[str, float], duration: float,
    ) -> Simulation:  # fmt: skip
        time = np.asarray(table["time"], dtype=float)
        is_whole = bool(time.size) and time[-1] >= duration * (1 - 1e-9)
        return Simulation(
            time,
            {name: np.asarray(table[name], dtype=float) for name in wanted},
            {},
            _units(description, wanted),
            "complete" if is_whole else "stopped",
            "" if is_whole else "the unit ended the run",
            (),
            self._provenance(description, parameters),
        )

    def _failed(self, description: Any, reason: str) -> Simulation:
        empty = self._provenance(description, {})
        return Simulation(np.empty(0), {}, {}, {"time": "s"}, "failed", reason, (), empty)

    def _provenance(self, description: Any, parameters: Mapping[str, float]) -> Provenance:
        return Provenance(
            description.modelName, description.version or "", self.sha256, "",
            dict(parameters), "", {"fmi": description.fmiVersion}, None, _engine(),
        )  # fmt: skip


def _fmpy() -> Any:
    try:
        import fmpy
    except ImportError as error:
        raise MissingEngineError(
            "units of other tools are run by FMPy, which is not installed.",
            hint="Install it with the extra: pip install 'goldenbatch[fmi]'.",
        ) from error
    return fmpy


def _engine() -> str:
    from importlib.metadata import version

    return f"fmpy {version('fmpy')}"


def _check_unit(path: Path, description: Any, names: Sequence[str]) -> None:
    known = {variable.name for variable in description.modelVariables}
    for name in names:
        if name not in known:
            shown = ", ".join(sorted(known)[:12])
            raise DataError(
                f"unit {path.name} has no variable {name!r}.", hint=f"It has: {shown}, ..."
            )
    fmpy = _fmpy()
    if not set(fmpy.supported_platforms(str(path))) & {fmpy.platform, platform_tuple()}:
        raise DataError(
            f"unit {path.name} has no binary for {platform_tuple()}.",
            hint="Ask for one, or compile its sources if it brings them.",
        )


def _signals(
    inputs: Mapping[str, float | tuple[Sequence[float], Sequence[float]]], duration: float
) -> NDArray[Any] | None:
    """Inputs as FMPy takes them: all at the same times, jumps as two rows of one time."""
    if not inputs:
        return None
    steps = {n: v if isinstance(v, tuple) else ([0.0], [float(v)]) for n, v in inputs.items()}
    breaks = sorted({0.0, duration, *(float(t) for times, _ in steps.values() for t in times)})
    times = [t for one in breaks for t in ((one,) if one == 0.0 else (one, one))]
    table = np.zeros(len(times), dtype=[("time", float), *((name, float) for name in steps)])
    table["time"] = times
    for name, (points, values) in steps.items():
        is_after = np.array([k == 0 or times[k - 1] == t for k, t in enumerate(times)])
        place = np.where(is_after, np.searchsorted(points, times, "right"),
                         np.searchsorted(points, times, "left"))  # fmt: skip
        table[name] = np.asarray(values, dtype=float)[np.maximum(place - 1, 0)]
    return table


def _units(description: Any, names: Sequence[str]) -> dict[str, str]:
    found = {v.name: _unit(v) for v in description.modelVariables if v.name in set(names)}
    return {"time": _time_unit(description), **found}


def _unit(variable: Any) -> str:
    """Unit of a variable, or of the type that it is declared with."""
    of_type = getattr(variable.declaredType, "unit", None)
    return str(variable.unit or of_type or "1")


def _time_unit(description: Any) -> str:
    own = [v.unit for v in description.modelVariables if v.causality == "independent" and v.unit]
    return own[0] if own else "s"
