"""Versions of models and what serves, as tables: what the folds say, for lists.

A step that needs a signature changes a row only when the signature comes; whether the evidence of
a signature holds, the folds of `model_life` say, not these rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_card import Criterion
from goldenbatch.core.model_life import SIGNED_AS, Progress, Stage, passed_over, stage_after
from goldenbatch.core.model_line import LineState, Serving, after
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelActivated,
    ModelApproved,
    ModelBody,
    ModelDrafted,
    ModelRetired,
    ModelSuspended,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
)
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import Event, Projection, Row
from goldenbatch.core.signatures import proposal_digest

Lookup = Callable[[tuple[Any, ...]], Row | None]

_VERSION: Final = re.compile(r"model/([a-z][a-z0-9_.-]{0,59})/([1-9][0-9]{0,8})")
_LINE: Final = re.compile(r"model/([a-z][a-z0-9_.-]{0,59})")
_STEPS: Final = (
    IntendedUseStated,
    CriteriaFixed,
    TestDataBound,
    ModelTrained,
    ModelTested,
    ModelValidated,
    ModelApproved,
    GateJudged,
)


def _fold_version(event: Event, lookup: Lookup) -> list[Row]:
    named = _VERSION.fullmatch(event.stream)
    body = event.decode()
    if named is None or body is None:
        return []
    key = (named[1], int(named[2]))
    if isinstance(body, ModelDrafted):
        is_it = event.envelope.version == 1 and (body.use, body.version) == key
        return [_drafted(event, body, lookup)] if is_it else []
    row = lookup(key)
    if row is None:
        return []
    row = {**row, "head": event.envelope.version}
    if isinstance(body, SignatureApplied):
        return [_signed(row, body, event)]
    return [_stepped({**row, "pending": ""}, body, event)] if isinstance(body, _STEPS) else [row]


def _drafted(event: Event, body: ModelDrafted, lookup: Lookup) -> Row:
    names = ("use", "version", "title", "owner", "method", "analyst", "follows", "plan",
             "modification", "origin")  # fmt: skip
    row = {name: getattr(body, name) for name in names}
    row |= {"stage": Stage.DRAFTED.value, "purpose": "", "criticality": "", "criteria": "[]"}
    row |= {"n_least": 0, "test_set": "", "digest": "", "media_type": "", "judged": 0}
    row |= {"outcome": "", "drafted_by": event.envelope.actor, "pending": "", "head": 1}
    row |= {"drafted_at": event.envelope.recorded_at, "changed_at": event.envelope.recorded_at}
    followed = lookup((body.use, body.follows)) if body.follows else None
    if followed is not None and followed["stage"] == Stage.APPROVED:
        kept = ("purpose", "criticality", "criteria", "n_least")
        row |= {name: followed[name] for name in kept} | {"stage": Stage.CRITERIA.value}
    return row


def _progress(row: Row) -> Progress:
    return Progress(
        row["use"],
        row["version"],
        Stage(row["stage"]),
        criteria=tuple(Criterion(**one) for one in json.loads(row["criteria"])),
        n_least=row["n_least"],
        test_set=row["test_set"],
        trained=row["digest"],
        plan=row["plan"],
        follows=row["follows"],
        judged=(row["judged"], row["outcome"]),
    )


def _stepped(row: Row, body: ModelBody, event: Event) -> Row:
    """The row after a step, or with the step in waiting for its signature."""
    progress, wanted = _progress(row), SIGNED_AS.get(type(body))
    if passed_over(progress, body, wanted):
        return row
    number = event.envelope.version
    changed = {"stage": stage_after(progress, body).value, **_entries(body, number)}
    changed["changed_at"] = event.envelope.recorded_at
    if wanted is None:
        return row | changed
    waiting = {
        "number": number,
        "actor": event.envelope.actor,
        "meaning": wanted.value,
        "proposal": proposal_digest(event.kind, event.body or {}),
        "changed": changed,
    }
    return row | {"pending": json.dumps(waiting, sort_keys=True)}


def _entries(body: ModelBody, number: int) -> Row:
    """Columns that a step fills."""
    if isinstance(body, IntendedUseStated):
        intended = body.intended
        return {"purpose": intended.purpose, "criticality": intended.criticality.value}
    if isinstance(body, CriteriaFixed):
        criteria = [one.model_dump(mode="json") for one in body.criteria]
        return {"criteria": json.dumps(criteria, sort_keys=True), "n_least": body.n_least}
    if isinstance(body, TestDataBound):
        return {"test_set": body.test_set}
    if isinstance(body, ModelTrained):
        return {"digest": body.digest, "media_type": body.media_type}
    if isinstance(body, GateJudged):
        return {"judged": number, "outcome": body.outcome.value}
    return {}


def _signed(row: Row, body: SignatureApplied, event: Event) -> Row:
    """The row after a signature: the step before it counts if it is of who took it."""
    waiting: Mapping[str, Any] = json.loads(row["pending"]) if row["pending"] else {}
    row = row | {"pending": ""}
    if not waiting or waiting["number"] != event.envelope.version - 1:
        return row
    lent = body.acting_for.uid if body.acting_for is not None else event.envelope.acting_for
    found = (body.signer, event.envelope.actor, body.meaning.value, body.proposal, body.stream)
    told = (waiting["actor"], waiting["actor"], waiting["meaning"], waiting["proposal"])
    holds = found == (*told, event.stream) and lent == event.envelope.acting_for
    holds &= body.version < waiting["number"] and body.statement().digest() == body.statement_hash
    return row | dict(waiting["changed"]) if holds else row


MODEL_VERSIONS = Projection(
    name="model_version",
    version=1,
    columns={
        "use": "TEXT",
        "version": "INTEGER",
        "title": "TEXT",
        "owner": "TEXT",
        "method": "TEXT",
        "analyst": "TEXT",
        "follows": "INTEGER",
        "plan": "TEXT",
        "modification": "TEXT",
        "origin": "TEXT",
        "stage": "TEXT",
        "purpose": "TEXT",
        "criticality": "TEXT",
        "criteria": "TEXT",
        "n_least": "INTEGER",
        "test_set": "TEXT",
        "digest": "TEXT",
        "media_type": "TEXT",
        "judged": "INTEGER",
        "outcome": "TEXT",
        "drafted_by": "TEXT",
        "drafted_at": "INTEGER",
        "changed_at": "INTEGER",
        "pending": "TEXT",
        "head": "INTEGER",
    },
    key=("use", "version"),
    kinds=frozenset({ModelDrafted.kind, SignatureApplied.kind, *(one.kind for one in _STEPS)}),
    fold=_fold_version,
    indexes=(("digest",), ("stage",), ("test_set",)),
)
"""One row a version, with its own stage (up to `approved`); `model_line` says what serves."""


def _fold_line(event: Event, lookup: Lookup) -> list[Row]:
    named = _LINE.fullmatch(event.stream)
    body = event.decode()
    if named is None or not isinstance(body, ModelActivated | ModelSuspended | ModelRetired):
        return []
    before = lookup((named[1],))
    line = _line(named[1], before)
    state = after(line, event)
    if replace(line, head=state.head, faults=state.faults) == state:  # it counted for nothing
        return [] if before is None else [{**before, "head": state.head}]
    serving = state.serving or Serving(0)
    return [
        {
            "use": state.use,
            "active": serving.version,
            "is_fallback": int(state.is_fallback),
            "digest": serving.digest,
            "media_type": serving.media_type,
            "approval": serving.approval,
            "since": serving.since,
            "activated": json.dumps(state.activated),
            "suspended": json.dumps(sorted(state.suspended)),
            "retired": json.dumps(sorted(state.retired)),
            "reason": body.reason,
            "changed_by": event.envelope.actor,
            "changed_at": event.envelope.recorded_at,
            "head": state.head,
        }
    ]


def _line(use: str, row: Row | None) -> LineState:
    if row is None:
        return LineState(use)
    serving = Serving(
        row["active"], row["digest"], row["media_type"], row["approval"], row["since"]
    )
    return LineState(
        use,
        serving if row["since"] else None,
        is_fallback=bool(row["is_fallback"]),
        activated=tuple(json.loads(row["activated"])),
        suspended=frozenset(json.loads(row["suspended"])),
        retired=frozenset(json.loads(row["retired"])),
        head=row["head"],
    )


MODEL_LINES = Projection(
    name="model_line",
    version=1,
    columns={
        "use": "TEXT",
        "active": "INTEGER",
        "is_fallback": "INTEGER",
        "digest": "TEXT",
        "media_type": "TEXT",
        "approval": "TEXT",
        "since": "INTEGER",
        "activated": "TEXT",
        "suspended": "TEXT",
        "retired": "TEXT",
        "reason": "TEXT",
        "changed_by": "TEXT",
        "changed_at": "INTEGER",
        "head": "INTEGER",
    },
    key=("use",),
    kinds=frozenset({ModelActivated.kind, ModelRetired.kind, ModelSuspended.kind}),
    fold=_fold_line,
)
"""One row a use: the version that serves (0: the contingency, or nothing yet)."""


def line_of(row: Row | None, use: str) -> LineState:
    """The line that a row of `model_line` tells; without one nothing was ever activated."""
    return _line(use, row)


PROJECTIONS = (MODEL_VERSIONS, MODEL_LINES)
"""All projections of this module."""
