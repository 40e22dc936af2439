"""Redis servers of the test's own that belong together: a primary and its replica behind a Sentinel, and a Cluster.

On free ports of loopback. Whatever takes the servers a while is polled for, with a deadline.
"""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

WITHIN = 30.0
"""Seconds, in which everything that servers do among themselves is done."""
SERVICE = "gate"
QUICKLY, NEVER = 1000, 600_000
"""Milliseconds after which a server that is silent is taken for dead: for who waits for that, and for who does not."""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(holds: Callable[[], object], what: str) -> None:
    """Ask until it holds. An error of Redis's is a no."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        with suppress(RedisError):
            if holds():
                return
        time.sleep(0.02)
    raise TimeoutError(what)


@contextmanager
def ended_on_error(made: "TcpServer | BehindSentinel | Cluster") -> Iterator[None]:
    """End what is only half made."""
    try:
        yield
    except BaseException:
        made.end()
        raise


async def until_async(holds: Callable[[], Awaitable[bool]]) -> None:
    """The same, of what is asked asynchronously. Raises TimeoutError."""
    async with asyncio.timeout(WITHIN):
        while not await holds():  # noqa: ASYNC110 - servers set no event
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A password, and TLS under a certificate of one's own for 127.0.0.1."""

    folder: Path
    password: str

    @classmethod
    def made(cls, folder: Path, password: str) -> "Guarded":
        """Make the certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "callgate test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
        (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
        return cls(folder, password)

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def lines(self, port: int) -> tuple[str, ...]:
        """Of the configuration of a server that answers on no other port."""
        return (
            "port 0",
            f"tls-port {port}",
            f"tls-cert-file {self.certificate}",
            f"tls-key-file {self.folder}/key.pem",
            f"tls-ca-cert-file {self.certificate}",
            "tls-auth-clients no",
            "tls-replication yes",
            f"requirepass {self.password}",
        )

    def options(self) -> dict[str, Any]:
        """Of a client."""
        return {"ssl": True, "ssl_ca_certs": str(self.certificate), "password": self.password}


class TcpServer:
    """One redis-server without persistence, that can be frozen and killed."""

    def __init__(self, *lines: str, sentinel: bool = False, guarded: "Guarded | None" = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="cg-"))
        self.port = free_port()
        ports = guarded.lines(self.port) if guarded else (f"port {self.port}",)
        own = ("bind 127.0.0.1", *ports, f"dir {self.home}", *(() if sentinel else ('save ""',)))
        conf = self.home / "redis.conf"
        conf.write_text("\n".join((*own, *lines)) + "\n")
        words = ["redis-server", str(conf), *(["--sentinel"] if sentinel else [])]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=self.home)
        options: dict[str, Any] = guarded.options() if guarded else {}
        self.client = Redis(host="127.0.0.1", port=self.port, socket_timeout=5, decode_responses=True, **options)
        with ended_on_error(self):
            until(self.client.ping, "redis-server did not start")

    def do(self, *words: str | int) -> Any:
        """A command that redis-py has no method for."""
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """Stop it where it stands; it has stopped on return."""
        self._process.send_signal(signal.SIGSTOP)
        until(lambda: self._state() == "T", "redis-server did not stop")

    def _state(self) -> str:
        """One letter, as proc(5) has it."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self.client.close()
        self.kill()
        shutil.rmtree(self.home)

    def has_replica(self) -> bool:
        """Whether a replica follows, and says so: at first it does not."""
        self.client.set("witness{gate}", 1)
        return bool(self.do("WAIT", 1, 1000))

    def is_primary(self) -> bool:
        return bool(self.client.info("replication")["role"] == "master")


def cut_off(replica: TcpServer, primary: TcpServer) -> None:
    """Freeze the replica, so that it has what the primary was told so far and gets nothing of what follows."""
    until(primary.has_replica, "the replica did not follow")
    replica.freeze()
    primary.client.client_kill_filter(_type="replica")


class BehindSentinel:
    """A primary, its replica, and a Sentinel that watches them."""

    def __init__(self, patience_ms: int = QUICKLY) -> None:
        self.servers: list[TcpServer] = []
        self._patience_ms = patience_ms
        with ended_on_error(self):
            self.primary = self._server()
            self.replica = self._server(f"replicaof 127.0.0.1 {self.primary.port}")
            until(self.primary.has_replica, "the replica did not follow")
            self.sentinel = self._sentinel()
            until(self._sees_replica, "the Sentinel did not see the replica")
        self.url = f"redis+sentinel://127.0.0.1:1,{self.sentinel.address}/{SERVICE}"

    def _server(self, *lines: str) -> TcpServer:
        self.servers.append(TcpServer("repl-diskless-sync-delay 0", *lines))
        return self.servers[-1]

    def _sentinel(self) -> TcpServer:
        lines = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.primary.port} 1",
            f"sentinel down-after-milliseconds {SERVICE} {self._patience_ms}",
            f"sentinel failover-timeout {SERVICE} 3000",
        )
        self.servers.append(TcpServer(*lines, sentinel=True))
        return self.servers[-1]

    def _sees_replica(self) -> bool:
        return len(self.sentinel.client.sentinel_slaves(SERVICE)) == 1

    def promote_replica(self) -> None:
        """Make it a primary beside the old one, which is told nothing."""
        self.sentinel.freeze()
        self.replica.do("REPLICAOF", "NO", "ONE")

    def fail_over(self) -> None:
        """Wait until the Sentinel made the replica the primary."""
        until(self.replica.is_primary, "the Sentinel did not promote the replica")
        address = ["127.0.0.1", str(self.replica.port)]
        told = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        until(lambda: self.sentinel.do(*told) == address, "the Sentinel did not name the replica")

    def end(self) -> None:
        for server in self.servers:
            server.end()


class Cluster:
    """A Cluster of three primaries; the one that holds the gate's keys has a replica."""

    def __init__(self, patience_ms: int = QUICKLY) -> None:
        self.servers: list[TcpServer] = []
        self._patience_ms = patience_ms
        with ended_on_error(self):
            self.primaries = [self._server() for _ in range(3)]
            self.replica = self._server()
            self.primary = self.primaries[key_slot(b"gate") * 3 // 16384]
            self._deal_slots()
            self._meet()
            self._give_replica()
        self.url = f"redis+cluster://127.0.0.1:1,{self.primaries[0].address},{self.primaries[1].address}"

    def _deal_slots(self) -> None:
        for at, server in enumerate(self.primaries):
            bounds = range(-(-16384 * at // 3), -(-16384 * (at + 1) // 3))
            server.do("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
            server.do("CLUSTER", "ADDSLOTSRANGE", bounds.start, bounds.stop - 1)

    def _meet(self) -> None:
        first, *others = self.servers
        bus = str(first.client.config_get("cluster-port")["cluster-port"])
        for server in others:
            server.do("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
        self._until("cluster_known_nodes", str(len(self.servers)))

    def _give_replica(self) -> None:
        whose = self.primary.do("CLUSTER", "MYID")
        until(lambda: self.replica.do("CLUSTER", "REPLICATE", whose), "the primary is not known")
        until(self.primary.has_replica, "the replica did not follow")
        self._until("cluster_state", "ok")
        # Everyone must have heard of the replica, or nobody would let it take over.
        until(lambda: all(map(self._sees_replica, self.servers)), "the replica was not heard of")

    def _server(self) -> TcpServer:
        lines = (
            "cluster-enabled yes",
            f"cluster-port {free_port()}",
            f"cluster-node-timeout {self._patience_ms}",
            "cluster-replica-validity-factor 0",
            "repl-diskless-sync-delay 0",
        )
        self.servers.append(TcpServer(*lines))
        return self.servers[-1]

    def _until(self, key: str, value: str) -> None:
        def holds() -> bool:
            return all(server.do("CLUSTER INFO")[key] == value for server in self.servers)

        until(holds, f"{key} did not become {value}")

    def _sees_replica(self, server: TcpServer) -> bool:
        nodes: dict[str, dict[str, object]] = server.do("CLUSTER NODES")
        return any("slave" in str(node["flags"]) for node in nodes.values())

    def promote_replica(self) -> None:
        """Make it the primary; the old one will hear of it."""
        self.replica.do("CLUSTER", "FAILOVER", "TAKEOVER")

    def moving(self, slot: int) -> Iterator[None]:
        """Move a slot to the next primary, as `redis-cli --cluster reshard` does; pauses after each step and key."""
        at = slot * 3 // 16384
        source, target = self.primaries[at], self.primaries[(at + 1) % 3]
        name = target.do("CLUSTER", "MYID")
        target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", source.do("CLUSTER", "MYID"))
        yield
        source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", name)
        yield
        while keys := source.do("CLUSTER", "GETKEYSINSLOT", slot, 1):
            source.do("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
            yield
        for server in (target, source, self.primaries[(at + 2) % 3]):
            server.do("CLUSTER", "SETSLOT", slot, "NODE", name)
            yield

    def fail_over(self) -> None:
        """Wait until the replica took the place of its primary."""
        until(self.replica.is_primary, "the replica did not take over")

        def agreed() -> bool:
            others = [server for server in self.servers if server is not self.primary]
            return all(server.do("CLUSTER INFO")["cluster_state"] == "ok" for server in others)

        until(agreed, "the Cluster did not come to terms")

    def end(self) -> None:
        for server in self.servers:
            server.end()
