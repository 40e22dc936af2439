"""A manager interface whose every byte the test decides, on a real socket.

The test plays the PBX: it accepts a connection, reads the actions that come and answers them, or does not. Every wait
has a deadline, so a test that waits for what never comes fails with a TimeoutError.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 5.0  # seconds; a machine under load is slow, a fault is for ever
BANNER = b"Asterisk Call Manager/11.0.0\r\n"


async def within(awaitable: Awaitable[T]) -> T:
    """The result of `awaitable`, or TimeoutError at the deadline."""
    async with asyncio.timeout(DEADLINE):
        return await awaitable


class Peer:
    """One accepted connection, seen from the PBX."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def action(self, name: str | None = None) -> dict[str, str]:
        """The next action; its name must be `name`."""
        raw = await within(self._reader.readuntil(b"\r\n\r\n"))
        lines = raw.decode().rstrip("\r\n").split("\r\n")
        action = dict(line.split(": ", 1) for line in lines)
        assert name is None or action["Action"] == name, f"expected {name}, got {action}"
        return action

    def send(self, *lines: str) -> None:
        """Send a message."""
        self.send_raw(message(*lines))

    def send_raw(self, data: bytes) -> None:
        self._writer.write(data)

    def reply(self, action: dict[str, str], *lines: str) -> None:
        """Answer an action with success, or with what `lines` say."""
        self.send(*(lines or ("Response: Success",)), f"ActionID: {action['ActionID']}")

    def reply_list(self, action: dict[str, str], *items: tuple[str, ...], listed: int | None = None) -> None:
        """Answer an action with a list of events."""
        self.reply(action, "Response: Success", "EventList: start")
        for item in items:
            self.send(*item, f"ActionID: {action['ActionID']}")
        self.send(
            f"Event: {action['Action']}Complete",
            f"ActionID: {action['ActionID']}",
            "EventList: Complete",
            f"ListItems: {len(items) if listed is None else listed}",
        )

    async def log_in(self) -> dict[str, str]:
        """Greet and accept the login."""
        self.send_raw(BANNER)
        login = await self.action("Login")
        self.reply(login, "Response: Success", "Message: Authentication accepted")
        return login

    def close(self) -> None:
        """End the connection once everything is sent."""
        self._writer.close()

    def abort(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()

    async def gone(self) -> bytes:
        """Wait until the client ends the connection; return what it sent before that."""
        try:
            return await within(self._reader.read())
        except ConnectionError:
            return b""


class FakeAmi:
    """The listening side."""

    def __init__(self) -> None:
        self._arrivals: asyncio.Queue[Peer] = asyncio.Queue()
        self._peers: list[Peer] = []
        self.address = ("127.0.0.1", 0)

    async def accept(self) -> Peer:
        """The next connection."""
        return await within(self._arrivals.get())

    async def log_in(self) -> Peer:
        """The next connection, logged in."""
        peer = await self.accept()
        await peer.log_in()
        return peer

    async def log_in_both(self) -> tuple[Peer, Peer]:
        """The next two connections, logged in: the one that asked for events, and the other."""
        peers: dict[str, Peer] = {}
        for _ in range(2):
            peer = await self.accept()
            peers[(await peer.log_in())["Events"]] = peer
        return peers["on"], peers["off"]

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._peers.append(peer)
        self._arrivals.put_nowait(peer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["FakeAmi"]:
        server = await asyncio.start_server(self._arrive, "127.0.0.1", 0)
        self.address = server.sockets[0].getsockname()[:2]
        try:
            yield self
        finally:
            server.close()
            for peer in self._peers:
                peer.abort()
            await server.wait_closed()


def message(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()
