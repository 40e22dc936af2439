"""What an Asterisk sends, for the tests of the AGI server: its head, and a transport that answers by a script."""

import asyncio
from collections.abc import Iterable

from callgate.pbx.agi.connection import Connection, Limits
from callgate.pbx.agi.session import Session
from callgate.pbx.agi.wire import Request

EOF = b"\x04EOF"
"""In a script of answers: the peer closes the connection."""


def head(script: str = "gate", arguments: Iterable[str] = ("33199001234", "spring"), **changed: str) -> bytes:
    """The head as setup_env writes it, in its order, for `AGI(agi://…/script,argument,…)`."""
    headers = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1:4573/{script}",
        "channel": "PJSIP/brussels-00000001",
        "language": "fr",
        "type": "PJSIP",
        "uniqueid": "1764000000.1",
        "version": "22.10.1",
        "callerid": "100",
        "calleridname": "Agent 100",
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": "33199001234",
        "rdnis": "unknown",
        "context": "callgate",
        "extension": "33199001234",
        "priority": "4",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "139872345678592",
    } | changed
    headers |= {f"arg_{place}": argument for place, argument in enumerate(arguments, 1)}
    return (
        "".join(f"agi_{name}: {value}\n" for name, value in headers.items()).encode("utf-8", "surrogateescape") + b"\n"
    )


class ScriptedTransport(asyncio.Transport):
    """Answers the first command with the first answer, and so on; an empty answer says nothing."""

    def __init__(self, connection: Connection, answers: Iterable[bytes]) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000)})
        self.sent: list[bytes] = []
        self.closed = False
        self._connection = connection
        self._answers = iter(answers)
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))
        self.say(next(self._answers, b""))

    def say(self, data: bytes) -> None:
        """Let the peer send this by itself."""
        if data == EOF:
            self._loop.call_soon(self._connection.eof_received)
        elif data:
            self._loop.call_soon(self._connection.data_received, data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.call_soon(self._connection.connection_lost, None)

    abort = close


class Keeper:
    """An owner of connections that only remembers them."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.lost_connections: list[Connection] = []

    def made(self, connection: Connection) -> None:
        pass

    def asked(self, connection: Connection, request: Request) -> None:
        self.requests.append(request)

    def lost(self, connection: Connection) -> None:
        self.lost_connections.append(connection)


def session_with(*answers: bytes, limits: Limits | None = None) -> tuple[Session, ScriptedTransport]:
    """A session whose head has arrived, and what it sends to."""
    limits = limits or Limits()
    keeper = Keeper()
    connection = Connection(keeper, limits)
    transport = ScriptedTransport(connection, answers)
    connection.connection_made(transport)
    connection.data_received(head())
    return Session(keeper.requests[0], connection, limits), transport
