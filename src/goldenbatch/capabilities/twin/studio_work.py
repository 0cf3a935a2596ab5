"""What the studio does with a study: the same works as the commands, with progress and plots.

Runs in a worker process of its own; nothing here holds a store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from goldenbatch.capabilities.twin._documents import plain
from goldenbatch.capabilities.twin.study import load_study

T = TypeVar("T")
R = TypeVar("R")
Step = Callable[[int, int], None]
"""Told how many tasks are done, of how many so far known."""
PLOTS, RECORDING = "plots.json", "recording.json"


class Counted:
    """An executor that tells how many of its tasks are done.

    Args:
        step: Is told.
        n_jobs: Worker processes; one: here.
    """

    def __init__(self, step: Step, n_jobs: int = 1) -> None:
        self._step, self._n_jobs = step, n_jobs
        self._n_done = self._n_all = 0

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterable[R]:
        """Run the tasks in order of their results."""
        self.expect(len(tasks))
        for result in self._results(function, tasks):
            self.done()
            yield result

    def map(self, function: Callable[..., R], *columns: Iterable[Any]) -> Iterable[R]:
        """As `concurrent.futures.Executor.map`: arguments by columns."""
        rows = list(zip(*columns, strict=False))
        self.expect(len(rows))
        for row in rows:
            yield function(*row)
            self.done()

    def expect(self, n: int) -> None:
        """So many more tasks are to be done."""
        self._n_all += n
        self._step(self._n_done, self._n_all)

    def done(self) -> None:
        """One of them is done."""
        self._n_done += 1
        self._step(self._n_done, self._n_all)

    def _results(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterable[R]:
        if self._n_jobs == 1 or len(tasks) < 2:
            return map(function, tasks)
        from joblib import Parallel, delayed

        found: Iterable[R] = Parallel(n_jobs=self._n_jobs, return_as="generator")(
            delayed(function)(task) for task in tasks
        )
        return found


def do_work(work: str, study: Path, out: Path, options: Mapping[str, Any], step: Step) -> None:
    """Do a work on a study and write what came out, as its command does, and what is drawn.

    Args:
        work: One of `studio_check.WORKS`.
        study: The TOML file.
        out: Folder of the results.
        options: `members`, `target`, `at`, `jobs`.
        step: Told the progress.

    Raises:
        GoldenbatchError: The study cannot be done; it says why.
    """
    out.mkdir(parents=True, exist_ok=True)
    executor = Counted(step, int(options.get("jobs", 1)))
    plots = _WORKS[work](study, out, options, executor)
    if plots:
        text = json.dumps(plain(plots), allow_nan=False, ensure_ascii=False)
        (out / PLOTS).write_text(text, "utf-8")


def _run(study: Path, out: Path, options: Mapping[str, Any], executor: Counted) -> dict[str, Any]:
    from goldenbatch.capabilities.twin._own_recipes import start_of
    from goldenbatch.capabilities.twin.commands import shown_columns, write_run
    from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
    from goldenbatch.capabilities.twin.studio_plots import plots_of_run
    from goldenbatch.science.process.simulation import simulate

    executor.expect(1)
    read = load_study(study)
    model = model_ref(read).load()
    initial, parameters = start_of(read)
    seed = read.seed if options.get("noise") else None
    run = simulate(
        model, recipe_of(read, model), initial=initial, parameters=parameters, seed=seed
    )  # fmt: skip
    write_run(run, read.name, out)
    executor.done()
    return plots_of_run(run, shown_columns(run)) if run.time.size else {}


def _ensemble(
    study: Path, out: Path, options: Mapping[str, Any], executor: Counted
) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.ensemble_commands import ensemble_of, write_ensemble
    from goldenbatch.capabilities.twin.studio_plots import plots_of_ensemble

    read = load_study(study)
    found = ensemble_of(read, int(options.get("members", 0)), executor)
    write_ensemble(found, read, out)
    return plots_of_ensemble(found)


def _space(study: Path, out: Path, options: Mapping[str, Any], executor: Counted) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.space_commands import design_space_of, write_space
    from goldenbatch.capabilities.twin.studio_plots import plots_of_space
    from goldenbatch.science.errors import DesignError

    read, target = load_study(study), float(options.get("target", 0.95))
    n_members = int(options.get("members", 0))
    found = design_space_of(read, n_members, executor)
    write_space(found, read.name, target, out)
    try:
        ranges, counted = _box(read, found, target, n_members, executor)
    except DesignError as error:  # the map stands without a box
        return plots_of_space(found, target, why_no_box=str(error))
    return plots_of_space(found, target, ranges, counted)


def _box(read: Any, found: Any, target: float, n_members: int, executor: Counted) -> Any:
    from goldenbatch.capabilities.twin.asking import asked_of, members_of
    from goldenbatch.science.process.ensembles.proven import box_and_space, proven_ranges

    asked = asked_of(read)
    members = members_of(read, asked.load(), n_members)
    n_levels = max(one.n for one in read.factors)
    ranges = proven_ranges(asked, members, target, n_levels=n_levels, executor=executor)
    return ranges, box_and_space(found, ranges, target)


def _stress(
    study: Path, out: Path, options: Mapping[str, Any], executor: Counted
) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.space_commands import stress_of, write_stress

    read = load_study(study)
    at, n_members = float(options.get("at", -1.0)), int(options.get("members", 0))
    write_stress(stress_of(read, n_members, at, executor), read, out)
    return {}


def _sensitivity(
    study: Path, out: Path, options: Mapping[str, Any], executor: Counted
) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.space_commands import sensitivity_of, write_sensitivity

    read = load_study(study)
    n_rows = int(options.get("rows", 128))
    write_sensitivity(sensitivity_of(read, n_rows, executor), read.name, out)
    return {}


def _footprint(
    study: Path, out: Path, options: Mapping[str, Any], executor: Counted
) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.footprint_commands import footprint_of

    executor.expect(1)
    footprint_of(load_study(study), out)
    executor.done()
    return {}


def _line(study: Path, out: Path, options: Mapping[str, Any], executor: Counted) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.line_commands import module_of
    from goldenbatch.capabilities.twin.line_recording import recording_of

    module_of(study).run_file(study, out, executor)
    recording = recording_of(study)
    if recording is not None:
        text = json.dumps(plain(recording), allow_nan=False, ensure_ascii=False)
        (out / RECORDING).write_text(text, "utf-8")
    return {}


_WORKS: Mapping[
    str, Callable[[Path, Path, Mapping[str, Any], Counted], dict[str, Any]]
] = {
    "run": _run, "ensemble": _ensemble, "design-space": _space, "stress": _stress,
    "sensitivity": _sensitivity, "footprint": _footprint, "line": _line,
}  # fmt: skip
