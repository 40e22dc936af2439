"""SQLite as the ledger needs it: durable at COMMIT, one process per writer's name, readable only by its owner."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from callgate.core.chain import Record
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, Outcome
from callgate.stores.ledger.backend import Change, Places, Statements, Values, Wrapped, executions, searches
from callgate.stores.ledger.fresh import Fresh
from callgate.stores.schema import events

WRITER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON")
ROWS_AT_A_TIME = 2000
COMMITS_PER_TIDYING = 100
LONG_PAGES = 10_000
"""From so many pages on, 40 MiB, the log is to begin again."""
LOG_PAGES = 16_000
"""64 MiB, at which a commit sees to it itself."""

CACHE_KIB = 64_000
"""For the connection that writes: what settling touches is written once, and not each time the cache is full."""

_NOTHING_WRITTEN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}
"""What COMMIT may fail with and have written nothing that another process could come to see."""

_TIDY = "PRAGMA wal_checkpoint(PASSIVE)"

_PLACES = """
SELECT mark, erasures, (SELECT coalesce(max(seq), 0) FROM events), (SELECT coalesce(max(id), 0) FROM subjects)
FROM ledger
"""

_RECORDS = """
SELECT seq, CAST(writer AS BLOB), n, mark, CAST(at AS BLOB), CAST(kind AS BLOB), CAST(call AS BLOB),
       CAST(subject AS BLOB), CAST(controller AS BLOB), version, CAST(commitment AS BLOB), CAST(hash AS BLOB),
       CAST(salt AS BLOB), CAST(body AS BLOB), CAST(sealed AS BLOB)
FROM events WHERE seq > ? ORDER BY seq LIMIT ?
"""


def place_of(url: sa.URL) -> Path:
    """The database file that the URL names; made, for its owner only, where there is none. Raises `LedgerRefused`."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise LedgerRefused(
            f"the ledger's URL is {url.render_as_string(hide_password=True)}; a file is needed, such as "
            "sqlite:////var/lib/callgate/ledger.db, or a PostgreSQL database, such as postgresql://callgate@db/ledger"
        )
    path = Path(url.database)
    try:
        # WAL and shared-memory files take their mode from the database's (sqlite3 findCreateFileMode).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise LedgerRefused(f"the ledger {path} cannot be opened: {error.strerror}; name a file that can be") from error
    return path


def prepare(connection: Any, busy: float) -> None:
    """Set a connection up: its safety, and how long it waits for another process's lock, in seconds."""
    connection.isolation_level = None  # sqlite3 begins nothing by itself
    connection.execute(f"PRAGMA busy_timeout={int(busy * 1000)}")
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def engine(path: Path, busy: float, *, writes: bool) -> sa.Engine:
    """An engine whose transactions, if it `writes`, hold the write lock from their first statement.

    Without BEGIN IMMEDIATE a transaction that reads first could find at its first write that another one was faster,
    and fail.
    """
    made = sa.create_engine(sa.URL.create("sqlite", database=str(path)), hide_parameters=True)

    @sa.event.listens_for(made, "connect")
    def on_connect(connection: Any, _: ConnectionPoolEntry) -> None:
        prepare(connection, busy)

    if writes:

        @sa.event.listens_for(made, "begin")
        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return made


class WriterLock:
    """Keeps a second process from writing under the same name. The kernel releases it when the process ends."""

    def __init__(self, path: Path, writer: str) -> None:
        self._path = path.with_name(f"{path.name}.{writer}.lock")
        # A file that its last owner removed between our opening and locking it locks nobody out.
        while True:
            self._file = self._path.open("a")
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._file.close()
                raise LedgerRefused(
                    f"another process writes to {path} as {writer!r}; stop it, or give this one another name"
                ) from None
            if self._is_there():
                return
            self._file.close()

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let another process have the name, and leave no file. Releasing twice is releasing once."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._file.close()


class Tidier:
    """Brings the log's pages into the database now and then, on a thread of its own.

    SQLite would do so within a commit, every thousand pages, and that commit would take ten times as long. But a log
    begins again from its start only once all of it was brought over, and while this thread is at it more comes. So
    where the log is long it goes three times, and what has come since is so little that who writes brings it over
    (`finish`), when those who waited were told. Where a reader stands in the way the log grows, and at `LOG_PAGES` a
    commit sees to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-log")
        self._running: Future[None] | None = None
        self._commits = 0
        self.nearly_done = False

    def note_commit(self) -> None:
        """Count a commit; begin to tidy where it is time and nothing is under way."""
        self._commits += 1
        if self._commits >= COMMITS_PER_TIDYING and (self._running is None or self._running.done()):
            self._commits = 0
            self._running = self._thread.submit(self._tidy)

    def _tidy(self) -> None:
        # A failure costs nothing but a longer log: the next time, or a commit, makes up for it.
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._path)) as db:
            prepare(db, 0)
            for _ in range(3):
                (_, pages, _) = db.execute(_TIDY).fetchone()
                if pages < LONG_PAGES:
                    return
            self.nearly_done = True

    def finish(self, db: sqlite3.Connection) -> None:
        """Bring over what came while the thread was at it. By who writes, on the connection that writes."""
        self.nearly_done = False
        with suppress(sqlite3.Error):
            db.execute(_TIDY)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()


class SqliteBackend:
    """A ledger in one file; see `Backend`."""

    sql = Statements(sqlite.dialect(), settles=True)

    def __init__(self, url: sa.URL, writer: str, within: float) -> None:
        # A transaction that waits for another process's lock fails before whoever waits for it gives up, so that it
        # is known that nothing was written.
        busy = within * 0.8
        self.path = place_of(url)
        self._lock = WriterLock(self.path, writer)
        self._setup = engine(self.path, busy, writes=True)
        self.reads = engine(self.path, busy, writes=False)
        self._db = sqlite3.connect(self.path, check_same_thread=False)
        self._busy = busy
        self._tidier = Tidier(self.path)
        self._fresh = Fresh(self._db)

    @contextmanager
    def setup(self) -> Iterator[sa.Connection]:
        """See `Backend.setup`."""
        with _explained():
            prepare(self._db, self._busy)
            self._db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        with self._setup.begin() as connection:
            yield connection
        self._setup.dispose()

    def where(self, connection: sa.Connection) -> str | None:
        """See `Backend.where`. A file says nothing of where it came from."""
        del connection
        return None

    def begin(self, tokens: Sequence[bytes]) -> tuple[Places, dict[bytes, Wrapped]]:
        """See `Backend.begin`."""
        with _explained():
            self._db.execute("BEGIN IMMEDIATE")
            mark, erasures, seq, newest = self._db.execute(_PLACES).fetchone()
        self._fresh.note(erasures, newest)
        return Places(mark, erasures, seq), self.find(tokens)

    def find(self, tokens: Sequence[bytes]) -> dict[bytes, Wrapped]:
        """See `Backend.find`."""
        with _explained():
            fresh = self._fresh.find(tokens)
            rest = [token for token in tokens if token not in fresh]
            found = (self._db.execute(*search).fetchall() for search in searches(self.sql.find, rest))
            return fresh | {row[0]: Wrapped(*row[1:]) for rows in found for row in rows}

    def head(self, writer: str) -> tuple[int, bytes] | None:
        """See `Backend.head`."""
        with _explained():
            found: tuple[int, bytes] | None = self._db.execute(self.sql.head, (writer,)).fetchone()
        return found

    def last_checkpoint(self) -> int:
        """See `Backend.last_checkpoint`."""
        with _explained():
            return int(self._db.execute(self.sql.last_checkpoint).fetchone()[0])

    def commit(self, changes: Iterable[Change]) -> None:
        """See `Backend.commit`."""
        added: tuple[Values, int] = (), 0
        with _explained():
            for change in changes:
                for execution in executions(change):
                    last = self._db.execute(*execution).lastrowid
                if change[0] is self.sql.add_subject:
                    added = change[1], last or 0
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            nothing = getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOTHING_WRITTEN
            outcome = Outcome.NOT_WRITTEN if nothing else Outcome.UNKNOWN
            raise LedgerUnavailable(f"the ledger cannot be written: {error}", outcome) from None
        self._fresh.add(*added)
        self._tidier.note_commit()

    def rollback(self) -> None:
        """See `Backend.rollback`."""
        self._fresh.forget()
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @property
    def untidy(self) -> bool:
        """See `Backend.untidy`."""
        return self._fresh.due or self._tidier.nearly_done

    def tidy(self) -> None:
        """See `Backend.tidy`: the fresh settle, and the log begins again."""
        if self._fresh.due:
            self._fresh.settle_if_possible()
        if self._tidier.nearly_done:
            self._tidier.finish(self._db)

    def abort(self) -> None:
        """See `Backend.abort`. A disk that hangs cannot be hurried; a lock is waited for with a limit of its own."""

    def interrupt(self, reading: Any) -> None:
        """See `Backend.interrupt`."""
        reading.interrupt()

    def forget(self, *, thorough: bool) -> bool:
        """See `Backend.forget`: deleted cells were overwritten (secure_delete), but older images lie in the log."""
        with _explained():
            if thorough:
                self._fresh.settle()
                self._db.execute("REINDEX subjects_by_token")
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def said(self, key: str) -> sa.ColumnElement[str]:
        """See `Backend.said`."""
        return sa.func.json_extract(events.c.body, f"$.{key}")

    def records(self, after_seq: int) -> Iterator[list[Record]]:
        """See `Backend.records`."""
        with _explained(), closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            # A query of its own for each batch: one that is under way keeps the log from being emptied.
            while batch := db.execute(_RECORDS, (after_seq, ROWS_AT_A_TIME)).fetchall():
                yield [(row[:11], row[11], row[12:]) for row in batch]
                after_seq = batch[-1][0]

    def close(self) -> None:
        """See `Backend.close`."""
        self._tidier.close()
        self._db.close()
        self._setup.dispose()
        self.reads.dispose()
        self._lock.release()


@contextmanager
def _explained() -> Iterator[None]:
    """SQLite's own words, which name tables and columns, never values."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"the ledger cannot be written: {error}") from None
