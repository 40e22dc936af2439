"""One TCP connection to the manager interface, from its banner to its end.

Asterisk reads one action at a time and answers it before it reads the next (manager.c, do_message), with news in
between. A waiter is registered before its action is written, so no reply is too fast, and it is removed however the
wait ends. When the connection is lost every waiter learns that its outcome is unknown; nothing is kept to be sent
again.

An ActionID is unique across connections (a random prefix), because some events carry the id of an action that another
session sent, as OriginateResponse does. It also says what kind of waiter it had. An event goes to a waiter only where
that waiter collects a list; an item of a list that nobody waits for any more is dropped, not taken for news.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from callgate.pbx.ami.errors import ActionRefused, NotConnected, OutcomeUnknown
from callgate.pbx.ami.listeners import tell
from callgate.pbx.ami.wire import MESSAGE_LIMIT, Banner, Dropped, Fields, Frame, Framer, Message, encode

log = logging.getLogger(__name__)

News = Message | Dropped
"""An event, or the place where one is missing."""

_ACCEPTED: Final = frozenset({"Success", "Goodbye"})
"""The replies that are no refusal: Asterisk has these two and `Error` (its sources, since 13)."""


@dataclass(slots=True)
class Counts:
    """What came in and went to nobody."""

    oversized: int = 0
    """Messages longer than `MESSAGE_LIMIT`."""
    unclaimed: int = 0
    """Replies and items of lists that nobody waits for any more, and what is neither reply nor event."""


class _Waiter:
    """Who waits for a reply, and in a list for the items that follow it."""

    def __init__(self, action: str, *, collects: bool) -> None:
        self.action = action
        self.collects = collects
        self.reply: Message | None = None
        self.items: list[Message] = []
        self.done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    def take_reply(self, reply: Message) -> None:
        self.reply = reply
        if self.done.done():
            return
        if reply["Response"] not in _ACCEPTED:
            self.done.set_exception(ActionRefused(self.action, reply.get("Message", "it gives no reason")))
        elif not self.collects:
            self.done.set_result(reply)

    def take_item(self, item: Message) -> None:
        if item.get("EventList") != "Complete":
            self.items.append(item)
        elif not self.done.done():
            self.done.set_result(item)


class Connection(asyncio.Protocol):
    """`on_news` is called, synchronously and in order, with every event; `on_lost` once, with the reason."""

    def __init__(self, on_news: Callable[[News], None], on_lost: Callable[[str], None], counts: Counts) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_news = on_news
        self._on_lost = on_lost
        self._counts = counts
        self._transport: asyncio.Transport | None = None
        self._framer = Framer()
        self._waiters: dict[str, _Waiter] = {}
        self._prefix: Final = f"callgate-{secrets.token_hex(4)}"
        self._sent = 0
        self._owed = 0  # actions that Asterisk has not answered, those that we gave up on included

    @property
    def waiting(self) -> int:
        """How many actions wait for their reply."""
        return len(self._waiters)

    async def act(self, action: str, fields: Fields, within: float) -> Message:
        """Send an action and return its reply. `within` is in seconds. Raises as `Session.act` does."""
        waiter = _Waiter(action, collects=False)
        return await self._exchange(waiter, fields, within)

    async def collect(self, action: str, fields: Fields, within: float) -> list[Message]:
        """Send an action that answers with a list and return its items. Raises as `Session.act` does."""
        waiter = _Waiter(action, collects=True)
        end = await self._exchange(waiter, fields, within)
        announced = end.get("ListItems", "0")
        if announced.isdecimal() and int(announced) > len(waiter.items):
            raise OutcomeUnknown(f"the list of {action} has {announced} items and {len(waiter.items)} arrived")
        return waiter.items

    def close(self, reason: str) -> None:
        """End the connection. Every waiter, and `on_lost`, are told at once; no event is delivered after that."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        if self._transport is not None:
            self._transport.abort()
        if not self.greeted.done():
            self.greeted.set_exception(NotConnected(reason))
            self.greeted.exception()  # whoever asked has been told; nobody has to ask
        for waiter in self._waiters.values():
            if not waiter.done.done():
                waiter.done.set_exception(OutcomeUnknown(f"{waiter.action} was sent and then {reason}"))
        tell(self._on_lost, reason)

    async def _exchange(self, waiter: _Waiter, fields: Fields, within: float) -> Message:
        action_id = f"{self._prefix}-{'list' if waiter.collects else 'one'}-{self._sent}"
        action = encode(waiter.action, action_id, fields)
        if self._transport is None or self.lost.done():
            raise NotConnected(f"{waiter.action} was not sent: there is no connection")
        self._waiters[action_id] = waiter
        self._sent += 1
        self._owed += 1
        try:
            self._transport.write(action)
            async with asyncio.timeout(within):
                return await waiter.done
        except TimeoutError as error:
            raise OutcomeUnknown(f"{waiter.action} was not answered within {within:g} s") from error
        finally:
            del self._waiters[action_id]

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.close("the PBX closed the connection" if exc is None else f"the connection broke: {exc}")

    def data_received(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if not self.lost.done():
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        match frame:
            case Banner():
                self._greet(frame)
            case Dropped():
                self._counts.oversized += 1
                log.warning("a message of the PBX was longer than %d bytes and was dropped", MESSAGE_LIMIT)
                tell(self._on_news, frame)
            case Message() if "Event" in frame:  # first, because OriginateResponse is an event with a `Response`
                self._take_event(frame)
            case Message() if "Response" in frame:
                self._take_reply(frame)
            case Message():
                self._counts.unclaimed += 1

    def _greet(self, banner: Banner) -> None:
        if banner.is_ami:
            self.greeted.set_result(None)
        else:
            self.close("the peer did not greet as a manager interface does")

    def _take_reply(self, reply: Message) -> None:
        waiter = self._waiters.get(reply["ActionID"]) if "ActionID" in reply else self._sole_waiter()
        self._owed = max(0, self._owed - 1)
        if waiter is None:
            self._counts.unclaimed += 1
        else:
            waiter.take_reply(reply)

    def _sole_waiter(self) -> _Waiter | None:
        """Whose a reply without an ActionID is. That is known only where Asterisk owes a single one."""
        unanswered = [waiter for waiter in self._waiters.values() if waiter.reply is None]
        return unanswered[0] if self._owed == 1 and unanswered else None

    def _take_event(self, event: Message) -> None:
        action_id = event.get("ActionID")
        if not action_id.startswith(f"{self._prefix}-list-"):
            tell(self._on_news, event)
        elif waiter := self._waiters.get(action_id):
            waiter.take_item(event)
        else:
            self._counts.unclaimed += 1
