"""One FastAGI peer on one socket: bytes to events, and one command at a time with a deadline.

Theory of operation. Nothing comes from Asterisk that was not asked for, but the head, `HANGUP` and the end. So a
connection needs no queue, no task and no back-pressure: one reply can be outstanding, and a peer that sends a second,
or anything else, is cut off where it stands. An `asyncio.Protocol` sees all of that as it arrives, while the handler is
still thinking; a stream would show it at the next read only.

A command whose waiter is cancelled is given up, and the session goes on. The next one is preceded by a marker: GET FULL
VARIABLE of a text without variables, which comes back as it is. A sound that still plays stops when the marker arrives,
and then sends no reply (res_agi.c 2770); one that had just ended did. What comes before the marker's reply is dropped.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

from callgate.pbx.agi.errors import ChannelGone, LocalError, PeerGone, PeerTimeout, RemoteError
from callgate.pbx.agi.wire import Event, HangUp, Reader, Reply, Request, command


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may cost. Times in seconds, `line` in bytes, `headers` and `connections` in pieces.

    `head_s` runs from the connection to the head's end, `command_s` from a command to its reply; `margin_s` is added to
    what a sound or a pause lasts by itself.
    """

    line: int = 1024
    headers: int = 128
    head_s: float = 2.0
    command_s: float = 2.0
    margin_s: float = 2.0
    connections: int = 1000


class Owner(Protocol):
    """Who keeps the connections. Called from the event loop, and must not raise."""

    def made(self, connection: "Connection") -> None:
        """A peer connected. `connection.fail` refuses it."""

    def asked(self, connection: "Connection", request: Request) -> None:
        """Its head is complete."""

    def lost(self, connection: "Connection") -> None:
        """It is gone; `connection.failure` says why."""


class Connection(asyncio.Protocol):
    """`hung_up` turns true with `HANGUP`, `failure` is set once, when the connection ends, whoever ends it."""

    def __init__(self, owner: Owner, limits: Limits) -> None:
        self.peer = ""
        self.request: Request | None = None
        self.hung_up = False
        self.failure: RemoteError | None = None
        self._owner = owner
        self._limits = limits
        self._reader = Reader(limits.line, limits.headers)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head_deadline: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._given_up = 0
        self._markers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # create_server makes no other
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self._head_deadline = self._loop.call_later(self._limits.head_s, self._is_late, "head", self._limits.head_s)
        self._owner.made(self)

    def data_received(self, data: bytes) -> None:
        if self.failure is not None:
            return
        try:
            for event in self._reader.feed(data):
                self._take(event)
        except RemoteError as error:
            self.fail(error)

    def eof_received(self) -> None:
        self.fail(PeerGone("the peer closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(PeerGone("the connection was lost"))
        self._owner.lost(self)

    async def ask(self, line: bytes, within_s: float) -> Reply:
        """Send one command and wait for its reply.

        Raises ChannelGone after a hang-up, PeerTimeout, PeerGone, RemoteError for a peer that breaks the protocol, and
        LocalError where another command is under way. A cancelled command is given up; the next one stops its sound.
        """
        if self._given_up:
            await self._resynchronise()
        return await self._exchange(line, within_s)

    def fail(self, error: RemoteError) -> None:
        """End the connection at once, for this reason. The first reason stays."""
        self._end(error)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End the connection when what was sent is out; the dialplan goes on."""
        self._end(PeerGone("callgate closed the connection"))
        if self._transport is not None:
            self._transport.close()

    def _end(self, error: RemoteError) -> None:
        if self.failure is None:
            self.failure = error
        if self._head_deadline is not None:
            self._head_deadline.cancel()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self.failure)

    def _is_late(self, what: str, within_s: float) -> None:
        self.fail(PeerTimeout(f"no complete {what} within {within_s:g} s"))

    def _take(self, event: Event) -> None:
        match event:
            case Reply():
                self._take_reply(event)
            case HangUp():
                self.hung_up = True
            case Request():
                self.request = event
                if self._head_deadline is not None:
                    self._head_deadline.cancel()
                self._owner.asked(self, event)

    def _take_reply(self, reply: Reply) -> None:
        if self._given_up and reply.data != self._marker:
            self._given_up -= 1
        elif self._waiter is None or self._waiter.done():
            raise RemoteError("the peer sent a reply that nobody asked for; did a variable hold a line feed?")
        else:
            self._waiter.set_result(reply)

    @property
    def _marker(self) -> str:
        return f"callgate-{self._markers}"

    async def _resynchronise(self) -> None:
        self._markers += 1
        await self._exchange(command("GET", "FULL", "VARIABLE", self._marker), self._limits.command_s)
        self._given_up = 0

    async def _exchange(self, line: bytes, within_s: float) -> Reply:
        if self.failure is not None or self._transport is None:
            raise self.failure or LocalError("there is no peer yet")
        if self.hung_up:
            raise ChannelGone("the caller has hung up")
        if self._waiter is not None:
            raise LocalError("another command of this session is under way; await it, or cancel it and await that")
        self._transport.write(line)
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._waiter = waiter
        deadline = self._loop.call_later(within_s, self._is_late, "reply", within_s)
        try:
            reply = await waiter
        except asyncio.CancelledError:
            self._given_up += 1
            raise
        finally:
            self._waiter = None
            deadline.cancel()
        self._refuse_forgery()
        return reply

    def _refuse_forgery(self) -> None:
        """A value with a line feed forges a second reply beside its own; then the first is not believed either."""
        if self.failure is not None and not isinstance(self.failure, PeerGone):
            raise self.failure
