"""Endpoints of the twin studio: what the library has, studies checked, runs and their results."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Text
from goldenbatch.apps.node.state import Caller, NodeState, Principal, State
from goldenbatch.core.authority import require
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import DataClass

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.studio_check import Checked
    from goldenbatch.capabilities.twin.studio_run import StudioRun

router = APIRouter(prefix="/twin", tags=["twin"], responses=RESPONSES)
RUN: Final = r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$"
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$"
MAX_TEXT, MAX_FILES = 2 * 2**20, 8
Run = Annotated[str, Path(pattern=RUN)]
FileName = Annotated[str, Field(pattern=NAME)]
Work = Literal["run", "ensemble", "design-space", "stress", "sensitivity", "footprint", "line"]


class StudyForm(Form):
    """A study or a line, and what is asked of it.

    Attributes:
        work: What is done with it.
        study: The TOML text.
        files: Further files that it names, by their names: tables as text.
        members: Of an ensemble; 0: as the study says.
        target: Probability wanted of a design space.
        at: When the faults of a stress test begin; -1: at a third of the run.
        noise: Whether a single run measures with the declared noise.
    """

    work: Work
    study: Annotated[Text, Field(min_length=1, max_length=MAX_TEXT)]
    files: dict[FileName, Annotated[Text, Field(max_length=MAX_TEXT)]] = Field(
        default_factory=dict, max_length=MAX_FILES
    )
    members: int = Field(default=0, ge=0, le=100_000)
    target: float = Field(default=0.95, ge=0, le=1)
    at: float = Field(default=-1.0, ge=-1, le=1e9)
    noise: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What of the question is no study."""
        return {"members": self.members, "target": self.target, "at": self.at, "noise": self.noise}


@router.get("/models")
def models(state: State, caller: Caller) -> dict[str, Any]:
    """Models of the library, each with what it may be used for."""
    caller.require_class(DataClass.CONFIDENTIAL)
    found = _catalog(state)
    names = ("name", "title", "context_of_use", "version", "problem")
    rows = [{key: one[key] for key in names if key in one} for one in found.values()]
    return {"models": rows}


@router.get("/models/{name}")
def model(name: Annotated[str, Path(max_length=80)], state: State, caller: Caller) -> Any:
    """A model: states, inputs, parameters and outputs with units, its recipe, its credibility."""
    caller.require_class(DataClass.CONFIDENTIAL)
    found = _catalog(state).get(name)
    if found is None:
        raise NotFoundError(f"the library has no model {name!r}.", hint="GET models names them.")
    return {**found, "replayed": _replayed(caller, name)}


@router.post("/check")
def check(form: StudyForm, state: State, caller: Caller) -> dict[str, Any]:
    """Check a study without running it: its form, names and units."""
    caller.require_class(DataClass.CONFIDENTIAL)
    with tempfile.TemporaryDirectory(prefix="goldenbatch-") as folder:
        return asdict(_checked(form, FilePath(folder), state))


@router.get("/runs")
def runs(
    state: State,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 100,
) -> dict[str, Any]:
    """Runs, newest first, with what the studio may take."""
    caller.require_class(DataClass.CONFIDENTIAL)
    names = _names(caller)
    found = [_told(one, caller, names) for one in state.studio.runs()[:limit]]
    return {"runs": found, "limits": asdict(state.studio.limits)}


@router.post("/runs", status_code=201)
def ask(form: StudyForm, state: State, caller: Caller) -> dict[str, Any]:
    """Take a run into the queue; it is done by a process of its own."""
    from goldenbatch.capabilities.twin.studio_run import AskedRun

    caller.require_class(DataClass.CONFIDENTIAL)
    with tempfile.TemporaryDirectory(prefix="goldenbatch-") as folder:
        checked = _checked(form, FilePath(folder), state)
    _require_record(state, caller, checked.name)
    run = state.studio.ask(AskedRun(
        caller.actor.uid, form.work, _file_of(form), checked.name, checked.digest, checked.model,
        checked.seed, checked.n_runs, form.options, _contents(form),
    ))  # fmt: skip
    return _told(run, caller, _names(caller))


@router.get("/runs/{run}")
def run(run: Run, state: State, caller: Caller) -> dict[str, Any]:
    """A run: where it stands, its study, and what came out."""
    caller.require_class(DataClass.CONFIDENTIAL)
    found = state.studio.run(run)
    files = state.studio.files(run)
    return {
        **_told(found, caller, _names(caller)),
        "progress": {} if found.has_ended else dict(state.studio.progress(run)),
        "study": _text(files.get(found.file)),
        "files": {name: path.stat().st_size for name, path in files.items()},
        "document": dict(state.studio.document(run)) if found.status == "done" else {},
    }


@router.get("/runs/{run}/progress")
def progress(run: Run, state: State, caller: Caller) -> dict[str, Any]:
    """Where a run stands."""
    caller.require_class(DataClass.CONFIDENTIAL)
    found = state.studio.run(run)
    told = {} if found.has_ended else dict(state.studio.progress(run))
    return {"run": run, "status": found.status, "progress": told}


@router.get("/runs/{run}/files/{name}")
def file(
    run: Run, name: Annotated[str, Path(pattern=NAME)], state: State, caller: Caller
) -> Response:
    """A file of a run, as it was given or came out."""
    caller.require_class(DataClass.CONFIDENTIAL)
    path = state.studio.files(run).get(name)
    if path is None:
        raise NotFoundError(f"run {run} has no file {name!r}.", hint="GET the run names its files.")
    kind = "application/json" if path.suffix == ".json" else "application/octet-stream"
    return Response(path.read_bytes(), media_type=kind)


@router.post("/runs/{run}/cancel")
def cancel(run: Run, state: State, caller: Caller) -> dict[str, Any]:
    """End a run of one's own that waits or is at work."""
    caller.require_class(DataClass.CONFIDENTIAL)
    return _told(state.studio.cancel(run, caller.actor.uid), caller, _names(caller))


@router.get("/runs/{run}/kept-values")
def kept_values(run: Run, state: State, caller: Caller) -> dict[str, Any]:
    """Values for the act `twin.keep`: what the run says of itself, with its files."""
    from goldenbatch.capabilities.twin.keeping import result_in

    caller.require_class(DataClass.CONFIDENTIAL)
    found = state.studio.run(run)
    if found.status != "done":
        raise BadInputError(f"run {run} is {found.status}.", hint="Keep what came to its end.")
    return result_in(state.studio.folder / run / "out", _record_name(found.name))


# ---- what stands behind -------------------------------------------------------------------------

_ONE_CATALOG = threading.Lock()


def _catalog(state: NodeState) -> Mapping[str, Any]:
    from goldenbatch.capabilities.twin.studio_library import library_models

    with _ONE_CATALOG:
        return library_models(state.studio.folder, state.studio.limits.memory_bytes)


def _checked(form: StudyForm, folder: FilePath, state: NodeState) -> Checked:
    """Check a question in a folder that is thrown away."""
    from goldenbatch.capabilities.twin.studio_check import checked_line, checked_study, schema_of
    from goldenbatch.capabilities.twin.study import SCHEMA

    for name, content in _contents(form).items():
        (folder / name).write_bytes(content)
    path = folder / _file_of(form)
    is_study = schema_of(form.study) == SCHEMA
    if is_study == (form.work == "line"):
        raise BadInputError(
            f"{form.work!r} cannot be asked of {'a study' if is_study else 'a line'}.",
            hint="Ask 'line' of lines and plants, and all else of studies.",
            key="work",
        )
    if not is_study:
        return checked_line(path)
    return checked_study(path, form.work, _catalog(state), form.members)


def _file_of(form: StudyForm) -> str:
    return "line.toml" if form.work == "line" else "study.toml"


def _contents(form: StudyForm) -> dict[str, bytes]:
    own = _file_of(form)
    if own in form.files:
        raise BadInputError(f"{own!r} is the study itself.", hint="Rename the file.", key="files")
    return {**{n: text.encode() for n, text in form.files.items()}, own: form.study.encode()}


def _record_name(name: str) -> str:
    """The name of a study as a record may have it: what stands in no name becomes a dash."""
    return re.sub(r"[\x00-\x1f\x7f/]+", "-", name)[:80] or "study"


def _require_record(state: NodeState, caller: Principal, name: str) -> None:
    """Whoever may make entries may ask for runs; who only reads may not."""
    from goldenbatch.core.twin_records import twin_stream

    if not caller.is_local:
        people = state.desk.site.people
        user = people.user(caller.actor.uid)
        stream = twin_stream(_record_name(name))
        require(people.decide_may(user, "record", stream, makes=True))


def _names(caller: Principal) -> dict[str, str]:
    return {str(one["uid"]): str(one["printed_name"]) for one in caller.site.ledger.select("user")}


def _told(found: StudioRun, caller: Principal, names: Mapping[str, str]) -> dict[str, Any]:
    mine = found.by == caller.actor.uid
    return {**asdict(found), "by_name": names.get(found.by, ""), "is_mine": mine}


def _replayed(caller: Principal, name: str) -> dict[str, Any]:
    """What the newest kept credibility report says of a model; empty: none was kept."""
    from goldenbatch.capabilities.twin.studio_library import replayed

    return replayed(caller.site, name)


def _text(path: FilePath | None) -> str:
    return "" if path is None else path.read_text("utf-8")
