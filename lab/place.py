"""Where a lab is: one /24 of loopback and one folder.

Every port is a well-known one, because each lab has addresses of its own: two labs differ in the net and in nothing
else. Linux answers on all of 127.0.0.0/8 without any set-up. An outgoing TCP connection still comes from 127.0.0.1
whatever it connects to, so an allow-list inside a lab names that address.

A lab claims its net and its folder while it lives. A claim is a name in Linux's abstract socket namespace (unix(7)): it
lives exactly as long as its process, however that ends, leaves no file, belongs to the same network namespace as
the addresses, and the kernel tells who holds it.
"""

import hashlib
import os
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_NET = "127.0.0"


class Address(NamedTuple):
    """Host and port, as asyncio and socket take them."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class TakenError(Exception):
    """Somebody else has the net, the folder or a port; the text says who."""


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses, ports and paths of one lab."""

    net: str
    """The first three octets of the lab's /24, `127.0.0` for `make lab-up`."""
    folder: Path

    def __post_init__(self) -> None:
        # sun_path of sockaddr_un holds 108 bytes, its closing NUL included: unix(7).
        if len(bytes(self.asterisk_socket)) > 107:
            raise ValueError(f"{self.asterisk_socket} is too long a path for a socket; choose a shorter folder")

    @property
    def pbx(self) -> str:
        """The PBX's host, and that of everything beside it."""
        return f"{self.net}.1"

    @property
    def sip(self) -> Address:
        """PJSIP over UDP."""
        return Address(self.pbx, 5060)

    @property
    def ami(self) -> Address:
        return Address(self.pbx, 5038)

    @property
    def agi(self) -> Address:
        """callgate's FastAGI server."""
        return Address(self.pbx, 4573)

    @property
    def http(self) -> Address:
        """callgate's API and dashboard."""
        return Address(self.pbx, 8080)

    @property
    def redis(self) -> Address:
        """Not 6379, so that a Redis of the machine's own can stay."""
        return Address(self.pbx, 6390)

    @property
    def brussels(self) -> Address:
        """The phone of an agent in Brussels."""
        return Address(f"{self.net}.2", 5060)

    @property
    def carrier(self) -> Address:
        """Whatever answers here is the carrier, with the callees behind it."""
        return Address(f"{self.net}.3", 5060)

    @property
    def casablanca(self) -> Address:
        """The phone of an agent in Casablanca, a centre without a valid transfer basis."""
        return Address(f"{self.net}.4", 5060)

    @property
    def lille(self) -> Address:
        """The phone of an agent in Lille."""
        return Address(f"{self.net}.5", 5060)

    @property
    def ghent(self) -> Address:
        """The phone of a second agent in Brussels, whose campaign announces and does not record."""
        return Address(f"{self.net}.6", 5060)

    @property
    def liege(self) -> Address:
        """The phone of a third, whose campaign ends calls without consent. They go out by the second carrier."""
        return Address(f"{self.net}.7", 5060)

    @property
    def carrier2(self) -> Address:
        """A second trunk."""
        return Address(f"{self.net}.8", 5060)

    @property
    def config(self) -> Path:
        """callgate's configuration file."""
        return self.folder / "callgate.toml"

    @property
    def env(self) -> Path:
        """A shell's view of a lab in the background."""
        return self.folder / "env"

    @property
    def state(self) -> Path:
        """callgate's ledger, spool and prompts."""
        return self.folder / "state"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def people(self) -> Path:
        """Who may log in to the lab's callgate, and with what."""
        return self.secrets / "people.json"

    @property
    def run(self) -> Path:
        """Pid files and sockets."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def asterisk(self) -> Path:
        """Asterisk's etc, database, keys and spool."""
        return self.folder / "asterisk"

    @property
    def etc(self) -> Path:
        """The configuration that Asterisk reads."""
        return self.asterisk / "etc"

    @property
    def prompts(self) -> Path:
        """Rendered prompts, built once for all labs of this checkout."""
        return REPOSITORY / ".lab" / "prompts"

    @property
    def recordings(self) -> Path:
        """What MixMonitor writes."""
        return self.asterisk / "spool" / "monitor"

    @property
    def asterisk_socket(self) -> Path:
        """Asterisk's control socket; its name is fixed in asterisk.c."""
        return self.run / "asterisk.ctl"

    @classmethod
    def default(cls) -> Self:
        """Where `make lab-up` puts its lab, unless `LAB_NET` and `LAB_FOLDER` say another /24 and folder."""
        return cls(os.environ.get("LAB_NET", DEFAULT_NET), Path(os.environ.get("LAB_FOLDER", REPOSITORY / ".lab")))


@contextmanager
def claimed(place: Place) -> Iterator[Place]:
    """Hold the net and the folder of `place`. Raises `TakenError` when another lab or another program has them."""
    with ExitStack() as held:
        held.enter_context(_claim(f"net {place.net}.0/24"))
        held.enter_context(_claim(_folder(place)))
        _ensure_ports_free(place)
        yield place


@contextmanager
def somewhere(folder: Path) -> Iterator[Place]:
    """A place on a free net of its own, in `folder`."""
    for net in _nets():
        with ExitStack() as held:
            try:
                place = held.enter_context(claimed(Place(net, folder)))
            except TakenError:
                continue
            yield place
            return
    raise TakenError("no free /24 in 127.0.0.0/8: 200 tries found each one taken")


def _nets() -> Iterator[str]:
    # From 127.1 upwards: 127.0 is for labs that a person brings up by hand.
    for _ in range(200):
        yield f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"


def holder(place: Place) -> int | None:
    """The process whose lab has the folder of `place`, or None."""
    return _listener(_name(_folder(place)))


@contextmanager
def _claim(what: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        try:
            held.bind(_name(what))
        except OSError:
            raise TakenError(f"another lab has the {what}: {_describe(_listener(_name(what)))}") from None
        held.listen()
        yield


def _folder(place: Place) -> str:
    return f"folder {place.folder.resolve()}"


def _name(what: str) -> bytes:
    # An abstract name holds 107 bytes, a path may be longer.
    return b"\0callgate lab " + hashlib.sha256(what.encode()).hexdigest().encode()


def _listener(name: bytes) -> int | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(name)
        except OSError:
            return None
        # struct ucred, unix(7): whoever called listen().
        pid, _, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid)


def _describe(pid: int | None) -> str:
    try:
        process = Path("/proc") / str(pid)
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return f"process {pid} in {(process / 'cwd').readlink()} ({command})"
    except OSError:
        return "a process that has just ended; try again"


def _ensure_ports_free(place: Place) -> None:
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    for address, kind in (
        (place.sip, udp),
        (place.ami, tcp),
        (place.agi, tcp),
        (place.http, tcp),
        (place.redis, tcp),
    ):
        with socket.socket(socket.AF_INET, kind) as probe:
            # What a server does: a connection of a lab that just ended, in TIME_WAIT, is in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind is tcp))
            try:
                probe.bind(address)
            except OSError as error:
                protocol = "tcp" if kind is tcp else "udp"
                raise TakenError(
                    f"{protocol} {address} is in use, and not by a lab ({error.strerror}); "
                    f"`ss -lnp '( sport = :{address.port} )'` names the program"
                ) from None
