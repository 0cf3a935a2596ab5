"""Reference blocks of a home: kept once a version is approved, compared at each qualification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from goldenbatch.core.errors import GoldenbatchError, IntegrityError, VersionConflictError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_line import line_state
from goldenbatch.core.model_records import ModelApproved, line_stream
from goldenbatch.core.records import NewEvent
from goldenbatch.core.reference_blocks import (
    REPORTED_DIGITS,
    ReferenceBlockKept,
    block_stream,
)

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionBlock
    from goldenbatch.core.records import Event
    from goldenbatch.core.series import Floats
    from goldenbatch.runtime._served import Served
    from goldenbatch.runtime.local import LocalSite

FORM: Final = "goldenbatch reference block 1"
MEDIA_TYPE: Final = "application/vnd.goldenbatch.reference-block+json"
N_ROWS: Final = 48
COLUMNS: Final = ("value", "lower", "upper", "outside")
Agreement = Literal["bits", "digits", "no"]
_TOLERANCE: Final = 0.5 * 10.0 ** (1 - REPORTED_DIGITS)


@dataclass(frozen=True)
class BlockCheck:
    """What comparing a reference block gave.

    Attributes:
        is_kept: Whether there was a block to compare with.
        is_same_platform: Whether it was predicted with the packages and the CPU of today.
        agreement: Equal bit by bit, at the reported digits with the same domain, or not.
        words: What was found.
    """

    use: str
    version: int
    is_kept: bool
    is_same_platform: bool
    agreement: Agreement
    words: str

    @property
    def is_ok(self) -> bool:
        """Bit-equal where it was qualified, equal at the reported digits elsewhere."""
        return self.agreement == "bits" or (
            self.agreement == "digits" and not self.is_same_platform
        )


class ReferenceBlocks:
    """Keeps and compares the reference blocks of approved versions.

    Args:
        site: The open home.
    """

    def __init__(self, site: LocalSite) -> None:
        self._site = site
        self._upto = 0

    def keep(self) -> list[Event]:
        """Keep a block of each approved version that has none; what cannot be served has none."""
        kept, head = [], self._site.ledger.head()
        for use, version in self._approved(self._upto):
            with suppress(GoldenbatchError):  # serving it says why
                event = self.keep_one(use, version)
                kept += [event] if event is not None else []
        self._upto = head
        return kept

    def keep_one(self, use: str, version: int) -> Event | None:
        """Keep a block of a version, if there is none of its artefact yet.

        Raises:
            IntegrityError: The artefact is not the approved one.
        """
        stream, ledger = block_stream(use, version), self._site.ledger
        served = self._site.models.version(use, version)
        events = ledger.stream(stream)
        if any(one.digest == served.ref.digest for one in _bodies(events)):
            return None
        rows = reference_rows(served)
        content = block_bytes(served, rows, served.predict(rows, explain=False))
        body = ReferenceBlockKept(
            use=use, version=version, digest=served.ref.digest, n_rows=len(rows),
            block=self._site.registry.put(content, MEDIA_TYPE), environment=platform(),
        )  # fmt: skip
        try:
            return ledger.append([NewEvent(stream, body, len(events), actor="node")])[0]
        except VersionConflictError:
            return None  # another process was faster

    def check(self) -> list[BlockCheck]:
        """Predict the blocks of all approved versions that may serve again, and compare them."""
        ledger = self._site.ledger
        return [
            self.check_one(use, version)
            for use, version in self._approved(0)
            if version not in line_state(use, ledger.stream(line_stream(use))).retired
        ]

    def check_one(self, use: str, version: int) -> BlockCheck:
        """Predict the block of a version again and compare it."""
        try:
            served = self._site.models.version(use, version)
            events = self._site.ledger.stream(block_stream(use, version))
            bodies = [one for one in _bodies(events) if one.digest == served.ref.digest]
            if not bodies:
                return BlockCheck(use, version, False, False, "no", "no reference block is kept")
            return self._compared(served, bodies[-1])
        except GoldenbatchError as error:
            return BlockCheck(use, version, True, True, "no", str(error))

    def _compared(self, served: Served, body: ReferenceBlockKept) -> BlockCheck:
        rows, wanted = _read(self._site.registry.get_approved(body.block, MEDIA_TYPE), served)
        block = served.predict(rows, explain=False)
        found = (block.values, block.lower, block.upper, block.outside.astype(np.float64))
        agreement = agreement_of(wanted, found)
        others = differences(body.environment)
        words = {
            "bits": f"{len(rows)} rows are equal bit by bit",
            "digits": f"{len(rows)} rows are equal at {REPORTED_DIGITS} digits, not bit by bit",
            "no": f"{n_unequal(wanted, found)} of {len(rows)} rows are predicted otherwise",
        }[agreement]
        where = f"; since it was qualified changed: {', '.join(others)}" if others else ""
        return BlockCheck(body.use, body.version, True, not others, agreement, words + where)

    def _approved(self, after: int) -> Iterator[tuple[str, int]]:
        """Versions that are approved, each once."""
        seen = set()
        for event in self._site.ledger.events(after, kinds={ModelApproved.kind}):
            body = event.decode()
            if not isinstance(body, ModelApproved) or (body.use, body.version) in seen:
                continue
            seen.add((body.use, body.version))
            with suppress(GoldenbatchError):
                fault = self._site.signing_rules.fault
                state = load_version(self._site.ledger, body.use, body.version, fault)
                if state.approved is not None:
                    yield body.use, body.version


def platform() -> dict[str, str]:
    """Versions of what computes, and the CPU with its vector units."""
    # The list that versions are trained and tested with.
    from goldenbatch.capabilities.governance._environment import environment

    return environment()


def differences(environment: dict[str, str]) -> list[str]:
    """In what a platform differs from that of today, in words."""
    now = platform()
    names = sorted(set(now) | set(environment))
    return [
        f"{name} {environment.get(name, 'none')} to {now.get(name, 'none')}"
        for name in names
        if now.get(name) != environment.get(name)
    ]


def _bodies(events: Sequence[Event]) -> list[ReferenceBlockKept]:
    return [body for event in events if isinstance(body := event.decode(), ReferenceBlockKept)]


# ---- rows ---------------------------------------------------------------------------------------


def reference_rows(served: Served) -> Floats:
    """Rows that follow from the artefact alone: in the ranges, far outside, and with gaps."""
    random = np.random.default_rng(int(served.ref.digest[:16], 16))
    stated = {one.name: one for one in served.facts.intended.inputs}
    sizes = 10.0 ** (np.arange(N_ROWS) % 4 - 1)
    rows = random.normal(size=(N_ROWS, len(served.inputs))) * sizes[:, None]
    for column, name in enumerate(served.inputs):
        one = stated.get(name)
        if one is not None and one.lower is not None and one.upper is not None:
            width = max(one.upper - one.lower, 1e-12)
            middle = (one.lower + one.upper) / 2
            rows[:, column] = middle + width * random.uniform(-0.6, 0.6, N_ROWS)
    rows[5::8, random.integers(0, len(served.inputs))] = np.nan
    return rows


def block_bytes(served: Served, rows: Floats, block: PredictionBlock) -> bytes:
    """Canonical JSON of rows and what was said of them; numbers with all their digits."""
    columns = (block.values, block.lower, block.upper, block.outside.astype(np.float64))
    values: dict[str, Any] = {
        "format": FORM,
        "use": served.ref.use,
        "version": served.ref.version,
        "model": served.ref.digest,
        "inputs": list(served.inputs),
        "input_digest": block.input_digest,
        "rows": [_plain(row) for row in rows],
        **{name: _plain(one) for name, one in zip(COLUMNS, columns, strict=True)},
    }
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _plain(column: Any) -> list[float | None]:
    return [None if np.isnan(one) else float(one) for one in column]


def _read(content: bytes, served: Served) -> tuple[Floats, tuple[Floats, ...]]:
    """Rows and columns of a block.

    Raises:
        IntegrityError: It is no block of this model.
    """
    try:
        values = json.loads(content)
        if values["format"] != FORM or values["model"] != served.ref.digest:
            raise ValueError("it is of another model or form")
        if tuple(values["inputs"]) != served.inputs:
            raise ValueError("its inputs are others")
        rows = np.array(values["rows"], dtype=np.float64)
        return rows, tuple(np.array(values[name], dtype=np.float64) for name in COLUMNS)
    except (ValueError, KeyError, TypeError) as error:
        digest = hashlib.sha256(content).hexdigest()[:12]
        raise IntegrityError(
            f"the reference block {digest} of {served.ref} cannot be read: {error}.",
            hint="Restore the registry from the backup of the home.",
        ) from error


# ---- comparing ----------------------------------------------------------------------------------


def agreement_of(wanted: Sequence[Floats], found: Sequence[Floats]) -> Agreement:
    """Whether value, lower, upper and outside are equal: bit by bit, or at reported digits.

    >>> one = (np.array([1.0]), np.array([0.5]), np.array([1.5]), np.array([0.0]))
    >>> agreement_of(one, one)
    'bits'
    >>> agreement_of(one, (np.array([1 + 1e-12]), *one[1:]))
    'digits'
    >>> agreement_of(one, (np.array([1.001]), *one[1:]))
    'no'
    """
    if all(a.tobytes() == b.tobytes() for a, b in zip(_one_nan(wanted), _one_nan(found),
                                                      strict=True)):  # fmt: skip
        return "bits"
    return "no" if n_unequal(wanted, found) else "digits"


def n_unequal(wanted: Sequence[Floats], found: Sequence[Floats]) -> int:
    """Rows that are not equal at the reported digits, or lie otherwise to the domain."""
    if len(wanted[0]) != len(found[0]):
        return max(len(wanted[0]), len(found[0]))
    width = np.nan_to_num(np.abs(wanted[2] - wanted[1]))
    is_other = np.asarray(wanted[3] != found[3])
    for a, b in zip(wanted[:3], found[:3], strict=True):
        most = _TOLERANCE * np.fmax(np.fmax(np.abs(a), np.abs(b)), width)
        is_near = (np.abs(a - b) <= most) | (np.isnan(a) & np.isnan(b)) | (a == b)
        is_other |= ~is_near
    return int(is_other.sum())


def _one_nan(columns: Sequence[Floats]) -> list[Floats]:
    return [np.where(np.isnan(one), np.nan, one) for one in columns]
