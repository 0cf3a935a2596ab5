"""Broken controls of what comes in, what is worked out, and what is kept."""

import sqlite3
from contextlib import closing
from dataclasses import replace

from gbx_cases import also, breaks


@breaks("quarantine-accounts-for-all-rows", "the text of the refused row is not kept")
def refused_rows_lose_their_text(patch, **_):
    from goldenbatch.connectors.tabular import importing

    patch.setattr(importing, "as_json_lines", lambda plan: b"{}\n")


@breaks("original-file-kept", "the kept file is not the one that was imported")
def files_are_kept_changed(patch, **_):
    from goldenbatch.stores.registry import Registry

    real = Registry.get
    patch.setattr(Registry, "get", lambda self, digest: real(self, digest).upper())


@breaks("import-again-adds-nothing", "readings were counted again")
def files_are_read_twice(patch, **_):
    from goldenbatch.connectors.tabular import _settle, importing

    patch.setattr(importing._Import, "_repeated", lambda self, table, original: None)
    patch.setattr(importing._Import, "_seen", lambda self: set())
    patch.setattr(_settle, "_stored", lambda readings, historian: {})


@breaks("changed-reading-is-a-conflict", "the contradiction was not told")
def contradictions_are_dropped(patch, **_):
    from goldenbatch.connectors.tabular import _settle

    real = _settle._compare

    def compare(one, stored):
        is_there, _, where = real(one, stored)
        return is_there, is_there, where

    patch.setattr(_settle, "_compare", compare)


@breaks("impossible-value-refused", "a result of no number was not refused")
def any_text_is_a_number(patch, **_):
    from goldenbatch.core.results import Result
    from goldenbatch.runtime import _oq_data

    patch.setattr(_oq_data, "Result", Result.model_construct)


@breaks("unknown-tag-refused", "an unknown tag was not refused")
def any_tag_will_do(patch, **_):
    from goldenbatch.core.plant import Plant

    real = Plant.tag
    patch.setattr(Plant, "tag", lambda self, name: real(self, name.removesuffix("_2")))


@breaks("replay-as-seen-equals", "replay differs")
def analysts_answer_otherwise(patch, **_):
    from goldenbatch.runtime import replay

    real = replay.assess

    def assess(*args):
        found = real(*args)
        return replace(found, transitions=())

    patch.setattr(replay, "assess", assess)


@breaks("analyst-version-locked", "an analyst of another version ran")
def any_version_runs(patch, **_):
    from goldenbatch.runtime.adoption import Workshop

    def build(self, adoption):
        body = adoption.body
        return self.make(body.name, body.analyst, body.settings)

    patch.setattr(Workshop, "build", build)


@breaks("dossier-is-readable-and-proved", "the dossier does not name its batch")
def dossiers_are_empty(patch, **_):
    from goldenbatch.capabilities.execution import _documents

    patch.setattr(_documents, "render_html", lambda report: "<html></html>")


@breaks("restore-drill", "the restored home does not verify")
def restores_are_cut(patch, **_):
    from goldenbatch.runtime import backup

    real = backup._write

    def write(vault, entry, folder):
        real(vault, entry, folder)
        if entry.path.endswith("ledger.sqlite"):
            with closing(sqlite3.connect(folder / entry.path)) as connection:
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                ).fetchall():
                    connection.execute(f'DROP TRIGGER "{name}"')
                connection.execute("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)")
                connection.commit()

    patch.setattr(backup, "_write", write)


@breaks("damaged-backup-named", "a backup that was damaged passes the drill")
def backups_are_believed(patch, **_):
    from goldenbatch.runtime import backup
    from goldenbatch.runtime._snapshots import Vault

    def read(self, entry):
        for digest in entry.pieces:
            yield self._piece(digest).read_bytes()

    patch.setattr(Vault, "read", read)
    patch.setattr(Vault, "check", lambda self, snapshot: [])
    patch.setattr(backup, "verify_restored", lambda folder, snapshot: (0, []))


@breaks("archive-reads-without-the-platform", "a file that was altered is not named")
def archives_are_not_compared(patch, **_):
    from goldenbatch.runtime import archive

    patch.setattr(archive, "_digest", lambda path: "0" * 64)


@breaks("erasure-takes-two-and-keeps-the-proof", "the content can still be read")
def nothing_is_erased(patch, **_):
    from goldenbatch.stores.ledger import _erasure

    patch.setattr(_erasure, "carry_out", lambda *_: None)


@breaks("retention-refuses-before-its-time", "a deletion before its time was not refused")
@also("hold-stops-deletion", "a deletion under a hold was not refused")
def everything_may_go(patch, **_):
    from goldenbatch.core.deletion_rules import MayGo
    from goldenbatch.runtime._retention_reads import RetentionReads

    real = RetentionReads.verdicts

    def verdicts(self, things):
        free = MayGo(1, ("none",), ("nothing",))
        return [(thing, one if one.is_allowed else free) for thing, one in real(self, things)]

    patch.setattr(RetentionReads, "verdicts", verdicts)


@breaks("model-takes-every-step", "a training that nobody signed counts")
def steps_need_no_signature(patch, **_):
    from goldenbatch.core import model_life

    def any_step(events, fault=None):
        return {
            event.envelope.version: model_life.SIGNED_AS.get(type(event.decode()))
            for event in events
        }

    patch.setattr(model_life, "signed_steps", any_step)


@breaks("one-approved-version-serves", "an altered artefact was not refused")
def artefacts_are_not_looked_at(patch, **_):
    from goldenbatch.core.errors import GoldenbatchError
    from goldenbatch.stores.registry import Registry

    real = Registry.get

    def get(self, digest):
        try:
            return real(self, digest)
        except GoldenbatchError:
            return b""

    patch.setattr(Registry, "get", get)
