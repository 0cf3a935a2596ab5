"""The runs of the studio: asked for, waiting, at work in a process of their own, kept or cleared.

A run is a working paper, no record: it lies in a folder of the home's state, with all that is
needed to do it again. What somebody rests a decision on is kept as a record by the act
`twin.keep`. One folder a run; a restart finds them all, and begins anew what had not ended.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from goldenbatch.capabilities.twin.studio_run import AskedRun, Status, StudioLimits, StudioRun
from goldenbatch.capabilities.twin.studio_worker import FAILURE, PROGRESS
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError

log = logging.getLogger("goldenbatch.twin")

MOST_TRIES: Final = 2
"""A run that the node's end interrupted is begun anew, but not for ever: it may be the cause."""
LOOK_S: Final = 0.05


class StudioRuns:
    """The runs of a home.

    Args:
        folder: In the home's state; made when the first run is asked for.
        clock: Present time in microseconds UTC.
        limits: What the studio may take.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], int], limits: StudioLimits | None = None
    ) -> None:
        self.folder, self._clock, self.limits = folder, clock, limits or StudioLimits()
        self._runs: dict[str, StudioRun] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._change = threading.Condition()
        self._is_stopped = False
        self._threads: list[threading.Thread] = []
        self._load()

    # ---- asking ---------------------------------------------------------------------------------

    def ask(self, asked: AskedRun) -> StudioRun:
        """Take a run into the queue.

        Raises:
            ConflictError: The queue is full, or the person has as many runs as one may have.
        """
        with self._change:
            self._check_room(asked.by)
            now = self._clock()
            run = StudioRun(
                self._new_name(now), asked.by, asked.work, asked.file, asked.name, asked.digest,
                asked.model, asked.seed, asked.n_runs, dict(asked.options), now,
            )  # fmt: skip
            folder = self.folder / run.run
            folder.mkdir(parents=True)
            for name, content in asked.files.items():
                (folder / name).write_bytes(content)
            words = {"memory_bytes": self.limits.memory_bytes, "work": run.work, "file": run.file,
                     "options": {**run.options, "jobs": self.limits.n_jobs}}  # fmt: skip
            (folder / "asked.json").write_text(json.dumps(words), "utf-8")
            self._set(run)
            self._start()
            self._change.notify_all()
        return run

    def _check_room(self, by: str) -> None:
        open_runs = [one for one in self._runs.values() if not one.has_ended]
        n_waiting = sum(one.status == "waiting" for one in open_runs)
        if sum(one.by == by for one in open_runs) >= self.limits.n_per_person:
            raise ConflictError(
                f"you have {self.limits.n_per_person} runs waiting or at work, as many as one "
                "person may have.",
                hint="Wait for one of them, or cancel it.",
            )
        if n_waiting >= self.limits.n_waiting:
            raise ConflictError(
                f"{n_waiting} runs are waiting: the queue is full.", hint="Ask again later."
            )

    def _new_name(self, now: int) -> str:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now / 1e6))
        return f"{stamp}-{secrets.token_hex(4)}"

    # ---- reading --------------------------------------------------------------------------------

    def runs(self) -> Sequence[StudioRun]:
        """All runs, newest first."""
        with self._change:
            return sorted(self._runs.values(), key=lambda one: (one.asked_at, one.run))[::-1]

    def run(self, name: str) -> StudioRun:
        """One run.

        Raises:
            NotFoundError: There is none of that name, or it was cleared.
        """
        with self._change:
            found = self._runs.get(name)
        if found is None:
            raise NotFoundError(
                f"there is no run {name!r}.",
                hint="It may have been cleared: the newest runs are kept. Ask for it again.",
            )
        return found

    def progress(self, name: str) -> Mapping[str, int]:
        """Tasks done and tasks so far known, of a run that is at work; and its place in the queue.

        Raises:
            NotFoundError: There is no such run.
        """
        run = self.run(name)
        if run.status == "waiting":
            with self._change:
                return {"n_before": self._queue().index(self._runs[name])}
        told = _json(self.folder / name / PROGRESS)
        return {key: int(told[key]) for key in ("n_done", "n_all") if key in told}

    def files(self, name: str) -> Mapping[str, Path]:
        """Files of a run: what was given, and what came out.

        Raises:
            NotFoundError: There is no such run.
        """
        self.run(name)
        inner = (PROGRESS, FAILURE, "asked.json", "state.json", "worker.log")
        given = {p.name: p for p in sorted((self.folder / name).glob("*.*")) if p.is_file()}
        out = {p.name: p for p in sorted((self.folder / name / "out").glob("*")) if p.is_file()}
        return {n: p for n, p in {**given, **out}.items() if n not in inner and p.suffix != ".part"}

    def document(self, name: str) -> Mapping[str, Any]:
        """What a run came to: the document of its work; empty before its end.

        Raises:
            NotFoundError: There is no such run.
        """
        run = self.run(name)
        return _json(self.folder / name / "out" / f"{run.work}.json")

    # ---- ending ---------------------------------------------------------------------------------

    def cancel(self, name: str, by: str) -> StudioRun:
        """End a run that waits or is at work; one that has ended stays as it is.

        Raises:
            NotFoundError: There is no such run.
            DeniedError: It is another person's.
        """
        with self._change:
            run = self.run(name)
            if run.by != by:
                raise DeniedError("this run is another person's.", hint="Ask them to cancel it.")
            if run.has_ended:
                return run
            run = replace(run, status="cancelled", ended_at=self._clock())
            self._set(run)
            process = self._processes.get(name)
            if process is not None:
                _kill(process)
            return run

    def stop(self) -> None:
        """End the workers and begin no more; what was at work begins anew after a restart."""
        with self._change:
            self._is_stopped = True
            for process in self._processes.values():
                _kill(process)
            self._change.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def begin(self) -> None:
        """Go on with what waits; called once the node is up."""
        with self._change:
            if self._queue():
                self._start()

    # ---- at work --------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._threads:
            self._is_stopped = False
            self._threads = [
                threading.Thread(target=self._work, name=f"twin-{number}", daemon=True)
                for number in range(self.limits.n_running)
            ]
            for thread in self._threads:
                thread.start()

    def _queue(self) -> list[StudioRun]:
        """What waits, in the order in which it is begun: people take turns."""
        last: dict[str, int] = {}
        for one in self._runs.values():
            last[one.by] = max(last.get(one.by, 0), one.started_at or 0)
        waiting = [one for one in self._runs.values() if one.status == "waiting"]
        nth: dict[str, int] = {}
        ranked = []
        for one in sorted(waiting, key=lambda one: (one.asked_at, one.run)):
            ranked.append((nth.get(one.by, 0), last[one.by], one.asked_at, one.run, one))
            nth[one.by] = nth.get(one.by, 0) + 1
        return [one[-1] for one in sorted(ranked, key=lambda one: one[:4])]

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._is_stopped and not self._queue():
                    self._change.wait()
                if self._is_stopped:
                    return
                run = self._queue()[0]
                run = replace(
                    run, status="running", started_at=self._clock(), n_tries=run.n_tries + 1
                )
                self._set(run)
            try:
                self._do(run)
            except Exception:  # the thread must live: others wait
                log.exception("run %s of the twin studio", run.run)
                self._end(run.run, "failed", "the run could not be begun", "See the node's log.")

    def _do(self, run: StudioRun) -> None:
        """Run the worker to its end, and say what became of it."""
        folder = self.folder / run.run
        shutil.rmtree(folder / "out", ignore_errors=True)
        for name in (FAILURE, PROGRESS):
            (folder / name).unlink(missing_ok=True)
        with (folder / "worker.log").open("wb") as told:
            process = _begin(folder, told)
        with self._change:
            self._processes[run.run] = process
            if self._is_stopped or self._runs[run.run].status == "cancelled":
                _kill(process)
        ends = time.monotonic() + self.limits.most_s
        is_late = False
        while process.poll() is None:
            if time.monotonic() > ends and not is_late:
                is_late = True
                _kill(process)
            time.sleep(LOOK_S)
        with self._change:
            del self._processes[run.run]
            if self._is_stopped:  # it stays "running" on disk, and begins anew
                return
        self._judge(run, process.returncode, is_late=is_late)
        self._clear()

    def _judge(self, run: StudioRun, code: int, *, is_late: bool) -> None:
        if code == 0:
            self._end(run.run, "done")
            return
        told = _json(self.folder / run.run / FAILURE)
        if is_late:
            reason = f"it took longer than {self.limits.most_s:g} s and was ended"
            hint = "Take fewer members or points, or run the study on the command line."
        elif told:
            reason, hint = str(told.get("reason", "")), str(told.get("hint", ""))
        else:
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = f"its process died ({name})"
            hint = "Perhaps it took too much memory: take fewer members; see worker.log."
            log.error("run %s of the twin studio: %s", run.run, reason)
        self._end(run.run, "failed", reason, hint)

    def _end(self, name: str, status: Status, reason: str = "", hint: str = "") -> None:
        with self._change:
            run = self._runs[name]
            if not run.has_ended:
                ended_at = self._clock()
                self._set(replace(run, status=status, ended_at=ended_at, reason=reason, hint=hint))

    # ---- kept -----------------------------------------------------------------------------------

    def _set(self, run: StudioRun) -> None:
        """Remember a run, on disk first: whole or not at all."""
        path = self.folder / run.run / "state.json"
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(asdict(run)), "utf-8")
        beside.replace(path)
        self._runs[run.run] = run

    def _load(self) -> None:
        for path in sorted(self.folder.glob("*/state.json")):
            try:
                run = StudioRun(**json.loads(path.read_text("utf-8")))
            except (ValueError, TypeError) as error:
                log.error("run %s of the twin studio cannot be read: %s", path.parent.name, error)
                continue
            self._runs[run.run] = run
            if run.status == "running":
                again = run.n_tries < MOST_TRIES
                self._set(
                    replace(run, status="waiting") if again else
                    replace(run, status="failed", ended_at=self._clock(), reason=(
                        f"the node ended {run.n_tries} times while it was at work"),
                        hint="Ask for it again with fewer members.")
                )  # fmt: skip

    def _clear(self) -> None:
        """Clear the oldest ended runs beyond what is kept."""
        with self._change:
            ended = [one for one in self.runs() if one.has_ended]
            n_bytes = 0
            for number, one in enumerate(ended):
                folder = self.folder / one.run
                n_bytes += sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
                if number and (number >= self.limits.n_kept or n_bytes > self.limits.bytes_kept):
                    del self._runs[one.run]
                    shutil.rmtree(folder, ignore_errors=True)


def worker_command(folder: Path) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, "-m", "goldenbatch.capabilities.twin.studio_worker", str(folder)]


def _begin(folder: Path, told: Any) -> subprocess.Popen[bytes]:
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return subprocess.Popen(  # noqa: S603 (this interpreter, a module of ours)
        worker_command(folder),
        stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT,
        env={**os.environ, **one_thread}, start_new_session=True,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker and what it began."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except AttributeError:  # pragma: no cover  (Windows)
        process.kill()


def _json(path: Path) -> dict[str, Any]:
    """A document that a worker wrote; empty where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInputError(f"no JSON: {error}.", hint="Run it again.", file=path.name) from error
    return dict(found)
