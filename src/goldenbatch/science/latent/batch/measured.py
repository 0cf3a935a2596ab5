"""How often a batch plan alarms on good batches that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.science.latent.batch.fitting import fit_batch_plan, left_out_parts
from goldenbatch.science.latent.batch.plan import BatchPlan, BatchTrace
from goldenbatch.science.latent.batch.runs import BatchRun
from goldenbatch.science.latent.batch.settings import BatchSettings


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A golden batch that was left out, and the plan of the others that followed it.

    Attributes:
        run: the batch.
        plan: made from the other batches, limits and all.
        trace: what it says.
    """

    run: BatchRun
    plan: BatchPlan
    trace: BatchTrace


def leave_out_in_turn(
    runs: Sequence[BatchRun], settings: BatchSettings, n_folds: int = 0
) -> list[Followed]:
    """Follow each golden batch by a plan that was made, with its limits, from the others.

    Args:
        runs: golden batches.
        settings: of the plan.
        n_folds: parts that are left out in turn; 0: each batch alone.

    Returns:
        One for each batch, in order. The share with an alarm is the measured false-alarm rate.

    >>> import numpy as np
    >>> from goldenbatch.science.latent.batch.settings import PhaseSettings
    >>> rng = np.random.default_rng(3)
    >>> made = [BatchRun(str(i), np.arange(20.0), rng.normal(size=(20, 2))) for i in range(9)]
    >>> chosen = BatchSettings(("a", "b"), (PhaseSettings("batch"),))
    >>> [one.run.name for one in leave_out_in_turn(made, chosen) if one.trace.is_alarm]
    ['4']
    """
    found: dict[int, Followed] = {}
    for part in left_out_parts(len(runs), n_folds):
        plan = fit_batch_plan([run for i, run in enumerate(runs) if i not in part], settings)
        for i in part:
            found[i] = Followed(runs[i], plan, plan.follow(runs[i]))
    return [found[i] for i in range(len(runs))]
