"""SQLite as the ledger needs it: durable at COMMIT, one process per writer's name, readable only by its owner."""

import fcntl
import os
import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from callgate.stores.errors import LedgerRefused

WRITER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)


def place_of(url: str) -> Path:
    """The database file that the URL names; made, for its owner only, where there is none. Raises `LedgerRefused`."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        shown = parsed.render_as_string(hide_password=True)
        raise LedgerRefused(
            f"the ledger's URL is {shown}; a file is needed, such as sqlite:////var/lib/callgate/ledger.db"
        )
    path = Path(parsed.database)
    try:
        # WAL and shared-memory files take their mode from the database's (sqlite3 findCreateFileMode).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise LedgerRefused(f"the ledger {path} cannot be opened: {error.strerror}; name a file that can be") from error
    return path


def engine(path: Path, busy: float, *, writes: bool) -> sa.Engine:
    """An engine whose transactions, if it `writes`, hold the write lock from their first statement.

    `busy` is how long to wait for another process's lock, in seconds. Without BEGIN IMMEDIATE a transaction that reads
    first could find at its first write that another one was faster, and fail.
    """
    made = sa.create_engine(sa.URL.create("sqlite", database=str(path)), hide_parameters=True)

    @sa.event.listens_for(made, "connect")
    def on_connect(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself; "begin" below does
        for pragma in (
            f"busy_timeout={int(busy * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    if writes:

        @sa.event.listens_for(made, "begin")
        def on_begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return made


class WriterLock:
    """Keeps a second process from writing under the same name. The kernel releases it when the process ends."""

    def __init__(self, path: Path, writer: str) -> None:
        if not WRITER.fullmatch(writer):
            raise LedgerRefused(f"the writer's name is {writer!r}; up to 32 of a-z, 0-9 and - are needed")
        self._file = path.with_name(f"{path.name}.{writer}.lock").open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise LedgerRefused(
                f"another process writes to {path} as {writer!r}; stop it, or give this one another name"
            ) from None

    def release(self) -> None:
        """Let another process have the name."""
        self._file.close()
