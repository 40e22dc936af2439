"""What a machine asks many times a minute and what changes nothing: entered by how many, and not one by one.

A dry run of the gate shows what is held on a person, so that who asked has to be in the ledger (GDPR Art. 5(2)). A
user who is a person is entered each time, under the key of whom they asked about. A dialer may ask a hundred times a
second, which would fill the ledger with what decided nothing: of it, the first check for a company is entered before it
is answered, and those of the minute after it together, as a number. So that a machine asked is always known, and
killing callgate loses at most how often it asked in its last minute.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from callgate.core.events import Event, Json, Kind
from callgate.stores.ledger import Ledger

WITHIN: Final = timedelta(minutes=1)


@dataclass(slots=True)
class _Open:
    """Since the last entry: until when what follows is counted, and how many that are."""

    until: datetime
    count: int = 0


class Counted:
    """Acts that are counted, by who does them and for which company."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._open: dict[tuple[str, str, str], _Open] = {}
        self._entering = asyncio.Lock()

    async def enter(self, act: str, by: str, controller: str) -> None:
        """Say that this was done once more ("": for no company that is known). Raises `LedgerUnavailable`."""
        key = act, by, controller
        if self._is_counted(key):
            return
        async with self._entering:
            if self._is_counted(key):
                return
            before = self._open.get(key)
            await self._append(key, (before.count if before else 0) + 1)
            self._open[key] = _Open(self._clock() + WITHIN)

    async def flush(self, *, everything: bool = False) -> None:
        """Enter what was counted: of minutes that are over, or everything. Raises `LedgerUnavailable`."""
        now = self._clock()
        async with self._entering:
            for key in [key for key, counted in self._open.items() if everything or now >= counted.until]:
                counted = self._open.pop(key)
                if not counted.count:
                    continue
                try:
                    await self._append(key, counted.count)
                except BaseException:
                    self._open[key] = counted
                    raise

    def _is_counted(self, key: tuple[str, str, str]) -> bool:
        found = self._open.get(key)
        if found is None or self._clock() >= found.until:
            return False
        found.count += 1
        return True

    async def _append(self, key: tuple[str, str, str], count: int) -> None:
        act, by, controller = key
        people: dict[str, Json] = {"people": {controller: count}} if controller else {}
        said: dict[str, Json] = {"act": act, "by": by, "shows": True, "times": count, **people}
        await self._ledger.append([Event(Kind.ACT, self._clock(), None, None, controller or None, said)])
