"""Several processes append to PostgreSQL while clients, sessions and the server itself are killed.

Each append carries a mark of its own, and its process writes down how it went: acknowledged, told
of a conflict, refused with nothing kept, or unknown. What is stored afterwards must bear out every
word: an acknowledged mark is there once with its leaf, a refused one or one that met a conflict is
not there at all, an unknown one is there at most once. The tree is whole and every projection is
what the events give.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from goldenbatch.core.errors import GoldenbatchError, VersionConflictError
from goldenbatch.core.records import Body, HomeKind, NewEvent, Projection, record_type
from goldenbatch.core.site import HomeInfo
from goldenbatch.runtime._clock import system_clock
from goldenbatch.stores.ledger import Keyring, Ledger, Signer, UnknownOutcomeError
from tests.campaign.report import Part
from tests.postgres.server import Server
from tests.stores.ledger import postgres_kit

KINDS = ("client killed", "server killed", "server stopped at once", "session ended")
N_CLIENTS = 3
A_LIFE = 20
"""Deaths for which one ledger lives."""
HOME = HomeInfo("h-crash", "Crashes", HomeKind.DEVELOPMENT, "alpha", "UTC")
ROOT = Path(__file__).resolve().parents[2]
SLOW_S = 0.04
"""Mean rest of a client between two appends, so that a life does not grow too long to check."""


@record_type
class CrashMarked(Body):
    """What a client of the campaign appends."""

    mark: str
    place: int


def _fold(event: Any, lookup: Any) -> Iterator[dict[str, Any]]:
    row = lookup((event.stream,)) or {"stream": event.stream, "n": 0, "last": ""}
    yield {**row, "n": row["n"] + 1, "last": event.body["mark"]}


MARKS = Projection(
    "mark", 1, {"stream": "TEXT", "n": "INTEGER", "last": "TEXT"}, ("stream",),
    frozenset({"CrashMarked"}), _fold,
)  # fmt: skip


def postgres_crashes(
    n: int, seed: str, on_death: Callable[[int, int], None] | None = None
) -> list[Part]:
    """Let `n` things die, by turns in random order; one part of the report for each kind.

    Args:
        n: Deaths in all.
        seed: Of their order, moments and of what the clients append.
        on_death: Called with (deaths, all).
    """
    draw, began = random.Random(f"{seed}/order"), time.monotonic()
    order = [KINDS[place % len(KINDS)] for place in range(n)]
    draw.shuffle(order)
    parts = {
        kind: Part(
            f"PostgreSQL: {kind}, {N_CLIENTS} processes appending",
            "something acknowledged lost or doubled, something refused kept, or a torn tree",
            seeds=f"`{seed}/LIFE`",
        )
        for kind in KINDS
    }
    said: Counter[str] = Counter()
    server = Server()
    try:
        for number, start in enumerate(range(0, n, A_LIFE)):
            with _Life(server, f"{seed}/{number}") as life:
                for place, kind in enumerate(order[start : start + A_LIFE], start + 1):
                    part, since = parts[kind], time.monotonic()
                    part.n += 1
                    part.failures += life.die(kind)
                    part.seconds += time.monotonic() - since
                    if on_death is not None:
                        on_death(place, n)
                parts[order[start]].failures += life.finish()
                said.update(life.said)
    finally:
        server.close()
    whole = ", ".join(f"{word} {count}" for word, count in sorted(said.items()))
    first = next(iter(parts.values()))
    first.details.append(f"what the clients said of their appends: {whole}")
    first.details.append(f"{time.monotonic() - began:.0f} s in all; after each death: verification")
    return [part for part in parts.values() if part.n]


class _Life:
    """One ledger, the processes that append to it, and what they said."""

    def __init__(self, server: Server, seed: str) -> None:
        self._server, self._seed, self._draw = server, seed, random.Random(seed)
        self._folder = Path(tempfile.mkdtemp(prefix="campaign-pg-"))
        admin, self._url, self._schema = postgres_kit.new_schema(server.url)
        del admin
        self._key = self._folder / "log.pem"
        signer = Signer.create(self._key, f"goldenbatch/{HOME.uid}")
        self._keys = Keyring((signer,))
        with self._open():
            pass
        self._clients: list[subprocess.Popen[bytes]] = []
        self._n_clients = 0
        self.said: Counter[str] = Counter()

    def __enter__(self) -> _Life:
        for _ in range(N_CLIENTS):
            self._hire()
        return self

    def __exit__(self, *_: object) -> None:
        import shutil

        for client in self._clients:
            client.kill()
            client.wait()
        postgres_kit.drop_schema(self._server.url, self._schema)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, **more: Any) -> Ledger:
        return Ledger.open(self._url, HOME, system_clock, [MARKS], keys=self._keys, **more)

    def _hire(self) -> None:
        self._n_clients += 1
        name = f"c{self._n_clients}"
        command = [sys.executable, "-m", "tests.campaign.postgres", self._url, str(self._folder),
                   name, f"{self._seed}/{name}"]  # fmt: skip
        path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        client = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})
        self._clients.append(client)
        self._await(f"{name}.said", client)

    def _await(self, name: str, client: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        path = self._folder / name
        while not path.exists() or not path.stat().st_size:
            if client.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"client {name} does not append")
            time.sleep(0.005)

    def die(self, kind: str) -> list[str]:
        """Let something die at a random moment of the work; gives what was wrong afterwards."""
        time.sleep(self._draw.uniform(0.02, 0.3))
        if kind == "client killed":
            client = self._clients.pop(self._draw.randrange(len(self._clients)))
            client.kill()
            client.wait()
            self._hire()
        elif kind == "session ended":
            self._end_sessions()
        else:
            if kind == "server killed":
                self._server.kill()
            else:
                self._server.stop("immediate")
            time.sleep(self._draw.uniform(0, 0.5))
            self._server.start()
        return self.check(kind)

    def _end_sessions(self) -> None:
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (urlsplit(self._url).username,),
            )

    def finish(self) -> list[str]:
        """All clients end in good order; then what they said is held against all that is there."""
        (self._folder / "stop").touch()
        wrong = [
            f"a client ended with {client.returncode}"
            for client in self._clients
            if client.wait(60)
        ]
        wrong += self.check("the end")
        self.said = Counter(word for word, _ in self._words() if word != "because")
        return wrong

    def _words(self) -> list[tuple[str, Any]]:
        found = []
        for path in sorted(self._folder.glob("*.said")):
            lines = path.read_bytes().split(b"\n")[:-1]  # the last may be torn
            found += [tuple(json.loads(line)) for line in lines]
        return found

    def check(self, when: str) -> list[str]:
        """What of the clients' words is not borne out by what is stored."""
        words = self._words()  # before what is stored is read: it may only grow meanwhile
        with self._open(read_only=True) as ledger:
            problems = [str(one) for one in ledger.verify() if not one.is_note]
            leaves, marks = {}, Counter[str]()
            for event in ledger.events():
                leaves[event.seq] = event.leaf
                marks[event.body["mark"] if event.body else ""] += 1
        wrong, reasons = problems[:3], [told for word, told in words if word == "because"]
        if sorted(leaves) != list(range(1, len(leaves) + 1)):
            wrong.append("the numbers of the events have gaps")
        wrong += [f"{mark} is there {n} times" for mark, n in marks.items() if n != _size(mark)]
        for word, told in words:
            if word == "kept":
                wrong += [f"event {seq} is lost" for seq, leaf in told if leaves.get(seq) != leaf]
            elif word in ("conflict", "refused") and marks[told]:
                why = [text for one, text in reasons if one == told]
                wrong.append(f"{told} was told {word}, but it was kept: {why}")
            elif word == "odd":
                wrong.append(f"a client met {told}")
        return [f"{self._seed}, after {when}: {one}" for one in wrong[:5]]


def _size(mark: str) -> int:
    return int(mark.rpartition("*")[2])


# ---- a client -----------------------------------------------------------------------------------


def append_without_end(url: str, folder: Path, name: str, seed: str) -> None:
    """Append to a stream of one's own and to one shared with others; write down how it went."""
    draw, keys = random.Random(seed), Keyring((Signer.load(folder / "log.pem", _ORIGIN),))
    said = os.open(folder / f"{name}.said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(word: str, told: Any) -> None:
        os.write(said, json.dumps([word, told]).encode() + b"\n")

    with _opened(url, keys) as ledger:
        versions: dict[str, int] = {}
        number = 0
        while not (folder / "stop").exists():
            number += 1
            stream = f"crash/{draw.choice((name, name, 'shared'))}"
            n_events = draw.choice((1, 1, 1, 1, 1, 1, 1, 5, 5, 80))
            mark = f"{name}.{number}*{n_events}"
            try:
                if stream not in versions:
                    versions[stream] = ledger.version(stream)
                done = _append(ledger, stream, versions[stream], mark, n_events)
                say("kept", [[event.seq, event.leaf] for event in done])
                versions[stream] += n_events
            except VersionConflictError:
                say("conflict", mark)
                versions.clear()
            except UnknownOutcomeError:
                say("unknown", mark)
                versions.clear()
            except GoldenbatchError as error:
                say("refused", mark)
                say("because", [mark, str(error)[:300]])
                versions.clear()
            except Exception as error:
                say("odd", repr(error)[:200])
                raise
            if draw.random() < 0.05:
                with suppress(GoldenbatchError):
                    ledger.checkpoint()
            time.sleep(draw.expovariate(1 / SLOW_S))


_ORIGIN = f"goldenbatch/{HOME.uid}"


def _append(ledger: Ledger, stream: str, version: int, mark: str, n: int) -> Any:
    return ledger.append([
        NewEvent(stream, CrashMarked(mark=mark, place=place), version + place, "client")
        for place in range(n)
    ])  # fmt: skip


@contextmanager
def _opened(url: str, keys: Keyring) -> Iterator[Ledger]:
    """The ledger, once the server lets one in; it may be starting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            ledger = Ledger.open(url, HOME, system_clock, [MARKS], keys=keys)
            break
        except GoldenbatchError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with ledger:
        yield ledger


if __name__ == "__main__":
    append_without_end(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
