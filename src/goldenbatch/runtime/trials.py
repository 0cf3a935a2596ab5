"""Trials over folders of files: the runner opens the test files, and only after the fit."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import bad_record
from goldenbatch.core.trial import Split, Trial, TrialData, TrialFile, select_columns
from goldenbatch.runtime._trial_split import rows_left_out, side_of_role, split_rows
from goldenbatch.runtime._trial_tables import RoleTable, read_role

if TYPE_CHECKING:
    from goldenbatch.runtime.discovery import Discovery


def load_trial_file(path: Path) -> TrialFile:
    """Read a trial file.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is not TOML, or an entry is missing, unknown or impossible.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"trial file {path} cannot be opened: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInputError("this is not UTF-8 text.", file=str(path)) from error
    try:
        file = TrialFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"this is not TOML: {error}.", file=str(path)) from error
    except ValidationError as error:
        raise bad_record(error, file=str(path)) from error
    _check_split(file, path)
    return file


def _check_split(file: TrialFile, path: Path) -> None:
    split: Split = file.split
    if not file.files:
        raise BadInputError("no files are named.", file=str(path), key="files")
    if split.by == "file":
        odd = [role for role in file.files if side_of_role(role) is None]
        sides = {side_of_role(role) for role in file.files}
        needed = {"test"} if split.simulated else {"train", "test"}
        if odd or not needed <= sides:
            raise BadInputError(
                "with split.by = 'file' every role is named train..., test... or shared..., "
                f"and both sides have one; found {', '.join(file.files)}.",
                file=str(path),
                key="files",
            )
    if split.by == "column" and not (split.column and split.train and split.test):
        raise BadInputError(
            "split.by = 'column' needs column, train and test.", file=str(path), key="split"
        )
    if split.by == "group" and not split.column:
        raise BadInputError("split.by = 'group' needs column.", file=str(path), key="split")


def evaluate(
    name: str, trial_file: Path, data_dir: Path, discovery: Discovery | None = None
) -> dict[str, Any]:
    """Fit and measure a trial over a folder of labelled files; performance, not validation.

    Args:
        name: Full name of the trial, `capability.name`; must be the one in the file.
        trial_file: TOML file that says what the files are, and how they are split.
        data_dir: Folder with the files.
        discovery: Where to look for the trial; the installed capabilities by default.

    Returns:
        `measures`, `baseline`, `trial`, `version` and `data` (names and SHA-256; the rows that
        the split names for neither side).

    Raises:
        NotFoundError: The trial, its file or the folder does not exist.
        BadInputError: A file or a column is missing or cannot be read.
    """
    from goldenbatch.runtime import discovery as capabilities

    file = load_trial_file(trial_file)
    if file.trial != name:
        raise BadInputError(
            f"it describes the trial {file.trial!r}, not {name!r}.",
            file=str(trial_file),
            key="trial",
            hint="Give the file that belongs to the trial.",
        )
    if not data_dir.is_dir():
        raise NotFoundError(f"data folder {data_dir} does not exist.", hint="Give --data a folder.")
    return run_trial(capabilities.trial(name, discovery), file, trial_file, data_dir)


def run_trial(trial: Trial, file: TrialFile, trial_file: Path, data_dir: Path) -> dict[str, Any]:
    """Run one trial; the test side is opened after `fit` has returned."""
    left_out: dict[str, dict[str, int]] = {}
    if file.split.by == "file":
        train = _read_side(file, data_dir, "train")
        if not file.split.simulated:
            _check_columns(file, (train,), is_complete=False)
        method = trial.fit(file, train)
        test = _read_side(file, data_dir, "test")
        _check_columns(file, (train, test), is_complete=True)
    else:
        tables = {role: read_role(role, form, data_dir) for role, form in file.files.items()}
        train, test = split_rows(tables, file.split)
        left_out = rows_left_out(tables, file.split)
        _check_columns(file, (train,), is_complete=True)
        method = trial.fit(file, train)
    measures = trial.measure(method, file, test)
    baseline = trial.baseline(file, train, test)
    return {
        "measures": plain_json(measures),
        "baseline": plain_json(baseline),
        "trial": file.trial,
        "version": trial.version,
        "data": {
            "trial_file": hashlib.sha256(trial_file.read_bytes()).hexdigest(),
            "train": _digests(train),
            "test": _digests(test),
            "rows_left_out": left_out,
        },
    }


def _read_side(file: TrialFile, data_dir: Path, side: str) -> TrialData:
    tables: dict[str, RoleTable] = {
        role: read_role(role, form, data_dir)
        for role, form in file.files.items()
        if side_of_role(role) in {side, "shared"}
    }
    return TrialData(
        {role: table.columns for role, table in tables.items()},
        {role: table.files for role, table in tables.items()},
    )


def _check_columns(file: TrialFile, sides: Iterable[TrialData], *, is_complete: bool) -> None:
    """Refuse a column that no table has; a test-only column may still come after the fit."""
    known = {name for side in sides for table in side.tables.values() for name in table}
    missing = [
        (key, pattern)
        for key, patterns in file.columns.items()
        for pattern in ((patterns,) if isinstance(patterns, str) else patterns)
        if not select_columns(known, (pattern,))
    ]
    if missing and (is_complete or len(missing) == len(file.columns)):
        key, pattern = missing[0]
        raise BadInputError(
            f"no table has a column {pattern!r}.",
            hint=f"The tables have: {', '.join(sorted(known)[:12])}.",
            key=f"columns.{key}",
        )


def _digests(side: TrialData) -> dict[str, dict[str, str]]:
    return {role: dict(files) for role, files in side.files.items()}


def plain_json(value: Any) -> Any:
    """Measures as plain JSON: NumPy numbers become Python's, NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(one) for one in value]
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
