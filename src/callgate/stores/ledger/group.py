"""Group commit: whoever asks while a commit is under way shares the next one.

An fsync costs the same for one event as for a hundred. So one thread owns the connection that writes, and takes with
each transaction whatever has queued up since the last. A transaction holds its groups whole or not at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from callgate.stores.errors import LedgerUnavailable, Outcome

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Waiter(Generic[Item, Result]):
    """One group, and who waits for it. `begun` once it belongs to a transaction."""

    group: Sequence[Item]
    future: asyncio.Future[Result]
    begun: bool = False


class GroupCommit(Generic[Item, Result]):
    """Runs `commit` on `thread`, one transaction at a time.

    `commit` takes the groups of one transaction and returns a result for each, in order, or raises; then every waiter
    of that transaction gets the error. At most `bound` items share a transaction, unless one group alone is larger.
    """

    def __init__(
        self, commit: Callable[[Sequence[Sequence[Item]]], Sequence[Result]], thread: Executor, bound: int
    ) -> None:
        self._commit = commit
        self._thread = thread
        self._bound = bound
        self._queue: deque[_Waiter[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def add(self, group: Sequence[Item], within: float) -> Result:
        """Wait, at most `within` seconds, until the group is committed. Raises `LedgerUnavailable`."""
        if self._closed:
            raise LedgerUnavailable("the ledger is closed; open it again")
        waiter = _Waiter[Item, Result](group, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(within):
                return await waiter.future
        except TimeoutError:
            if not waiter.begun:
                raise LedgerUnavailable(f"the ledger was busy for {within} s; nothing was written") from None
            raise LedgerUnavailable(
                f"the ledger did not confirm within {within} s; the events may be there all the same", Outcome.UNKNOWN
            ) from None

    async def close(self) -> None:
        """Refuse new groups, and wait until those that were taken are committed."""
        self._closed = True
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        try:
            while taken := self._take():
                await self._transact(taken)
        finally:
            self._running = None

    def _take(self) -> list[_Waiter[Item, Result]]:
        """The waiters of the next transaction. One that gave up while it queued is left out: it was told so."""
        taken: list[_Waiter[Item, Result]] = []
        room = self._bound
        while self._queue and (not taken or len(self._queue[0].group) <= room):
            waiter = self._queue.popleft()
            if not waiter.future.done():
                waiter.begun = True
                taken.append(waiter)
                room -= len(waiter.group)
        return taken

    async def _transact(self, taken: Sequence[_Waiter[Item, Result]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._thread, self._commit, [waiter.group for waiter in taken])
        except Exception as error:
            for waiter in taken:
                if not waiter.future.done():
                    waiter.future.set_exception(error)
        else:
            for waiter, result in zip(taken, results, strict=True):
                if not waiter.future.done():
                    waiter.future.set_result(result)
