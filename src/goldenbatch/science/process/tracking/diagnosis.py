"""Which hypothesis the readings speak for, since when, and how surely.

Each hypothesis's evidence is the sum of its log likelihood ratios against "nothing is wrong",
from the time on that makes it greatest: Page's cumulative sum, with the time since which as its
estimate of the onset. Posterior weights of all hypotheses are taken over that same stretch, of
likelihoods raised to a power: filters are not exact, their errors go on from step to step, and
how fast a fault may grow is a guess, so that the plain product would be far too sure of itself.

References:
    Page 1954, doi:10.1093/biomet/41.1-2.100. Willsky & Jones 1976, doi:10.1109/TAC.1976.1101146
    (generalised likelihood ratio). Bar-Shalom et al. 2001, doi:10.1002/0471221279, section 11.6
    (multiple models). Bissiri, Holmes, Walker 2016, doi:10.1111/rssb.12158 (tempered likelihoods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.tracker import Record


TEMPER: Final = 0.25
"""Power of the likelihood in posterior weights: a quarter of the steps counts as independent."""


@dataclass(frozen=True)
class Diagnosis:
    """What the bank of filters says.

    Attributes:
        evidence: Sum of log likelihood ratios of the leading hypothesis since `since`.
        is_alarm: Whether it is above the limit.
        since: First time of the stretch that speaks for it; the fault began there or somewhat
            earlier.
        leading: Place of the leading hypothesis; 0 while nothing is wrong.
        weights: Posterior probability of each hypothesis over the stretch, given that one of
            them is true.
        candidates: Places of those that together hold the asked-for probability, most
            likely first: one, or several that the readings do not tell apart.
    """

    evidence: float
    is_alarm: bool
    since: float
    leading: int
    weights: tuple[float, ...]
    candidates: tuple[int, ...]


def diagnose(
    hypotheses: Sequence[Hypothesis],
    records: Sequence[Record],
    *,
    limit: float = 12.0,
    sure: float = 0.95,
) -> Diagnosis:
    """Weigh the hypotheses by what the records of the window say.

    Args:
        hypotheses: The bank, nominal first.
        records: In order of time.
        limit: Evidence above it is an alarm. Were the filters exact, a false one would come at
            most once in `exp(limit)` records for each hypothesis.
        sure: Probability that the candidates together are to hold.
    """
    n = len(hypotheses)
    if not records:
        return Diagnosis(0.0, False, 0.0, 0, tuple(float(k == 0) for k in range(n)), (0,))
    found = np.array([one.likelihoods for one in records])
    ratios = found - found[:, :1]
    # Sum from each time to the newest; the greatest says since when.
    tails = np.cumsum(ratios[::-1], axis=0)[::-1]
    best = np.argmax(tails[:, 1:].max(axis=1)) if n > 1 else 0
    evidence = float(tails[best].max())
    weights = _weights(hypotheses, tails[best])
    order = sorted(range(n), key=lambda k: (-weights[k], k))
    leading = order[0] if order[0] or n == 1 else order[1]
    candidates = _candidates(weights, sure)
    is_alarm = evidence > limit
    return Diagnosis(
        evidence, is_alarm, records[int(best)].time, leading if is_alarm else 0, weights,
        tuple(k for k in candidates if k) if is_alarm else candidates,
    )  # fmt: skip


def _weights(hypotheses: Sequence[Hypothesis], sums: np.ndarray) -> tuple[float, ...]:
    logs = [log(one.prior) + TEMPER * float(s) for one, s in zip(hypotheses, sums, strict=True)]
    top = max(logs)
    shares = [exp(one - top) for one in logs]
    return tuple(one / sum(shares) for one in shares)


def _candidates(weights: Sequence[float], sure: float) -> tuple[int, ...]:
    order = sorted(range(len(weights)), key=lambda k: (-weights[k], k))
    held, found = 0.0, []
    for k in order:
        found.append(k)
        held += weights[k]
        if held >= sure:
            break
    return tuple(found)
