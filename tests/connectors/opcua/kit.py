"""A server of node-opcua, a line that can be cut, and a home that reads it: for tests."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from goldenbatch.connectors.opcua import make_connector, thumbprint
from goldenbatch.core.acquisition import ConnectionCard, SourceContext
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime._outlet import NodeOutlet
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.stores.spool import Spool

PEERS = Path(__file__).parents[2] / "peers"
SERVER = PEERS / "opcua_server.mjs"
SERVER_URI = "urn:goldenbatch:test-plant"
PLACE = "site/press"
USER = {"kind": "username", "name": "anna", "password": "env:TEST_PLANT_PASSWORD"}
PASSWORD = "a secret of the test plant"
TYPES = "urn:goldenbatch:test-types"
PLANT = """
name = "Test plant"
version = "1"
[[places]]
path = "site"
level = "site"
[[places]]
path = "site/press"
level = "unit"
"""


def now() -> int:
    return time.time_ns() // 1000


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def certificate(folder: Path, name: str, *, uri=SERVER_URI, days=365, issuer=None, is_ca=False):
    """A certificate and key in a folder as PEM; signed by `issuer` (certificate, key) or itself."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=400)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    usage = x509.KeyUsage(True, True, True, True, False, is_ca, is_ca, False, False)
    made = (
        x509.CertificateBuilder(issuer[0].subject if issuer else subject, subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made, key


def der(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.DER)


class PlantServer:
    """A process of node-opcua on a port of its own; it can die and return."""

    def __init__(self, node: str, folder: Path, **options):
        self.folder, self._node = folder, node
        made, _ = certificate(folder, "server")
        self.thumbprint = thumbprint(der(made))
        self.options = {
            "port": free_port(),
            "folder": str(folder),
            "certificate": str(folder / "server.pem"),
            "key": str(folder / "server.key"),
            "users": {"anna": PASSWORD},
            **options,
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = f"opc.tcp://127.0.0.1:{self.options['port']}/plant"

    def start(self) -> PlantServer:
        self.process = subprocess.Popen(
            [self._node, str(SERVER), json.dumps(self.options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if self.options.get("is_loud") else subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line, "node-opcua did not start"
        assert json.loads(line)["url"] == self.url
        return self

    def do(self, op: str, **arguments):
        """Have the server do something; what it answers."""
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer.pop("ok"), answer
        return answer

    def set(self, name: str, value, type="Double", **more):
        return self.do("set", name=name, value=value, type=type, **more)

    def kill(self):
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


class Line:
    """A TCP line to a server that can be cut and mended."""

    def __init__(self, port: int):
        self._to, self.port = port, free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.flows = asyncio.Event()
        self.flows.set()

    async def mend(self) -> Line:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def cut(self):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._writers -= ends

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


def node(name: str) -> str:
    return f"ns=1;s=Press.{name}"


def item(name: str, **more) -> dict:
    return {"node": node(name), "tag": name.lower(), **more}


def a_card(server, *items, url="", **settings) -> ConnectionCard:
    """A card that trusts the server, with quick pauses."""
    whole = {
        "url": url or server.url,
        "user": USER,
        "security": {"server_thumbprints": [server.thumbprint]},
        "subscription": {
            "publishing_ms": 50,
            "sampling_ms": 0,
            "keep_alive_s": 1,
            "trigger": "timestamp",
        },
        "retry": {"first_s": 0.1, "longest_s": 0.5, "nodes_s": 0.3, "timeout_s": 10},
        "items": list(items),
    }
    for key, value in settings.items():
        is_part = isinstance(value, dict) and isinstance(whole.get(key), dict)
        whole[key] = {**whole[key], **value} if is_part and key != "user" else value
    return ConnectionCard(name="press", connector="opcua", place=PLACE, settings=whole)


def secret(text: str) -> str:
    if text != "env:TEST_PLANT_PASSWORD":
        raise BadInputError(f"no secret {text!r}")
    return PASSWORD


def context(card: ConnectionCard, home: Path, clock=now, plant=None, find=secret) -> SourceContext:
    from goldenbatch.core.plant import parse_plant

    made = plant or parse_plant(PLANT)
    return SourceContext(card, made, clock, find, home / "keys" / card.name, home)


class Home:
    """A real home, open, that reads a source with the runtime's own outlet."""

    def __init__(self, path: Path):
        self.path = path
        if not path.exists():
            create_home(path, HomeSettings("Test", "site", PLANT))
        self.site: LocalSite | None = None
        self.outlet: NodeOutlet | None = None
        self.connector = None

    @asynccontextmanager
    async def reading(self, card: ConnectionCard, **more) -> AsyncIterator[Home]:
        """Read a source while the block runs."""
        with LocalSite.open(self.path) as self.site:
            spool = Spool(self.path / "state" / f"{card.name}.sqlite", 2**20)
            self.outlet = NodeOutlet(self.site, card, spool, slow_s=5)
            self.connector = make_connector(context(card, self.path, plant=self.site.plant, **more))
            task = asyncio.ensure_future(self.connector.run(self.outlet))
            self.task = task
            try:
                yield self
            finally:
                task.cancel()
                found = await asyncio.gather(task, return_exceptions=True)
                await self.outlet.close()
                spool.close()
            if isinstance(found[0], Exception):
                raise found[0]

    async def until(self, what, seconds=20.0):
        """Wait until something holds; the connector must not have failed."""
        end = time.monotonic() + seconds
        while not (found := what()):
            if self.task.done():
                self.task.result()
            assert time.monotonic() < end, f"never: {self.outlet.state()}"
            await asyncio.sleep(0.02)
        return found

    async def connected(self):
        """Wait until the first values are in."""
        await self.until(lambda: self.health("connected") == 1.0)
        await self.until(lambda: self.health("publish_lag_s") is not None)
        return self

    def health(self, signal: str):
        return self.outlet.state().get(signal)

    def tag(self, name: str) -> str:
        return f"{PLACE}/{name}"

    def values(self, name: str) -> list:
        """All values of a tag in the order of their times."""
        return [row["value"] for row in self.rows(name)]

    def rows(self, name: str) -> list[dict]:
        tag = self.tag(name)
        if tag not in self.site.historian.tags():
            return []
        return list(self.site.historian.read([tag], (-(2**60), 2**62)).rows())

    def gaps(self) -> list[dict]:
        return [dict(row) for row in self.site.ledger.select("gap", {"is_backfill": 0})]

    def backfills(self) -> list[dict]:
        return [dict(row) for row in self.site.ledger.select("gap", {"is_backfill": 1})]
