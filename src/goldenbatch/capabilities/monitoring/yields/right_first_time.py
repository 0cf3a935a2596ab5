"""Right first time, defined once: a pure rule over the facts of one batch.

Yield models, key figures and reports all ask here, so that no two of them can differ.

References:
    ISO 22400-2:2014, 9.6 (first pass yield: parts that pass the process without rework or scrap,
    over parts inspected); here the part is a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchFacts:
    """What is recorded against one batch, by name so that a reader finds it.

    Attributes:
        batch: Its identifier.
        product: Product code.
        is_ended: Whether its making ended.
        outcome: `completed` or `aborted`; empty while it is neither.
        out_of_specification: Results with that status that stand (`sample/test`): one that was
            invalidated with its cause is none.
        outside_limits: Further standing results that lie outside a limit of the plant.
        confirmed_findings: Findings of consequence that a person confirmed.
        undecided_findings: Findings of consequence on which nobody has decided yet.
        deviations: Kinds of recorded events that count as a deviation.
        repeated_phases: Phases that may run once a batch and ran again: rework.
    """

    batch: str
    product: str = ""
    is_ended: bool = False
    outcome: str = ""
    out_of_specification: tuple[str, ...] = ()
    outside_limits: tuple[str, ...] = ()
    confirmed_findings: tuple[str, ...] = ()
    undecided_findings: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    repeated_phases: tuple[str, ...] = ()


@dataclass(frozen=True)
class RightFirstTime:
    """Whether a batch was right first time.

    Attributes:
        value: None while it cannot be said yet.
        reasons: What speaks against it, or what is still open.
    """

    value: bool | None
    reasons: tuple[str, ...] = ()


def right_first_time(facts: BatchFacts) -> RightFirstTime:
    """Whether a batch was completed without anything that was not meant to happen.

    A batch is right first time if it was completed, no result of it stands as out of
    specification or outside a limit, no deviation is recorded, no phase was done again, and no
    finding of consequence on it was confirmed. What a person dismissed does not count; what
    nobody has decided on keeps the answer open, as does a batch that has not ended.

    >>> right_first_time(BatchFacts("1", is_ended=True, outcome="completed")).value
    True
    >>> right_first_time(BatchFacts("1", is_ended=True, outcome="aborted"))
    RightFirstTime(value=False, reasons=('was aborted',))
    >>> right_first_time(BatchFacts("1", undecided_findings=("ab",))).reasons
    ('has not ended', 'finding ab is undecided')
    """
    against = [
        *(["was aborted"] if facts.outcome == "aborted" else []),
        *(f"result {one} is out of specification" for one in facts.out_of_specification),
        *(f"result {one} is outside its limit" for one in facts.outside_limits),
        *(f"{one} is recorded" for one in facts.deviations),
        *(f"phase {one} was done again" for one in facts.repeated_phases),
        *(f"finding {one} was confirmed" for one in facts.confirmed_findings),
    ]
    if against:
        return RightFirstTime(False, tuple(against))
    still_open = [
        *([] if facts.is_ended else ["has not ended"]),
        *(f"finding {one} is undecided" for one in facts.undecided_findings),
    ]
    if still_open:
        return RightFirstTime(None, tuple(still_open))
    return RightFirstTime(True)


@dataclass(frozen=True)
class RightFirstTimeRate:
    """Share of batches that were right first time.

    Attributes:
        n_right, n_judged: Batches right first time, and all of which it can be said.
        n_open: Batches of which it cannot be said yet; in neither number.
    """

    n_right: int
    n_judged: int
    n_open: int

    @property
    def rate(self) -> float | None:
        """The share; None where no batch can be judged."""
        return self.n_right / self.n_judged if self.n_judged else None


def right_first_time_rate(batches: Iterable[BatchFacts]) -> RightFirstTimeRate:
    """The rate over some batches; open ones are counted apart.

    >>> done = BatchFacts("1", is_ended=True, outcome="completed")
    >>> right_first_time_rate([done, BatchFacts("2"), BatchFacts("3", deviations=("D",))])
    RightFirstTimeRate(n_right=1, n_judged=2, n_open=1)
    """
    values = [right_first_time(one).value for one in batches]
    judged = [one for one in values if one is not None]
    return RightFirstTimeRate(sum(judged), len(judged), len(values) - len(judged))
