"""What happens now, for those who watch: a stream of small facts that hold no person's number.

Each has a running number and belongs to the epoch of this process; together they are a *place* in the stream, such as
`5f0c21aa-17`. A watcher who lost the connection names the last place that it saw and is given what came after. Where
that is no longer kept, or was another process, it is told so, and begins again from the whole (`Board`), which holds
the place up to which it is true. So nothing is lost and nothing is seen twice.

The latest happenings are kept once, for all watchers; of a watcher only its place is known. However many there are and
however slow, none makes callgate keep more. Those who may see the same share the bytes that they are sent.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Final

from callgate.clock import Clock
from callgate.core.access import Principal
from callgate.core.board import Board, alarm_id, concerns
from callgate.core.events import Json

PACE_S: Final = 0.04
"""Watchers are woken on a grid of this width, all at once: fewer and larger writes, and each is put together once."""

Audience = tuple[frozenset[str] | None, frozenset[str] | None]
"""Those who see the same: companies and centres to which they are confined."""


@dataclass(frozen=True)
class Happening:
    """One live fact. `facts` holds masked numbers only."""

    id: int
    at: datetime
    what: str
    facts: dict[str, Json]
    epoch: str

    @cached_property
    def frame(self) -> bytes:
        """It as a server-sent event."""
        return frame(f"{self.epoch}-{self.id}", self.what, {"at": self.at.isoformat(), "what": self.what, **self.facts})


def frame(place: str, what: str, data: dict[str, Json]) -> bytes:
    """A server-sent event (HTML standard, 9.2). JSON has no line feed, so that no fact ends it early."""
    return f"id: {place}\nevent: {what}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a watcher is sent at once: bytes, and the number up to which it has then seen everything."""

    frames: bytes
    last: int


class Live:
    """The latest happenings, what they come to, and everyone who waits for the next."""

    def __init__(self, clock: Clock, kept: int = 2_000) -> None:
        self._clock = clock
        self._kept: deque[Happening] = deque(maxlen=kept)
        self._next = 1
        self._news = asyncio.Event()
        self._batches: dict[tuple[Audience, int], Batch] = {}
        self.epoch = secrets.token_hex(4)
        self.board = Board()

    @property
    def last(self) -> int:
        """The number of the newest happening; 0 before the first."""
        return self._next - 1

    @property
    def kept(self) -> int:
        """How many happenings there still are."""
        return len(self._kept)

    def place(self, number: int | None = None) -> str:
        """The place of a happening in the stream; of the newest where none is named."""
        return f"{self.epoch}-{self.last if number is None else number}"

    def tell(self, what: str, **facts: Json) -> None:
        """Say that something happened. Costs the teller next to nothing, however slow a watcher is."""
        if what == "alarm":
            facts["id"] = alarm_id(str(facts.get("alarm")), facts)
        happening = Happening(self._next, self._clock(), what, facts, self.epoch)
        self.board.take(happening.at, what, facts)
        self._kept.append(happening)
        self._next += 1
        self._batches.clear()
        self._news.set()
        self._news.clear()

    def after(self, seen: int) -> list[Happening]:
        """The kept happenings with a number above `seen`."""
        # From the newest: whoever waits for the next asks for one or two of thousands.
        return [*islice(reversed(self._kept), max(0, self.last - seen))][::-1]

    def seen(self, place: str) -> int | None:
        """The number behind a place; None where what came after it is not known any more, or another process told it.

        Raises ValueError for what is no place.
        """
        epoch, dash, number = place.rpartition("-")
        if not (number.isascii() and number.isdecimal() and len(number) < 16 and (epoch or not dash)):
            raise ValueError("a place in the stream is an epoch, a dash and a whole number")
        if epoch not in ("", self.epoch) or int(number) > self.last or int(number) < self.last - self.kept:
            return None
        return int(number)

    def batch(self, principal: Principal, seen: int) -> Batch | None:
        """What somebody may see of what came after `seen`; None where some of that is not kept any more."""
        if seen < self.last - self.kept:
            return None
        key = ((principal.controllers, principal.centres), seen)
        made = self._batches.get(key)
        if made is None:
            theirs = (one.frame for one in self.after(seen) if concerns(principal, one.what, one.facts))
            made = self._batches[key] = Batch(b"".join(theirs), self.last)
        return made

    async def news(self, seen: int) -> None:
        """Wait until there is something after `seen`, and then for the moment at which all watchers look."""
        while seen >= self.last:
            await self._news.wait()
        await asyncio.sleep(PACE_S - asyncio.get_running_loop().time() % PACE_S)

    async def watch(self, seen: int | None = None) -> AsyncIterator[Happening]:
        """Happenings after `seen` (from now on where None), for ever, none twice and none left out while it is kept.

        For callgate's own tasks, which see everything.
        """
        last = self.last if seen is None else seen
        while True:
            for happening in self.after(last):
                last = happening.id
                yield happening
            if last >= self.last:
                await self._news.wait()
