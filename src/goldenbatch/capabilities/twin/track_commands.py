"""Following a recorded batch as if it were live: settings of tracking, tried before adoption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from goldenbatch.capabilities.twin._documents import beside, names_its_file, write_document
from goldenbatch.capabilities.twin._run_tables import TableForm, read_run_table
from goldenbatch.capabilities.twin._track_settings import TagOf, TrackedModel, TrackSettings
from goldenbatch.capabilities.twin._track_setup import Twin, make_twin
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.recipes import build_recipe, model_ref
from goldenbatch.capabilities.twin.study import Study, load_study
from goldenbatch.capabilities.twin.study_data import DataPart
from goldenbatch.core.analyst_settings import read_settings
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.errors import DataError
from goldenbatch.science.process.plan import Plan, plan
from goldenbatch.science.process.tracking import (
    Criterion,
    Draws,
    EndOfBatch,
    Observed,
    diagnose,
    predict_end,
)
from goldenbatch.science.process.tracking.belief import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting import Measured
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.tracking import Tracker

_OWN = ("noise", "initial_sd")
"""Entries of `[track]` that belong to the model's part of the analyst's settings."""


@dataclass
class _Followed:
    """What was seen on the way."""

    time: list[float] = field(default_factory=list)
    outputs: list[NDArray[np.float64]] = field(default_factory=list)
    nis: list[float] = field(default_factory=list)
    evidence: list[float] = field(default_factory=list)
    ends: list[tuple[float, EndOfBatch]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)


@names_its_file
def track_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    batch: Annotated[str, typer.Option(help="Which of the data (default: the first).")] = "",
) -> dict[str, Any]:
    """Follow a recorded batch as if it were live; writes track.json, .parquet and .png.

    Laboratory results count when their sample was taken and are known after the declared delay.
    """
    read = load_study(study)
    part = _batch(read, batch)
    model = model_ref(read).load()
    form = TableForm(part.time, part.sheet, part.longest_gap, part.units)
    table = read_run_table(beside(read.folder, part.table, "data.table"), form)
    data = table.data(model, part.columns)
    twin = _twin(read, part, model)
    end = float(table.times(model.time_unit)[-1])
    recipe = read.recipe.model_copy(
        update={"inputs": {**read.recipe.inputs, **part.inputs}, "controllers": [], "faults": []}
    )
    planned = plan(model, build_recipe(recipe, model, read.folder))
    seen = _follow(twin, data, planned, end)
    answer = {
        "study": read.name,
        "batch": part.batch,
        "status": "complete",
        "model": f"{model.name} {model.version}",
        "n_steps": len(seen.time),
        "mean nis per reading": _mean(seen.nis),
        "findings": seen.findings,
        "expected ends": [_end_row(at, one) for at, one in seen.ends],
    }
    return {**answer, "files": _write(answer, seen, twin, data, out)}


def _batch(study: Study, name: str) -> DataPart:
    for one in study.data:
        if one.batch == name or not name:
            if one.source == "home":
                raise BadInputError(
                    f"batch {one.batch!r} is of a home; this follows tables.",
                    hint="Adopt the analyst twin.track: it follows the batches of the home.",
                )
            return one
    names = ", ".join(one.batch for one in study.data) or "none"
    raise NotFoundError(f"the study has no data of batch {name!r}.", hint=f"It has: {names}.")


def _twin(study: Study, part: DataPart, model: Model) -> Twin:
    """The analyst's settings, with the columns of the table in the place of tags."""
    if "cadence" not in study.track:
        raise BadInputError("the study has no cadence.", hint="Add [track].", key="track.cadence")
    own = {name: study.track[name] for name in _OWN if name in study.track}
    given = study.model
    tracked = TrackedModel(
        use=given.use, target=given.target, settings=given.settings,
        parameters=_scalars(given.parameters), initial={**_scalars(given.initial), **part.initial},
        **own,
    )  # fmt: skip
    late = {one.name for one in model.outputs if one.delay > 0.0}
    rest = {name: value for name, value in study.track.items() if name not in _OWN}
    columns = part.columns
    settings = read_settings(
        TrackSettings, study.name,
        {
            "place": "table", "model": tracked,
            "outputs": {n: TagOf(tag=c) for n, c in columns.items() if n not in late},
            "laboratory": {n: c for n, c in columns.items() if n in late},
            **rest,
        },
        "docs/how-to/twins.md",
    )  # fmt: skip
    posterior = None
    if given.posterior:
        posterior = beside(study.folder, given.posterior, "model.posterior").read_bytes()
    return make_twin(study.name, settings, model, posterior)


def _scalars(given: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if isinstance(value, list):
            raise BadInputError(f"{name!r} is a vector.", hint="Tracking takes its declared one.")
    return dict(given)


def _follow(twin: Twin, data: Mapping[str, Measured], planned: Plan, end: float) -> _Followed:
    tracker, seen = twin.tracker(None), _Followed()
    delay = {one.name: one.delay for one in twin.model.outputs}
    late = sorted(
        (float(t) + delay[name], float(t), name, float(v))
        for name in twin.settings.laboratory for t, v in _points(data[name])
    )  # fmt: skip
    inputs = _inputs(twin, planned, end)
    readings = {n: (data[n].times.tolist(), data[n].values.tolist())
                for n in twin.settings.outputs if n in data}  # fmt: skip
    step, n_known = twin.settings.cadence, 0
    for now in np.arange(0.0, end + 0.5 * step, step):
        begun = n_known
        while n_known < len(late) and late[n_known][0] <= now + 1e-9:
            n_known += 1
        samples = [(t, name, value) for _, t, name, value in late[:n_known]]
        changed = min((t for _, t, _, _ in late[begun:n_known]), default=None)
        tracker.advance(Observed(inputs, readings, samples), float(now), changed)
        _note(twin, tracker, seen, float(now))
    return seen


def _points(one: Measured) -> list[tuple[float, float]]:
    pairs = zip(one.times.tolist(), one.values.tolist(), strict=True)
    return [(t, v) for t, v in pairs if np.isfinite(v)]


def _inputs(twin: Twin, planned: Plan, end: float) -> dict[str, tuple[list[float], list[float]]]:
    times = [t for t in planned.borders if t <= end + 1e-9]
    rows = np.array([twin.model.input_vector(planned.inputs(t)) for t in times])
    return {n: (times, rows[:, k].tolist()) for k, n in enumerate(twin.model.columns("inputs"))}


def _note(twin: Twin, tracker: Tracker, seen: _Followed, now: float) -> None:
    belief, setup = tracker.beliefs[0], twin.setup
    state = unpack(setup, twin.bank[0], belief.mean)
    last = twin.model.input_vector()
    y = twin.model.output_function(now, state.x, belief.z, last, state.p)
    found = diagnose(twin.bank, tracker.records, limit=twin.settings.limit, sure=twin.settings.sure)
    seen.time.append(now)
    seen.outputs.append(np.array(y, dtype=float).ravel())
    newest = tracker.records[-1] if tracker.records else None
    if newest is not None and newest.n_taken:
        seen.nis.append(newest.nis / newest.n_taken)
    seen.evidence.append(found.evidence)
    named = [twin.bank[k].name for k in found.candidates]
    if found.is_alarm and named != [one for f in seen.findings[-1:] for one in f["one of"]]:
        seen.findings.append(
            {"seen at": now, "since": found.since, "fault": twin.bank[found.leading].name,
             "one of": named, "evidence": found.evidence,
             "weight": found.weights[found.leading]}
        )  # fmt: skip
    _expect(twin, tracker, seen, now)


def _expect(twin: Twin, tracker: Tracker, seen: _Followed, now: float) -> None:
    end = twin.settings.end
    if end is None or now >= end.planned or (seen.ends and now - seen.ends[-1][0] < end.every):
        return
    step = end.step or 4.0 * twin.settings.cadence
    times = [*np.arange(now + step, end.planned - 1e-9, step).tolist(), end.planned]
    last = twin.model.input_vector()
    try:
        found = predict_end(
            twin.setup, twin.bank[0], tracker.beliefs[0], twin.planned_inputs(last), times,
            Criterion(end.output, end.level, end.direction),
            draws=Draws(end.members, end.probability, end.seed),
        )  # fmt: skip
    except DataError:
        return
    seen.ends.append((now, found))


def _end_row(at: float, one: EndOfBatch) -> dict[str, Any]:
    value, time = one.value, one.time
    return {
        "at": at, "value": value[0], "lower": value[1], "upper": value[2],
        "ends": time[0] if time else None, "share reached": one.share_reached,
        "is_extrapolated": one.is_extrapolated,
    }  # fmt: skip


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _write(
    answer: dict[str, Any], seen: _Followed, twin: Twin, data: Mapping[str, Measured], out: Path
) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out.mkdir(parents=True, exist_ok=True)
    block = np.array(seen.outputs)
    names = [one.name for one in twin.model.outputs]
    columns = {"time": np.array(seen.time), "evidence": np.array(seen.evidence)}
    columns |= {name: block[:, k] for k, name in enumerate(names)}
    pq.write_table(pa.table(columns), out / "track.parquet")
    provenance = {"model": twin.model.name, "version": twin.model.version,
                  "model_digest": twin.model.digest}  # fmt: skip
    document = {**answer, "provenance": provenance}
    _plot(columns, seen, twin, data, out / "track.png")
    files = ("track.json", "track.parquet", "track.png")
    write_document(document, out / "track.json", files)
    return [str(out / name) for name in files]


def _plot(
    columns: Mapping[str, NDArray[np.float64]], seen: _Followed, twin: Twin,
    data: Mapping[str, Measured], path: Path,
) -> None:  # fmt: skip
    from goldenbatch.capabilities.twin.plots import MAX_PANELS, figure, label_panel

    shown = list(data)[: MAX_PANELS - 1]
    n_rows = (len(shown) + 3) // 3
    page = figure(12.0, 2.5 * n_rows + 0.6)
    page.suptitle(f"{twin.model.title}: followed", fontsize=11)
    for number, name in enumerate([*shown, "evidence"], start=1):
        axes = page.add_subplot(n_rows, 3, number)
        axes.plot(columns["time"], columns[name], color="#1b4f72", linewidth=1.3)
        if name in data:
            axes.plot(data[name].times, data[name].values, ".", color="#b9770e", markersize=3)
        else:
            axes.axhline(twin.settings.limit, color="#9aa5ad", linestyle=":")
        for one in seen.findings[:1]:
            axes.axvline(one["seen at"], color="#b03a2e", linewidth=0.9)
        label_panel(axes, f"{name}, {twin.units.get(name, '1')}", twin.model.time_unit)
    page.savefig(path, dpi=110)
