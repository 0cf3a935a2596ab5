"""What is recorded already, and whether a record that a file offers is new, equal or else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

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
from goldenbatch.core.quantities import is_number
from goldenbatch.core.records import Body, NewEvent, to_iso
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported
from goldenbatch.core.site import LedgerPort

Fields = dict[str, Any]


@dataclass(frozen=True)
class Contradiction:
    """A record says one thing, a row of the file another."""

    what: str
    key: str
    stored: str
    offered: str


@dataclass(frozen=True)
class Draft:
    """An event that is to be appended, with the time at which it happened, if it has one."""

    stream: str
    body: Body
    at: int | None = None


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

    def has_batch(self, batch: str) -> bool:
        """Whether a batch is recorded or made by an earlier row."""
        return self.is_any_batch_known or ("batch", batch) in self._things

    def has_sample(self, sample: str) -> bool:
        """Whether a sample is recorded or made by an earlier row."""
        return ("sample", sample) in self._things

    def sample(self, sample: str) -> Fields:
        """What is known of a sample; nothing where it is not known."""
        found = self._things.get(("sample", sample))
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
        self, draft: Draft, sample: str, results: Iterable[Result]
    ) -> tuple[int, list[Contradiction]]:
        """Take the results of a sample that are not there yet; (how many, contradictions)."""
        new: list[Result] = []
        found: list[Contradiction] = []
        n_taken = 0
        for result in results:
            stored = self._things.get(("result", sample, result.test))
            if stored is None:
                self._put(("result", sample, result.test), _result_fields(result), is_fresh=True)
                new.append(result)
            elif not _is_same(stored.fields, result):
                if self.reason and not stored.is_fresh and self._correct(draft, sample, result):
                    n_taken += 1
                    continue
                key = f"{sample}/{result.test}"
                found.append(Contradiction("result", key, _shown(stored.fields), _words(result)))
        if new:
            body = draft.body.model_copy(update={"results": tuple(new)})
            self.drafts.append(Draft(draft.stream, body, draft.at))
        return n_taken + len(new), found

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
                    found.append(Contradiction("result", key, "not recorded", _words(result)))
            elif not _is_same(stored.fields, result):
                found.append(Contradiction("result", key, _shown(stored.fields), _words(result)))
        return found

    def _correct(self, draft: Draft, sample: str, new: Result) -> bool:
        """Correct a recorded result, with its old value and the reason."""
        old: Result | None = None
        for event in self.ledger.stream(draft.stream):
            body = event.decode()
            if isinstance(body, ResultsReported):
                old = next((one for one in body.results if one.test == new.test), old)
            elif isinstance(body, ResultCorrected) and body.test == new.test:
                old = body.new
        if old is None:
            return False
        body = ResultCorrected(sample=sample, test=new.test, old=old, new=new, reason=self.reason)
        self.drafts.append(Draft(draft.stream, body, draft.at))
        self._put(("result", sample, new.test), _result_fields(new), is_fresh=True)
        return True


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


def contradiction(
    what: str, key: str, stored: Mapping[str, Any], offered: Mapping[str, Any]
) -> Contradiction | None:
    """The fields in which an offer differs; a field that it leaves empty does not count."""
    differing = {
        name: (stored.get(name), value)
        for name, value in offered.items()
        if value not in ("", None) and stored.get(name) != value
    }
    if not differing:
        return None
    return Contradiction(
        what,
        key,
        "; ".join(f"{name}={_text(name, one)}" for name, (one, _) in differing.items()),
        "; ".join(f"{name}={_text(name, other)}" for name, (_, other) in differing.items()),
    )


def _text(name: str, value: Any) -> str:
    if name.endswith("_at") and isinstance(value, int):
        return to_iso(value)
    return "not recorded" if value in ("", None) else str(value)


def _result_fields(result: Result) -> Fields:
    return result.model_dump(mode="json", include={"value", "operator", "unit", "kind"})


def _is_same(stored: Mapping[str, Any], result: Result) -> bool:
    offered = _result_fields(result)
    if any(stored[name] != offered[name] for name in ("operator", "unit", "kind")):
        return False
    one, other = str(stored["value"]), result.value
    if is_number(one) and is_number(other):
        return Decimal(one) == Decimal(other)  # a spreadsheet drops zeros at the end
    return one == other


def _shown(stored: Mapping[str, Any]) -> str:
    return f"{stored['operator']}{stored['value']} {stored['unit']}".strip()


def _words(result: Result) -> str:
    return f"{result.text} {result.unit}".strip()


class Appender:
    """Appends drafts in groups, at the versions of streams that it keeps count of."""

    def __init__(self, ledger: LedgerPort, actor: str, n_group: int = 500) -> None:
        self._ledger, self._actor, self._n_group = ledger, actor, n_group
        self._versions: dict[str, int] = {}

    def append(self, drafts: list[Draft]) -> int:
        """Append the drafts, group by group, each all or nothing; how many there were."""
        for at in range(0, len(drafts), self._n_group):
            group = drafts[at : at + self._n_group]
            self._ledger.append([self._event(draft) for draft in group])
        return len(drafts)

    def forget(self) -> None:
        """Somebody else may have appended meanwhile: read the versions again."""
        self._versions.clear()

    def _event(self, draft: Draft) -> NewEvent:
        version = self._versions.get(draft.stream)
        if version is None:
            version = self._ledger.version(draft.stream)
        self._versions[draft.stream] = version + 1
        return NewEvent(draft.stream, draft.body, version, self._actor, performed_at=draft.at)
