"""What callgate sees of one PBX, and does there: a session that brings events and one that carries actions.

They are two, because Asterisk sends the pending events before it reads an action, and disconnects a reader that falls
behind (manager.c, process_events; `writetimeout`): neither may hold up the other.

The listener gets first a snapshot, the channels that exist, and then the events, in order, from one task. The
snapshot is asked for on the session that brings the events, after its login. Events that come in the meantime are
kept and delivered after it. Nothing falls between the two: Asterisk changes its channel cache, from which
CoreShowChannels answers, before it publishes the change (stasis_channels.c, ast_channel_publish_snapshot), so a
change that the snapshot lacks comes as an event later. The other way round it happens: an event may tell what the
snapshot already holds, or of a channel that has ended since. A listener takes that as it comes; the rest of the
events leads it to what is true.

Events wait in a queue of bounded length. When it overflows, or when a message was too long, events are missing: what
waits is thrown away, the link is down, and a new snapshot begins the picture anew. The same follows on each new
connection.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NoReturn

from callgate.pbx.ami.connection import News
from callgate.pbx.ami.errors import RemoteError
from callgate.pbx.ami.listeners import hand, tell
from callgate.pbx.ami.session import Address, OnState, Session, State, Timing
from callgate.pbx.ami.wire import Dropped, Fields, Message

AT_ONCE = 8
"""Events that are delivered before all else has its turn. Those of a call come by ones and twos."""

OnEvent = Callable[[Message], Awaitable[None]]
OnSnapshot = Callable[[list[Message]], Awaitable[None]]
"""Gets one CoreShowChannel event for each channel that exists."""


class _Picture(Enum):
    """How well the listener knows which channels exist."""

    MISSING = "events were lost, or none came yet"
    ASKED = "a snapshot is on its way, and nothing was lost since it was asked for"
    WHOLE = "the snapshot was delivered, and nothing was lost since"


class Link:
    """The link to a PBX while `run` runs; cancel that task to end it.

    `on_state` is told `UP` once both sessions are logged in and the snapshot was delivered; `DOWN` or `REFUSED` at
    once when that is no longer so, and at each failed attempt to come back. A listener that raises is logged and
    costs nothing else, but a snapshot that it did not take was not delivered: the session starts anew.
    """

    def __init__(
        self,
        address: Address,
        user: str,
        secret: str,
        *,
        on_event: OnEvent,
        on_snapshot: OnSnapshot,
        on_state: OnState,
        queue_limit: int = 10_000,
        timing: Timing | None = None,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        def session(*, events: bool, on_state: OnState) -> Session:
            return Session(
                address,
                user,
                secret,
                events=events,
                on_news=self._queue_news if events else _ignore,
                on_state=on_state,
                timing=timing,
                rng=rng,
                sleep=sleep,
            )

        self._on_event = on_event
        self._on_snapshot = on_snapshot
        self._on_state = on_state
        self._queue: deque[Message] = deque()
        self._queue_limit = queue_limit
        self._picture = _Picture.MISSING
        self._changed = asyncio.Event()
        self._up = False
        self._events = session(events=True, on_state=self._events_session_is)
        self._actions = session(events=False, on_state=self._actions_session_is)

    @property
    def up(self) -> bool:
        """Whether callgate sees what this PBX does, and can act on it."""
        return self._up

    async def act(self, action: str, fields: Fields | None = None, *, within: float | None = None) -> Message:
        """Send an action and return its reply, as `Session.act` does."""
        return await self._actions.act(action, fields, within=within)

    async def collect(self, action: str, fields: Fields | None = None, *, within: float | None = None) -> list[Message]:
        """Send an action that answers with a list and return its items, as `Session.collect` does."""
        return await self._actions.collect(action, fields, within=within)

    async def run(self) -> None:
        """Keep both sessions and deliver what they bring, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            tasks.create_task(self._actions.run())
            tasks.create_task(self._deliver())

    async def _deliver(self) -> NoReturn:
        delivered = 0
        while True:
            if self._picture is not _Picture.WHOLE and self._events.up:
                await self._resync()
            elif self._picture is _Picture.WHOLE and self._queue:
                await hand(self._on_event, self._queue.popleft())
                delivered += 1
                if delivered % AT_ONCE == 0:
                    await asyncio.sleep(0)  # a full queue and a quick listener must not hold up the gate
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _resync(self) -> None:
        self._picture = _Picture.ASKED
        try:
            snapshot = await self._events.collect("CoreShowChannels")
        except RemoteError as error:
            self._events.drop(f"no snapshot: {error}")
            return
        if not await hand(self._on_snapshot, snapshot):
            self._events.drop("the snapshot could not be taken in")
        if self._picture is _Picture.ASKED:
            self._picture = _Picture.WHOLE
            self._settle()

    def _queue_news(self, news: News) -> None:
        if isinstance(news, Dropped):
            self._lose_track(State.DOWN, "an event was too long to be read")
            return
        if len(self._queue) >= self._queue_limit:
            self._lose_track(State.DOWN, "events come faster than they are handled")
        self._queue.append(news)
        self._changed.set()

    def _events_session_is(self, state: State, reason: str) -> None:
        if state is State.UP:
            self._changed.set()
        else:
            self._lose_track(state, reason)

    def _actions_session_is(self, state: State, reason: str) -> None:
        if state is State.UP:
            self._settle()
        else:
            self._go_down(state, reason)

    def _lose_track(self, state: State, reason: str) -> None:
        self._queue.clear()
        self._picture = _Picture.MISSING
        self._changed.set()
        self._go_down(state, reason)

    def _go_down(self, state: State, reason: str) -> None:
        self._up = False
        tell(self._on_state, state, reason)

    def _settle(self) -> None:
        if not self._up and self._actions.up and self._picture is _Picture.WHOLE:
            self._up = True
            tell(self._on_state, State.UP, "both sessions are logged in and the channels are known")


def _ignore(_: News) -> None:
    """The session for actions brings no events (`Events: off`), and what it drops is a reply."""
