"""The ledger: what happened, in order, kept.

An append returns once its transaction is durable (SQLite: COMMIT with synchronous=FULL), so that what it acknowledges
outlives the process (P4), and so that an allow can be on file before the trunk rings (P5).

Suppressing events, those that change who may be called, are numbered among themselves across all writers; the number
of the last is the ledger's *mark*. They form one order because an objection and its removal do not commute: a cache
that took them in another order could lose the newer objection. Every append returns the mark as of its commit. Whoever
decided on a cache that had not reached it decides again (P1).

Writing belongs to one thread behind a group commit. SQLAlchemy's synchronous engine there takes less than half of what
its asynchronous one takes, which hops to a thread and back for every statement (the transaction of one event, side by
side: 1.0 ms against 2.8 ms).
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from callgate.core.events import SUPPRESSING, Event, Kind
from callgate.stores import sqlite
from callgate.stores.errors import LedgerRefused, LedgerUnavailable
from callgate.stores.group import GroupCommit
from callgate.stores.migrations import migrate
from callgate.stores.schema import Entry, Row, entry_of, events, ledger, row_of

EVENTS_PER_COMMIT = 256
APPEND_WITHIN = 1.0
"""Seconds. The agent is listening to silence meanwhile."""

_Prepared = tuple[Event, Row]


@dataclass(frozen=True, slots=True)
class Committed:
    """What an append acknowledges: its events in their places, and the ledger's mark as of the commit."""

    entries: tuple[Entry, ...]
    mark: int


class Ledger:
    """An open ledger. Made by `Ledger.open`; ended by `close`."""

    def __init__(
        self, writer: str, lock: sqlite.WriterLock, writes: sa.Engine, reads: sa.Engine, within: float
    ) -> None:
        self.writer = writer
        self.identity = ""
        self._lock = lock
        self._writes = writes
        self._reads = reads
        self._within = within
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._group = GroupCommit[_Prepared, Committed](self._commit, self._thread, EVENTS_PER_COMMIT)

    @classmethod
    async def open(
        cls, url: str, writer: str, clock: Callable[[], datetime], append_within: float = APPEND_WITHIN
    ) -> "Ledger":
        """Open the ledger at `url` (`sqlite:////path`), making or migrating it, to write under the name `writer`.

        `clock` gives aware times; it dates a new ledger. Raises `LedgerRefused`, also when the name is taken.
        """
        path = sqlite.place_of(url)
        lock = sqlite.WriterLock(path, writer)
        # A transaction that waits for another process's lock fails before whoever waits for it gives up, so that it
        # is known that nothing was written.
        busy = append_within * 0.8
        writes, reads = sqlite.engine(path, busy, writes=True), sqlite.engine(path, busy, writes=False)
        opened = cls(writer, lock, writes, reads, append_within)
        try:
            await asyncio.get_running_loop().run_in_executor(opened._thread, opened._start, clock)
        except BaseException as error:
            await opened.close()
            if isinstance(error, SQLAlchemyError):
                raise LedgerRefused(f"the ledger {path} cannot be opened: {_cause(error)}") from None
            raise
        return opened

    async def close(self) -> None:
        """Commit what was taken, then let go of the database and the name. Closing twice is closing once."""
        await self._group.close()
        await asyncio.to_thread(self._stop)
        self._lock.release()

    async def append(self, new: Sequence[Event]) -> Committed:
        """Write the events, all or none, and return once they are durable.

        Raises ValueError for an event that cannot be written, and `LedgerUnavailable`, whose `outcome` says whether
        the events may be there nevertheless.
        """
        return await self._group.add([(event, row_of(event)) for event in new], self._within)

    async def mark(self) -> int:
        """The number of suppressing events that are committed."""
        return int((await self._read(sa.select(ledger.c.mark)))[0].mark)

    async def read(
        self, kinds: Collection[Kind] = (), call: str | None = None, after_seq: int = 0, limit: int = 1000
    ) -> list[Entry]:
        """The first `limit` entries after `after_seq`, of these kinds (all if none is named) and of this call."""
        query = sa.select(events).where(events.c.seq > after_seq).order_by(events.c.seq).limit(limit)
        if kinds:
            query = query.where(events.c.kind.in_([kind.value for kind in kinds]))
        if call is not None:
            query = query.where(events.c.call == call)
        return [entry_of(row) for row in await self._read(query)]

    async def suppressions(self, after: int = 0, batch: int = 1000) -> AsyncIterator[list[Entry]]:
        """The suppressing events past the mark `after`, in their order, up to `batch` at a time."""
        while True:
            query = sa.select(events).where(events.c.mark > after).order_by(events.c.mark).limit(batch)
            found = [entry_of(row) for row in await self._read(query)]
            if not found:
                return
            yield found
            after += len(found)

    async def open_calls(self) -> Mapping[str, list[Entry]]:
        """The calls that were allowed and not closed, by CALLGATE_ID, each with all its entries in order."""
        verdict, closed = events.alias("verdict"), events.alias("closed")
        outcome = sa.type_coerce(verdict.c.payload, sa.JSON)["outcome"].as_string()
        allowed = sa.select(verdict.c.call).where(
            verdict.c.kind == Kind.VERDICT,
            outcome == "allow",
            ~sa.exists().where(closed.c.call == verdict.c.call, closed.c.kind == Kind.CLOSED),
        )
        query = sa.select(events).where(events.c.call.in_(allowed)).order_by(events.c.seq)
        calls: defaultdict[str, list[Entry]] = defaultdict(list)
        for row in await self._read(query):
            calls[row.call].append(entry_of(row))
        return dict(calls)

    async def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        def run() -> Sequence[sa.Row[Any]]:
            with self._reads.connect() as connection:
                return connection.execute(query).all()

        try:
            return await asyncio.to_thread(run)
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {_cause(error)}") from None

    def _stop(self) -> None:
        self._thread.shutdown()
        self._writes.dispose()
        self._reads.dispose()

    # What follows runs on the writing thread.

    def _start(self, clock: Callable[[], datetime]) -> None:
        with self._writes.begin() as connection:
            migrate(connection)
            identity = connection.scalar(sa.select(ledger.c.identity))
            if identity is None:
                identity = uuid.uuid4().hex
                born = {"identity": identity, "created": clock().isoformat(), "mark": 0}
                connection.execute(sa.insert(ledger), born)
        self.identity = identity

    def _commit(self, groups: Sequence[Sequence[_Prepared]]) -> list[Committed]:
        try:
            with self._writes.begin() as connection:
                return _write(connection, self.writer, groups)
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"the ledger cannot be written: {_cause(error)}") from None


def _write(connection: sa.Connection, writer: str, groups: Sequence[Sequence[_Prepared]]) -> list[Committed]:
    """Give every event its place and insert them; the caller's transaction holds the write lock."""
    before = connection.execute(_PLACES, {"writer": writer}).one()
    seq, n, mark = before.seq, before.n, before.mark
    rows: list[Row] = []
    placed: list[tuple[Entry, ...]] = []
    for group in groups:
        entries: list[Entry] = []
        for event, row in group:
            suppressing = event.kind in SUPPRESSING
            seq, n, mark = seq + 1, n + 1, mark + suppressing
            entry = Entry(seq, writer, n, mark if suppressing else None, event)
            rows.append(row | {"seq": seq, "writer": writer, "n": n, "mark": entry.mark})
            entries.append(entry)
        placed.append(tuple(entries))
    if rows:
        connection.execute(_INSERT, rows)
    if mark != before.mark:
        connection.execute(_ADVANCE, {"mark": mark})
    return [Committed(entries, mark) for entries in placed]


_PLACES = sa.select(
    ledger.c.mark,
    sa.select(sa.func.coalesce(sa.func.max(events.c.seq), 0)).scalar_subquery().label("seq"),
    sa.select(sa.func.coalesce(sa.func.max(events.c.n), 0))
    .where(events.c.writer == sa.bindparam("writer"))
    .scalar_subquery()
    .label("n"),
)
_INSERT = sa.insert(events)
_ADVANCE = sa.update(ledger).values(mark=sa.bindparam("mark"))


def _cause(error: SQLAlchemyError) -> str:
    """The driver's own words. They name tables and columns, never values."""
    return str(getattr(error, "orig", None) or error.__class__.__name__)
