"""The ledger: what happened, in order, kept.

An append returns once its transaction is durable (SQLite: COMMIT with synchronous=FULL), so that what it acknowledges
outlives the process (P4), and so that an allow can be on file before the trunk rings (P5).

Suppressing events, those that change who may be called, are numbered among themselves across all writers; the number
of the last is the ledger's *mark*. They form one order because an objection and its removal do not commute: a cache
that took them in another order could lose the newer objection. Every append returns the mark as of its commit. Whoever
decided on a cache that had not reached it decides again (P1).

What an event says of a person is sealed under a key of theirs (`sealing.py`); each event is linked to its writer's
last (`core/chain.py`).

Writing belongs to one thread behind a group commit, and speaks to the driver itself. SQLAlchemy's asynchronous engine
hops to a thread and back for every statement, and took three times as long for the transaction of one event (2.8 ms
against 1.0 ms); its synchronous one took most of what was left. Reading is by SQLAlchemy, in threads.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from callgate.core.anchor import Anchor
from callgate.core.events import DataClass, Event, Json, Kind
from callgate.stores.errors import LedgerRefused, LedgerUnavailable
from callgate.stores.ledger.audit import Audit, Progress, Report
from callgate.stores.ledger.backend import Backend
from callgate.stores.ledger.checkpoints import Checkpoint, Rolls, Stand, checkpoint_of, public_key, sign
from callgate.stores.ledger.group import GroupCommit
from callgate.stores.ledger.journal import Erased, Journal
from callgate.stores.ledger.keyfile import LedgerKeys
from callgate.stores.ledger.questions import Question, select
from callgate.stores.ledger.rows import READING, Prepared, Reader, Tokens, prepare
from callgate.stores.ledger.sealing import KeyRing, Person
from callgate.stores.ledger.sqlite import WRITER, SqliteBackend
from callgate.stores.ledger.writing import Amendment, Committed, Writer
from callgate.stores.migrations import migrate
from callgate.stores.schema import Entry, checkpoints, events, ledger, of_kinds, open_calls, request_events

T = TypeVar("T")


class Timed(Protocol):
    """Told how many seconds each transaction took, and whether it was committed; on the writing thread."""

    def __call__(self, seconds: float, *, ok: bool) -> None: ...


log = structlog.stdlib.get_logger()

EVENTS_PER_COMMIT = 256
CHECKPOINT_TRIES = 1000
CHECKPOINT_EVENTS = 100_000
"""The most that one checkpoint adds, so that what it reads stays small; a ledger that was left alone gets several."""
ROLLED_AT_A_TIME = 5_000
APPEND_WITHIN = 1.0
"""Seconds. The agent is listening to silence meanwhile."""
SEARCH_WITHIN = 30.0
"""Seconds, for what no call waits for."""


class Ledger:
    """An open ledger. Made by `Ledger.open`; ended by `close`."""

    def __init__(self, writer: str, backend: Backend, ring: KeyRing, tokens: Tokens, within: float) -> None:
        self.writer = writer
        self.identity = ""
        self._backend = backend
        self.ring = ring
        self.timed: Timed = lambda _, *, ok: None
        self._tokens = tokens
        self._within = within
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._group = GroupCommit[Prepared, Committed](
            self._commit, self._thread, EVENTS_PER_COMMIT, overdue=(within, backend.abort), after=self._settle_down
        )
        self._started: Writer | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        writer: str,
        clock: Callable[[], datetime],
        *,
        keys: LedgerKeys,
        tokens: Tokens,
        append_within: float = APPEND_WITHIN,
    ) -> "Ledger":
        """Open the ledger at `url` (`sqlite:////path`), making or migrating it, to write under the name `writer`.

        `clock` gives aware times; it dates a new ledger. `tokens` gives what is kept of an objection for the
        suppression cache. Raises `LedgerRefused`, also when the name is taken or the keys are those of another ledger.
        """
        if not WRITER.fullmatch(writer):
            raise LedgerRefused(f"the writer's name is {writer!r}; up to 32 of a-z, 0-9 and - are needed")
        opened = cls(writer, _backend(url, writer, append_within), KeyRing(keys), tokens, append_within)
        try:
            await asyncio.get_running_loop().run_in_executor(opened._thread, opened._start, clock)
        except BaseException as error:
            await opened.close()
            if isinstance(error, SQLAlchemyError | LedgerUnavailable):
                raise LedgerRefused(f"the ledger cannot be opened: {_cause(error)}") from None
            raise
        return opened

    async def close(self) -> None:
        """Commit what was taken, then let go of the database and the name. Closing twice is closing once."""
        await self._group.close()
        await asyncio.to_thread(self._stop)

    async def append(self, new: Sequence[Event], *, patient: bool = False) -> Committed:
        """Write the events, all or none, and return once they are durable.

        Where nobody waits for them, `patient` lets them share the next commit that somebody does wait for, at most
        50 ms later: they are as durable on return, and cost next to nothing.

        Raises ValueError for an event that cannot be written, and `LedgerUnavailable`, whose `outcome` says whether
        the events may be there nevertheless.
        """
        return await self._group.add([prepare(event, self._tokens) for event in new], self._within, patient=patient)

    async def mark(self) -> int:
        """The number of suppressing events that are committed."""
        return int((await self._read(sa.select(ledger.c.mark)))[0].mark)

    async def last_seq(self) -> int:
        """The seq of the last event; 0 of an empty ledger."""
        return int((await self._read(sa.select(sa.func.coalesce(sa.func.max(events.c.seq), 0))))[0][0])

    async def read(
        self, kinds: Collection[Kind] = (), call: str | None = None, after_seq: int = 0, limit: int = 1000
    ) -> list[Entry]:
        """The first `limit` entries after `after_seq`, of these kinds (all if none is named) and of this call."""
        query = READING.where(events.c.seq > after_seq).order_by(events.c.seq).limit(limit)
        if kinds:
            query = query.where(of_kinds(kinds))
        if call is not None:
            query = query.where(events.c.call == call)
        return await self._entries(query)

    async def search(self, question: Question) -> list[Entry]:
        """The entries that answer it, in their order. May take a while. Raises `LedgerUnavailable`."""
        return await self._entries(select(question, self._backend, self.ring), SEARCH_WITHIN)

    async def named(self, seqs: Collection[int]) -> list[Entry]:
        """The entries with these seqs, in their order. Raises `LedgerUnavailable`."""
        return await self._entries(READING.where(events.c.seq.in_(seqs)).order_by(events.c.seq), SEARCH_WITHIN)

    async def suppressions(
        self, after: int = 0, batch: int = 1000, kinds: Collection[Kind] = ()
    ) -> AsyncIterator[list[Entry]]:
        """The suppressing events past the mark `after`, of these kinds (all if none is named), in their order, up to
        `batch` at a time.

        One whose person was erased has no number; its `tokens` still say whom a cache must not let be called.
        """
        query = READING.order_by(events.c.mark).limit(batch)
        if kinds:
            query = query.where(events.c.kind.in_([kind.value for kind in kinds]))
        while found := await self._entries(query.where(events.c.mark > after)):
            yield found
            after = found[-1].mark or after

    async def requests(
        self, request: str | None = None, after_seq: int = 0, batch: int = 1000
    ) -> AsyncIterator[list[Entry]]:
        """The entries after `after_seq` that tell of one request of a person, or of all, up to `batch` at a time.

        Raises `LedgerUnavailable`.
        """
        wanted = sa.select(request_events.c.seq)
        if request is not None:
            wanted = wanted.where(request_events.c.request == request)
        query = READING.where(events.c.seq.in_(wanted)).order_by(events.c.seq).limit(batch)
        while found := await self._entries(query.where(events.c.seq > after_seq), SEARCH_WITHIN):
            yield found
            after_seq = found[-1].seq

    async def open_calls(self) -> Mapping[str, list[Entry]]:
        """The calls that were allowed and not closed, by CALLGATE_ID, each with all its entries in order."""
        query = READING.where(events.c.call.in_(sa.select(open_calls.c.call))).order_by(events.c.seq)
        calls: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in await self._entries(query):
            calls[str(entry.event.call)].append(entry)
        return dict(calls)

    async def erase(
        self, number: str, controller: str, classes: Collection[DataClass], at: datetime, *, by: str, journal: Journal
    ) -> tuple[int, bool]:
        """Destroy the keys under which the ledger holds a person's data, for one controller, of these classes.

        Nothing that they sealed can be read any more, here or in a backup made from now on, and the number leads to
        nothing. The objections stay in force: their tokens need no number. What is destroyed is in the journal before.
        Returns how many keys were destroyed, and whether every trace of them was overwritten: False where a reader
        stood in the way, and then `forget` is to be called again. Raises `LedgerUnavailable`, and what the journal
        raises; then nothing was destroyed.
        """
        named = [of for of in DataClass if of in classes]
        people = [Person(number, controller, of) for of in named]

        def record(gone: Sequence[bytes]) -> Event:
            journal.append(Erased(at.isoformat(), by, controller, tuple(of.value for of in named), tuple(gone)))
            said: dict[str, Json] = {
                "classes": [of.value for of in named],
                "subjects": [subject.hex() for subject in gone],
                "by": by,
            }
            return Event(Kind.ERASURE, at, None, None, controller, said)

        gone = await self._write(lambda: self._writer.destroy(people, record))
        return len(gone), await self.forget()

    async def forget(self, *, thorough: bool = False) -> bool:
        """Overwrite what was destroyed as far as the database lets us; False where a reader stood in the way.

        `thorough`: also what was removed of what events said, and what the index of tokens may have left in pages that
        were split. For a quiet hour: it takes a second for a million people, and nobody can write meanwhile. Raises
        `LedgerUnavailable`.
        """
        return await self._write(lambda: self._backend.forget(thorough=thorough))

    async def amend(self, amendment: Amendment) -> None:
        """Change what stands beside the chain, with the event that tells of it. Raises `LedgerUnavailable`."""
        await self._write(lambda: self._writer.amend(amendment))

    async def rows(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[sa.Row[Any]]:
        """Rows of the tables, for those who look after them. Raises `LedgerUnavailable`."""
        return await self._read(query, SEARCH_WITHIN)

    @property
    def backend(self) -> Backend:
        """The database, for the statements of an `Amendment`."""
        return self._backend

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def checkpoint(self, at: datetime) -> Checkpoint | None:
        """Sign where every chain stands, if any went on since the last time; the last checkpoint there is, if any.

        Raises `LedgerUnavailable`.
        """
        # What is being written now is to be under it: at the end there is no other to come.
        await self._write(lambda: None)
        for _ in range(CHECKPOINT_TRIES):
            last = await self._last_checkpoint()
            stand, newest = await self._stand(last)
            if not stand.heads:
                return last
            new = sign(self.ring.keys.signing, self.identity, at, stand, last)
            if await self._write(partial(self._writer.add_checkpoint, new)) and stand.seq >= newest:
                return new
        raise LedgerUnavailable("the ledger grew faster than checkpoints could be signed; try again")

    async def audit(self, anchors: Sequence[Anchor] = (), progress: Progress = lambda _: None) -> Report:
        """Verify everything that can be; `progress` is called on another thread. Raises `LedgerUnavailable`."""
        signer = public_key(self.ring.keys.signing)
        audit = Audit(self._backend, self.identity, signer, Reader(self.ring))
        return await self._in_thread(lambda: audit.run(anchors, progress))

    async def _last_checkpoint(self) -> Checkpoint | None:
        found = await self._read(sa.select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1))
        return checkpoint_of(found[0]) if found else None

    async def _stand(self, last: Checkpoint | None) -> tuple[Stand, int]:
        """Where the ledger stood a bounded number of events after the last checkpoint; also the seq of its newest.

        What this is made of does not change any more, so it needs no transaction.
        """
        after, mark, *_ = last.stand if last else Stand(0, 0, {})
        newest = await self.last_seq()
        seq = min(newest, after + CHECKPOINT_EVENTS)
        since = events.c.seq > after, events.c.seq <= seq
        marked = (await self._read(sa.select(sa.func.max(events.c.mark).label("mark")).where(*since)))[0].mark
        ends = sa.select(events.c.writer, sa.func.max(events.c.n).label("n")).where(*since).group_by(events.c.writer)
        end = ends.subquery()
        query = sa.select(events.c.writer, events.c.n, events.c.hash).join(
            end, (events.c.writer == end.c.writer) & (events.c.n == end.c.n)
        )
        heads = {row.writer: (row.n, row.hash) for row in await self._read(query)}
        return Stand(seq, marked or mark, heads, await self._roll(after, seq)), newest

    async def _roll(self, after: int, seq: int) -> bytes | None:
        """The roll of the events after `after` and up to `seq`."""
        rolls = Rolls([seq])
        for first in range(after + 1, seq + 1, ROLLED_AT_A_TIME):
            here = events.c.seq >= first, events.c.seq < first + ROLLED_AT_A_TIME, events.c.seq <= seq
            query = sa.select(events.c.hash).where(*here).order_by(events.c.seq)
            rolls.take(first, [row.hash for row in await self._read(query)])
        return rolls.made.get(seq)

    async def _entries(self, query: sa.Select[Any], within: float | None = None) -> list[Entry]:
        reader = Reader(self.ring)
        return [reader.entry(row) for row in await self._read(query, within)]

    async def _read(
        self, query: sa.Select[Any] | sa.CompoundSelect[Any], within: float | None = None
    ) -> Sequence[sa.Row[Any]]:
        within = within or self._within
        reading: list[Any] = []

        def run() -> Sequence[sa.Row[Any]]:
            with self._backend.reads.connect() as connection:
                reading.append(connection.connection.driver_connection)
                return connection.execute(query).all()

        def run_again_if_lost() -> Sequence[sa.Row[Any]]:
            try:
                return run()
            except DBAPIError as error:
                # A connection that lay in the pool while the server restarted shows only when it is used.
                if not error.connection_invalidated:
                    raise
                return run()

        try:
            async with asyncio.timeout(within):
                return await self._in_thread(run_again_if_lost)
        except TimeoutError:
            for connection in reading[-1:]:
                self._backend.interrupt(connection)
            raise LedgerUnavailable(f"the ledger did not answer within {within} s") from None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {_cause(error)}") from None

    def _stop(self) -> None:
        self._thread.shutdown()
        self._backend.close()

    # What follows runs on the writing thread.

    def _start(self, clock: Callable[[], datetime]) -> None:
        with self._backend.setup() as connection:
            migrate(connection)
            found = connection.execute(sa.select(ledger.c.identity, ledger.c["keys"], ledger.c.server)).one_or_none()
            fingerprint = self.ring.keys.fingerprint
            where = self._backend.where(connection)
            if found is None:
                self.identity = uuid.uuid4().hex
                born = {"created": clock().isoformat(), "keys": fingerprint, "mark": 0, "erasures": 0, "server": where}
                connection.execute(sa.insert(ledger), born | {"identity": self.identity})
            elif found[1] != fingerprint:
                raise LedgerRefused(
                    f"{self.ring.keys.path} holds the index key of another ledger; name the file that was made with "
                    "this one"
                )
            else:
                self.identity = found[0]
                _note_where(connection, found.server, where, clock())
        self._started = Writer(self._backend, self.writer, self.identity, self.ring)

    def _commit(self, groups: Sequence[Sequence[Prepared]]) -> list[Committed]:
        began, ok = perf_counter(), False
        try:
            done = self._writer.commit(groups)
            ok = True
        finally:
            self.timed(perf_counter() - began, ok=ok)
        return done

    def _settle_down(self) -> None:
        """What a transaction leaves to be done, and nobody who waited for it waits for."""
        if self._started is not None:
            self._started.remember()
        if self._backend.untidy:
            self._backend.tidy()

    @property
    def _writer(self) -> Writer:
        if self._started is None:
            raise LedgerUnavailable("the ledger is not open")
        return self._started


def _note_where(connection: sa.Connection, before: str | None, now: str | None, at: datetime) -> None:
    """Mark a ledger that finds itself in another database: it was restored there, and may lack what came since."""
    if now in (None, before):
        return
    changed = {"server": now}
    if before is not None:
        changed["gap"] = at.astimezone(UTC).isoformat(timespec="seconds")
        log.error("ledger-in-another-database", before=before, now=now)
    connection.execute(sa.update(ledger).values(changed))


def _backend(url: str, writer: str, within: float) -> Backend:
    """The database behind the URL. Raises `LedgerRefused`."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise LedgerRefused(
            "the ledger's URL cannot be read; write it like sqlite:////path or postgresql://…"
        ) from None
    if parsed.get_backend_name() == "postgresql":
        from callgate.stores.ledger.postgres import PostgresBackend  # noqa: PLC0415 - a driver that few have use for

        return PostgresBackend(parsed, writer, within)
    return SqliteBackend(parsed, writer, within)


def _cause(error: BaseException) -> str:
    """The driver's own words. They name tables and columns, never values."""
    return str(
        getattr(error, "orig", None) or (error if isinstance(error, LedgerUnavailable) else type(error).__name__)
    )
