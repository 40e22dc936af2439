"""Group commit: whoever asks while a commit is under way shares the next one.

An fsync costs the same for one event as for a hundred. So one thread owns the connection that writes, and takes with
each transaction whatever has queued up since the last. A transaction holds its groups whole or not at all.

A *patient* group is one that nobody on the telephone waits for. It begins no commit: it goes with the next that
somebody does wait for, or with others of its kind once its patience is over, and so costs next to no fsync of its own.
All stand in one queue, so that what was asked for first is also written first.
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


PATIENCE_S = 0.05
"""How long a patient group waits for another to go with."""


@dataclass(slots=True)
class _Waiter(Generic[Item, Result]):
    """One group, and who waits for it until when (the loop's time). `begun` once it belongs to a transaction."""

    group: Sequence[Item]
    future: asyncio.Future[Result]
    within: float
    until: float
    begun: bool = False


class GroupCommit(Generic[Item, Result]):
    """Runs `commit` on `thread`, one transaction at a time.

    `commit` takes the groups of one transaction and returns a result for each, in order, or raises; then every waiter
    of that transaction gets the error. At most `bound` items share a transaction, unless one group alone is larger.

    Between a caller and the thread lies one step of the event loop and no task, since somebody on the telephone waits
    for each. That step lets all who were told of one commit in one breath, and at once ask again, share the next.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Sequence[Item]]], Sequence[Result]],
        thread: Executor,
        bound: int,
        *,
        overdue: tuple[float, Callable[[], None]] | None = None,
        patience: float = PATIENCE_S,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """`overdue`: after how many seconds a transaction is, and what is then called to make it fail. `patience`: how
        many seconds a patient group waits. `after`: what the thread does after each transaction, while those who waited
        are told; it must not raise."""
        self._overdue = overdue
        self._after = after
        self._patience = patience
        self._commit = commit
        self._thread = thread
        self._bound = bound
        self._queue: deque[_Waiter[Item, Result]] = deque()
        self._queued = 0
        self._under_way: Sequence[_Waiter[Item, Result]] = ()
        self._look: asyncio.TimerHandle | None = None
        self._due = False
        self._last_call: asyncio.TimerHandle | None = None
        self._busy = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    async def add(self, group: Sequence[Item], within: float, *, patient: bool = False) -> Result:
        """Wait, at most `within` seconds, until the group is committed. Raises `LedgerUnavailable`.

        A `patient` group may wait for another to go with first.
        """
        if self._closed:
            raise LedgerUnavailable("the ledger is closed; open it again")
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        waiter: _Waiter[Item, Result] = _Waiter(group, loop.create_future(), within, until)
        self._queue.append(waiter)
        self._queued += len(group)
        if not patient or self._queued >= self._bound:
            self._hurry(loop)
        elif self._last_call is None:
            self._last_call = loop.call_later(self._patience, self._hurry, loop)
        if self._look is None or until < self._look.when():
            self._look_at(until, loop)
        return await waiter.future

    async def close(self) -> None:
        """Refuse new groups, and wait until those that were taken are committed."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if self._queue:
            self._hurry(loop)
        if self._busy:
            self._idle = loop.create_future()
            await self._idle
        if self._look is not None:
            self._look.cancel()

    def _hurry(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let what is queued go with the next transaction, and begin that where none is under way."""
        self._due = True
        if not self._busy:
            self._busy = True
            loop.call_soon(self._begin, loop)

    def _look_at(self, moment: float, loop: asyncio.AbstractEventLoop) -> None:
        """See then whose time is over: one timer for all, since nearly all are told long before."""
        if self._look is not None:
            self._look.cancel()
        self._look = loop.call_at(moment, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell those whose time is over what is known of their group."""
        self._look, now = None, loop.time()
        waiting = [waiter for waiter in (*self._under_way, *self._queue) if not waiter.future.done()]
        for waiter in waiting:
            if waiter.until > now:
                continue
            what = f"the ledger was busy for {waiter.within} s; nothing was written"
            if waiter.begun:
                what = f"the ledger did not confirm within {waiter.within} s; the events may be there all the same"
            outcome = Outcome.UNKNOWN if waiter.begun else Outcome.NOT_WRITTEN
            waiter.future.set_exception(LedgerUnavailable(what, outcome))
        if left := [waiter.until for waiter in waiting if waiter.until > now]:
            self._look_at(min(left), loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand the next transaction to the thread, if one is due."""
        taken = self._take() if self._due else []
        if taken:
            self._under_way = taken
            watch = loop.call_later(*self._overdue) if self._overdue else None
            self._thread.submit(self._run, taken, watch, loop)
            return
        self._busy, self._under_way = False, ()
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _take(self) -> list[_Waiter[Item, Result]]:
        """The waiters of the next transaction. One that gave up while it queued is left out: it was told so."""
        taken: list[_Waiter[Item, Result]] = []
        room = self._bound
        while self._queue and (not taken or len(self._queue[0].group) <= room):
            waiter = self._queue.popleft()
            self._queued -= len(waiter.group)
            if not waiter.future.done():
                waiter.begun = True
                taken.append(waiter)
                room -= len(waiter.group)
        # Those for whom there was no room go next, the patient among them: they have waited for a whole commit.
        self._due = bool(self._queue)
        if self._last_call is not None:
            self._last_call.cancel()
            self._last_call = None
        return taken

    def _run(
        self,
        taken: Sequence[_Waiter[Item, Result]],
        watch: asyncio.TimerHandle | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """On the thread: the transaction, and what nobody need wait for while the event loop awakes."""
        results: Sequence[Result] = ()
        error: BaseException | None = None
        try:
            results = self._commit([waiter.group for waiter in taken])
        except BaseException as raised:
            error = raised
        loop.call_soon_threadsafe(self._end, taken, results, error, watch)
        self._after()

    def _end(
        self,
        taken: Sequence[_Waiter[Item, Result]],
        results: Sequence[Result],
        error: BaseException | None,
        watch: asyncio.TimerHandle | None,
    ) -> None:
        """Tell those who wait how their transaction ended."""
        if watch is not None:
            watch.cancel()
        loop = asyncio.get_running_loop()
        # Those who queued are not kept waiting for those who are told now. Where nobody did, these may ask again first.
        if self._due:
            self._begin(loop)
        else:
            loop.call_soon(self._begin, loop)
        for at, waiter in enumerate(taken):
            if waiter.future.done():
                continue
            if error is not None:
                waiter.future.set_exception(error)
            else:
                waiter.future.set_result(results[at])
