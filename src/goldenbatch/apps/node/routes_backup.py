"""Endpoints of backups; only the home's own command line may call them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from goldenbatch.apps.node.failures import RESPONSES
from goldenbatch.apps.node.inputs import Form, Text
from goldenbatch.apps.node.state import LocalCaller, State

router = APIRouter(responses=RESPONSES)
Folder = Annotated[Text, Field(min_length=1)]


class BackupForm(Form):
    """Where to (on the node's machine), and the passphrase of the keys; empty: without keys."""

    folder: Folder
    passphrase: Text = ""


class DrillForm(Form):
    """Which backup is restored for trial; an empty snapshot is the newest."""

    folder: Folder
    snapshot: Text = ""


@router.post("/backup", tags=["backup"])
def backup(form: BackupForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Write a backup while the node goes on working."""
    return state.desk.backup(form.folder, form.passphrase)


@router.post("/backup/drill", tags=["backup"])
def drill(form: DrillForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Restore a backup for trial, verify it, throw it away and record the result."""
    return state.desk.drill(form.folder, form.snapshot)


class ArchiveForm(Form):
    """Which batch is archived, and where to: a new folder on the node's machine."""

    batch: Folder
    folder: Folder


@router.post("/archive", tags=["backup"])
def archive(form: ArchiveForm, state: State, _: LocalCaller) -> dict[str, Any]:
    """Write the whole record of a batch, to be read without this platform."""
    return state.desk.archive(form.batch, form.folder)
