"""One session with the manager interface, kept alive: log in, watch, and when it is lost, come back.

A session never sends an action twice. While it is down an action fails at once; one whose reply was lost with the
connection has an unknown outcome, and only the caller can know whether doing it again does harm.

It is never silent about trouble: each failed attempt is reported with its reason. A refused login is reported as
`REFUSED`, because waiting does not mend it: somebody has to look. Asterisk delays such an answer by a second
(manager.c, action_login) and may ban us, so the next attempt comes late.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from callgate.pbx.ami.connection import Connection, Counts, News
from callgate.pbx.ami.errors import ActionRefused, NotConnected, RemoteError
from callgate.pbx.ami.listeners import tell
from callgate.pbx.ami.wire import Fields, Message, encode

Address = tuple[str, int]
"""Host and port."""


class State(StrEnum):
    UP = "up"
    DOWN = "down"
    REFUSED = "refused"
    """Down, and it stays so until an account is put right."""


OnState = Callable[[State, str], None]
"""Told of each change, and of each failed attempt to come back, with the reason."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    login: float = 5.0
    """From the first SYN to the accepted login."""
    reply: float = 5.0
    """For an action whose caller names no limit."""
    ping: float = 3.0
    """Between two pings."""
    pong: float = 2.0
    """A peer that does not answer a ping for so long is gone."""
    retry: float = 0.5
    """Before the first attempt to come back; doubled with each failure, and shortened by up to half, at random."""
    retry_longest: float = 15.0
    retry_refused: float = 30.0
    """Before the attempt that follows a refused login."""


class Session:
    """A logged-in session while `run` runs; cancel that task to end it.

    `events` says whether the PBX sends its events here; `on_news` gets them, synchronously and in order.
    """

    def __init__(
        self,
        address: Address,
        user: str,
        secret: str,
        *,
        events: bool,
        on_news: Callable[[News], None],
        on_state: OnState,
        timing: Timing | None = None,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._address = address
        self._login: Final = {"Username": user, "Secret": secret, "Events": "on" if events else "off"}
        encode("Login", "", self._login)  # an account that cannot be sent is found here, not at each attempt
        self._on_news = on_news
        self._on_state = on_state
        self._timing = timing or Timing()
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._sleep = sleep
        self._connection: Connection | None = None
        self._failures = 0
        self.counts = Counts()

    @property
    def up(self) -> bool:
        """Whether the session is logged in."""
        return self._connection is not None

    @property
    def waiting(self) -> int:
        """How many actions wait for their reply."""
        return self._connection.waiting if self._connection else 0

    async def act(self, action: str, fields: Fields | None = None, *, within: float | None = None) -> Message:
        """Send an action and return its reply; `within` is in seconds.

        The PBX answers nothing else while it works, pings included: Originate goes with `Async: true`. Raises
        LocalError and NotConnected where nothing was sent, ActionRefused, and OutcomeUnknown where no reply came.
        """
        return await self._logged_in(action).act(action, fields or {}, within or self._timing.reply)

    async def collect(self, action: str, fields: Fields | None = None, *, within: float | None = None) -> list[Message]:
        """Send an action that answers with a list, such as CoreShowChannels, and return its items. Raises as `act`."""
        return await self._logged_in(action).collect(action, fields or {}, within or self._timing.reply)

    def drop(self, reason: str) -> None:
        """Give the connection up; `run` comes back with another."""
        if self._connection is not None:
            self._connection.close(reason)

    async def run(self) -> NoReturn:
        """Log in, come back whenever the connection is lost, and never end but by cancellation."""
        while True:
            pause = await self._attempt()
            await self._sleep(pause * self._rng.uniform(0.5, 1.0))

    async def _attempt(self) -> float:
        """Live one connection from its first SYN to its end; return the longest pause before the next, in seconds."""
        connection = Connection(self._on_news, self._lost, self.counts)
        try:
            await self._log_in(connection)
            await self._watch(connection)
        except ActionRefused as refusal:
            tell(self._on_state, State.REFUSED, f"the PBX refuses the login: {refusal.reason}")
            return self._timing.retry_refused
        except (OSError, RemoteError) as error:
            tell(self._on_state, State.DOWN, str(error))
        finally:
            connection.close("callgate is stopping")
        pause = min(self._timing.retry_longest, self._timing.retry * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return pause

    async def _log_in(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._timing.login):
                await asyncio.get_running_loop().create_connection(lambda: connection, *self._address)
                await connection.greeted  # nobody but a manager interface is told the secret
                await connection.act("Login", self._login, self._timing.login)
        except TimeoutError as error:
            raise NotConnected(f"no login within {self._timing.login:g} s") from error
        if connection.lost.done():
            raise NotConnected(connection.lost.result())
        self._connection = connection
        tell(self._on_state, State.UP, "logged in")

    async def _watch(self, connection: Connection) -> None:
        """Ping until the connection is lost, and lose it when no pong comes."""
        while not (await asyncio.wait({connection.lost}, timeout=self._timing.ping))[0]:
            try:
                await connection.act("Ping", {}, self._timing.pong)
            except RemoteError as error:
                connection.close(str(error))
            else:
                self._failures = 0  # only a connection that was of use starts the back-off anew

    def _lost(self, reason: str) -> None:
        if self._connection is not None:
            self._connection = None
            tell(self._on_state, State.DOWN, reason)

    def _logged_in(self, action: str) -> Connection:
        if self._connection is None:
            raise NotConnected(f"{action} was not sent: the session with the PBX is down")
        return self._connection
