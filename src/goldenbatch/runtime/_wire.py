"""How events, readings and errors travel between the node and its clients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from goldenbatch.core import errors as _errors
from goldenbatch.core.acquisition import SourceError
from goldenbatch.core.errors import BadInputError, GoldenbatchError, VersionConflictError
from goldenbatch.core.records import (
    DataClass,
    Envelope,
    Event,
    NewEvent,
    bad_record,
    record_types,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from goldenbatch.core.series import Aggregated, Aligned, Frame, Series

ARROW = "application/vnd.apache.arrow.stream"
_META = b"goldenbatch"


def event_to_json(event: Event) -> dict[str, Any]:
    """An event as JSON, its envelope in the form that is hashed."""
    return {
        "seq": event.seq,
        "envelope": event.envelope.as_json(),
        "body": event.body,
        "leaf": event.leaf,
    }


def event_from_json(data: Mapping[str, Any]) -> Event:
    """The event of `event_to_json`."""
    envelope = Envelope.model_validate(data["envelope"])
    return Event(seq=data["seq"], envelope=envelope, body=data["body"], leaf=data["leaf"])


def new_event_to_json(event: NewEvent) -> dict[str, Any]:
    """An event that is to be appended, as JSON."""
    return {
        "stream": event.stream,
        "kind": type(event.body).kind,
        "body": event.body.as_json(),
        "expected_version": event.expected_version,
        "actor": event.actor,
        "acting_for": event.acting_for,
        "performed_at": event.performed_at,
        "owner": event.owner,
        "data_class": event.data_class.value if event.data_class else None,
    }


def new_event_from_json(data: Mapping[str, Any]) -> NewEvent:
    """The event of `new_event_to_json`.

    Raises:
        BadInputError: The kind is not known here, or the body does not fit it.
    """
    cls = record_types().get(data["kind"])
    if cls is None:
        raise BadInputError(
            f"kind of event {data['kind']!r} is not known to this node.",
            hint="Install the capability that brings it where the node runs, and restart it.",
        )
    try:
        body = cls.model_validate(data["body"])
    except ValidationError as error:
        raise bad_record(error, file=f"body of {data['kind']}") from error
    data_class = data.get("data_class")
    return NewEvent(
        stream=data["stream"],
        body=body,
        expected_version=data["expected_version"],
        actor=data["actor"],
        acting_for=data.get("acting_for", ""),
        performed_at=data.get("performed_at"),
        owner=data.get("owner", ""),
        data_class=DataClass(data_class) if data_class else None,
    )


def pack(table: pa.Table, meta: Mapping[str, Any]) -> bytes:
    """A table and what must be known beside it, as one Arrow IPC stream."""
    import pyarrow as pa

    schema = table.schema.with_metadata({_META: json.dumps(meta).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata))
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def unpack(content: bytes) -> tuple[pa.Table, dict[str, Any]]:
    """Table and metadata of `pack`.

    Raises:
        BadInputError: The bytes are no such stream.
    """
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(content) as reader:
            table = reader.read_all()
        meta = json.loads(table.schema.metadata[_META])
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"this is no Arrow stream of goldenbatch: {error}.",
            hint="Send what goldenbatch.runtime.remote sends.",
        ) from error
    return table.replace_schema_metadata(None), meta


def frame_to_bytes(frame: Frame) -> bytes:
    """A frame as an Arrow stream."""
    meta = {
        "source": frame.source,
        "key": frame.key,
        "kind": frame.kind,
        "received_at": frame.received_at,
        "origin": frame.origin,
        "reason": frame.reason,
    }
    return pack(frame.readings, meta)


def frame_from_bytes(content: bytes) -> Frame:
    """The frame of `frame_to_bytes`.

    Raises:
        BadInputError: The bytes are no frame.
    """
    from goldenbatch.core.series import KINDS, Frame

    table, meta = unpack(content)
    names = {"source": str, "key": str, "received_at": int, "origin": str, "reason": str}
    fits = set(meta) == {*names, "kind"} and meta["kind"] in KINDS
    if not fits or any(not isinstance(meta[name], kind) for name, kind in names.items()):
        raise BadInputError("this is no frame of readings.", hint="Say source, key and kind.")
    return Frame(readings=table, **meta)


def series_to_bytes(series: Series) -> bytes:
    """A series as an Arrow stream."""
    return pack(series.table, {"kind": series.kind})


def series_from_bytes(content: bytes) -> Series:
    """The series of `series_to_bytes`."""
    from goldenbatch.core.series import Series

    table, meta = unpack(content)
    return Series(meta["kind"], table)


def aligned_to_bytes(aligned: Aligned) -> bytes:
    """Aligned tags as an Arrow stream: the arrays flattened, their axes beside them."""
    import pyarrow as pa

    columns = {
        name: pa.array(getattr(aligned, name).reshape(-1))
        for name in ("values", "quality", "n_readings")
    }
    meta = {
        "tags": list(aligned.tags),
        "windows": [list(window) for window in aligned.windows],
        "elapsed_us": aligned.elapsed_us.tolist(),
        "shape": list(aligned.values.shape),
    }
    return pack(pa.table(columns), meta)


def aligned_from_bytes(content: bytes) -> Aligned:
    """The aligned tags of `aligned_to_bytes`."""
    import numpy as np

    from goldenbatch.core.series import Aligned

    table, meta = unpack(content)
    shape = tuple(meta["shape"])
    arrays = {name: table.column(name).to_numpy().reshape(shape) for name in table.column_names}
    return Aligned(
        tags=tuple(meta["tags"]),
        elapsed_us=np.asarray(meta["elapsed_us"], dtype=np.int64),
        windows=tuple((start, end) for start, end in meta["windows"]),
        **arrays,
    )


def aggregated_to_bytes(found: Aggregated) -> bytes:
    """Aggregates as an Arrow stream: the arrays flattened, their axes beside them."""
    import pyarrow as pa

    columns = {
        name: pa.array(getattr(found, name).reshape(-1)) for name in ("values", "quality", "times")
    }
    meta = {
        "kind": found.kind,
        "tags": list(found.tags),
        "windows": [list(window) for window in found.windows],
        "settings": asdict(found.settings),
    }
    return pack(pa.table(columns), meta)


def aggregated_from_bytes(content: bytes) -> Aggregated:
    """The aggregates of `aggregated_to_bytes`."""
    from goldenbatch.core.aggregates import AggregateSettings
    from goldenbatch.core.series import Aggregated

    table, meta = unpack(content)
    shape = (len(meta["windows"]), len(meta["tags"]))
    arrays = {name: table.column(name).to_numpy().reshape(shape) for name in table.column_names}
    return Aggregated(
        kind=meta["kind"],
        tags=tuple(meta["tags"]),
        windows=tuple((start, end) for start, end in meta["windows"]),
        settings=AggregateSettings(**meta["settings"]),
        **arrays,
    )


def error_to_json(error: GoldenbatchError) -> dict[str, Any]:
    """The one shape in which errors travel: error, message, hint."""
    data: dict[str, Any] = {
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, VersionConflictError):
        data["details"] = [error.stream, error.expected, error.actual]
    return data


def error_from_json(data: Mapping[str, Any]) -> GoldenbatchError:
    """The error of `error_to_json`, of its own class where that is known here."""
    if data.get("error") == "VersionConflictError" and data.get("details"):
        return VersionConflictError(*data["details"])
    name = str(data.get("error", ""))
    named = SourceError if name == SourceError.__name__ else getattr(_errors, name, None)
    cls = GoldenbatchError
    if isinstance(named, type) and issubclass(named, GoldenbatchError):
        cls = _errors.ConflictError if issubclass(named, VersionConflictError) else named
    return cls(str(data.get("message", "")), hint=str(data.get("hint", "")))
