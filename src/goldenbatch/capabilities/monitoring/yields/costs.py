"""Cost of poor quality: recorded events times the factors that the user gives, nothing else.

References:
    BS 6143-2:1990 (prevention, appraisal and failure model); Campanella (ed.), Principles of
    Quality Costs, 3rd edition, ASQ Quality Press 1999 (the four categories).
"""

from __future__ import annotations

import fnmatch
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.capabilities.monitoring.yields.facts import Book, FactRule
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import Verdict
from goldenbatch.core.records import Event, bad_record
from goldenbatch.core.results import ResultStatus

Category = Literal["prevention", "appraisal", "internal failure", "external failure"]
CATEGORIES: tuple[Category, ...] = (
    "prevention",
    "appraisal",
    "internal failure",
    "external failure",
)
What = Literal[
    "result",
    "out of specification",
    "invalidated result",
    "confirmed finding",
    "aborted batch",
    "repeated phase",
    "yield loss",
    "event",
]
COUNTED: tuple[What, ...] = (
    "result",
    "out of specification",
    "invalidated result",
    "confirmed finding",
    "aborted batch",
    "repeated phase",
)


class CostFactor(BaseModel):
    """What one recorded thing costs.

    Attributes:
        name: For people, such as `dissolution test`.
        category: Of the prevention, appraisal and failure model.
        what: What is counted. `yield loss` counts the points below `reference`.
        kind: Kind of event, for `event`.
        match: Attribute, phase or analyst that it holds for; `*` stands for any letters.
        product: Products that it holds for.
        cost: Of one, in the currency of the file.
        reference: Yield from which the loss is counted, for `yield loss`.
        source: Where the figure comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    category: Category
    what: What
    kind: str = ""
    match: str = "*"
    product: str = "*"
    cost: Decimal = Field(ge=0, allow_inf_nan=False)
    reference: Decimal | None = Field(default=None, allow_inf_nan=False)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> CostFactor:
        if (self.what == "event") != bool(self.kind):
            raise ValueError(f"factor {self.name!r}: exactly what = 'event' has a kind")
        if (self.what == "yield loss") != (self.reference is not None):
            raise ValueError(f"factor {self.name!r}: exactly a yield loss has a reference")
        return self


class CostFactors(BaseModel):
    """A version of the cost factors, as their file says them.

    Attributes:
        schema_: Form of the file.
        version: Of the factors; two versions never share a name.
        currency: ISO 4217 code; all costs are in it.
        valid_from: First day that they hold for.
        factor: The factors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["goldenbatch/quality-costs/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    factor: tuple[CostFactor, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> CostFactors:
        names = [one.name for one in self.factor]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"factor {twice[0]!r} stands there twice")
        return self


@dataclass(frozen=True)
class Costed:
    """One thing that was counted: what, of which product, when, and how much of it."""

    what: What
    match: str
    product: str
    at: int
    amount: Decimal
    kind: str = ""


@dataclass(frozen=True)
class CostLine:
    """Costs of one factor, product and month."""

    period: str
    product: str
    category: Category
    factor: str
    n: int
    amount: Decimal
    cost: Decimal


@dataclass(frozen=True)
class QualityCosts:
    """Costs of a period, with everything that no factor covers.

    Attributes:
        factors: Version and digest of the factors, and their currency.
        lines: By period, product, category and factor.
        not_costed: What was recorded and has no factor: what and match to how many.
        empty: Categories without any factor: of them nothing is known, which is not nothing.
        before: Things from before the factors hold; they are not costed.
    """

    factors: Mapping[str, str]
    lines: tuple[CostLine, ...]
    not_costed: Mapping[str, int]
    empty: tuple[Category, ...]
    before: int

    def total(self, category: Category | None = None) -> Decimal:
        """Sum of a category, or of all."""
        own = (one.cost for one in self.lines if category in (None, one.category))
        return sum(own, Decimal(0))


def load_factors(path: Path) -> tuple[CostFactors, str]:
    """Read cost factors, and the SHA-256 of their file.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is not TOML, or an entry is missing, unknown or impossible.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"cost factors {path} cannot be opened: {error.strerror}.") from error
    return read_factors(content, str(path))


def read_factors(content: bytes, file: str = "") -> tuple[CostFactors, str]:
    """Cost factors of a TOML text, and the SHA-256 of it.

    Raises:
        BadInputError: It is not TOML, or an entry is missing, unknown or impossible.
    """
    try:
        # Costs keep the digits that they were written with.
        data = tomllib.loads(content.decode(), parse_float=Decimal)
        return CostFactors.model_validate(data), hashlib.sha256(content).hexdigest()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"this is not TOML: {error}.", file=file) from error
    except ValidationError as error:
        raise bad_record(error, file=file) from error


def quality_costs(
    book: Book,
    events: Iterable[Event],
    factors: CostFactors,
    digest: str,
    rule: FactRule | None = None,
) -> QualityCosts:
    """Cost what is recorded.

    Args:
        book: The ledger, folded.
        events: Further events, for factors of kind `event`.
        factors: What each thing costs.
        digest: Of their file.
        rule: Which phases may run once a batch, and which findings count.
    """
    start = int(datetime.fromisoformat(factors.valid_from).replace(tzinfo=UTC).timestamp() * 1e6)
    things = [*_things(book, rule or FactRule()), *_losses(book, factors)]
    things += [one for event in events if (one := _of_event(event, book)) is not None]
    sums: dict[tuple[str, str, Category, str], tuple[int, Decimal, Decimal]] = {}
    uncosted: dict[str, int] = {}
    before = 0
    for thing in things:
        if thing.at < start:
            before += 1
            continue
        own = [one for one in factors.factor if _holds(one, thing)]
        if not own:
            if thing.what != "event":
                name = f"{thing.what}: {thing.match}" if thing.match else str(thing.what)
                uncosted[name] = uncosted.get(name, 0) + 1
            continue
        for factor in own:
            key = (_month(thing.at), thing.product, factor.category, factor.name)
            n, amount, cost = sums.get(key, (0, Decimal(0), Decimal(0)))
            size = _size(factor, thing)
            sums[key] = (n + 1, amount + size, cost + size * factor.cost)
    lines = tuple(CostLine(*key, *value) for key, value in sorted(sums.items()))
    used = {one.category for one in factors.factor}
    return QualityCosts(
        factors={"version": factors.version, "sha256": digest, "currency": factors.currency},
        lines=lines,
        not_costed=dict(sorted(uncosted.items())),
        empty=tuple(one for one in CATEGORIES if one not in used),
        before=before,
    )


def costs_document(found: QualityCosts) -> dict[str, Any]:
    """As JSON; costs are texts, so that their digits are kept."""
    return {
        "factors": dict(found.factors),
        "total": str(found.total()),
        "by_category": {one: str(found.total(one)) for one in CATEGORIES},
        "lines": [
            {**vars(one), "amount": str(one.amount), "cost": str(one.cost)} for one in found.lines
        ],
        "not_costed": dict(found.not_costed),
        "categories_without_factor": list(found.empty),
        "n_before_valid_from": found.before,
    }


def _holds(factor: CostFactor, thing: Costed) -> bool:
    return (
        factor.what == thing.what
        and factor.kind == thing.kind
        and fnmatch.fnmatchcase(thing.match, factor.match)
        and fnmatch.fnmatchcase(thing.product, factor.product)
    )


def _size(factor: CostFactor, thing: Costed) -> Decimal:
    if factor.reference is None:
        return thing.amount
    return max(Decimal(0), factor.reference - thing.amount)


def _month(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m")


def _things(book: Book, rule: FactRule) -> Iterable[Costed]:
    """Everything countable that the ledger holds of batches."""
    one = Decimal(1)
    for batch, state in book.batches.items():
        product = state.entries.get("product", "")
        start, end = state.window
        reported = list(book.results.get(batch, {}).values())
        told = max((own.at for own in reported), default=0)
        at = end or start or told
        for own in reported:
            name = own.result.attribute
            yield Costed("result", name, product, own.at, one)
            if own.result.status is ResultStatus.OOS:
                yield Costed("out of specification", name, product, own.at, one)
            elif own.result.status is ResultStatus.INVALIDATED:
                yield Costed("invalidated result", name, product, own.at, one)
        if state.outcome == "aborted":
            yield Costed("aborted batch", "", product, at, one)
        runs = [run.phase for run in state.phases.values()]
        for phase in sorted(rule.once):
            for _ in range(runs.count(phase) - 1):
                yield Costed("repeated phase", phase, product, at, one)
    for known in book.findings.values():
        if known.verdict is Verdict.CONFIRMED and rule.counts(known.finding):
            names = sorted(known.batches)
            products = {
                book.batches[n].entries.get("product", "") for n in names if n in book.batches
            }
            product = products.pop() if len(products) == 1 else ""
            finding = known.finding
            yield Costed("confirmed finding", finding.analyst, product, finding.start, one)


def _losses(book: Book, factors: CostFactors) -> Iterable[Costed]:
    """Yields of the attributes that some factor counts the loss of."""
    patterns = [one.match for one in factors.factor if one.what == "yield loss"]
    for batch, own in book.results.items():
        state = book.batches.get(batch)
        product = state.entries.get("product", "") if state else ""
        for one in own.values():
            result = one.result
            is_standing = result.status is not ResultStatus.INVALIDATED
            if (
                result.number is not None
                and is_standing
                and any(fnmatch.fnmatchcase(result.attribute, name) for name in patterns)
            ):
                amount = Decimal(result.value)
                yield Costed("yield loss", result.attribute, product, one.at, amount)


def _of_event(event: Event, book: Book) -> Costed | None:
    """An event of a kind that is costed; its product where it names a batch."""
    batch = str((event.body or {}).get("batch") or "")
    state = book.batches.get(batch)
    product = state.entries.get("product", "") if state else ""
    at = event.envelope.performed_at or event.envelope.recorded_at
    return Costed("event", "", product, at, Decimal(1), event.kind)
