"""The log of predictions that are acted on: columns in the historian, one record a block.

Three frames a block of source `model/<use>`, each under a key of its own so that writing it again
adds nothing: the inputs (an array a row, unless another tag has them), the numbers (value, lower,
upper, and why it is outside the domain), and last the record: version, artefact, digest of the
inputs, and the frames that hold them. A block without a record was cut off by a crash, and is
whole once its writer has come back. The chunk of the source is bound to the ledger as every other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.model_records import PREFIX
from goldenbatch.core.prediction import Outside
from goldenbatch.core.series import Frame, Quality, frame_table

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionBlock, PredictionsMade
    from goldenbatch.core.series import Floats, Integers, ReadingKind
    from goldenbatch.core.site import HistorianPort

FORM: Final = "goldenbatch/predictions/1"
COLUMNS: Final = ("value", "lower", "upper", "outside")
INPUTS, RECORD = "inputs", "record"


def log_tag(use: str, column: str) -> str:
    """Tag of the log: `value`, `lower`, `upper`, `outside`, `inputs` or `record`."""
    return f"{PREFIX}{use}/{column}"


def log_source(use: str) -> str:
    """Source of the frames of a model."""
    return f"{PREFIX}{use}"


@dataclass(frozen=True)
class LogRecord:
    """What is kept of a block beside its numbers.

    Attributes:
        key: What it was made for.
        model: SHA-256 of the artefact.
        inputs: SHA-256 of the canonical inputs of the whole block.
        start: Time of the first row.
        end: Time of the last row.
        n: Number of rows.
        numbers: Number of the frame that holds value, lower, upper, outside.
        rows: Number of the frame that holds the inputs; 0: `tag` does.
        tag: Array tag whose readings are the inputs, as they were known at frame `as_of`.
        seq: Number of the record's own frame.
    """

    use: str
    version: int
    key: str
    model: str
    inputs: str
    start: int
    end: int
    n: int
    numbers: int
    rows: int = 0
    tag: str = ""
    as_of: int = 0
    seq: int = 0

    def text(self) -> str:
        """Canonical JSON of all but `seq`."""
        values = {name: one for name, one in asdict(self).items() if name != "seq"}
        return json.dumps(values | {"form": FORM}, sort_keys=True, separators=(",", ":"))


def write_log(
    historian: HistorianPort, made: PredictionsMade, key: str, received_at: int
) -> tuple[int, ...]:
    """Write predictions, their inputs and their record; the same key again adds nothing.

    Returns:
        Numbers of the frames, the record's last; nothing for an empty block.

    Raises:
        BadInputError: The times do not rise, or are not one a row.
    """
    block, times = made.block, np.asarray(made.times, dtype=np.int64)
    _require_rows(made, times)
    if not len(block):
        return ()
    ref, frames = block.model, []

    def write(part: str, kind: ReadingKind, table: Any) -> int:
        name = f"{ref.version}/{key}/{part}"
        frame = Frame(log_source(ref.use), name, kind, table, received_at)
        frames.append(historian.write(frame).seq)
        return frames[-1]

    rows = 0
    if made.rows is not None:
        rows = write(INPUTS, "array", _inputs(ref.use, times, made.rows))
    numbers = write("numbers", "number", _numbers(block, times))
    record = LogRecord(
        ref.use, ref.version, key, ref.digest, block.input_digest, int(times[0]), int(times[-1]),
        len(block), numbers, rows, made.tag, made.as_of,
    )  # fmt: skip
    tag = log_tag(ref.use, RECORD)
    write(RECORD, "text", frame_table("text", times[-1:], [tag], [record.text()], [0]))
    return tuple(frames)


def _require_rows(made: PredictionsMade, times: Integers) -> None:
    n = len(made.block)
    rows = made.rows
    if times.shape != (n,) or (rows is not None and rows.shape != (n, len(made.block.inputs))):
        raise BadInputError(
            f"{n} predictions of {made.block.model} come with {times.shape} times and "
            f"{'no' if rows is None else rows.shape} rows.",
            hint="Give the rows that were predicted, and one time a row.",
        )
    if (np.diff(times) <= 0).any():
        raise BadInputError(
            f"the times of predictions of {made.block.model} do not rise.",
            hint="Predict rows in the order of time, one a time.",
        )
    if (rows is None) == (not made.tag):
        raise BadInputError("predictions are logged with their rows, or with the tag of them.")


def _inputs(use: str, times: Integers, rows: Floats) -> Any:
    import pyarrow as pa

    n, width = rows.shape
    offsets = np.arange(n + 1, dtype=np.int32) * width
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float64).ravel())
    values = pa.ListArray.from_arrays(pa.array(offsets), flat)
    return frame_table("array", times, _coded([log_tag(use, INPUTS)], n), values, [0] * n)


def _numbers(block: PredictionBlock, times: Integers) -> Any:
    """The columns, one after the other; a number that is none has no value."""
    import pyarrow as pa

    use, n = block.model.use, len(block)
    columns = [block.values, block.lower, block.upper, block.outside.astype(np.float64)]
    values = pa.array(np.concatenate(columns), from_pandas=True)
    worst = np.where(block.outside == 0, int(Quality.GOOD), int(Quality.UNCERTAIN))
    worst = np.where(block.outside & int(Outside.NO_VALUE), int(Quality.BAD), worst)
    tags = _coded([log_tag(use, one) for one in COLUMNS], n)
    count = len(COLUMNS)
    return frame_table("number", np.tile(times, count), tags, values, np.tile(worst, count))


def _coded(tags: Sequence[str], n: int) -> Any:
    import pyarrow as pa

    codes = np.repeat(np.arange(len(tags), dtype=np.int32), n)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(tags), pa.string()))


# ---- reading it again ---------------------------------------------------------------------------


def logged_uses(historian: HistorianPort) -> list[str]:
    """Uses of which predictions are logged."""
    suffix = f"/{RECORD}"
    return sorted(
        tag.removeprefix(PREFIX).removesuffix(suffix)
        for tag in historian.tags()
        if tag.startswith(PREFIX) and tag.endswith(suffix)
    )


def log_records(
    historian: HistorianPort, use: str, after: int = 0, upto: int | None = None
) -> Iterator[LogRecord]:
    """Records of a use in the order in which they were written.

    Raises:
        IntegrityError: One is no record.
    """
    tag = log_tag(use, RECORD)
    if historian.tags().get(tag) != "text":
        return
    series = historian.since([tag], after, upto)
    for text, seq in zip(series.values().tolist(), series.seqs().tolist(), strict=True):
        yield _record(text, seq, use)


def _record(text: str, seq: int, use: str) -> LogRecord:
    try:
        values = json.loads(text)
        if values.pop("form") != FORM or values["use"] != use:
            raise ValueError("it is of another form or model")
        return LogRecord(**values, seq=seq)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"frame {seq} of {log_source(use)} is no record of predictions: {error}.",
            hint="Run `goldenbatch verify`.",
        ) from error


def logged_numbers(historian: HistorianPort, record: LogRecord) -> dict[str, Floats]:
    """Columns of a block as they were logged, by time; NaN where there is no number.

    Raises:
        IntegrityError: They are not as many as the record says.
    """
    found = {}
    for column in COLUMNS:
        tag = log_tag(record.use, column)
        series = historian.since([tag], record.numbers - 1, record.numbers)
        if len(series) != record.n:
            raise IntegrityError(
                f"{tag} has {len(series)} numbers in frame {record.numbers}, and {record.n} were "
                "logged.",
                hint="Run `goldenbatch verify`.",
            )
        order = np.argsort(series.times(), kind="stable")
        found[column] = np.asarray(series.values(), dtype=np.float64)[order]
    return found


def logged_inputs(historian: HistorianPort, record: LogRecord, width: int) -> Floats:
    """Inputs of a block as they were logged, by time, shape (n_rows, width).

    Raises:
        IntegrityError: They are not there any more, or of another width.
    """
    if record.rows:
        series = historian.since([log_tag(record.use, INPUTS)], record.rows - 1, record.rows)
    else:
        window = (record.start, record.end + 1)
        series = historian.read([record.tag], window, record.as_of)
        wanted = logged_times(historian, record)
        kept = np.isin(series.times(), wanted)
        series = type(series)(series.kind, series.table.filter(kept.tolist()))
    column = series.table.column("value").to_pylist()
    order = np.argsort(series.times(), kind="stable").tolist()
    rows = [_row(column[place], width) for place in order]
    if len(rows) != record.n:
        raise IntegrityError(
            f"{len(rows)} of {record.n} inputs of {record.use}@{record.version} ({record.key}) are "
            "there.",
            hint="What was deleted under retention cannot be predicted again.",
        )
    return np.array(rows, dtype=np.float64)


def logged_times(historian: HistorianPort, record: LogRecord) -> Integers:
    """Times of the rows of a block, rising."""
    tag = log_tag(record.use, "outside")
    return np.sort(historian.since([tag], record.numbers - 1, record.numbers).times())


def _row(values: Sequence[float | None] | None, width: int) -> list[float]:
    """A reading of an array as a row; one that is none, or of another length, is missing."""
    if values is None or len(values) != width:
        return [float("nan")] * width
    return [float("nan") if one is None else float(one) for one in values]


# ---- comparing ----------------------------------------------------------------------------------


def fingerprint(version: int, model: str, inputs: str, columns: Sequence[Floats | Integers]) -> str:
    """One digest of what a block says: version, artefact, inputs, and each bit of its numbers."""
    digest = hashlib.sha256(f"{version}\n{model}\n{inputs}\n".encode())
    for column in columns:
        numbers = np.asarray(column, dtype="<f8")
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).tobytes())
    return digest.hexdigest()


def fingerprint_of(block: PredictionBlock) -> str:
    """Of a block as a model gives it."""
    columns = (block.values, block.lower, block.upper, block.outside)
    return fingerprint(block.model.version, block.model.digest, block.input_digest, columns)


def logged_fingerprints(historian: HistorianPort, use: str) -> dict[tuple[int, str], str]:
    """Version and key of each logged block to the digest of what stands in the historian."""
    found = {}
    for record in log_records(historian, use):
        numbers = logged_numbers(historian, record)
        columns = [numbers[name] for name in COLUMNS]
        found[record.version, record.key] = fingerprint(
            record.version, record.model, record.inputs, columns
        )
    return found
