"""Backup and restore of a ledger in a file. One in PostgreSQL is backed up by PostgreSQL's own means (`pg_dump`).

A backup is written by `VACUUM INTO`: a snapshot, made while others go on writing, that holds what the ledger holds and
nothing that it once held: a copy page by page would take along what lies between.
"""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from callgate.stores.errors import LedgerRefused, LedgerUnavailable

T = TypeVar("T")


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


async def restore(backup: Path, url: str, make_ready: Callable[[str], Awaitable[T]]) -> T:
    """Put a backup where the ledger of `url` is to be, where there is none.

    Until `make_ready` is done with it, it is a ledger elsewhere, whose URL that is given: nobody can decide on it
    before. Raises `LedgerRefused`, OSError, and what `make_ready` raises; then nothing was restored.
    """
    place = _file_of(url)
    part = place.with_name(f"{place.name}.restoring")
    await asyncio.to_thread(_copy, backup, place, part)
    try:
        done = await make_ready(f"sqlite:///{part}")
        part.rename(place)
        _sync(place.parent)
    finally:
        _clear(part)
    return done


def _clear(part: Path) -> None:
    """What a restore needs, and what one that was broken off left: a log of the one would damage the other."""
    for left in part.parent.glob(f"{part.name}*"):
        left.unlink()


def _copy(backup: Path, place: Path, part: Path) -> None:
    if place.exists():
        raise LedgerRefused(f"{place} is there already; move it and its -wal and -shm away before you restore another")
    _clear(part)
    with (
        backup.open("rb") as source,
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file,
    ):
        shutil.copyfileobj(source, file)
    _sync(part)


def insist(url: str) -> None:
    """See that there is a ledger: to open one that is not there makes it, and an empty one always verifies.

    Raises `LedgerRefused`. A database that is not a file is there once it can be opened.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and not Path(parsed.database).exists():
        raise LedgerRefused(
            f"there is no ledger at {parsed.database}; see what url [ledger] of the configuration names"
        )


def _file_of(url: str) -> Path:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LedgerRefused(
            "a ledger in PostgreSQL is backed up and restored with pg_dump and pg_restore; after that, run `callgate"
            " ledger restore` without a file"
        )
    return Path(parsed.database)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
