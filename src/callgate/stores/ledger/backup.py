"""Backup and restore of a ledger in a file. One in PostgreSQL is backed up by PostgreSQL's own means (`pg_dump`).

A backup is written by `VACUUM INTO`: a snapshot, made while others go on writing, that holds what the ledger holds and
nothing that it once held: a copy page by page would take along what lies between.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from callgate.stores.errors import LedgerRefused, LedgerUnavailable


async def back_up(url: str, to: Path) -> None:
    """Write the ledger at `url` into the new file `to`, for its owner only. Raises `LedgerRefused`, OSError."""
    await asyncio.to_thread(_back_up, _file_of(url), to)


def _back_up(source: Path, to: Path) -> None:
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as db:
            db.execute("VACUUM INTO ?", (str(to),))
    except sqlite3.Error as error:
        to.unlink()
        raise LedgerUnavailable(f"the ledger cannot be backed up: {error}") from None
    _sync(to)


async def restore(backup: Path, url: str) -> None:
    """Put a backup where the ledger of `url` is to be, where there is none. Raises `LedgerRefused`, OSError."""
    await asyncio.to_thread(_restore, backup, _file_of(url))


def _restore(backup: Path, place: Path) -> None:
    if place.exists():
        raise LedgerRefused(f"{place} is there already; move it and its -wal and -shm away before you restore another")
    part = place.with_name(f"{place.name}.restoring")
    with (
        backup.open("rb") as source,
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file,
    ):
        shutil.copyfileobj(source, file)
    _sync(part)
    part.rename(place)
    _sync(place.parent)


def _file_of(url: str) -> Path:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LedgerRefused("a ledger in PostgreSQL is backed up and restored with pg_dump and pg_restore")
    return Path(parsed.database)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
