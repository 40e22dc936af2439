"""PostgreSQL as the ledger needs it, for several nodes that write to one ledger.

The one row of `ledger` is the lock: whoever commits holds it from the first statement, so that seq, mark and hashes are
dealt in the order of the commits and nothing becomes visible out of order. Group commit makes that cheap: the lock is
taken once for all who wait.

A writer's name is held by an advisory lock of the very session that writes. A session that is lost takes its lock and
its right to write with it; the next one has to win the name again, and cannot while the server still holds the old one.

A server that hangs answers no timeout of its own, so there are two: the server's, for what it can know, and ours, which
cuts the connection (`sever`).
"""

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from callgate.core.chain import Record
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, Outcome
from callgate.stores.ledger.backend import Change, Places, Statements, Wrapped, searches
from callgate.stores.schema import events

CONNECT_WITHIN_S = 2
"""The least that libpq takes for a limit."""
READ_WITHIN_S = 30
TIDY_WITHIN_S = 600
ROWS_AT_A_TIME = 2000
COPIED_FROM = 8
"""So many rows are copied; fewer are not worth the round trip."""
DURABLE = ("on", "remote_write", "remote_apply")

Connection = psycopg.Connection[tuple[Any, ...]]

_WHERE = """
SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid FROM pg_database
WHERE datname = current_database()
"""

_RECORDS = """
SELECT seq, convert_to(writer, 'UTF8'), n, mark, convert_to(at, 'UTF8'), convert_to(kind, 'UTF8'),
       convert_to(call, 'UTF8'), subject, convert_to(controller, 'UTF8'), version, commitment, hash, salt,
       convert_to(body, 'UTF8'), sealed
FROM events WHERE seq > %s ORDER BY seq LIMIT %s
"""


class PostgresBackend:
    """A ledger in a PostgreSQL database; see `Backend`."""

    sql = Statements(PGDialect_psycopg(paramstyle="format"))  # type: ignore[no-untyped-call]

    def __init__(self, url: sa.URL, writer: str, within: float) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._writer = writer
        self._within = within
        self._connection: Connection | None = None
        self._setup = self._engine(READ_WITHIN_S)
        self.reads = self._engine(READ_WITHIN_S)

    def _engine(self, within: float) -> sa.Engine:
        return sa.create_engine(self._url, hide_parameters=True, connect_args=self._options(within))

    def _options(self, within: float) -> dict[str, Any]:
        """How a session is opened that may take `within` seconds for a statement, and must notice a dead network."""
        limit = int(within * 1000)
        limits = {"statement_timeout": limit, "lock_timeout": limit, "idle_in_transaction_session_timeout": 10_000}
        server = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}
        options = " ".join(f"-c {name}={value}" for name, value in (limits | server).items())
        return {"connect_timeout": CONNECT_WITHIN_S, "options": options, "application_name": f"callgate {self._writer}"}

    @contextmanager
    def setup(self) -> Iterator[sa.Connection]:
        """See `Backend.setup`."""
        try:
            self._session()
        except psycopg.Error as error:
            raise LedgerUnavailable(_cause(error)) from None
        with self._setup.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_key('setup')})")
            yield connection
        self._setup.dispose()

    def _session(self) -> Connection:
        """The session that writes, opened anew where it was lost. Raises `LedgerRefused`, `LedgerUnavailable`."""
        if self._connection is None or self._connection.closed:
            self._connection = None
            # A statement fails before whoever waits for it gives up, so that it is known that nothing was written.
            opened = self._connect(self._within * 0.8)
            try:
                self._claim(opened)
            except BaseException:
                opened.close()
                raise
            self._connection = opened
        return self._connection

    def _connect(self, within: float) -> Connection:
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True, **self._options(within))

    def _claim(self, session: Connection) -> None:
        """See that what is committed here stays, and take the writer's name."""
        where = self._url.render_as_string(hide_password=True)
        if session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            raise LedgerRefused(f"{where} is a standby, which takes no events; name the primary")
        if session.execute("SHOW fsync").fetchone() != ("on",):
            raise LedgerRefused(
                f"{where} runs with fsync off, so that nothing it acknowledges is sure to stay; turn it on"
            )
        [committing] = session.execute("SHOW synchronous_commit").fetchone() or ("",)
        if committing not in DURABLE:
            session.execute("SET synchronous_commit = 'on'")
        if session.execute(f"SELECT pg_try_advisory_lock({_key(f'writer {self._writer}')})").fetchone() != (True,):
            raise LedgerRefused(
                f"another process writes to {where} as {self._writer!r}; stop it, or give this one another name"
            )

    def where(self, connection: sa.Connection) -> str | None:
        """See `Backend.where`. A cluster keeps its identifier through failover; each database has a number in it."""
        found = connection.exec_driver_sql(_WHERE).scalar_one_or_none()
        return None if found is None else str(found)

    def begin(self, tokens: Sequence[bytes]) -> tuple[Places, dict[bytes, Wrapped]]:
        """See `Backend.begin`. The last seq is read by a statement of its own, since the first may wait for the lock
        and would go on seeing what was there before (READ COMMITTED takes its snapshot for each statement)."""
        with _explained():
            session = self._session()
            try:
                return self._begin(session, tokens)
            except psycopg.OperationalError:
                if not session.closed:
                    raise
            # The session was lost since its last commit. Nothing was begun, so it may be tried with another.
            return self._begin(self._session(), tokens)

    def _begin(self, session: Connection, tokens: Sequence[bytes]) -> tuple[Places, dict[bytes, Wrapped]]:
        with session.pipeline():
            session.execute("BEGIN")
            lock = session.execute(self.sql.lock)
            last = session.execute(self.sql.last_seq)
            found = [session.execute(*search) for search in searches(self.sql.find, tokens)]
        (mark, erasures), (seq,) = lock.fetchall()[0], last.fetchall()[0]
        return Places(mark, erasures, seq), {row[0]: Wrapped(*row[1:]) for one in found for row in one}

    def find(self, tokens: Sequence[bytes]) -> dict[bytes, Wrapped]:
        """See `Backend.find`."""
        with _explained():
            session = self._session()
            found = [session.execute(*search) for search in searches(self.sql.find, tokens)]
            return {row[0]: Wrapped(*row[1:]) for one in found for row in one}

    def head(self, writer: str) -> tuple[int, bytes] | None:
        """See `Backend.head`."""
        with _explained():
            found = self._session().execute(self.sql.head, (writer,)).fetchone()
            return (found[0], found[1]) if found else None

    def last_checkpoint(self) -> int:
        """See `Backend.last_checkpoint`."""
        with _explained():
            return int(self._session().execute(self.sql.last_checkpoint).fetchall()[0][0])

    def commit(self, changes: Iterable[Change]) -> None:
        """See `Backend.commit`. Statements after one that fails are skipped, COMMIT among them."""
        session = self._session()
        try:
            changes = [change for change in changes if not self._copied(session, change)]
            with session.pipeline():
                # A statement for one row is prepared and planned once, and its executions leave in one go.
                for statement, values in changes:
                    text = statement if isinstance(statement, str) else statement.of(1)
                    session.cursor().executemany(text, values)
                ended = session.execute("COMMIT")
            if ended.statusmessage != "COMMIT":
                raise LedgerUnavailable("the ledger cannot be written: the transaction was rolled back")
        except psycopg.Error as error:
            # What the server refused in words it did not commit. Where it fell silent, it may have.
            outcome = Outcome.NOT_WRITTEN if error.sqlstate else Outcome.UNKNOWN
            raise LedgerUnavailable(f"the ledger cannot be written: {_cause(error)}", outcome) from None

    @staticmethod
    def _copied(session: Connection, change: Change) -> bool:
        """Whether the rows went in by COPY: a round trip of its own, and next to nothing for each row."""
        statement, values = change
        if isinstance(statement, str) or not statement.copy or len(values) < COPIED_FROM:
            return False
        with session.cursor().copy(statement.copy) as copy:
            for row in values:
                copy.write_row(row)
        return True

    def rollback(self) -> None:
        """See `Backend.rollback`. A session about which there is any doubt is given up."""
        session = self._connection
        if session is None:
            return
        with suppress(psycopg.Error):
            if session.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
                session.execute("ROLLBACK")
        if session.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            session.close()
            self._connection = None

    @property
    def untidy(self) -> bool:
        """See `Backend.untidy`. What there is to tidy the server sees to."""
        return False

    def tidy(self) -> None:
        """See `Backend.tidy`."""

    def abort(self) -> None:
        """See `Backend.abort`."""
        if self._connection is not None:
            sever(self._connection)

    def interrupt(self, reading: Any) -> None:
        """See `Backend.interrupt`."""
        sever(reading)

    def forget(self, *, thorough: bool) -> bool:
        """See `Backend.forget`. What the server keeps until its log is recycled is not ours to overwrite."""
        with _explained(), self._connect(TIDY_WITHIN_S) as session:
            if thorough:
                session.execute("REINDEX INDEX CONCURRENTLY subjects_by_token")
                session.execute("VACUUM events")
            session.execute("VACUUM subjects, deliveries")
        return True

    def said(self, key: str) -> sa.ColumnElement[str]:
        """See `Backend.said`."""
        found: sa.ColumnElement[str] = sa.cast(events.c.body, sa.JSON)[key].as_string()
        return found

    def records(self, after_seq: int) -> Iterator[list[Record]]:
        """See `Backend.records`."""
        with _explained(), self._connect(READ_WITHIN_S) as session, session.cursor(binary=True) as cursor:
            while batch := cursor.execute(_RECORDS, (after_seq, ROWS_AT_A_TIME)).fetchall():
                yield [(row[:11], row[11], row[12:]) for row in batch]
                after_seq = batch[-1][0]

    def close(self) -> None:
        """See `Backend.close`."""
        if self._connection is not None:
            self._connection.close()
        self._setup.dispose()
        self.reads.dispose()


def sever(connection: Connection) -> None:
    """Cut a connection while another thread waits for its answer, which then fails at once."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def _key(what: str) -> int:
    """The number of an advisory lock."""
    return int.from_bytes(hashlib.sha256(f"callgate {what}".encode()).digest()[:8], signed=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LedgerUnavailable(f"the ledger cannot be reached: {_cause(error)}") from None
    except LedgerRefused as error:
        # It was open, so whatever is in the way now (a name not yet free, a standby before it is promoted) may pass.
        raise LedgerUnavailable(str(error)) from None


def _cause(error: psycopg.Error) -> str:
    """The server's first line, which names tables and columns; the second may hold values."""
    return error.diag.message_primary or str(error).partition("\n")[0]
