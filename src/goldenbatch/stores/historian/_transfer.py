"""The steps of a hand-over on the disk and in the ledger, in an order that survives a crash.

1. files written and synced, read back and compared; 2. manifest; 3. Delta commits and their sync;
4. after a crash or a difference: digests computed again from the files; 5. recorded; 6. keys
indexed; 7. state. Only then the log may be cut. Each step, done
again, does nothing: the manifest says what to do and the Delta transaction what was done.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import Recorder
from goldenbatch.core.series import KINDS
from goldenbatch.stores.historian import _files, _handover, _manifest
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._handover import Plan
from goldenbatch.stores.historian._hot import Hot
from goldenbatch.stores.historian._keys import KeyIndex
from goldenbatch.stores.historian._manifest import Manifest, State


@dataclass(frozen=True)
class Transfer:
    """A hand-over, bound to the stores that it moves between.

    Attributes:
        folder: The historian's folder.
        cold: Where the readings go.
        keys: Index of the frames.
        recorder: Takes the chunks; None: recorded later.
        name: Name of a tag by its number.
        on_step: Told the name of each step that was done.
    """

    folder: Path
    cold: Cold
    keys: KeyIndex
    recorder: Recorder | None
    name: _handover.Name
    on_step: Callable[[str], None]

    def begin(self, hot: Hot, n: int, state: State, lock: threading.RLock) -> Plan:
        """Write the files and the manifest of the frames up to `n`."""
        with lock:
            taken = hot.taken(n)
        plan = _handover.plan(taken, n, state, self.cold, self.name)
        self.on_step("wrote files")
        _manifest.store_manifest(self.folder / "chunks", plan.manifest)
        self.on_step("wrote manifest")
        return plan

    def complete(self, manifest: Manifest, state: State, plan: Plan | None = None) -> State:
        """Do all that is left of a hand-over.

        Args:
            manifest: Of the hand-over.
            state: Before it.
            plan: Says that what lies on the disk was compared with what it was made of; without
                it the digests are computed again.

        Raises:
            IntegrityError: What was read back is not what was written; the log is kept.
        """
        for kind in KINDS:
            files = [file for file in manifest.files if file.kind == kind]
            if files:
                self.cold.commit(kind, files, manifest.n)
                self.on_step(f"committed {kind}")
        is_right = plan is not None and plan.is_right
        problems = [] if is_right else _handover.differences(manifest, self.cold, self.name)
        if problems:
            raise IntegrityError(
                f"hand-over {manifest.n}: {problems[0]}.",
                hint="The log is kept: check the disk, then run `goldenbatch verify`.",
            )
        self.on_step("read back")
        self._record(manifest)
        self.on_step("recorded")
        self.keys.add(manifest.n, manifest.frames)
        self.on_step("indexed")
        recorded = manifest.n if self.recorder is not None else state.recorded
        digest = _manifest.manifest_digest(self.folder / "chunks", manifest.n)
        done = _manifest.after(state, manifest, digest, recorded)
        _manifest.store_state(self.folder, done)
        self.on_step("stored state")
        return done

    def _record(self, manifest: Manifest) -> None:
        if self.recorder is None:
            return
        for chunk in manifest.chunks:
            self.recorder.record(f"chunk/{chunk.source}", chunk.chunk, chunk.body())
            self.on_step(f"recorded {chunk.source}")

    def catch_up(self, state: State) -> None:
        """Index and record hand-overs that were finished without index or recorder."""
        indexed = self.keys.upto()
        recorded = state.recorded if self.recorder is not None else state.n
        for n in _manifest.manifest_numbers(self.folder / "chunks"):
            if n <= min(indexed, recorded):
                continue
            manifest = _manifest.load_manifest(_manifest.manifest_path(self.folder / "chunks", n))
            if n > indexed:
                self.keys.add(n, manifest.frames)
            if n > recorded:
                self._record(manifest)
        if recorded < state.n:
            _manifest.store_state(self.folder, replace(state, recorded=state.n))


def cut_log(folder: Path, before: int) -> None:
    """Delete segments whose frames are all at or before a hand-over.

    `before` is the hand-over before the newest, so that a reader that has taken the older
    table still finds the frames above it.
    """
    paths = sorted(folder.glob("*.frames"))
    for path, following in itertools.pairwise(paths):
        if int(following.stem) <= before + 1:
            path.unlink()
    _files.fsync_dir(folder)
