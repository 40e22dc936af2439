"""What happens now, for those who watch: a stream of small facts that hold no person's number.

Each has a running number, so that a watcher who lost the connection asks for what came after the last one it saw.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from callgate.clock import Clock
from callgate.core.events import Json


@dataclass(frozen=True, slots=True)
class Happening:
    """One live fact. `facts` holds masked numbers only."""

    id: int
    at: datetime
    what: str
    facts: dict[str, Json]


class Live:
    """The latest happenings and everyone who waits for the next."""

    def __init__(self, clock: Clock, kept: int = 2_000) -> None:
        self._clock = clock
        self._kept: deque[Happening] = deque(maxlen=kept)
        self._next = 1
        self._news = asyncio.Event()

    def tell(self, what: str, **facts: Json) -> None:
        """Say that something happened. Costs the teller nothing, however slow a watcher is."""
        self._kept.append(Happening(self._next, self._clock(), what, facts))
        self._next += 1
        self._news.set()
        self._news = asyncio.Event()

    def after(self, seen: int) -> list[Happening]:
        """The kept happenings with a number above `seen`."""
        return [happening for happening in self._kept if happening.id > seen]

    async def watch(self, seen: int | None = None) -> AsyncIterator[Happening]:
        """Happenings after `seen` (from now on where None), for ever, none twice and none left out while it is kept."""
        last = self._next - 1 if seen is None else seen
        if last >= self._next:
            last = 0  # a number from before a restart
        while True:
            news = self._news
            for happening in self.after(last):
                last = happening.id
                yield happening
            if last + 1 >= self._next:
                await news.wait()
