"""What is recorded already, and whether a record that a file offers is new, equal or else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.connectors.tabular._compare import (
    Contradiction,
    Fields,
    contradiction,
    is_same_result,
    result_fields,
    result_words,
    shown_result,
)
from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    EquipmentStatusChanged,
    LotRegistered,
    MaterialConsumed,
    PhaseEnded,
    PhaseStarted,
    SampleTaken,
)
from goldenbatch.core.records import Body, to_iso
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported
from goldenbatch.core.site import LedgerPort


@dataclass(frozen=True)
class Draft:
    """An event that is to be appended, with the time at which it happened, if it has one."""

    stream: str
    body: Body
    at: int | None = None


@dataclass(frozen=True)
class Amends:
    """What a row says of its results as a version of those that are recorded.

    Attributes:
        reason: Why they differ; empty: they must not.
        version: Number of the version in the source; 0: it does not count them.
        has_status: Whether the row says if they are valid, so that this counts too.
    """

    reason: str = ""
    version: int = 0
    has_status: bool = False


NO_AMENDS = Amends()


@dataclass
class _Thing:
    """Fields of something recorded, or made by an earlier row of this import."""

    fields: Fields
    is_fresh: bool = False


@dataclass
class Known:
    """The records that the rows of a file may meet, read in bulk, and those the rows make.

    Attributes:
        reason: Why results that contradict the record are corrections; empty: conflicts.
        is_any_batch_known: In a preview: batches may come from elsewhere.
        drafts: Events to append, in the order of the rows.
    """

    ledger: LedgerPort
    reason: str = ""
    is_any_batch_known: bool = False
    drafts: list[Draft] = field(default_factory=list)
    _things: dict[tuple[str, ...], _Thing] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def load(self, batches: Iterable[str], samples: Iterable[str], lots: Iterable[str]) -> None:
        """Read what is recorded of batches, samples and lots that were not read yet."""
        for row in self._rows("batch", "batch", batches):
            self._put(("batch", row["batch"]), {**row, **_attributes(row)})
            for phase in self.ledger.select("phase", {"batch": row["batch"]}):
                self._put(("phase", *(str(phase[k]) for k in _PHASE_KEY)), dict(phase))
            where = {"batch": row["batch"], "status": "consumed"}
            for used in self.ledger.select("genealogy", where):
                self._use(used["batch"], used["material"], used["lot"], used["quantity"], False)
        for row in self._rows("sample", "sample", samples):
            self._put(("sample", row["sample"]), dict(row))
            for result in self.ledger.select("result", {"sample": row["sample"]}):
                self._put(("result", row["sample"], result["test"]), dict(result))
        for row in self._rows("lot", "lot", lots):
            self._put(("lot", row["material"], row["lot"]), {**row, **_attributes(row)})

    def _rows(self, table: str, column: str, keys: Iterable[str]) -> Iterable[Mapping[str, Any]]:
        fresh = sorted({key for key in keys if (table, key) not in self._seen})
        self._seen.update((table, key) for key in fresh)
        for at in range(0, len(fresh), 500):
            yield from self.ledger.select(table, {column: fresh[at : at + 500]})

    def _put(self, key: tuple[str, ...], fields: Fields, is_fresh: bool = False) -> None:
        self._things[key] = _Thing(fields, is_fresh)

    def _use(self, batch: str, material: str, lot: str, quantity: str, is_fresh: bool) -> None:
        used = self._things.setdefault(("used", batch, material), _Thing({}, is_fresh))
        used.fields[lot] = quantity

    def load_orders(self, samples: Iterable[str]) -> None:
        """Read which samples were ordered, and of what they are."""
        for row in self._rows("sample_order", "sample", samples):
            self._put(("order", row["sample"]), {"batch": row["batch"]})
        self.load({row["batch"] for row in self._of("order")}, (), ())

    def _of(self, what: str) -> list[Fields]:
        return [one.fields for key, one in self._things.items() if key[0] == what]

    def is_asked(self, sample: str) -> bool:
        """Whether a sample is recorded, made by an earlier row, or ordered."""
        is_there = self.has_sample(sample) or ("order", sample) in self._things
        return self.is_any_batch_known or is_there

    def has_batch(self, batch: str) -> bool:
        """Whether a batch is recorded or made by an earlier row."""
        return self.is_any_batch_known or ("batch", batch) in self._things

    def has_sample(self, sample: str) -> bool:
        """Whether a sample is recorded or made by an earlier row."""
        return ("sample", sample) in self._things

    def sample(self, sample: str) -> Fields:
        """What is known of a sample; nothing where it is not known."""
        found = self._things.get(("sample", sample)) or self._things.get(("order", sample))
        return found.fields if found else {}

    def statements(
        self, source: str, batches: Sequence[str]
    ) -> set[tuple[str, str, str, str, int]]:
        """What a source has said of batches: boundary, batch, place, phase and time of each."""
        rows = [
            row
            for at in range(0, len(batches), 500)
            for row in self.ledger.select(
                "context", {"source": source, "batch": list(batches[at : at + 500])}
            )
        ]
        return {(row["what"], row["batch"], row["place"], row["phase"], row["at"]) for row in rows}

    def phase_window(
        self, batch: str, place: str, phase: str, run: int
    ) -> tuple[int | None, int | None]:
        """Start and end of a run of a phase; None where not known."""
        found = self._things.get(("phase", batch, place, phase, str(run)))
        fields = found.fields if found else {}
        return fields.get("started_at"), fields.get("ended_at")

    def product(self, batch: str) -> str:
        """Product of a batch that is known."""
        found = self._things.get(("batch", batch))
        return str(found.fields["product"]) if found else ""

    def batches_of(self, product: str) -> list[Mapping[str, Any]]:
        """Recorded batches of a product."""
        rows = self.ledger.select("batch", {"product": product}, order_by=("batch",))
        return [{**row, **_attributes(row)} for row in rows]

    # Each of these says what became of an offer: True: new; False: there already; or else.

    def offer(self, draft: Draft, is_single: bool = False) -> bool | Contradiction:
        """Take a record, unless it is there already or something else is."""
        body = draft.body
        if isinstance(body, MaterialConsumed):
            return self._offer_material(draft, body, is_single)
        if isinstance(body, PhaseStarted | PhaseEnded):
            return self._offer_phase(draft, body)
        if isinstance(body, BatchEnded):
            return self._offer_end(draft, body)
        if isinstance(body, EquipmentStatusChanged):
            return self._offer_status(draft, body)
        return self._offer_thing(draft, body)

    def _offer_thing(self, draft: Draft, body: Body) -> bool | Contradiction:
        what, key = _key_of(body)
        fields = _fields_of(body)
        stored = self._things.get((what, *key))
        if stored is None:
            self._put((what, *key), fields, is_fresh=True)
            self.drafts.append(draft)
            return True
        return contradiction(what, "/".join(key), stored.fields, fields) or False

    def _offer_material(
        self, draft: Draft, body: MaterialConsumed, is_single: bool
    ) -> bool | Contradiction:
        used = self._things.get(("used", body.batch, body.material))
        lots = used.fields if used else {}
        key = f"{body.batch}/{body.material}"
        if body.lot in lots:
            stored = lots[body.lot]
            if stored and body.quantity and stored != body.quantity:
                return Contradiction("material", f"{key}/{body.lot}", stored, body.quantity)
            return False
        if is_single and lots:
            return Contradiction("material", key, f"lot {', '.join(lots)}", f"lot {body.lot}")
        self._use(body.batch, body.material, body.lot, body.quantity, True)
        self.drafts.append(draft)
        return True

    def _offer_phase(self, draft: Draft, body: PhaseStarted | PhaseEnded) -> bool | Contradiction:
        key = ("phase", body.batch, body.place, body.phase, str(body.run))
        side = "started_at" if isinstance(body, PhaseStarted) else "ended_at"
        stored = self._things.setdefault(key, _Thing({}, True))
        at = stored.fields.get(side)
        if at is None:
            stored.fields[side] = body.at
            self.drafts.append(draft)
            return True
        if at == body.at:
            return False
        name = f"{'/'.join(key[1:])} {side}"
        return Contradiction("phase", name, to_iso(int(at)), to_iso(body.at))

    def _offer_end(self, draft: Draft, body: BatchEnded) -> bool | Contradiction:
        stored = self._things["batch", body.batch].fields
        at = stored.get("ended_at")
        if at is None:
            stored["ended_at"] = body.ended_at
            self.drafts.append(draft)
            return True
        if at == body.ended_at:
            return False
        return Contradiction("batch", f"{body.batch} ended_at", to_iso(at), to_iso(body.ended_at))

    def _offer_status(self, draft: Draft, body: EquipmentStatusChanged) -> bool | Contradiction:
        if ("equipment", body.place) not in self._seen:
            self._seen.add(("equipment", body.place))
            for event in self.ledger.stream(draft.stream):
                past = event.decode()
                if isinstance(past, EquipmentStatusChanged):
                    self._put(("status", body.place, str(past.at)), {"status": past.status.value})
        key = (body.place, str(body.at))
        stored = self._things.get(("status", *key))
        if stored is None:
            self._put(("status", *key), {"status": body.status.value}, is_fresh=True)
            self.drafts.append(draft)
            return True
        name = f"{body.place} at {to_iso(body.at)}"
        return contradiction("status", name, stored.fields, {"status": body.status.value}) or False

    def offer_results(
        self, draft: Draft, sample: str, results: Iterable[Result], amends: Amends = NO_AMENDS
    ) -> tuple[int, list[Contradiction]]:
        """Take the results of a sample that are not there yet; (how many, contradictions)."""
        new: list[Result] = []
        found: list[Contradiction] = []
        n_taken = 0
        for result in results:
            stored = self._things.get(("result", sample, result.test))
            if stored is None:
                self._put(("result", sample, result.test), result_fields(result), is_fresh=True)
                new.append(result)
            elif not is_same_result(stored.fields, result, amends.has_status):
                became = self._amend(draft, sample, result, amends, stored.is_fresh)
                if became is not None:
                    n_taken += became
                    continue
                key = f"{sample}/{result.test}"
                marks = ("", "")
                if amends.has_status:
                    marks = (f" ({stored.fields['status']})", f" ({result.status.value})")
                said = (
                    f"{shown_result(stored.fields)}{marks[0]}",
                    f"{result_words(result)}{marks[1]}",
                )
                found.append(Contradiction("result", key, *said))
        if new:
            body = draft.body.model_copy(update={"results": tuple(new)})
            self.drafts.append(Draft(draft.stream, body, draft.at))
        return n_taken + len(new), found

    def _amend(
        self, draft: Draft, sample: str, result: Result, amends: Amends, is_fresh: bool
    ) -> int | None:
        """1: it is a correction; 0: an earlier version that is known; None: it contradicts."""
        reason = amends.reason or ("" if is_fresh else self.reason)
        past = self._versions(draft.stream, result.test) if amends.version or reason else []
        if amends.version and amends.version <= len(past):
            earlier = (result_fields(one) for one in past[:-1])
            is_known = any(is_same_result(one, result, amends.has_status) for one in earlier)
            return 0 if is_known else None
        if not reason or not past:
            return None
        body = ResultCorrected(
            sample=sample, test=result.test, old=past[-1], new=result, reason=reason
        )
        self.drafts.append(Draft(draft.stream, body, draft.at))
        self._put(("result", sample, result.test), result_fields(result), is_fresh=True)
        return 1

    def compare_batch(self, body: Body) -> Contradiction | None:
        """Contradiction between a batch of a file and the recorded one; nothing is written."""
        what, key = _key_of(body)
        stored = self._things.get((what, *key))
        if stored is None:
            return None
        return contradiction(what, "/".join(key), stored.fields, _fields_of(body))

    def compare_results(self, sample: str, results: Iterable[Result]) -> list[Contradiction]:
        """Contradictions between results of a file and those recorded; none is written."""
        found = []
        for result in results:
            stored = self._things.get(("result", sample, result.test))
            key = f"{sample}/{result.test}"
            if stored is None:
                if not self.is_any_batch_known:
                    found.append(Contradiction("result", key, "not recorded", result_words(result)))
            elif not is_same_result(stored.fields, result):
                found.append(
                    Contradiction("result", key, shown_result(stored.fields), result_words(result))
                )
        return found

    def _versions(self, stream: str, test: str) -> list[Result]:
        """All that was reported of a test, the newest last; also by earlier rows."""
        bodies = [event.decode() for event in self.ledger.stream(stream)]
        bodies += [one.body for one in self.drafts if one.stream == stream]
        found: list[Result] = []
        for body in bodies:
            if isinstance(body, ResultsReported):
                found += [one for one in body.results if one.test == test]
            elif isinstance(body, ResultCorrected) and body.test == test:
                found.append(body.new)
        return found


_PHASE_KEY = ("batch", "place", "phase", "run")


def _key_of(body: Body) -> tuple[str, tuple[str, ...]]:
    if isinstance(body, BatchCreated):
        return "batch", (body.batch,)
    if isinstance(body, LotRegistered):
        return "lot", (body.material, body.lot)
    if isinstance(body, SampleTaken):
        return "sample", (body.sample,)
    raise TypeError(f"{type(body).__name__} is no record of a file")


def _fields_of(body: Body) -> Fields:
    fields = body.model_dump(exclude={"pinned", "attributes"})
    further = getattr(body, "attributes", {})
    return fields | {f"attributes.{name}": text for name, text in further.items()}


def _attributes(row: Mapping[str, Any]) -> Fields:
    return {f"attributes.{key}": text for key, text in json.loads(row["attributes"]).items()}
