"""The FastAGI server: who may ask, who answers, and what a bad peer costs.

Theory of operation. A peer costs one small object and one timer until its head is complete; only then it gets a task.
So what is refused, silent or garbage costs some microseconds and never a wait, and a handler that fails or hangs is
alone with it. Whatever ends a handler, its socket is closed and the dialplan goes on: that is a block, because the
dialplan goes by the verdict variable and not by AGISTATUS, which reads SUCCESS even then (res_agi.c 4431).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

import structlog

from callgate.core.faults import place_of
from callgate.pbx.agi.connection import Connection, Limits
from callgate.pbx.agi.errors import ChannelGone, LocalError, PeerGone, PeerTimeout, RemoteError
from callgate.pbx.agi.session import Session
from callgate.pbx.agi.wire import Request

Handler = Callable[[Session], Awaitable[None]]
Network = IPv4Network | IPv6Network

log = structlog.stdlib.get_logger()

_QUIET_S = 1.0
"""A refusal is logged once in this time for each reason, with the count so far, or a flood becomes one of log lines."""


class Refusal(StrEnum):
    """Why a peer never got to a handler."""

    ADDRESS = "address-not-allowed"
    FULL = "too-many-connections"
    STOPPING = "stopping"
    LATE = "head-late"
    LEFT = "left-before-head"
    MALFORMED = "head-malformed"
    SCRIPT = "unknown-script"


@dataclass(slots=True)
class Counters:
    """Since the start: calls that reached a handler, handlers that failed, and peers refused, by reason."""

    accepted: int = 0
    failed: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)


class AgiServer:
    """Gives each call that comes in over FastAGI to the handler of its script.

    `allowed` are the networks of the PBXs. A handler may raise: that is logged without its text, which may hold a
    number, and the connection is closed.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], *, allowed: Sequence[Network], limits: Limits | None = None
    ) -> None:
        self.counters = Counters()
        self._handlers = dict(handlers)
        self._limits = limits or Limits()
        self._is_allowed = lru_cache(maxsize=1024)(lambda peer: _belongs(peer, allowed))
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._logged_at: dict[Refusal, float] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens. Raises LocalError before the start."""
        if self._server is None or not self._server.sockets:
            raise LocalError("the AGI server does not listen; start it first")
        host, port, *_ = self._server.sockets[0].getsockname()
        return host, port

    @property
    def listening(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None and self._server.is_serving()

    @property
    def sessions(self) -> int:
        """How many scripts are being served."""
        return len(self._tasks)

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one, see `address`. Raises OSError where the port is taken."""
        await self.bind(host, port)
        await self.listen()

    async def bind(self, host: str, port: int) -> None:
        """Take the port, and refuse every connection until `listen`. Raises OSError where the port is taken."""
        if self._server is not None:
            raise LocalError("the AGI server was started before; make a new one")
        loop = asyncio.get_running_loop()
        # asyncio sets TCP_NODELAY itself.
        self._server = await loop.create_server(
            lambda: Connection(self, self._limits),
            host,
            port,
            backlog=self._limits.connections,
            start_serving=False,
        )

    async def listen(self) -> None:
        """Take connections on the port that is ours. Raises LocalError before `bind`."""
        if self._server is None:
            raise LocalError("the AGI server has no port yet; bind it first")
        await self._server.start_serving()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, give those under way `grace_s` seconds, then cancel their handlers."""
        self._stopping = True
        if self._server is None:
            return
        self._server.close()
        for connection in [waiting for waiting in self._connections if waiting.request is None]:
            self._connections.remove(connection)
            self._refuse(connection, Refusal.STOPPING)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for connection in list(self._connections):
            connection.fail(PeerGone("callgate stops"))
        await self._server.wait_closed()

    def made(self, connection: Connection) -> None:
        if self._stopping:
            self._refuse(connection, Refusal.STOPPING)
        elif not self._is_allowed(connection.peer):
            self._refuse(connection, Refusal.ADDRESS)
        elif max(len(self._connections), len(self._tasks)) >= self._limits.connections:
            self._refuse(connection, Refusal.FULL)
        else:
            self._connections.add(connection)

    def asked(self, connection: Connection, request: Request) -> None:
        handler = self._handlers.get(request.script)
        if handler is None:
            self._refuse(connection, Refusal.SCRIPT)
            return
        self.counters.accepted += 1
        task = asyncio.create_task(self._serve(connection, request, handler))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def lost(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            if connection.request is None:
                self._refuse(connection, _why_without_head(connection.failure))

    async def _serve(self, connection: Connection, request: Request, handler: Handler) -> None:
        try:
            await handler(Session(request, connection, self._limits))
        except (PeerGone, ChannelGone):
            log.debug("agi-caller-left", script=request.script, uniqueid=request.uniqueid)
        except Exception as error:
            self.counters.failed += 1
            self._log_failure(request, error)
        finally:
            connection.close()

    def _log_failure(self, request: Request, error: Exception) -> None:
        log.error(
            "agi-handler-failed",
            script=request.script,
            uniqueid=request.uniqueid,
            error=type(error).__name__,
            text=str(error) if isinstance(error, RemoteError) else None,
            place=place_of(error),
        )

    def _refuse(self, connection: Connection, reason: Refusal) -> None:
        connection.fail(RemoteError(f"refused: {reason}"))
        self.counters.refused[reason] += 1
        now = asyncio.get_running_loop().time()
        if now - self._logged_at.get(reason, -_QUIET_S) >= _QUIET_S:
            self._logged_at[reason] = now
            log.warning("agi-refused", reason=reason, peer=connection.peer, count=self.counters.refused[reason])


def _belongs(peer: str, networks: Sequence[Network]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _why_without_head(failure: RemoteError | None) -> Refusal:
    match failure:
        case PeerTimeout():
            return Refusal.LATE
        case PeerGone():
            return Refusal.LEFT
        case _:
            return Refusal.MALFORMED
