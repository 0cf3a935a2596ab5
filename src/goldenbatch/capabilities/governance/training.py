"""Act `train`: fit and freeze a version's model, or take an imported one, and record its data.

What was trained serves nobody: no `ModelFitted` is recorded, and only an approval leads to
`ModelActivated`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from goldenbatch.capabilities.governance._environment import environment
from goldenbatch.capabilities.governance.binding import (
    require_apart_from,
    require_apart_from_artefact,
    version_and_set,
)
from goldenbatch.capabilities.governance.row_files import FileAsked, file_ranges, file_rows
from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.capabilities.governance.selecting import HomeRows, RowsAsked, read_table
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.model_card import DataUsed
from goldenbatch.core.model_records import ModelTrained
from goldenbatch.core.model_training import Frozen, Trainer, TrainingRows
from goldenbatch.core.overlap import place_of
from goldenbatch.core.people import Meaning
from goldenbatch.core.sealing import sealing_of
from goldenbatch.science.errors import ScienceError

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Actor, Site
    from goldenbatch.core.test_sets import TestSetState
    from goldenbatch.science.predictors import Predictor

TRAIN: Final = "model:train"
_KNOWN = (
    "use", "version", "trainer", "settings", "seed", "data", "file", "leave_out", "artefact",
    "used", "code_version",
)  # fmt: skip


def train(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Fit a version's model and freeze it, by signature of who trains.

    Values: `use`, `version`; `trainer` (such as `monitoring.soft_sensor`) with `settings` and
    `seed`, by default those of the analyst that the draft names; `data` of the home or `file`;
    `leave_out` (true: rows that the sealed set shares are left out, and counted). An imported
    model has `artefact` instead, with the same `data` or `file` that it was trained on, or `used`,
    and `code_version`.
    """
    take.only(values, _KNOWN)
    state, chosen = version_and_set(site, values)
    state.require(ModelTrained)
    chosen.require_sealed()
    _require_unread(state, chosen)
    rows, n_left_out = _rows(site, values, chosen)
    used = _used(site, values, rows)
    require_apart_from(chosen, used, f"the training data of {state.stream}")
    frozen = _frozen(site, values, state, rows)
    digest = site.registry.put(frozen.content, frozen.media_type)
    require_apart_from_artefact(site, digest, chosen)
    predictor = load_artefact(frozen.content, frozen.media_type, state)
    measures = _measures(frozen, predictor, rows, n_left_out)
    body = ModelTrained(
        use=state.draft.use,
        version=state.draft.version,
        digest=digest,
        media_type=frozen.media_type,
        data=used,
        settings=dict(frozen.settings),
        code_version=frozen.code_version,
        environment=environment(),
        seeds=dict(frozen.seeds),
        measures=measures,
    )
    also = {chosen.stream: chosen.head}
    reason = f"trained by {frozen.method}"
    return Intent(
        state.stream, body, (TRAIN,), state.head, Meaning.PERFORMED, reason, also=also,
        is_costly=True,
    )  # fmt: skip


def load_artefact(content: bytes, media_type: str, state: VersionState) -> Predictor:
    """The predictor of a version's artefact.

    Raises:
        BadInputError: Nothing predicts by it, or it predicts several things.
    """
    from goldenbatch.science.predictors import load_predictor

    try:
        predictor = load_predictor(content, media_type)
    except ScienceError as error:
        raise BadInputError(
            f"the artefact of {state.stream} cannot predict: {error}.",
            hint="Give a model of a type that can: see the README of governance.",
            key="artefact",
        ) from error
    if len(predictor.facts.outputs) != 1:
        raise BadInputError(
            f"the artefact of {state.stream} gives {len(predictor.facts.outputs)} outputs.",
            hint="A use has one output; make one model of each.",
            key="artefact",
        )
    return predictor


def _require_unread(state: VersionState, chosen: TestSetState) -> None:
    """Refuse to train anew what was held against the sealed rows, recorded or not.

    Raises:
        ConflictError: The rows were read for a test of this version.
    """
    if chosen.was_read_for(state.draft.use, state.draft.version):
        raise ConflictError(
            f"{chosen.stream} was read for a test of {state.stream}: it is not trained again.",
            hint="Record that test; another attempt is a version of its own.",
        )


# ---- rows and what they are -----------------------------------------------------------------


def _rows(site: Site, values: Mapping[str, Any], chosen: TestSetState) -> tuple[Rows | None, int]:
    """Rows to train on, and how many were left out because the sealed set has them."""
    home, file = take.table(values, "data"), take.table(values, "file")
    if home is None and file is None and "used" in values and "artefact" in values:
        return None, 0
    if (home is None) == (file is None):
        raise BadInputError(
            "rows come either from the home (`data`) or from a file (`file`).", key="data"
        )
    is_left_out = take.switch(values, "leave_out", True)
    if file is not None:
        given = read_table(FileAsked, file, "file")
        rows = file_rows(given)
        places = set(rows.places)
        keep = _apart(rows, chosen, places) if is_left_out else [True] * len(rows)
        kept = _require(rows.where(keep))
        return replace(kept, ranges=file_ranges(given.name, kept)), keep.count(False)
    asked = read_table(RowsAsked, home or {}, "data")
    source = HomeRows(site, asked)
    rows = source.rows
    places = {place_of(tag) for tag in asked.inputs}
    keep = _apart(rows, chosen, places) if is_left_out else [True] * len(rows)
    return source.chosen(_require(rows.where(keep))), keep.count(False)


def _require(rows: Rows) -> Rows:
    if not len(rows):
        raise BadInputError(
            "the sealed set has all the rows: none is left to train on.", key="data"
        )
    return rows


def _apart(rows: Rows, chosen: TestSetState, places: Collection[str]) -> list[bool]:
    """Which rows lie outside a sealed set, by what its manifest says.

    Args:
        rows: They.
        chosen: The set.
        places: Places that the rows were measured at.
    """
    data, cut = chosen.selected.data, chosen.selected.cut
    lots, batches, samples = set(data.lots), set(data.batches), set(data.samples)
    spans = [
        (one.start, one.end or one.start + 1)
        for one in data.ranges
        if one.start is not None and place_of(one.what) in places
    ]
    keep = []
    for n in range(len(rows)):
        at = rows.times[n]
        is_shared = rows.samples[n] in samples - {""} or rows.batches[n] in batches - {""}
        is_shared |= bool(lots & set(rows.lots[n]))
        is_shared |= cut.split == "equipment" and rows.places[n] in data.places
        if at is not None:
            is_shared |= cut.at is not None and at >= cut.at and (not cut.until or at < cut.until)
            is_shared |= any(start <= at < end for start, end in spans)
        keep.append(not is_shared)
    return keep


def _used(site: Site, values: Mapping[str, Any], rows: Rows | None) -> DataUsed:
    if rows is not None:
        return rows.used(sealing_of(site))
    used = read_table(DataUsed, take.table(values, "used") or {}, "used")
    has_times = all(one.start is not None and one.end is not None for one in used.ranges)
    if not (has_times or used.batches or used.lots or used.samples or used.rows):
        raise BadInputError(
            "nothing is said of the training data by which an overlap with the test could be "
            "found.",
            hint="Give the times of each range, or batches, lots or samples; or the data itself.",
            key="used",
        )
    return used


# ---- the artefact ---------------------------------------------------------------------------


def _frozen(
    site: Site, values: Mapping[str, Any], state: VersionState, rows: Rows | None
) -> Frozen:
    if values.get("artefact"):
        return _imported(site, values, state)
    if rows is None:
        raise BadInputError("there are no rows to train on.", key="data")
    name, settings = _trainer(site, values, state)
    offers = dict(site.offers("trainers"))
    if name not in offers:
        known = ", ".join(sorted(offers)) or "none"
        raise NotFoundError(f"no trainer is named {name!r}.", hint=f"There are: {known}.")
    given = TrainingRows(
        rows.names, rows.inputs, rows.reference, rows.groups, rows.output, rows.unit
    )
    trainer = cast("Trainer", offers[name].load())
    return trainer(given, settings, take.number(values, "seed", 0))


def _trainer(
    site: Site, values: Mapping[str, Any], state: VersionState
) -> tuple[str, Mapping[str, Any]]:
    """Which trainer with which settings: as given, or as the draft's analyst was adopted."""
    settings = take.table(values, "settings")
    name = take.text(values, "trainer", "")
    if name and settings is not None:
        return name, settings
    if not state.draft.analyst:
        raise BadInputError(
            "say which `trainer` fits the model, with its `settings`: the draft names no analyst.",
            key="trainer",
        )
    adopted = None
    for event in site.ledger.events(kinds=(AnalystAdopted.kind,)):
        body = event.decode()
        if isinstance(body, AnalystAdopted) and body.name == state.draft.analyst:
            adopted = body
    if adopted is None:
        raise NotFoundError(
            f"no analyst named {state.draft.analyst!r} was adopted.",
            hint="Adopt it, or give `trainer` and `settings`.",
        )
    return name or adopted.analyst, adopted.settings if settings is None else settings


def _imported(site: Site, values: Mapping[str, Any], state: VersionState) -> Frozen:
    digest = take.text(values, "artefact")
    if state.draft.origin != "imported":
        raise ConflictError(
            f"{state.stream} was not drafted as imported, so it is trained here.",
            hint="Draft it from the imported model, which says what is known of it.",
        )
    settings = dict(take.table(values, "settings") or {"known": dict(state.draft.known)})
    return Frozen(
        content=site.registry.get(digest),
        media_type=site.registry.media_type(digest),
        method=state.draft.method,
        code_version=take.text(values, "code_version", "") or f"imported {digest[:12]}",
        settings=settings,
    )


def _measures(
    frozen: Frozen, predictor: Predictor, rows: Rows | None, n_left_out: int
) -> dict[str, float]:
    """Measures on the training data: how well it remembers, and no evidence of its use."""
    measures = {name: float(one) for name, one in frozen.measures.items() if math.isfinite(one)}
    if rows is None:
        return measures
    measures |= {
        "reference_mean": float(np.mean(rows.reference)),
        "n_rows": float(len(rows)),
        "n_independent": float(rows.n_independent),
        "n_left_out_for_the_test": float(n_left_out),
    }
    try:
        found = predictor.predict(rows.columns(predictor.facts.inputs)).value[:, 0]
    except ScienceError as error:
        raise BadInputError(
            f"the model cannot predict its own training rows: {error}.", key="artefact"
        ) from error
    error_of = float(np.sqrt(np.mean((found - rows.reference) ** 2)))
    if math.isfinite(error_of):
        measures.setdefault("rmse_training", error_of)
    return measures
