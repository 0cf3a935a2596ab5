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
from collections.abc import Iterable, Iterator, Sequence
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
_N_RECORDS, _N_ROWS = 512, 50_000


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


def log_groups(records: Iterable[LogRecord]) -> Iterator[list[LogRecord]]:
    """Records in groups that are read at once: many small blocks, or one large one."""
    group: list[LogRecord] = []
    n_rows = 0
    for record in records:
        if group and (len(group) >= _N_RECORDS or n_rows + record.n > _N_ROWS):
            yield group
            group, n_rows = [], 0
        group.append(record)
        n_rows += record.n
    if group:
        yield group


Numbers = dict[str, "Floats"]


def logged_numbers(
    historian: HistorianPort, records: Sequence[LogRecord]
) -> list[Numbers | IntegrityError]:
    """Columns of blocks as they were logged, by time; NaN where there is no number.

    A block whose numbers are not as many as its record says is an error in its place.
    """
    if not records:
        return []
    tags = [log_tag(records[0].use, one) for one in COLUMNS]
    found = _frames(historian, tags, [record.numbers for record in records])
    whole: list[Numbers | IntegrityError] = []
    for record, (_, columns) in zip(records, found, strict=True):
        short = [tag for tag, one in zip(tags, columns, strict=True) if len(one) != record.n]
        if not short:
            values = (np.asarray(one, dtype=np.float64) for one in columns)
            whole.append(dict(zip(COLUMNS, values, strict=True)))
            continue
        whole.append(
            IntegrityError(
                f"{short[0]} has not the {record.n} numbers in frame {record.numbers} that were "
                "logged.",
                hint="Run `goldenbatch verify`.",
            )
        )
    return whole


def logged_inputs(
    historian: HistorianPort, records: Sequence[LogRecord], width: int
) -> list[Floats | IntegrityError]:
    """Inputs of blocks as they were logged, by time, shape (n_rows, width).

    Those that are not there any more are an error in their place.
    """
    own = [record for record in records if record.rows]
    kept: dict[int, list[Any]] = {}
    if own:
        tag = log_tag(own[0].use, INPUTS)
        frames = _frames(historian, [tag], [record.rows for record in own])
        kept = {record.seq: columns[0] for record, (_, columns) in zip(own, frames, strict=True)}
    found: list[Floats | IntegrityError] = []
    for record in records:
        values = kept[record.seq] if record.rows else _of_tag(historian, record)
        rows = [_row(one, width) for one in values]
        if len(rows) == record.n:
            found.append(np.array(rows, dtype=np.float64).reshape(record.n, width))
            continue
        what = f"{record.use}@{record.version} ({record.key})"
        found.append(
            IntegrityError(
                f"{len(rows)} of {record.n} inputs of {what} are there.",
                hint="What was deleted under retention cannot be predicted again.",
            )
        )
    return found


def _frames(
    historian: HistorianPort, tags: Sequence[str], seqs: Sequence[int]
) -> list[tuple[Integers, list[Any]]]:
    """Of each frame the times of the first tag and the values of each tag, both by time."""
    known = historian.tags()
    present = [tag for tag in tags if tag in known]
    if not present:
        return [(np.zeros(0, dtype=np.int64), [[] for _ in tags]) for _ in seqs]
    series = historian.since(present, min(seqs) - 1, max(seqs))
    values: list[list[Any]] = [[] for _ in seqs]
    times = [np.zeros(0, dtype=np.int64) for _ in seqs]
    for tag in tags:
        one = series.of(tag)
        at, of = one.times(), one.seqs()
        order = np.lexsort((at, of))
        at, of = at[order], of[order]
        column: Any = one.table.column("value").take(order)
        column = column.to_numpy() if one.kind == "number" else column.to_pylist()
        for place, seq in enumerate(seqs):
            start, end = np.searchsorted(of, [seq, seq + 1])
            values[place].append(column[start:end])
            if tag == tags[0]:
                times[place] = at[start:end]
    return list(zip(times, values, strict=True))


def _of_tag(historian: HistorianPort, record: LogRecord) -> list[Any]:
    """Readings of another tag that the block was predicted from, as they were known then."""
    outside = log_tag(record.use, "outside")
    ((wanted, _),) = _frames(historian, [outside], [record.numbers])
    if record.tag not in historian.tags():
        return []
    series = historian.read([record.tag], (record.start, record.end + 1), record.as_of)
    order = np.argsort(series.times(), kind="stable")
    order = order[np.isin(series.times()[order], wanted)]
    values: list[Any] = series.table.column("value").take(order).to_pylist()
    return values


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
    for group in log_groups(log_records(historian, use)):
        for record, numbers in zip(group, logged_numbers(historian, group), strict=True):
            if isinstance(numbers, IntegrityError):
                raise numbers
            columns = [numbers[name] for name in COLUMNS]
            found[record.version, record.key] = fingerprint(
                record.version, record.model, record.inputs, columns
            )
    return found
